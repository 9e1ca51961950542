//! The file a block and its witness come in.

use std::collections::HashMap;

use alloy_consensus::Header;
use alloy_primitives::{Address, B64, B256, Bloom, Bytes, U256, keccak256};
use quintet_evm::schedule::{Fork, OpFork, OpSchedule, Schedule};
use quintet_rollup_protocol::attributes::PayloadAttributes;
use serde::Deserialize;
use serde_json::Value;

use super::ExecuteFixtureError;

/// A block to execute, with what it needs of the state before it.
#[derive(Debug, Clone)]
pub struct Fixture {
    /// Where it is from, as the file says.
    pub source: String,
    /// Rules of the chain.
    pub schedule: Schedule,
    /// Its forks and base fee.
    pub op: OpSchedule,
    /// The block before it.
    pub parent: Header,
    /// What it is built from.
    pub attributes: PayloadAttributes,
    /// Its hash.
    pub expected: B256,
    /// Trie nodes, code and headers by their keccak256.
    pub preimages: HashMap<B256, Bytes>,
}

#[derive(Deserialize)]
struct File {
    #[serde(default)]
    source: String,
    fixture: Inner,
    preimages: Vec<Bytes>,
}

#[derive(Deserialize)]
struct Inner {
    rollup_config: Value,
    parent_header: HeaderJson,
    executing_payload: PayloadJson,
    expected_block_hash: B256,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct PayloadJson {
    timestamp: U256,
    prev_randao: B256,
    suggested_fee_recipient: Address,
    parent_beacon_block_root: Option<B256>,
    transactions: Vec<Bytes>,
    gas_limit: U256,
    eip1559_params: Option<B64>,
    min_base_fee: Option<u64>,
    withdrawals: Option<Vec<Value>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct HeaderJson {
    parent_hash: B256,
    sha3_uncles: B256,
    miner: Address,
    state_root: B256,
    transactions_root: B256,
    receipts_root: B256,
    logs_bloom: Bloom,
    difficulty: U256,
    number: U256,
    gas_limit: U256,
    gas_used: U256,
    timestamp: U256,
    extra_data: Bytes,
    mix_hash: B256,
    nonce: B64,
    base_fee_per_gas: Option<U256>,
    withdrawals_root: Option<B256>,
    blob_gas_used: Option<U256>,
    excess_blob_gas: Option<U256>,
    parent_beacon_block_root: Option<B256>,
    requests_hash: Option<B256>,
}

/// The fields of a configuration that say when a fork begins.
const FORKS: [(&str, OpFork); 10] = [
    ("regolith_time", OpFork::Regolith),
    ("canyon_time", OpFork::Canyon),
    ("ecotone_time", OpFork::Ecotone),
    ("fjord_time", OpFork::Fjord),
    ("granite_time", OpFork::Granite),
    ("holocene_time", OpFork::Holocene),
    ("isthmus_time", OpFork::Isthmus),
    ("jovian_time", OpFork::Jovian),
    ("karst_time", OpFork::Karst),
    ("interop_time", OpFork::Interop),
];

/// Reads a number as JSON or hexadecimal text has it.
fn number(value: Option<&Value>) -> Option<u64> {
    match value? {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.parse::<U256>().ok().and_then(|number| number.try_into().ok()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn narrow(field: &'static str, number: U256) -> Result<u64, ExecuteFixtureError> {
    u64::try_from(number).map_err(|_| ExecuteFixtureError::Fixture {
        expected: "numbers of at most 64 bits",
        actual: format!("{field} {number}"),
    })
}

impl HeaderJson {
    fn header(self) -> Result<Header, ExecuteFixtureError> {
        let some = |field, number: Option<U256>| number.map(|n| narrow(field, n)).transpose();
        Ok(Header {
            parent_hash: self.parent_hash,
            ommers_hash: self.sha3_uncles,
            beneficiary: self.miner,
            state_root: self.state_root,
            transactions_root: self.transactions_root,
            receipts_root: self.receipts_root,
            logs_bloom: self.logs_bloom,
            difficulty: self.difficulty,
            number: narrow("number", self.number)?,
            gas_limit: narrow("gasLimit", self.gas_limit)?,
            gas_used: narrow("gasUsed", self.gas_used)?,
            timestamp: narrow("timestamp", self.timestamp)?,
            extra_data: self.extra_data,
            mix_hash: self.mix_hash,
            nonce: self.nonce,
            base_fee_per_gas: some("baseFeePerGas", self.base_fee_per_gas)?,
            withdrawals_root: self.withdrawals_root,
            blob_gas_used: some("blobGasUsed", self.blob_gas_used)?,
            excess_blob_gas: some("excessBlobGas", self.excess_blob_gas)?,
            parent_beacon_block_root: self.parent_beacon_block_root,
            requests_hash: self.requests_hash,
            ..Header::default()
        })
    }
}

impl Fixture {
    /// Reads a file's text.
    ///
    /// # Errors
    ///
    /// [`ExecuteFixtureError::Fixture`] if it is not of the form.
    pub fn read(text: &str) -> Result<Self, ExecuteFixtureError> {
        let bad = |actual: String| ExecuteFixtureError::Fixture {
            expected: "a block with its witness",
            actual,
        };
        let File { source, fixture, preimages } =
            serde_json::from_str(text).map_err(|error| bad(error.to_string()))?;
        let config = &fixture.rollup_config;
        let begin = |(field, fork): (&str, OpFork)| Some((fork, number(config.get(field))?));
        let mut op = OpSchedule::new(FORKS.into_iter().filter_map(begin).collect());
        let fee = |field: &str, default| {
            number(config.pointer(&format!("/chain_op_config/{field}")))
                .filter(|number| *number > 0)
                .unwrap_or(default)
        };
        op.elasticity = fee("eip1559Elasticity", op.elasticity);
        op.denominator = fee("eip1559Denominator", op.denominator);
        op.denominator_canyon = fee("eip1559DenominatorCanyon", op.denominator_canyon);
        let chain_id = number(config.get("l2_chain_id"));
        let chain_id = chain_id.ok_or_else(|| bad("no l2_chain_id".to_owned()))?;
        let mut schedule = Schedule::from_start(chain_id, Fork::Paris);
        schedule.blobs.clear();
        schedule.op = Some(op.clone());
        let payload = fixture.executing_payload;
        let attributes = PayloadAttributes {
            timestamp: narrow("timestamp", payload.timestamp)?,
            prev_randao: payload.prev_randao,
            suggested_fee_recipient: payload.suggested_fee_recipient,
            withdrawals: payload.withdrawals.is_some(),
            parent_beacon_block_root: payload.parent_beacon_block_root,
            transactions: payload.transactions,
            no_tx_pool: true,
            gas_limit: narrow("gasLimit", payload.gas_limit)?,
            eip1559_params: payload.eip1559_params,
            min_base_fee: payload.min_base_fee,
        };
        Ok(Self {
            source,
            schedule,
            op,
            parent: fixture.parent_header.header()?,
            attributes,
            expected: fixture.expected_block_hash,
            preimages: preimages.into_iter().map(|value| (keccak256(&value), value)).collect(),
        })
    }
}
