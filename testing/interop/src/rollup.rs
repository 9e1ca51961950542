//! A rollup of processes on an L1: `quintet rollup new` makes it, `rollup run` and `rollup batch` live on it, each of which can be killed.
//!
//! ```text
//!   Anvil ◄── rollup new          once, for its files
//!     ▲  ▲
//!     │  └──── RollupNode         sequencer, verifier: the same data directory and ports each time it is started; the one gossips to the other
//!     └─────── RollupBatcher      asks the sequencer, posts to L1
//! ```

use std::{
    ffi::OsString,
    net::TcpListener,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::{
    jsonrpc,
    lab::Lab,
    node::Binary,
    process::{Process, run},
};

/// A node must be up by then.
const START: Duration = Duration::from_secs(30);

/// A rollup must have been made by then.
const MADE: Duration = Duration::from_secs(60);

/// Milliseconds between two looks at L1, of nodes and the batcher.
const POLL: &str = "200";

/// L1 blocks after which the batcher takes a transaction to stay: few, so that a test reorganises deeper.
const CONFIRMATIONS: &str = "2";

/// A rollup's files.
#[derive(Debug)]
pub struct MadeRollup {
    binary: Binary,
    folder: PathBuf,
    l1: String,
    portal: String,
    batcher: String,
    /// Whether batches are in blobs.
    blobs: bool,
}

/// A process that can be killed and started again.
#[derive(Debug)]
struct Restarted {
    name: &'static str,
    binary: Binary,
    arguments: Vec<OsString>,
    process: Option<Process>,
}

impl Restarted {
    /// Kills the process if it runs, without a chance to put anything in order, and starts it.
    fn start(&mut self, lab: &Lab) -> Result<&mut Process> {
        self.process = None;
        let mut command = self.binary.command();
        command.arg("rollup").args(&self.arguments);
        let name = format!("quintet rollup ({})", self.name);
        Ok(self.process.insert(Process::start(&name, command, &lab.folder(self.name)?)?))
    }
}

/// A node that runs.
#[derive(Debug)]
pub struct RollupNode {
    process: Restarted,
    rpc: String,
    http: String,
    p2p: u16,
}

/// A batcher that runs.
#[derive(Debug)]
pub struct RollupBatcher(Restarted);

fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn arguments<const N: usize>(all: [&str; N]) -> Vec<OsString> {
    all.into_iter().map(OsString::from).collect()
}

impl MadeRollup {
    /// Puts a rollup on the L1 at `l1`, with the money of the account that has this key there.
    ///
    /// # Errors
    ///
    /// If it cannot be made.
    pub fn new(lab: &Lab, binary: &Binary, l1: &str, deployer_key: &str) -> Result<Self> {
        let folder = lab.folder("files")?;
        let mut command = binary.command();
        command.args(["rollup", "new", "--json", "--block-time", "1", "--l1", l1]);
        command.args(["--deployer-key", deployer_key]).arg("--out").arg(&folder);
        let said = run(command, MADE)?;
        ensure!(said.status.success(), "quintet rollup new: {said}");
        let told: Value = serde_json::from_str(&said.stdout)?;
        let field = |name: &str| -> Result<String> {
            Ok(told[name].as_str().with_context(|| format!("no {name}: {told}"))?.to_owned())
        };
        let (portal, batcher) = (field("portal")?, field("batcher")?);
        let (binary, l1) = (binary.clone(), l1.to_owned());
        Ok(Self { binary, folder, l1, portal, batcher, blobs: false })
    }

    /// Puts batches into blobs, which nodes read from the beacon API of the same L1, whose slots are a second long.
    #[must_use]
    pub fn in_blobs(self) -> Self {
        Self { blobs: true, ..self }
    }

    /// Returns the portal's address on L1.
    #[must_use]
    pub fn portal(&self) -> &str {
        &self.portal
    }

    /// Returns the batcher's account on L1.
    #[must_use]
    pub fn batcher_account(&self) -> &str {
        &self.batcher
    }

    fn file(&self, name: &str) -> OsString {
        self.folder.join(name).into_os_string()
    }

    fn restarted(&self, name: &'static str, arguments: Vec<OsString>) -> Restarted {
        Restarted { name, binary: self.binary.clone(), arguments, process: None }
    }

    /// Starts the node that makes the blocks.
    ///
    /// # Errors
    ///
    /// If it does not come up.
    pub fn sequencer(&self, lab: &Lab) -> Result<RollupNode> {
        let mut beside = arguments(["--sequencer.enabled", "--sequencer.l1-confs", "0"]);
        beside.extend(["--p2p.sequencer.key".into(), self.file("sequencer.key")]);
        self.node(lab, "sequencer", beside)
    }

    /// Starts a node that follows L1, and another node's gossip.
    ///
    /// # Errors
    ///
    /// If it does not come up.
    pub fn verifier(&self, lab: &Lab, of: &RollupNode) -> Result<RollupNode> {
        let there = format!("/ip4/127.0.0.1/tcp/{}", of.p2p);
        self.node(lab, "verifier", arguments(["--p2p.static", &there]))
    }

    fn node(&self, lab: &Lab, name: &'static str, beside: Vec<OsString>) -> Result<RollupNode> {
        let (rpc, http, p2p) = (free_port()?, free_port()?, free_port()?);
        let data: &Path = &lab.folder("data")?;
        let mut all =
            arguments(["run", "--json", "--l1", &self.l1, "--l1.http-poll-interval", POLL]);
        all.extend(["--rollup.config".into(), self.file("rollup.json")]);
        all.extend(["--genesis".into(), self.file("genesis.json")]);
        all.extend(["--data-dir".into(), data.into()]);
        all.extend(arguments(["--rpc.port", &rpc.to_string(), "--http.port", &http.to_string()]));
        all.extend(arguments(["--p2p.listen.tcp", &p2p.to_string()]));
        all.extend(beside);
        if self.blobs {
            // What anvil gives of a block with blobs does not lead to its root of transactions.
            all.extend(arguments(["--l1.beacon", &self.l1, "--l1.slot-seconds", "1"]));
            all.push("--l1.trustrpc".into());
        }
        let mut node = RollupNode {
            process: self.restarted(name, all),
            rpc: format!("127.0.0.1:{rpc}"),
            http: format!("127.0.0.1:{http}"),
            p2p,
        };
        node.restart(lab)?;
        Ok(node)
    }

    /// Starts a batcher of a node's blocks.
    ///
    /// # Errors
    ///
    /// If it cannot be started.
    pub fn batcher(&self, lab: &Lab, of: &RollupNode) -> Result<RollupBatcher> {
        let (rpc, http) = (format!("http://{}", of.rpc), format!("http://{}", of.http));
        let mut all = arguments(["batch", "--l1-eth-rpc", &self.l1, "--l2-eth-rpc", &http]);
        all.extend(arguments(["--rollup-rpc", &rpc, "--poll-interval", POLL, "--private-key"]));
        all.push(self.file("batcher.key"));
        all.extend(arguments(["--num-confirmations", CONFIRMATIONS]));
        if self.blobs {
            all.extend(arguments(["--data-availability-type", "blobs"]));
        }
        let mut batcher = RollupBatcher(self.restarted("batcher", all));
        batcher.restart(lab)?;
        Ok(batcher)
    }
}

impl RollupNode {
    /// Kills the node and starts it with what it has on disk. When this returns, it answers.
    ///
    /// # Errors
    ///
    /// If it does not come up.
    pub fn restart(&mut self, lab: &Lab) -> Result<()> {
        let told = self.process.start(lab)?.receive(START)?;
        ensure!(told["event"] == "ready", "expected that the node is ready, got {told}");
        Ok(())
    }

    /// Returns the address of op-node's methods.
    #[must_use]
    pub fn rpc_url(&self) -> String {
        format!("http://{}", self.rpc)
    }

    /// Returns the address of Ethereum's methods.
    #[must_use]
    pub fn http_url(&self) -> String {
        format!("http://{}", self.http)
    }

    /// Calls a method of op-node's.
    ///
    /// # Errors
    ///
    /// If it fails.
    pub fn rollup(&self, method: &str, params: &Value) -> Result<Value> {
        jsonrpc::call(&self.rpc, method, params)
    }

    /// Calls a method of Ethereum's.
    ///
    /// # Errors
    ///
    /// If it fails.
    pub fn ethereum(&self, method: &str, params: &Value) -> Result<Value> {
        jsonrpc::call(&self.http, method, params)
    }
}

impl RollupBatcher {
    /// Kills the batcher and starts it, which then knows nothing of what was posted.
    ///
    /// # Errors
    ///
    /// If it cannot be started.
    pub fn restart(&mut self, lab: &Lab) -> Result<()> {
        self.0.start(lab).map(|_| ())
    }
}
