//! How hard the next block is to mine: by its time, by its parent's uncles, and by the bomb that was to end mining.
//!
//! **Spec:** Yellow Paper, section 4.4.4; EIP-2, EIP-100; for the bomb EIP-649, 1234, 2384, 3554, 4345, 5133.

use alloy_consensus::{EMPTY_OMMER_ROOT_HASH, Header};
use alloy_primitives::U256;

use crate::schedule::Fork;

/// The least difficulty.
pub const MINIMUM: u64 = 131_072;
/// The difficulty moves in steps of its parent's over this.
const STEP_DIVISOR: u64 = 2048;
/// Most steps down at once.
const STEPS_DOWN_MAX: u64 = 99;
/// Blocks after which the bomb doubles.
const BOMB_PERIOD: u64 = 100_000;

/// Returns the difficulty of the block after `parent` mined at `timestamp`, by the rules of `fork`.
#[must_use]
pub fn of_child(fork: Fork, parent: &Header, timestamp: u64) -> U256 {
    let uncles = parent.ommers_hash != EMPTY_OMMER_ROOT_HASH;
    let elapsed = timestamp.saturating_sub(parent.timestamp);
    let number = parent.number.saturating_add(1);
    next(fork, parent.difficulty, elapsed, number, uncles)
}

/// Returns the difficulty of block `number`, mined `elapsed` seconds after a parent with this difficulty.
#[must_use]
pub fn next(fork: Fork, parent: U256, elapsed: u64, number: u64, parent_has_uncles: bool) -> U256 {
    // Steps up, and seconds per step down.
    let (up, seconds) = if fork >= Fork::Byzantium {
        (if parent_has_uncles { 2 } else { 1 }, 9)
    } else if fork >= Fork::Homestead {
        (1, 10)
    } else {
        (1, 13)
    };
    let down =
        if fork >= Fork::Homestead { elapsed / seconds } else { 2 * u64::from(elapsed >= seconds) };
    let step = parent / U256::from(STEP_DIVISOR);
    let moved = if down <= up {
        parent.saturating_add(step.saturating_mul(U256::from(up - down)))
    } else {
        parent.saturating_sub(step.saturating_mul(U256::from((down - up).min(STEPS_DOWN_MAX))))
    };
    moved.max(U256::from(MINIMUM)).saturating_add(bomb(fork, number)).max(U256::from(MINIMUM))
}

/// Returns what the bomb adds.
fn bomb(fork: Fork, number: u64) -> U256 {
    let periods = number.saturating_sub(bomb_delay(fork)) / BOMB_PERIOD;
    match periods.checked_sub(2) {
        None => U256::ZERO,
        Some(power) if power < 256 => U256::ONE << power,
        Some(_) => U256::MAX,
    }
}

/// Returns by how many blocks a fork puts the bomb off.
const fn bomb_delay(fork: Fork) -> u64 {
    match fork {
        Fork::Frontier | Fork::Homestead | Fork::Tangerine | Fork::SpuriousDragon => 0,
        Fork::Byzantium => 3_000_000,
        Fork::Constantinople | Fork::Petersburg | Fork::Istanbul => 5_000_000,
        Fork::MuirGlacier | Fork::Berlin => 9_000_000,
        Fork::London => 9_700_000,
        Fork::ArrowGlacier => 10_700_000,
        Fork::GrayGlacier
        | Fork::Paris
        | Fork::Shanghai
        | Fork::Cancun
        | Fork::Prague
        | Fork::Osaka => 11_400_000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_blocks_lower_the_difficulty_by_99_steps_at_most() {
        let parent = U256::from(2_048_000_000u64);
        let at = |elapsed| next(Fork::Homestead, parent, elapsed, 1, false);
        assert_eq!(at(9), U256::from(2_049_000_000u64));
        assert_eq!(at(10), parent);
        assert_eq!(at(990), U256::from(2_048_000_000u64 - 98_000_000));
        assert_eq!(at(u64::MAX), U256::from(2_048_000_000u64 - 99_000_000));
    }

    #[test]
    fn a_parent_with_uncles_raises_the_difficulty_from_byzantium_on() {
        let parent = U256::from(2_048_000_000u64);
        assert_eq!(
            next(Fork::Homestead, parent, 0, 1, true),
            next(Fork::Homestead, parent, 0, 1, false)
        );
        assert!(
            next(Fork::Byzantium, parent, 0, 1, true) > next(Fork::Byzantium, parent, 0, 1, false)
        );
    }

    #[test]
    fn the_bomb_of_a_number_out_of_all_range_does_not_overflow() {
        assert_eq!(next(Fork::Frontier, U256::MAX, 0, u64::MAX, false), U256::MAX);
    }
}
