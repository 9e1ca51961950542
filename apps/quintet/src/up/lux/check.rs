//! Does the chain do its job? As a client sees it, over HTTP: a transfer is sent, mined, its receipt read, its money counted.

use std::{fmt, path::Path, time::Duration};

use anyhow::{Context as _, ensure};
use quintet_rpc::client::RpcClient;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout_at};

use super::LuxChain;

/// Time between two looks for a receipt.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// Wei that are sent.
const SENT: u64 = 1_000_000_007;

/// What the chain was seen to do.
#[derive(Debug, Clone, Serialize)]
pub(in crate::up) struct LuxSeen {
    chain_id: u64,
    transaction: String,
    block: u64,
    gas_used: u64,
    received: u64,
    milliseconds: f64,
}

impl fmt::Display for LuxSeen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { chain_id, transaction, block, gas_used, received, milliseconds } = self;
        let transaction = transaction.get(..10).unwrap_or(transaction);
        write!(
            f,
            "chain {chain_id}; transfer {transaction}… in block {block}, {gas_used} gas, receipt after \
             {milliseconds:.0} ms; {received} wei arrived"
        )
    }
}

/// Starts the chain, lets it prove itself, stops it.
pub(in crate::up) async fn prove(home: &Path, deadline: Instant) -> anyhow::Result<LuxSeen> {
    let chain = LuxChain::start(home, false).await?;
    let proof = timeout_at(deadline, transfer(&chain)).await;
    let stopped = chain.serving.stop().await;
    let seen = proof.context("a transfer was not mined in time")??;
    stopped?;
    Ok(seen)
}

async fn transfer(chain: &LuxChain) -> anyhow::Result<LuxSeen> {
    let places = chain.places();
    let client = RpcClient::new(&places.http, "quintet up")?;
    let [from, to, ..] = places.accounts.as_slice() else { anyhow::bail!("there are no accounts") };
    let balance = async || -> anyhow::Result<u128> {
        number(&client.call::<Value>("eth_getBalance", json!([to.address, "latest"])).await?)
    };
    let before = balance().await?;
    let begun = Instant::now();
    let transaction =
        json!([{ "from": from.address, "to": to.address, "value": format!("{SENT:#x}") }]);
    let hash: String = client.call("eth_sendTransaction", transaction).await?;
    let receipt = loop {
        let receipt: Value = client.call("eth_getTransactionReceipt", json!([hash])).await?;
        if !receipt.is_null() {
            break receipt;
        }
        sleep(LOOK_EVERY).await;
    };
    let milliseconds = begun.elapsed().as_secs_f64() * 1_000.0;
    ensure!(receipt["status"] == "0x1", "the transfer {hash} failed: {receipt}");
    let received = balance().await?.saturating_sub(before);
    ensure!(received == u128::from(SENT), "{received} wei arrived, expected {SENT}");
    let small = |field: &str| anyhow::Ok(u64::try_from(number(&receipt[field])?)?);
    Ok(LuxSeen {
        chain_id: places.chain_id,
        block: small("blockNumber")?,
        gas_used: small("gasUsed")?,
        transaction: hash,
        received: u64::try_from(received)?,
        milliseconds,
    })
}

fn number(quantity: &Value) -> anyhow::Result<u128> {
    let digits = quantity.as_str().and_then(|text| text.strip_prefix("0x"));
    let digits = digits.with_context(|| format!("expected a quantity, got {quantity}"))?;
    Ok(u128::from_str_radix(digits, 16)?)
}
