//! Blocks that come from others.

use std::sync::Arc;

use alloy_consensus::Header;
use alloy_primitives::B256;
use quintet_eth::block::EthBlock;
use quintet_evm::block::{self, BlockError};
use quintet_store::{Batch, Durability};

use super::{EthChain, Writer, commit, execute::Links, forkchoice::HeadChange};
use crate::{
    attributes::{Built, Executed},
    block::BlockRef,
    error::{ChainError, ForkchoiceError, ImportError},
    reader::ChainReader,
    tables::{self, HEADERS, HeaderRecord, NUMBERS},
};

/// What became of a block that was inserted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Inserted {
    /// It is known, and was executed: good.
    Known,
    /// It stands on the head and is good. It is not the head yet.
    Executed,
    /// It does not stand on the head: its header and body are good, and it is kept; executed when it is to be head.
    Kept,
}

/// What became of a block that was imported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Imported {
    /// It is known.
    Known,
    /// It is the head now, and good.
    Head,
    /// It is kept beside the head's chain.
    Side,
}

impl EthChain {
    /// Imports a block, and makes it head if it follows the head, or is of the heavier chain under proof of work.
    ///
    /// # Errors
    ///
    /// [`ImportError`] if it is bad, its parent is not known, or the chain failed.
    pub fn import(&self, block: EthBlock) -> Result<Imported, ImportError> {
        let hash = block.header.hash_slow();
        let mut writer = self.writer();
        let inserted = self.insert_sealed(&mut writer, block, hash)?;
        let reader = self.reader()?;
        let head = reader.head();
        match inserted {
            Inserted::Known => return Ok(Imported::Known),
            Inserted::Executed => {
                self.extend_to(&mut writer, hash)?;
                return Ok(Imported::Head);
            }
            Inserted::Kept => {}
        }
        let total = |hash| {
            Ok::<_, ChainError>(reader.header_record(hash)?.map(|record| record.total_difficulty))
        };
        if total(hash)? <= total(head.hash)? {
            return Ok(Imported::Side);
        }
        match self.move_head(&mut writer, hash) {
            Ok(_) => Ok(Imported::Head),
            Err(ForkchoiceError::Invalid { source, .. }) => Err(*source),
            Err(ForkchoiceError::Chain(error)) => Err(error.into()),
            // Heavier, but not reachable: as good as not there.
            Err(_) => Ok(Imported::Side),
        }
    }

    /// Imports a block in its encoding.
    ///
    /// # Errors
    ///
    /// [`ImportError`] as [`Self::import`] gives it, or that the bytes are no block.
    pub fn import_rlp(&self, bytes: &[u8]) -> Result<Imported, ImportError> {
        let block = alloy_rlp::decode_exact(bytes).map_err(|error: alloy_rlp::Error| {
            let error = BlockError::Encoding { reason: error.to_string() };
            let block = BlockRef { number: 0, hash: B256::ZERO };
            ImportError::Invalid { block, error: Box::new(error) }
        })?;
        self.import(block)
    }

    /// Checks a block, executes it if it stands on the head, and keeps it, without making it head: the Engine API's
    /// `newPayload`.
    ///
    /// # Errors
    ///
    /// [`ImportError`] if it is bad, its parent is not known, or the chain failed.
    pub fn insert(&self, block: EthBlock) -> Result<Inserted, ImportError> {
        let hash = block.header.hash_slow();
        let mut writer = self.writer();
        self.insert_sealed(&mut writer, block, hash)
    }

    /// Makes a block that was built here head, without running it again. If the head moved meanwhile it is imported as any other.
    ///
    /// # Errors
    ///
    /// [`ImportError`] as [`Self::import`] gives it.
    pub fn adopt(&self, built: &Built) -> Result<Imported, ImportError> {
        let mut writer = self.writer();
        let block = built.block();
        if block.header().parent_hash != self.head().hash {
            drop(writer);
            return self.import(block.block.clone());
        }
        writer.keep(Arc::clone(&built.executed));
        self.extend_to(&mut writer, block.hash)?;
        Ok(Imported::Head)
    }

    pub(super) fn insert_sealed(
        &self,
        writer: &mut Writer,
        block: EthBlock,
        hash: B256,
    ) -> Result<Inserted, ImportError> {
        let at = BlockRef { number: block.header.number, hash };
        let parent = block.header.parent_hash;
        if let Some(ancestor) = [hash, parent].into_iter().find(|hash| writer.is_bad(hash)) {
            writer.condemn(hash);
            return Err(ImportError::BadAncestor { block: at, ancestor });
        }
        if writer.pending(hash).is_some() {
            return Ok(Inserted::Executed);
        }
        let reader = self.reader()?;
        if reader.header_record(hash)?.is_some() {
            return Ok(if reader.was_executed(at)? { Inserted::Known } else { Inserted::Kept });
        }
        if parent == reader.head().hash {
            let executed = self.execute(&reader, block, hash);
            if matches!(executed, Err(ImportError::Invalid { .. })) {
                writer.condemn(hash);
            }
            writer.keep(Arc::new(executed?));
            return Ok(Inserted::Executed);
        }
        let oldest = reader.head().number.saturating_sub(self.inner.options.retention.states);
        if at.number <= oldest {
            return Err(ImportError::TooOld { block: at, oldest });
        }
        if reader.header_record(parent)?.is_none() && writer.pending(parent).is_none() {
            return Err(ImportError::UnknownParent { block: at, parent });
        }
        self.keep_aside(writer, &reader, block, at)?;
        Ok(Inserted::Kept)
    }

    /// Checks what can be checked of a block beside the head's chain, and keeps it.
    fn keep_aside(
        &self,
        writer: &mut Writer,
        reader: &ChainReader,
        block: EthBlock,
        at: BlockRef,
    ) -> Result<(), ImportError> {
        let mut batch = Batch::new();
        let parent = block.header.parent_hash;
        // A block that stands on one that is not on disk yet takes it along.
        if let Some(pending) = writer.pending(parent) {
            commit::put_block(&mut batch, &pending.block);
            self.inner.state.commit_beside(std::mem::take(&mut batch), Durability::Buffered)?;
            return self.keep_aside_of(&self.reader()?, writer, block, at, batch);
        }
        self.keep_aside_of(reader, writer, block, at, batch)
    }

    fn keep_aside_of(
        &self,
        reader: &ChainReader,
        writer: &mut Writer,
        block: EthBlock,
        at: BlockRef,
        mut batch: Batch,
    ) -> Result<(), ImportError> {
        let links = Links::new(reader);
        let checked = block::check(&self.inner.spec.schedule, &links, &block).map(drop);
        links.finish(checked)?.map_err(|error| {
            writer.condemn(at.hash);
            ImportError::Invalid { block: at, error: Box::new(error) }
        })?;
        let parent = reader.header_record(block.header.parent_hash)?;
        let before = parent.map(|parent| parent.total_difficulty).unwrap_or_default();
        let record = HeaderRecord {
            total_difficulty: before.saturating_add(block.header.difficulty),
            ommers: block.body.ommers.iter().map(Header::hash_slow).collect(),
            header: block.header,
        };
        batch.put(&NUMBERS, &at.hash.0, &at.number);
        batch.put(&HEADERS, &tables::key(at), &record);
        commit::put_body(&mut batch, at, &block.body);
        self.inner.state.commit_beside(batch, self.inner.options.durability)?;
        Ok(())
    }

    /// Commits a block that was executed on the head.
    pub(super) fn extend_to(
        &self,
        writer: &mut Writer,
        hash: B256,
    ) -> Result<HeadChange, ImportError> {
        let head = self.head();
        let executed = writer.pending(hash).filter(|executed| {
            executed.update.parent().is_some_and(|parent| parent.hash == head.hash)
        });
        let Some(executed) = executed.cloned() else {
            let parent = writer.pending(hash).map(|executed| executed.block.header().parent_hash);
            let block = BlockRef { number: head.number + 1, hash };
            return Err(ImportError::UnknownParent { block, parent: parent.unwrap_or_default() });
        };
        writer.pending.clear();
        let executed: Arc<Executed> = executed;
        let head = self.commit(&executed)?;
        self.tell_forkchoice()?;
        Ok(HeadChange { head, disconnected: 0, connected: 1 })
    }
}
