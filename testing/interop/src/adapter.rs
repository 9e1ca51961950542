//! A third-party node behind a small script that speaks JSON lines.
//!
//! The scripts lie in `peers/` and are glue only: the libraries are as their registries serve them.

use std::{
    env,
    ffi::OsString,
    net::{Ipv4Addr, SocketAddrV4},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::LazyLock,
    time::Duration,
};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};

use crate::{
    hex,
    lab::Lab,
    peer::{Found, Id, Owner, Peer},
    process::Process,
};

/// What a client may take for one command, in seconds: libtorrent waits 15 s for a silent node, and a
/// put is a lookup and stores.
const COMMAND_SECS: u64 = 45;

/// A client must have answered or given up by then.
const REPLY: Duration = Duration::from_secs(COMMAND_SECS + 15);

/// The interpreter that has libtorrent installed.
const PYTHON: &str = "INTEROP_PYTHON";

/// The folder that has bittorrent-dht installed.
const NODE_MODULES: &str = "INTEROP_NODE_MODULES";

/// A library that a script drives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Library {
    /// libtorrent (C++), through its Python binding.
    Libtorrent,
    /// bittorrent-dht of WebTorrent (JavaScript).
    BittorrentDht,
}

impl Library {
    /// The library's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Libtorrent => "libtorrent",
            Self::BittorrentDht => "bittorrent-dht",
        }
    }

    /// Says why the library cannot be used here; none if it can.
    #[must_use]
    pub fn absence(self) -> Option<String> {
        match self {
            Self::Libtorrent => {
                // Asked once for all tests: an interpreter takes its time.
                static WORKS: LazyLock<bool> = LazyLock::new(imports_libtorrent);
                (!*WORKS).then(|| format!("no Python with libtorrent ({PYTHON})"))
            }
            Self::BittorrentDht => {
                let there = node_modules().is_some_and(|path| path.join(self.name()).is_dir());
                (!there).then(|| format!("no folder with bittorrent-dht ({NODE_MODULES})"))
            }
        }
    }

    fn command(self) -> Command {
        let scripts = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers");
        match self {
            Self::Libtorrent => {
                let mut command = Command::new(python());
                command.arg(scripts.join("libtorrent_peer.py"));
                command
            }
            Self::BittorrentDht => {
                let mut command = Command::new("node");
                command.arg(scripts.join("bittorrent_dht_peer.mjs"));
                command
            }
        }
    }
}

fn imports_libtorrent() -> bool {
    Command::new(python())
        .args(["-c", "import libtorrent"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

fn python() -> OsString {
    env::var_os(PYTHON).unwrap_or_else(|| "python3".into())
}

fn node_modules() -> Option<PathBuf> {
    env::var_os(NODE_MODULES).map(PathBuf::from)
}

/// One running third-party node.
#[derive(Debug)]
pub struct Adapter {
    name: String,
    process: Process,
    addr: SocketAddrV4,
    commands: u64,
}

impl Adapter {
    /// Starts a node at `ip` and tells it of the nodes at `known`.
    ///
    /// # Errors
    ///
    /// If the script does not start or refuses.
    pub fn start(
        lab: &Lab,
        library: Library,
        ip: Ipv4Addr,
        known: &[SocketAddrV4],
    ) -> Result<Self> {
        let name = library.name();
        let process = Process::start(name, library.command(), &lab.folder(name)?)?;
        let addr = SocketAddrV4::new(ip, 0);
        let mut adapter = Self { name: format!("{name} {ip}"), process, addr, commands: 0 };
        let started = adapter.call("start", json!({ "listen": format!("{ip}:0") }))?;
        adapter.addr = text(&started, "addr")?.parse()?;
        for addr in known {
            adapter.call("add_node", json!({ "addr": addr.to_string() }))?;
        }
        Ok(adapter)
    }

    fn call(&mut self, command: &str, mut request: Value) -> Result<Value> {
        self.commands += 1;
        request["id"] = self.commands.into();
        request["cmd"] = command.into();
        request["timeout"] = COMMAND_SECS.into();
        self.process.send(&request)?;
        let mut reply = self.process.receive(REPLY)?;
        ensure!(reply["id"] == self.commands, "{}: out of step: {reply}", self.name);
        if let Some(error) = reply["error"].as_str() {
            bail!("{}: {command}: {error}", self.name);
        }
        Ok(reply["ok"].take())
    }
}

impl Peer for Adapter {
    fn name(&self) -> &str {
        &self.name
    }

    fn addr(&self) -> SocketAddrV4 {
        self.addr
    }

    fn known_nodes(&mut self) -> Result<usize> {
        let reply = self.call("nodes", json!({}))?;
        let nodes = reply["nodes"].as_u64().with_context(|| format!("no number in {reply}"))?;
        Ok(usize::try_from(nodes)?)
    }

    fn put_immutable(&mut self, value: &[u8]) -> Result<Id> {
        let reply = self.call("put_immutable", json!({ "value": hex::encode(value) }))?;
        stored(&reply)?;
        hex::decode_array(text(&reply, "target")?)
    }

    fn get_immutable(&mut self, target: Id) -> Result<Option<Vec<u8>>> {
        let reply = self.call("get_immutable", json!({ "target": hex::encode(&target) }))?;
        reply["value"].as_str().map(hex::decode).transpose()
    }

    fn put_mutable(&mut self, owner: &Owner, salt: &[u8], value: &[u8], seq: i64) -> Result<i64> {
        let request = json!({
            "seed": hex::encode(&owner.seed),
            "public_key": hex::encode(&owner.public_key),
            "salt": hex::encode(salt),
            "value": hex::encode(value),
            "seq": seq,
        });
        let reply = self.call("put_mutable", request)?;
        stored(&reply)?;
        reply["seq"].as_i64().with_context(|| format!("expected a sequence number, got {reply}"))
    }

    fn get_mutable(&mut self, public_key: [u8; 32], salt: &[u8]) -> Result<Option<Found>> {
        let request = json!({ "public_key": hex::encode(&public_key), "salt": hex::encode(salt) });
        let reply = self.call("get_mutable", request)?;
        let Some(value) = reply["value"].as_str() else { return Ok(None) };
        let seq = reply["seq"].as_i64().context("a value without a sequence number")?;
        Ok(Some(Found { value: hex::decode(value)?, seq }))
    }

    fn announce(&mut self, info_hash: Id, port: u16) -> Result<()> {
        let request = json!({ "info_hash": hex::encode(&info_hash), "port": port });
        self.call("announce", request).map(drop)
    }

    fn get_peers(&mut self, info_hash: Id) -> Result<Vec<SocketAddrV4>> {
        let reply = self.call("get_peers", json!({ "info_hash": hex::encode(&info_hash) }))?;
        let peers = reply["peers"].as_array().context("a list of peers")?;
        peers.iter().map(|peer| Ok(peer.as_str().context("a peer's address")?.parse()?)).collect()
    }
}

fn text<'a>(reply: &'a Value, field: &str) -> Result<&'a str> {
    reply[field].as_str().with_context(|| format!("expected a text in {field}, got {reply}"))
}

fn stored(reply: &Value) -> Result<()> {
    ensure!(reply["stored"].as_u64() > Some(0), "no node stored the item: {reply}");
    Ok(())
}
