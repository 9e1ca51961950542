//! Do the rollup's nodes do their job? As clients see it, over HTTP: a deposit made on L1 is on L2 at both nodes, and under the verifier's safe
//! head, which it derived from L1 and which is the sequencer's block.

use std::{fmt, path::Path};

use alloy_primitives::{Bytes, TxKind, U256};
use anyhow::{Context as _, anyhow, ensure};
use quintet_lux_node::send::{self, Outgoing};
use quintet_node::ops::Health;
use quintet_rpc::client::RpcClient;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use super::{RollupNodes, files::PORTAL};
use crate::up::lux::{
    LuxNodes,
    check::{number, small, until},
};

/// Wei that are deposited.
const DEPOSITED: u64 = 5_000_000_011;

/// Gas of a deposit on L1.
const DEPOSIT_GAS: u64 = 100_000;

/// What the nodes were seen to do.
#[derive(Debug, Clone, Serialize)]
pub(in crate::up) struct RollupSeen {
    chain_id: u64,
    l1_chain_id: u64,
    deposit: String,
    l1_block: u64,
    received: u64,
    /// The verifier's safe head, which is the sequencer's block of that number.
    safe: u64,
    safe_hash: String,
    safe_origin: u64,
    /// Output root at it, as both nodes tell it.
    output_root: String,
    /// From the deposit until both nodes had it, and until the verifier had derived it.
    milliseconds: f64,
    safe_milliseconds: f64,
}

impl fmt::Display for RollupSeen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { chain_id, l1_chain_id, deposit, l1_block, received, .. } = self;
        let Self { safe, safe_hash, safe_origin, milliseconds, safe_milliseconds, .. } = self;
        let short = |hash: &String| hash.get(..10).unwrap_or(hash).to_owned();
        let (deposit, hash) = (short(deposit), short(safe_hash));
        write!(
            f,
            "chain {chain_id} on {l1_chain_id}; deposit {deposit}… in L1 block {l1_block}, {received} wei on both nodes after \
             {milliseconds:.0} ms; after {safe_milliseconds:.0} ms the verifier derived safe head {safe} {hash}… of L1 block \
             {safe_origin}, the sequencer's block"
        )
    }
}

/// Starts both nodes on an L1 that runs, lets them prove themselves, stops them.
pub(in crate::up) async fn prove(
    home: &Path,
    l1: &LuxNodes,
    deadline: Instant,
) -> anyhow::Result<RollupSeen> {
    let mut network = RollupNodes::start(home, l1, false, &Health::new()).await?;
    let proof = timeout_at(deadline, deposit(&network, l1)).await;
    network.stop().await;
    proof.context("a deposit did not arrive, or the safe head stood still, in time")?
}

/// One of the nodes as a client sees it.
struct Node {
    eth: RpcClient,
    rollup: RpcClient,
}

impl Node {
    fn of(node: &super::LocalRollup) -> anyhow::Result<Self> {
        let client = |address: Option<std::net::SocketAddr>| {
            let address = address.context("it answers nowhere")?;
            anyhow::Ok(RpcClient::new(&format!("http://{address}"), "quintet up")?)
        };
        Ok(Self { eth: client(node.handle.eth_rpc())?, rollup: client(node.handle.rpc())? })
    }

    async fn balance(&self, account: alloy_primitives::Address, at: &str) -> anyhow::Result<U256> {
        number(&self.eth.call::<Value>("eth_getBalance", json!([account, at])).await?)
    }

    /// The number of the safe head.
    async fn safe(&self) -> anyhow::Result<Value> {
        let mut status: Value = self.rollup.call("optimism_syncStatus", json!([])).await?;
        Ok(status["safe_l2"].take())
    }

    async fn hash(&self, block: u64) -> anyhow::Result<Value> {
        let params = json!([format!("{block:#x}"), false]);
        let mut block: Value = self.eth.call("eth_getBlockByNumber", params).await?;
        Ok(block["hash"].take())
    }

    async fn output(&self, block: u64) -> anyhow::Result<Value> {
        let params = json!([format!("{block:#x}")]);
        let mut output: Value = self.rollup.call("optimism_outputAtBlock", params).await?;
        Ok(output["outputRoot"].take())
    }
}

async fn deposit(network: &RollupNodes, l1: &LuxNodes) -> anyhow::Result<RollupSeen> {
    let [sequencer, verifier] = network.nodes.as_slice() else {
        anyhow::bail!("expected two nodes, got {}", network.nodes.len());
    };
    let (sequencer, verifier) = (Node::of(sequencer)?, Node::of(verifier)?);
    let node = l1.nodes.last().context("there is no L1")?;
    let l1_client = RpcClient::new(&node.http(), "quintet up")?;
    let (account, from) = (l1.cast.prover.address, l1.cast.prover.clone());
    let before = verifier.balance(account, "latest").await?;
    let expected = before + U256::from(DEPOSITED);
    let begun = Instant::now();
    let (node, value) = (node.node.clone(), U256::from(DEPOSITED));
    let what =
        Outgoing { to: TxKind::Call(PORTAL), value, input: Bytes::new(), gas_limit: DEPOSIT_GAS };
    let sent = tokio::task::spawn_blocking(move || send::send(&node, &from, what)).await?;
    let hash = sent.map_err(|error| anyhow!("the deposit was refused: {}", error.message))?;
    let receipt = until(async || {
        let receipt: Value = l1_client.call("eth_getTransactionReceipt", json!([hash])).await?;
        Ok((!receipt.is_null()).then_some(receipt))
    })
    .await?;
    ensure!(receipt["status"] == "0x1", "the portal refused {hash}: {receipt}");
    for node in [&sequencer, &verifier] {
        until(async || Ok((node.balance(account, "latest").await? >= expected).then_some(())))
            .await?;
    }
    let passed = || begun.elapsed().as_secs_f64() * 1_000.0;
    let milliseconds = passed();
    // So far the verifier may believe the sequencer; its safe head is what L1 says.
    let head = until(async || {
        let head = verifier.safe().await?;
        let number = head["number"].as_u64().context("expected a safe head")?;
        let there = verifier.balance(account, &format!("{number:#x}")).await? >= expected;
        Ok(there.then_some(head))
    })
    .await?;
    let safe_milliseconds = passed();
    let safe = head["number"].as_u64().context("expected a safe head")?;
    let received = sequencer.balance(account, &format!("{safe:#x}")).await?.saturating_sub(before);
    ensure!(received == U256::from(DEPOSITED), "{received} wei arrived, expected {DEPOSITED}");
    let made = sequencer.hash(safe).await?;
    ensure!(
        made.is_string() && made == head["hash"],
        "block {safe}: the sequencer made {made}, the verifier derived {}",
        head["hash"]
    );
    let (ours, theirs) = (sequencer.output(safe).await?, verifier.output(safe).await?);
    ensure!(ours.is_string() && ours == theirs, "output at block {safe}: {ours} and {theirs}");
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Ok(RollupSeen {
        chain_id: network.files.config.l2_chain_id,
        l1_chain_id: network.files.config.l1_chain_id,
        deposit: hash.to_string(),
        l1_block: small(&receipt["blockNumber"])?,
        received: u64::try_from(received)?,
        safe,
        safe_hash: text(&head["hash"]),
        safe_origin: head["l1origin"]["number"].as_u64().unwrap_or_default(),
        output_root: text(&ours),
        milliseconds,
        safe_milliseconds,
    })
}
