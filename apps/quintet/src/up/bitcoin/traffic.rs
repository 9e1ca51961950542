//! Something to look at: a block every few seconds, by one node and the other in turn, and payments in between.

use std::{collections::VecDeque, time::Duration};

use anyhow::Context as _;
use bitcoin::{Address, OutPoint, Txid, WPubkeyHash, hashes::Hash as _};
use quintet_actor::supervisor::Fault;
use quintet_rpc::lenient::Fault as RpcFault;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::{Value, json};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::{
    LocalBitcoin,
    purse::{Coin, Payment, Purse},
};

/// Time between two payments.
const PAYMENT_EVERY: Duration = Duration::from_millis(500);

/// Payments between two blocks.
const PAYMENTS_A_BLOCK: u64 = 10;

/// Blocks before a coinbase can be spent, and one more: what a new chain begins with.
pub(super) const MATURITY: u64 = 101;

/// Coins that are spent in turn. Each is the change of the one before, and a pool takes only so many that hang together.
const COINS: usize = 4;

/// Coinbases looked at for coins, newest first.
const LOOKED_AT: u64 = 64;

/// Most and least that is paid, satoshis.
const PAID: std::ops::Range<u64> = 10_000..1_000_000;

/// Satoshis a virtual byte.
const FEE_RATES: std::ops::Range<u64> = 1..40;

/// Satoshis of a bitcoin.
const BITCOIN: f64 = 100_000_000.0;

/// Mines and pays until told to stop.
pub(in crate::up) async fn run(
    nodes: Vec<LocalBitcoin>,
    seed: u64,
    stop: CancellationToken,
) -> Result<(), Fault> {
    let purse = Purse::new().map_err(|error| Fault::new(&error.to_string()))?;
    let rng = StdRng::seed_from_u64(seed);
    let mut traffic = Traffic { nodes, purse, rng, coins: VecDeque::new() };
    let mut ticks = interval(PAYMENT_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for turn in 0_u64.. {
        if stop.run_until_cancelled(ticks.tick()).await.is_none() {
            break;
        }
        let Some(done) = stop.run_until_cancelled(traffic.turn(turn)).await else { break };
        if let Err(error) = done {
            tracing::info!("not done: {error:#}");
        }
    }
    Ok(())
}

struct Traffic {
    nodes: Vec<LocalBitcoin>,
    purse: Purse,
    rng: StdRng,
    /// Coins to spend next, the change of earlier payments among them, each with the node that knows of it: relay takes seconds.
    coins: VecDeque<(Coin, usize)>,
}

impl Traffic {
    async fn turn(&mut self, turn: u64) -> anyhow::Result<()> {
        if turn == 0 {
            let node = self.node(0)?;
            let height = node.height().await?;
            if height < MATURITY {
                node.mine(self.purse.address(), MATURITY - height).await?;
            }
        }
        if turn.is_multiple_of(PAYMENTS_A_BLOCK) {
            let by = usize::try_from(turn / PAYMENTS_A_BLOCK)?;
            let hash = self.node(by)?.mine(self.purse.address(), 1).await?;
            // What was paid is in it: nothing hangs on anything any more, and what was lost is found again.
            self.coins.clear();
            tracing::info!(node = %self.node(by)?.name, "mined {hash}");
        }
        if self.coins.is_empty() {
            let found = coins(self.node(0)?, &self.purse, COINS).await?;
            self.coins = found.into_iter().zip(0..).collect();
        }
        let Some((coin, by)) = self.coins.pop_front() else { return Ok(()) };
        let somebody = WPubkeyHash::from_byte_array(self.rng.random());
        let (satoshis, rate) = (self.rng.random_range(PAID), self.rng.random_range(FEE_RATES));
        let Some(payment) = self.purse.pay(coin, somebody, satoshis, rate)? else { return Ok(()) };
        self.node(by)?.send(&payment).await?;
        self.coins.push_back((payment.change, by));
        Ok(())
    }

    fn node(&self, turn: usize) -> anyhow::Result<&LocalBitcoin> {
        self.nodes.get(turn % self.nodes.len().max(1)).context("there is no node")
    }
}

impl LocalBitcoin {
    /// Calls a method; a refusal says which it was.
    pub(super) async fn ask(&self, method: &str, params: Value) -> anyhow::Result<Value> {
        self.call(method, params).await.map_err(|RpcFault { message, .. }| {
            anyhow::anyhow!("{} {method}: {message}", self.name)
        })
    }

    pub(super) async fn height(&self) -> anyhow::Result<u64> {
        self.ask("getblockcount", json!([])).await?.as_u64().context("a height")
    }

    /// Mines so many blocks that pay an address; returns the hash of the last.
    pub(super) async fn mine(&self, paid: &Address, count: u64) -> anyhow::Result<String> {
        let params = json!([count, paid.to_string()]);
        let mined = self.ask("generatetoaddress", params).await?;
        let last = mined.as_array().and_then(|all| all.last()).and_then(Value::as_str);
        last.map(str::to_owned).context("a block")
    }

    /// Sends a payment; returns its id.
    pub(super) async fn send(&self, payment: &Payment) -> anyhow::Result<String> {
        let sent = self.ask("sendrawtransaction", json!([payment.raw])).await?;
        sent.as_str().map(str::to_owned).context("an id")
    }
}

/// Finds coins of the purse: coinbases that can be spent and have not been, newest first.
pub(super) async fn coins(
    node: &LocalBitcoin,
    purse: &Purse,
    most: usize,
) -> anyhow::Result<Vec<Coin>> {
    let mut found = Vec::new();
    let newest = (node.height().await? + 1).saturating_sub(MATURITY - 1);
    for height in (1..=newest).rev().take(usize::try_from(LOOKED_AT)?) {
        let hash = node.ask("getblockhash", json!([height])).await?;
        let block = node.ask("getblock", json!([hash, 1])).await?;
        let id = block["tx"][0].as_str().context("a coinbase")?;
        let coin = node.ask("gettxout", json!([id, 0, true])).await?;
        if coin["scriptPubKey"]["address"] != json!(purse.address().to_string()) {
            continue;
        }
        let value = coin["value"].as_f64().context("a value")?;
        let outpoint = OutPoint::new(id.parse::<Txid>()?, 0);
        found.push(Coin { outpoint, satoshis: satoshis(value) });
        if found.len() == most {
            break;
        }
    }
    Ok(found)
}

/// Amounts of RPC are decimals of eight places, which a double holds.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an amount is positive and below 2^53"
)]
fn satoshis(bitcoins: f64) -> u64 {
    (bitcoins * BITCOIN).round() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_of_rpc_are_read_to_the_satoshi() {
        for (text, expected) in [
            ("50.00000000", 5_000_000_000),
            ("0.00000001", 1),
            ("20999999.97690000", 2_099_999_997_690_000),
        ] {
            assert_eq!(satoshis(text.parse().unwrap()), expected);
        }
    }
}
