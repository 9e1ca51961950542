//! The randomness proposers are drawn with.
//!
//! ```text
//!   epoch      e − 1                 e                     e + 1
//!              outputs ──► mix ──┐   seed(e) ──► draws
//!                                └── hash(seed(e), mix) ──► seed(e + 1)
//! ```
//!
//! The seed of an epoch is fixed when the epoch before it begins. A proposer that withholds a block keeps one output out of the seed
//! two epochs on, and that is all it gains: one bit of choice for each of its slots at the end of an epoch.
//!
//! Each header carries the beacon, so that a header is checked with its parent alone.

use alloy_primitives::{B256, keccak256};
use alloy_rlp::{RlpDecodable, RlpEncodable};

use crate::params::{Domain, Purpose};

/// Length in a header, in bytes.
pub const BEACON_LEN: usize = 96;

/// The beacon after a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, RlpEncodable, RlpDecodable)]
pub struct Beacon {
    /// Seed of the block's epoch.
    pub seed: B256,
    /// Seed of the epoch after it.
    pub next: B256,
    /// Outputs of the epoch's blocks so far.
    pub mix: B256,
}

impl Beacon {
    /// The beacon of the first block.
    #[must_use]
    pub fn genesis(domain: &Domain) -> Self {
        Self {
            seed: domain.digest(Purpose::Beacon, &[&[0]]),
            next: domain.digest(Purpose::Beacon, &[&[1]]),
            mix: B256::ZERO,
        }
    }

    /// Returns the beacon as a block of a later epoch, or the same one, finds it.
    #[must_use]
    pub fn at(&self, epoch: u64, later: u64) -> Self {
        match later.saturating_sub(epoch) {
            0 => *self,
            1 => Self { seed: self.next, next: self.after(), mix: B256::ZERO },
            // Epochs without a block: nobody chose how many there were but the clock.
            _ => {
                let after = self.after();
                let seed = keccak256([&after[..], &later.to_be_bytes()].concat());
                Self { seed, next: keccak256(seed), mix: B256::ZERO }
            }
        }
    }

    fn after(&self) -> B256 {
        keccak256([&self.next[..], &self.mix[..]].concat())
    }

    /// Returns the beacon with a block's output in it.
    #[must_use]
    pub fn with(&self, output: &B256) -> Self {
        Self { mix: keccak256([&self.mix[..], &output[..]].concat()), ..*self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_epochs_blocks_bring_decides_the_seed_two_epochs_on_and_none_before() {
        let domain = Domain::new(1, B256::ZERO);
        let genesis = Beacon::genesis(&domain);
        let brought = genesis.with(&B256::repeat_byte(1));
        let other = genesis.with(&B256::repeat_byte(2));
        assert_eq!(brought.at(0, 1).seed, other.at(0, 1).seed);
        assert_ne!(brought.at(0, 1).at(1, 2).seed, other.at(0, 1).at(1, 2).seed);
        assert_eq!(brought.at(0, 0), brought);
    }

    #[test]
    fn an_epoch_without_blocks_gives_seeds_of_its_own() {
        let genesis = Beacon::genesis(&Domain::new(1, B256::ZERO));
        assert_ne!(genesis.at(0, 2).seed, genesis.at(0, 3).seed);
    }
}
