//! `genesis.json`: the first blocks of the networks.

use std::path::Path;

use quintet_kaspa_protocol::{
    hashing::hash_merkle_root,
    params::{Network, Params},
};
use quintet_primitives::hex;
use serde::Deserialize;

use super::hash;
use crate::{
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq, is_json_named},
};

pub(super) struct GenesisBlocks;

impl Suite for GenesisBlocks {
    fn name(&self) -> &'static str {
        "genesis"
    }

    fn claims(&self, name: &Path) -> bool {
        is_json_named(name, "genesis")
    }

    fn run(&self, file: &File, report: &mut Report) {
        report.json_cases(file, |case: Case| case.check());
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    network: String,
    hash: String,
    version: u16,
    hash_merkle_root: String,
    utxo_commitment: String,
    timestamp_ms: u64,
    bits: u32,
    nonce: u64,
    daa_score: u64,
    coinbase_payload: String,
}

impl Case {
    fn check(&self) -> Result<(), Mismatch> {
        let name = if self.network == "testnet" { "testnet-10" } else { &self.network };
        let network: Network =
            name.parse().map_err(|_| Mismatch::new("network", "a known one", &self.network))?;
        let block = Params::of(network).genesis.block();
        let header = &block.header;
        let root = hash("hash_merkle_root", &self.hash_merkle_root)?;
        expect_eq("hash", hash("hash", &self.hash)?, header.hash())?;
        expect_eq("version", self.version, header.version)?;
        expect_eq("hash_merkle_root", root, header.hash_merkle_root)?;
        expect_eq("merkle root of the coinbase", root, hash_merkle_root(&block.transactions))?;
        let commitment = hash("utxo_commitment", &self.utxo_commitment)?;
        expect_eq("utxo_commitment", commitment, header.utxo_commitment)?;
        expect_eq("timestamp_ms", self.timestamp_ms, header.timestamp)?;
        expect_eq("bits", self.bits, header.bits)?;
        expect_eq("nonce", self.nonce, header.nonce)?;
        expect_eq("daa_score", self.daa_score, header.daa_score)?;
        let payload = hex::encode(&block.transactions[0].payload);
        expect_eq("coinbase_payload", &self.coinbase_payload, &payload)
    }
}
