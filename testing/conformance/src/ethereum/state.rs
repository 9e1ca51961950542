//! `state/`: one transaction each, on a state, by the rules of each fork.

use std::{collections::BTreeMap, path::Path};

use alloy_consensus::{
    EthereumTxEnvelope, Header, TxEip4844, Typed2718, transaction::SignerRecoverable,
};
use alloy_eips::eip2718::Decodable2718;
use alloy_primitives::{Address, B256, Bytes, U256, keccak256};
use quintet_evm::{
    block::BlockError,
    execute::{RunError, Session, Transaction},
    parallel::{self, Options},
    schedule::{Fork, Rules},
};
use serde::Deserialize;

use super::{
    exceptions, lies_in,
    world::{World, Written},
};
use crate::{
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq},
};

/// Tests filled with prices that were changed before the fork. Those whose price stayed are run.
const DEVNET_GAS: &str = "eip/stEIP2537";

/// Threads of the parallel executor.
const THREADS: usize = 2;

/// Base fee where a test says none.
const BASE_FEE: u64 = 10;

pub(super) struct StateTests;

impl Suite for StateTests {
    fn name(&self) -> &'static str {
        "state"
    }

    fn claims(&self, name: &Path) -> bool {
        lies_in(name, "state") && name.extension().is_some_and(|extension| extension == "json")
    }

    fn run(&self, file: &File, report: &mut Report) {
        let cases: BTreeMap<String, Case> = match serde_json::from_slice(&file.bytes) {
            Ok(cases) => cases,
            Err(error) => {
                report.unreadable = Some(format!("expected state tests by name: {error}"));
                return;
            }
        };
        for (name, case) in cases {
            let world = World::new(case.pre);
            for (network, posts) in case.post {
                for (index, post) in posts.into_iter().enumerate() {
                    let name = format!("{}: {name} {network} {index}", file.name.display());
                    let Some(fork) = Fork::by_name(&network) else {
                        report
                            .case(name, || Err(Mismatch::new("network", "a known name", &network)));
                        continue;
                    };
                    let check = || post.check(fork, &case.env, &case.transaction, &world);
                    if name.contains(DEVNET_GAS)
                        && check().is_err_and(|mismatch| mismatch.what == "state root")
                    {
                        report.skip("curve prices of a test network of 2024, which the fork did not take over");
                        continue;
                    }
                    report.case(name, check);
                }
            }
        }
    }
}

#[derive(Deserialize)]
struct Case {
    env: Env,
    pre: BTreeMap<Address, Written>,
    transaction: Parts,
    post: BTreeMap<String, Vec<Post>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Env {
    current_coinbase: Address,
    current_difficulty: U256,
    current_gas_limit: U256,
    current_number: U256,
    current_timestamp: U256,
    current_base_fee: Option<U256>,
    current_random: Option<B256>,
    current_excess_blob_gas: Option<U256>,
}

/// The parts a transaction is put together from; it lies ready in `txbytes`, and must agree with them.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Parts {
    data: Vec<Bytes>,
    gas_limit: Vec<U256>,
    value: Vec<String>,
    nonce: U256,
    sender: Address,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Post {
    hash: B256,
    logs: B256,
    indexes: Indexes,
    txbytes: Bytes,
    expect_exception: Option<String>,
}

#[derive(Deserialize)]
struct Indexes {
    data: usize,
    gas: usize,
    value: usize,
}

impl Post {
    fn check(&self, fork: Fork, env: &Env, parts: &Parts, world: &World) -> Result<(), Mismatch> {
        let (rules, header) = (Rules::of(fork), env.header(fork));
        let hashes = |number: u64| Some(keccak256(number.to_string()));
        let transaction = self.transaction(&rules, parts);
        let begin = || {
            let begun = Session::begin(rules, &header, world, &hashes, None);
            begun.map_err(|error| Mismatch::new("begin", "a session", error.to_string()))
        };
        let mut one = begin()?;
        let mut many = begin()?;
        let run = transaction.and_then(|transaction| {
            let transactions = [transaction];
            let options = Options::always(THREADS);
            let by_many =
                parallel::run(&mut many, &transactions, &options).map_err(|(_, error)| error);
            let by_one = one.run(&transactions[0]).map(|receipt| receipt.logs.clone());
            in_words(by_one).and_then(|logs| in_words(by_many).map(|_| logs))
        });
        let logs = match (run, &self.expect_exception) {
            (Ok(logs), None) => logs,
            (Err(error), Some(names)) => {
                exceptions::expect(names, &error)?;
                Vec::new()
            }
            (Ok(_), Some(names)) => return Err(Mismatch::new("expectException", names, "it ran")),
            (Err(error), None) => {
                return Err(Mismatch::new("transaction", "runs", error.to_string()));
            }
        };
        expect_eq("receipts of both executors", one.receipts(), many.receipts())?;
        expect_eq("changes of both executors", one.changes(), many.changes())?;
        // The tests end with a reward of nothing for the miner, which still touches its account.
        let paid = one.credit(header.beneficiary, U256::ZERO);
        paid.map_err(|error| Mismatch::new("reward", "paid", error.to_string()))?;
        expect_eq("logs", self.logs, keccak256(alloy_rlp::encode(&logs)))?;
        expect_eq("state root", self.hash, world.root_after(&one.changes()))
    }

    fn transaction(&self, rules: &Rules, parts: &Parts) -> Result<Transaction, BlockError> {
        let failed = |reason: String| BlockError::Encoding { reason };
        let mut bytes = self.txbytes.as_ref();
        let decoded = EthereumTxEnvelope::<TxEip4844>::decode_2718(&mut bytes);
        let transaction = decoded.map_err(|error| failed(error.to_string()))?;
        let sender = if rules.has(Fork::Homestead) {
            transaction.recover_signer()
        } else {
            transaction.recover_signer_unchecked()
        };
        let sender = sender.map_err(|error| failed(error.to_string()))?;
        let agrees = parts.agrees(&self.indexes, &transaction, sender);
        agrees.map_err(|mismatch| failed(format!("{}: {}", mismatch.what, mismatch.actual)))?;
        Ok(Transaction::ethereum(&transaction, sender))
    }
}

/// Says why a transaction was not run, as a fault of its block.
fn in_words<T, E: std::error::Error>(result: Result<T, RunError<E>>) -> Result<T, BlockError> {
    result.map_err(|error| match error {
        RunError::Refused(error) => BlockError::Transaction { index: 0, error },
        other @ (RunError::Read(_) | RunError::Interpreter { .. }) => {
            BlockError::Encoding { reason: format!("not run: {other}") }
        }
    })
}

impl Parts {
    fn agrees<T: alloy_consensus::Transaction + Typed2718>(
        &self,
        indexes: &Indexes,
        transaction: &T,
        sender: Address,
    ) -> Result<(), Mismatch> {
        expect_eq("sender", self.sender, sender)?;
        expect_eq("nonce", self.nonce, U256::from(transaction.nonce()))?;
        expect_eq("data", self.data.get(indexes.data), Some(transaction.input()))?;
        let gas = U256::from(transaction.gas_limit());
        expect_eq("gas limit", self.gas_limit.get(indexes.gas), Some(&gas))?;
        let value = self.value.get(indexes.value).map(String::as_str).unwrap_or_default();
        expect_eq("value", value.parse().ok(), Some(transaction.value()))
    }
}

impl Env {
    fn header(&self, fork: Fork) -> Header {
        let number = |value: Option<U256>| value.map(|value| value.saturating_to::<u64>());
        let base_fee = number(self.current_base_fee).unwrap_or(BASE_FEE);
        let excess = number(self.current_excess_blob_gas).unwrap_or_default();
        Header {
            beneficiary: self.current_coinbase,
            difficulty: self.current_difficulty,
            gas_limit: self.current_gas_limit.saturating_to(),
            number: self.current_number.saturating_to(),
            timestamp: self.current_timestamp.saturating_to(),
            base_fee_per_gas: (fork >= Fork::London).then_some(base_fee),
            mix_hash: self.current_random.unwrap_or_default(),
            excess_blob_gas: (fork >= Fork::Cancun).then_some(excess),
            ..Header::default()
        }
    }
}
