//! Clients of Ethereum: libraries behind scripts of `peers/lux`, and Foundry's commands.
//!
//! A script does its steps in order, tells each in a line, and ends with the first that fails. What it finds in its environment:
//!
//! | variable | what it holds |
//! |---|---|
//! | `LUX_HTTP`, `LUX_WS` | addresses of the chain |
//! | `LUX_KEYS` | private keys of accounts with money, separated by commas |
//! | `LUX_CONTRACTS` | a file with the compiled contracts of `peers/lux/foundry/src` |
//! | `LUX_ANVIL` | address of the chain to compare with, if there is one |
//! | `INTEROP_LUX_NODE_MODULES` | the folder the libraries are installed in |

use std::{
    env, fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};

use crate::{anvil::Anvil, lab::Lab, lux::Lux, process::run};

/// The folder that has ethers, viem, solc, cast and forge installed.
const NODE_MODULES: &str = "INTEROP_LUX_NODE_MODULES";

/// The interpreter that has web3.py installed.
const PYTHON: &str = "INTEROP_LUX_PYTHON";

/// A script must have ended by then.
const SCRIPT: Duration = Duration::from_secs(180);

/// A command must have ended by then. A compiler in JavaScript takes most of it.
const COMMAND: Duration = Duration::from_secs(120);

/// A client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EvmClient {
    /// ethers.js.
    Ethers,
    /// viem.
    Viem,
    /// web3.py.
    Web3Py,
    /// Foundry's cast.
    Cast,
    /// Foundry's forge.
    Forge,
}

impl EvmClient {
    /// Says why the client cannot be used here; none if it can.
    #[must_use]
    pub fn absence(self) -> Option<String> {
        let package = match self {
            Self::Ethers => "ethers",
            Self::Viem => "viem",
            Self::Web3Py if python().is_none() => {
                return Some(format!("no Python with web3 ({PYTHON})"));
            }
            // Its contracts are compiled by the others' compiler.
            Self::Web3Py => "solc",
            Self::Cast => "@foundry-rs/cast",
            Self::Forge => "@foundry-rs/forge",
        };
        let there = node_modules().is_some_and(|folder| folder.join(package).is_dir());
        (!there).then(|| format!("no folder with {package} ({NODE_MODULES})"))
    }

    /// Begins the client's command line on a chain: a script, or a command that wants arguments.
    ///
    /// # Errors
    ///
    /// If the client is absent.
    pub fn command(self, lab: &Lab, lux: &Lux) -> Result<Command> {
        let mut command = match self {
            Self::Ethers => script("ethers.mjs"),
            Self::Viem => script("viem.mjs"),
            Self::Web3Py => {
                let mut command = Command::new(python().context("no Python")?);
                command.arg(folder().join("web3py.py"));
                command
            }
            Self::Cast => Command::new(tool("cast")?),
            Self::Forge => Command::new(tool("forge")?),
        };
        if matches!(self, Self::Cast | Self::Forge) {
            // Foundry keeps caches and settings in its user's home.
            command.env("HOME", lab.folder("home")?).env("ETH_RPC_URL", lux.http());
            command.env("FOUNDRY_DISABLE_NIGHTLY_WARNING", "1").env("NO_COLOR", "1");
        } else {
            chain(&mut command, lux).env("LUX_CONTRACTS", contracts(lab)?);
        }
        Ok(command)
    }

    /// Runs the client's script to its end and shows its lines.
    ///
    /// # Errors
    ///
    /// If a step fails.
    pub fn run_script(self, lab: &Lab, lux: &Lux) -> Result<()> {
        told(&format!("{self:?}"), self.command(lab, lux)?)
    }
}

/// Compares a chain with anvil, by the same transactions of the script's seeds.
///
/// # Errors
///
/// If they differ, or something is absent.
pub fn compare(lab: &Lab, lux: &Lux, anvil: &Anvil) -> Result<()> {
    let mut command = script("differential.mjs");
    chain(&mut command, lux).env("LUX_CONTRACTS", contracts(lab)?).env("LUX_ANVIL", anvil.url());
    told("differential", command)
}

/// Runs viem's OP Stack extension on a rollup, whose places and keys are named in the environment of `peers/rollup/viem.mjs`.
///
/// # Errors
///
/// If a step fails.
pub fn viem_on_rollup(environment: &[(&str, String)]) -> Result<()> {
    let mut command = Command::new("node");
    command.arg(folder().with_file_name("rollup").join("viem.mjs"));
    command.envs(environment.iter().map(|(name, value)| (name, value)));
    told("viem on a rollup", command)
}

/// Runs a command of a client to its end; returns what it said on standard output.
///
/// # Errors
///
/// If it ends with another status than 0.
pub fn output(command: Command) -> Result<String> {
    let shown = format!("{command:?}");
    let said = run(command, COMMAND)?;
    ensure!(said.status.success(), "{shown}: {said}");
    Ok(said.stdout.trim().to_owned())
}

/// Runs a command of a client that must not succeed; returns what it said on standard error.
///
/// # Errors
///
/// If it succeeds.
pub fn failure(command: Command) -> Result<String> {
    let shown = format!("{command:?}");
    let said = run(command, COMMAND)?;
    ensure!(!said.status.success(), "{shown} succeeded: {said}");
    Ok(said.stderr.trim().to_owned())
}

/// Copies the Foundry project into the lab; returns it with the compiler forge is to use.
///
/// # Errors
///
/// If it cannot be copied.
pub fn project(lab: &Lab) -> Result<(PathBuf, PathBuf)> {
    let (from, to) = (folder().join("foundry"), lab.folder("foundry")?);
    fs::copy(from.join("foundry.toml"), to.join("foundry.toml"))?;
    for part in ["src", "test", "script"] {
        fs::create_dir(to.join(part))?;
        for file in fs::read_dir(from.join(part))? {
            let file = file?;
            fs::copy(file.path(), to.join(part).join(file.file_name()))?;
        }
    }
    Ok((to, folder().join("solc.mjs")))
}

fn told(name: &str, command: Command) -> Result<()> {
    let said = run(command, SCRIPT)?;
    writeln!(io::stderr(), "── {name} ──\n{}", said.stdout.trim_end())?;
    ensure!(said.status.success(), "{name}: {said}");
    Ok(())
}

fn chain<'a>(command: &'a mut Command, lux: &Lux) -> &'a mut Command {
    command.env("LUX_HTTP", lux.http()).env("LUX_WS", lux.ws());
    command.env("LUX_KEYS", lux.keys().join(","))
}

/// Compiles the contracts for one test.
fn contracts(lab: &Lab) -> Result<PathBuf> {
    let file = lab.folder("contracts")?.join("contracts.json");
    fs::write(&file, output(script("compile.mjs"))?)?;
    Ok(file)
}

fn script(name: &str) -> Command {
    let mut command = Command::new("node");
    command.arg(folder().join(name));
    command
}

/// Where a command of Foundry lies in the package of its platform.
fn tool(name: &str) -> Result<PathBuf> {
    let packages = node_modules().context("no clients")?.join("@foundry-rs");
    let of_platform = fs::read_dir(&packages)?.flatten().map(|entry| entry.path());
    let found =
        of_platform.map(|package| package.join("bin").join(name)).find(|path| path.is_file());
    found.with_context(|| format!("no {name} for this platform in {}", packages.display()))
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join("lux")
}

fn node_modules() -> Option<PathBuf> {
    env::var_os(NODE_MODULES).map(PathBuf::from)
}

fn python() -> Option<PathBuf> {
    env::var_os(PYTHON).map(PathBuf::from).filter(|path| path.is_file())
}
