//! A development chain beside anvil over JSON-RPC: ingest, blocks of 5,000, blocks every second, a block for each transaction, a flood,
//! reads, disk and memory. Each node runs in a process of its own, one after the other, under the same loader on the same machine.
//!
//! `INTEROP_ANVIL` names anvil 1.7.1, `QUINTET_BIN` a release build of quintet. CPU seconds are the server's.

#![expect(clippy::print_stdout, reason = "a program that prints what it measured")]

mod load;
mod node;

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use bench::{
    eth_load::{Key, TOKEN, token_input},
    json_rpc::{Client, quantity, send},
};
use clap::{Parser, ValueEnum};
use serde_json::{Value, json};

use self::{
    load::{Deed, batches, fund, keys, signed},
    node::{Kind, Mining, Node},
};

/// Calls in one request.
const BATCH: usize = 100;
const CONNECTIONS: usize = 4;

/// Pause of a connection that was told to come again later.
const PAUSE: Duration = Duration::from_millis(20);

/// Measures a development chain beside anvil.
#[derive(Debug, Parser)]
struct Arguments {
    /// Transactions sent in batches.
    #[arg(long, default_value_t = 20_000)]
    ingest: usize,
    /// Transactions of a block that is asked for.
    #[arg(long, default_value_t = 5_000)]
    block: usize,
    /// Such blocks; the best counts.
    #[arg(long, default_value_t = 5)]
    runs: usize,
    /// Seconds of blocks each second, and of the flood; 0 leaves both out.
    #[arg(long, default_value_t = 20)]
    seconds: u64,
    /// Transactions signed for each second of those.
    #[arg(long, default_value_t = 20_000)]
    each_second: usize,
    /// Blocks with one transaction each.
    #[arg(long, default_value_t = 4_000)]
    small: usize,
    /// Seconds of reads.
    #[arg(long, default_value_t = 4)]
    reads: u64,
    /// Leave anvil's flood out: it takes all memory there is.
    #[arg(long)]
    spare_anvil: bool,
    /// Parts that are measured; all where none is named.
    #[arg(long, value_enum, value_delimiter = ',')]
    parts: Vec<Part>,
    /// Nodes that are measured; all where none is named.
    #[arg(long, value_enum, value_delimiter = ',')]
    nodes: Vec<Kind>,
}

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    Ingest,
    Blocks,
    Serial,
    Interval,
    Flood,
}

/// One line of the table.
fn row(kind: Kind, what: &str, figure: &str, node: &Node, cpu: f64) -> anyhow::Result<()> {
    let cpu = node.cpu_seconds()? - cpu;
    let (now, peak) = (node.rss_mib()?, node.peak_mib()?);
    println!("| {what} | {} | {figure} | {cpu:.2} | {now:.0} / {peak:.0} |", kind.name());
    Ok(())
}

fn rate(count: usize, time: Duration) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX)) / time.as_secs_f64()
}

/// Sends everything over several connections; each batch must be taken whole.
fn send_all(node: &Node, of_keys: &[Vec<String>]) -> anyhow::Result<Duration> {
    let share = of_keys.len().div_ceil(CONNECTIONS);
    let work: Vec<_> = of_keys.chunks(share).map(|some| batches(some, BATCH)).collect();
    let begun = Instant::now();
    thread::scope(|scope| {
        let connections: Vec<_> = work
            .iter()
            .map(|batches| {
                scope.spawn(move || {
                    let mut client = node.client()?;
                    for batch in batches {
                        let errors = client.batch(batch)?;
                        let error = errors.into_iter().flatten().next();
                        ensure!(error.is_none(), "{error:?}");
                    }
                    anyhow::Ok(())
                })
            })
            .collect();
        connections
            .into_iter()
            .try_for_each(|one| one.join().map_err(|_| anyhow::anyhow!("panic"))?)
    })?;
    Ok(begun.elapsed())
}

fn ingest(kind: Kind, arguments: &Arguments) -> anyhow::Result<()> {
    let mut keys = keys()?;
    let each = arguments.ingest / keys.len();
    let of_keys = signed(&mut keys, Deed::Pay, each)?;
    let node = Node::start(kind, Mining::Asked)?;
    fund(&mut node.client()?, &keys)?;
    let cpu = node.cpu_seconds()?;
    let time = send_all(&node, &of_keys)?;
    let sent = each * keys.len();
    row(kind, "ingest, transactions/s", &format!("{:.0}", rate(sent, time)), &node, cpu)
}

/// Blocks of many transactions, mined when asked.
fn large_blocks(kind: Kind, arguments: &Arguments) -> anyhow::Result<()> {
    for (deed, what) in [(Deed::Pay, "transfers"), (Deed::PayTokens, "ERC-20 transfers")] {
        let mut keys = keys()?;
        let node = Node::start(kind, Mining::Asked)?;
        let mut client = node.client()?;
        fund(&mut client, &keys)?;
        let mut best: Option<(Duration, f64)> = None;
        for _ in 0..arguments.runs {
            let of_keys = signed(&mut keys, deed, arguments.block / 1_000)?;
            send_all(&node, &of_keys)?;
            let cpu = node.cpu_seconds()?;
            let begun = Instant::now();
            client.call("evm_mine", &json!([]))?;
            let time = begun.elapsed();
            let cpu = node.cpu_seconds()? - cpu;
            let count = client.call("eth_getBlockTransactionCountByNumber", &json!(["latest"]))?;
            ensure!(quantity(&count)? == arguments.block as u64, "{count} in the block");
            if best.is_none_or(|(known, _)| known > time) {
                best = Some((time, cpu));
            }
        }
        let (time, cpu) = best.context("a run")?;
        let figure = format!("{:.1}", time.as_secs_f64() * 1e3);
        let what = format!("{} {what} in a block, ms", arguments.block);
        row(kind, &what, &figure, &node, node.cpu_seconds()? - cpu)?;
    }
    Ok(())
}

/// Sends until the time is over, again what was not taken; returns how many were taken and the first error.
fn press(node: &Node, of_keys: &[Vec<String>], until: Instant) -> (usize, Option<String>) {
    let share = of_keys.len().div_ceil(CONNECTIONS);
    let work: Vec<_> = of_keys.chunks(share).map(|some| batches(some, BATCH)).collect();
    let one = |batches: &[Vec<String>]| {
        let (mut taken, mut first) = (0, None);
        let Ok(mut client) = node.client() else { return (0, Some("no connection".to_owned())) };
        for batch in batches {
            let mut left = batch.clone();
            while !left.is_empty() {
                if Instant::now() >= until {
                    return (taken, first);
                }
                let numbered = left.iter().enumerate().map(|(id, call)| {
                    let (_, raw) = call.split_once("[\"").unwrap_or_default();
                    send(id, raw.trim_end_matches("\"]}"))
                });
                let errors = match client.batch(&numbered.collect::<Vec<_>>()) {
                    Ok(errors) => errors,
                    Err(error) => return (taken, Some(error.to_string())),
                };
                let before = left.len();
                let mut errors = errors.into_iter();
                left.retain(|_| match errors.next().flatten() {
                    Some(error)
                        if !error.contains("already") && !error.contains("nonce too low") =>
                    {
                        first.get_or_insert(error);
                        true
                    }
                    _ => false,
                });
                taken += before - left.len();
                if !left.is_empty() {
                    thread::sleep(PAUSE);
                }
            }
        }
        (taken, first)
    };
    thread::scope(|scope| {
        let connections: Vec<_> =
            work.iter().map(|batches| scope.spawn(move || one(batches))).collect();
        let done = connections.into_iter().filter_map(|one| one.join().ok());
        done.fold((0, None), |(sum, first), (taken, error)| (sum + taken, first.or(error)))
    })
}

fn committed(client: &mut Client) -> anyhow::Result<(u64, u64)> {
    let head = quantity(&client.call("eth_blockNumber", &json!([]))?)?;
    let mut sum = 0;
    for number in 1..=head {
        let at = json!([format!("0x{number:x}")]);
        sum += quantity(&client.call("eth_getBlockTransactionCountByNumber", &at)?)?;
    }
    Ok((head, sum))
}

/// Blocks every second, or a block for each transaction, under as much as four connections can send.
fn pressed(kind: Kind, mining: Mining, what: &str, arguments: &Arguments) -> anyhow::Result<()> {
    let mut keys = keys()?;
    let seconds = usize::try_from(arguments.seconds)?;
    let each = seconds * arguments.each_second / keys.len();
    let of_keys = signed(&mut keys, Deed::Pay, each)?;
    let mut node = Node::start(kind, mining)?;
    fund(&mut node.client()?, &keys)?;
    let cpu = node.cpu_seconds()?;
    let until = Instant::now() + Duration::from_secs(arguments.seconds);
    let (taken, error) = press(&node, &of_keys, until);
    ensure!(node.is_running(), "it ended");
    let (blocks, sum) = committed(&mut node.client()?)?;
    let rate = rate(usize::try_from(sum)?, Duration::from_secs(arguments.seconds));
    let refused = error.map(|error| format!("; refused with {error}")).unwrap_or_default();
    let figure = format!("{rate:.0} ({taken} taken, {sum} in {blocks} blocks{refused})");
    row(kind, what, &figure, &node, cpu)
}

/// Sends a transaction and waits for its receipt, one after the other.
fn serial(kind: Kind, arguments: &Arguments) -> anyhow::Result<()> {
    let mut keys = keys()?;
    let node = Node::start(kind, Mining::Instant)?;
    let mut client = node.client()?;
    let idle = format!("{:.1}, {:.1}", node.rss_mib()?, node.own_mib()?);
    row(kind, "idle, MiB resident, of it not program", &idle, &node, node.cpu_seconds()?)?;
    fund(&mut client, &keys)?;
    let some: &mut [Key] = keys.get_mut(..4).context("keys")?;
    let of_keys = signed(some, Deed::Pay, arguments.small / 4)?;
    let quarter = arguments.small / 4;
    let cpu = node.cpu_seconds()?;
    let mut quarters = Vec::new();
    for of_key in &of_keys {
        let begun = Instant::now();
        for raw in of_key {
            let hash = client.call("eth_sendRawTransaction", &json!([raw]))?;
            while client.call("eth_getTransactionReceipt", &json!([hash]))?.is_null() {}
        }
        quarters.push(rate(quarter, begun.elapsed()));
    }
    let (first, last) = (quarters.first().context("a quarter")?, quarters.last().context("one")?);
    let what = "one block a transaction, send and receipt, per s, first and last quarter";
    row(kind, what, &format!("{first:.0} → {last:.0}"), &node, cpu)?;
    // What is written behind is written by then.
    thread::sleep(Duration::from_secs(5));
    let what = format!("left on disk after {} such blocks, MB", arguments.small);
    row(kind, &what, &format!("{:.1}", node.disk_mb()), &node, cpu)?;
    let from = keys.first().context("a key")?.address;
    let input = token_input(from);
    let call = json!([{ "from": from, "to": TOKEN, "data": input }, "latest"]);
    reads(kind, &node, "eth_getBalance", &json!([from, "latest"]), arguments)?;
    reads(kind, &node, "eth_call", &call, arguments)
}

fn reads(
    kind: Kind,
    node: &Node,
    method: &str,
    params: &Value,
    arguments: &Arguments,
) -> anyhow::Result<()> {
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string();
    node.client()?.call(method, params)?;
    let cpu = node.cpu_seconds()?;
    let time = Duration::from_secs(arguments.reads);
    let until = Instant::now() + time;
    let count: usize = thread::scope(|scope| {
        let one = || {
            let mut client = node.client()?;
            let mut count = 0;
            while Instant::now() < until {
                client.post(&body)?;
                count += 1;
            }
            anyhow::Ok(count)
        };
        let connections: Vec<_> = (0..CONNECTIONS).map(|_| scope.spawn(one)).collect();
        let joined =
            connections.into_iter().map(|one| one.join().map_err(|_| anyhow::anyhow!("panic"))?);
        joined.sum::<anyhow::Result<usize>>()
    })?;
    row(
        kind,
        &format!("{method}, {CONNECTIONS} connections, per s"),
        &format!("{:.0}", rate(count, time)),
        node,
        cpu,
    )
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    println!("| work | node | figure | CPU s | RSS MiB, now / most |");
    println!("|---|---|---:|---:|---:|");
    let named = |part| arguments.parts.is_empty() || arguments.parts.contains(&part);
    for kind in Kind::ALL {
        if !arguments.nodes.is_empty() && !arguments.nodes.contains(&kind) {
            continue;
        }
        if named(Part::Ingest) {
            ingest(kind, &arguments)?;
        }
        if named(Part::Blocks) {
            large_blocks(kind, &arguments)?;
        }
        if named(Part::Serial) {
            serial(kind, &arguments)?;
        }
        if arguments.seconds > 0 && named(Part::Interval) {
            pressed(kind, Mining::EverySecond, "1 s blocks, committed/s", &arguments)?;
        }
        let is_spared = arguments.spare_anvil && kind == Kind::Anvil;
        if arguments.seconds > 0 && named(Part::Flood) && !is_spared {
            pressed(
                kind,
                Mining::Instant,
                "flood, a block a transaction, committed/s",
                &arguments,
            )?;
        }
    }
    Ok(())
}
