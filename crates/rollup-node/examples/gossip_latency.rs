//! Time from a message that is told to the head of a verifier that has executed its block: two nodes in one process, over loopback.
//!
//! ```text
//!   made blocks ──every 250 ms──► peer: sign, snappy ──► libp2p ──► verifier: gate, engine ──► head
//!                                  └───────────────────── measured ─────────────────────────────┘
//! ```
//!
//! `cargo run --release -p quintet-rollup-node --features testing --example gossip_latency -- [BLOCKS] [TRANSACTIONS]`

#![expect(clippy::print_stdout, reason = "a tool: what it measured is what it prints")]

use std::{
    error::Error,
    net::Ipv4Addr,
    sync::{Arc, Mutex},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use quintet_eth_chain::BlockTag;
use quintet_node::{
    datadir::DataDir,
    lifecycle::{NodeContext, RunningNode},
    ops::Health,
};
use quintet_rollup_node::{
    derive::DriverOptions,
    engine::embedded::chain_options,
    l1::{
        rpc::{RpcL1, RpcOptions},
        transport::Transport,
    },
    node::{RollupHandle, RollupNode, RollupOptions},
    p2p::{
        P2pOptions,
        testing::{TestPeer, sequencer_wallet},
    },
    testing::{FakeNode, MadeL1, Manners, Sequencer},
};

/// Time between two blocks.
const CADENCE: Duration = Duration::from_millis(250);
/// Age of the chain when it begins to be told: blocks have times of two seconds each, and none may be older than sixty or in the future.
const AGE: u64 = 56;
/// Blocks that fit into that time.
const BLOCKS_MAX: usize = 26;
/// Time between two looks at the head.
const LOOK: Duration = Duration::from_micros(100);

type Result<T> = std::result::Result<T, Box<dyn Error>>;

fn argument(at: usize, default: usize) -> usize {
    std::env::args().nth(at).and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Starts a node that believes the tests' sequencer.
async fn verifier(
    sequencer: &Sequencer,
    l1: &FakeNode,
    ctx: NodeContext,
) -> Result<(RunningNode, RollupHandle)> {
    let (_, signer) = sequencer_wallet();
    let options = RpcOptions::new(900, sequencer.config().batch_inbox);
    let source = RpcL1::new(&[l1.url()], None, options, &Transport::default())?;
    let options = RollupOptions {
        config: Arc::clone(sequencer.config()),
        genesis: sequencer.genesis_json().into_bytes(),
        chain: chain_options(),
        source: Arc::new(source),
        driver: DriverOptions::default(),
        l1_poll: Duration::from_secs(1),
        rpc: None,
        admin: false,
        eth_rpc: None,
        sequencer: None,
        batcher: None,
        p2p: Some(P2pOptions {
            signer: Some(signer),
            ..P2pOptions::new((Ipv4Addr::LOCALHOST, 0).into())
        }),
    };
    Ok(RollupNode::new(options).spawn(ctx).await?)
}

async fn measure(blocks: usize, transactions: usize) -> Result<Vec<Duration>> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let mut l1 = MadeL1::beginning_at(now - AGE);
    l1.mine_empty(AGE / 6);
    let mut sequencer = Sequencer::new(&l1, alloy_primitives::Address::ZERO)?;
    let mut payloads = Vec::new();
    for _ in 0..blocks {
        sequencer.next(&l1, transactions)?;
        let tag = BlockTag::Hash(sequencer.head().hash);
        payloads.extend(sequencer.engine().reader().envelope(tag)?);
    }
    let l1 = FakeNode::start(Arc::new(Mutex::new(l1)), Manners::default())?;
    let dir = tempfile::tempdir()?;
    let ctx = NodeContext::new("verifier", DataDir::open(dir.path())?, &Health::new());
    let (_running, handle) = verifier(&sequencer, &l1, ctx).await?;
    let there = handle.p2p().cloned().into_iter().collect();
    let peer = TestPeer::start(Arc::clone(sequencer.config()), there).await?;
    let (wallet, _) = sequencer_wallet();
    let mut times = Vec::new();
    for (version, envelope) in payloads {
        let begun = Instant::now();
        let content = peer.sign(version, &envelope, &wallet)?;
        peer.publish(version, content.clone());
        let mut told = Instant::now();
        loop {
            let head = handle.reader().id(BlockTag::Latest)?.ok_or("no head")?;
            if head.hash == envelope.payload.block_hash {
                break;
            }
            // The first message may come before they know each other.
            if times.is_empty() && told.elapsed() > Duration::from_millis(100) {
                peer.publish(version, content.clone());
                told = Instant::now();
            }
            tokio::time::sleep(LOOK).await;
        }
        times.push(begun.elapsed());
        tokio::time::sleep(CADENCE.saturating_sub(begun.elapsed())).await;
    }
    // The first waited for the connection.
    times.remove(0);
    Ok(times)
}

#[tokio::main]
async fn main() -> Result<()> {
    let (blocks, transactions) = (argument(1, 25).clamp(2, BLOCKS_MAX), argument(2, 20));
    let mut times = measure(blocks, transactions).await?;
    times.sort_unstable();
    let at =
        |percent: usize| times.get((times.len() - 1) * percent / 100).copied().unwrap_or_default();
    println!(
        "{} blocks of {transactions} transfers, one every {} ms: p50 {:?}, p90 {:?}, p99 {:?}",
        times.len(),
        CADENCE.as_millis(),
        at(50),
        at(90),
        at(99)
    );
    Ok(())
}
