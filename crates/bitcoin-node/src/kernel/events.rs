//! What follows from a change of the chain: the pool, announcements, verdicts on blocks, and those who wait for the tip.
//!
//! **Spec:** Bitcoin Core, `PeerManagerImpl::UpdatedBlockTip`, `BlockConnected`, `BlockDisconnected`, `BlockChecked`.

use std::sync::Arc;

use bitcoin::BlockHash;
use quintet_bitcoin_protocol::Block;

use super::{Kernel, Tip};
use crate::chain::{AcceptError, Accepted, ChainError, ChainEvent};

/// Verdicts that are kept for whoever submitted the block, blocks.
const VERDICTS_MAX: usize = 1_000;

/// Blocks whose senders are remembered while they wait for a verdict, blocks.
const SOURCES_MAX: usize = 4_096;

/// Hashes of a reorganisation that are announced one by one, blocks; of a longer one the tip alone.
///
/// **Spec:** Bitcoin Core, `MAX_BLOCKS_TO_ANNOUNCE`.
pub(crate) const ANNOUNCED_MAX: usize = 8;

impl Kernel {
    /// Waits for the verdict on every connected block, sees to it that they stay, and tells whom it concerns.
    pub(crate) fn settle(&mut self) -> Result<(), ChainError> {
        self.chain.settle()?;
        self.chain.write_out()?;
        self.chain_changed()?;
        // Only now is it known that what is connected passes: until then its sender may have to answer for it.
        let (tree, active) = (self.chain.headers(), self.chain.active());
        let outstanding =
            |hash: &BlockHash| !tree.find(hash).is_some_and(|id| active.contains(tree, id));
        self.sources.retain(|hash, _| outstanding(hash));
        if self.sources.len() > SOURCES_MAX {
            self.sources.clear();
        }
        Ok(())
    }

    /// Takes in a block and settles.
    pub(crate) fn take_block(
        &mut self,
        block: Block,
    ) -> Result<Result<Accepted, AcceptError>, ChainError> {
        let now = self.now();
        let accepted = match self.chain.accept_block(block, now) {
            Err(AcceptError::Chain(error)) => return Err(error),
            accepted => accepted,
        };
        Ok(accepted)
    }

    /// Follows what happened to the chain.
    pub(crate) fn chain_changed(&mut self) -> Result<(), ChainError> {
        for refused in self.chain.take_refused() {
            let reason = refused.error.reject_reason().into_owned();
            if let Some(peer) = self.sources.remove(&refused.hash) {
                self.misbehaved(peer, &format!("block refused: {reason}"));
            }
            self.remember_verdict(refused.hash, reason);
        }
        let events = self.chain.take_events();
        if events.is_empty() {
            return Ok(());
        }
        self.follow_into_mempool(&events)?;
        self.chain.prune_if_full()?;
        let hash = self.chain.tip_hash();
        let tip = Tip { hash, height: self.chain.height() };
        let before = self.tip.send_replace(tip);
        if before != tip {
            tracing::info!(height = tip.height, hash = %tip.hash, "new tip");
            if !self.is_catching_up() {
                let new = self.new_blocks(&events);
                self.announce_blocks(&new);
            }
        }
        Ok(())
    }

    /// Keeps why a block was refused.
    pub(crate) fn remember_verdict(&mut self, hash: BlockHash, reason: String) {
        if self.verdicts.len() >= VERDICTS_MAX {
            self.verdicts.clear();
        }
        self.verdicts.insert(hash, reason);
    }

    /// Returns the blocks that are new in the chain, the oldest first, at most [`ANNOUNCED_MAX`].
    fn new_blocks(&self, events: &[ChainEvent]) -> Vec<BlockHash> {
        let active = |hash: &BlockHash| {
            let id = self.chain.headers().find(hash);
            id.is_some_and(|id| self.chain.active().contains(self.chain.headers(), id))
        };
        let connected = events.iter().filter_map(|event| match event {
            ChainEvent::Connected { hash, .. } => Some(*hash),
            ChainEvent::Disconnected { .. } | ChainEvent::Missed => None,
        });
        let mut new: Vec<_> = connected.filter(active).collect();
        let skip = new.len().saturating_sub(ANNOUNCED_MAX);
        new.drain(..skip);
        new
    }

    /// Changes the pool with the chain: what a block holds leaves it, what a block that was taken back held comes back.
    fn follow_into_mempool(&mut self, events: &[ChainEvent]) -> Result<(), ChainError> {
        let reorganised = events
            .iter()
            .any(|event| matches!(event, ChainEvent::Disconnected { .. } | ChainEvent::Missed));
        if self.mempool.is_idle() && !reorganised {
            return Ok(());
        }
        let mut back: Vec<Arc<Block>> = Vec::new();
        for event in events {
            match event {
                ChainEvent::Connected { hash, .. } => {
                    let Some(id) = self.chain.headers().find(hash) else { continue };
                    let block = self.chain.read_block(id)?;
                    back.retain(|gone| gone.hash() != *hash);
                    self.mempool.block_connected(&block);
                }
                ChainEvent::Disconnected { hash, .. } => {
                    let Some(id) = self.chain.headers().find(hash) else { continue };
                    back.push(Arc::new(self.chain.read_block(id)?));
                    let excess = back.len().saturating_sub(crate::mempool::RESURRECTED_BLOCKS_MAX);
                    back.drain(..excess);
                }
                ChainEvent::Missed => self.mempool.clear(),
            }
        }
        if reorganised {
            self.reorganise_mempool(&back)?;
        }
        Ok(())
    }
}
