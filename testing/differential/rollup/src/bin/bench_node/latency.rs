//! A rollup on an L1 that takes its time to answer: with so many blocks in flight, how many L1 blocks are read a second?
//!
//! The link's own bound is the number of blocks in flight by the time of an answer: a block costs one answer, and another one for
//! receipts where its bloom may hold what counts, which these do not.

use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, ensure};
use quintet_rollup_node::{
    derive::{Driver, DriverOptions, Progress, SafeHeads, StartAt},
    engine::Unexecuted,
    l1::{
        L1Source,
        endpoint::Limits,
        prefetch::PrefetchOptions,
        rpc::{RpcL1, RpcOptions},
        transport::Transport,
    },
    testing::{Batcher, FakeNode, MadeL1, Manners, Sequencer},
};

/// Blocks in flight.
const IN_FLIGHT: [u32; 5] = [1, 8, 32, 64, 128];
/// Answers a run waits for one after the other, so that the few at its beginning weigh little.
const TURNS: u64 = 40;

pub(crate) fn run(blocks: u64, latency: u64) -> Result<()> {
    let inbox = "0xff00000000000000000000000000000000000901".parse()?;
    let mut batcher = Batcher::new(900, inbox);
    let l1 = Arc::new(Mutex::new(MadeL1::default()));
    let mut sequencer = {
        let l1 = l1.lock().map_err(|_| anyhow::anyhow!("poisoned"))?;
        Sequencer::new(&l1, batcher.address())?
    };
    {
        let mut l1 = l1.lock().map_err(|_| anyhow::anyhow!("poisoned"))?;
        for _ in 0..blocks {
            let newest = l1.newest().header.number;
            let mut batches = Vec::new();
            while sequencer.next_origin() <= newest {
                batches.push(sequencer.next(&l1, 0)?);
            }
            let pieces = batcher.channel(&batches, None);
            let post = batcher.calldata(&pieces);
            l1.mine(post.transactions, Vec::new(), post.blobs);
        }
    }
    let latency = Duration::from_millis(latency);
    let node = FakeNode::start(l1, Manners { latency, raw: true, ..Manners::default() })?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    for in_flight in IN_FLIGHT {
        let limits = Limits { in_flight, ..Limits::default() };
        let options = RpcOptions { limits, ..RpcOptions::new(900, inbox) };
        let source: Arc<dyn L1Source> =
            Arc::new(RpcL1::new(&[node.url()], None, options, &Transport::default())?);
        let config = Arc::clone(sequencer.config());
        let blocks = blocks.min(u64::from(in_flight) * TURNS);
        let prefetch = PrefetchOptions {
            in_flight: usize::try_from(in_flight)?,
            last: Some(blocks),
            poll: Duration::from_millis(10),
            ..PrefetchOptions::default()
        };
        let options = DriverOptions { prefetch, ..DriverOptions::default() };
        let (start, record) = (StartAt::genesis(&config), SafeHeads::memory(&config)?);
        let (engine, runtime) = (Unexecuted::default(), runtime.handle().clone());
        let (asked, begin) = (node.requests(), Instant::now());
        let mut driver = Driver::open(config, source, engine, record, start, options, runtime)?;
        let mut derived = 0_u64;
        loop {
            match driver.step()? {
                Progress::Block(_) => derived += 1,
                Progress::Done => break,
                _ => {}
            }
        }
        let seconds = begin.elapsed().as_secs_f64();
        ensure!(derived > 0, "no blocks");
        let bound = f64::from(in_flight) / latency.as_secs_f64();
        let rate = blocks as f64 / seconds;
        println!(
            "{in_flight} in flight: {rate:.0} L1 blocks a second, {:.0} L2; the link's bound is {bound:.0}, reached {:.0} %; {} requests for {blocks} blocks",
            derived as f64 / seconds,
            100.0 * rate / bound,
            node.requests().checked_sub(asked).context("requests")?,
        );
    }
    Ok(())
}
