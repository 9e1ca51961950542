//! What a node of each kind costs that has nothing to do, and how fast a whole local network is live.
//!
//! ```text
//!   each kind ── process of its own, alone ──► half a minute ──► memory, processor time
//!   quintet up ── start ──► ready line ──► half a minute ──► memory          quintet up --check ──► a line a kind
//! ```
//!
//! A rollup's node has a development chain beside it as L1, with a block every two seconds; LuxTensor's is the one validator of its network,
//! with a block a second. The others have no peers.
//!
//! `QUINTET_BIN` names a release build.

#![expect(clippy::print_stdout, reason = "a program that prints what it measured")]

use std::{
    path::Path,
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use bench::{
    nodes::{Node, free_ports, quintet, run},
    process,
};
use clap::Parser;
use serde_json::Value;

/// Measures idle nodes.
#[derive(Debug, Parser)]
struct Arguments {
    /// Seconds before a node is looked at.
    #[arg(long, default_value_t = 30)]
    seconds: u64,
    /// Starts of the whole network; the median counts.
    #[arg(long, default_value_t = 3)]
    starts: usize,
    /// Leave the whole network out.
    #[arg(long)]
    only_kinds: bool,
}

/// A node, and what it stands on.
struct Idle {
    node: Node,
    _beside: Option<Node>,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    println!("{}, load {} before\n", process::processor(), process::load_average());
    println!("| node | after s | resident, MiB | of that its own | at most | CPU s |");
    println!("|---|---:|---:|---:|---:|---:|");
    type Start = fn(&Path) -> anyhow::Result<Idle>;
    let kinds: [(&str, Start); 5] =
        [("dht", dht), ("bitcoin", bitcoin), ("kaspa", kaspa), ("lux", lux), ("rollup", rollup)];
    for (kind, start) in kinds {
        let files = tempfile::tempdir()?;
        let idle = start(files.path()).with_context(|| format!("{kind} does not start"))?;
        thread::sleep(Duration::from_secs(arguments.seconds));
        row(&format!("quintet {kind} run"), arguments.seconds, &idle.node)?;
    }
    if !arguments.only_kinds {
        network(&arguments)?;
    }
    println!("\nload {} after", process::load_average());
    Ok(())
}

fn row(what: &str, seconds: u64, node: &Node) -> anyhow::Result<()> {
    let process = node.process();
    let (rss, own, peak) = (process.rss_mib()?, process.own_mib()?, process.peak_mib()?);
    let cpu = process.cpu_seconds()?;
    println!("| {what} | {seconds} | {rss:.1} | {own:.1} | {peak:.1} | {cpu:.2} |");
    Ok(())
}

fn started(command: &mut Command) -> anyhow::Result<Node> {
    Node::start(command, Stdio::null())
}

fn alone(node: Node) -> Idle {
    Idle { node, _beside: None }
}

fn dht(home: &Path) -> anyhow::Result<Idle> {
    let mut command = Command::new(quintet()?);
    command.args([
        "dht",
        "run",
        "--json",
        "--listen",
        "127.0.0.1:0",
        "--rpc-listen",
        "127.0.0.1:0",
    ]);
    command
        .args(["--ops-enabled=false", "--allow-local", "--bootstrap", "", "--data-dir"])
        .arg(home);
    Ok(alone(started(&mut command)?))
}

fn bitcoin(home: &Path) -> anyhow::Result<Idle> {
    let ports = free_ports(2)?;
    let [peers, rpc] = ports.as_slice() else { anyhow::bail!("no ports") };
    let mut command = Command::new(quintet()?);
    command.args(["bitcoin", "run", "-regtest", "-listen", "-bind=127.0.0.1"]);
    command.arg(format!("-port={peers}")).arg(format!("-rpcport={rpc}"));
    command.arg(format!("-datadir={}", home.display()));
    Ok(alone(started(&mut command)?))
}

fn kaspa(home: &Path) -> anyhow::Result<Idle> {
    let mut command = Command::new(quintet()?);
    command.args(["kaspa", "run", "--devnet", "--json", "--listen", "127.0.0.1:0"]);
    command.args(["--rpclisten-borsh", "127.0.0.1:0", "--appdir"]).arg(home);
    Ok(alone(started(&mut command)?))
}

fn lux(home: &Path) -> anyhow::Result<Idle> {
    let (program, net) = (quintet()?, home.join("net"));
    let mut new = Command::new(&program);
    run(new.args(["lux", "new", "--validators", "1", "--slot-millis", "1000"]).arg(&net))?;
    let mut command = Command::new(program);
    command.args(["lux", "run", "--json", "--port", "0", "--listen", "127.0.0.1:0"]);
    command.arg("--genesis").arg(net.join("genesis.json"));
    command.arg("--validator-key").arg(net.join("validator-1.key"));
    command.arg("--data-dir").arg(home.join("node"));
    Ok(alone(started(&mut command)?))
}

fn rollup(home: &Path) -> anyhow::Result<Idle> {
    let program = quintet()?;
    let mut dev = Command::new(&program);
    let l1 = started(dev.args(["lux", "dev", "--json", "--port", "0", "--block-time", "2"]))?;
    let told = l1.told()?;
    let text = |value: &Value| value.as_str().map(str::to_owned).context("what L1 tells");
    let (url, key) = (text(&told["http"])?, text(&told["accounts"][0]["private_key"])?);
    let mut new = Command::new(&program);
    new.args(["rollup", "new", "--json", "--l1", &url, "--deployer-key", &key, "--out"]);
    run(new.arg(home))?;
    let ports = free_ports(3)?.iter().map(u16::to_string).collect::<Vec<_>>();
    let [rpc, http, p2p] = ports.as_slice() else { anyhow::bail!("no ports") };
    let mut command = Command::new(program);
    command.args(["rollup", "run", "--json", "--l1", &url, "--rpc.port", rpc, "--http.port", http]);
    command.args(["--p2p.listen.tcp", p2p]);
    command.arg("--rollup.config").arg(home.join("rollup.json"));
    command.arg("--genesis").arg(home.join("genesis.json"));
    command.arg("--data-dir").arg(home.join("data"));
    Ok(Idle { node: started(&mut command)?, _beside: Some(l1) })
}

/// All kinds in one process: from the start to live, what it costs then, and how long the proof takes.
fn network(arguments: &Arguments) -> anyhow::Result<()> {
    let program = quintet()?;
    let mut live = Vec::new();
    for start in 0..arguments.starts.max(1) {
        let begun = Instant::now();
        let mut command = Command::new(&program);
        let up = started(command.args(["up", "--json", "--dashboard", "127.0.0.1:0"]))?;
        let seconds = begun.elapsed().as_secs_f64();
        let told = up.told()?["seconds"].as_f64().context("the time it took")?;
        live.push((seconds, told));
        if start == 0 {
            thread::sleep(Duration::from_secs(arguments.seconds));
            row("quintet up, all kinds", arguments.seconds, &up)?;
        }
    }
    live.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let (seconds, told) = live.get(live.len() / 2).copied().context("a start")?;
    println!(
        "\nquintet up: live after {seconds:.2} s, by its own account {told:.2} s (median of {})",
        live.len()
    );
    let begun = Instant::now();
    let proved = run(Command::new(&program).args(["up", "--check", "--json"]))?;
    println!(
        "quintet up --check: {} kinds proved in {:.1} s",
        proved.lines().count(),
        begun.elapsed().as_secs_f64()
    );
    for line in proved.lines() {
        let line: Value = serde_json::from_str(line)?;
        println!(
            "- {} {} by {:.1} s",
            line["kind"],
            line["result"],
            line["seconds"].as_f64().unwrap_or_default()
        );
    }
    Ok(())
}
