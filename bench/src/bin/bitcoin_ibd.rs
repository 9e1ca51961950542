//! Two of our nodes: one has a chain, the other fetches it over loopback, headers first.
//!
//! ```text
//!   Maker ──► block files ──► quintet bitcoin import ──► node A ──P2P──► node B (empty)
//!                             (timed: the same work without a network)   (timed: from its start to A's tip)
//! ```
//!
//! `QUINTET_BIN` names a release build. CPU seconds are the whole process's.

#![expect(clippy::print_stdout, reason = "a program that prints what it measured")]

use std::{
    env, fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use base64::Engine as _;
use bench::{
    bitcoin_chain::{BlockFiles, Maker, Mode, Plan, genesis},
    process::Process,
};
use bitcoin::consensus;
use clap::Parser;
use interop::jsonrpc;
use serde_json::{Value, json};

/// Longest the download may take.
const PATIENCE: Duration = Duration::from_secs(1_800);

/// Pause between two looks at a node.
const PAUSE: Duration = Duration::from_millis(50);

/// Measures the download of a chain between two nodes.
#[derive(Debug, Parser)]
struct Arguments {
    /// Transactions, coinbases not counted.
    #[arg(long, default_value_t = 100_000)]
    transactions: u64,
    /// Transactions of a block at most.
    #[arg(long, default_value_t = 2_500)]
    block_transactions: u64,
    /// What kinds of outputs there are.
    #[arg(long, value_enum, default_value_t = Mode::Mixed)]
    mode: Mode,
}

struct Node {
    child: Child,
    cookie: PathBuf,
    rpc: String,
}

impl Node {
    fn start(
        program: &Path,
        folder: &Path,
        ports: (u16, u16),
        more: &[String],
    ) -> anyhow::Result<Self> {
        let (peers, rpc) = ports;
        let mut command = Command::new(program);
        command.args(["bitcoin", "run", "-regtest", "-listen", "-bind=127.0.0.1", "-dbcache=450"]);
        command.arg(format!("-datadir={}", folder.display()));
        command.arg(format!("-port={peers}")).arg(format!("-rpcport={rpc}")).args(more);
        let child =
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let cookie = folder.join("regtest/.cookie");
        Ok(Self { child, cookie, rpc: format!("127.0.0.1:{rpc}") })
    }

    fn blocks(&self) -> anyhow::Result<u64> {
        let credentials = base64::engine::general_purpose::STANDARD.encode(fs::read(&self.cookie)?);
        let answer = jsonrpc::call_as(
            &self.rpc,
            &format!("Basic {credentials}"),
            "getblockcount",
            &json!([]),
        )?;
        answer.as_u64().with_context(|| format!("a height, got {answer}"))
    }

    /// Waits until it has so many blocks; returns how long that took.
    fn reaches(&self, height: u64, since: Instant) -> anyhow::Result<Duration> {
        while self.blocks().ok() != Some(height) {
            ensure!(since.elapsed() < PATIENCE, "not at {height}: {:?}", self.blocks());
            thread::sleep(PAUSE);
        }
        Ok(since.elapsed())
    }

    fn process(&self) -> Process {
        Process::of(&self.child)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Makes the chain's files; returns the height of its tip.
fn make(arguments: &Arguments, directory: &Path) -> anyhow::Result<u64> {
    let Arguments { transactions, block_transactions, mode } = *arguments;
    let mut maker =
        Maker::new(Plan { seed: 1, transactions, block_transactions, mode, mix: None })?;
    let mut files = BlockFiles::create(directory, None)?;
    files.append(&consensus::serialize(&genesis()))?;
    let mut height = 0;
    while let Some(made) = maker.next_block()? {
        files.append(&made.bytes())?;
        height = u64::from(made.height);
    }
    files.finish()?;
    Ok(height)
}

/// Ports that were free a moment ago.
fn free_ports() -> anyhow::Result<[u16; 4]> {
    let held = [(); 4].map(|()| TcpListener::bind("127.0.0.1:0"));
    let mut ports = [0; 4];
    for (port, held) in ports.iter_mut().zip(&held) {
        let held = held.as_ref().map_err(|error| anyhow::anyhow!("no port: {error}"))?;
        *port = held.local_addr()?.port();
    }
    Ok(ports)
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let program = env::var_os("QUINTET_BIN").map(PathBuf::from).context("QUINTET_BIN")?;
    let home = tempfile::tempdir()?;
    let (made, imported) = (home.path().join("made"), home.path().join("imported"));
    let height = make(&arguments, &made)?;

    let mut import = Command::new(&program);
    import.args(["bitcoin", "import", "--network", "regtest", "--quiet", "--json", "--data-dir"]);
    let told = import.arg(&imported).arg(&made).output()?;
    ensure!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    let told: Value = serde_json::from_slice(&told.stdout)?;
    let import_seconds = told["seconds"].as_f64().context("seconds")?;

    let ports = free_ports()?;
    let (first, second) = (home.path().join("a"), home.path().join("b"));
    fs::create_dir_all(first.join("regtest"))?;
    fs::create_dir_all(&second)?;
    fs::rename(imported.join("regtest"), first.join("regtest/blocks"))?;
    let source = Node::start(&program, &first, (ports[0], ports[1]), &[])?;
    source.reaches(height, Instant::now())?;
    let begun = Instant::now();
    let known = format!("-connect=127.0.0.1:{}", ports[0]);
    let sink = Node::start(&program, &second, (ports[2], ports[3]), &[known])?;
    let took = sink.reaches(height, begun)?.as_secs_f64();
    let bytes: u64 =
        fs::read_dir(&made)?.flatten().filter_map(|file| Some(file.metadata().ok()?.len())).sum();

    #[expect(clippy::cast_precision_loss, reason = "shown with three digits")]
    let (transactions, mib) = (arguments.transactions as f64, bytes as f64 / f64::from(1 << 20));
    println!("{transactions} transactions in {height} blocks, {mib:.0} MiB");
    println!(
        "import from files: {import_seconds:.1} s, {:.0} transactions/s",
        transactions / import_seconds
    );
    println!(
        "download and connection: {took:.1} s, {:.0} transactions/s, {:.1} MiB/s; CPU {:.1} s here, {:.1} s at the source; {:.0} MiB resident at most",
        transactions / took,
        mib / took,
        sink.process().cpu_seconds()?,
        source.process().cpu_seconds()?,
        sink.process().peak_mib()?,
    );
    println!("times the import's: {:.2}", took / import_seconds);
    Ok(())
}
