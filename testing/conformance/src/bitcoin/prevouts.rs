//! `blocks_with_prevouts/<network>_<height>.{block.bin,prevouts.json}`: real blocks with every coin they spend.
//!
//! ```text
//!   block.bin ──► rules by itself ──► rules in context ──► connected to the listed coins ──► every input's script
//!   prevouts.json ──► coins ──────────────────────────────┘      │
//!        │                                                       └► the coins spent are the coins listed
//!        └► context: work, target, times before and after
//! ```
//!
//! A listed coin without a height counts as one of genesis, so that maturity and relative locks hold of it. Then
//! coins are changed, and the scripts that depend on them must fail.

use std::{
    collections::{HashMap, HashSet},
    convert::Infallible,
    path::Path,
    str::FromStr,
};

use bitcoin::{OutPoint, Txid};
use quintet_bitcoin_protocol::{
    Block, Coin, CoinRef, SpentCoins,
    header::pow::{self, Period},
    rules::{
        BlockContext, CoinAccess, ConnectError, ScriptJobs, check_block, check_block_in_context,
        connect_block, disconnect_block,
    },
};
use quintet_primitives::hex;
use ruint::aliases::U256;
use serde::Deserialize;

use super::{blocks::decode, chain::Known};
use crate::{
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq},
};

const BLOCK: &str = ".block.bin";
const PREVOUTS: &str = ".prevouts.json";

/// Inputs per block whose coin is changed, spread evenly.
const CHANGES: usize = 40;

/// Shortest script whose middle byte is part of a key or a hash.
const SCRIPT_BOUND: usize = 22;

/// What a block spends, and perhaps the state of the chain around it.
#[derive(Debug, Deserialize)]
struct Prevouts {
    network: String,
    height: u32,
    hash: String,
    context: Option<Change>,
    prevouts: Vec<Listed>,
}

/// Id and index, satoshis, script in hexadecimal, height and whether a coinbase made it.
type Listed = (String, u32, u64, String, Option<u32>, Option<bool>);

#[derive(Debug, Deserialize)]
struct Change {
    before: State,
    after: State,
}

#[derive(Debug, Deserialize)]
struct State {
    block_height: u32,
    total_work: String,
    best_block_hash: String,
    current_target: String,
    epoch_start_time: u32,
    prev_timestamps: Vec<u32>,
}

impl State {
    /// Returns the middle of the times, the later one of an even number.
    fn median_time_past(&self) -> u32 {
        let mut times = self.prev_timestamps.clone();
        times.sort_unstable();
        times.get(times.len() / 2).copied().unwrap_or_default()
    }
}

pub(super) struct BlocksWithPrevouts;

impl Suite for BlocksWithPrevouts {
    fn name(&self) -> &'static str {
        "blocks_with_prevouts"
    }

    fn claims(&self, name: &Path) -> bool {
        let name = name.to_str().unwrap_or_default();
        name.ends_with(BLOCK) || name.ends_with(PREVOUTS)
    }

    fn run(&self, file: &File, report: &mut Report) {
        let own = file.own_name();
        if let Some(stem) = own.strip_suffix(PREVOUTS) {
            // The coins are run with their block; here, that each belongs to the other.
            report.case(format!("{}: its block", file.name.display()), || {
                let block = beside(file, &format!("{stem}{BLOCK}"))?;
                expect_eq("hash", parse(file)?.hash, decode(&block.bytes)?.hash().to_string())
            });
        } else if let Some(stem) = own.strip_suffix(BLOCK) {
            run_block(file, &format!("{stem}{PREVOUTS}"), report);
        }
    }
}

fn run_block(file: &File, partner: &str, report: &mut Report) {
    let read = || {
        let prevouts = parse(&beside(file, partner)?)?;
        let block = decode(&file.bytes)?;
        let mtp = prevouts.context.as_ref().map(|context| context.before.median_time_past());
        let mtp = mtp.unwrap_or(block.header().time);
        let known = Known::new(&prevouts.network, prevouts.height, mtp)?;
        Ok((prevouts, block, known))
    };
    let (prevouts, block, known) = match read() {
        Ok(case) => case,
        Err(mismatch) => {
            report.case(file.name.display(), || Err(mismatch));
            return;
        }
    };
    let name = |fact: &str| format!("{}: {fact}", file.name.display());
    let context = known.context(&block);
    if let Some(change) = &prevouts.context {
        report.case(name("chain state"), || check_state(change, &block, &context));
    }
    let mut spent = SpentCoins::default();
    report.case(name("connecting"), || {
        spent = connect(&prevouts, &block, &context)?;
        Ok(())
    });
    let jobs = ScriptJobs::new(&block, &spent, context.flags);
    for input in 0..prevouts.prevouts.len() {
        report.case(name(&format!("input {input}")), || {
            expect_eq("a coin", true, input < jobs.len())?;
            jobs.run(input).map_err(|error| Mismatch::new("script", "valid", error.to_string()))
        });
    }
    for input in (0..spent.len()).step_by((spent.len() / CHANGES).max(1)) {
        report.case(name(&format!("input {input} with another coin")), || {
            check_changed(&block, &spent, input, &context)
        });
    }
}

fn beside(file: &File, name: &str) -> Result<File, Mismatch> {
    let wanted = file.name.with_file_name(name);
    let found = file.other(|path| Path::new(path) == wanted);
    found.ok_or_else(|| Mismatch::new("the other file", name, "none that can be read"))
}

fn parse(file: &File) -> Result<Prevouts, Mismatch> {
    serde_json::from_slice(&file.bytes)
        .map_err(|error| Mismatch::new("form of the coins", "known fields", error.to_string()))
}

/// Connects the block to the coins listed, takes it back, and returns what it spent.
fn connect(
    prevouts: &Prevouts,
    block: &Block,
    context: &BlockContext<'_>,
) -> Result<SpentCoins, Mismatch> {
    let refused = |error: String| Mismatch::new("block", "valid", error);
    expect_eq("hash", prevouts.hash.clone(), block.hash().to_string())?;
    let header = block.header();
    let work = pow::check(&block.hash(), header.bits, context.params.pow_limit);
    expect_eq("enough work", true, work)?;
    check_block(block, context.params).map_err(|error| refused(error.to_string()))?;
    check_block_in_context(block, context).map_err(|error| refused(error.to_string()))?;

    let mut coins = Coins::listed(prevouts, block)?;
    let before = coins.map.clone();
    let connected = connect_block(block, context, &mut coins).map_err(|error| match error {
        ConnectError::Rule(error) => refused(error.to_string()),
        ConnectError::Coins(never) => match never {},
    })?;
    check_spent(prevouts, block, &connected.spent)?;
    let back = disconnect_block(block, &connected.spent, prevouts.height, &mut coins);
    expect_eq("taken back", true, back.is_ok_and(|done| done.clean))?;
    expect_eq("coins as before", true, coins.map == before)?;
    Ok(connected.spent)
}

/// Compares the coins spent with those listed: outputs of the block itself are listed too, but come from it.
fn check_spent(prevouts: &Prevouts, block: &Block, spent: &SpentCoins) -> Result<(), Mismatch> {
    expect_eq("inputs", prevouts.prevouts.len(), spent.len())?;
    let inputs = block.transactions().iter().skip(1).flat_map(|tx| tx.inputs());
    for ((listed, coin), input) in prevouts.prevouts.iter().zip(spent.iter()).zip(inputs) {
        let (outpoint, expected) = coin_of(listed)?;
        expect_eq("output spent", outpoint, input.previous)?;
        expect_eq("value", expected.value, coin.value)?;
        expect_eq("script", &*expected.script_pubkey, coin.script_pubkey)?;
        expect_eq("height", listed.4.unwrap_or(coin.height), coin.height)?;
        expect_eq("coinbase", listed.5.unwrap_or(coin.coinbase), coin.coinbase)?;
    }
    Ok(())
}

fn coin_of(
    (txid, vout, value, script, height, coinbase): &Listed,
) -> Result<(OutPoint, Coin), Mismatch> {
    let txid = Txid::from_str(txid)
        .map_err(|error| Mismatch::new("id", "64 digits", error.to_string()))?;
    let script = hex::decode(script)
        .map_err(|error| Mismatch::new("script", "hexadecimal", error.to_string()))?;
    let coin = Coin {
        value: *value,
        height: height.unwrap_or_default(),
        coinbase: coinbase.unwrap_or_default(),
        script_pubkey: script.into(),
    };
    Ok((OutPoint { txid, vout: *vout }, coin))
}

/// Changes the coin of one input: a script that signs or hashes it must fail.
fn check_changed(
    block: &Block,
    spent: &SpentCoins,
    input: usize,
    context: &BlockContext<'_>,
) -> Result<(), Mismatch> {
    let refuses = |what: &str, change: &dyn Fn(&mut Coin)| {
        let mut changed = SpentCoins::with_capacity(spent.len());
        for (index, coin) in spent.iter().enumerate() {
            let mut coin = coin.to_coin();
            if index == input {
                change(&mut coin);
            }
            changed.push(coin.view());
        }
        let result = ScriptJobs::new(block, &changed, context.flags).run(input);
        expect_eq(what, true, result.is_err())
    };
    let script = spent.get(input).map_or(&[][..], |coin| coin.script_pubkey);
    if script.len() >= SCRIPT_BOUND {
        refuses("another script refused", &|coin| {
            let middle = coin.script_pubkey.len() / 2;
            coin.script_pubkey[middle] ^= 1;
        })?;
    }
    // BIP-0143 signs the value; before, nothing did.
    if matches!(script, [0, 20, ..]) {
        refuses("another value refused", &|coin| coin.value ^= 1)?;
    }
    Ok(())
}

/// Checks work, target and times against the state of the chain before and after the block.
fn check_state(
    Change { before, after }: &Change,
    block: &Block,
    context: &BlockContext<'_>,
) -> Result<(), Mismatch> {
    let (header, params) = (block.header(), context.params);
    expect_eq("height before", before.block_height + 1, context.height)?;
    expect_eq("height after", after.block_height, context.height)?;
    expect_eq("parent", before.best_block_hash.clone(), header.prev_blockhash.to_string())?;
    expect_eq("block", after.best_block_hash.clone(), block.hash().to_string())?;

    let work = number(&before.total_work)? + pow::work(header.bits);
    expect_eq("work", number(&after.total_work)?, work)?;
    let target = pow::target(header.bits, params.pow_limit);
    expect_eq("target", Some(number(&after.current_target)?), target)?;

    let first = context.height.is_multiple_of(params.retarget_interval());
    let bits_before = pow::compact(number(&before.current_target)?);
    let bits = if first {
        let last_time = before.prev_timestamps.last().copied().unwrap_or_default();
        let first_time = before.epoch_start_time;
        let period =
            Period { first_time, first_bits: bits_before, last_time, last_bits: bits_before };
        pow::retarget(params, &period)
    } else {
        bits_before
    };
    expect_eq("bits", bits, header.bits)?;
    let epoch = if first { header.time } else { before.epoch_start_time };
    expect_eq("start of the period", after.epoch_start_time, epoch)?;

    expect_eq("time after the median", true, header.time > before.median_time_past())?;
    let times: Vec<u32> = before.prev_timestamps.iter().copied().chain([header.time]).collect();
    let kept = times.len().saturating_sub(11);
    expect_eq("times", &after.prev_timestamps[..], &times[kept..])
}

fn number(decimal: &str) -> Result<U256, Mismatch> {
    decimal.parse().map_err(|error| Mismatch::new("number", "a decimal", format!("{error:?}")))
}

/// The coins listed, in a map.
#[derive(Debug)]
struct Coins {
    map: HashMap<OutPoint, Coin>,
    spent: Option<Coin>,
}

impl Coins {
    /// Takes the coins listed, without those the block makes itself.
    fn listed(prevouts: &Prevouts, block: &Block) -> Result<Self, Mismatch> {
        let own: HashSet<Txid> = block.transactions().iter().map(|tx| tx.txid()).collect();
        let all = prevouts.prevouts.iter().map(coin_of);
        let others = all.filter(|coin| !matches!(coin, Ok((at, _)) if own.contains(&at.txid)));
        Ok(Self { map: others.collect::<Result<_, _>>()?, spent: None })
    }
}

impl CoinAccess for Coins {
    type Error = Infallible;

    fn spend(&mut self, outpoint: &OutPoint) -> Result<Option<CoinRef<'_>>, Infallible> {
        self.spent = self.map.remove(outpoint);
        Ok(self.spent.as_ref().map(Coin::view))
    }

    fn create(
        &mut self,
        outpoint: OutPoint,
        coin: CoinRef<'_>,
        _overwrite: bool,
    ) -> Result<(), Infallible> {
        self.map.insert(outpoint, coin.to_coin());
        Ok(())
    }

    fn contains(&mut self, outpoint: &OutPoint) -> Result<bool, Infallible> {
        Ok(self.map.contains_key(outpoint))
    }
}
