//! Searching logs by address and topics.

use alloy_primitives::{Address, B256, Log};

use super::ChainReader;
use crate::{
    block::{BlockRef, BlockTag},
    blooms::{SECTION, Wanted, names},
    error::ChainError,
};

/// Which logs: of any of these addresses, with one of these topics at each place. Nothing said is anything.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogFilter {
    /// Who logged.
    pub addresses: Vec<Address>,
    /// Topics by their place.
    pub topics: [Vec<B256>; 4],
}

impl LogFilter {
    /// Whether a log is wanted.
    #[must_use]
    pub fn matches(&self, log: &Log) -> bool {
        let address = self.addresses.is_empty() || self.addresses.contains(&log.address);
        address
            && self.topics.iter().enumerate().all(|(place, wanted)| {
                wanted.is_empty()
                    || log.topics().get(place).is_some_and(|topic| wanted.contains(topic))
            })
    }
}

/// Where to search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogRange {
    /// One block, on whatever chain.
    Block(B256),
    /// Blocks of the head's chain, both ends in it.
    Blocks {
        /// The first.
        from: BlockTag,
        /// The last.
        to: BlockTag,
    },
}

/// How much a search may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogLimits {
    /// Most blocks of a range.
    pub blocks: u64,
    /// Most logs found.
    pub logs: usize,
}

impl Default for LogLimits {
    fn default() -> Self {
        Self { blocks: 1_000_000, logs: 20_000 }
    }
}

/// A log with its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// The log.
    pub log: Log,
    /// Its block.
    pub block: BlockRef,
    /// The block's timestamp, seconds since 1970.
    pub timestamp: u64,
    /// Hash of its transaction.
    pub transaction: B256,
    /// Index of its transaction in the block.
    pub transaction_index: usize,
    /// Its own index in the block.
    pub log_index: usize,
}

impl ChainReader {
    /// Searches logs. Blocks are passed over by their filters: by turned sections of 4,096 blocks, at the end by headers.
    ///
    /// # Errors
    ///
    /// [`ChainError::RangeBlocks`], [`ChainError::RangeOrder`], [`ChainError::RangeLogs`] if that is more than the limits let it;
    /// [`ChainError::UnknownBlock`], [`ChainError::Pruned`], [`ChainError::NotExecuted`] if receipts are not there.
    pub fn logs(
        &self,
        filter: &LogFilter,
        range: LogRange,
        limits: &LogLimits,
    ) -> Result<Vec<LogEntry>, ChainError> {
        let (from, to) = match range {
            LogRange::Block(hash) => {
                let mut found = Vec::new();
                let at = self.resolve(BlockTag::Hash(hash))?;
                self.logs_of(filter, at, &mut found)?;
                return enough(found, limits, (at.number, at.number));
            }
            LogRange::Blocks { from, to } => (self.resolve_number(from)?, self.resolve_number(to)?),
        };
        if from > to {
            return Err(ChainError::RangeOrder { from, to });
        }
        // Nothing is above the head.
        let to = to.min(self.head().number);
        let actual = to.saturating_sub(from).saturating_add(1);
        if actual > limits.blocks {
            return Err(ChainError::RangeBlocks { most: limits.blocks, actual });
        }
        self.logs_between(filter, from, to, limits)
    }

    /// A number may be above the head: then nothing is found there.
    fn resolve_number(&self, tag: BlockTag) -> Result<u64, ChainError> {
        match tag {
            BlockTag::Number(number) => Ok(number),
            other => Ok(self.resolve(other)?.number),
        }
    }

    fn logs_between(
        &self,
        filter: &LogFilter,
        from: u64,
        to: u64,
        limits: &LogLimits,
    ) -> Result<Vec<LogEntry>, ChainError> {
        let wanted = Wanted::of(filter);
        let mut found = Vec::new();
        let mut number = from;
        while number <= to {
            let section = number / SECTION;
            let last = (section + 1) * SECTION - 1;
            let end = last.min(to);
            let row = if last <= self.head().number {
                Some(wanted.in_section(self, section)?)
            } else {
                None
            };
            for number in number..=end {
                let may = match &row {
                    Some(row) => names(row, number % SECTION),
                    None => match self.header_by_number(number)? {
                        Some(record) => wanted.may_be_in(&record.header.logs_bloom),
                        None => false,
                    },
                };
                if !may {
                    continue;
                }
                let Some(hash) = self.canonical_hash(number)? else { continue };
                self.logs_of(filter, BlockRef { number, hash }, &mut found)?;
                found = enough(found, limits, (from, number))?;
            }
            number = end + 1;
        }
        Ok(found)
    }

    fn logs_of(
        &self,
        filter: &LogFilter,
        at: BlockRef,
        found: &mut Vec<LogEntry>,
    ) -> Result<(), ChainError> {
        let Some((block, receipts)) = self.block_with_receipts(at.hash)? else { return Ok(()) };
        let mut log_index = 0;
        for (transaction_index, (receipt, transaction)) in
            receipts.iter().zip(block.transactions()).enumerate()
        {
            for log in &receipt.logs {
                if filter.matches(log) {
                    found.push(LogEntry {
                        log: log.clone(),
                        block: at,
                        timestamp: block.header().timestamp,
                        transaction: transaction.hash(),
                        transaction_index,
                        log_index,
                    });
                }
                log_index += 1;
            }
        }
        Ok(())
    }
}

fn enough(
    found: Vec<LogEntry>,
    limits: &LogLimits,
    (from, upto): (u64, u64),
) -> Result<Vec<LogEntry>, ChainError> {
    if found.len() > limits.logs {
        return Err(ChainError::RangeLogs { most: limits.logs, from, upto });
    }
    Ok(found)
}
