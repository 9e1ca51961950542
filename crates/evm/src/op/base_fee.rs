//! The base fee of an OP chain: Ethereum's formula with parameters of its own, from Holocene on in the extra data.
//!
//! ```text
//!   extra data:  0 │ denominator u32 │ elasticity u32            Holocene
//!                1 │ denominator u32 │ elasticity u32 │ least u64   Jovian
//! ```
//!
//! **Spec:** OP Stack specification, "Holocene: dynamic EIP-1559 parameters", "Jovian: minimum base fee".

use alloy_consensus::Header;
use thiserror::Error;

use crate::{
    header::base_fee::next,
    schedule::{OpFork, OpSchedule},
};

/// Why a parent's extra data holds no parameters.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("expected {expected} bytes of extra data that begin with {version}, got {actual}")]
pub struct ExtraDataError {
    /// Length of the fork's form.
    pub expected: usize,
    /// Its first byte.
    pub version: u8,
    /// What is there, in bytes.
    pub actual: usize,
}

/// Parameters of the base fee.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parameters {
    /// How many times the target the limit of gas is.
    pub elasticity: u64,
    /// By how much changes are damped.
    pub denominator: u64,
    /// The least base fee, in wei.
    pub least: u64,
}

impl Parameters {
    /// Reads the parameters of extra data, from Holocene on. Zeros stand for the chain's own from Canyon on.
    ///
    /// # Errors
    ///
    /// [`ExtraDataError`] if it is not in the fork's form.
    pub fn read(schedule: &OpSchedule, fork: OpFork, extra: &[u8]) -> Result<Self, ExtraDataError> {
        let (expected, version) = if fork >= OpFork::Jovian { (17, 1) } else { (9, 0) };
        if extra.len() != expected || extra.first() != Some(&version) {
            return Err(ExtraDataError { expected, version, actual: extra.len() });
        }
        let number = |from: usize, to: usize| {
            extra
                .iter()
                .take(to)
                .skip(from)
                .fold(0, |number, byte| (number << 8) | u64::from(*byte))
        };
        let (denominator, elasticity) = (number(1, 5), number(5, 9));
        if denominator == 0 || elasticity == 0 {
            return Ok(Self { least: number(9, 17), ..Self::of_chain(schedule, fork) });
        }
        Ok(Self { elasticity, denominator, least: number(9, 17) })
    }

    /// Returns the parameters of a chain before Holocene.
    #[must_use]
    pub fn of_chain(schedule: &OpSchedule, fork: OpFork) -> Self {
        let canyon = fork >= OpFork::Canyon;
        let denominator = if canyon { schedule.denominator_canyon } else { schedule.denominator };
        Self { elasticity: schedule.elasticity, denominator, least: 0 }
    }
}

/// Returns the base fee of the block at `timestamp` after `parent`.
///
/// # Errors
///
/// [`ExtraDataError`] if the parent's extra data is not in its fork's form.
pub fn of_child(
    schedule: &OpSchedule,
    parent: &Header,
    timestamp: u64,
) -> Result<u64, ExtraDataError> {
    let parents = schedule.fork_at(parent.timestamp);
    let parameters = if parents >= OpFork::Holocene {
        Parameters::read(schedule, parents, &parent.extra_data)?
    } else {
        Parameters::of_chain(schedule, schedule.fork_at(timestamp))
    };
    // From Jovian on data that fills L1 counts as gas.
    let footprint = parent.blob_gas_used.filter(|_| parents >= OpFork::Jovian).unwrap_or_default();
    let used = parent.gas_used.max(footprint);
    let fee = parent.base_fee_per_gas.unwrap_or_default();
    let Parameters { elasticity, denominator, least } = parameters;
    Ok(next(fee, used, parent.gas_limit, elasticity, denominator).max(least))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule() -> OpSchedule {
        OpSchedule::new(vec![(OpFork::Canyon, 10), (OpFork::Holocene, 20), (OpFork::Jovian, 30)])
    }

    fn parent(timestamp: u64, extra: &[u8]) -> Header {
        Header {
            timestamp,
            extra_data: extra.to_vec().into(),
            gas_limit: 30_000_000,
            gas_used: 30_000_000,
            base_fee_per_gas: Some(1_000_000),
            blob_gas_used: Some(0),
            ..Header::default()
        }
    }

    #[test]
    fn damping_changes_with_canyon() {
        let fee = |timestamp| of_child(&schedule(), &parent(1, &[]), timestamp).unwrap();
        assert_eq!(fee(9), 1_000_000 + 1_000_000 * 5 / 50);
        assert_eq!(fee(10), 1_000_000 + 1_000_000 * 5 / 250);
    }

    #[test]
    fn parameters_are_read_of_the_parents_extra_data() {
        let extra = [0, 0, 0, 0, 8, 0, 0, 0, 2];
        assert_eq!(of_child(&schedule(), &parent(20, &extra), 22), Ok(1_125_000));
        let zeros = of_child(&schedule(), &parent(20, &[0; 9]), 22).unwrap();
        assert_eq!(zeros, 1_020_000);
        let expected = ExtraDataError { expected: 9, version: 0, actual: 0 };
        assert_eq!(of_child(&schedule(), &parent(20, &[]), 22), Err(expected));
    }

    #[test]
    fn the_least_base_fee_and_the_footprint_of_data_count_from_jovian_on() {
        let mut extra = [0; 17];
        (extra[0], extra[4], extra[8], extra[16]) = (1, 8, 2, 200);
        let mut parent = parent(30, &extra);
        (parent.gas_used, parent.base_fee_per_gas) = (0, Some(100));
        assert_eq!(of_child(&schedule(), &parent, 32), Ok(200));
        parent.blob_gas_used = Some(30_000_000);
        parent.base_fee_per_gas = Some(1_000_000);
        assert_eq!(of_child(&schedule(), &parent, 32), Ok(1_125_000));
    }
}
