//! Time from a message that is told to the head of a verifier that has executed its block: two nodes in one process, over loopback.
//!
//! ```text
//!   made blocks ──every 250 ms──► peer: sign, snappy ──► libp2p ──► verifier: gate, engine ──► head
//!                                  └───────────────────── measured ─────────────────────────────┘
//! ```
//!
//! Each run is a chain of its own, for a chain that may be told is no longer than its blocks may be old.

#![expect(clippy::print_stdout, reason = "a program that prints what it measured")]

use std::{
    net::Ipv4Addr,
    sync::{Arc, Mutex},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use anyhow::Context as _;
use bench::process;
use clap::Parser;
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
const BLOCKS_MAX: i64 = 26;
/// Time between two looks at the head.
const LOOK: Duration = Duration::from_micros(100);

/// Measures how fast a block gets from gossip to a verifier's head.
#[derive(Debug, Parser)]
struct Arguments {
    /// Blocks of a run; the first of each waits for the connection and does not count.
    #[arg(long, default_value_t = 25, value_parser = clap::value_parser!(u16).range(2..=BLOCKS_MAX))]
    blocks: u16,
    /// Transfers of a block.
    #[arg(long, default_value_t = 20)]
    transactions: usize,
    /// Runs.
    #[arg(long, default_value_t = 4)]
    runs: usize,
}

/// Starts a node that believes the tests' sequencer.
async fn verifier(
    sequencer: &Sequencer,
    l1: &FakeNode,
    ctx: NodeContext,
) -> anyhow::Result<(RunningNode, RollupHandle)> {
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

async fn measure(blocks: u16, transactions: usize) -> anyhow::Result<Vec<Duration>> {
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
            let head = handle.reader().id(BlockTag::Latest)?.context("no head")?;
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
async fn main() -> anyhow::Result<()> {
    let Arguments { blocks, transactions, runs } = Arguments::parse();
    println!("{}, load {} before", process::processor(), process::load_average());
    let mut times = Vec::new();
    for _ in 0..runs {
        times.extend(Box::pin(measure(blocks, transactions)).await?);
    }
    times.sort_unstable();
    let at = |percent: usize| {
        let at = times.len().saturating_sub(1) * percent / 100;
        times.get(at).copied().unwrap_or_default().as_secs_f64() * 1e3
    };
    println!(
        "{} blocks of {transactions} transfers, one every {} ms, from being told to a verifier's head, ms: p50 {:.1}, p90 {:.1}, p99 {:.1}",
        times.len(),
        CADENCE.as_millis(),
        at(50),
        at(90),
        at(99)
    );
    println!("load {} after", process::load_average());
    Ok(())
}
