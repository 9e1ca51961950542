//! A block's header as far as it is known before execution.

use alloy_consensus::{
    EMPTY_OMMER_ROOT_HASH, Header,
    constants::{EMPTY_ROOT_HASH, EMPTY_WITHDRAWALS},
};
use alloy_eips::eip7685::EMPTY_REQUESTS_HASH;
use alloy_primitives::Bytes;
use quintet_evm::{op::base_fee, schedule::OpFork};

use super::{ExecuteFixtureError, Fixture};

/// Makes the header from parent and attributes.
pub(super) fn before_execution(fixture: &Fixture) -> Result<Header, ExecuteFixtureError> {
    let (parent, attributes, op) = (&fixture.parent, &fixture.attributes, &fixture.op);
    let timestamp = attributes.timestamp;
    let fork = op.fork_at(timestamp);
    let since = |from: OpFork| fork >= from;
    Ok(Header {
        parent_hash: parent.hash_slow(),
        ommers_hash: EMPTY_OMMER_ROOT_HASH,
        beneficiary: attributes.suggested_fee_recipient,
        transactions_root: EMPTY_ROOT_HASH,
        number: parent.number.saturating_add(1),
        gas_limit: attributes.gas_limit,
        timestamp,
        extra_data: extra_data(fixture, fork),
        mix_hash: attributes.prev_randao,
        base_fee_per_gas: Some(base_fee::of_child(op, parent, timestamp)?),
        withdrawals_root: since(OpFork::Canyon).then_some(EMPTY_WITHDRAWALS),
        blob_gas_used: since(OpFork::Ecotone).then_some(0),
        excess_blob_gas: since(OpFork::Ecotone).then_some(0),
        parent_beacon_block_root: attributes.parent_beacon_block_root,
        requests_hash: since(OpFork::Isthmus).then_some(EMPTY_REQUESTS_HASH),
        ..Header::default()
    })
}

/// Writes the parameters of the base fee; zeros in the attributes stand for the chain's own.
///
/// **Spec:** `holocene/exec-engine.md` and `jovian/exec-engine.md`, "Base Fee Configuration".
fn extra_data(fixture: &Fixture, fork: OpFork) -> Bytes {
    let Some(params) = fixture.attributes.eip1559_params.filter(|_| fork >= OpFork::Holocene)
    else {
        return Bytes::new();
    };
    let own = |number: u64| u32::try_from(number).unwrap_or(u32::MAX).to_be_bytes();
    let mut out = vec![u8::from(fork >= OpFork::Jovian)];
    if params.is_zero() {
        out.extend(own(fixture.op.denominator_canyon));
        out.extend(own(fixture.op.elasticity));
    } else {
        out.extend(params.as_slice());
    }
    if fork >= OpFork::Jovian {
        out.extend(fixture.attributes.min_base_fee.unwrap_or_default().to_be_bytes());
    }
    out.into()
}
