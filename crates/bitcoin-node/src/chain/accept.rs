//! Taking in headers and blocks: what is checked before the coins are.
//!
//! **Spec:** Bitcoin Core, `AcceptBlockHeader`, `AcceptBlock`, `ReceivedBlockTransactions`.

use std::{borrow::Cow, collections::VecDeque, sync::Arc};

use bitcoin::{BlockHash, block::Header};
use quintet_bitcoin_protocol::{
    Block,
    header::{ChainView, HeaderError, HeaderId, HeaderTree},
    network::Params,
    rules::{BlockContext, BlockError, check_block, check_block_in_context, is_block_mutated},
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

/// Calls `with` with the rules for block `id` above its ancestors.
pub(super) fn in_context<T>(
    tree: &HeaderTree,
    params: &Params,
    id: HeaderId,
    with: impl FnOnce(&BlockContext<'_>) -> T,
) -> T {
    let below = ChainView::new(tree, tree.parent(id).unwrap_or(HeaderId::GENESIS));
    with(&BlockContext::new(params, tree.hash(id), tree.height(id), &below))
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
    /// Each takes memory and, with the next flush, disk for ever: what peers send has shown its work before
    /// ([`presync`](quintet_bitcoin_protocol::header::presync)).
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
        self.check_sound()?;
        let examined = Examined::new(block, &self.params);
        let block = Arc::clone(examined.block());
        let accepted = self.store_block(examined, None, now)?;
        self.activate(Some(&block))?;
        self.flush_if_full()?;
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
        self.flush_index_if_large()?;
        if self.state(id).block.is_some() || id == HeaderId::GENESIS {
            return Ok(Accepted::Known(id));
        }
        if let Err(source) = verdict {
            // Like Bitcoin Core: what the block alone shows never marks its header, whatever forms of a spoilt copy are yet unknown.
            return Err(AcceptError::Block { hash: block.hash(), source });
        }
        let verdict = in_context(&self.tree, &self.params, id, |context| {
            check_block_in_context(&block, context)
        });
        if let Err(source) = verdict {
            // A spoilt copy says nothing about the block the header stands for, whatever rule it breaks first: on a signet that is the
            // solution, which a copy without its commitment cannot satisfy (CVE-2012-2459).
            let segwit = self.tree.height(id) >= self.params.segwit_height;
            if !source.is_mutation() && !is_block_mutated(&block, segwit) {
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

    /// Makes a block that has been seen a candidate, with all that waited for it, if the chain below it is complete.
    pub(super) fn link(&mut self, id: HeaderId) {
        let mut ready = VecDeque::from([id]);
        while let Some(id) = ready.pop_front() {
            let state = self.state(id);
            if state.chain_tx_count == 0 {
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
                self.complete(id, below + u64::from(state.tx_count));
            }
            self.candidates.add(self.rank(id), id);
            ready.extend(self.candidates.take_waiting(id));
        }
    }

    /// Notes that the chain up to a block is complete, with so many transactions.
    fn complete(&mut self, id: HeaderId, chain_tx_count: u64) {
        self.sequence += 1;
        let sequence = self.sequence;
        self.state_mut(id).chain_tx_count = chain_tx_count;
        self.state_mut(id).sequence = sequence;
    }

    /// Takes the chain up to a block for complete, though its blocks are not there: its coins came as a snapshot.
    pub(super) fn assume_complete(&mut self, id: HeaderId, chain_tx_count: u64) {
        self.complete(id, chain_tx_count);
        self.link(id);
    }

    /// Marks a block that breaks a rule, and all that build on it.
    pub(super) fn mark_failed(&mut self, id: HeaderId) {
        tracing::warn!(block = %self.tree.hash(id), height = self.tree.height(id), "invalid block");
        self.tree.mark_failed(id);
        self.change(id, |state| state.status |= BlockStatus::FAILED);
    }
}
