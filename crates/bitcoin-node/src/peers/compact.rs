//! Compact blocks from peers: put together out of the pool, and of what is missing.
//!
//! Blocks are asked for in this form when a peer announces a single new one (low bandwidth, BIP-0152); nobody is asked to send them unasked.
//!
//! **Spec:** BIP-0152; Bitcoin Core, `NetMsgType::CMPCTBLOCK`, `ProcessCompactBlockTxns`.

use bitcoin::BlockHash;
use bytes::Bytes;
use quintet_bitcoin_protocol::{
    Block,
    compact::{CompactBlock, CompactError, Reconstruction},
    header::{HeaderId, pow},
    p2p::{Inventory, Message},
    rules::is_block_mutated,
};

use super::{PeerFlags, PeerId, headers::block_kind};
use crate::{chain::ChainError, kernel::Kernel};

impl Kernel {
    /// Deals with a compact block a peer sent.
    pub(super) fn compact_came(
        &mut self,
        id: PeerId,
        compact: &CompactBlock,
    ) -> Result<(), ChainError> {
        let offered = self.peers.get(id).is_some_and(|peer| peer.has(PeerFlags::COMPACT));
        if self.options.blocks_only || !offered {
            return Ok(());
        }
        let (header, hash) = (compact.header(), compact.hash());
        let Some(parent) = self.chain.headers().find(&header.prev_blockhash) else {
            if !self.is_catching_up() {
                let best = self.chain.headers().best();
                let locator = self.chain.headers().locator(best);
                self.ask_headers(id, locator);
            }
            return Ok(());
        };
        let work = self.chain.headers().work(parent).saturating_add(pow::work(header.bits));
        if work < self.work_threshold() {
            return Ok(());
        }
        let now = self.now();
        let block = match self.chain.accept_header(&header, now) {
            Ok(block) => block,
            Err(error) => {
                self.misbehaved(id, &format!("invalid header via cmpctblock: {error}"));
                return Ok(());
            }
        };
        self.note_has(id, hash);
        if self.chain.has_data(block).0 {
            return Ok(());
        }
        if self.peers.in_flight.get(&hash) != Some(&id) {
            // Nobody asked this peer for it.
            return Ok(());
        }
        let tree = self.chain.headers();
        let useless = tree.work(block) <= tree.work(self.chain.tip())
            || tree.height(block) > self.chain.height() + 2;
        if useless {
            self.ask_whole(id, hash);
            return Ok(());
        }
        self.reconstruct(id, block, compact)
    }

    fn reconstruct(
        &mut self,
        id: PeerId,
        _block: HeaderId,
        compact: &CompactBlock,
    ) -> Result<(), ChainError> {
        let hash = compact.hash();
        let mut partial = match Reconstruction::new(compact) {
            Ok(partial) => partial,
            Err(CompactError::Collision { .. }) => {
                self.ask_whole(id, hash);
                return Ok(());
            }
            Err(_) => {
                let now = self.clock.now();
                self.peers.forget_request(&hash, Some(id), now);
                self.misbehaved(id, "invalid compact block");
                return Ok(());
            }
        };
        self.mempool.offer_to(&mut partial);
        let places: Vec<_> = partial.missing().collect();
        let complete = places.is_empty();
        let Some(peer) = self.peers.get_mut(id) else { return Ok(()) };
        let request = peer.sync.in_flight.iter_mut().find(|request| request.hash == hash);
        let Some(request) = request.filter(|request| request.partial.is_none()) else {
            // It is being put together already.
            return Ok(());
        };
        request.partial = Some(Box::new(partial));
        if complete {
            return self.block_transactions_came(id, hash, &[]);
        }
        peer.send(&Message::GetBlockTxn { block: hash, places });
        Ok(())
    }

    /// Asks for a block as a whole after all.
    fn ask_whole(&self, id: PeerId, hash: BlockHash) {
        if let Some(peer) = self.peers.get(id) {
            let entry = Inventory::block(block_kind(peer.serves_witnesses()), hash);
            peer.send(&Message::GetData(vec![entry]));
        }
    }

    /// Deals with the transactions that were missing.
    pub(super) fn block_transactions_came(
        &mut self,
        id: PeerId,
        hash: BlockHash,
        transactions: &[Bytes],
    ) -> Result<(), ChainError> {
        let now = self.clock.now();
        let Some(peer) = self.peers.get_mut(id) else { return Ok(()) };
        let request = peer.sync.in_flight.iter_mut().find(|request| request.hash == hash);
        let Some(partial) = request.and_then(|request| request.partial.take()) else {
            // Nobody asked for them.
            return Ok(());
        };
        let filled = partial.fill(transactions.iter().map(|transaction| &transaction[..]));
        let Ok(bytes) = filled else {
            self.peers.forget_request(&hash, Some(id), now);
            self.misbehaved(id, "invalid compact block/non-matching block transactions");
            return Ok(());
        };
        let whole = Block::decode(bytes).ok();
        let height = whole
            .as_ref()
            .and_then(|block| self.chain.headers().find(&block.header().prev_blockhash))
            .map_or(0, |parent| self.chain.headers().height(parent) + 1);
        let segwit = height >= self.params.segwit_height;
        match whole.filter(|block| !is_block_mutated(block, segwit)) {
            Some(block) => {
                self.peers.forget_request(&hash, Some(id), now);
                self.process_block(id, block, true)
            }
            // Short ids that met by chance, which is nobody's fault.
            None => {
                self.ask_whole(id, hash);
                Ok(())
            }
        }
    }
}
