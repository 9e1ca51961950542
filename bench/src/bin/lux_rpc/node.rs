//! The nodes, each a process of its own with its files in a directory of its own.

use std::{
    env, fs,
    io::{BufRead as _, BufReader},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use bench::{json_rpc::Client, process::Process};
use tempfile::TempDir;

/// Time to come up.
const START: Duration = Duration::from_secs(30);

/// Accounts with money.
pub(crate) const ACCOUNTS: u32 = 1_000;

/// Gas of a block: enough for every load here.
const GAS_LIMIT: u64 = 10_000_000_000;

/// Who is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Kind {
    /// Foundry's, the peer. It keeps nothing on disk that it reads again.
    Anvil,
    /// Ours with a chain that goes with the process: a commit survives a killed process.
    Quintet,
    /// Ours with a chain that stays: a commit survives a power cut.
    Synced,
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Anvil, Self::Quintet, Self::Synced];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Anvil => "anvil",
            Self::Quintet => "quintet",
            Self::Synced => "quintet, synced",
        }
    }
}

/// When blocks are made.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Mining {
    Instant,
    Asked,
    EverySecond,
}

/// A running node.
pub(crate) struct Node {
    child: Child,
    address: String,
    files: TempDir,
}

fn program(variable: &str) -> anyhow::Result<PathBuf> {
    let path = env::var_os(variable).map(PathBuf::from);
    path.filter(|path| path.is_file()).with_context(|| format!("{variable} names no program"))
}

impl Node {
    pub(crate) fn start(kind: Kind, mining: Mining) -> anyhow::Result<Self> {
        let files = tempfile::tempdir()?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut command = match kind {
            Kind::Anvil => {
                let mut command = Command::new(program("INTEROP_ANVIL")?);
                command.args(["--quiet", "--hardfork", "prague"]);
                command
            }
            Kind::Quintet | Kind::Synced => {
                let mut command = Command::new(program("QUINTET_BIN")?);
                command.args(["lux", "dev", "--json"]);
                command
            }
        };
        if kind == Kind::Synced {
            command.arg("--data-dir").arg(files.path().join("data"));
        }
        match mining {
            Mining::Instant => &mut command,
            Mining::Asked => command.arg("--no-mining"),
            Mining::EverySecond => command.args(["--block-time", "1"]),
        };
        command.args(["--port", &port.to_string()]);
        command.args(["--accounts", &ACCOUNTS.to_string()]);
        command.args(["--gas-limit", &GAS_LIMIT.to_string()]);
        command.env("TMPDIR", files.path()).env("HOME", files.path());
        let child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let mut node = Self { child, address: format!("127.0.0.1:{port}"), files };
        // What it prints must not fill the pipe.
        let printed = node.child.stdout.take().context("its output")?;
        std::thread::spawn(move || BufReader::new(printed).lines().map_while(Result::ok).count());
        let begun = Instant::now();
        while node.client().and_then(|mut client| client.call("eth_chainId", &().into())).is_err() {
            ensure!(begun.elapsed() < START, "{} does not come up", kind.name());
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(node)
    }

    pub(crate) fn client(&self) -> anyhow::Result<Client> {
        Client::connect(&self.address)
    }

    /// Memory it has resident, MiB.
    pub(crate) fn rss_mib(&self) -> anyhow::Result<f64> {
        self.process().rss_mib()
    }

    /// What of that is its own, MiB: not pages of its program, which the system reads again when it needs them.
    pub(crate) fn own_mib(&self) -> anyhow::Result<f64> {
        self.process().own_mib()
    }

    /// The most memory it had resident, MiB.
    pub(crate) fn peak_mib(&self) -> anyhow::Result<f64> {
        self.process().peak_mib()
    }

    /// What its threads have cost so far, seconds.
    pub(crate) fn cpu_seconds(&self) -> anyhow::Result<f64> {
        self.process().cpu_seconds()
    }

    fn process(&self) -> Process {
        Process::of(&self.child)
    }

    /// What its files take on disk, MB.
    pub(crate) fn disk_mb(&self) -> f64 {
        bytes_under(self.files.path()) as f64 / 1e6
    }

    pub(crate) fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }
}

fn bytes_under(path: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt as _;
    let Ok(entries) = fs::read_dir(path) else { return 0 };
    let bytes = entries.flatten().map(|entry| match entry.metadata() {
        Ok(found) if found.is_dir() => bytes_under(&entry.path()),
        Ok(found) => found.blocks() * 512,
        Err(_) => 0,
    });
    bytes.sum()
}

impl Drop for Node {
    fn drop(&mut self) {
        // Either fails only if it has ended, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
