//! Do the validators do their job? As clients see it, over HTTP: a transfer sent to one is in a block that is final on all four, the same on
//! each; its money is counted; and finality goes on from there.

use std::{fmt, time::Duration};

use alloy_primitives::{Bytes, TxKind, U256};
use anyhow::{Context as _, ensure};
use quintet_lux_node::send::{self, Outgoing};
use quintet_rpc::client::RpcClient;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::LuxNodes;

/// Time between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Wei that are sent.
const SENT: u64 = 1_000_000_007;

/// Gas of a plain transfer.
const TRANSFER_GAS: u64 = 21_000;

/// What the validators were seen to do.
#[derive(Debug, Clone, Serialize)]
pub(in crate::up) struct LuxSeen {
    chain_id: u64,
    validators: usize,
    /// Peers of the one that has fewest, and how they found each other.
    peers: usize,
    found_by: &'static str,
    transaction: String,
    block: u64,
    block_hash: String,
    gas_used: u64,
    received: u64,
    /// Height of the newest block that is final on all of them, and its hash.
    finalized: u64,
    finalized_hash: String,
    /// From the transfer until its block was final on all.
    milliseconds: f64,
}

impl fmt::Display for LuxSeen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { chain_id, validators, transaction, block, gas_used, received, .. } = self;
        let Self { finalized, finalized_hash, milliseconds, peers, found_by, .. } = self;
        let short = |hash: &String| hash.get(..10).unwrap_or(hash).to_owned();
        let (transaction, hash) = (short(transaction), short(finalized_hash));
        write!(
            f,
            "chain {chain_id}; transfer {transaction}… in block {block}, {gas_used} gas, {received} wei arrived, final on \
             {validators} validators after {milliseconds:.0} ms; then block {finalized} {hash}… on all; \
             {peers} peers or more each, found by {found_by}"
        )
    }
}

/// Lets the validators prove themselves.
pub(in crate::up) async fn prove(network: &LuxNodes) -> anyhow::Result<LuxSeen> {
    let clients = network.nodes.iter().map(|node| RpcClient::new(&node.http(), "quintet up"));
    let clients = clients.collect::<Result<Vec<_>, _>>()?;
    let (Some(first), Some(last)) = (network.nodes.first(), clients.last()) else {
        anyhow::bail!("there are no validators");
    };
    let [from, to, ..] = network.cast.shown.as_slice() else {
        anyhow::bail!("there are no accounts");
    };
    let balance = async |tag: &str| -> anyhow::Result<U256> {
        number(&last.call::<Value>("eth_getBalance", json!([to.address, tag])).await?)
    };
    let before = balance("latest").await?;
    let begun = Instant::now();
    let (node, from) = (first.node.clone(), from.clone());
    let (to_whom, value) = (TxKind::Call(to.address), U256::from(SENT));
    let what = Outgoing { to: to_whom, value, input: Bytes::new(), gas_limit: TRANSFER_GAS };
    let sent = tokio::task::spawn_blocking(move || send::send(&node, &from, what)).await?;
    let hash =
        sent.map_err(|error| anyhow::anyhow!("the transfer was refused: {}", error.message))?;
    let receipt = until(async || {
        let receipt: Value = last.call("eth_getTransactionReceipt", json!([hash])).await?;
        Ok((!receipt.is_null()).then_some(receipt))
    })
    .await?;
    ensure!(receipt["status"] == "0x1", "the transfer {hash} failed: {receipt}");
    let block = small(&receipt["blockNumber"])?;
    final_on_all(&clients, block).await?;
    let milliseconds = begun.elapsed().as_secs_f64() * 1_000.0;
    // What was final on the way may have been another block of the same height.
    let block_hash = same_on_all(&clients, block).await?;
    let receipt: Value = last.call("eth_getTransactionReceipt", json!([hash])).await?;
    ensure!(receipt["blockHash"] == json!(block_hash), "{hash} is not in final block {block}");
    let received = balance("finalized").await?.saturating_sub(before);
    ensure!(received == U256::from(SENT), "{received} wei arrived, expected {SENT}");
    let finalized = block + 1;
    final_on_all(&clients, finalized).await?;
    Ok(LuxSeen {
        chain_id: first.chain().spec().chain_id(),
        validators: clients.len(),
        peers: fewest_peers(&clients).await?,
        found_by: network.acquaintance().name(),
        transaction: hash.to_string(),
        block,
        block_hash,
        gas_used: small(&receipt["gasUsed"])?,
        received: u64::try_from(received)?,
        finalized,
        finalized_hash: same_on_all(&clients, finalized).await?,
        milliseconds,
    })
}

/// Peers of the node that has fewest.
async fn fewest_peers(clients: &[RpcClient]) -> anyhow::Result<usize> {
    let mut fewest = usize::MAX;
    for client in clients {
        let count: Value = client.call("net_peerCount", json!([])).await?;
        fewest = fewest.min(usize::try_from(small(&count)?)?);
    }
    ensure!(fewest > 0, "a validator says that it has no peers");
    Ok(fewest)
}

/// Waits until a block of this height is final for every node.
async fn final_on_all(clients: &[RpcClient], block: u64) -> anyhow::Result<()> {
    for client in clients {
        until(async || {
            let newest: Value =
                client.call("eth_getBlockByNumber", json!(["finalized", false])).await?;
            Ok((!newest.is_null() && small(&newest["number"])? >= block).then_some(()))
        })
        .await?;
    }
    Ok(())
}

/// The hash of a block, which must be the same on every node.
async fn same_on_all(clients: &[RpcClient], block: u64) -> anyhow::Result<String> {
    let mut hashes = Vec::new();
    for client in clients {
        let params = json!([format!("{block:#x}"), false]);
        let found: Value = client.call("eth_getBlockByNumber", params).await?;
        let hash =
            found["hash"].as_str().with_context(|| format!("a node has no block {block}"))?;
        hashes.push(hash.to_owned());
    }
    let first = hashes.first().cloned().unwrap_or_default();
    ensure!(
        hashes.iter().all(|hash| *hash == first),
        "block {block} is final as one on some nodes and as another on others: {}",
        hashes.join(", ")
    );
    Ok(first)
}

/// Looks until there is something.
pub(in crate::up) async fn until<T>(
    look: impl AsyncFn() -> anyhow::Result<Option<T>>,
) -> anyhow::Result<T> {
    loop {
        if let Some(found) = look().await? {
            return Ok(found);
        }
        sleep(LOOK_EVERY).await;
    }
}

/// Reads a quantity.
pub(in crate::up) fn number(quantity: &Value) -> anyhow::Result<U256> {
    let digits = quantity.as_str().and_then(|text| text.strip_prefix("0x"));
    let digits = digits.with_context(|| format!("expected a quantity, got {quantity}"))?;
    Ok(U256::from_str_radix(digits, 16)?)
}

/// Reads a quantity that is a count.
pub(in crate::up) fn small(quantity: &Value) -> anyhow::Result<u64> {
    Ok(u64::try_from(number(quantity)?)?)
}
