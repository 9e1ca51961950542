//! Gas for blobs: how many a block holds, and their price, which follows the excess over a target.
//!
//! **Spec:** EIP-4844, EIP-7691, EIP-7918, EIP-7892.

use alloy_consensus::Header;
use alloy_eips::{eip4844::DATA_GAS_PER_BLOB, eip7840::BlobParams};
use alloy_primitives::U256;

use super::HeaderError;
use crate::schedule::{Fork, Rules};

/// Most terms of the series that approximates the price. Each is smaller than the one before from the excess over
/// the fraction on; a price that takes more is beyond every balance.
const TERMS_MAX: u32 = 1 << 14;

pub(super) fn check(rules: &Rules, header: &Header, parent: &Header) -> Result<(), HeaderError> {
    let (Some(used), Some(actual)) = (header.blob_gas_used, header.excess_blob_gas) else {
        return Ok(());
    };
    let Some(blobs) = rules.blobs else {
        // A chain without blobs has no excess; what its `blobGasUsed` counts is its own.
        return if actual == 0 {
            Ok(())
        } else {
            Err(HeaderError::ExcessBlobGas { expected: 0, actual })
        };
    };
    let most = blobs.max_blob_count.saturating_mul(DATA_GAS_PER_BLOB);
    if used > most {
        return Err(HeaderError::BlobGasUsed { most, actual: used });
    }
    if !used.is_multiple_of(DATA_GAS_PER_BLOB) {
        return Err(HeaderError::BlobGasPart { actual: used });
    }
    let expected = excess_of_child(rules, &blobs, parent);
    if actual != expected {
        return Err(HeaderError::ExcessBlobGas { expected, actual });
    }
    Ok(())
}

/// Returns the excess of the block after `parent`, by the rules of that block.
#[must_use]
pub fn excess_of_child(rules: &Rules, blobs: &BlobParams, parent: &Header) -> u64 {
    let excess = parent.excess_blob_gas.unwrap_or_default();
    let used = parent.blob_gas_used.unwrap_or_default();
    let target = blobs.target_blob_count.saturating_mul(DATA_GAS_PER_BLOB);
    let total = excess.saturating_add(used);
    if total < target {
        return 0;
    }
    let base_fee = U256::from(parent.base_fee_per_gas.unwrap_or_default());
    let cheap = U256::from(blobs.blob_base_cost) * base_fee
        > U256::from(DATA_GAS_PER_BLOB) * U256::from(price_of(blobs, excess));
    if rules.has(Fork::Osaka) && cheap {
        // Execution is dearer than blobs: the price must not fall further.
        let room = blobs.max_blob_count.saturating_sub(blobs.target_blob_count);
        let part = U256::from(used) * U256::from(room) / U256::from(blobs.max_blob_count.max(1));
        return excess.saturating_add(part.saturating_to());
    }
    total - target
}

/// Returns the price of a unit of blob gas: the least fee times e to the power of excess over fraction, as a series
/// of whole numbers.
#[must_use]
pub fn price_of(blobs: &BlobParams, excess: u64) -> u128 {
    let (fraction, excess) = (U256::from(blobs.update_fraction.max(1)), U256::from(excess));
    let mut sum = U256::ZERO;
    let mut term = U256::from(blobs.min_blob_fee).saturating_mul(fraction);
    for index in 1..TERMS_MAX {
        if term.is_zero() {
            break;
        }
        sum = sum.saturating_add(term);
        let Some(product) = term.checked_mul(excess) else { return u128::MAX };
        term = product / fraction.saturating_mul(U256::from(index));
    }
    (sum / fraction).saturating_to()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_price_is_that_of_alloy_over_the_range_of_real_chains() {
        for blobs in [BlobParams::cancun(), BlobParams::prague(), BlobParams::bpo2()] {
            for excess in (0..200_000_000).step_by(1_234_567) {
                assert_eq!(price_of(&blobs, excess), blobs.calc_blob_fee(excess), "{excess}");
            }
        }
    }

    #[test]
    fn a_price_beyond_all_balances_ends_and_does_not_overflow() {
        assert_eq!(price_of(&BlobParams::cancun(), u64::MAX), u128::MAX);
        let broken = BlobParams { update_fraction: 0, ..BlobParams::cancun() };
        assert_eq!(price_of(&broken, u64::MAX), u128::MAX);
    }

    #[test]
    fn the_excess_is_what_is_above_the_target() {
        let blobs = BlobParams::cancun();
        let parent = |excess, count: u64| Header {
            excess_blob_gas: Some(excess),
            blob_gas_used: Some(count * DATA_GAS_PER_BLOB),
            base_fee_per_gas: Some(7),
            ..Header::default()
        };
        let rules = Rules::of(Fork::Cancun);
        assert_eq!(excess_of_child(&rules, &blobs, &parent(0, 2)), 0);
        assert_eq!(excess_of_child(&rules, &blobs, &parent(0, 6)), 3 * DATA_GAS_PER_BLOB);
        assert_eq!(excess_of_child(&rules, &blobs, &Header::default()), 0);
    }

    #[test]
    fn from_osaka_on_the_excess_does_not_fall_while_execution_is_dearer() {
        let blobs = BlobParams::osaka();
        let parent = Header {
            excess_blob_gas: Some(50 * DATA_GAS_PER_BLOB),
            blob_gas_used: Some(9 * DATA_GAS_PER_BLOB),
            base_fee_per_gas: Some(1_000_000_000),
            ..Header::default()
        };
        let theirs = blobs.next_block_excess_blob_gas_osaka(
            50 * DATA_GAS_PER_BLOB,
            9 * DATA_GAS_PER_BLOB,
            1_000_000_000,
        );
        assert_eq!(excess_of_child(&Rules::of(Fork::Osaka), &blobs, &parent), theirs);
    }
}
