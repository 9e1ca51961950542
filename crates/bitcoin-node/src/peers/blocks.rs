//! Blocks: which is asked of whom, and what becomes of one that came.
//!
//! ```text
//!   last block in common ├── window: 1,024 blocks ─────────────────────┤ best block of the peer
//!        have · have · asked of A · asked of B · wanted · wanted …
//!                          └─ the window cannot move: A is stalling
//! ```
//!
//! **Spec:** Bitcoin Core, `FindNextBlocksToDownload`, `FindNextBlocks`, `NetMsgType::BLOCK`, `ChainstateManager::AcceptBlock`.

use bitcoin::BlockHash;
use quintet_bitcoin_protocol::{
    Block,
    header::{HeaderId, Validity, pow},
    p2p::{Inventory, Message},
    rules::find_mutation,
};

use super::{ConnectionKind, InFlight, PeerFlags, PeerId, headers::block_kind};
use crate::{
    chain::{AcceptError, ChainError},
    kernel::Kernel,
};
use quintet_bitcoin_protocol::header::HeaderError;

/// Blocks asked of one peer at a time.
///
/// **Spec:** Bitcoin Core, `MAX_BLOCKS_IN_TRANSIT_PER_PEER`.
pub(super) const IN_FLIGHT_MAX: usize = 16;

/// Blocks that may be asked for ahead of the last one in common.
///
/// **Spec:** Bitcoin Core, `BLOCK_DOWNLOAD_WINDOW`.
const WINDOW: u32 = 1_024;

/// Blocks a pruned peer has for certain, less two for those that come meanwhile.
const LIMITED_BLOCKS: u32 = 288 - 2;

/// Blocks above the tip from which on a block nobody asked for is not stored.
///
/// **Spec:** Bitcoin Core, `MIN_BLOCKS_TO_KEEP` in `AcceptBlock`.
const AHEAD_MAX: u32 = 288;

impl Kernel {
    /// Asks a peer for the next blocks. `from_peer`: blocks may be asked of it while catching up.
    pub(super) fn ask_blocks(&mut self, id: PeerId, from_peer: bool) {
        let catching_up = self.is_catching_up();
        let Some(peer) = self.peers.get(id) else { return };
        let allowed = from_peer && !peer.is_limited() || !catching_up;
        let room = IN_FLIGHT_MAX.saturating_sub(peer.sync.in_flight.len());
        if !peer.serves_blocks() || !allowed || room == 0 {
            return;
        }
        let now = self.clock.now();
        let (wanted, staller) = self.next_blocks(id, room);
        let Some(peer) = self.peers.get(id) else { return };
        let kind = block_kind(peer.serves_witnesses());
        if !wanted.is_empty() {
            let entries = wanted.iter().map(|(_, hash)| Inventory::block(kind, *hash)).collect();
            peer.send(&Message::GetData(entries));
        }
        for (header, hash) in wanted {
            let height = self.chain.headers().height(header);
            self.peers.note_request(id, InFlight { height, hash, partial: None }, now);
        }
        let idle = self.peers.get(id).is_some_and(|peer| peer.sync.in_flight.is_empty());
        if idle
            && let Some(staller) = staller.and_then(|staller| self.peers.get_mut(staller))
            && staller.sync.stalling_since.is_none()
        {
            staller.sync.stalling_since = Some(now);
            tracing::debug!(peer = staller.id, "stall started");
        }
    }

    /// Returns the next blocks to ask a peer for, at most `room`; or who keeps the window from moving.
    fn next_blocks(
        &mut self,
        id: PeerId,
        room: usize,
    ) -> (Vec<(HeaderId, BlockHash)>, Option<PeerId>) {
        let nothing = (Vec::new(), None);
        self.resolve_unknown(id);
        let (tree, tip) = (self.chain.headers(), self.chain.tip());
        let Some(peer) = self.peers.get_mut(id) else { return nothing };
        let Some(best) = peer.sync.best_known else { return nothing };
        if tree.work(best) < tree.work(tip) || tree.work(best) < self.params.minimum_chain_work {
            return nothing;
        }
        let fork = tree.last_common_ancestor(best, tip);
        let mut common = peer.sync.last_common.unwrap_or(fork);
        if tree.work(fork) > tree.work(common) || !tree.is_ancestor(common, best) {
            common = fork;
        }
        peer.sync.last_common = Some(common);
        if common == best {
            return nothing;
        }
        let (limited, witnesses) = (peer.is_limited(), peer.serves_witnesses());
        let top = tree.height(best);
        let end = tree.height(common).saturating_add(WINDOW);
        let (mut wanted, mut waiting_for) = (Vec::new(), None);
        for height in tree.height(common) + 1..=top.min(end.saturating_add(1)) {
            let Some(next) = tree.ancestor(best, height) else { break };
            let without_witnesses = !witnesses && height >= self.params.segwit_height;
            if tree.validity(next) != Validity::Valid || without_witnesses {
                break;
            }
            if self.chain.has_data(next).0 || self.chain.active().contains(tree, next) {
                if self.chain.is_complete(next) {
                    common = next;
                }
                continue;
            }
            let hash = tree.hash(next);
            if let Some(&asked) = self.peers.in_flight.get(&hash) {
                waiting_for.get_or_insert(asked);
                continue;
            }
            if height > end {
                let stalls = wanted.is_empty() && waiting_for != Some(id);
                let staller = waiting_for.filter(|_| stalls);
                self.note_common(id, common);
                return (wanted, staller);
            }
            if limited && top - height >= LIMITED_BLOCKS {
                continue;
            }
            wanted.push((next, hash));
            if wanted.len() == room {
                break;
            }
        }
        self.note_common(id, common);
        (wanted, None)
    }

    fn note_common(&mut self, id: PeerId, common: HeaderId) {
        if let Some(peer) = self.peers.get_mut(id) {
            peer.sync.last_common = Some(common);
        }
    }

    /// Deals with a block a peer sent.
    pub(super) fn block_came(&mut self, id: PeerId, block: Block) -> Result<(), ChainError> {
        let now = self.clock.now();
        let hash = block.hash();
        let parent = self.chain.headers().find(&block.header().prev_blockhash);
        let height = parent.map_or(0, |parent| self.chain.headers().height(parent) + 1);
        let segwit = height >= self.params.segwit_height;
        if let Some(mutation) = parent.and_then(|_| find_mutation(&block, segwit)) {
            tracing::debug!(peer = id, block = %hash, "Block mutated: {mutation}");
            self.peers.forget_request(&hash, Some(id), now);
            self.misbehaved(id, "mutated block");
            return Ok(());
        }
        let requested = self.peers.is_requested(&hash);
        self.peers.forget_request(&hash, Some(id), now);
        self.process_block(id, block, requested)
    }

    /// Takes in a block of a peer, if it was asked for or may be the next.
    pub(super) fn process_block(
        &mut self,
        id: PeerId,
        block: Block,
        requested: bool,
    ) -> Result<(), ChainError> {
        let now = self.clock.now();
        let hash = block.hash();
        if !requested && !self.is_welcome(&block) {
            // Its header is kept all the same, if its chain is worth memory.
            if self.is_worth_memory(&block)
                && let Err(error) = self.chain.accept_header(block.header(), now.as_secs())
            {
                self.punish_block(id, &hash, &error.into());
            }
            return Ok(());
        }
        self.sources.insert(hash, id);
        let is_new = self.chain.headers().find(&hash).is_none_or(|id| !self.chain.has_data(id).0);
        match self.take_block(block)? {
            Ok(_) => {
                if let Some(peer) = self.peers.get_mut(id).filter(|_| is_new) {
                    peer.last_block = now.as_secs();
                }
                // Whoever else was asked for it need not send it.
                self.peers.forget_request(&hash, None, now);
                self.block_progressed();
            }
            Err(error) => self.punish_block(id, &hash, &error),
        }
        self.chain_changed()
    }

    /// Returns whether a block nobody asked for is taken in.
    fn is_welcome(&self, block: &Block) -> bool {
        let tree = self.chain.headers();
        let Some(parent) = tree.find(&block.header().prev_blockhash) else {
            // Refused for that, and whoever sent it punished.
            return true;
        };
        let tip = self.chain.tip();
        let work = tree.work(parent).saturating_add(pow::work(block.header().bits));
        let known = tree.find(&block.hash()).is_some_and(|id| self.chain.has_data(id).0);
        !known
            && work >= tree.work(tip)
            && tree.height(parent) < self.chain.height() + AHEAD_MAX
            && work >= self.work_threshold()
    }

    /// Returns whether the chain up to a block shows enough work for its header to be kept.
    fn is_worth_memory(&self, block: &Block) -> bool {
        let (tree, hash) = (self.chain.headers(), block.hash());
        let Some(parent) = tree.find(&block.header().prev_blockhash) else { return false };
        let work = tree.work(parent).saturating_add(pow::work(block.header().bits));
        let enough = work >= self.work_threshold();
        if !enough && tree.find(&hash).is_none() {
            // Tools that drive Bitcoin Core look for these words.
            tracing::debug!(
                "AcceptBlockHeader: not adding new block header {hash}, missing anti-dos proof-of-work validation"
            );
        }
        enough
    }

    /// The window has moved: a stall was only a slow moment.
    ///
    /// **Spec:** Bitcoin Core, `m_block_stalling_timeout` in `BlockConnected`.
    fn block_progressed(&mut self) {
        let least = super::STALLING_FIRST;
        let timeout = self.peers.stalling_timeout;
        if timeout > least {
            self.peers.stalling_timeout = (timeout * 85 / 100).max(least);
        }
    }

    /// **Spec:** Bitcoin Core, `MaybePunishNodeForBlock`.
    fn punish_block(&mut self, id: PeerId, hash: &BlockHash, error: &AcceptError) {
        let inbound = self.peers.get(id).is_none_or(super::Peer::is_inbound);
        let spare = match error {
            AcceptError::Header(HeaderError::TimeTooNew { .. } | HeaderError::Full) => true,
            AcceptError::Header(HeaderError::KnownInvalid { .. }) => inbound,
            AcceptError::Header(_) | AcceptError::Block { .. } => false,
            AcceptError::Chain(_) => true,
        };
        let Some(reason) = error.reject_reason() else { return };
        // Tools that drive Bitcoin Core look for these words.
        let detail = match error {
            AcceptError::Block { source, .. } => source.debug_message(),
            other => other.to_string().into(),
        };
        tracing::info!(peer = id, "AcceptBlock FAILED ({reason}): {hash}, {reason}, {detail}");
        if !spare {
            self.misbehaved(id, &format!("block refused: {reason}"));
        }
    }

    /// Returns whether headers and blocks are to be had from a peer while catching up.
    pub(super) fn is_sync_peer(&self, id: PeerId) -> bool {
        let Some(peer) = self.peers.get(id) else { return false };
        peer.has(PeerFlags::PREFERRED)
            || peer.serves_blocks()
                && peer.kind != ConnectionKind::AddrFetch
                && (self.peers.preferred() == 0 || self.peers.in_flight.is_empty())
    }
}
