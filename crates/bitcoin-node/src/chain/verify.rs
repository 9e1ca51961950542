//! Verifying what is on disk: the last blocks, as deep and as thoroughly as asked.
//!
//! **Spec:** Bitcoin Core, `CVerifyDB::VerifyDB`; the levels are its.

use std::{ops::ControlFlow, sync::Arc};

use quintet_bitcoin_protocol::{
    SpentCoins,
    header::{HeaderId, HeaderTree},
    rules::{ScriptJobs, check_block, check_block_in_context, connect_block, disconnect_block},
};
use thiserror::Error;

use super::{Chain, ChainError, accept::in_context};

/// How thoroughly blocks are verified; each level includes those before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum VerifyLevel {
    /// The block is there, whole and the one the index names.
    Read,
    /// It satisfies the rules that need no coins.
    Check,
    /// Its undo data is there and whole.
    Undo,
    /// Taking it back finds the coins it made.
    Disconnect,
    /// Connecting it again succeeds, scripts included.
    Connect,
}

/// How far a verification has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VerifyProgress {
    /// Blocks done, of those taken back and of those connected again.
    pub done: u64,
    /// Blocks in all.
    pub total: u64,
}

/// What a verification did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct VerifyReport {
    /// Blocks read.
    pub blocks: u32,
    /// Blocks taken back; fewer if the coins would have taken too much memory.
    pub disconnected: u32,
    /// Inputs whose scripts were run.
    pub scripts: u64,
    /// Whether it was stopped on request.
    pub stopped: bool,
}

/// Something on disk is not as it should be.
#[derive(Debug, Error)]
pub enum VerifyError {
    /// A block breaks a rule that it satisfied once.
    #[error("block {hash} at height {height}: {what}")]
    Block {
        /// The block.
        hash: bitcoin::BlockHash,
        /// Blocks below it.
        height: u32,
        /// What is wrong.
        what: String,
    },
    /// It cannot be read.
    #[error(transparent)]
    Chain(#[from] ChainError),
}

impl Chain {
    /// Verifies the last `depth` blocks; all, for zero; but none below what was pruned, or below the block of a snapshot that was loaded. The
    /// chain is as before afterwards. `progress` may stop it.
    ///
    /// # Errors
    ///
    /// [`VerifyError`] for the first thing that is wrong.
    pub fn verify(
        &mut self,
        level: VerifyLevel,
        depth: u32,
        progress: &mut dyn FnMut(&VerifyProgress) -> ControlFlow<()>,
    ) -> Result<VerifyReport, VerifyError> {
        self.settle()?;
        // Room for what is taken back.
        self.flush_if_full()?;
        let depth = if depth == 0 { self.height() } else { depth.min(self.height()) };
        let depth = self.depth_on_disk(depth);
        let passes = if level >= VerifyLevel::Connect { 2 } else { 1 };
        let total = u64::from(depth) * passes;
        self.coins.cache_mut().begin().map_err(ChainError::from)?;
        let outcome = Verify { chain: self, level, report: VerifyReport::default(), total }
            .run(depth, progress);
        // Whatever came out: the coins are put back.
        let put_back = self.coins.cache_mut().rollback().map_err(ChainError::from);
        self.watch(put_back)?;
        outcome
    }

    /// Returns how many of the last `depth` blocks are on disk without a gap, with their undo data.
    fn depth_on_disk(&self, depth: u32) -> u32 {
        let lowest = self.height() - depth + 1;
        let ids = self.active.from(lowest).iter().rev();
        let there = ids.take_while(|&&id| self.has_data(id) == (true, true)).count();
        u32::try_from(there).unwrap_or(depth)
    }
}

struct Verify<'a> {
    chain: &'a mut Chain,
    level: VerifyLevel,
    report: VerifyReport,
    total: u64,
}

impl Verify<'_> {
    fn run(
        mut self,
        depth: u32,
        progress: &mut dyn FnMut(&VerifyProgress) -> ControlFlow<()>,
    ) -> Result<VerifyReport, VerifyError> {
        let tip = self.chain.height();
        let mut done = 0;
        let mut tell = |report: &mut VerifyReport, total| {
            done += 1;
            report.stopped = progress(&VerifyProgress { done, total }).is_break();
            report.stopped
        };
        for height in (tip - depth + 1..=tip).rev() {
            let Some(id) = self.chain.active.at(height) else { break };
            self.back(id, height)?;
            if tell(&mut self.report, self.total) {
                return Ok(self.report);
            }
        }
        if self.level >= VerifyLevel::Connect {
            for height in tip - self.report.disconnected + 1..=tip {
                let Some(id) = self.chain.active.at(height) else { break };
                self.forward(id, height)?;
                if tell(&mut self.report, self.total) {
                    break;
                }
            }
        }
        Ok(self.report)
    }

    fn wrong(&self, id: HeaderId, what: &impl ToString) -> VerifyError {
        let tree: &HeaderTree = &self.chain.tree;
        VerifyError::Block { hash: tree.hash(id), height: tree.height(id), what: what.to_string() }
    }

    fn back(&mut self, id: HeaderId, height: u32) -> Result<(), VerifyError> {
        let block = self.chain.read_block(id)?;
        self.report.blocks += 1;
        if self.level >= VerifyLevel::Check {
            let params = Arc::clone(&self.chain.params);
            check_block(&block, &params).map_err(|error| self.wrong(id, &error))?;
            in_context(&self.chain.tree, &params, id, |context| {
                check_block_in_context(&block, context)
            })
            .map_err(|error| self.wrong(id, &error))?;
        }
        if self.level < VerifyLevel::Undo {
            return Ok(());
        }
        let spent = self.chain.read_undo(id)?;
        let whole = self.report.disconnected + 1 == self.report.blocks;
        if self.level >= VerifyLevel::Disconnect
            && whole
            && !self.chain.coins.cache().should_flush()
        {
            let outcome = disconnect_block(&block, &spent, height, &mut self.chain.coins)
                .map_err(|error| ChainError::from_disconnect(block.hash(), error))?;
            if !outcome.clean {
                return Err(self.wrong(id, &"the coins it made are not those on disk"));
            }
            self.report.disconnected += 1;
        }
        Ok(())
    }

    fn forward(&mut self, id: HeaderId, _height: u32) -> Result<(), VerifyError> {
        let block = self.chain.read_block(id)?;
        let params = Arc::clone(&self.chain.params);
        let coins = &mut self.chain.coins;
        let connected = in_context(&self.chain.tree, &params, id, |context| {
            connect_block(&block, context, coins).map(|done| (done, context.flags))
        });
        let (done, flags) = connected.map_err(|error| self.wrong(id, &error))?;
        self.scripts(id, &block, &done.spent, flags)
    }

    fn scripts(
        &mut self,
        id: HeaderId,
        block: &quintet_bitcoin_protocol::Block,
        spent: &SpentCoins,
        flags: quintet_bitcoin_protocol::script::ScriptFlags,
    ) -> Result<(), VerifyError> {
        use rayon::prelude::*;
        let jobs = ScriptJobs::new(block, spent, flags);
        let verdict = (0..jobs.len()).into_par_iter().try_for_each(|item| jobs.run(item));
        verdict.map_err(|error| self.wrong(id, &error))?;
        self.report.scripts += jobs.len() as u64;
        Ok(())
    }
}
