//! `registry/genesis`: the first block of every chain, from its allocation to its hash.

use std::{io::Read, path::Path};

use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, U64, U256, address, keccak256};
use quintet_eth::{state::AccountLeaf, trie::EMPTY_ROOT};
use quintet_rollup_protocol::config::{Fork, ForkSchedule, GenesisFields, genesis_header};
use ruzstd::decoding::{Dictionary, FrameDecoder, StreamingDecoder};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

use super::{is_in, own_name, registry};
use crate::{
    file::{FILE_MAX, File},
    roots::{state_root, storage_root},
    suite::{Mismatch, Report, Suite, expect_eq},
};

/// Whose storage root headers hold from Isthmus.
const MESSAGE_PASSER: Address = address!("4200000000000000000000000000000000000016");

pub(super) struct GenesisFiles;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct GenesisJson {
    config: Option<BTreeMap<String, Value>>,
    #[serde(default)]
    nonce: U64,
    timestamp: U64,
    #[serde(default)]
    extra_data: Bytes,
    gas_limit: U64,
    #[serde(default)]
    gas_used: Option<U64>,
    difficulty: Option<U256>,
    #[serde(default, alias = "mixhash")]
    mix_hash: B256,
    #[serde(default)]
    coinbase: Address,
    #[serde(default)]
    number: U64,
    #[serde(default)]
    parent_hash: B256,
    base_fee_per_gas: Option<U64>,
    excess_blob_gas: Option<U64>,
    blob_gas_used: Option<U64>,
    #[serde(default)]
    alloc: BTreeMap<String, AccountJson>,
    state_hash: Option<B256>,
}

#[derive(Deserialize)]
struct AccountJson {
    #[serde(default)]
    balance: U256,
    #[serde(default)]
    nonce: U64,
    #[serde(default)]
    code: Bytes,
    #[serde(default)]
    storage: BTreeMap<B256, B256>,
}

impl Suite for GenesisFiles {
    fn name(&self) -> &'static str {
        "genesis"
    }

    fn claims(&self, name: &Path) -> bool {
        is_in(name, "registry/genesis")
    }

    fn run(&self, file: &File, report: &mut Report) {
        let name = file.name.display().to_string();
        if own_name(&file.name) == "dictionary" {
            report.case(name, || dictionary(file).map(|_| ()));
        } else {
            report.case(name, || check(file));
        }
    }
}

fn dictionary(file: &File) -> Result<Dictionary, Mismatch> {
    Dictionary::decode_dict(&file.bytes)
        .map_err(|error| Mismatch::new("dictionary", "a zstd dictionary", error.to_string()))
}

/// Unpacks a genesis file.
fn unpack(file: &File) -> Result<Vec<u8>, Mismatch> {
    let bad = |error: String| Mismatch::new("zstd", "a frame of the dictionary", error);
    let other = file
        .other(|name| name == "registry/genesis/dictionary")
        .ok_or_else(|| bad("the dictionary is missing".to_owned()))?;
    let mut decoder = FrameDecoder::new();
    decoder.add_dict(dictionary(&other)?).map_err(|error| bad(error.to_string()))?;
    let stream = StreamingDecoder::new_with_decoder(file.bytes.as_slice(), decoder)
        .map_err(|error| bad(error.to_string()))?;
    let mut json = Vec::new();
    stream.take(FILE_MAX).read_to_end(&mut json).map_err(|error| bad(error.to_string()))?;
    Ok(json)
}

fn account(json: &AccountJson) -> AccountLeaf {
    let slots = json.storage.iter().map(|(slot, value)| ((*slot).into(), (*value).into()));
    let code_hash = if json.code.is_empty() { KECCAK256_EMPTY } else { keccak256(&json.code) };
    let (nonce, balance) = (json.nonce.to(), json.balance);
    AccountLeaf { nonce, balance, storage_root: storage_root(slots), code_hash }
}

fn check(file: &File) -> Result<(), Mismatch> {
    let name = file.name.display().to_string();
    let config_name =
        name.replace("registry/genesis", "registry/configs").replace(".json.zst", ".toml");
    let config = file
        .other(|other| other == config_name)
        .ok_or_else(|| Mismatch::new("configuration", config_name.clone(), "none"))?;
    let config = registry::chain(&config)?;
    let json: GenesisJson = serde_json::from_slice(&unpack(file)?)
        .map_err(|error| Mismatch::new("genesis", "known fields", error.to_string()))?;

    let mut accounts = BTreeMap::new();
    for (address, allocated) in &json.alloc {
        let address = address
            .trim_start_matches("0x")
            .parse::<Address>()
            .map_err(|error| Mismatch::new("address", address, error.to_string()))?;
        accounts.insert(address, account(allocated));
    }
    let passer = accounts.get(&MESSAGE_PASSER).map_or(EMPTY_ROOT, |passer| passer.storage_root);
    let state_root = json
        .state_hash
        .filter(|_| accounts.is_empty())
        .unwrap_or_else(|| state_root(accounts.iter().map(|(address, leaf)| (*address, *leaf))));

    // The forks a genesis block was made with are those of its own file, or of its configuration where it names none.
    let mut forks = ForkSchedule::new();
    match &json.config {
        None => forks = config.forks,
        Some(own) => {
            for fork in Fork::ALL {
                let begins = |key: &&str| own.get(&camel(key))?.as_u64();
                if let Some(time) = fork.keys().iter().find_map(begins) {
                    forks.set(fork, Some(time));
                }
            }
        }
    }
    let fields = GenesisFields {
        number: json.number.to(),
        parent_hash: json.parent_hash,
        timestamp: json.timestamp.to(),
        gas_limit: json.gas_limit.to(),
        gas_used: json.gas_used.unwrap_or_default().to(),
        coinbase: json.coinbase,
        difficulty: json.difficulty.unwrap_or_default(),
        mix_hash: json.mix_hash,
        nonce: json.nonce.to(),
        extra_data: json.extra_data,
        base_fee: json.base_fee_per_gas.map(|fee| fee.to()),
        blob_gas_used: json.blob_gas_used.map(|gas| gas.to()),
        excess_blob_gas: json.excess_blob_gas.map(|gas| gas.to()),
    };
    let header = genesis_header(&fields, &forks, state_root, passer);
    if config.genesis.l2.number > 0 && header.number == 0 {
        // The chain is older than Bedrock, and the file is of its first block and not of the one derivation begins at.
        return expect_eq(
            "time before that of genesis",
            true,
            header.timestamp < config.genesis.l2_time,
        );
    }
    expect_eq("time", config.genesis.l2_time, header.timestamp)?;
    expect_eq("number", config.genesis.l2.number, header.number)?;
    expect_eq("hash", config.genesis.l2.hash, header.hash_slow())
}

/// Returns a key as genesis files spell it: `canyon_time` is `canyonTime`.
fn camel(key: &str) -> String {
    key.replace("_time", "Time")
}
