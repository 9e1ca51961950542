//! `mainnet_blocks_<first>_<last>.dat`: the chain from genesis on, connected to a real store, scripts included.
//!
//! What the chain makes of the file is held against the blocks themselves: their order, and a set of coins kept as simply as can be. Then the
//! same blocks in another order must give the same coins, and what is on disk must pass the deepest verification.

use std::{
    collections::HashMap,
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::Arc,
};

use bitcoin::OutPoint;
use quintet_bitcoin_node::{
    chain::{Chain, ChainOptions, VerifyLevel},
    storage::blk::{BlkFiles, BlkReader, Mask},
};
use quintet_bitcoin_protocol::{
    Block,
    coins::stats::{SetHash, SetStats},
    network::Params,
};

use crate::{
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq},
};

/// A time after that of every block of the vectors, Unix seconds.
const NOW: u64 = u32::MAX as u64;

/// How far from its place a block lies in the second import, blocks: Core's download window.
const WINDOW: usize = 1024;

pub(super) struct Replay;

impl Suite for Replay {
    fn name(&self) -> &'static str {
        "replay"
    }

    fn claims(&self, name: &Path) -> bool {
        super::is_named(name, "mainnet_blocks_", ".dat")
    }

    fn run(&self, file: &File, report: &mut Report) {
        let case = |fact: &str| format!("{}: {fact}", file.name.display());
        let mut blocks = Vec::new();
        report.case(case("reading"), || {
            blocks = read(&file.bytes)?;
            Ok(())
        });
        let place = match tempfile::tempdir() {
            Ok(place) => place,
            Err(error) => {
                report.unreadable = Some(format!("expected a temporary folder: {error}"));
                return;
            }
        };
        let mut replayed = None;
        report.case(case("import"), || {
            let mut chain = import(&place.path().join("in-order"), blocks.iter())?;
            replayed = Some((coins(&mut chain)?, chain));
            Ok(())
        });
        let Some((stats, mut chain)) = replayed else { return };
        for (height, block) in (0_u32..).zip(&blocks) {
            report.case(case(&format!("height {height}")), || {
                let id = chain.active().at(height).map(|id| chain.headers().hash(id));
                expect_eq("id", Some(block.hash()), id)
            });
        }
        report.case(case("coins"), || same_coins(&blocks, &stats));
        report.case(case("another order"), || {
            let mut shuffled: Vec<_> = blocks.iter().collect();
            shuffled.chunks_mut(WINDOW).for_each(shuffle);
            let mut other = import(&place.path().join("shuffled"), shuffled.into_iter())?;
            expect_eq("tip", chain.tip_hash(), other.tip_hash())?;
            expect_eq("coins", stats, coins(&mut other)?)
        });
        report.case(case("verification"), || {
            let go_on = &mut |_: &_| ControlFlow::Continue(());
            let verified =
                chain.verify(VerifyLevel::Connect, 0, go_on).map_err(failed("verify"))?;
            expect_eq("blocks", blocks.len() - 1, verified.blocks as usize)?;
            expect_eq("blocks taken back", verified.blocks, verified.disconnected)
        });
    }
}

/// Names what failed that should not.
pub(super) fn failed<E: std::fmt::Display>(what: &'static str) -> impl Fn(E) -> Mismatch {
    move |error| Mismatch::new(what, "no error", error.to_string())
}

/// Puts blocks into an order that is always the same, and far from the old one.
fn shuffle(blocks: &mut [&Block]) {
    use bitcoin::hashes::Hash as _;
    blocks.sort_by_key(|block| block.hash().to_byte_array());
}

fn read(bytes: &[u8]) -> Result<Vec<Block>, Mismatch> {
    let mut reader = BlkReader::new(bytes, Params::main().magic, Mask::default());
    let mut blocks = Vec::new();
    while let Some(raw) = reader.next_block().map_err(failed("reading"))? {
        blocks.push(Block::decode(raw.bytes.to_vec()).map_err(failed("a block"))?);
    }
    Ok(blocks)
}

/// Opens a new chain that checks every script.
pub(super) fn open(directory: PathBuf, params: Params) -> Result<Chain, Mismatch> {
    let mut options = ChainOptions::new(directory, &params, [1; 32]);
    options.assume_valid = None;
    options.check_threads = 2;
    Chain::open(Arc::new(params), options, NOW).map_err(failed("opening the chain"))
}

/// Imports blocks into a new chain.
fn import<'b>(place: &Path, blocks: impl Iterator<Item = &'b Block>) -> Result<Chain, Mismatch> {
    let magic = Params::main().magic;
    let (mut bytes, mut count) = (Vec::new(), 0);
    for block in blocks {
        bytes.extend_from_slice(&magic);
        bytes.extend_from_slice(&u32::try_from(block.bytes().len()).unwrap_or(0).to_le_bytes());
        bytes.extend_from_slice(block.bytes());
        count += 1;
    }
    std::fs::create_dir_all(place).map_err(failed("making a folder"))?;
    let path = place.join("blocks.dat");
    std::fs::write(&path, bytes).map_err(failed("writing the blocks"))?;
    let files = BlkFiles::from_paths([path], magic).map_err(failed("opening the file"))?;
    let mut chain = open(place.join("chain"), Params::main())?;
    let report = chain
        .import(&files, NOW, &mut |_| ControlFlow::Continue(()))
        .map_err(failed("importing"))?;
    // Genesis is there before.
    expect_eq("blocks imported", count - 1, report.progress.blocks)?;
    let left = (report.known, report.malformed, report.refused_count, report.orphans);
    expect_eq("known, malformed, refused, orphans", (1, 0, 0, 0), left)?;
    Ok(chain)
}

fn coins(chain: &mut Chain) -> Result<SetStats, Mismatch> {
    chain
        .coin_stats(SetHash::MuHash, &mut |_| ControlFlow::Continue(()))
        .map_err(failed("counting the coins"))
}

/// Keeps the coins in a map, without a rule.
fn same_coins(blocks: &[Block], stats: &SetStats) -> Result<(), Mismatch> {
    let mut coins: HashMap<OutPoint, u64> = HashMap::new();
    for tx in blocks.iter().skip(1).flat_map(|block| block.transactions().iter()) {
        for input in tx.inputs().filter(|_| !tx.is_coinbase()) {
            let spent = coins.remove(&input.previous);
            expect_eq("a coin that is spent is there", true, spent.is_some())?;
        }
        for (vout, output) in (0..).zip(tx.outputs()) {
            coins.insert(OutPoint { txid: tx.txid(), vout }, output.value.unsigned_abs());
        }
    }
    expect_eq("coins", coins.len() as u64, stats.outputs)?;
    expect_eq("satoshis", Some(coins.values().sum()), stats.amount)
}
