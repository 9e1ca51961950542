//! What others ask for: headers, names of blocks, blocks and transactions.
//!
//! **Spec:** Bitcoin Core, `ProcessGetData`, `ProcessGetBlockData`, `BlockRequestAllowed`, `SendBlockTransactions`.

use bitcoin::{BlockHash, hashes::Hash as _};
use bytes::Bytes;
use quintet_bitcoin_protocol::{
    Block, Transaction,
    block::encode_header,
    compact::{CompactBlock, SHORT_ID_BYTES, ShortIdKey},
    encode::put_size,
    header::{HeaderId, Validity},
    p2p::{
        GETBLOCKS_ANSWER_MAX, HEADERS_MAX, Inventory, InventoryKind, LOCATOR_MAX, Locator, Message,
        Services,
    },
};
use rand::RngExt as _;

use super::{Peer, PeerFlags, PeerId, Permissions};
use crate::{
    chain::{ChainError, Pruning},
    kernel::Kernel,
    storage::{BlockStatus, KEEP_BLOCKS},
};

/// Age beyond which a block that is not in the chain is told nobody, seconds: it would tell who we are.
const STALE_SECONDS: i64 = 30 * 24 * 60 * 60;

/// Depth to which blocks are sent in compact form, blocks.
const COMPACT_DEPTH: u32 = 5;
/// Depth to which single transactions of blocks are sent, blocks.
const BLOCKTXN_DEPTH: u32 = 10;
/// Depth from which on a node that keeps the last blocks alone is asked in vain, and two for blocks that come meanwhile.
///
/// **Spec:** BIP-0159; Bitcoin Core, `NODE_NETWORK_LIMITED_MIN_BLOCKS`.
const LIMITED_DEPTH: u32 = 288 + 2;

impl Kernel {
    /// Answers `getheaders`.
    pub(super) fn serve_headers(&mut self, id: PeerId, locator: &Locator) {
        let Some(peer) = self.peers.get(id) else { return };
        if locator.hashes.len() > LOCATOR_MAX {
            let size = locator.hashes.len();
            peer.disconnect(&format!("getheaders locator size {size} > {LOCATOR_MAX}"));
            return;
        }
        let (tree, active) = (self.chain.headers(), self.chain.active());
        let shown = tree.work(self.chain.tip()) >= self.params.minimum_chain_work;
        if !shown && !peer.may(Permissions::DOWNLOAD) {
            tracing::debug!(
                "Ignoring getheaders from peer={id} because active chain has too little work; sending empty response"
            );
            peer.send(&Message::Headers(Vec::new()));
            return;
        }
        let mut headers = Vec::new();
        let mut last = self.chain.tip();
        if locator.hashes.is_empty() {
            let Some(wanted) = tree.find(&locator.stop).filter(|id| self.may_be_told(*id)) else {
                return;
            };
            headers.push(tree.header(wanted));
            last = wanted;
            if active.contains(tree, wanted) {
                self.headers_from(tree.height(wanted) + 1, locator.stop, &mut headers, &mut last);
            }
        } else {
            let fork = active.find_fork(tree, &locator.hashes);
            self.headers_from(tree.height(fork) + 1, locator.stop, &mut headers, &mut last);
        }
        peer.send(&Message::Headers(headers));
        if let Some(peer) = self.peers.get_mut(id) {
            peer.sync.best_sent = Some(last);
        }
    }

    fn headers_from(
        &self,
        height: u32,
        stop: BlockHash,
        headers: &mut Vec<bitcoin::block::Header>,
        last: &mut HeaderId,
    ) {
        let tree = self.chain.headers();
        if headers.iter().any(|header| header.block_hash() == stop) {
            return;
        }
        for &next in self.chain.active().from(height) {
            if headers.len() >= HEADERS_MAX {
                return;
            }
            headers.push(tree.header(next));
            *last = next;
            if tree.hash(next) == stop {
                return;
            }
        }
    }

    /// Answers `getblocks`.
    pub(super) fn serve_names(&mut self, id: PeerId, locator: &Locator) {
        let size = locator.hashes.len();
        let Some(peer) = self.peers.get_mut(id) else { return };
        if size > LOCATOR_MAX {
            peer.disconnect(&format!("getblocks locator size {size} > {LOCATOR_MAX}"));
            return;
        }
        let kept_from = self.likely_kept_from();
        let Some(peer) = self.peers.get_mut(id) else { return };
        let (tree, active) = (self.chain.headers(), self.chain.active());
        let fork = active.find_fork(tree, &locator.hashes);
        for &next in active.from(tree.height(fork) + 1).iter().take(GETBLOCKS_ANSWER_MAX) {
            let hash = tree.hash(next);
            if hash == locator.stop || tree.height(next) < kept_from || !self.chain.has_data(next).0
            {
                return;
            }
            peer.to_name.push(hash);
        }
        if peer.to_name.len() >= GETBLOCKS_ANSWER_MAX {
            peer.continuation = peer.to_name.last().copied();
        }
    }

    /// Returns whether others may know that we have a block.
    fn may_be_told(&self, id: HeaderId) -> bool {
        let tree = self.chain.headers();
        if self.chain.active().contains(tree, id) {
            return true;
        }
        let best = tree.best();
        tree.validity(id) == Validity::Valid
            && self.chain.status(id).contains(BlockStatus::VALID_SCRIPTS)
            && i64::from(tree.time(best)) - i64::from(tree.time(id)) < STALE_SECONDS
            && tree.equivalent_time(best, id, best) < STALE_SECONDS
    }

    /// Sends what a peer asked for, as far as it takes it: transactions first come, one block at a time.
    pub(crate) fn serve_wanted(&mut self, id: PeerId) -> Result<(), ChainError> {
        let mut missing = Vec::new();
        while let Some(peer) = self.peers.get_mut(id) {
            if peer.outbox.is_full() || peer.outbox.is_closing() {
                break;
            }
            let Some(entry) = peer.wanted.pop_front() else { break };
            if entry.kind.is_transaction() {
                // Whoever wants none announced is sent none, and is not told that there is none.
                if !peer.has(PeerFlags::RELAYS) {
                    continue;
                }
                if !self.serve_transaction(id, entry) {
                    missing.push(entry);
                }
            } else if entry.kind.is_block() {
                self.serve_block(id, entry)?;
            }
        }
        if !missing.is_empty()
            && let Some(peer) = self.peers.get(id)
        {
            peer.send(&Message::NotFound(missing));
        }
        Ok(())
    }

    /// Sends a transaction of the pool; returns whether it is there.
    fn serve_transaction(&self, id: PeerId, entry: Inventory) -> bool {
        let Some(peer) = self.peers.get(id) else { return true };
        let Some(bytes) = self.mempool.find_inventory(&entry) else { return false };
        if let Ok(transaction) = Transaction::decode(bytes) {
            let plain = entry.kind == InventoryKind::Tx && transaction.view().has_witness();
            let transaction = if plain {
                Transaction::decode_plain(without_witness(&transaction)).unwrap_or(transaction)
            } else {
                transaction
            };
            peer.send(&Message::Tx(transaction));
        }
        true
    }

    fn serve_block(&mut self, id: PeerId, entry: Inventory) -> Result<(), ChainError> {
        let Some(peer) = self.peers.get(id) else { return Ok(()) };
        if entry.kind == InventoryKind::FilteredBlock {
            peer.disconnect("filtered block request received when NODE_BLOOM service disabled");
            return Ok(());
        }
        let hash = entry.block_hash();
        let found = self.chain.headers().find(&hash);
        let Some(wanted) = found.filter(|&id| self.may_be_told(id)) else { return Ok(()) };
        if self.is_beyond_promise(peer, wanted) {
            // Who waits for it should rather ask somebody else.
            peer.disconnect("Ignore block request below NODE_NETWORK_LIMITED threshold");
            return Ok(());
        }
        if !self.chain.has_data(wanted).0 {
            return Ok(());
        }
        let block = self.chain.read_block(wanted)?;
        let height = self.chain.headers().height(wanted);
        let recent = self.can_fetch_directly() && height + COMPACT_DEPTH >= self.chain.height();
        let message = match entry.kind {
            InventoryKind::Block => Message::Block(plain_block(block)),
            InventoryKind::CompactBlock if recent => {
                let nonce = self.rng.random();
                match compact(&block, nonce) {
                    Some(compact) => Message::CmpctBlock(compact),
                    None => Message::Block(block),
                }
            }
            _ => Message::Block(block),
        };
        let tip = self.chain.tip_hash();
        let Some(peer) = self.peers.get_mut(id) else { return Ok(()) };
        peer.send(&message);
        if peer.continuation == Some(hash) {
            peer.continuation = None;
            peer.send(&Message::Inv(vec![Inventory::block(InventoryKind::Block, tip)]));
        }
        Ok(())
    }

    /// Returns whether a block lies deeper than what a pruned node promises to have: whether it is there tells how much we keep.
    fn is_beyond_promise(&self, peer: &Peer, block: HeaderId) -> bool {
        let depth = self.chain.height().saturating_sub(self.chain.headers().height(block));
        !self.peers.services.contains(Services::NETWORK)
            && depth > LIMITED_DEPTH
            && !peer.may(Permissions::NO_BAN)
    }

    /// Returns the height below which blocks may be gone before they are asked for.
    ///
    /// **Spec:** Bitcoin Core, `NetMsgType::GETBLOCKS`.
    fn likely_kept_from(&self) -> u32 {
        if self.chain.pruning() == Pruning::Off {
            return 0;
        }
        let hour = 3_600 / self.params.pow_target_spacing.max(1);
        (self.chain.height() + 1).saturating_sub(KEEP_BLOCKS.saturating_sub(hour))
    }

    /// Answers `getblocktxn`.
    pub(super) fn serve_block_transactions(
        &mut self,
        id: PeerId,
        hash: BlockHash,
        places: &[usize],
    ) -> Result<(), ChainError> {
        let Some(peer) = self.peers.get_mut(id) else { return Ok(()) };
        if places.is_empty() {
            peer.disconnect("getblocktxn received with no transaction indexes");
            return Ok(());
        }
        let found = self.chain.headers().find(&hash);
        let Some(wanted) = found.filter(|&id| self.chain.has_data(id).0) else { return Ok(()) };
        if self.chain.headers().height(wanted) + BLOCKTXN_DEPTH < self.chain.height() {
            peer.wanted.push_back(Inventory::block(InventoryKind::WitnessBlock, hash));
            return self.serve_wanted(id);
        }
        let block = self.chain.read_block(wanted)?;
        let find = |&place: &usize| block.transactions().get(place);
        let chosen: Option<Vec<_>> = places.iter().map(find).collect();
        let Some(chosen) = chosen else {
            self.misbehaved(id, "getblocktxn with out-of-bounds tx indices");
            return Ok(());
        };
        let transactions =
            chosen.into_iter().map(|tx| Bytes::copy_from_slice(tx.bytes())).collect();
        if let Some(peer) = self.peers.get(id) {
            peer.send(&Message::BlockTxn { block: hash, transactions });
        }
        Ok(())
    }
}

/// Serialises a transaction without its witnesses.
pub(crate) fn without_witness(transaction: &Transaction) -> Vec<u8> {
    let tx = transaction.view();
    let mut out = Vec::with_capacity(tx.base_size());
    out.extend_from_slice(&tx.version().to_le_bytes());
    out.extend_from_slice(tx.body());
    out.extend_from_slice(&tx.lock_time().to_le_bytes());
    out
}

/// Serialises a block without its witnesses.
fn plain_block(block: Block) -> Block {
    if block.transactions().iter().all(|tx| !tx.has_witness()) {
        return block;
    }
    let mut out = encode_header(block.header()).to_vec();
    put_size(&mut out, block.transactions().len() as u64);
    for tx in block.transactions().iter() {
        out.extend_from_slice(&tx.version().to_le_bytes());
        out.extend_from_slice(tx.body());
        out.extend_from_slice(&tx.lock_time().to_le_bytes());
    }
    Block::decode(out).unwrap_or(block)
}

/// Makes a compact block: the coinbase whole, everything else by its short id.
pub(super) fn compact(block: &Block, nonce: u64) -> Option<CompactBlock> {
    let header = encode_header(block.header());
    let key = ShortIdKey::new(&header, nonce);
    let mut out = header.to_vec();
    out.extend_from_slice(&nonce.to_le_bytes());
    put_size(&mut out, block.transactions().len().saturating_sub(1) as u64);
    for tx in block.transactions().iter().skip(1) {
        out.extend_from_slice(&key.short_id(&tx.wtxid()).to_le_bytes()[..SHORT_ID_BYTES]);
    }
    out.extend_from_slice(&[1, 0]);
    out.extend_from_slice(block.transactions().get(0)?.bytes());
    debug_assert_ne!(block.hash(), BlockHash::all_zeros(), "a block has a hash");
    CompactBlock::decode(out).ok()
}
