//! From the nodes to the page, as a client of theirs sees them: once a second the latest blocks, what waits in the pool by fee rate, and who is connected.

use std::{sync::Arc, time::Duration};

use anyhow::Context as _;
use futures_util::future::join_all;
use quintet_actor::supervisor::Fault;
use quintet_dashboard::{
    BitcoinBlock, BitcoinNode, BitcoinPeer, BitcoinRates, Event, Figures, Kind, NodeEntry, NodeId,
    NodeState, Panel, PoolPicture, Publisher, Rates, Throughput,
};
use serde_json::{Value, json};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::LocalBitcoin;
use crate::up::feed::unix_millis;

/// Time between two pictures; the page's charts are drawn for one a second.
const PICTURE_EVERY: Duration = Duration::from_secs(1);

/// Blocks shown.
const BLOCKS: usize = 24;

/// Transactions of a pool up to which each is looked at; of a larger one the page shows the sum.
const POOL_MAX: u64 = 5_000;

/// Where bands of the pool begin, satoshis a virtual byte.
const BANDS: [f64; 11] = [0.0, 1.0, 2.0, 3.0, 5.0, 8.0, 12.0, 18.0, 25.0, 35.0, 50.0];

/// Satoshis of a bitcoin.
const BITCOIN: f64 = 100_000_000.0;

/// Milliseconds of a second.
const MILLIS: f64 = 1_000.0;

/// Takes pictures until told to stop. One that cannot be taken is said in the log, and the next one tried.
pub(in crate::up) async fn run(
    nodes: Vec<LocalBitcoin>,
    publisher: Publisher,
    stop: CancellationToken,
) -> Result<(), Fault> {
    for node in &nodes {
        publisher.event(Event::NodeStarted { node: NodeId::new(&*node.name) });
    }
    let mut blocks: Arc<[BitcoinBlock]> = Arc::default();
    let mut last: Option<Counted> = None;
    let mut ticks = interval(PICTURE_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        if stop.run_until_cancelled(ticks.tick()).await.is_none() {
            return Ok(());
        }
        let taking = join_all(nodes.iter().enumerate().map(async |(index, node)| {
            // The first node's blocks are everybody's, but for moments.
            let known = (index == 0).then_some(&*blocks);
            picture(node, known).await.inspect_err(|error| {
                tracing::warn!("{} cannot be shown: {error:#}", node.name);
            })
        }));
        let Some(taken) = stop.run_until_cancelled(taking).await else { return Ok(()) };
        let mut now = Counted::new();
        for (index, (node, picture)) in nodes.iter().zip(taken).enumerate() {
            let Ok(picture) = picture else { continue };
            now.add(&picture, index == 0);
            if index == 0 {
                blocks = picture.blocks.as_slice().into();
            }
            publisher.node(entry(node, picture));
        }
        let figures =
            Figures::Bitcoin(last.map_or_else(BitcoinRates::default, |last| now.since(last)));
        publisher.throughput(Throughput { kind: Kind::Bitcoin, time: unix_millis(), figures });
        last = Some(now);
    }
}

fn entry(node: &LocalBitcoin, picture: BitcoinNode) -> NodeEntry {
    let peers = picture.connections.len();
    NodeEntry {
        id: NodeId::new(&*node.name),
        name: node.name.to_string(),
        endpoint: format!("http://{}", node.served),
        state: if peers == 0 { NodeState::Degraded } else { NodeState::Running },
        peers: u32::try_from(peers).unwrap_or(u32::MAX),
        rates: Rates::default(),
        panel: Panel::Bitcoin(picture),
    }
}

/// Counters at an instant, to make rates of.
#[derive(Debug, Clone, Copy)]
struct Counted {
    at: Instant,
    height: u64,
    /// Transactions in the blocks shown above a height, and those in the pool.
    pool: u64,
    mined: u64,
    bytes_in: u64,
    bytes_out: u64,
}

impl Counted {
    fn new() -> Self {
        Self { at: Instant::now(), height: 0, pool: 0, mined: 0, bytes_in: 0, bytes_out: 0 }
    }

    fn add(&mut self, node: &BitcoinNode, is_first: bool) {
        if is_first {
            self.height = node.height;
            self.pool = node.pool.transactions;
            let newest = node.blocks.first();
            self.mined = newest.map_or(0, |block| block.transactions.saturating_sub(1));
        }
        for peer in &node.connections {
            self.bytes_in += peer.bytes_in;
            self.bytes_out += peer.bytes_out;
        }
    }

    /// Of several blocks within a second the newest alone counts: where that happens nobody reads the rate of payments.
    #[expect(clippy::cast_precision_loss, reason = "counts of a second")]
    fn since(self, earlier: Self) -> BitcoinRates {
        let seconds = self.at.saturating_duration_since(earlier.at).as_secs_f64();
        let rate = |count: u64| if seconds > 0.0 { count as f64 / seconds } else { 0.0 };
        let mined = if self.height > earlier.height { self.mined } else { 0 };
        BitcoinRates {
            entered: rate((self.pool + mined).saturating_sub(earlier.pool)),
            mined: rate(mined),
            bytes_in: rate(self.bytes_in.saturating_sub(earlier.bytes_in)),
            bytes_out: rate(self.bytes_out.saturating_sub(earlier.bytes_out)),
        }
    }
}

/// Asks a node how it is; for its blocks only if `known` says which need not be asked for.
async fn picture(
    node: &LocalBitcoin,
    known: Option<&[BitcoinBlock]>,
) -> anyhow::Result<BitcoinNode> {
    let info = node.ask("getblockchaininfo", json!([])).await?;
    let best = text(&info["bestblockhash"]);
    let blocks = match known {
        Some(known) => latest(node, &best, known).await?,
        None => Vec::new(),
    };
    Ok(BitcoinNode {
        chain: text(&info["chain"]),
        height: number(&info["blocks"])?,
        headers: number(&info["headers"])?,
        best,
        blocks,
        pool: pool(node).await?,
        connections: connections(&node.ask("getpeerinfo", json!([])).await?),
    })
}

/// Reads the blocks up to the tip, those that are known from memory.
async fn latest(
    node: &LocalBitcoin,
    best: &str,
    known: &[BitcoinBlock],
) -> anyhow::Result<Vec<BitcoinBlock>> {
    let mut blocks = Vec::with_capacity(BLOCKS);
    let mut hash = best.to_owned();
    while blocks.len() < BLOCKS {
        if let Some(at) = known.iter().position(|block| block.hash == hash) {
            blocks.extend(known.iter().skip(at).cloned());
            break;
        }
        let block = node.ask("getblock", json!([hash, 1])).await?;
        let below = block["previousblockhash"].as_str().map(str::to_owned);
        blocks.push(BitcoinBlock {
            height: number(&block["height"])?,
            hash,
            time: number(&block["time"])?.saturating_mul(1_000),
            transactions: number(&block["nTx"])?,
            weight: number(&block["weight"])?,
        });
        let Some(below) = below else { break };
        hash = below;
    }
    blocks.truncate(BLOCKS);
    Ok(blocks)
}

async fn pool(node: &LocalBitcoin) -> anyhow::Result<PoolPicture> {
    let info = node.ask("getmempoolinfo", json!([])).await?;
    let (transactions, size) = (number(&info["size"])?, number(&info["bytes"])?);
    if transactions > POOL_MAX {
        return Ok(PoolPicture { transactions, size, bands: Vec::new() });
    }
    let all = node.ask("getrawmempool", json!([true])).await?;
    let all = all.as_object().context("a pool")?.values();
    Ok(PoolPicture::of(&BANDS, all.filter_map(fee_rate)))
}

/// What is paid for a virtual byte, and how many there are.
#[expect(clippy::cast_precision_loss, reason = "a transaction is far smaller than 2^52 bytes")]
fn fee_rate(entry: &Value) -> Option<(f64, u64)> {
    let size = entry["vsize"].as_u64().filter(|size| *size > 0)?;
    let fee = entry["fees"]["base"].as_f64()? * BITCOIN;
    Some((fee / size as f64, size))
}

fn connections(peers: &Value) -> Vec<BitcoinPeer> {
    let peers = peers.as_array().map(Vec::as_slice).unwrap_or_default();
    let peer = |peer: &Value| BitcoinPeer {
        address: text(&peer["addr"]),
        inbound: peer["inbound"].as_bool().unwrap_or_default(),
        agent: text(&peer["subver"]),
        height: peer["synced_headers"].as_u64(),
        ping_ms: peer["pingtime"].as_f64().map(|seconds| seconds * MILLIS),
        bytes_in: peer["bytesrecv"].as_u64().unwrap_or_default(),
        bytes_out: peer["bytessent"].as_u64().unwrap_or_default(),
    };
    peers.iter().map(peer).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn number(value: &Value) -> anyhow::Result<u64> {
    value.as_u64().with_context(|| format!("expected a number, got {value}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_entered_the_pool_is_counted_though_a_block_took_it_out_again() {
        let earlier = Counted { height: 7, pool: 5, ..Counted::new() };
        let at = earlier.at + Duration::from_secs(2);
        let now = Counted { at, height: 8, pool: 1, mined: 6, bytes_in: 300, ..earlier };
        let rates = now.since(earlier);
        assert_eq!((rates.entered, rates.mined), (1.0, 3.0));
        assert_eq!((rates.bytes_in, rates.bytes_out), (150.0, 0.0));
        let still = Counted { height: 7, mined: 6, ..now };
        assert_eq!(still.since(earlier).mined, 0.0);
    }

    #[test]
    fn a_fee_rate_is_satoshis_a_virtual_byte() {
        let entry = json!({ "vsize": 141, "fees": { "base": 0.000_014_1 } });
        let (rate, size) = fee_rate(&entry).unwrap();
        assert!((rate - 10.0).abs() < 1e-6, "{rate}");
        assert_eq!(size, 141);
    }
}
