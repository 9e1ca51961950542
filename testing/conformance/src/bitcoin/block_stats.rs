//! `rpc_getblockstats.json`: a chain of the regression test network, and what Core's `getblockstats` says of some of its blocks.
//!
//! Every block is given to a chain on disk as a peer would; the numbers are then worked out from the stored blocks and their undo data.

use std::path::Path;

use quintet_bitcoin_node::chain::Chain;
use quintet_bitcoin_protocol::{
    Block, SpentCoins, Tx, encode::put_size, network::Params, script::is_unspendable,
    transaction::Output,
};
use quintet_primitives::hex;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::replay::{failed, open};
use crate::{
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq},
};

/// Bytes an unspent output takes besides itself: outpoint, height, coinbase flag (Core's `PER_UTXO_OVERHEAD`).
const OVERHEAD: i64 = 32 + 4 + 4 + 1;

/// Parts of the weight at which a fee rate is given, per cent.
const PERCENTILES: [i64; 5] = [10, 25, 50, 75, 90];

pub(super) struct BlockStats;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Vectors {
    blocks: Vec<String>,
    mocktime: u64,
    stats: Vec<Map<String, Value>>,
}

impl Suite for BlockStats {
    fn name(&self) -> &'static str {
        "block_stats"
    }

    fn claims(&self, name: &Path) -> bool {
        super::is_named(name, "rpc_getblockstats", ".json")
    }

    fn run(&self, file: &File, report: &mut Report) {
        let vectors: Vectors = match serde_json::from_slice(&file.bytes) {
            Ok(vectors) => vectors,
            Err(error) => {
                report.unreadable = Some(format!("expected blocks and statistics: {error}"));
                return;
            }
        };
        let name = file.name.display();
        let place = tempfile::tempdir();
        let mut opened = None;
        report.case(format!("{name}: a chain"), || {
            let place = place.as_ref().map_err(failed("a temporary folder"))?;
            opened = Some(open(place.path().join("chain"), Params::regtest())?);
            Ok(())
        });
        let Some(mut chain) = opened else { return };
        for (height, block) in vectors.blocks.iter().enumerate() {
            report.case(format!("{name}: block {height}"), || {
                let block = Block::decode(hex::decode(block).map_err(failed("digits"))?);
                let block = block.map_err(failed("a block"))?;
                let hash = block.hash();
                chain.accept_block(block, vectors.mocktime).map_err(failed("accepting"))?;
                chain.settle().map_err(failed("its scripts"))?;
                expect_eq("tip", (height, hash), (chain.height() as usize, chain.tip_hash()))
            });
        }
        for stats in &vectors.stats {
            let height = stats.get("height").and_then(Value::as_u64).unwrap_or(u64::MAX);
            report.case(format!("{name}: statistics of height {height}"), || {
                let height = u32::try_from(height).map_err(failed("a height"))?;
                let found = block_stats(&chain, height)?;
                for (field, expected) in stats {
                    expect_eq(field, Some(expected), found.get(field))?;
                }
                expect_eq("fields", stats.len(), found.as_object().map_or(0, Map::len))
            });
        }
    }
}

/// Numbers of one transaction that is no coinbase.
struct Spender {
    fee: i64,
    size: i64,
    weight: i64,
}

impl Spender {
    const fn rate(&self) -> i64 {
        self.fee * 4 / self.weight
    }
}

fn number(value: impl TryInto<i64>) -> i64 {
    value.try_into().unwrap_or(i64::MAX)
}

fn output_size(output: Output<'_>) -> i64 {
    let mut length = Vec::new();
    put_size(&mut length, output.script_pubkey.len() as u64);
    number(8 + length.len() + output.script_pubkey.len()) + OVERHEAD
}

fn block_stats(chain: &Chain, height: u32) -> Result<Value, Mismatch> {
    let id = chain.active().at(height);
    let id = id.ok_or_else(|| Mismatch::new("height", "a block", height))?;
    let block = chain.read_block(id).map_err(failed("reading the block"))?;
    let spent = chain.read_undo(id).map_err(failed("reading the undo data"))?;
    let txs: Vec<_> = block.transactions().iter().collect();
    let spenders = spenders(&txs, &spent)?;
    let fees = spenders.iter().map(|tx| tx.fee);
    let sizes = spenders.iter().map(|tx| tx.size);
    let rates = spenders.iter().map(Spender::rate);
    let (total_fee, total_size): (i64, i64) = (fees.clone().sum(), sizes.clone().sum());
    let total_weight: i64 = spenders.iter().map(|tx| tx.weight).sum();
    let count = number(spenders.len());
    let mean = |total: i64, by: i64| total.checked_div(by).unwrap_or(0);
    let segwit: Vec<_> = txs.iter().skip(1).filter(|tx| tx.has_witness()).collect();
    let outputs: Vec<_> = txs.iter().flat_map(|tx| tx.outputs()).collect();
    let kept: Vec<_> =
        outputs.iter().filter(|output| !is_unspendable(output.script_pubkey)).collect();
    let (ins, outs) = (number(spent.len()), number(outputs.len()));
    let spent_size: i64 =
        (0..spent.len()).filter_map(|index| spent.output(index)).map(output_size).sum();
    let paid = txs.iter().skip(1).flat_map(|tx| tx.outputs());
    Ok(json!({
        "avgfee": mean(total_fee, count),
        "avgfeerate": mean(total_fee * 4, total_weight),
        "avgtxsize": mean(total_size, count),
        "blockhash": block.hash().to_string(),
        "feerate_percentiles": percentiles(&spenders, total_weight),
        "height": height,
        "ins": ins,
        "maxfee": fees.clone().max().unwrap_or(0),
        "maxfeerate": rates.clone().max().unwrap_or(0),
        "maxtxsize": sizes.clone().max().unwrap_or(0),
        "medianfee": median(fees.clone().collect()),
        "mediantime": chain.headers().median_time_past(id),
        "mediantxsize": median(sizes.clone().collect()),
        "minfee": fees.min().unwrap_or(0),
        "minfeerate": rates.min().unwrap_or(0),
        "mintxsize": sizes.min().unwrap_or(0),
        "outs": outs,
        "subsidy": chain.params().subsidy(height),
        "swtotal_size": segwit.iter().map(|tx| tx.total_size()).sum::<usize>(),
        "swtotal_weight": segwit.iter().map(|tx| tx.weight()).sum::<usize>(),
        "swtxs": segwit.len(),
        "time": block.header().time,
        "total_out": paid.map(|output| output.value).sum::<i64>(),
        "total_size": total_size,
        "total_weight": total_weight,
        "totalfee": total_fee,
        "txs": txs.len(),
        "utxo_increase": outs - ins,
        "utxo_increase_actual": number(kept.len()) - ins,
        "utxo_size_inc": outputs.iter().copied().map(output_size).sum::<i64>() - spent_size,
        "utxo_size_inc_actual":
            kept.iter().map(|output| output_size(**output)).sum::<i64>() - spent_size,
    }))
}

fn spenders(txs: &[Tx<'_>], spent: &SpentCoins) -> Result<Vec<Spender>, Mismatch> {
    let mut coins = spent.iter();
    let mut spenders = Vec::new();
    for tx in txs.iter().skip(1) {
        let mut fee = 0;
        for _ in tx.inputs() {
            let coin = coins.next();
            let coin = coin.ok_or_else(|| Mismatch::new("undo data", "a coin", tx.txid()))?;
            fee += number(coin.value);
        }
        fee -= tx.outputs().map(|output| output.value).sum::<i64>();
        let (size, weight) = (number(tx.total_size()), number(tx.weight()));
        spenders.push(Spender { fee, size, weight });
    }
    expect_eq("coins left over", 0, coins.count())?;
    Ok(spenders)
}

/// **Spec:** Core's `CalculateTruncatedMedian`.
fn median(mut values: Vec<i64>) -> i64 {
    values.sort_unstable();
    let middle = values.len() / 2;
    match values.len() {
        0 => 0,
        even if even % 2 == 0 => i64::midpoint(values[middle - 1], values[middle]),
        _ => values[middle],
    }
}

/// **Spec:** Core's `CalculatePercentilesByWeight`.
fn percentiles(spenders: &[Spender], total_weight: i64) -> [i64; 5] {
    let mut rates: Vec<_> = spenders.iter().map(|tx| (tx.rate(), tx.weight)).collect();
    rates.sort_unstable();
    PERCENTILES.map(|percent| {
        let mut weight = 0;
        let reached = rates.iter().find(|(_, own)| {
            weight += own;
            weight * 100 >= total_weight * percent
        });
        reached.or(rates.last()).map_or(0, |&(rate, _)| rate)
    })
}
