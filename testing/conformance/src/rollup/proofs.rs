//! `derive/witness/`: real blocks with the accounts and slots they touch, each proved against the state before them; executed on that.

use std::{collections::BTreeMap, path::Path};

use alloy_consensus::Header;
use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, U64, U256, address};
use quintet_eth::state::{Account, AccountLeaf, AccountProof, StateView, StorageProof};
use quintet_evm::{
    execute::{BlockInput, execute},
    parallel::{self, Options},
    schedule::{Fork, OpFork, OpSchedule, Schedule},
};
use quintet_rollup_protocol::verify;
use serde::Deserialize;
use serde_json::Value;

use super::{
    derivation::L2_FILE,
    exec::{THREADS, decode, hash_before, sent},
    is_in,
    l1_json::BlockJson,
    witness::{Witness, WitnessError},
};
use crate::{
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq},
};

/// Where operator fees go from Isthmus on. The executor looks at it in every fork, to add nothing; those who made these witnesses did not.
const OPERATOR_FEE_VAULT: Address = address!("420000000000000000000000000000000000001b");
/// Chain id of OP Mainnet, whose blocks these are: of September 2023, under Regolith.
const CHAIN_ID: u64 = 10;

pub(super) struct ProvedBlocks;

impl Suite for ProvedBlocks {
    fn name(&self) -> &'static str {
        "proofs"
    }

    fn claims(&self, name: &Path) -> bool {
        is_in(name, "derive/witness")
    }

    fn run(&self, file: &File, report: &mut Report) {
        let Some(value) = report.json(file) else { return };
        let parsed = Case::deserialize(&value)
            .map_err(|error| Mismatch::new("file", "known fields", error.to_string()))
            .and_then(|case| Ok((parent(file, case.parent_block_no)?, case)));
        let (parent, case) = match parsed {
            Ok(parsed) => parsed,
            Err(mismatch) => return report.case("file", || Err(mismatch)),
        };
        for proof in &case.proofs {
            report.case(format!("proof of {}", proof.address), || proof.check(parent.state_root));
        }
        report.case("execution", || case.execute(&parent));
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    block: Value,
    parent_block_no: u64,
    proofs: Vec<ProofJson>,
    code: BTreeMap<Address, Bytes>,
}

/// A reply of `eth_getProof`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ProofJson {
    address: Address,
    balance: U256,
    code_hash: B256,
    nonce: U64,
    storage_hash: B256,
    account_proof: Vec<Bytes>,
    storage_proof: Vec<SlotJson>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SlotJson {
    key: U256,
    value: U256,
    proof: Vec<Bytes>,
}

impl ProofJson {
    fn check(&self, root: B256) -> Result<(), Mismatch> {
        let slot = |slot: &SlotJson| StorageProof {
            slot: slot.key,
            value: slot.value,
            nodes: slot.proof.clone(),
        };
        let proof = AccountProof {
            address: self.address,
            account: AccountLeaf {
                nonce: self.nonce.to(),
                balance: self.balance,
                storage_root: self.storage_hash,
                code_hash: self.code_hash,
            },
            nodes: self.account_proof.clone(),
            storage: self.storage_proof.iter().map(slot).collect(),
        };
        proof.verify(root).map_err(|error| Mismatch::new("proof", "holds", error.to_string()))
    }

    fn nodes(&self) -> impl Iterator<Item = &Bytes> {
        self.account_proof.iter().chain(self.storage_proof.iter().flat_map(|slot| &slot.proof))
    }
}

/// A witness beside which the vault of a later fork is there, with nothing in it.
struct BeforeIsthmus<'a>(&'a Witness);

impl StateView for BeforeIsthmus<'_> {
    type Error = WitnessError;

    fn account(&self, address: Address) -> Result<Option<Account>, WitnessError> {
        if address == OPERATOR_FEE_VAULT {
            // Not an empty one, which a touch would remove.
            return Ok(Some(Account { nonce: 1, balance: U256::ZERO, code_hash: KECCAK256_EMPTY }));
        }
        self.0.account(address)
    }

    fn storage(&self, address: Address, slot: U256) -> Result<U256, WitnessError> {
        self.0.storage(address, slot)
    }

    fn code(&self, hash: B256) -> Result<Bytes, WitnessError> {
        self.0.code(hash)
    }
}

/// Returns the header of a block out of the file of real blocks.
fn parent(file: &File, number: u64) -> Result<Header, Mismatch> {
    let missing = || Mismatch::new("parent", format!("block {number} in {L2_FILE}"), "none");
    let blocks = file.other(|name| name == L2_FILE).ok_or_else(missing)?;
    let blocks: Value = serde_json::from_slice(&blocks.bytes).map_err(|_| missing())?;
    for item in blocks.get("l2").and_then(Value::as_array).ok_or_else(missing)? {
        let block = BlockJson::read(item.get("block").unwrap_or(&Value::Null))?;
        if block.header.number == number {
            verify::header(&block.header, block.hash)
                .map_err(|error| Mismatch::new("parent", "its hash", error.to_string()))?;
            return Ok(block.header);
        }
    }
    Err(missing())
}

impl Case {
    fn execute(&self, parent: &Header) -> Result<(), Mismatch> {
        let block = BlockJson::read(&self.block)?;
        let header = &block.header;
        let mut schedule = Schedule::from_start(CHAIN_ID, Fork::Paris);
        schedule.blobs.clear();
        schedule.op = Some(OpSchedule::new(vec![(OpFork::Regolith, 0)]));
        let rules = schedule.rules_after(parent, header, true);
        let nodes = self.proofs.iter().flat_map(ProofJson::nodes).chain(self.code.values());
        let witness = Witness::new(parent.state_root, nodes.cloned().collect());
        let raw = block.transactions.unwrap_or_default();
        let envelopes = raw.iter().map(decode).collect::<Result<Vec<_>, _>>()?;
        let transactions = envelopes.iter().map(sent).collect::<Result<Vec<_>, _>>()?;
        let input =
            BlockInput { header, transactions: &transactions, ommers: &[], withdrawals: None };
        let hashes = |number: u64| hash_before(&witness, parent, number);
        let failed = |error: String| Mismatch::new("execution", "an outcome", error);
        let view = BeforeIsthmus(&witness);
        let outcome = execute(rules, &input, &view, &hashes, None)
            .map_err(|error| failed(error.to_string()))?;
        let options = Options::always(THREADS);
        let (by_many, _) = parallel::execute(rules, &input, &view, &hashes, None, &options)
            .map_err(|error| failed(error.to_string()))?;
        expect_eq("outcome of both executors", &outcome, &by_many)?;
        let state_root = witness
            .root_after(&outcome.changes)
            .map_err(|error| Mismatch::new("state root", "all nodes", error.to_string()))?;
        let executed = Header {
            gas_used: outcome.gas_used,
            logs_bloom: outcome.bloom(),
            receipts_root: outcome.receipts_root(),
            state_root,
            ..header.clone()
        };
        expect_eq("header", header, &executed)?;
        expect_eq("block hash", block.hash, executed.hash_slow())
    }
}
