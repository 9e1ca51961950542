//! Headers: which chains there are. Work is shown first; only then do headers take memory.
//!
//! ```text
//!   headers ──► proof of work, linked ──► low-work synchronisation under way? ──► presync
//!                                              │ no
//!                                              ▼
//!                    known parent? ──no──► ask from our best header
//!                                              │ yes
//!                                              ▼
//!                    enough work? ──no──► a full message begins presync, any other is passed over
//!                                              │ yes
//!                                              ▼
//!                    accept · ask for more · download at once if near the tip
//! ```
//!
//! **Spec:** Bitcoin Core, `ProcessHeadersMessage`, `TryLowWorkHeadersSync`, `HeadersDirectFetchBlocks`.

use std::time::Duration;

use bitcoin::{BlockHash, block::Header, hashes::Hash as _};
use quintet_bitcoin_protocol::{
    header::{
        CheckedHeader, HeaderError, HeaderId, Validity, pow,
        presync::{HeaderSync, Phase},
    },
    p2p::{HEADERS_MAX, Inventory, InventoryKind, Locator, Message},
};
use ruint::aliases::U256;

use super::{ConnectionKind, InFlight, PeerFlags, PeerId, blocks::IN_FLIGHT_MAX};
use crate::{chain::ChainError, kernel::Kernel};

/// Time after which an unanswered request for headers is repeated.
pub(super) const HEADERS_RESPONSE: Duration = Duration::from_secs(120);

/// Blocks of work below the tip from which on a chain is worth looking at.
const ANTI_DOS_BLOCKS: u32 = 144;

/// Peers whose lagging chain is borne with.
const PROTECTED_MAX: usize = 4;

/// How a peer's headers ended.
enum Refused {
    /// It is to be disconnected, unless it is one of those that may be wrong.
    Misbehaviour(String),
    /// It only concerns peers we dialled.
    KnownInvalid(String),
    /// It may come true later.
    Later,
}

impl From<HeaderError> for Refused {
    fn from(error: HeaderError) -> Self {
        let reason = error.reject_reason().into_owned();
        match error {
            HeaderError::KnownInvalid { .. } => Self::KnownInvalid(reason),
            HeaderError::TimeTooNew { .. } | HeaderError::Full => Self::Later,
            _ => Self::Misbehaviour(reason),
        }
    }
}

impl Kernel {
    /// Returns the work a chain must have to be worth memory.
    ///
    /// **Spec:** Bitcoin Core, `GetAntiDoSWorkThreshold`.
    pub(super) fn work_threshold(&self) -> U256 {
        let (tree, tip) = (self.chain.headers(), self.chain.tip());
        let near = pow::work(tree.bits(tip)).saturating_mul(U256::from(ANTI_DOS_BLOCKS));
        tree.work(tip).saturating_sub(near).max(self.params.minimum_chain_work)
    }

    /// Asks a peer for headers, unless it has yet to answer the last time; returns whether it was asked.
    ///
    /// **Spec:** Bitcoin Core, `MaybeSendGetHeaders`.
    pub(super) fn ask_headers(&mut self, id: PeerId, hashes: Vec<BlockHash>) -> bool {
        let now = self.clock.now();
        let Some(peer) = self.peers.get_mut(id) else { return false };
        let waiting = peer.sync.asked_headers.is_some_and(|at| now < at + HEADERS_RESPONSE);
        if waiting {
            return false;
        }
        let locator = Locator { hashes, stop: BlockHash::all_zeros() };
        peer.send(&Message::GetHeaders(locator));
        peer.sync.asked_headers = Some(now);
        true
    }

    /// Deals with headers of a peer.
    pub(super) fn headers_came(
        &mut self,
        id: PeerId,
        headers: &[Header],
        via_compact: bool,
    ) -> Result<(), ChainError> {
        let Some(peer) = self.peers.get_mut(id) else { return Ok(()) };
        let full = headers.len() == HEADERS_MAX;
        if headers.is_empty() {
            peer.sync.low_work = None;
            peer.sync.asked_headers = None;
            return Ok(());
        }
        let checked = match CheckedHeader::chain(headers, &self.params) {
            Ok(checked) => checked,
            Err(error) => {
                let why = match error {
                    HeaderError::HighHash { .. } => "header with invalid proof of work".to_owned(),
                    other => other.reject_reason().into_owned(),
                };
                self.misbehaved(id, &why);
                return Ok(());
            }
        };
        let Some((checked, shown)) = self.continue_low_work(id, checked, full) else {
            return Ok(());
        };
        let in_sync = self.peers.get(id).is_some_and(|peer| peer.sync.low_work.is_some());
        let (Some(first), Some(last)) = (checked.first(), checked.last()) else { return Ok(()) };
        let Some(parent) = self.chain.headers().find(&first.header().prev_blockhash) else {
            let best = self.chain.headers().best();
            let locator = self.chain.headers().locator(best);
            self.ask_headers(id, locator);
            self.note_has(id, last.hash());
            return Ok(());
        };
        if let Some(peer) = self.peers.get_mut(id) {
            peer.sync.asked_headers = None;
        }
        if !shown
            && !self.is_known_good(&last.hash())
            && self.is_low_work(id, parent, &checked, full)
        {
            return Ok(());
        }
        let last = last.hash();
        let is_new = self.chain.headers().find(&last).is_none();
        if let Err(refused) = self.accept_headers(&checked) {
            self.punish_headers(id, refused, via_compact);
            return Ok(());
        }
        let Some(last) = self.chain.headers().find(&last) else { return Ok(()) };
        if full && !in_sync {
            let locator = self.chain.headers().locator(last);
            self.ask_headers(id, locator);
        }
        self.note_headers(id, last, is_new, full);
        self.fetch_directly(id, last);
        Ok(())
    }

    /// Hands headers to the synchronisation under way; returns those to be accepted and whether their work was shown. `None`: nothing is left to do.
    ///
    /// **Spec:** Bitcoin Core, `IsContinuationOfLowWorkHeadersSync`.
    fn continue_low_work(
        &mut self,
        id: PeerId,
        checked: Vec<CheckedHeader>,
        full: bool,
    ) -> Option<(Vec<CheckedHeader>, bool)> {
        let peer = self.peers.get_mut(id)?;
        let Some(sync) = peer.sync.low_work.as_mut() else { return Some((checked, false)) };
        let processed = sync.process(&checked, full);
        let locator = sync.locator();
        if sync.phase() == Phase::Done {
            peer.sync.low_work = None;
        }
        match processed {
            Err(error) => {
                tracing::debug!(peer = id, %error, "headers given up");
                Some((checked, false))
            }
            Ok(progress) => {
                peer.sync.asked_headers = None;
                if progress.request_more {
                    self.ask_headers(id, locator);
                }
                (!progress.ready.is_empty()).then_some((progress.ready, true))
            }
        }
    }

    /// Returns whether a header is on the way to the best one, or to the tip.
    fn is_known_good(&self, hash: &BlockHash) -> bool {
        let tree = self.chain.headers();
        let Some(id) = tree.find(hash) else { return false };
        tree.is_ancestor(id, tree.best()) || self.chain.active().contains(tree, id)
    }

    /// Returns whether headers show too little work to be accepted; a full message of them begins a synchronisation.
    fn is_low_work(
        &mut self,
        id: PeerId,
        parent: HeaderId,
        checked: &[CheckedHeader],
        full: bool,
    ) -> bool {
        let threshold = self.work_threshold();
        let tree = self.chain.headers();
        let claimed = checked.iter().map(|next| pow::work(next.header().bits));
        let total = claimed.fold(tree.work(parent), U256::saturating_add);
        if total >= threshold {
            return false;
        }
        if !full {
            tracing::debug!(peer = id, "a chain with little work is passed over");
            return true;
        }
        let sync = HeaderSync::new(tree, parent, threshold, &self.presync_secret, self.now());
        if let Some(peer) = self.peers.get_mut(id) {
            peer.sync.low_work = Some(sync);
        }
        // The first message cannot complete it.
        drop(self.continue_low_work(id, checked.to_vec(), full));
        true
    }

    fn accept_headers(&mut self, checked: &[CheckedHeader]) -> Result<(), Refused> {
        let now = self.now();
        for next in checked {
            self.chain.accept_header(next.header(), now)?;
        }
        Ok(())
    }

    /// **Spec:** Bitcoin Core, `MaybePunishNodeForBlock`.
    fn punish_headers(&mut self, id: PeerId, refused: Refused, via_compact: bool) {
        let inbound = self.peers.get(id).is_none_or(super::Peer::is_inbound);
        match refused {
            Refused::Misbehaviour(reason) => {
                self.misbehaved(id, &format!("invalid header received: {reason}"));
            }
            Refused::KnownInvalid(reason) if !inbound && !via_compact => {
                self.misbehaved(id, &format!("invalid header received: {reason}"));
            }
            Refused::KnownInvalid(_) | Refused::Later => {}
        }
    }

    /// Notes the best block a peer has.
    ///
    /// **Spec:** Bitcoin Core, `UpdateBlockAvailability`, `ProcessBlockAvailability`.
    pub(super) fn note_has(&mut self, id: PeerId, hash: BlockHash) {
        self.resolve_unknown(id);
        let found = self.chain.headers().find(&hash);
        let Some(peer) = self.peers.get_mut(id) else { return };
        let Some(found) = found else {
            peer.sync.last_unknown = Some(hash);
            return;
        };
        let tree = self.chain.headers();
        let better = peer.sync.best_known.is_none_or(|best| tree.work(found) >= tree.work(best));
        if better {
            peer.sync.best_known = Some(found);
        }
    }

    pub(super) fn resolve_unknown(&mut self, id: PeerId) {
        let tree = self.chain.headers();
        let Some(peer) = self.peers.get_mut(id) else { return };
        let Some(found) = peer.sync.last_unknown.and_then(|hash| tree.find(&hash)) else { return };
        peer.sync.last_unknown = None;
        if peer.sync.best_known.is_none_or(|best| tree.work(found) >= tree.work(best)) {
            peer.sync.best_known = Some(found);
        }
    }

    /// **Spec:** Bitcoin Core, `UpdatePeerStateForReceivedHeaders`.
    fn note_headers(&mut self, id: PeerId, last: HeaderId, _is_new: bool, may_have_more: bool) {
        let hash = self.chain.headers().hash(last);
        self.note_has(id, hash);
        let catching_up = self.is_catching_up();
        let protected = self.peers.iter().filter(|peer| peer.has(PeerFlags::PROTECTED)).count();
        let (tree, tip) = (self.chain.headers(), self.chain.tip());
        let Some(peer) = self.peers.get_mut(id) else { return };
        let Some(best) = peer.sync.best_known else { return };
        if catching_up
            && !may_have_more
            && tree.work(best) < self.params.minimum_chain_work
            && peer.kind.is_replaceable()
        {
            peer.disconnect("outbound peer headers chain has insufficient work");
        }
        if peer.kind == ConnectionKind::OutboundFullRelay
            && protected < PROTECTED_MAX
            && tree.work(best) >= tree.work(tip)
        {
            peer.flags.insert(PeerFlags::PROTECTED);
        }
    }

    /// Returns whether the tip is so recent that single blocks are worth asking for.
    ///
    /// **Spec:** Bitcoin Core, `CanDirectFetch`.
    pub(super) fn can_fetch_directly(&self) -> bool {
        let time = u64::from(self.chain.headers().time(self.chain.tip()));
        time + 20 * u64::from(self.params.pow_target_spacing) > self.now()
    }

    /// Asks a peer for the blocks up to `last` at once, if they are few.
    fn fetch_directly(&mut self, id: PeerId, last: HeaderId) {
        let now = self.clock.now();
        let (tree, tip) = (self.chain.headers(), self.chain.tip());
        if !self.can_fetch_directly()
            || tree.validity(last) != Validity::Valid
            || tree.work(tip) > tree.work(last)
        {
            return;
        }
        let Some(peer) = self.peers.get(id) else { return };
        let mut walk = last;
        let mut wanted = Vec::new();
        while !self.chain.active().contains(tree, walk) && wanted.len() <= IN_FLIGHT_MAX {
            let hash = tree.hash(walk);
            let witnesses = tree.height(walk) >= self.params.segwit_height;
            if !self.chain.has_data(walk).0
                && !self.peers.is_requested(&hash)
                && (!witnesses || peer.serves_witnesses())
            {
                wanted.push((walk, hash));
            }
            walk = tree.parent(walk).unwrap_or(HeaderId::GENESIS);
        }
        if !self.chain.active().contains(tree, walk) {
            return;
        }
        let room = IN_FLIGHT_MAX.saturating_sub(peer.sync.in_flight.len());
        let wanted: Vec<_> = wanted.into_iter().rev().take(room).collect();
        let parent_valid = tree.parent(last).is_some_and(|parent| {
            self.chain.active().contains(tree, parent) || self.chain.has_data(parent).1
        });
        let kind = block_kind(peer.serves_witnesses());
        let compact = !self.options.blocks_only
            && peer.has(PeerFlags::COMPACT)
            && wanted.len() == 1
            && self.peers.in_flight.is_empty()
            && parent_valid;
        let kind = if compact { InventoryKind::CompactBlock } else { kind };
        let entries: Vec<_> =
            wanted.iter().map(|(_, hash)| Inventory::block(kind, *hash)).collect();
        if entries.is_empty() {
            return;
        }
        peer.send(&Message::GetData(entries));
        let wanted: Vec<_> =
            wanted.into_iter().map(|(header, hash)| (tree.height(header), hash)).collect();
        for (height, hash) in wanted {
            self.peers.note_request(id, InFlight { height, hash, partial: None }, now);
        }
    }
}

/// Returns how blocks are asked for of a peer that has witnesses, or has not.
pub(super) const fn block_kind(witnesses: bool) -> InventoryKind {
    if witnesses { InventoryKind::WitnessBlock } else { InventoryKind::Block }
}
