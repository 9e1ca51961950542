//! `quintet bitcoin utxo-info` and `quintet bitcoin snapshot`: the coins as a whole.

use std::{ops::ControlFlow, path::Path};

use anyhow::Context as _;
use quintet_bitcoin_node::chain::{Chain, CoinSetError, CoinsProgress, SnapshotReport};
use quintet_bitcoin_protocol::coins::stats::{SetHash, SetStats};
use quintet_primitives::hex;
use serde_json::{Map, Value, json};

use super::open::{self, How, Place};
use crate::{
    cli::{SnapshotArgs, SnapshotCommand, SnapshotFileArgs, UtxoHash, UtxoInfoArgs},
    output::{self, Progress, thousands},
    stop::{self, Stop},
};

/// Satoshis in a bitcoin.
const COIN: f64 = 100_000_000.0;

/// A walk over the coins tells its share in thousandths.
const SHARES: u64 = 1_000;

type Fields = Map<String, Value>;

pub(super) fn run(args: UtxoInfoArgs) -> anyhow::Result<()> {
    let place = Place::find(&args.chain)?;
    let json = args.chain.json;
    let found = stop::stoppable(move |stop| {
        let mut progress = open::progress(&args.chain)?;
        let mut opened = open::open_whole(place, &args.chain, &mut progress, stop)?;
        let found = count(&mut opened.chain, args.hash, &mut progress, stop);
        progress.finish();
        found
    })?;
    tell(&found, json)
}

/// **Spec:** Bitcoin Core, `gettxoutsetinfo`; the names of the fields are its.
fn count(
    chain: &mut Chain,
    which: UtxoHash,
    progress: &mut Progress,
    stop: &Stop,
) -> anyhow::Result<Fields> {
    let (hash, name) = match which {
        UtxoHash::MuHash => (SetHash::MuHash, "muhash"),
        UtxoHash::Serialized => (SetHash::Serialized, "hash_serialized_3"),
        UtxoHash::None => (SetHash::None, ""),
    };
    progress.begin(SHARES);
    let stats = chain.coin_stats(hash, &mut |at| watch(progress, stop, at))?;
    let mut fields = Fields::new();
    let mut put = |name: &str, value: Value| fields.insert(name.to_owned(), value);
    put("height", json!(chain.height()));
    put("bestblock", json!(chain.tip_hash().to_string()));
    put("txouts", json!(stats.outputs));
    put("bogosize", json!(stats.bogosize));
    if let Some(hash) = displayed(&stats) {
        put(name, json!(hash));
    }
    let amount = stats.amount.context(
        "the coins are worth more than can be: build them anew with `quintet bitcoin import --reindex-chainstate`",
    )?;
    put("total_amount", json!(amount as f64 / COIN));
    put("transactions", json!(stats.transactions));
    put("disk_size", json!(chain.storage().store().disk_bytes()?));
    Ok(fields)
}

/// The hash of the set as it is displayed: reversed.
fn displayed(stats: &SetStats) -> Option<String> {
    stats.hash.map(|mut hash| {
        hash.reverse();
        hex::encode(&hash)
    })
}

fn watch(progress: &mut Progress, stop: &Stop, at: &CoinsProgress) -> ControlFlow<()> {
    progress.update(u64::from(at.per_mille), || format!("{} coins", thousands(at.coins)));
    if stop.is_requested() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
}

fn tell(fields: &Fields, json: bool) -> anyhow::Result<()> {
    if json {
        return output::json(fields);
    }
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    output::rows(fields.iter().map(|(name, value)| (name.as_str(), text(value))))
}

/// Carries out `quintet bitcoin snapshot`.
pub(super) fn run_snapshot(args: SnapshotArgs) -> anyhow::Result<()> {
    match args.command {
        SnapshotCommand::Dump(args) => {
            snapshot(args, How::default(), "coins_written", |chain, path, progress, stop| {
                chain.dump_snapshot(path, &mut |at| watch(progress, stop, at))
            })
        }
        SnapshotCommand::Load(args) => {
            let how = How { create: true, ..How::default() };
            snapshot(args, how, "coins_loaded", |chain, path, progress, stop| {
                chain.load_snapshot(path, &mut |at| watch(progress, stop, at))
            })
        }
    }
}

/// **Spec:** Bitcoin Core, `dumptxoutset`, `loadtxoutset`; the names of the fields are theirs.
fn snapshot(
    args: SnapshotFileArgs,
    how: How,
    coins: &'static str,
    work: fn(&mut Chain, &Path, &mut Progress, &Stop) -> Result<SnapshotReport, CoinSetError>,
) -> anyhow::Result<()> {
    let place = Place::find(&args.chain)?;
    let json = args.chain.json;
    let path = std::path::absolute(&args.file)?;
    let fields = stop::stoppable(move |stop| {
        let mut progress = open::progress(&args.chain)?;
        let mut opened = open::open(place, &args.chain, how, &mut progress, stop)?;
        progress.begin(SHARES);
        let report = work(&mut opened.chain, &path, &mut progress, stop);
        progress.finish();
        let report = report?;
        let mut fields = Fields::new();
        let mut put = |name: &str, value: Value| fields.insert(name.to_owned(), value);
        put(coins, json!(report.stats.outputs));
        put("base_hash", json!(report.base.to_string()));
        put("base_height", json!(report.height));
        put("path", json!(path.display().to_string()));
        put("txoutset_hash", json!(displayed(&report.stats)));
        put("nchaintx", json!(report.chain_tx_count));
        anyhow::Ok(fields)
    })?;
    tell(&fields, json)
}
