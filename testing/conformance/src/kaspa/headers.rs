//! `mainnet_headers.json`: headers of the main network with their proof of work.

use std::path::Path;

use quintet_kaspa_protocol::{
    header::{BlueWork, Header, LevelParents},
    params::{Network, Params},
    pow::{Pow, level_of, level_of_header},
    target,
};
use quintet_primitives::Hash256;
use serde::Deserialize;

use super::hash;
use crate::{
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq, is_json_named},
};

pub(super) struct Headers;

impl Suite for Headers {
    fn name(&self) -> &'static str {
        "headers"
    }

    fn claims(&self, name: &Path) -> bool {
        is_json_named(name, "mainnet_headers")
    }

    fn run(&self, file: &File, report: &mut Report) {
        let Some(value) = report.json(file) else { return };
        report.json_case("links of the chain", value.clone(), |chain: Chain| chain.check());
        let headers = value.get("headers_chain").and_then(|headers| headers.as_array());
        for (index, header) in headers.into_iter().flatten().enumerate() {
            let case = format!("{}[{index}]", file.name.display());
            report.json_case(case, header.clone(), |header: Json| header.check());
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Chain {
    #[serde(rename = "description")]
    _description: String,
    checkpoint_hash: String,
    original_genesis_hash: String,
    headers_chain: Vec<Json>,
}

impl Chain {
    /// The first header is the checkpoint, the last the first block there ever was; what lies between
    /// may be a sample, but each names the original genesis or another pruning point.
    fn check(&self) -> Result<(), Mismatch> {
        let hashes = [&self.checkpoint_hash, &self.original_genesis_hash];
        for text in hashes {
            hash("hash", text)?;
        }
        let first = self.headers_chain.first().map(|header| &header.hash);
        expect_eq("checkpoint", Some(&self.checkpoint_hash), first)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Json {
    hash: String,
    version: u16,
    parents: Vec<Vec<String>>,
    hash_merkle_root: String,
    #[serde(rename = "acceptedIDMerkleRoot")]
    accepted_id_merkle_root: String,
    utxo_commitment: String,
    time_in_milliseconds: u64,
    bits: u32,
    nonce: u64,
    daa_score: u64,
    blue_score: u64,
    blue_work: String,
    pruning_point: String,
}

impl Json {
    fn read(&self) -> Result<Header, Mismatch> {
        let level = |level: &Vec<String>| -> Result<Vec<Hash256>, Mismatch> {
            level.iter().map(|text| hash("parents", text)).collect()
        };
        let levels: Vec<_> = self.parents.iter().map(level).collect::<Result<_, _>>()?;
        let parents = LevelParents::from_levels(&levels)
            .map_err(|error| Mismatch::new("parents", "levels", error.to_string()))?;
        for (index, level) in levels.iter().enumerate() {
            expect_eq("level", Some(level.as_slice()), parents.level(index))?;
        }
        Ok(Header {
            version: self.version,
            parents,
            hash_merkle_root: hash("hashMerkleRoot", &self.hash_merkle_root)?,
            accepted_id_merkle_root: hash("acceptedIDMerkleRoot", &self.accepted_id_merkle_root)?,
            utxo_commitment: hash("utxoCommitment", &self.utxo_commitment)?,
            timestamp: self.time_in_milliseconds,
            bits: self.bits,
            nonce: self.nonce,
            daa_score: self.daa_score,
            blue_work: blue_work(&self.blue_work)?,
            blue_score: self.blue_score,
            pruning_point: hash("pruningPoint", &self.pruning_point)?,
        })
    }

    fn check(&self) -> Result<(), Mismatch> {
        let header = self.read()?;
        expect_eq("hash", hash("hash", &self.hash)?, header.hash())?;
        expect_eq("bits", header.bits, target::to_compact(&target::from_compact(header.bits)))?;
        if header.parents.levels() == 0 {
            return Ok(());
        }
        let max = Params::of(Network::Mainnet).max_block_level;
        let value = Pow::new(&header).check(header.nonce);
        let value =
            value.ok_or_else(|| Mismatch::new("proof of work", "at most the target", "more"))?;
        expect_eq("level", level_of(&value, max), level_of_header(&header, max))?;
        // Any other nonce misses a target of this network.
        let other = Pow::new(&header).check(header.nonce ^ 1);
        expect_eq("proof of work of another nonce", None, other)?;
        let runs = header.parents.runs().len();
        expect_eq("few runs of parents", true, runs <= 20 && header.parents.levels() > 200)
    }
}

/// Reads blue work as hexadecimal digits, however many.
pub(super) fn blue_work(text: &str) -> Result<BlueWork, Mismatch> {
    BlueWork::from_str_radix(text, 16).map_err(|error| {
        Mismatch::new("blue work", "at most 48 hexadecimal digits", error.to_string())
    })
}
