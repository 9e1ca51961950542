//! `chains/` and the chain of `rpc/`: a genesis file, and the blocks after it one behind the other.
//!
//! A chain's file is its case; files beside it that say which block is the head are compared when they are met.

use std::path::{Path, PathBuf};

use alloy_consensus::Header;
use alloy_genesis::Genesis;
use alloy_primitives::{B256, U256};
use alloy_rlp::Header as ListHeader;
use quintet_evm::{
    header::base_fee,
    schedule::{Fork, Rules, Schedule},
};
use serde_json::Value;

use super::{importer::Importer, world::World};
use crate::{
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq},
};

/// States kept of a chain under import, in blocks.
const STATES: usize = 128;

/// Chains with their genesis files, and the files that name their heads.
const CHAINS: [(&str, &str, Option<&str>); 3] = [
    ("chains/hive_halfchain.rlp", "chains/hive_genesis.json", None),
    (
        "chains/hive_sync/chain.rlp",
        "chains/hive_sync/genesis.json",
        Some("chains/hive_sync/headfcu.json"),
    ),
    ("rpc/chain.rlp", "rpc/genesis.json", Some("rpc/headfcu.json")),
];

pub(super) struct Chains;

impl Suite for Chains {
    fn name(&self) -> &'static str {
        "chains"
    }

    fn claims(&self, name: &Path) -> bool {
        name.starts_with("chains") || CHAINS.iter().any(|(chain, ..)| Path::new(chain) == name)
    }

    fn run(&self, file: &File, report: &mut Report) {
        let name = file.name.display().to_string();
        let chain = CHAINS.iter().find(|(chain, ..)| Path::new(chain) == file.name);
        match chain {
            Some((_, genesis, head)) => report.case(name, || check(file, genesis, *head)),
            None if name.ends_with("rlp") => report.skip("a chain without a genesis file"),
            // Read with its chain; here only whether it can be read.
            None => report.case(name, || json(file).map(drop)),
        }
    }
}

fn json(file: &File) -> Result<Value, Mismatch> {
    serde_json::from_slice(&file.bytes)
        .map_err(|error| Mismatch::new(file.name.display(), "JSON", error.to_string()))
}

fn beside(file: &File, wanted: &str) -> Result<File, Mismatch> {
    let found = file.other(|name| name == wanted);
    found.ok_or_else(|| Mismatch::new("file", PathBuf::from(wanted), "none"))
}

fn check(file: &File, genesis: &str, head: Option<&str>) -> Result<(), Mismatch> {
    let genesis: Genesis = serde_json::from_slice(&beside(file, genesis)?.bytes)
        .map_err(|error| Mismatch::new("genesis", "a genesis file", error.to_string()))?;
    let schedule = Schedule::from_genesis(&genesis.config)
        .map_err(|error| Mismatch::new("config", "a schedule", error.to_string()))?;
    let world = World::of_genesis(&genesis);
    let header = genesis_header(&schedule, &genesis, world.root());
    let mut chain = Importer::new(schedule, header, world);
    let mut bytes = file.bytes.as_slice();
    let mut number = 0;
    while !bytes.is_empty() {
        number += 1;
        let block = next_item(&mut bytes)?;
        chain.import(block).map_err(|error| {
            Mismatch::new(format!("block {number}"), "a good one", error.to_string())
        })?;
        if number % STATES == 0 {
            chain.forget_states();
        }
    }
    let Some(head) = head else { return Ok(()) };
    let head = json(&beside(file, head)?)?;
    let hash = head.pointer("/params/0/headBlockHash").and_then(Value::as_str);
    let hash: Option<B256> = hash.and_then(|hash| hash.parse().ok());
    expect_eq("head", hash, Some(chain.head()))
}

/// Splits off the next item of a row of lists.
pub(super) fn next_item<'a>(bytes: &mut &'a [u8]) -> Result<&'a [u8], Mismatch> {
    let mut rest = *bytes;
    let failed = || Mismatch::new("chain", "a list", "something else");
    let header = ListHeader::decode(&mut rest).map_err(|_| failed())?;
    let length = bytes.len() - rest.len() + header.payload_length;
    let item = bytes.get(..length).ok_or_else(failed)?;
    *bytes = &bytes[length..];
    Ok(item)
}

/// Returns the header of a genesis file's block.
fn genesis_header(schedule: &Schedule, genesis: &Genesis, state_root: B256) -> Header {
    let number = genesis.number.unwrap_or_default();
    let merged = schedule.terminal_total_difficulty == Some(U256::ZERO);
    let rules: Rules = schedule.rules(number, genesis.timestamp, merged);
    let since = |fork| rules.has(fork).then_some(());
    Header {
        state_root,
        number,
        nonce: genesis.nonce.into(),
        timestamp: genesis.timestamp,
        extra_data: genesis.extra_data.clone(),
        gas_limit: genesis.gas_limit,
        difficulty: genesis.difficulty,
        mix_hash: genesis.mix_hash,
        beneficiary: genesis.coinbase,
        parent_hash: genesis.parent_hash.unwrap_or_default(),
        base_fee_per_gas: since(Fork::London).map(|()| {
            genesis
                .base_fee_per_gas
                .map_or(base_fee::INITIAL, |fee| u64::try_from(fee).unwrap_or(u64::MAX))
        }),
        withdrawals_root: since(Fork::Shanghai).map(|()| alloy_trie::EMPTY_ROOT_HASH),
        blob_gas_used: since(Fork::Cancun).map(|()| genesis.blob_gas_used.unwrap_or_default()),
        excess_blob_gas: since(Fork::Cancun).map(|()| genesis.excess_blob_gas.unwrap_or_default()),
        parent_beacon_block_root: since(Fork::Cancun).map(|()| B256::ZERO),
        requests_hash: since(Fork::Prague).map(|()| alloy_eips::eip7685::EMPTY_REQUESTS_HASH),
        ..Header::default()
    }
}
