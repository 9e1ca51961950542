//! `op-test-vectors/`: a block of transactions on a few accounts, and what becomes of them.
//!
//! The vectors were made by anvil as Ethereum's executor, on a fork of OP Mainnet's state: no fee goes to a vault, what is not the
//! miner's is burned. They do not say the base fee. It is what the sender paid for a unit of gas less what the miner got, both of which
//! they say; everything else is compared.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use alloy_consensus::{Header, Transaction as _};
use alloy_primitives::{Address, B256, Bloom, Bytes, U64, U256};
use op_alloy_consensus::OpTxEnvelope;
use quintet_eth::{state::StateView as _, trie::ordered_root};
use quintet_evm::{
    execute::{BlockInput, execute},
    schedule::{Fork, Rules},
};
use serde::Deserialize;
use serde_json::Value;

use super::{
    exec::{decode, sender, sent},
    is_in, l1_json, own_name,
};
use crate::{
    ethereum::world::{World, Written},
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq},
};

/// Chain id where a transaction names none.
const CHAIN_ID: u64 = 10;

pub(super) struct Transitions;

impl Suite for Transitions {
    fn name(&self) -> &'static str {
        "transitions"
    }

    fn claims(&self, name: &Path) -> bool {
        is_in(name, "op-test-vectors")
            && !matches!(own_name(name), "derivation_fixture.json" | "fixture_block.json")
    }

    fn run(&self, file: &File, report: &mut Report) {
        let Some(value) = report.json(file) else { return };
        report.json_case(own_name(&file.name), value, |case: Case| case.check());
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Case {
    env: Environment,
    alloc: BTreeMap<Address, Written>,
    out_alloc: BTreeMap<Address, After>,
    /// Each under the name of its type.
    txs: Vec<BTreeMap<String, Value>>,
    result: Outcome,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Environment {
    current_coinbase: Address,
    current_difficulty: U256,
    current_gas_limit: U64,
    previous_hash: B256,
    current_number: U64,
    current_timestamp: U64,
}

/// What is said of an account afterwards.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct After {
    balance: Option<U256>,
    nonce: Option<U64>,
    code: Option<Bytes>,
    #[serde(default)]
    storage: BTreeMap<U256, U256>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Outcome {
    tx_root: B256,
    receipt_root: B256,
    logs_bloom: Bloom,
    receipts: Vec<ReceiptJson>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ReceiptJson {
    gas_used: U256,
    cumulative_gas_used: U256,
}

/// Encodes a transaction under the name of its type.
fn encode(named: &BTreeMap<String, Value>) -> Result<Bytes, Mismatch> {
    let unknown = || Mismatch::new("transaction", "one of a known type", named.keys());
    let (name, fields) = named.first_key_value().ok_or_else(unknown)?;
    let kind = match name.as_str() {
        "Legacy" => "0x0",
        "EIP2930" => "0x1",
        "EIP1559" => "0x2",
        "EIP4844" => "0x3",
        "Deposit" => "0x7e",
        _ => return Err(unknown()),
    };
    let mut fields = fields.clone();
    let object = fields.as_object_mut().ok_or_else(unknown)?;
    object.insert("type".to_owned(), kind.into());
    if let Some(gas) = object.remove("gasLimit") {
        object.insert("gas".to_owned(), gas);
    }
    l1_json::transaction(&fields)
}

impl Case {
    fn check(self) -> Result<(), Mismatch> {
        let raw = self.txs.iter().map(encode).collect::<Result<Vec<_>, _>>()?;
        expect_eq("transactions root", self.result.tx_root, ordered_root(&raw))?;
        let envelopes = raw.iter().map(decode).collect::<Result<Vec<_>, _>>()?;
        let transactions = envelopes.iter().map(sent).collect::<Result<Vec<_>, _>>()?;
        let world = World::new(self.alloc.clone());
        let price = match envelopes.first() {
            Some(first) => self.base_fee(first, &world)?,
            None => U256::ZERO,
        };
        let header = self.env.header(price.saturating_to());
        let rules = Rules { chain_id: CHAIN_ID, ..Rules::of(Fork::Cancun) };
        let input = BlockInput {
            header: &header,
            transactions: &transactions,
            ommers: &[],
            withdrawals: Some(&[]),
        };
        let outcome = execute(rules, &input, &world, &|_: u64| None, None)
            .map_err(|error| Mismatch::new("execution", "an outcome", error.to_string()))?;
        let gas: Vec<_> = outcome
            .receipts
            .iter()
            .map(|receipt| U256::from(receipt.cumulative_gas_used))
            .collect();
        let said: Vec<_> =
            self.result.receipts.iter().map(|receipt| receipt.cumulative_gas_used).collect();
        expect_eq("gas", said, gas)?;
        expect_eq("bloom", self.result.logs_bloom, outcome.bloom())?;
        expect_eq("receipts root", self.result.receipt_root, outcome.receipts_root())?;
        let said: BTreeSet<_> = self.out_alloc.keys().collect();
        expect_eq("accounts that changed", said, outcome.changes.accounts.keys().collect())?;
        let mut after = world;
        after.apply(&outcome.changes);
        self.out_alloc.iter().try_for_each(|(address, said)| said.check(*address, &after))
    }

    /// Returns the base fee, from what the first transaction's sender and the miner have afterwards.
    fn base_fee(&self, first: &OpTxEnvelope, world: &World) -> Result<U256, Mismatch> {
        let before = |address| -> Result<U256, Mismatch> {
            let account = world.account(address).map_err(unread)?;
            Ok(account.map(|account| account.balance).unwrap_or_default())
        };
        let after = |address| {
            self.out_alloc.get(&address).and_then(|after| after.balance).unwrap_or_default()
        };
        let (sender, miner) = (sender(first)?, self.env.current_coinbase);
        let paid = before(sender)?.saturating_sub(after(sender)).saturating_sub(first.value());
        let earned = after(miner).saturating_sub(before(miner)?);
        let gas = self.result.receipts.first().map(|receipt| receipt.gas_used).unwrap_or_default();
        Ok(paid.saturating_sub(earned).checked_div(gas).unwrap_or_default())
    }
}

fn unread(error: impl std::fmt::Display) -> Mismatch {
    Mismatch::new("account", "read", error.to_string())
}

impl Environment {
    fn header(&self, base_fee: u64) -> Header {
        Header {
            parent_hash: self.previous_hash,
            beneficiary: self.current_coinbase,
            mix_hash: self.current_difficulty.into(),
            number: self.current_number.to(),
            gas_limit: self.current_gas_limit.to(),
            timestamp: self.current_timestamp.to(),
            base_fee_per_gas: Some(base_fee),
            excess_blob_gas: Some(0),
            blob_gas_used: Some(0),
            parent_beacon_block_root: Some(B256::ZERO),
            ..Header::default()
        }
    }
}

impl After {
    fn check(&self, address: Address, world: &World) -> Result<(), Mismatch> {
        let account = world.account(address).map_err(unread)?;
        let account = account.ok_or_else(|| Mismatch::new(address, "an account", "none"))?;
        if let Some(balance) = self.balance {
            expect_eq(format!("balance of {address}"), balance, account.balance)?;
        }
        if let Some(nonce) = self.nonce {
            expect_eq(format!("nonce of {address}"), nonce.to(), account.nonce)?;
        }
        if let Some(code) = &self.code {
            let held = world.code(account.code_hash).map_err(unread)?;
            expect_eq(format!("code of {address}"), code, &held)?;
        }
        for (slot, value) in &self.storage {
            let held = world.storage(address, *slot).map_err(unread)?;
            expect_eq(format!("slot {slot} of {address}"), *value, held)?;
        }
        Ok(())
    }
}
