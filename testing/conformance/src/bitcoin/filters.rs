//! `blockfilters*.json`, `bip158_*.json`: basic filters of real blocks, with their headers.

use std::path::Path;

use bitcoin::{bip158::FilterHeader, hashes::Hash};
use quintet_bitcoin_protocol::{Block, filter::BasicFilter};
use serde::Deserialize;

use super::{bytes, display_hash};
use crate::{
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq, is_json_named},
};

pub(super) struct Filters;

impl Suite for Filters {
    fn name(&self) -> &'static str {
        "filters"
    }

    fn claims(&self, name: &Path) -> bool {
        is_json_named(name, "blockfilters") || is_json_named(name, "bip158_")
    }

    fn run(&self, file: &File, report: &mut Report) {
        super::json_rows(file, report, Case::check);
    }
}

/// Height, block hash, block, spent scripts, header before, filter, header, notes.
#[derive(Deserialize)]
struct Case(u32, String, String, Vec<String>, String, String, String, String);

impl Case {
    fn check(self) -> Result<(), Mismatch> {
        let Self(height, hash, block, spent, before, filter, header, _notes) = self;
        let raw = bytes("block", &block)?;
        let block = Block::decode(raw)
            .map_err(|error| Mismatch::new("block", "a block", error.to_string()))?;
        expect_eq("block hash", hash, block.hash().to_string())?;
        check_height(height, &block)?;

        let spent: Vec<_> =
            spent.iter().map(|script| bytes("spent script", script)).collect::<Result<_, _>>()?;
        let inputs: usize = block.transactions().iter().skip(1).map(|tx| tx.inputs().len()).sum();
        expect_eq("number of spent scripts", inputs, spent.len())?;

        let built = BasicFilter::of_block(&block, spent.iter().map(Vec::as_slice));
        expect_eq("filter", bytes("filter", &filter)?, built.as_bytes().to_vec())?;
        let before = FilterHeader::from_byte_array(display_hash("previous header", &before)?);
        expect_eq("filter header", header, built.header(before).to_string())?;

        let read = BasicFilter::decode(block.hash(), built.as_bytes().to_vec())
            .map_err(|error| Mismatch::new("filter", "a filter", error.to_string()))?;
        expect_eq("elements read", built.len(), read.len())?;
        let made = block.transactions().iter().flat_map(|tx| tx.outputs());
        let made =
            made.map(|output| output.script_pubkey).filter(|script| script.first() != Some(&0x6a));
        for script in
            spent.iter().map(Vec::as_slice).chain(made).filter(|script| !script.is_empty())
        {
            expect_eq("match of a script of the block", true, read.matches_any([script]))?;
        }
        // Exact for any filter but one in 784,931; the strangers are the same in every run.
        let strangers: [&[u8]; 2] = [b"no script of any block", b"another"];
        expect_eq("match of no script of the block", false, read.matches_any(strangers))
    }
}

/// Height from which testnet3, the first network to do so, wants heights in coinbases.
const BIP34_HEIGHT: u32 = 21_111;

/// Blocks of version 2 and later begin their coinbase with the height (BIP-0034).
fn check_height(height: u32, block: &Block) -> Result<(), Mismatch> {
    if height < BIP34_HEIGHT || block.header().version.to_consensus() < 2 {
        return Ok(());
    }
    let coinbase = block.transactions().get(0).and_then(|tx| tx.input(0));
    let script = coinbase.map(|input| input.script_sig).unwrap_or_default();
    let (len, rest) = script.split_first().unwrap_or((&0, &[]));
    let number = rest.iter().take(usize::from(*len)).rev();
    let actual = number.fold(0_u64, |number, byte| number << 8 | u64::from(*byte));
    expect_eq("height in the coinbase", u64::from(height), actual)
}
