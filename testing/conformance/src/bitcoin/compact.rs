//! `compact*.raw`: compact blocks as peers sent them, made whole from the block beside them.

use std::path::Path;

use bytes::Bytes;
use quintet_bitcoin_protocol::{
    Block,
    compact::{CompactBlock, Reconstruction},
};

use crate::{
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq},
};

pub(super) struct Compact;

impl Suite for Compact {
    fn name(&self) -> &'static str {
        "compact"
    }

    fn claims(&self, name: &Path) -> bool {
        super::is_named(name, "compact", ".raw")
    }

    fn run(&self, file: &File, report: &mut Report) {
        let case = file.name.display().to_string();
        let mut compact = None;
        report.case(format!("{case}: form"), || {
            let decoded = decode(&file.bytes)?;
            expect_eq("message written", &file.bytes, &decoded.encode())?;
            for (place, tx) in decoded.prefilled() {
                expect_eq("a coinbase at 0 and nowhere else", place == 0, tx.is_coinbase())?;
            }
            compact = Some(decoded);
            Ok(())
        });
        let Some(compact) = compact else { return };
        let height = super::digits(file.own_name());
        let Some(block) = file.other(|name| super::is_block_of(name, height)) else {
            report.skip("the block is not in the folder");
            return;
        };
        report.case(format!("{case}: reconstruction"), || check(&compact, block.bytes));
    }
}

fn decode(bytes: &[u8]) -> Result<CompactBlock, Mismatch> {
    CompactBlock::decode(bytes.to_vec())
        .map_err(|error| Mismatch::new("message", "a compact block", error.to_string()))
}

fn check(compact: &CompactBlock, block: Vec<u8>) -> Result<(), Mismatch> {
    let block = Block::decode(block)
        .map_err(|error| Mismatch::new("block", "a block", error.to_string()))?;
    expect_eq("header", block.header(), &compact.header())?;
    expect_eq("hash", block.hash(), compact.hash())?;
    let transactions = block.transactions();
    expect_eq("transactions", transactions.len(), compact.transaction_count())?;
    for (place, tx) in compact.prefilled() {
        let expected = transactions.get(place).map(|tx| tx.bytes().to_vec());
        expect_eq(format!("transaction {place}"), expected, Some(tx.bytes().to_vec()))?;
    }
    let short: Vec<_> = {
        let whole: Vec<_> = compact.prefilled().map(|(place, _)| place).collect();
        let places = transactions.iter().enumerate().filter(|(place, _)| !whole.contains(place));
        places.map(|(_, tx)| compact.key().short_id(&tx.wtxid())).collect()
    };
    expect_eq("short ids", short.as_slice(), compact.short_ids())?;

    // With half of the block's transactions in the pool, in another order, and some of no use.
    let failed = |error: quintet_bitcoin_protocol::compact::CompactError| {
        Mismatch::new("reconstruction", "a block", error.to_string())
    };
    let mut half = Reconstruction::new(compact).map_err(failed)?;
    let mut whole = half.clone();
    for (place, tx) in transactions.iter().enumerate().rev() {
        let bytes = Bytes::copy_from_slice(tx.bytes());
        whole.offer(&tx.wtxid(), &bytes);
        if place % 2 == 0 {
            half.offer(&tx.wtxid(), &bytes);
        }
    }
    let missing: Vec<_> = half.missing().collect();
    let odd = (0..transactions.len()).filter(|place| place % 2 == 1);
    expect_eq("missing transactions", odd.collect::<Vec<_>>(), missing.clone())?;
    let answer = missing.iter().filter_map(|place| transactions.get(*place));
    let made = half.fill(answer.map(|tx| tx.bytes())).map_err(failed)?;
    expect_eq("the block is the one made of half the pool", true, made == block.bytes()[..])?;
    expect_eq("missing with a full pool", 0, whole.missing().count())?;
    let made = whole.fill([]).map_err(failed)?;
    expect_eq("the block is the one made of the pool", true, made == block.bytes()[..])
}
