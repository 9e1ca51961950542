//! anvil: Foundry's development node, an L1 with blobs and a beacon API on one port.
//!
//! Where blobs are read, blocks are mined when asked for and six seconds apart, so that the slot of a block is its number: that is how anvil
//! names slots.

use std::{
    env,
    net::TcpListener,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::{jsonrpc, wait::eventually};

/// Names the binary.
const ANVIL: &str = "INTEROP_ANVIL";

/// Seconds between blocks, and of a slot.
pub(crate) const BLOCK_SECONDS: u64 = 6;

/// Gas of a block of a chain that is compared: that of `quintet lux dev`.
const GAS_LIMIT: &str = "30000000";

/// A running node.
#[derive(Debug)]
pub struct Anvil {
    child: Child,
    address: String,
}

impl Anvil {
    /// Says why anvil cannot be used here; none if it can.
    #[must_use]
    pub fn absence() -> Option<String> {
        let path = env::var_os(ANVIL).map(PathBuf::from);
        path.is_none_or(|path| !path.is_file()).then(|| format!("no anvil ({ANVIL})"))
    }

    /// Starts an L1 of a chain id whose first block has a time.
    ///
    /// # Errors
    ///
    /// If it does not come up.
    pub fn start(chain_id: u64, genesis_time: u64) -> Result<Self> {
        let (id, time) = (chain_id.to_string(), genesis_time.to_string());
        let l1 = ["--no-mining", "--hardfork", "prague", "--chain-id", &id, "--timestamp", &time];
        let anvil = Self::with(&l1)?;
        anvil.call("anvil_setBlockTimestampInterval", &json!([BLOCK_SECONDS]))?;
        Ok(anvil)
    }

    /// Starts one to compare a development chain with: the same fork, blocks for each transaction.
    ///
    /// # Errors
    ///
    /// If it does not come up.
    pub fn beside(timestamp: u64) -> Result<Self> {
        let time = timestamp.to_string();
        Self::with(&["--hardfork", "osaka", "--gas-limit", GAS_LIMIT, "--timestamp", &time])
    }

    /// Starts an L1 that mines by itself, a block each second.
    ///
    /// # Errors
    ///
    /// If it does not come up.
    pub fn ticking() -> Result<Self> {
        Self::with(&["--hardfork", "prague", "--block-time", "1"])
    }

    /// Starts an L1 that mines by itself, a block each second, with times a second apart however late it is: so that a slot of a second has the
    /// block of its number.
    ///
    /// # Errors
    ///
    /// If it does not come up.
    pub fn ticking_in_slots() -> Result<Self> {
        let anvil = Self::ticking()?;
        anvil.call("anvil_setBlockTimestampInterval", &json!([1]))?;
        Ok(anvil)
    }

    /// Starts an execution layer of the OP Stack under the rules of a fork, which takes transactions in the order in which they come.
    ///
    /// # Errors
    ///
    /// If it does not come up.
    pub fn start_optimism(chain_id: u64, genesis_time: u64, fork: &str) -> Result<Self> {
        let (id, time) = (chain_id.to_string(), genesis_time.to_string());
        let rules = ["--network", "optimism", "--hardfork", fork, "--order", "fifo"];
        let chain = ["--no-mining", "--chain-id", &id, "--timestamp", &time];
        Self::with(&[&rules[..], &chain].concat())
    }

    fn with(arguments: &[&str]) -> Result<Self> {
        let path = env::var_os(ANVIL).context("no anvil")?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut command = Command::new(path);
        command.args(["--host", "127.0.0.1", "--silent", "--port"]).arg(port.to_string());
        command.args(arguments);
        let null = || Stdio::null();
        let child = command.stdin(null()).stdout(null()).stderr(null()).spawn()?;
        let anvil = Self { child, address: format!("127.0.0.1:{port}") };
        eventually("anvil answers", || anvil.call("eth_chainId", &json!([])).map(Some))?;
        Ok(anvil)
    }

    /// Returns its address, of JSON-RPC and of the beacon API.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Calls a method.
    ///
    /// # Errors
    ///
    /// If it fails.
    pub fn call(&self, method: &str, params: &Value) -> Result<Value> {
        jsonrpc::call(&self.address, method, params)
    }

    /// Mines a block with these transactions, encoded as a pool takes them.
    ///
    /// # Errors
    ///
    /// If one is refused.
    pub fn mine(&self, transactions: &[String]) -> Result<()> {
        for transaction in transactions {
            self.call("eth_sendRawTransaction", &json!([transaction]))?;
        }
        self.call("evm_mine", &json!([]))?;
        Ok(())
    }
}

impl Drop for Anvil {
    fn drop(&mut self) {
        // Either fails only if it has ended, which is what is wanted.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
