//! `quintet bitcoin utxo-info`.

use anyhow::{Context as _, bail};
use quintet_bitcoin_node::{chain::Chain, storage::COIN_TABLES};
use quintet_bitcoin_protocol::coins::{
    ScriptBuffer, decode_coin, outpoint,
    stats::{SetHash, SetScan},
};
use quintet_primitives::hex;
use serde_json::{Map, Value, json};

use super::open::{self, How, Place};
use crate::{
    cli::{UtxoHash, UtxoInfoArgs},
    output::{self, Progress, thousands},
    stop::{self, Stop},
};

/// Satoshis in a bitcoin.
const COIN: u64 = 100_000_000;

/// Coins between two looks at the progress and at whether to stop.
const TELL_EVERY: u64 = 1 << 12;

/// Transaction ids are evenly spread, so their first two bytes tell how far a scan is.
const SCAN_TOTAL: u64 = 1 << 16;

pub(super) fn run(args: UtxoInfoArgs) -> anyhow::Result<()> {
    let place = Place::find(&args.chain)?;
    let json = args.chain.json;
    let found = stop::stoppable(move |stop| {
        let mut progress = open::progress(&args.chain)?;
        let mut opened = open::open(place, &args.chain, How::default(), &mut progress)?;
        let found = count(&mut opened.chain, args.hash, &mut progress, stop);
        progress.finish();
        found
    })?;
    if json {
        return output::json(&found);
    }
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    output::rows(found.iter().map(|(name, value)| (name.as_str(), text(value))))
}

/// **Spec:** Bitcoin Core, `gettxoutsetinfo`; the names of the fields are its.
fn count(
    chain: &mut Chain,
    which: UtxoHash,
    progress: &mut Progress,
    stop: &Stop,
) -> anyhow::Result<Map<String, Value>> {
    progress.busy("writing the coins");
    chain.flush()?;
    progress.begin(SCAN_TOTAL);
    let (hash, name) = match which {
        UtxoHash::MuHash => (SetHash::MuHash, "muhash"),
        UtxoHash::Serialized => (SetHash::Serialized, "hash_serialized_3"),
        UtxoHash::None => (SetHash::None, ""),
    };
    let mut scan = SetScan::new(hash);
    let mut script = ScriptBuffer::default();
    let store = chain.storage().store();
    let snapshot = store.snapshot()?;
    let mut coins = 0_u64;
    for row in snapshot.range(&COIN_TABLES.coins, ..)? {
        let (key, encoded) = row?;
        let coin = decode_coin(&encoded.0, &mut script)
            .with_context(|| format!("the coin {} is damaged: build the coins anew with `quintet bitcoin import --reindex-chainstate`", outpoint(&key)))?;
        scan.push(&key, coin)?;
        coins += 1;
        if coins.is_multiple_of(TELL_EVERY) {
            let at = u64::from(u16::from_be_bytes([key[0], key[1]]));
            progress.update(at, || format!("{} coins", thousands(coins)));
            if stop.is_requested() {
                bail!("stopped before all coins were counted");
            }
        }
    }
    let stats = scan.finish();
    let amount = stats.amount.context(
        "the coins are worth more than can be: build them anew with `quintet bitcoin import --reindex-chainstate`",
    )?;
    let mut found = Map::new();
    let mut put = |name: &str, value: Value| found.insert(name.to_owned(), value);
    put("height", json!(chain.height()));
    put("bestblock", json!(chain.tip_hash().to_string()));
    put("txouts", json!(stats.outputs));
    put("bogosize", json!(stats.bogosize));
    if let Some(mut hash) = stats.hash {
        hash.reverse();
        put(name, json!(hex::encode(&hash)));
    }
    put("total_amount", json!(amount as f64 / COIN as f64));
    put("transactions", json!(stats.transactions));
    put("disk_size", json!(store.disk_bytes()?));
    Ok(found)
}
