//! How far the limit of gas may move from one block to the next.
//!
//! **Spec:** Yellow Paper, equation 47; EIP-1559 for the fork block, at which the limit doubles.

use alloy_consensus::Header;

use super::HeaderError;
use crate::schedule::{Fork, Rules};

/// The limit moves by less than its parent's over this.
pub const BOUND_DIVISOR: u64 = 1024;
/// The least limit.
pub const GAS_LIMIT_MIN: u64 = 5000;
/// The greatest limit: what clients hold in a signed number.
pub const GAS_LIMIT_MAX: u64 = 0x7fff_ffff_ffff_ffff;
/// How many times its target of gas a block may use, from London on.
pub const ELASTICITY: u64 = 2;

pub(super) fn check(rules: &Rules, header: &Header, parent: &Header) -> Result<(), HeaderError> {
    if header.gas_used > header.gas_limit {
        return Err(HeaderError::GasUsed { limit: header.gas_limit, actual: header.gas_used });
    }
    if rules.op.is_some() {
        // The rollup's configuration sets it from one block to the next.
        return Ok(());
    }
    let begins = rules.has(Fork::London) && parent.base_fee_per_gas.is_none();
    let from = if begins { parent.gas_limit.saturating_mul(ELASTICITY) } else { parent.gas_limit };
    let step = (from / BOUND_DIVISOR).saturating_sub(1);
    let least = from.saturating_sub(step).max(GAS_LIMIT_MIN);
    let most = from.saturating_add(step).min(GAS_LIMIT_MAX);
    if !(least..=most).contains(&header.gas_limit) {
        return Err(HeaderError::GasLimit { least, most, actual: header.gas_limit });
    }
    Ok(())
}
