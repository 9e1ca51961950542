//! Taking in headers and blocks: what is checked before the coins are.
//!
//! **Spec:** Bitcoin Core, `AcceptBlockHeader`, `AcceptBlock`, `ReceivedBlockTransactions`.

use std::{borrow::Cow, sync::Arc};

use bitcoin::{BlockHash, block::Header};
use quintet_bitcoin_protocol::{
    Block,
    header::{HeaderError, HeaderId, HeaderTree},
    network::Params,
    rules::{Ancestors, BlockContext, BlockError, check_block, check_block_in_context},
};
use quintet_store::segment::Position;
use thiserror::Error;

use super::{Chain, ChainError};
use crate::storage::BlockStatus;

/// What became of a block that was taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepted {
    /// It is stored, and may become part of the chain.
    Stored(HeaderId),
    /// It was there already.
    Known(HeaderId),
}

/// Why a header or a block is not taken in.
#[derive(Debug, Error)]
pub enum AcceptError {
    /// Its header breaks a rule, or leads nowhere.
    #[error(transparent)]
    Header(#[from] HeaderError),
    /// It breaks a rule.
    #[error("block {hash}: {source}")]
    Block {
        /// The block.
        hash: BlockHash,
        /// The rule.
        source: BlockError,
    },
    /// The chain cannot go on.
    #[error(transparent)]
    Chain(#[from] ChainError),
}

impl AcceptError {
    /// Returns Bitcoin Core's reject reason; `None` if the block is not to blame.
    #[must_use]
    pub fn reject_reason(&self) -> Option<Cow<'static, str>> {
        match self {
            Self::Header(error) => Some(error.reject_reason()),
            Self::Block { source, .. } => Some(source.reject_reason()),
            Self::Chain(_) => None,
        }
    }
}

/// The ancestors of a block: the chain that ends with its parent.
#[derive(Debug)]
pub(super) struct Below<'a> {
    pub(super) tree: &'a HeaderTree,
    pub(super) parent: HeaderId,
}

impl Ancestors for Below<'_> {
    fn hash(&self, height: u32) -> Option<BlockHash> {
        self.tree.ancestor(self.parent, height).map(|id| self.tree.hash(id))
    }

    fn median_time_past(&self, height: u32) -> u32 {
        let id = self.tree.ancestor(self.parent, height).unwrap_or(self.parent);
        self.tree.median_time_past(id)
    }
}

impl Below<'_> {
    /// Calls `with` with the rules for block `id` above its ancestors.
    pub(super) fn context<T>(
        tree: &HeaderTree,
        params: &Params,
        id: HeaderId,
        with: impl FnOnce(&BlockContext<'_>) -> T,
    ) -> T {
        let below = Below { tree, parent: tree.parent(id).unwrap_or(HeaderId::GENESIS) };
        with(&BlockContext::new(params, tree.hash(id), tree.height(id), &below))
    }
}

/// A block whose rules without context have been looked at, on any thread.
#[derive(Debug)]
pub struct Examined {
    block: Arc<Block>,
    verdict: Result<(), BlockError>,
}

impl Examined {
    /// Checks what needs nothing but the block.
    #[must_use]
    pub fn new(block: Block, params: &Params) -> Self {
        let verdict = check_block(&block, params).map(drop);
        Self { block: Arc::new(block), verdict }
    }

    /// Returns the block.
    #[must_use]
    pub const fn block(&self) -> &Arc<Block> {
        &self.block
    }
}

impl Chain {
    /// Takes in a header. `now` is the time peers agree on, Unix seconds.
    ///
    /// # Errors
    ///
    /// [`HeaderError`]: nothing is changed.
    pub fn accept_header(&mut self, header: &Header, now: u64) -> Result<HeaderId, HeaderError> {
        let id = self.tree.insert(header, now)?;
        if self.blocks.len() <= id.index() {
            self.change(id, |state| state.status |= BlockStatus::VALID_TREE);
        }
        Ok(id)
    }

    /// Takes in a block and makes it the tip if it should be, or leads to it.
    ///
    /// # Errors
    ///
    /// [`AcceptError`]. A block that breaks a rule only its coins or scripts show may be refused later, see [`Chain::settle`].
    pub fn accept_block(&mut self, block: Block, now: u64) -> Result<Accepted, AcceptError> {
        let examined = Examined::new(block, &self.params);
        let block = Arc::clone(examined.block());
        let accepted = self.store_block(examined, None, now)?;
        self.activate(Some(&block))?;
        Ok(accepted)
    }

    /// Takes in a block without making it the tip; `at` says where it lies if it is in the files already.
    pub(super) fn store_block(
        &mut self,
        examined: Examined,
        at: Option<Position>,
        now: u64,
    ) -> Result<Accepted, AcceptError> {
        let Examined { block, verdict } = examined;
        let id = self.accept_header(block.header(), now)?;
        if self.state(id).block.is_some() || id == HeaderId::GENESIS {
            return Ok(Accepted::Known(id));
        }
        let verdict = verdict.and_then(|()| {
            Below::context(&self.tree, &self.params, id, |context| {
                check_block_in_context(&block, context)
            })
        });
        if let Err(source) = verdict {
            // A spoilt copy says nothing about the block the header stands for.
            if !source.is_mutation() {
                self.mark_failed(id);
            }
            return Err(AcceptError::Block { hash: block.hash(), source });
        }
        let position = match at {
            Some(position) => position,
            None => {
                self.storage.files().append_block(block.bytes()).map_err(ChainError::Storage)?
            }
        };
        let transactions = u32::try_from(block.transactions().len()).unwrap_or(u32::MAX);
        self.change(id, |state| {
            state.status |= BlockStatus::VALID_TREE | BlockStatus::VALID_TRANSACTIONS;
            state.tx_count = transactions;
            state.block = Some(position);
        });
        self.link(id);
        Ok(Accepted::Stored(id))
    }

    /// Makes a block with data a candidate, with all that waited for it, if the chain below it is complete.
    pub(super) fn link(&mut self, id: HeaderId) {
        let mut ready = vec![id];
        while let Some(id) = ready.pop() {
            let below = match self.tree.parent(id) {
                None => 0,
                Some(parent) => match self.state(parent).chain_tx_count {
                    0 => {
                        self.candidates.wait(parent, id);
                        continue;
                    }
                    count => count,
                },
            };
            if let Some(state) = self.blocks.get_mut(id.index()) {
                state.chain_tx_count = below + u64::from(state.tx_count);
                state.sequence = self.sequence;
            }
            self.candidates.add(&self.tree, id, self.sequence);
            self.sequence += 1;
            ready.extend(self.candidates.take_waiting(id));
        }
    }

    /// Marks a block that breaks a rule, and all that build on it.
    pub(super) fn mark_failed(&mut self, id: HeaderId) {
        tracing::warn!(block = %self.tree.hash(id), height = self.tree.height(id), "invalid block");
        self.tree.mark_failed(id);
        self.change(id, |state| state.status |= BlockStatus::FAILED);
    }
}
