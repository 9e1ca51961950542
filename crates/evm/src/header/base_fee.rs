//! The base fee, which follows how full the parent was.
//!
//! **Spec:** EIP-1559.

use alloy_consensus::Header;
use alloy_primitives::U256;

use super::{HeaderError, gas_limit::ELASTICITY};
use crate::schedule::{Fork, Rules};

/// The base fee of London's first block, in wei.
pub const INITIAL: u64 = 1_000_000_000;
/// The base fee moves by at most its parent's over this.
pub const DENOMINATOR: u64 = 8;

pub(super) fn check(rules: &Rules, header: &Header, parent: &Header) -> Result<(), HeaderError> {
    let (true, Some(actual), None) = (rules.has(Fork::London), header.base_fee_per_gas, rules.op)
    else {
        // What an OP chain asks for depends on its extra data: see `op::base_fee`.
        return Ok(());
    };
    let expected = of_child(parent);
    if actual != expected {
        return Err(HeaderError::BaseFee { expected, actual });
    }
    Ok(())
}

/// Returns the base fee of the block after `parent`.
#[must_use]
pub fn of_child(parent: &Header) -> u64 {
    match parent.base_fee_per_gas {
        None => INITIAL,
        Some(fee) => next(fee, parent.gas_used, parent.gas_limit, ELASTICITY, DENOMINATOR),
    }
}

/// Returns the base fee after a block with these, for any elasticity and damping.
#[must_use]
pub fn next(fee: u64, gas_used: u64, gas_limit: u64, elasticity: u64, denominator: u64) -> u64 {
    let target = gas_limit / elasticity.max(1);
    let (divisor, wide) = (U256::from(denominator.max(1)), U256::from(fee));
    if target == 0 || gas_used == target {
        return fee;
    }
    let moved = |gas: u64| wide * U256::from(gas) / U256::from(target) / divisor;
    if gas_used > target {
        let up: u64 = moved(gas_used - target).saturating_to();
        fee.saturating_add(up.max(1))
    } else {
        let down: u64 = moved(target - gas_used).saturating_to();
        fee.saturating_sub(down)
    }
}

#[cfg(test)]
mod tests {
    use alloy_eips::eip1559::{BaseFeeParams, calc_next_block_base_fee};
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_base_fee_is_that_of_alloy(
            fee in 0..u64::MAX / 16,
            limit in 5000..100_000_000u64,
            part in 0..=1000u64,
        ) {
            let used = limit / 1000 * part;
            let theirs = calc_next_block_base_fee(used, limit, fee, BaseFeeParams::ethereum());
            prop_assert_eq!(next(fee, used, limit, ELASTICITY, DENOMINATOR), theirs);
        }
    }

    #[test]
    fn extremes_do_not_overflow() {
        assert_eq!(next(u64::MAX, u64::MAX, 2, 2, 8), u64::MAX);
        assert_eq!(next(7, 0, 0, 2, 8), 7);
        assert_eq!(next(7, 1, 10, 0, 0), 1);
    }
}
