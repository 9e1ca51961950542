//! anvil: Foundry's development node, an L1 with blobs and a beacon API on one port.
//!
//! Blocks are mined when asked for and six seconds apart, so that the slot of a block is its number: that is how anvil names slots.

use std::{
    env,
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use crate::wait::eventually;

/// Names the binary.
const ANVIL: &str = "INTEROP_ANVIL";

/// Time for one answer.
const ANSWER: Duration = Duration::from_secs(20);

/// Seconds between blocks, and of a slot.
pub(crate) const BLOCK_SECONDS: u64 = 6;

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
        let anvil = Self::start_with(chain_id, genesis_time, &["--hardfork", "prague"])?;
        anvil.call("anvil_setBlockTimestampInterval", &json!([BLOCK_SECONDS]))?;
        Ok(anvil)
    }

    fn start_with(chain_id: u64, genesis_time: u64, options: &[&str]) -> Result<Self> {
        let path = env::var_os(ANVIL).context("no anvil")?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let mut command = Command::new(path);
        command.args(["--host", "127.0.0.1", "--silent", "--no-mining"]).args(options);
        command.arg("--port").arg(port.to_string());
        command.arg("--chain-id").arg(chain_id.to_string());
        command.arg("--timestamp").arg(genesis_time.to_string());
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
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        let body = body.to_string();
        let mut stream = TcpStream::connect(&self.address)?;
        stream.set_read_timeout(Some(ANSWER))?;
        let head = format!(
            "POST / HTTP/1.0\r\nHost: {}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
            self.address,
            body.len()
        );
        stream.write_all(head.as_bytes())?;
        stream.write_all(body.as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        let (_, text) = answer.split_once("\r\n\r\n").context("an answer of HTTP")?;
        let mut answer: Value = serde_json::from_str(text)?;
        if let Some(error) = answer.get("error") {
            bail!("{method}: {error}");
        }
        Ok(answer["result"].take())
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
