//! What a peer is told unasked: announcements, pings, and where to send headers.
//!
//! **Spec:** Bitcoin Core, `PeerManagerImpl::SendMessages`, `MaybeSendPing`, `MaybeSendSendHeaders`.

use std::time::Duration;

use bitcoin::BlockHash;
use quintet_bitcoin_protocol::{
    header::HeaderId,
    p2p::{Inventory, InventoryKind, Message, PONG_VERSION, SENDHEADERS_VERSION},
};
use rand::RngExt as _;

use super::{PeerFlags, PeerId, serve::compact};
use crate::{
    chain::ChainError,
    kernel::{ANNOUNCED_MAX, Kernel},
};

/// Time between two pings.
const PING_EVERY: Duration = Duration::from_secs(120);
/// Age of the best header up to which headers are asked of every peer, seconds.
const RECENT: u64 = 24 * 60 * 60;
/// Time a peer has for all headers, and for each that is expected.
const HEADERS_BASE: Duration = Duration::from_secs(15 * 60);
const HEADERS_EACH: Duration = Duration::from_millis(1);

impl Kernel {
    /// Does for every peer what is due.
    pub(crate) fn attend_all(&mut self) -> Result<(), ChainError> {
        for id in self.peers.ids() {
            self.attend(id)?;
        }
        Ok(())
    }

    /// Does for a peer what is due.
    pub(crate) fn attend(&mut self, id: PeerId) -> Result<(), ChainError> {
        if !self.check_handshake(id) {
            return Ok(());
        }
        self.ping_if_due(id);
        self.say_sendheaders(id);
        let sync_peer = self.is_sync_peer(id);
        self.start_headers(id, sync_peer);
        self.announce(id)?;
        self.announce_transactions(id);
        if !self.check_download(id) {
            return Ok(());
        }
        self.consider_eviction(id);
        self.ask_blocks(id, sync_peer);
        self.ask_transactions(id);
        self.say_fee_filter(id);
        self.serve_wanted(id)
    }

    fn ping_if_due(&mut self, id: PeerId) {
        let (now, nonce) = (self.clock.now(), self.rng.random_range(1..=u64::MAX));
        let Some(peer) = self.peers.get_mut(id) else { return };
        let due = peer.ping.nonce.is_none()
            && peer.ping.since.is_none_or(|since| now > since + PING_EVERY);
        if !due && !peer.has(PeerFlags::PING_QUEUED) {
            return;
        }
        peer.flags.remove(PeerFlags::PING_QUEUED);
        peer.ping.since = Some(now);
        let answered = peer.version() > PONG_VERSION;
        peer.ping.nonce = answered.then_some(nonce);
        peer.send(&Message::Ping(peer.ping.nonce));
    }

    fn say_sendheaders(&mut self, id: PeerId) {
        let tree = self.chain.headers();
        let Some(peer) = self.peers.get_mut(id) else { return };
        let shown = peer
            .sync
            .best_known
            .is_some_and(|best| tree.work(best) > self.params.minimum_chain_work);
        if shown && !peer.has(PeerFlags::SENT_SENDHEADERS) && peer.version() >= SENDHEADERS_VERSION
        {
            peer.send(&Message::SendHeaders);
            peer.flags.insert(PeerFlags::SENT_SENDHEADERS);
        }
    }

    /// Begins to synchronise headers: with one peer, or with each once we are close to today.
    fn start_headers(&mut self, id: PeerId, sync_peer: bool) {
        let (now, unix) = (self.clock.now(), self.now());
        let tree = self.chain.headers();
        let best = tree.best();
        let time = u64::from(tree.time(best));
        let Some(peer) = self.peers.get(id) else { return };
        if peer.has(PeerFlags::SYNC_STARTED) || !peer.serves_blocks() {
            return;
        }
        let recent = time + RECENT > unix;
        let only_one = self.peers.syncing() == 0 && sync_peer;
        if !recent && !only_one {
            return;
        }
        let locator = tree.locator(tree.parent(best).unwrap_or(best));
        let spacing = u64::from(self.params.pow_target_spacing.max(1));
        let expected = u32::try_from(unix.saturating_sub(time) / spacing).unwrap_or(u32::MAX);
        if !self.ask_headers(id, locator) {
            return;
        }
        if let Some(peer) = self.peers.get_mut(id) {
            peer.flags.insert(PeerFlags::SYNC_STARTED);
            let each = HEADERS_EACH.saturating_mul(expected);
            peer.sync.headers_deadline = Some(now + HEADERS_BASE + each);
        }
    }

    /// Queues new blocks for every peer.
    pub(crate) fn announce_blocks(&mut self, new: &[BlockHash]) {
        for peer in self.peers.iter_mut().filter(|peer| peer.is_open()) {
            peer.to_announce.extend_from_slice(new);
        }
    }

    /// Returns whether a peer has a header, as far as is known.
    ///
    /// **Spec:** Bitcoin Core, `PeerHasHeader`.
    fn has_header(&self, id: PeerId, header: HeaderId) -> bool {
        let tree = self.chain.headers();
        let Some(peer) = self.peers.get(id) else { return false };
        [peer.sync.best_known, peer.sync.best_sent]
            .into_iter()
            .flatten()
            .any(|known| tree.is_ancestor(header, known))
    }

    /// Announces new blocks: their headers, or a compact block, or the name of the last.
    fn announce(&mut self, id: PeerId) -> Result<(), ChainError> {
        self.resolve_unknown(id);
        let Some(peer) = self.peers.get_mut(id) else { return Ok(()) };
        let queued = std::mem::take(&mut peer.to_announce);
        let named = std::mem::take(&mut peer.to_name);
        let prefers = peer.has(PeerFlags::PREFERS_HEADERS);
        let wants_compact = peer.has(PeerFlags::WANTS_COMPACT);
        let mut names: Vec<_> =
            named.into_iter().map(|hash| Inventory::block(InventoryKind::Block, hash)).collect();
        if let Some(&last) = queued.last() {
            let by_headers =
                queued.len() <= ANNOUNCED_MAX && (prefers || wants_compact && queued.len() == 1);
            let chain = if by_headers { self.headers_to_announce(id, &queued) } else { None };
            let mut told = false;
            if let Some(chain) = chain {
                told = self.announce_headers(id, &chain, prefers, wants_compact)?;
            }
            let known =
                self.chain.headers().find(&last).is_some_and(|id_| self.has_header(id, id_));
            if !told && !known {
                names.push(Inventory::block(InventoryKind::Block, last));
            }
        }
        if !names.is_empty()
            && let Some(peer) = self.peers.get(id)
        {
            peer.send(&Message::Inv(names));
        }
        Ok(())
    }

    /// Returns the queued headers the peer lacks, if they connect to what it has.
    fn headers_to_announce(&self, id: PeerId, queued: &[BlockHash]) -> Option<Vec<HeaderId>> {
        let (tree, active) = (self.chain.headers(), self.chain.active());
        let mut chain: Vec<HeaderId> = Vec::new();
        let mut before = None;
        for hash in queued {
            let next = tree.find(hash)?;
            let parent = tree.parent(next);
            if !active.contains(tree, next) || before.is_some() && before != parent {
                return None;
            }
            before = Some(next);
            if !chain.is_empty() {
                chain.push(next);
            } else if self.has_header(id, next) {
                continue;
            } else if parent.is_none_or(|parent| self.has_header(id, parent)) {
                chain.push(next);
            } else {
                return None;
            }
        }
        Some(chain)
    }

    /// Sends headers, or one block in compact form; returns whether the peer now knows.
    fn announce_headers(
        &mut self,
        id: PeerId,
        chain: &[HeaderId],
        prefers: bool,
        wants_compact: bool,
    ) -> Result<bool, ChainError> {
        let Some(&last) = chain.last() else { return Ok(true) };
        let compacted = if wants_compact && chain.len() == 1 {
            let block = self.chain.read_block(last)?;
            compact(&block, self.rng.random())
        } else {
            None
        };
        let tree = self.chain.headers();
        let message = match compacted {
            Some(compact) => Message::CmpctBlock(compact),
            None if prefers => {
                Message::Headers(chain.iter().map(|&next| tree.header(next)).collect())
            }
            None => return Ok(false),
        };
        if let Some(peer) = self.peers.get_mut(id) {
            peer.send(&message);
            peer.sync.best_sent = Some(last);
        }
        Ok(true)
    }
}
