//! Where to begin: far enough back that every channel that can still matter is read from its first frame.
//!
//! A channel that completes behind the safe head was opened at most one timeout before. So the pipeline begins at the L1 origin of a
//! safe block whose origin lies a timeout behind that of the safe head, with the system configuration that block records.
//!
//! The reference walks back block by block, some 1,800 of them; origins only grow, so here the block is found by halving: 11 questions.
//!
//! **Spec:** `protocol/derivation.md`, "Resetting the Pipeline", "Finding the sync starting point", step 5; op-node's `initialReset`.

use crate::{
    config::RollupConfig,
    refs::{L1Ref, L2Ref},
    system::SystemConfig,
};

/// Where a pipeline begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Start {
    /// The first L1 block to read.
    pub base: L1Ref,
    /// The system configuration that holds there: recorded by the L2 block that was found.
    pub base_system: SystemConfig,
    /// The safe head.
    pub safe: L2Ref,
    /// The system configuration the safe head records.
    pub safe_system: SystemConfig,
}

impl Start {
    /// Returns the start of a chain that has nothing but genesis. `base` is the L1 block genesis names.
    #[must_use]
    pub const fn genesis(config: &RollupConfig, base: L1Ref) -> Self {
        let safe = config.l2_genesis();
        let system = config.genesis.system_config;
        Self { base, base_system: system, safe, safe_system: system }
    }
}

/// What a search came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Searched {
    /// Tell about this safe block with [`BaseSearch::tell`].
    Ask {
        /// Its number.
        number: u64,
    },
    /// The block whose L1 origin to begin at.
    Found {
        /// Its number.
        number: u64,
    },
}

/// A search for the L2 block whose L1 origin a pipeline begins at.
#[derive(Debug, Clone)]
pub struct BaseSearch {
    /// The last block known to lie far enough back, or genesis.
    low: u64,
    /// The first block known not to.
    high: u64,
    /// L1 origins at or below this one lie far enough back.
    origin_max: Option<u64>,
    genesis_origin: u64,
}

impl BaseSearch {
    /// Begins a search from a safe head.
    ///
    /// The timeout is the longest that any channel can have that the safe head's origin has not outlived.
    #[must_use]
    pub fn new(config: &RollupConfig, safe: &L2Ref) -> Self {
        let timeout = config.channel_timeout.max(config.granite_channel_timeout);
        Self {
            low: config.genesis.l2.number,
            high: safe.number.max(config.genesis.l2.number).saturating_add(1),
            origin_max: safe.l1_origin.number.checked_sub(timeout),
            genesis_origin: config.genesis.l1.number,
        }
    }

    /// Says what to do next.
    #[must_use]
    pub fn poll(&self) -> Searched {
        let beyond_genesis = self.origin_max.is_some_and(|max| max > self.genesis_origin);
        if !beyond_genesis || self.high - self.low <= 1 {
            return Searched::Found { number: self.low };
        }
        Searched::Ask { number: self.low + (self.high - self.low) / 2 }
    }

    /// Takes the number of a block's L1 origin.
    pub fn tell(&mut self, number: u64, origin: u64) {
        if self.origin_max.is_some_and(|max| origin <= max) {
            self.low = self.low.max(number.min(self.high - 1));
        } else {
            self.high = self.high.min(number.max(self.low + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use alloy_eips::BlockNumHash;

    use super::*;
    use crate::{config::Fork, testing::config_at};

    fn search(safe_number: u64) -> (u64, u32) {
        // Six blocks an epoch.
        let origin = |number: u64| number / 6;
        let l1_origin = BlockNumHash { number: origin(safe_number), ..BlockNumHash::default() };
        let safe = L2Ref { number: safe_number, l1_origin, ..L2Ref::default() };
        let mut search = BaseSearch::new(&config_at(Fork::Ecotone), &safe);
        let mut asked = 0;
        loop {
            match search.poll() {
                Searched::Found { number } => return (number, asked),
                Searched::Ask { number } => {
                    asked += 1;
                    search.tell(number, origin(number));
                }
            }
        }
    }

    #[test]
    fn the_last_block_a_timeout_back_is_found_in_few_questions() {
        let (number, asked) = search(60_000);
        // Its origin is 10,000 - 300, of which it is the last block.
        assert_eq!(number, 9_700 * 6 + 5);
        assert!(asked <= 17, "{asked}");
    }

    #[test]
    fn a_young_chain_begins_at_genesis() {
        assert_eq!(search(0), (0, 0));
        assert_eq!(search(1_700), (0, 0));
    }
}
