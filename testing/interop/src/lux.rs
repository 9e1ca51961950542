//! `quintet lux dev` as a process: a chain of one node that clients of Ethereum are let loose on.

use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::{jsonrpc, lab::Lab, node::Binary, process::Process};

/// It must be up by then.
const START: Duration = Duration::from_secs(30);

/// A running chain.
#[derive(Debug)]
pub struct Lux {
    address: String,
    keys: Vec<String>,
    addresses: Vec<String>,
    /// Held for its end: the chain stops with it.
    _process: Process,
}

impl Lux {
    /// Starts a chain on a free port, with these arguments beside.
    ///
    /// # Errors
    ///
    /// If it does not come up.
    pub fn start(lab: &Lab, binary: &Binary, arguments: &[&str]) -> Result<Self> {
        let mut command = binary.command();
        command.args(["lux", "dev", "--json", "--port", "0"]).args(arguments);
        let mut process = Process::start("quintet lux dev", command, &lab.folder("lux")?)?;
        let told = process.receive(START)?;
        let address = told["http"].as_str().and_then(|url| url.strip_prefix("http://"));
        let address = address.with_context(|| format!("no address: {told}"))?.to_owned();
        let accounts = told["accounts"].as_array().map(Vec::as_slice).unwrap_or_default();
        let all = |field: &str| -> Vec<String> {
            accounts.iter().filter_map(|one| Some(one[field].as_str()?.to_owned())).collect()
        };
        Ok(Self { address, keys: all("private_key"), addresses: all("address"), _process: process })
    }

    /// Returns its address for JSON-RPC over HTTP.
    #[must_use]
    pub fn http(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns its address for JSON-RPC over a WebSocket.
    #[must_use]
    pub fn ws(&self) -> String {
        format!("ws://{}", self.address)
    }

    /// Returns the keys of accounts with money.
    #[must_use]
    pub fn keys(&self) -> &[String] {
        &self.keys
    }

    /// Returns the addresses of accounts with money.
    #[must_use]
    pub fn addresses(&self) -> &[String] {
        &self.addresses
    }

    /// Calls a method.
    ///
    /// # Errors
    ///
    /// If it fails.
    pub fn call(&self, method: &str, params: &Value) -> Result<Value> {
        jsonrpc::call(&self.address, method, params)
    }
}
