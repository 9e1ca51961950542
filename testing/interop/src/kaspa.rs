//! `quintet kaspa run` as a process, and the wallet of `peers/kaspa` on the unmodified PyPI client.

use std::{
    env,
    ffi::OsString,
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
    borsh: String,
    json: String,
    /// Held for its end: the node stops with it.
    _process: Process,
}

impl Kaspa {
    /// Starts a node on a network of its own, which mines.
    ///
    /// # Errors
    ///
    /// If it does not come up.
    pub fn start(lab: &Lab, binary: &Binary) -> Result<Self> {
        let folder = lab.folder("kaspa")?;
        let mut command = binary.command();
        command.args(["kaspa", "run", "--simnet", "--utxoindex", "--json", "--loglevel", "info"]);
        command.args(["--rpclisten-borsh", "127.0.0.1:0", "--rpclisten-json", "127.0.0.1:0"]);
        command.args(["--mine", ADDRESS, "--mine-rate", RATE, "--appdir"]).arg(folder.join("data"));
        let mut process = Process::start("quintet kaspa run", command, &folder)?;
        let told = process.receive(START)?;
        let url = |field: &str| {
            let url = told[field].as_str().with_context(|| format!("no {field}: {told}"));
            url.map(str::to_owned)
        };
        Ok(Self { borsh: url("wrpc_borsh")?, json: url("wrpc_json")?, _process: process })
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

fn python() -> Option<PathBuf> {
    let named: Option<OsString> = env::var_os(PYTHON);
    named.map(PathBuf::from).filter(|path| path.is_file())
}
