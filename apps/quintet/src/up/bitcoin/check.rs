//! Do the Bitcoin nodes do their job? A payment sent to one is mined by the other, and a reorganisation made by the one is followed by the
//! other, as clients of both see it.

use std::{fmt, path::Path, time::Duration};

use anyhow::{Context as _, ensure};
use bitcoin::{Address, Network, ScriptBuf, WPubkeyHash, hashes::Hash as _};
use quintet_node::ops::Health;
use serde::Serialize;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, timeout_at};

use super::{
    BitcoinNodes, LocalBitcoin,
    purse::Purse,
    traffic::{MATURITY, coins},
};

/// Time between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Satoshis that are paid.
const PAID: u64 = 123_456_789;

/// Satoshis a virtual byte.
const FEE_RATE: u64 = 5;

/// Blocks that take the place of one.
const REPLACING: u64 = 2;

/// What the nodes were seen to do.
#[derive(Debug, Clone, Serialize)]
pub(in crate::up) struct BitcoinSeen {
    transaction: String,
    sent_to: String,
    mined_by: String,
    block: String,
    replaced_by: String,
    height: u64,
    milliseconds: f64,
}

impl fmt::Display for BitcoinSeen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { transaction, sent_to, mined_by, height, milliseconds, .. } = self;
        let transaction = transaction.get(..8).unwrap_or(transaction);
        write!(
            f,
            "payment {transaction}… sent to {sent_to}, mined by {mined_by}; its block taken back by {sent_to} and \
             {REPLACING} others mined, which {mined_by} followed to height {height}, {milliseconds:.0} ms"
        )
    }
}

/// Starts the nodes, lets them prove themselves, stops them.
pub(in crate::up) async fn prove(home: &Path, deadline: Instant) -> anyhow::Result<BitcoinSeen> {
    let mut network = BitcoinNodes::start(home, false, &Health::new()).await?;
    let proof = timeout_at(deadline, pay_and_reorganise(&network.nodes)).await;
    network.stop().await;
    proof.context("a payment was not mined, or a reorganisation not followed, in time")?
}

async fn pay_and_reorganise(nodes: &[LocalBitcoin]) -> anyhow::Result<BitcoinSeen> {
    // To whom one has connected one tells of transactions sooner: the last node knows the first by name.
    let [other, one] = nodes else { anyhow::bail!("expected two nodes, got {}", nodes.len()) };
    let purse = Purse::new()?;
    let begun = Instant::now();
    let height = one.height().await?;
    if height < MATURITY {
        one.mine(purse.address(), MATURITY - height).await?;
    }
    agreed(one, other).await?;
    let coin = coins(one, &purse, 1).await?.pop().context("the purse has no coin")?;
    let somebody = WPubkeyHash::from_byte_array([7; 20]);
    let payment = purse.pay(coin, somebody, PAID, FEE_RATE)?.context("the coin is too small")?;
    let transaction = one.send(&payment).await?;
    until(async || Ok(other.call("getmempoolentry", json!([transaction])).await.is_ok())).await?;
    let block = other.mine(purse.address(), 1).await?;
    agreed(one, other).await?;
    ensure!(confirmations(one, &transaction).await? == 1, "the payment is not in block {block}");

    one.ask("invalidateblock", json!([block])).await?;
    // They pay somebody else: the same block in the same second would be the one that was taken back.
    let paid = Address::from_script(&ScriptBuf::new_p2wpkh(&somebody), Network::Regtest)?;
    one.mine(&paid, REPLACING).await?;
    agreed(one, other).await?;
    let (deep, tip) = (confirmations(other, &transaction).await?, tip(other).await?);
    ensure!(deep == REPLACING, "the payment has {deep} confirmations, expected {REPLACING}");
    let replacing = other.height().await? - (REPLACING - 1);
    let replacing = other.ask("getblockhash", json!([replacing])).await?;
    ensure!(replacing != json!(block), "block {block} was not replaced below {tip}");
    Ok(BitcoinSeen {
        transaction,
        sent_to: one.name.to_string(),
        mined_by: other.name.to_string(),
        block,
        replaced_by: replacing.as_str().unwrap_or_default().to_owned(),
        height: other.height().await?,
        milliseconds: begun.elapsed().as_secs_f64() * 1_000.0,
    })
}

/// Waits until both have one tip.
async fn agreed(one: &LocalBitcoin, other: &LocalBitcoin) -> anyhow::Result<()> {
    until(async || Ok(tip(one).await? == tip(other).await?)).await
}

async fn tip(node: &LocalBitcoin) -> anyhow::Result<Value> {
    node.ask("getbestblockhash", json!([])).await
}

async fn confirmations(node: &LocalBitcoin, transaction: &str) -> anyhow::Result<u64> {
    let coin = node.ask("gettxout", json!([transaction, 0, false])).await?;
    Ok(coin["confirmations"].as_u64().unwrap_or(0))
}

async fn until(holds: impl AsyncFn() -> anyhow::Result<bool>) -> anyhow::Result<()> {
    while !holds().await? {
        sleep(LOOK_EVERY).await;
    }
    Ok(())
}
