//! Rules for headers: what one must say, given its parent.
//!
//! ```text
//!   header, parent, rules ──► check ──► fields of the fork · number, time · gas limit · base fee · blobs · difficulty
//! ```
//!
//! Roots and gas used are compared after execution: see [`block`](crate::block).
//!
//! **Spec:** Yellow Paper, section 4.4.4; EIP-1559, 3675, 4399, 4844, 4895, 7685; EIP-779 for the DAO.

pub mod base_fee;
pub mod blobs;
pub mod difficulty;
mod error;
pub mod gas_limit;

use alloy_consensus::{EMPTY_OMMER_ROOT_HASH, Header};
use alloy_primitives::B64;

pub use self::error::HeaderError;
use crate::{
    op::base_fee::{Parameters, of_child as of_op_child},
    schedule::{DAO_EXTRA_DATA_BLOCKS, Fork, OpFork, OpSchedule, Rules},
};

/// Longest extra data of Ethereum, in bytes.
pub const EXTRA_DATA_MAX: usize = 32;

/// What blocks at and after the DAO fork must say.
const DAO_EXTRA_DATA: &[u8] = b"dao-hard-fork";

/// Checks a header against its parent.
///
/// `rules` are those of the header's own number and time. The parent's hash is the caller's to look up. The seal of a
/// mined block is not checked: who imports mined blocks trusts where they come from.
///
/// # Errors
///
/// [`HeaderError`] for the first rule that does not hold.
pub fn check(rules: &Rules, header: &Header, parent: &Header) -> Result<(), HeaderError> {
    let expected = parent.number.saturating_add(1);
    if header.number != expected {
        return Err(HeaderError::Number { expected, actual: header.number });
    }
    let equal = rules.equal_timestamps && header.timestamp == parent.timestamp;
    if header.timestamp <= parent.timestamp && !equal {
        return Err(HeaderError::Timestamp { after: parent.timestamp, actual: header.timestamp });
    }
    fields(rules, header)?;
    extra_data(rules, header)?;
    consensus(rules, header, parent)?;
    gas_limit::check(rules, header, parent)?;
    base_fee::check(rules, header, parent)?;
    blobs::check(rules, header, parent)
}

/// Checks what an OP chain asks of a header beyond [`check`]: the base fee, and the form of the extra data.
///
/// **Spec:** OP Stack specification, "Holocene: dynamic EIP-1559 parameters", "Jovian: minimum base fee".
///
/// # Errors
///
/// [`HeaderError`] for the first rule that does not hold.
pub fn check_op(op: &OpSchedule, header: &Header, parent: &Header) -> Result<(), HeaderError> {
    let fork = op.fork_at(header.timestamp);
    if fork >= OpFork::Holocene {
        Parameters::read(op, fork, &header.extra_data)?;
    }
    let expected = of_op_child(op, parent, header.timestamp)?;
    match header.base_fee_per_gas {
        Some(actual) if actual != expected => Err(HeaderError::BaseFee { expected, actual }),
        _ => Ok(()),
    }
}

/// Checks that the fields of the fork are there, and no later ones.
fn fields(rules: &Rules, header: &Header) -> Result<(), HeaderError> {
    let fields = [
        ("baseFeePerGas", header.base_fee_per_gas.is_some(), Fork::London),
        ("withdrawalsRoot", header.withdrawals_root.is_some(), Fork::Shanghai),
        ("blobGasUsed", header.blob_gas_used.is_some(), Fork::Cancun),
        ("excessBlobGas", header.excess_blob_gas.is_some(), Fork::Cancun),
        ("parentBeaconBlockRoot", header.parent_beacon_block_root.is_some(), Fork::Cancun),
        ("requestsHash", header.requests_hash.is_some(), Fork::Prague),
    ];
    for (field, is_there, since) in fields {
        match (rules.has(since), is_there) {
            (true, false) => return Err(HeaderError::Missing { field }),
            (false, true) => return Err(HeaderError::TooEarly { field }),
            (true, true) | (false, false) => {}
        }
    }
    if header.block_access_list_hash.is_some() {
        return Err(HeaderError::TooEarly { field: "blockAccessListHash" });
    }
    if header.slot_number.is_some() {
        return Err(HeaderError::TooEarly { field: "slotNumber" });
    }
    Ok(())
}

fn extra_data(rules: &Rules, header: &Header) -> Result<(), HeaderError> {
    let most = rules.extra_data_max;
    if header.extra_data.len() > most {
        return Err(HeaderError::ExtraData { most, actual: header.extra_data.len() });
    }
    let dao = rules.since_dao.is_some_and(|since| since < DAO_EXTRA_DATA_BLOCKS);
    if dao && *header.extra_data != *DAO_EXTRA_DATA {
        return Err(HeaderError::DaoExtraData);
    }
    Ok(())
}

/// Checks what proof of work, or proof of stake, leaves in a header.
fn consensus(rules: &Rules, header: &Header, parent: &Header) -> Result<(), HeaderError> {
    if !rules.has(Fork::Paris) {
        let expected = difficulty::of_child(rules.fork, parent, header.timestamp);
        if header.difficulty != expected {
            return Err(HeaderError::Difficulty { expected, actual: header.difficulty });
        }
        return Ok(());
    }
    if !header.difficulty.is_zero() {
        return Err(HeaderError::StakeDifficulty { actual: header.difficulty });
    }
    if header.nonce != B64::ZERO {
        return Err(HeaderError::StakeNonce { actual: header.nonce });
    }
    if header.ommers_hash != EMPTY_OMMER_ROOT_HASH {
        return Err(HeaderError::StakeOmmers);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use alloy_primitives::{Bytes, U256};

    use super::*;

    fn cancun() -> (Rules, Header, Header) {
        let parent = Header {
            number: 7,
            timestamp: 100,
            gas_limit: 30_000_000,
            gas_used: 15_000_000,
            base_fee_per_gas: Some(1000),
            excess_blob_gas: Some(0),
            blob_gas_used: Some(0),
            ..Header::default()
        };
        let header = Header {
            number: 8,
            timestamp: 101,
            gas_limit: 30_000_000,
            base_fee_per_gas: Some(1000),
            withdrawals_root: Some([0; 32].into()),
            blob_gas_used: Some(0),
            excess_blob_gas: Some(0),
            parent_beacon_block_root: Some([0; 32].into()),
            difficulty: U256::ZERO,
            ..Header::default()
        };
        (Rules::of(Fork::Cancun), header, parent)
    }

    #[test]
    fn a_header_that_follows_its_parent_passes() {
        let (rules, header, parent) = cancun();
        assert_eq!(check(&rules, &header, &parent), Ok(()));
    }

    /// Changes one thing of a good header and returns why it is refused.
    fn refused(change: impl FnOnce(&mut Header)) -> HeaderError {
        let (rules, mut header, parent) = cancun();
        change(&mut header);
        check(&rules, &header, &parent).unwrap_err()
    }

    #[test]
    fn each_rule_refuses_a_header_for_its_own_reason() {
        use HeaderError as E;
        assert!(matches!(
            refused(|header| header.number = 9),
            E::Number { expected: 8, actual: 9 }
        ));
        assert!(matches!(
            refused(|header| header.timestamp = 100),
            E::Timestamp { after: 100, .. }
        ));
        assert!(matches!(
            refused(|header| header.extra_data = Bytes::from(vec![0; 33])),
            E::ExtraData { most: 32, actual: 33 }
        ));
        assert!(matches!(
            refused(|header| header.difficulty = U256::ONE),
            E::StakeDifficulty { .. }
        ));
        assert!(matches!(
            refused(|header| header.nonce = B64::repeat_byte(1)),
            E::StakeNonce { .. }
        ));
        assert!(matches!(refused(|header| header.ommers_hash = [1; 32].into()), E::StakeOmmers));
        assert!(matches!(
            refused(|header| header.gas_limit += 30_000_000 / 1024),
            E::GasLimit { .. }
        ));
        assert!(matches!(refused(|header| header.gas_used = 30_000_001), E::GasUsed { .. }));
        assert!(matches!(refused(|header| header.base_fee_per_gas = Some(999)), E::BaseFee { .. }));
        assert!(matches!(
            refused(|header| header.excess_blob_gas = Some(1)),
            E::ExcessBlobGas { .. }
        ));
        assert!(matches!(refused(|header| header.blob_gas_used = Some(1)), E::BlobGasPart { .. }));
        assert_eq!(
            refused(|header| header.base_fee_per_gas = None),
            E::Missing { field: "baseFeePerGas" }
        );
        assert_eq!(
            refused(|header| header.requests_hash = Some([0; 32].into())),
            E::TooEarly { field: "requestsHash" }
        );
    }
}
