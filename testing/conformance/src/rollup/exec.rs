//! `exec/`: real blocks of OP chains, executed on what is known of the state before them.

use std::path::Path;

use alloy_consensus::{
    EMPTY_OMMER_ROOT_HASH, Header, proofs::calculate_transaction_root,
    transaction::SignerRecoverable,
};
use alloy_eips::{eip2718::Decodable2718, eip7685::EMPTY_REQUESTS_HASH};
use alloy_primitives::{Address, B64, B256, Bloom, Bytes, U256};
use op_alloy_consensus::OpTxEnvelope;
use quintet_evm::{
    execute::{BlockInput, Transaction, execute},
    op::base_fee,
    parallel::{self, Options},
    schedule::{Fork, OpFork, OpSchedule, Schedule},
};
use serde::Deserialize;
use serde_json::Value;

use super::witness::Witness;
use crate::{
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq},
};

/// Threads of the parallel executor.
pub(super) const THREADS: usize = 2;

pub(super) struct ExecutedBlocks;

impl Suite for ExecutedBlocks {
    fn name(&self) -> &'static str {
        "exec"
    }

    fn claims(&self, name: &Path) -> bool {
        name.starts_with("exec") && name.extension().is_some_and(|extension| extension == "json")
    }

    fn run(&self, file: &File, report: &mut Report) {
        let Some(value) = report.json(file) else { return };
        report.json_case(file.name.display(), value, |case: Case| case.check());
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    #[serde(rename = "source")]
    _source: String,
    fixture: Fixture,
    preimages: Vec<Bytes>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Fixture {
    rollup_config: Value,
    parent_header: WrittenHeader,
    executing_payload: Payload,
    expected_block_hash: B256,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Payload {
    timestamp: U256,
    prev_randao: B256,
    suggested_fee_recipient: Address,
    parent_beacon_block_root: Option<B256>,
    transactions: Vec<Bytes>,
    gas_limit: U256,
    eip1559_params: Option<Bytes>,
    #[serde(rename = "withdrawals")]
    _withdrawals: Option<Value>,
    #[serde(rename = "noTxPool")]
    _no_tx_pool: Option<Value>,
}

/// A header as JSON-RPC writes it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct WrittenHeader {
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

impl WrittenHeader {
    fn header(&self) -> Header {
        let number = |number: U256| number.saturating_to::<u64>();
        Header {
            parent_hash: self.parent_hash,
            ommers_hash: self.sha3_uncles,
            beneficiary: self.miner,
            state_root: self.state_root,
            transactions_root: self.transactions_root,
            receipts_root: self.receipts_root,
            logs_bloom: self.logs_bloom,
            difficulty: self.difficulty,
            number: number(self.number),
            gas_limit: number(self.gas_limit),
            gas_used: number(self.gas_used),
            timestamp: number(self.timestamp),
            extra_data: self.extra_data.clone(),
            mix_hash: self.mix_hash,
            nonce: self.nonce,
            base_fee_per_gas: self.base_fee_per_gas.map(number),
            withdrawals_root: self.withdrawals_root,
            blob_gas_used: self.blob_gas_used.map(number),
            excess_blob_gas: self.excess_blob_gas.map(number),
            parent_beacon_block_root: self.parent_beacon_block_root,
            requests_hash: self.requests_hash,
            ..Header::default()
        }
    }
}

/// The fields of a rollup's configuration that say when a fork begins.
const FIELDS: [(&str, OpFork); 10] = [
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

fn number(value: Option<&Value>) -> Option<u64> {
    match value? {
        Value::Number(number) => number.as_u64(),
        Value::String(text) => text.parse::<U256>().ok().map(|number| number.saturating_to()),
        _ => None,
    }
}

impl Fixture {
    fn schedule(&self) -> Result<(Schedule, OpSchedule), Mismatch> {
        let config = &self.rollup_config;
        let forks =
            FIELDS.iter().filter_map(|(field, fork)| Some((*fork, number(config.get(field))?)));
        let mut op = OpSchedule::new(forks.collect());
        let fee = |field: &str, default| {
            number(config.pointer(&format!("/chain_op_config/{field}"))).unwrap_or(default)
        };
        op.elasticity = fee("eip1559Elasticity", op.elasticity);
        op.denominator = fee("eip1559Denominator", op.denominator);
        op.denominator_canyon = fee("eip1559DenominatorCanyon", op.denominator_canyon);
        let chain_id = number(config.get("l2_chain_id"))
            .ok_or_else(|| Mismatch::new("l2_chain_id", "a number", config.get("l2_chain_id")))?;
        let mut schedule = Schedule::from_start(chain_id, Fork::Paris);
        schedule.blobs.clear();
        schedule.op = Some(op.clone());
        Ok((schedule, op))
    }

    /// Returns the header as far as it is known before execution.
    fn header(&self, op: &OpSchedule, parent: &Header) -> Result<Header, Mismatch> {
        let payload = &self.executing_payload;
        let timestamp = payload.timestamp.saturating_to();
        let fork = op.fork_at(timestamp);
        let base_fee = base_fee::of_child(op, parent, timestamp)
            .map_err(|error| Mismatch::new("base fee", "parameters", error.to_string()))?;
        let extra = payload.eip1559_params.as_ref().filter(|_| fork >= OpFork::Holocene);
        let since = |from| (fork >= from).then_some(());
        Ok(Header {
            parent_hash: parent.hash_slow(),
            ommers_hash: EMPTY_OMMER_ROOT_HASH,
            beneficiary: payload.suggested_fee_recipient,
            number: parent.number + 1,
            gas_limit: payload.gas_limit.saturating_to(),
            timestamp,
            extra_data: extra
                .map(|extra| [&[0], extra.as_ref()].concat().into())
                .unwrap_or_default(),
            mix_hash: payload.prev_randao,
            base_fee_per_gas: Some(base_fee),
            withdrawals_root: since(OpFork::Canyon).map(|()| quintet_eth::trie::EMPTY_ROOT),
            blob_gas_used: since(OpFork::Ecotone).map(|()| 0),
            excess_blob_gas: since(OpFork::Ecotone).map(|()| 0),
            parent_beacon_block_root: payload.parent_beacon_block_root,
            requests_hash: since(OpFork::Isthmus).map(|()| EMPTY_REQUESTS_HASH),
            ..Header::default()
        })
    }
}

impl Case {
    fn check(self) -> Result<(), Mismatch> {
        let fixture = &self.fixture;
        let (schedule, op) = fixture.schedule()?;
        let parent = fixture.parent_header.header();
        let mut header = fixture.header(&op, &parent)?;
        let rules = schedule.rules_after(&parent, &header, true);
        let witness = Witness::new(parent.state_root, self.preimages);
        let decoded = fixture.executing_payload.transactions.iter().map(decode);
        let envelopes: Vec<_> = decoded.collect::<Result<_, _>>()?;
        let transactions = envelopes.iter().map(sent).collect::<Result<Vec<_>, _>>()?;
        let input = BlockInput {
            header: &header,
            transactions: &transactions,
            ommers: &[],
            withdrawals: Some(&[]),
        };
        let hashes = |number: u64| hash_before(&witness, &parent, number);
        let outcome = execute(rules, &input, &witness, &hashes, None)
            .map_err(|error| Mismatch::new("execution", "an outcome", error.to_string()))?;
        let (by_many, _) =
            parallel::execute(rules, &input, &witness, &hashes, None, &Options::always(THREADS))
                .map_err(|error| {
                    Mismatch::new("execution by many threads", "an outcome", error.to_string())
                })?;
        expect_eq("outcome of both executors", &outcome, &by_many)?;
        header.transactions_root = calculate_transaction_root(&envelopes);
        header.gas_used = outcome.gas_used;
        header.logs_bloom = outcome.bloom();
        header.receipts_root = outcome.receipts_root();
        header.state_root = witness
            .root_after(&outcome.changes)
            .map_err(|error| Mismatch::new("state root", "all nodes", error.to_string()))?;
        expect_eq("block hash", fixture.expected_block_hash, header.hash_slow())
    }
}

pub(super) fn decode(bytes: &Bytes) -> Result<OpTxEnvelope, Mismatch> {
    OpTxEnvelope::decode_2718(&mut bytes.as_ref())
        .map_err(|error| Mismatch::new("transaction", "one of an OP chain", error.to_string()))
}

pub(super) fn sent(envelope: &OpTxEnvelope) -> Result<Transaction, Mismatch> {
    Ok(Transaction::optimism(envelope, sender(envelope)?))
}

pub(super) fn sender(envelope: &OpTxEnvelope) -> Result<Address, Mismatch> {
    match envelope.as_deposit() {
        Some(deposit) => Ok(deposit.from),
        None => envelope
            .recover_signer()
            .map_err(|error| Mismatch::new("sender", "a signature", error.to_string())),
    }
}

/// Returns the hash of an ancestor whose descendants' headers are in the witness.
pub(super) fn hash_before(witness: &Witness, parent: &Header, number: u64) -> Option<B256> {
    let mut header = parent.clone();
    let mut hash = parent.hash_slow();
    while header.number > number {
        hash = header.parent_hash;
        if header.number == number + 1 {
            return Some(hash);
        }
        let bytes = witness.preimage(hash)?;
        header = alloy_rlp::Decodable::decode(&mut bytes.as_ref()).ok()?;
    }
    (header.number == number).then_some(hash)
}
