//! Contracts that are no code but part of the rules: signatures, hashes, curves.
//!
//! **Spec:** Yellow Paper, appendix E; EIP-152, 196, 197, 198, 2537, 2565, 4844, 7823, 7883, 7951.

use alloy_primitives::{Address, Bytes};
use op_revm::precompiles::OpPrecompiles;
use revm::precompile::{PrecompileSpecId, PrecompileStatus, Precompiles};
use thiserror::Error;

use crate::schedule::Rules;

/// Why a precompile gave no output.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PrecompileError {
    /// It takes more gas, or the input is not what it takes; all gas is gone.
    #[error("{reason}")]
    Refused {
        /// What it says.
        reason: String,
    },
    /// There is none at the address by these rules.
    #[error("no precompile at {address} by these rules")]
    Absent {
        /// The address.
        address: Address,
    },
}

/// What a precompile gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrecompileOutput {
    /// Gas it took.
    pub gas_used: u64,
    /// What it says.
    pub bytes: Bytes,
}

/// Returns the precompiles of some rules.
fn of(rules: &Rules) -> &'static Precompiles {
    match rules.op_spec_id() {
        Some(spec) => OpPrecompiles::new_with_spec(spec).precompiles(),
        None => Precompiles::new(PrecompileSpecId::from_spec_id(rules.spec_id())),
    }
}

/// Returns whether there is a precompile at `address`.
#[must_use]
pub fn is_one(rules: &Rules, address: &Address) -> bool {
    of(rules).contains(address)
}

/// Runs the precompile at `address`.
///
/// # Errors
///
/// [`PrecompileError`] if there is none, or it refuses the input or the gas.
pub fn run(
    rules: &Rules,
    address: Address,
    input: &[u8],
    gas_limit: u64,
) -> Result<PrecompileOutput, PrecompileError> {
    let precompile = of(rules).get(&address).ok_or(PrecompileError::Absent { address })?;
    let refused = |reason: String| PrecompileError::Refused { reason };
    let output =
        precompile.execute(input, gas_limit, 0).map_err(|error| refused(error.to_string()))?;
    match output.status {
        PrecompileStatus::Success => {
            Ok(PrecompileOutput { gas_used: output.gas_used, bytes: output.bytes })
        }
        PrecompileStatus::Revert => Err(refused("reverted".to_owned())),
        PrecompileStatus::Halt(reason) => Err(refused(reason.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{address, hex};

    use super::*;
    use crate::schedule::Fork;

    #[test]
    fn sha256_of_nothing_costs_its_base() {
        let at = address!("0000000000000000000000000000000000000002");
        let output = run(&Rules::of(Fork::Frontier), at, &[], 60).unwrap();
        let expected = hex!("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!((output.gas_used, output.bytes.as_ref()), (60, expected.as_slice()));
        let short = run(&Rules::of(Fork::Frontier), at, &[], 59);
        assert!(matches!(short, Err(PrecompileError::Refused { .. })));
    }

    #[test]
    fn a_precompile_is_absent_before_its_fork() {
        let p256 = address!("0000000000000000000000000000000000000100");
        assert!(!is_one(&Rules::of(Fork::Prague), &p256));
        assert!(is_one(&Rules::of(Fork::Osaka), &p256));
        let absent = run(&Rules::of(Fork::Prague), p256, &[], 10_000);
        assert_eq!(absent, Err(PrecompileError::Absent { address: p256 }));
    }
}
