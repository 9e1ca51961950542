//! Where to begin: at a written safe head that L1 and the execution layer still stand by.
//!
//! ```text
//!   entries, newest first ──► its L1 block canonical? ──► its safe block executed? ──► the start
//!                  └── no: one further back, then two, four, …
//! ```
//!
//! Steps that double find a place before the fork in few questions; what lies between it and the fork is derived again to the same.

use std::sync::Arc;

use quintet_rollup_protocol::{
    config::RollupConfig,
    pipeline::Start,
    refs::{L1Ref, L2Ref},
    system::SystemConfig,
};
use tokio::runtime::Handle;

use super::{DriveError, SafeEntry, SafeHeads};
use crate::{engine::Engine, l1::L1Source};

/// Where derivation is told to begin if nothing has been written yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StartAt {
    /// The L1 block to read first.
    pub base: u64,
    /// The L2 block whose children are derived.
    pub safe: L2Ref,
    /// The system configuration it records.
    pub system: SystemConfig,
}

impl StartAt {
    /// Begins with the chain.
    #[must_use]
    pub const fn genesis(config: &RollupConfig) -> Self {
        let (genesis, safe) = (&config.genesis, config.l2_genesis());
        Self { base: genesis.l1.number, safe, system: genesis.system_config }
    }
}

/// What is asked to find a start.
pub(super) struct Search<'a, E> {
    pub(super) config: &'a RollupConfig,
    pub(super) source: &'a Arc<dyn L1Source>,
    pub(super) record: &'a SafeHeads,
    pub(super) runtime: &'a Handle,
    pub(super) engine: &'a mut E,
}

impl<E: Engine> Search<'_, E> {
    /// Finds where to begin, forgetting what no longer holds. Returns the start and the entry it is taken from.
    pub(super) fn find(&mut self, at: &StartAt) -> Result<(Start, SafeEntry), DriveError> {
        let entry = match self.record.first()? {
            Some(first) => self.newest(&first)?,
            None => self.begin(at)?,
        };
        let start = self.start(&entry)?;
        Ok((start, entry))
    }

    fn block(&self, number: u64) -> Result<Option<L1Ref>, DriveError> {
        let found = self.runtime.block_on(self.source.block(number))?;
        Ok(found.map(|block| block.header.block))
    }

    /// Writes the first entry.
    fn begin(&self, at: &StartAt) -> Result<SafeEntry, DriveError> {
        let base = self.block(at.base)?.ok_or(DriveError::NoBase { number: at.base })?;
        let genesis = self.config.genesis.l1;
        if base.number == genesis.number && base.hash != genesis.hash {
            return Err(DriveError::NoStart { block: genesis });
        }
        let entry = SafeEntry { l1: base, safe: at.safe, system: at.system };
        self.record.write(&[entry])?;
        self.record.flush()?;
        Ok(entry)
    }

    fn holds(&mut self, entry: &SafeEntry) -> Result<bool, DriveError> {
        let canonical =
            self.block(entry.l1.number)?.is_some_and(|block| block.hash == entry.l1.hash);
        Ok(canonical && self.engine.knows(&entry.safe)?)
    }

    /// Finds the newest entry that holds, and forgets those above.
    fn newest(&mut self, first: &SafeEntry) -> Result<SafeEntry, DriveError> {
        let (mut entry, mut step) = (self.record.last()?.unwrap_or(*first), 1);
        let tip = entry;
        loop {
            if self.holds(&entry)? {
                break;
            }
            if entry.l1.number == first.l1.number {
                return Err(DriveError::NoStart { block: entry.l1.id() });
            }
            let below = entry.l1.number.saturating_sub(step).max(first.l1.number);
            entry = self.record.at(below)?.unwrap_or(*first);
            step *= 2;
        }
        let finalized = self.record.finalized()?;
        if entry.l1 != tip.l1 {
            // Doubling steps may pass what is final; whether that still stands is asked of the block itself.
            let last_final = self.record.at(finalized)?;
            if let Some(last_final) = last_final.filter(|last| last.l1.number > entry.l1.number) {
                if !self.holds(&last_final)? {
                    return Err(DriveError::FinalReorg { block: last_final.l1.id(), finalized });
                }
                entry = last_final;
            }
            self.record.rewind(entry.l1.number)?;
        }
        Ok(entry)
    }

    /// Goes back from a safe head by a channel's longest life.
    ///
    /// **Spec:** `protocol/derivation.md`, "Resetting the Pipeline".
    fn start(&self, entry: &SafeEntry) -> Result<Start, DriveError> {
        let timeout = self.config.channel_timeout.max(self.config.granite_channel_timeout);
        let first = self.record.first()?.unwrap_or(*entry);
        let limit = entry.safe.l1_origin.number.checked_sub(timeout);
        let back = limit.map(|limit| self.record.with_origin_at(limit)).transpose()?.flatten();
        let from = back.filter(|back| back.safe.l1_origin.number > first.l1.number);
        let (base, base_system) = match from {
            Some(from) => {
                let number = from.safe.l1_origin.number;
                (self.block(number)?.ok_or(DriveError::NoBase { number })?, from.system)
            }
            None => (first.l1, first.system),
        };
        Ok(Start { base, base_system, safe: entry.safe, safe_system: entry.system })
    }
}
