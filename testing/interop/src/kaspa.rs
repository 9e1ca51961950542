//! `quintet kaspa run` as a process, and its clients: the wallet of `peers/kaspa` on the unmodified PyPI client, the npm client, a miner.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::{
    lab::Lab,
    node::Binary,
    process::{Process, run},
};

/// The interpreter that has the client installed.
const PYTHON: &str = "INTEROP_KASPA_PYTHON";

/// The folder that has the npm client installed.
const NODE_MODULES: &str = "INTEROP_KASPA_NODE_MODULES";

/// The miner.
const MINER: &str = "INTEROP_KASPA_MINER";

/// What the miner says of itself in its blocks.
pub const MINER_WORDS: &str = "interop";

/// Milliseconds the miner waits after each hash: enough for some blocks a second, on any machine.
const THROTTLE: &str = "20";

/// The node must be up by then.
const START: Duration = Duration::from_secs(60);

/// A wallet must have ended by then: a thousand blocks ripen its coins.
const WALLET: Duration = Duration::from_secs(240);

/// A key nobody else has, and its address on the network for simulations.
const SECRET: &str = "b7e151628aed2a6abf7158809cf4f3c762e7160f38b4da56a784d9045190cfef";
const ADDRESS: &str = "kaspasim:qr0lr4ml9fn3chekrqmjdkergxl93l4wrk3dankcgvjq776s9wn9jeadh9sjw";

/// Blocks a second: a coin is ripe in a quarter of a minute.
const RATE: &str = "70";

/// How a client speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KaspaEncoding {
    /// In Borsh.
    Borsh,
    /// In JSON.
    Json,
}

impl KaspaEncoding {
    const fn name(self) -> &'static str {
        match self {
            Self::Borsh => "borsh",
            Self::Json => "json",
        }
    }
}

/// A running node that mines for the wallet.
#[derive(Debug)]
pub struct Kaspa {
    folder: PathBuf,
    grpc: String,
    borsh: String,
    json: String,
    /// Held for its end: the node stops with it.
    _process: Process,
}

/// A running miner.
#[derive(Debug)]
pub struct Miner {
    /// Held for its end: the miner stops with it.
    _process: Process,
}

impl Kaspa {
    /// Starts a node on a network of its own, which mines.
    ///
    /// # Errors
    ///
    /// If it does not come up.
    pub fn start(lab: &Lab, binary: &Binary) -> Result<Self> {
        Self::run(lab, binary, &["--mine", ADDRESS, "--mine-rate", RATE])
    }

    /// Starts a node on a network of its own where proof of work counts: two hashes a block, until the network has a difficulty of its own.
    ///
    /// # Errors
    ///
    /// If it does not come up.
    pub fn start_with_work(lab: &Lab, binary: &Binary) -> Result<Self> {
        let file = lab.folder("kaspa-params")?.join("params.json");
        fs::write(&file, r#"{ "skip_proof_of_work": false }"#)?;
        let file = file.to_str().context("a path in Unicode")?;
        Self::run(lab, binary, &["--override-params-file", file])
    }

    fn run(lab: &Lab, binary: &Binary, arguments: &[&str]) -> Result<Self> {
        let folder = lab.folder("kaspa")?;
        let mut command = binary.command();
        command.args(["kaspa", "run", "--simnet", "--utxoindex", "--json", "--loglevel", "info"]);
        command.args(["--rpclisten-borsh", "127.0.0.1:0", "--rpclisten-json", "127.0.0.1:0"]);
        command.args(["--rpclisten", "127.0.0.1:0"]).args(arguments);
        command.arg("--appdir").arg(folder.join("data"));
        let mut process = Process::start("quintet kaspa run", command, &folder)?;
        let told = process.receive(START)?;
        let url = |field: &str| {
            let url = told[field].as_str().with_context(|| format!("no {field}: {told}"));
            url.map(str::to_owned)
        };
        let (grpc, borsh, json) = (url("grpc")?, url("wrpc_borsh")?, url("wrpc_json")?);
        let grpc = grpc.trim_start_matches("grpc://").to_owned();
        Ok(Self { folder, grpc, borsh, json, _process: process })
    }

    /// Lets the npm client ask everything, listen and mine, and returns what it saw.
    ///
    /// # Errors
    ///
    /// If something is not as the client expects it; its words say what.
    pub fn ask_over_grpc(&self) -> Result<Value> {
        npm_client(&["ask", &self.grpc, ADDRESS])
    }

    /// Starts the miner; it ends with what is returned.
    ///
    /// # Errors
    ///
    /// If it cannot be started.
    pub fn start_miner(&self) -> Result<Miner> {
        let (ip, port) = self.grpc.split_once(':').context("an address and a port")?;
        let mut command = Command::new(miner().with_context(|| format!("no {MINER}"))?);
        command.args(["--kaspad-address", ip, "--port", port, "--mining-address", ADDRESS]);
        command.args(["--threads", "1", "--throttle", THROTTLE, "--user-agent-suffix"]);
        command.arg(MINER_WORDS);
        let folder = self.folder.join("miner");
        fs::create_dir_all(&folder)?;
        Ok(Miner { _process: Process::start("kaspa-miner", command, &folder)? })
    }

    /// Lets the npm client wait for blocks, and returns what it saw of them.
    ///
    /// # Errors
    ///
    /// If they do not come.
    pub fn watch_over_grpc(&self, blocks: u32) -> Result<Value> {
        npm_client(&["watch", &self.grpc, ADDRESS, &blocks.to_string()])
    }

    /// Says why the npm client cannot be used here; none if it can.
    #[must_use]
    pub fn npm_absence() -> Option<String> {
        node_modules().is_none().then(|| format!("no kaspa-rpc-client ({NODE_MODULES})"))
    }

    /// Says why the miner cannot be used here; none if it can.
    #[must_use]
    pub fn miner_absence() -> Option<String> {
        miner().is_none().then(|| format!("no kaspa-miner ({MINER})"))
    }

    /// Lets the wallet ask, listen and pay, and returns what it saw.
    ///
    /// # Errors
    ///
    /// If something is not as the wallet expects it; its words say what.
    pub fn wallet(&self, encoding: KaspaEncoding) -> Result<Value> {
        client("wallet.py", &[self.url(encoding), encoding.name(), SECRET])
    }

    /// Lets one client after the other subscribe to everything, in `rounds` connections, and returns what was told in each.
    ///
    /// # Errors
    ///
    /// If a subscription is not answered, or nothing is told after it.
    pub fn subscribe(&self, encoding: KaspaEncoding, rounds: u32) -> Result<Value> {
        let rounds = rounds.to_string();
        client("subscribe.py", &[self.url(encoding), encoding.name(), ADDRESS, &rounds])
    }

    fn url(&self, encoding: KaspaEncoding) -> &str {
        match encoding {
            KaspaEncoding::Borsh => &self.borsh,
            KaspaEncoding::Json => &self.json,
        }
    }

    /// Says why the client cannot be used here; none if it can.
    #[must_use]
    pub fn client_absence() -> Option<String> {
        python().is_none().then(|| format!("no Python with kaspa ({PYTHON})"))
    }
}

/// Runs a script of `peers/kaspa` to its end and returns the JSON it prints.
fn client(script: &str, arguments: &[&str]) -> Result<Value> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join("kaspa");
    let mut command = Command::new(python().with_context(|| format!("no {PYTHON}"))?);
    command.arg(folder.join(script)).args(arguments);
    let said = run(command, WALLET)?;
    ensure!(said.status.success(), "{script}: {said}");
    serde_json::from_str(said.stdout.trim()).with_context(|| format!("{script}: {said}"))
}

/// Runs the npm client to its end and returns the JSON it prints.
fn npm_client(arguments: &[&str]) -> Result<Value> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join("kaspa").join("grpc.mjs");
    let mut command = Command::new("node");
    command.arg(script).args(arguments);
    let said = run(command, WALLET)?;
    ensure!(said.status.success(), "grpc.mjs: {said}");
    serde_json::from_str(said.stdout.trim()).with_context(|| format!("grpc.mjs: {said}"))
}

fn named(variable: &str) -> Option<PathBuf> {
    env::var_os(variable).map(PathBuf::from)
}

fn python() -> Option<PathBuf> {
    named(PYTHON).filter(|path| path.is_file())
}

fn miner() -> Option<PathBuf> {
    named(MINER).filter(|path| path.is_file())
}

fn node_modules() -> Option<PathBuf> {
    named(NODE_MODULES).filter(|path| path.join("kaspa-rpc-client").is_dir())
}
