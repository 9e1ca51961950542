//! A node of ours: one process of the `quintet` binary, asked through its own command line.

use std::{
    env, fs,
    net::{Ipv4Addr, SocketAddrV4},
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::{
    hex,
    krpc::Bencode,
    lab::Lab,
    peer::{Found, Id, Owner, Peer, place},
    process::{Process, Said, run},
    wait::eventually,
};

/// Names the binary.
const BINARY: &str = "QUINTET_BIN";

/// A node must be up by then.
const START: Duration = Duration::from_secs(30);

/// What a command may take, as the command line is told.
const COMMAND: &str = "20s";

/// A command must have ended by then.
const COMMAND_END: Duration = Duration::from_secs(30);

/// The node's data directory in its folder.
const DATA: &str = "data";

/// Contacts a node of a larger network must have before a test begins: one full bucket.
const CONTACTS_ENOUGH: usize = 8;

/// The `quintet` binary.
#[derive(Debug, Clone)]
pub struct Binary(PathBuf);

impl Binary {
    /// Finds the binary that `QUINTET_BIN` names, else the one that was built with these tests.
    ///
    /// # Errors
    ///
    /// The reason why there is none, as text to be shown.
    pub fn find() -> Result<Self, String> {
        if let Some(path) = env::var_os(BINARY).map(PathBuf::from) {
            let there = path.is_file();
            return there.then_some(Self(path)).ok_or_else(|| format!("no binary at {BINARY}"));
        }
        // target/PROFILE/deps/it-HASH stands beside target/PROFILE/quintet.
        let tests = env::current_exe().map_err(|error| error.to_string())?;
        let built = tests.ancestors().nth(2).map(|profile| profile.join("quintet"));
        let built = built.filter(|path| path.is_file()).map(Self);
        built.ok_or_else(|| format!("no quintet binary ({BINARY}, or build it first)"))
    }

    /// Begins a command line.
    #[must_use]
    pub fn command(&self) -> Command {
        Command::new(&self.0)
    }

    fn dht(&self) -> Command {
        let mut command = self.command();
        command.arg("dht");
        command
    }
}

/// One running node of ours.
#[derive(Debug)]
pub struct Node {
    name: String,
    binary: Binary,
    folder: PathBuf,
    addr: SocketAddrV4,
    /// Held for its end: the node stops with it.
    _process: Process,
}

impl Node {
    /// Starts a node at `ip` that bootstraps from `known`.
    ///
    /// # Errors
    ///
    /// If it does not come up.
    pub fn start(lab: &Lab, binary: &Binary, ip: Ipv4Addr, known: &[SocketAddrV4]) -> Result<Self> {
        let name = format!("quintet {ip}");
        let folder = lab.folder("quintet")?;
        let known: Vec<String> = known.iter().map(SocketAddrV4::to_string).collect();
        let mut command = binary.dht();
        command.arg(format!("--listen={ip}:0")).arg("--rpc-listen=127.0.0.1:0");
        command.arg(format!("--bootstrap={}", known.join(","))).arg("--allow-local");
        command.args(["--ops-enabled=false", "--log=debug", "--json", "--data-dir"]);
        command.arg(folder.join(DATA));
        let mut process = Process::start(&name, command, &folder)?;
        let ready = process.receive(START)?;
        ensure!(ready["event"] == "ready" && ready["kind"] == "dht", "not ready: {ready}");
        let addr = ready["dht"][0].as_str().with_context(|| format!("no address: {ready}"))?;
        let addr = addr.parse()?;
        Ok(Self { name, binary: binary.clone(), folder, addr, _process: process })
    }

    /// Starts `count` nodes at the places from 1 on and waits until they know each other.
    ///
    /// # Errors
    ///
    /// If they do not within the usual time.
    pub fn network(lab: &Lab, binary: &Binary, count: u8) -> Result<Vec<Self>> {
        let mut nodes = Vec::<Self>::new();
        for number in 1..=count {
            let first: Vec<_> = nodes.iter().map(|node| node.addr).take(1).collect();
            nodes.push(Self::start(lab, binary, place(number), &first)?);
        }
        let enough = CONTACTS_ENOUGH.min(nodes.len().saturating_sub(1));
        for node in &nodes {
            eventually(&format!("{} joins", node.name), || {
                Ok((node.contacts()?.len() >= enough).then_some(()))
            })?;
        }
        Ok(nodes)
    }

    /// Returns the addresses in its routing table.
    ///
    /// # Errors
    ///
    /// If the command fails.
    pub fn contacts(&self) -> Result<Vec<SocketAddrV4>> {
        let table = self.ask(&["table"])?;
        let buckets = table.as_array().with_context(|| format!("buckets, got {table}"))?;
        let contacts = buckets.iter().filter_map(|bucket| bucket["contacts"].as_array());
        contacts.flatten().map(|contact| Ok(text(contact, "addr")?.parse()?)).collect()
    }

    /// Runs a client command and returns what it prints.
    fn ask(&self, arguments: &[&str]) -> Result<Value> {
        let said = self.run(arguments)?;
        ensure!(said.status.success(), "{}: {arguments:?}: {said}", self.name);
        parse(&said)
    }

    /// Looks for a record and returns the content of its byte string, with the record.
    fn get(&self, arguments: &[&str]) -> Result<Option<(Vec<u8>, Value)>> {
        let said = self.run(&[&["get"], arguments].concat())?;
        // A record that nobody has is told in the same form, and by the status.
        ensure!(matches!(said.status.code(), Some(0 | 1)), "{}: {arguments:?}: {said}", self.name);
        let mut found = parse(&said)?;
        let record = found["record"].take();
        ensure!(said.status.success() != record.is_null(), "{}: {said}", self.name);
        if record.is_null() {
            return Ok(None);
        }
        let value = Bencode::decode(&hex::decode(text(&record, "value")?)?)?;
        let content = value.as_bytes().with_context(|| format!("a byte string in {value:?}"))?;
        Ok(Some((content.to_vec(), record)))
    }

    fn run(&self, arguments: &[&str]) -> Result<Said> {
        let mut command = self.binary.dht();
        command.args(arguments).args(["--timeout", COMMAND, "--json", "--data-dir"]);
        command.arg(self.folder.join(DATA));
        run(command, COMMAND_END)
    }

    /// Writes the owner's key as `quintet dht keygen` would.
    fn key_file(&self, owner: &Owner) -> Result<PathBuf> {
        let path = self.folder.join(format!("{}.key", hex::encode(&owner.public_key)));
        fs::write(&path, format!("{}\n", hex::encode(&owner.seed)))?;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600))?;
        Ok(path)
    }
}

impl Peer for Node {
    fn name(&self) -> &str {
        &self.name
    }

    fn addr(&self) -> SocketAddrV4 {
        self.addr
    }

    fn known_nodes(&mut self) -> Result<usize> {
        Ok(self.contacts()?.len())
    }

    fn put_immutable(&mut self, value: &[u8]) -> Result<Id> {
        let put = self.ask(&["put", str::from_utf8(value)?])?;
        hex::decode_array(text(&put, "key")?)
    }

    fn get_immutable(&mut self, target: Id) -> Result<Option<Vec<u8>>> {
        let found = self.get(&[&hex::encode(&target)])?;
        Ok(found.map(|(value, _)| value))
    }

    fn put_mutable(&mut self, owner: &Owner, salt: &[u8], value: &[u8], seq: i64) -> Result<i64> {
        let key_file = self.key_file(owner)?;
        let key_file = key_file.to_str().context("a path of text")?;
        let (salt, value) = (str::from_utf8(salt)?, str::from_utf8(value)?);
        let number = seq.to_string();
        let key = ["--mutable", "--key-file", key_file, "--salt", salt, "--seq", &number];
        self.ask(&[&["put", value], key.as_slice()].concat())?;
        Ok(seq)
    }

    fn get_mutable(&mut self, public_key: [u8; 32], salt: &[u8]) -> Result<Option<Found>> {
        let key = hex::encode(&public_key);
        let found = self.get(&["--public-key", &key, "--salt", str::from_utf8(salt)?])?;
        let Some((value, record)) = found else { return Ok(None) };
        let seq = record["seq"].as_i64().with_context(|| format!("a number in {record}"))?;
        Ok(Some(Found { value, seq }))
    }

    fn announce(&mut self, info_hash: Id, port: u16) -> Result<()> {
        self.ask(&["announce", &hex::encode(&info_hash), "--port", &port.to_string()]).map(drop)
    }

    fn get_peers(&mut self, info_hash: Id) -> Result<Vec<SocketAddrV4>> {
        let found = self.ask(&["peers", &hex::encode(&info_hash)])?;
        let peers = found["peers"].as_array().with_context(|| format!("a list in {found}"))?;
        peers.iter().map(|peer| Ok(peer.as_str().context("an address")?.parse()?)).collect()
    }
}

fn parse(said: &Said) -> Result<Value> {
    serde_json::from_str(&said.stdout).with_context(|| format!("expected JSON, got {said}"))
}

fn text<'a>(object: &'a Value, field: &str) -> Result<&'a str> {
    object[field].as_str().with_context(|| format!("expected a text in {field}, got {object}"))
}
