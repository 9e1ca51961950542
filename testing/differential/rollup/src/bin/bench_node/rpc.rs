//! The 14 recorded L1 blocks over JSON-RPC, and the 123 L2 blocks that lie in them.
//!
//! Both sides ask the same server over the same HTTP client for all blocks at once. kona is given what `serde` makes of the answers, as its
//! provider does; neither asks for receipts, which it would for every block. Counted is the time all threads of this process were
//! on a core, from the first question to the last block derived; the server is another process.

use std::{
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
    time::{Duration, Instant},
};

use alloy_consensus_reference::TxEnvelope;
use alloy_rpc_types_eth_reference::Block;
use anyhow::{Context as _, Result, ensure};
use differential_rollup::{
    fixture::{Fixture, singular},
    kona::block_on,
    memory::{Counted, OurL1, kona_once, ours_from},
};
use futures_util::future::try_join_all;
use quintet_rollup_node::l1::{
    L1Source as _,
    rpc::{RpcL1, RpcOptions},
    transport::{Address, Call, Transport},
};
use serde::Deserialize;
use tokio::runtime::{Builder, Runtime};

use crate::{cpu_seconds, median, server::last};

/// Recorded blocks.
const BLOCKS: usize = 14;

/// This program as a server of the recorded blocks; it ends with the value.
struct Server {
    process: Child,
    url: String,
}

impl Server {
    fn start(vectors: &Path, raw: bool) -> Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .arg("serve")
            .arg(vectors)
            .args((!raw).then_some("--no-raw"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut url = String::new();
        BufReader::new(process.stdout.take().context("its output")?).read_line(&mut url)?;
        Ok(Self { process, url: url.trim().to_owned() })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ended = self.process.wait();
    }
}

/// Who derives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Side {
    Kona,
    Ours { raw: bool, trust: bool },
}

const SIDES: [(&str, Side); 5] = [
    ("kona, JSON by serde", Side::Kona),
    ("quintet, raw blocks, transactions believed", Side::Ours { raw: true, trust: true }),
    ("quintet, raw blocks, transactions verified", Side::Ours { raw: true, trust: false }),
    ("quintet, JSON, transactions believed", Side::Ours { raw: false, trust: true }),
    ("quintet, JSON, transactions verified", Side::Ours { raw: false, trust: false }),
];

struct Bench {
    fixture: Arc<Fixture>,
    runtime: Runtime,
    /// Where raw blocks are offered.
    raw: Server,
    /// Where they are not.
    json: Server,
    transport: Transport,
    numbers: Vec<u64>,
}

pub(crate) fn run(vectors: &Path, rounds: usize, side: &str) -> Result<()> {
    let mut fixture = singular(vectors)?;
    let numbers = last(&fixture.blocks, BLOCKS).iter().map(|block| block.block.number).collect();
    fixture.blocks.iter_mut().for_each(|block| block.raw.clear());
    let bench = Bench {
        fixture: fixture.shared(),
        runtime: Builder::new_multi_thread().worker_threads(2).enable_all().build()?,
        raw: Server::start(vectors, true)?,
        json: Server::start(vectors, false)?,
        transport: Transport::default(),
        numbers,
    };
    let sides: Vec<_> = SIDES.iter().filter(|(name, _)| name.contains(side)).collect();
    ensure!(!sides.is_empty(), "--side {side}: expected part of one of the names");
    let mut times = vec![(Vec::new(), Vec::new()); sides.len()];
    for _ in 0..rounds {
        for ((_, side), times) in sides.iter().zip(&mut times) {
            let (wall, cpu) = bench.once(*side)?;
            times.0.push(wall);
            times.1.push(cpu);
        }
    }
    let blocks = bench.fixture.hashes.len() as f64;
    let mut kona = (0.0, 0.0);
    for ((name, side), (walls, cpus)) in sides.iter().zip(&mut times) {
        walls.sort_by(f64::total_cmp);
        let (wall, cpu) = (walls[0] * 1e6 / blocks, median(cpus) * 1e6 / blocks);
        if *side == Side::Kona {
            kona = (wall, cpu);
        }
        print!("{name}: {cpu:.1} us of CPU a block; best by the clock {wall:.1} us");
        if kona.1 > 0.0 {
            print!("; {:.2} times, {:.2} by the clock", kona.1 / cpu, kona.0 / wall);
        }
        println!();
    }
    Ok(())
}

impl Bench {
    /// Derives all once; returns the time by the clock and on cores.
    fn once(&self, side: Side) -> Result<(f64, f64)> {
        // kona's copy is made and dropped where neither is counted.
        let mut copy = None;
        if side == Side::Kona {
            let mut fixture = (*self.fixture).clone();
            last_mut(&mut fixture.blocks).iter_mut().for_each(|block| block.decoded.clear());
            copy = Some(fixture);
        }
        let (begin, cpu) = (Instant::now(), cpu_seconds()?);
        let (counted, _used) = match (side, copy) {
            (Side::Ours { raw, trust }, _) => (self.ours(raw, trust)?, None),
            (Side::Kona, copy) => {
                let fixture = Arc::new(self.filled(copy.context("a copy")?)?);
                (block_on(kona_once(&fixture))?, Some(fixture))
            }
        };
        let spent = (begin.elapsed().as_secs_f64(), cpu_seconds()? - cpu);
        ensure!(counted.0 == self.fixture.hashes.len(), "{side:?}: {} blocks", counted.0);
        Ok(spent)
    }

    fn ours(&self, raw: bool, trust: bool) -> Result<Counted> {
        let inbox = self.fixture.chain.ours.batch_inbox;
        let options = RpcOptions { trust, ..RpcOptions::new(1, inbox) };
        let server = if raw { &self.raw } else { &self.json };
        let l1 = RpcL1::new(&[server.url.clone()], None, options, &self.transport)?;
        let blocks = try_join_all(self.numbers.iter().map(|number| l1.block(*number)));
        let found = self.runtime.block_on(blocks)?;
        let inbox = found.into_iter().map(|block| Ok(block.context("a block")?.inbox));
        let l1 = OurL1::with_inbox(&self.fixture, inbox.collect::<Result<_>>()?);
        ours_from(&self.fixture, &l1)
    }

    /// Asks for the blocks kona is to derive from.
    fn filled(&self, mut fixture: Fixture) -> Result<Fixture> {
        let address = Address::parse(&self.json.url)?;
        let blocks =
            try_join_all(self.numbers.iter().map(|number| self.decoded(&address, *number)));
        let found = self.runtime.block_on(blocks)?;
        for (block, decoded) in last_mut(&mut fixture.blocks).iter_mut().zip(found) {
            block.decoded = decoded;
        }
        Ok(fixture)
    }

    async fn decoded(&self, address: &Address, number: u64) -> Result<Vec<TxEnvelope>> {
        #[derive(Deserialize)]
        struct Answer {
            result: Block,
        }
        let method = "eth_getBlockByNumber";
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":["{number:#x}",true]}}"#
        );
        let limit = Duration::from_secs(30);
        let body = Some(body.into_bytes());
        let call = Call { address, method, path: "", body, bearer: None, limit };
        let body = self.transport.send(call).await?;
        let decode = move || -> Result<Vec<TxEnvelope>> {
            let answer: Answer = serde_json::from_slice(&body)?;
            let transactions = answer.result.transactions.into_transactions();
            Ok(transactions.map(|tx| tx.inner.into_inner()).collect())
        };
        tokio::task::spawn_blocking(decode).await?
    }
}

fn last_mut<T>(list: &mut [T]) -> &mut [T] {
    let begin = list.len().saturating_sub(BLOCKS);
    &mut list[begin..]
}
