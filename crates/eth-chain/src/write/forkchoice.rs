//! Which block is the head, which are safe and final; and going from one chain to another.
//!
//! ```text
//!   head's chain   … ── a ── b ── c        retreat: c, b        one batch for at most 32 blocks
//!                        └── d ── e ── f   advance: d, e, f     one batch a block, executed on the way
//! ```
//!
//! Every batch leaves a whole chain, so a crash on the way leaves the head at some block of it.

use std::sync::Arc;

use alloy_primitives::B256;
use quintet_store::{Batch, Durability};

use super::{EthChain, Writer, commit};
use crate::{
    block::{BlockRef, BlockTag},
    error::{ChainError, ForkchoiceError, ImportError},
    observe::ChainEvent,
    reader::ChainReader,
    tables::{MARKS, Marks},
};

/// Blocks that leave the chain in one batch.
const RETREAT_BLOCKS: u64 = 32;

/// How the head moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HeadChange {
    /// The head now.
    pub head: BlockRef,
    /// Blocks that left the head's chain.
    pub disconnected: u64,
    /// Blocks that joined it.
    pub connected: u64,
}

impl EthChain {
    /// Makes a known block head, and says which are safe and final: the Engine API's `forkchoiceUpdated`. A zero hash leaves safe
    /// and final as they are.
    ///
    /// A head that is an ancestor of the present one takes the blocks above it off the chain.
    ///
    /// # Errors
    ///
    /// [`ForkchoiceError`] if a block is not known, cannot be reached, or is bad: the head is then where it was.
    pub fn set_forkchoice(
        &self,
        head: B256,
        safe: B256,
        finalized: B256,
    ) -> Result<HeadChange, ForkchoiceError> {
        let mut writer = self.writer();
        let change = self.move_head(&mut writer, head)?;
        let reader = self.reader()?;
        let on_chain = |what, hash: B256| {
            if hash.is_zero() {
                return Ok(None);
            }
            let number = reader.number_of(hash)?;
            let found = number.filter(
                |number| matches!(reader.canonical_hash(*number), Ok(Some(known)) if known == hash),
            );
            match found {
                Some(number) => Ok(Some(BlockRef { number, hash })),
                None => Err(ForkchoiceError::Inconsistent { what, hash }),
            }
        };
        let before = reader.marks()?;
        let marks = Marks {
            safe: on_chain("safe", safe)?.or(before.safe),
            finalized: on_chain("finalised", finalized)?.or(before.finalized),
        };
        drop(reader);
        if marks != before {
            let mut batch = Batch::new();
            batch.put(&MARKS, &(), &marks);
            self.inner.state.commit_beside(batch, Durability::Buffered)?;
        }
        self.tell_forkchoice()?;
        Ok(change)
    }

    /// Takes blocks off the head's chain until the head has this number: a development chain's way back.
    ///
    /// # Errors
    ///
    /// [`ForkchoiceError`] if the state does not reach so far back.
    pub fn rollback(&self, to: u64) -> Result<HeadChange, ForkchoiceError> {
        let mut writer = self.writer();
        let reader = self.reader()?;
        let head = reader.head();
        let target = reader
            .canonical_hash(to)?
            .ok_or(ChainError::UnknownBlock { tag: BlockTag::Number(to) })?;
        self.may_retreat(&reader, target, to)?;
        drop(reader);
        writer.pending.clear();
        self.retreat(to)?;
        self.tell_forkchoice()?;
        let disconnected = head.number.saturating_sub(to);
        Ok(HeadChange { head: self.head(), disconnected, connected: 0 })
    }

    /// Makes a known block head.
    pub(super) fn move_head(
        &self,
        writer: &mut Writer,
        to: B256,
    ) -> Result<HeadChange, ForkchoiceError> {
        let from = self.head();
        if from.hash == to {
            return Ok(HeadChange { head: from, disconnected: 0, connected: 0 });
        }
        match self.extend_to(writer, to) {
            Ok(change) => return Ok(change),
            Err(ImportError::UnknownParent { .. }) => {}
            Err(error) => return Err(self.invalid(to, from, error)),
        }
        let reader = self.reader()?;
        let branch = branch(&reader, to)?;
        let ancestor = branch.ancestor;
        self.may_retreat(&reader, to, ancestor.number)?;
        let old = self.hashes_above(&reader, ancestor.number)?;
        drop(reader);
        writer.pending.clear();
        self.retreat(ancestor.number)?;
        for hash in &branch.blocks {
            let Err(error) = self.advance(*hash) else { continue };
            if matches!(error, ImportError::Invalid { .. }) {
                writer.condemn(*hash);
                writer.condemn(to);
            }
            let good = self.head();
            self.retreat(ancestor.number)?;
            // What was executed once is good.
            for hash in &old {
                self.advance(*hash).map_err(|error| self.invalid(to, from, error))?;
            }
            return Err(self.invalid(to, good, error));
        }
        let disconnected = from.number.saturating_sub(ancestor.number);
        let connected = branch.blocks.len() as u64;
        Ok(HeadChange { head: self.head(), disconnected, connected })
    }

    fn invalid(&self, hash: B256, good: BlockRef, error: ImportError) -> ForkchoiceError {
        match error {
            ImportError::Chain(error) => ForkchoiceError::Chain(error),
            other => {
                ForkchoiceError::Invalid { hash, latest_valid: good.hash, source: Box::new(other) }
            }
        }
    }

    fn may_retreat(
        &self,
        reader: &ChainReader,
        hash: B256,
        ancestor: u64,
    ) -> Result<(), ForkchoiceError> {
        let finalized = reader.marks()?.finalized.map_or(0, |at| at.number);
        if ancestor < finalized {
            return Err(ForkchoiceError::Finalized { hash, ancestor, finalized });
        }
        let oldest = self.inner.state.oldest_revert()?.unwrap_or_default();
        if ancestor < oldest {
            return Err(ForkchoiceError::TooDeep { hash, ancestor, oldest });
        }
        Ok(())
    }

    fn hashes_above(&self, reader: &ChainReader, number: u64) -> Result<Vec<B256>, ChainError> {
        let mut hashes = Vec::new();
        for number in number + 1..=reader.head().number {
            hashes.extend(reader.canonical_hash(number)?);
        }
        Ok(hashes)
    }

    /// Takes blocks off the head's chain until the head has this number.
    fn retreat(&self, to: u64) -> Result<(), ChainError> {
        loop {
            let reader = self.reader()?;
            let head = reader.head();
            if head.number <= to {
                return Ok(());
            }
            let step = to.max(head.number.saturating_sub(RETREAT_BLOCKS));
            let mut batch = Batch::new();
            let mut left = Vec::new();
            for number in (step + 1..=head.number).rev() {
                let hash = reader.canonical_hash(number)?;
                let hash =
                    hash.ok_or(ChainError::UnknownBlock { tag: BlockTag::Number(number) })?;
                let block =
                    reader.block(hash)?.ok_or(ChainError::Damaged { what: "bodies", hash })?;
                commit::put_disconnected(&mut batch, reader.snapshot(), &block)?;
                left.push(block.at());
            }
            let marks = reader.marks()?;
            let kept = |at: Option<BlockRef>| at.filter(|at| at.number <= step);
            let kept = Marks { safe: kept(marks.safe), finalized: kept(marks.finalized) };
            if kept != marks {
                batch.put(&MARKS, &(), &kept);
            }
            drop(reader);
            self.inner.state.revert(step, batch, self.inner.options.durability)?;
            self.inner.observers.tell(&ChainEvent::Disconnected(left.into()));
        }
    }

    /// Executes a block that is kept, on the head, and makes it head.
    fn advance(&self, hash: B256) -> Result<(), ImportError> {
        let reader = self.reader()?;
        let kept = reader.block(hash)?.ok_or(ChainError::Damaged { what: "bodies", hash })?;
        // Senders of a block that was executed once are known, also those that nobody can recover.
        for (transaction, sender) in kept.transactions().iter().zip(&kept.senders) {
            self.inner.senders.insert(transaction.hash(), *sender);
        }
        let executed = self.execute(&reader, kept.block.clone(), hash)?;
        drop(reader);
        self.commit(&Arc::new(executed))?;
        Ok(())
    }
}

/// The way from the head's chain to a block.
struct Branch {
    /// The last block in common.
    ancestor: BlockRef,
    /// Blocks after it, the oldest first.
    blocks: Vec<B256>,
}

/// Most blocks beside the head's chain that are walked over.
const BRANCH_BLOCKS_MAX: usize = 1 << 20;

fn branch(reader: &ChainReader, to: B256) -> Result<Branch, ForkchoiceError> {
    let mut blocks = Vec::new();
    let mut hash = to;
    loop {
        let record =
            reader.header_record(hash)?.ok_or(ForkchoiceError::UnknownHead { hash: to })?;
        let number = record.header.number;
        if reader.canonical_hash(number)? == Some(hash) || blocks.len() > BRANCH_BLOCKS_MAX {
            blocks.reverse();
            return Ok(Branch { ancestor: BlockRef { number, hash }, blocks });
        }
        blocks.push(hash);
        hash = record.header.parent_hash;
    }
}
