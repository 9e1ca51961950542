//! `mainnet/`: a real block of Ethereum with the accounts it reads.
//!
//! The files say what goes in. What comes out is compared between the executors: every transaction must be taken, and
//! many threads must leave what one leaves.

use std::{collections::BTreeMap, path::Path};

use alloy_consensus::{
    EthereumTxEnvelope, Header, Signed, TxEip1559, TxEip2930, TxEip4844, TxEip7702, TxLegacy,
};
use alloy_eips::{
    eip2930::{AccessList, AccessListItem},
    eip7702::{Authorization, SignedAuthorization},
};
use alloy_primitives::{Address, B256, Bytes, Signature, TxKind, U256};
use quintet_evm::{
    execute::{Session, Transaction},
    parallel,
    schedule::{Fork, Rules},
};
use serde::{Deserialize, de::DeserializeOwned};

use super::{
    lies_in,
    world::{World, Written},
};
use crate::{
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq},
};

/// Threads of the parallel executor.
const THREADS: usize = 4;

pub(super) struct MainnetBlocks;

impl Suite for MainnetBlocks {
    fn name(&self) -> &'static str {
        "mainnet"
    }

    fn claims(&self, name: &Path) -> bool {
        lies_in(name, "mainnet") && name.extension().is_some_and(|extension| extension == "json")
    }

    fn run(&self, file: &File, report: &mut Report) {
        let name = file.name.display().to_string();
        match file.own_name() {
            "block.json" => report.case(name, || check(file)),
            // Run with the block beside them; here only whether they can be read.
            "txs.json" => report.case(name, || read::<Vec<CaseTransaction>>(file).map(drop)),
            _ => report.case(name, || read::<BTreeMap<Address, Written>>(file).map(drop)),
        }
    }
}

fn read<T: DeserializeOwned>(file: &File) -> Result<T, Mismatch> {
    serde_json::from_slice(&file.bytes)
        .map_err(|error| Mismatch::new(file.name.display(), "known fields", error.to_string()))
}

/// Reads the file beside the block's.
fn beside<T: DeserializeOwned>(block: &File, own_name: &str) -> Result<T, Mismatch> {
    let wanted = block.name.with_file_name(own_name);
    let file = block.other(|name| Path::new(name) == wanted);
    read(&file.ok_or_else(|| Mismatch::new("file", wanted.display().to_string(), "none"))?)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseBlock {
    number: u64,
    coinbase: Address,
    timestamp: u64,
    gas_limit: u64,
    basefee: u64,
    difficulty: U256,
    prevrandao: B256,
    excess_blob_gas: u64,
    chain_id: u64,
    spec_id: String,
    block_hashes: BTreeMap<u64, B256>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseTransaction {
    tx_type: u8,
    caller: Address,
    to: Option<Address>,
    nonce: u64,
    value: U256,
    data: Bytes,
    gas_limit: u64,
    gas_price: u128,
    gas_priority_fee: Option<u128>,
    chain_id: Option<u64>,
    access_list: Vec<CaseAccess>,
    blob_hashes: Vec<B256>,
    max_fee_per_blob_gas: u128,
    authorization_list: Vec<CaseAuthorization>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseAccess {
    address: Address,
    storage_keys: Vec<B256>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseAuthorization {
    chain_id: U256,
    address: Address,
    nonce: u64,
    y_parity: u8,
    r: U256,
    s: U256,
}

fn check(file: &File) -> Result<(), Mismatch> {
    let block: CaseBlock = read(file)?;
    let transactions: Vec<CaseTransaction> = beside(file, "txs.json")?;
    let world = World::new(beside(file, "pre_state.json")?);
    let fork = Fork::by_name(&block.spec_id)
        .ok_or_else(|| Mismatch::new("spec_id", "a known fork", &block.spec_id))?;
    let rules = Rules { chain_id: block.chain_id, ..Rules::of(fork) };
    let header = block.header();
    let hashes = |number: u64| block.block_hashes.get(&number).copied();
    let transactions: Vec<_> = transactions.iter().map(CaseTransaction::transaction).collect();
    let begin = || {
        let begun = Session::begin(rules, &header, &world, &hashes, None);
        begun.map_err(|error| Mismatch::new("begin", "a session", error.to_string()))
    };
    let mut sequential = begin()?;
    for (index, transaction) in transactions.iter().enumerate() {
        let run = sequential.run(transaction);
        run.map_err(|error| {
            Mismatch::new(format!("transaction {index}"), "runs", error.to_string())
        })?;
    }
    let mut parallel = begin()?;
    parallel::run(&mut parallel, &transactions, &parallel::Options::always(THREADS)).map_err(
        |(index, error)| Mismatch::new(format!("transaction {index}"), "runs", error.to_string()),
    )?;
    expect_eq("receipts", sequential.receipts(), parallel.receipts())?;
    expect_eq("changes", sequential.changes(), parallel.changes())
}

impl CaseBlock {
    fn header(&self) -> Header {
        let parent = self.number.checked_sub(1).and_then(|parent| self.block_hashes.get(&parent));
        Header {
            parent_hash: parent.copied().unwrap_or_default(),
            number: self.number,
            beneficiary: self.coinbase,
            timestamp: self.timestamp,
            gas_limit: self.gas_limit,
            base_fee_per_gas: Some(self.basefee),
            difficulty: self.difficulty,
            mix_hash: self.prevrandao,
            excess_blob_gas: Some(self.excess_blob_gas),
            ..Header::default()
        }
    }
}

impl CaseTransaction {
    /// Puts the transaction together. Who signed it is said; the signature is not.
    fn transaction(&self) -> Transaction {
        let (signature, hash) = (Signature::new(U256::ONE, U256::ONE, false), B256::ZERO);
        let to = self.to.map_or(TxKind::Create, TxKind::Call);
        let (chain_id, nonce, gas_limit) =
            (self.chain_id.unwrap_or_default(), self.nonce, self.gas_limit);
        let (value, input) = (self.value, self.data.clone());
        let (max_fee_per_gas, tip) = (self.gas_price, self.gas_priority_fee.unwrap_or_default());
        let access_list = self.access_list();
        let envelope: EthereumTxEnvelope<TxEip4844> = match self.tx_type {
            0 => {
                let (chain_id, gas_price) = (self.chain_id, self.gas_price);
                let legacy = TxLegacy { chain_id, nonce, gas_price, gas_limit, to, value, input };
                Signed::new_unchecked(legacy, signature, hash).into()
            }
            1 => {
                let gas_price = self.gas_price;
                let listed = TxEip2930 {
                    chain_id,
                    nonce,
                    gas_price,
                    gas_limit,
                    to,
                    value,
                    access_list,
                    input,
                };
                Signed::new_unchecked(listed, signature, hash).into()
            }
            3 | 4 => self.with_lists(signature),
            _ => {
                let fee = TxEip1559 {
                    chain_id,
                    nonce,
                    gas_limit,
                    max_fee_per_gas,
                    max_priority_fee_per_gas: tip,
                    to,
                    value,
                    access_list,
                    input,
                };
                Signed::new_unchecked(fee, signature, hash).into()
            }
        };
        Transaction::ethereum(&envelope, self.caller)
    }

    /// Puts a transaction with blobs or authorisations together.
    fn with_lists(&self, signature: Signature) -> EthereumTxEnvelope<TxEip4844> {
        let (chain_id, nonce, gas_limit) =
            (self.chain_id.unwrap_or_default(), self.nonce, self.gas_limit);
        let (max_fee_per_gas, tip) = (self.gas_price, self.gas_priority_fee.unwrap_or_default());
        let to = self.to.unwrap_or_default();
        let (value, access_list, input) = (self.value, self.access_list(), self.data.clone());
        if self.tx_type == 3 {
            let blobs = TxEip4844 {
                chain_id,
                nonce,
                gas_limit,
                max_fee_per_gas,
                max_priority_fee_per_gas: tip,
                to,
                value,
                access_list,
                blob_versioned_hashes: self.blob_hashes.clone(),
                max_fee_per_blob_gas: self.max_fee_per_blob_gas,
                input,
            };
            return Signed::new_unchecked(blobs, signature, B256::ZERO).into();
        }
        let code = TxEip7702 {
            chain_id,
            nonce,
            gas_limit,
            max_fee_per_gas,
            max_priority_fee_per_gas: tip,
            to,
            value,
            access_list,
            authorization_list: self.authorizations(),
            input,
        };
        Signed::new_unchecked(code, signature, B256::ZERO).into()
    }

    fn access_list(&self) -> AccessList {
        let item = |access: &CaseAccess| AccessListItem {
            address: access.address,
            storage_keys: access.storage_keys.clone(),
        };
        AccessList(self.access_list.iter().map(item).collect())
    }

    fn authorizations(&self) -> Vec<SignedAuthorization> {
        let signed = |authorization: &CaseAuthorization| {
            let CaseAuthorization { chain_id, address, nonce, y_parity, r, s } = *authorization;
            let inner = Authorization { chain_id, address, nonce };
            SignedAuthorization::new_unchecked(inner, y_parity, r, s)
        };
        self.authorization_list.iter().map(signed).collect()
    }
}
