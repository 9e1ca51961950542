//! A network of validators, each a process of its own, all on this machine.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use alloy_primitives::Address;
use anyhow::{Context as _, ensure};
use bench::{
    eth_load::CHAIN_ID,
    json_rpc::{Client, quantity},
    nodes::{Node, free_ports, quintet, run},
    process::Process,
};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Time for the network to make its first final blocks.
const START: Duration = Duration::from_secs(120);

/// Blocks that are final before anything is measured.
const FINAL_FIRST: u64 = 3;

/// Gas of a block: so much that none is ever half full, and the base fee never rises.
const GAS_LIMIT: u64 = 2_000_000_000;

/// Wei of every account that sends.
const MONEY: &str = "0xd3c21bcecceda1000000";

/// One validator.
pub(crate) struct Validator {
    node: Node,
    address: String,
}

impl Validator {
    pub(crate) fn client(&self) -> anyhow::Result<Client> {
        Client::connect(&self.address)
    }

    pub(crate) fn process(&self) -> Process {
        self.node.process()
    }
}

/// The network; its files go with it.
pub(crate) struct Network {
    pub(crate) validators: Vec<Validator>,
    /// When slot 0 began, milliseconds since 1970.
    pub(crate) begun: u64,
    pub(crate) slot_millis: u64,
    _files: TempDir,
}

impl Network {
    /// Makes a network in which `rich` have money, starts its validators, and waits for blocks that are final on all.
    pub(crate) fn start(
        validators: usize,
        slot_millis: u64,
        rich: &[Address],
        log: Option<&Path>,
    ) -> anyhow::Result<Self> {
        let program = quintet()?;
        let files = tempfile::tempdir()?;
        let net = files.path().join("net");
        let mut new = Command::new(&program);
        new.args(["lux", "new"]).arg(&net).args(["--epoch-slots", "32", "--accounts", "0"]);
        new.args(["--slot-millis", &slot_millis.to_string()]);
        new.args(["--validators", &validators.to_string()]);
        new.args(["--chain-id", &CHAIN_ID.to_string(), "--gas-limit", &GAS_LIMIT.to_string()]);
        run(&mut new)?;
        let genesis = net.join("genesis.json");
        fund(&genesis, rich)?;
        let ports = free_ports(validators)?;
        let start = |index: usize| {
            let mut command = Command::new(&program);
            command.args(["lux", "run", "--json", "--port", "0", "--genesis"]).arg(&genesis);
            command.arg("--validator-key").arg(net.join(format!("validator-{}.key", index + 1)));
            command.arg("--data-dir").arg(files.path().join(format!("node-{index}")));
            let place = |port: &u16| format!("127.0.0.1:{port}");
            command.arg("--listen").args(ports.get(index).map(place));
            let others = ports.iter().enumerate().filter(|(other, _)| *other != index);
            let others: Vec<String> = others.map(|(_, port)| place(port)).collect();
            command.arg("--peers").arg(others.join(","));
            validator(command, log.map(|folder| folder.join(format!("{slot_millis}-{index}.log"))))
        };
        let validators = (0..validators).map(start).collect::<anyhow::Result<Vec<_>>>()?;
        let mut network = Self { validators, begun: 0, slot_millis, _files: files };
        let begun = Instant::now();
        for node in &network.validators {
            let mut client = node.client()?;
            while finalised(&mut client)? < FINAL_FIRST {
                ensure!(begun.elapsed() < START, "no final blocks after {} s", START.as_secs());
                thread::sleep(Duration::from_millis(50));
            }
        }
        let slot = network.client(0)?.call("lux_slot", &json!([]))?;
        let since = quantity(&slot["slot"])? * slot_millis;
        network.begun = quantity(&slot["startMillis"])? - since;
        Ok(network)
    }

    /// Connects to a validator; they are counted from 0 again at the end.
    pub(crate) fn client(&self, index: usize) -> anyhow::Result<Client> {
        let index = index % self.validators.len().max(1);
        self.validators.get(index).context("a validator")?.client()
    }

    /// What all validators' threads have cost so far, seconds each.
    pub(crate) fn cpu_seconds(&self) -> anyhow::Result<Vec<f64>> {
        self.validators.iter().map(|node| node.process().cpu_seconds()).collect()
    }

    /// Waits until all have one block at a height that is final on all; says which height.
    pub(crate) fn agree(&self) -> anyhow::Result<u64> {
        let mut clients =
            self.validators.iter().map(Validator::client).collect::<anyhow::Result<Vec<_>>>()?;
        let heights = clients.iter_mut().map(finalised).collect::<anyhow::Result<Vec<_>>>()?;
        let height = heights.into_iter().min().unwrap_or_default();
        let at = json!([format!("{height:#x}"), false]);
        let mut hashes = Vec::new();
        for client in &mut clients {
            hashes.push(client.call("eth_getBlockByNumber", &at)?["hash"].clone());
        }
        hashes.dedup();
        ensure!(hashes.len() == 1, "block {height} is final as several: {hashes:?}");
        Ok(height)
    }
}

fn finalised(client: &mut Client) -> anyhow::Result<u64> {
    quantity(&client.call("lux_status", &json!([]))?["finalizedNumber"])
}

/// Writes money into a genesis file.
fn fund(genesis: &Path, rich: &[Address]) -> anyhow::Result<()> {
    let mut file: Value = serde_json::from_slice(&std::fs::read(genesis)?)?;
    let alloc = file["alloc"].as_object_mut().context("a genesis has an alloc")?;
    for address in rich {
        alloc.insert(address.to_string().to_lowercase(), json!({ "balance": MONEY }));
    }
    Ok(std::fs::write(genesis, serde_json::to_vec(&file)?)?)
}

/// Starts a validator, and waits until it says where it is.
fn validator(mut run: Command, log: Option<PathBuf>) -> anyhow::Result<Validator> {
    let errors = match log {
        Some(file) => Stdio::from(std::fs::File::create(file)?),
        None => Stdio::null(),
    };
    let node = Node::start(&mut run, errors)?;
    let told = node.told()?;
    let http = told["http"].as_str().context("it is served nowhere")?;
    let address = http.trim_start_matches("http://").to_owned();
    Ok(Validator { node, address })
}
