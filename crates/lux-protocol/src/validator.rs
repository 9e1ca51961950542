//! Validators with their stakes, and who of them proposes in a slot.

use alloy_primitives::{Address, B256, U256, keccak256};

/// Most validators.
pub const VALIDATORS_MAX: usize = 100;

/// Most stake of all validators together, in the stake's unit; sums and threefold sums of it fit into 64 bits.
pub const STAKE_TOTAL_MAX: u64 = u64::MAX / 4;

/// Most draws for one slot. The chance that the first is thrown away is below 2 to the power of -192.
const DRAWS_MAX: u64 = 64;

/// A validator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validator {
    /// Who it is: the beneficiary of its blocks, and what its signatures recover to.
    pub address: Address,
    /// Key of its verifiable random function.
    pub vrf_key: [u8; 32],
    /// Its stake, in gwei.
    pub stake: u64,
}

/// Why validators make no set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ValidatorSetError {
    /// None, or too many.
    #[error("expected from 1 to {VALIDATORS_MAX} validators, got {actual}")]
    Count {
        /// How many came.
        actual: usize,
    },
    /// One that stakes nothing.
    #[error("validator {address} has no stake: give it one or leave it out")]
    NoStake {
        /// Which one.
        address: Address,
    },
    /// The same one again.
    #[error("validator {address}, or its key of the random function, is there twice")]
    Twice {
        /// Which one.
        address: Address,
    },
    /// More stake than counts.
    #[error("expected at most {STAKE_TOTAL_MAX} gwei of stake together, got {actual}")]
    Stake {
        /// What it comes to.
        actual: u128,
    },
}

/// The validators of an epoch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValidatorSet {
    validators: Vec<Validator>,
    total: u64,
}

impl ValidatorSet {
    /// Takes validators in the order in which the genesis names them.
    ///
    /// # Errors
    ///
    /// [`ValidatorSetError`] if there are none or too many, one is there twice, or the stakes are none or too large.
    pub fn new(validators: Vec<Validator>) -> Result<Self, ValidatorSetError> {
        let actual = validators.len();
        if actual == 0 || actual > VALIDATORS_MAX {
            return Err(ValidatorSetError::Count { actual });
        }
        let mut sum: u128 = 0;
        for (index, one) in validators.iter().enumerate() {
            let address = one.address;
            if one.stake == 0 {
                return Err(ValidatorSetError::NoStake { address });
            }
            let mut before = validators.iter().take(index);
            if before.any(|other| other.address == address || other.vrf_key == one.vrf_key) {
                return Err(ValidatorSetError::Twice { address });
            }
            sum += u128::from(one.stake);
        }
        let total = u64::try_from(sum).ok().filter(|total| *total <= STAKE_TOTAL_MAX);
        let total = total.ok_or(ValidatorSetError::Stake { actual: sum })?;
        Ok(Self { validators, total })
    }

    /// The validators.
    #[must_use]
    pub fn validators(&self) -> &[Validator] {
        &self.validators
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.validators.len()
    }

    /// Whether there are none, which [`Self::new`] refuses.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.validators.is_empty()
    }

    /// Returns a validator by its index.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&Validator> {
        self.validators.get(index)
    }

    /// Returns the index of a validator.
    #[must_use]
    pub fn index_of(&self, address: Address) -> Option<usize> {
        self.validators.iter().position(|one| one.address == address)
    }

    /// Returns a validator's stake; none for an index that is nobody's.
    #[must_use]
    pub fn stake(&self, index: usize) -> u64 {
        self.get(index).map_or(0, |one| one.stake)
    }

    /// Stake of all.
    #[must_use]
    pub const fn total(&self) -> u64 {
        self.total
    }

    /// Returns whether a stake is more than two thirds of all.
    #[must_use]
    pub const fn is_quorum(&self, stake: u64) -> bool {
        stake.saturating_mul(3) > self.total.saturating_mul(2)
    }

    /// Returns who proposes in a slot: a draw by stake, which the seed of the epoch decides. Everybody knows the seed an epoch ahead.
    #[must_use]
    pub fn proposer(&self, seed: &B256, slot: u64) -> usize {
        let total = U256::from(self.total);
        // Numbers from here on would favour the first validators.
        let end = U256::MAX - U256::MAX % total;
        let mut drawn = U256::ZERO;
        for attempt in 0..DRAWS_MAX {
            let parts = [&seed[..], &slot.to_be_bytes(), &attempt.to_be_bytes()];
            drawn = U256::from_be_bytes(keccak256(parts.concat()).0);
            if drawn < end {
                break;
            }
        }
        let mut left = drawn % total;
        for (index, one) in self.validators.iter().enumerate() {
            let stake = U256::from(one.stake);
            if left < stake {
                return index;
            }
            left -= stake;
        }
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(number: u8, stake: u64) -> Validator {
        Validator { address: Address::repeat_byte(number), vrf_key: [number; 32], stake }
    }

    #[test]
    fn sets_that_are_none_are_refused_with_the_reason() {
        use ValidatorSetError as E;
        assert_eq!(ValidatorSet::new(vec![]), Err(E::Count { actual: 0 }));
        let address = Address::repeat_byte(1);
        assert_eq!(ValidatorSet::new(vec![one(1, 0)]), Err(E::NoStake { address }));
        assert_eq!(ValidatorSet::new(vec![one(1, 1), one(1, 2)]), Err(E::Twice { address }));
        let much = ValidatorSet::new(vec![one(1, u64::MAX), one(2, u64::MAX)]);
        assert!(matches!(much, Err(E::Stake { .. })));
    }

    #[test]
    fn two_thirds_alone_are_no_quorum() {
        let set = ValidatorSet::new(vec![one(1, 1), one(2, 1), one(3, 1)]).unwrap();
        assert!(!set.is_quorum(2));
        assert!(set.is_quorum(3));
        let four = ValidatorSet::new((1..5).map(|n| one(n, 1)).collect()).unwrap();
        assert!(four.is_quorum(3) && !four.is_quorum(2));
    }

    #[test]
    fn proposers_are_drawn_in_proportion_to_their_stakes() {
        let set = ValidatorSet::new(vec![one(1, 10), one(2, 30), one(3, 60)]).unwrap();
        let seed = B256::repeat_byte(5);
        let mut drawn = [0_u32; 3];
        for slot in 0..20_000 {
            drawn[set.proposer(&seed, slot)] += 1;
        }
        for (count, expected) in drawn.into_iter().zip([2_000_u32, 6_000, 12_000]) {
            assert!(count.abs_diff(expected) < expected / 10 + 100, "{drawn:?}");
        }
        assert_ne!(
            (0..64).map(|slot| set.proposer(&seed, slot)).collect::<Vec<_>>(),
            (0..64).map(|slot| set.proposer(&B256::ZERO, slot)).collect::<Vec<_>>()
        );
    }
}
