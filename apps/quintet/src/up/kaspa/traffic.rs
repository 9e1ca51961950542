//! Something to look at: payments, at one node and the other, of coins the miners earned.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use anyhow::Context as _;
use quintet_actor::supervisor::Fault;
use quintet_kaspa_node::{
    mempool::{OrphanRule, Submission},
    rpc::Core,
};
use quintet_kaspa_protocol::{
    mempool::{Priority, Replacement},
    tx::{Outpoint, Transaction},
};
use quintet_primitives::Hash256;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use tokio::{
    task::spawn_blocking,
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

use super::{
    LocalKaspa,
    purse::{Coin, Purse},
};

/// Time between two payments.
const PAYMENT_EVERY: Duration = Duration::from_millis(100);

/// Coins that are spent in turn, so that a payment's change is accepted before it is spent again.
const COINS: usize = 32;

/// Chain blocks gone back over for coins.
const WALKED_MAX: usize = 512;

/// Blocks a coin is left to ripen beyond what it must: the two nodes are not at the same block.
const MARGIN: u64 = 20;

/// Most and least that is paid, sompi.
const PAID: std::ops::Range<u64> = 100_000_000..500_000_000;

/// Most and least that a payment costs, sompi: it is some 2,000 grams, and pools ask 100 for each.
const FEES: std::ops::Range<u64> = 300_000..8_000_000;

/// Pays until told to stop.
pub(in crate::up) async fn run(
    nodes: Vec<LocalKaspa>,
    seed: u64,
    stop: CancellationToken,
) -> Result<(), Fault> {
    let purse = Purse::new().map_err(|error| Fault::new(&error.to_string()))?;
    let mut traffic = Traffic {
        nodes,
        purse: Arc::new(purse),
        rng: StdRng::seed_from_u64(seed),
        coins: VecDeque::new(),
    };
    let mut ticks = interval(PAYMENT_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        if stop.run_until_cancelled(ticks.tick()).await.is_none() {
            return Ok(());
        }
        let Some(done) = stop.run_until_cancelled(traffic.turn()).await else { return Ok(()) };
        if let Err(error) = done {
            tracing::info!("not paid: {error:#}");
        }
    }
}

struct Traffic {
    nodes: Vec<LocalKaspa>,
    purse: Arc<Purse>,
    rng: StdRng,
    /// Coins to spend next, the change of earlier payments among them, each with the node that knows of it.
    coins: VecDeque<(Coin, usize)>,
}

impl Traffic {
    async fn turn(&mut self) -> anyhow::Result<()> {
        if self.coins.is_empty() {
            let found = coins(self.node(0)?, &self.purse, COINS).await?;
            self.coins = found.into_iter().zip(0..).collect();
        }
        let Some((coin, at)) = self.coins.pop_front() else { return Ok(()) };
        let somebody = SecretOfNobody(self.rng.random()).public_key()?;
        let (sompi, fee) = (self.rng.random_range(PAID), self.rng.random_range(FEES));
        let Some(payment) = self.purse.pay(&coin, &somebody, sompi, fee)? else { return Ok(()) };
        send(self.node(at)?, payment.transaction).await?;
        self.coins.push_back((payment.change, at));
        Ok(())
    }

    fn node(&self, at: usize) -> anyhow::Result<&LocalKaspa> {
        self.nodes.get(at % self.nodes.len().max(1)).context("there is no node")
    }
}

/// A key that is forgotten at once.
struct SecretOfNobody([u8; 32]);

impl SecretOfNobody {
    fn public_key(&self) -> anyhow::Result<[u8; 32]> {
        Ok(quintet_crypto::secp::SecretKey::from_bytes(&self.0)?.x_only_public_key().0)
    }
}

/// Gives a node a payment, as a client would; returns its id.
pub(super) async fn send(node: &LocalKaspa, payment: Transaction) -> anyhow::Result<Hash256> {
    let core = Arc::clone(&node.core);
    let how = Submission {
        priority: Priority::High,
        orphan: OrphanRule::Forbidden,
        replacement: Replacement::Forbidden,
    };
    let id = payment.id();
    let sent = spawn_blocking(move || {
        let inserted = core.mempool.submit(payment, how)?;
        core.peers.announce(&inserted.accepted);
        anyhow::Ok(())
    });
    sent.await?.with_context(|| format!("{} does not take payment {id}", node.name))?;
    Ok(id)
}

/// Finds coins of the purse that may be spent at either node: what coinbases of the selected chain paid it, newest first.
pub(super) async fn coins(
    node: &LocalKaspa,
    purse: &Arc<Purse>,
    most: usize,
) -> anyhow::Result<Vec<Coin>> {
    let (core, purse) = (Arc::clone(&node.core), Arc::clone(purse));
    spawn_blocking(move || find_coins(&core, &purse, most)).await?
}

fn find_coins(core: &Core, purse: &Purse, most: usize) -> anyhow::Result<Vec<Coin>> {
    let consensus = &core.consensus;
    let state = consensus.virtual_state();
    let maturity = consensus.params().rules_at(state.daa_score).rate.coinbase_maturity;
    let mut found = Vec::new();
    let mut hash = state.sink_hash();
    for _ in 0..WALKED_MAX {
        let Some(block) = consensus.block(&hash)? else { break };
        let Some(place) = consensus.place(&hash) else { break };
        hash = place.selected_parent;
        let Some(coinbase) = block.transactions.first() else { break };
        if block.header.daa_score + maturity + MARGIN > state.daa_score {
            continue;
        }
        let id = coinbase.id();
        for (index, output) in (0_u32..).zip(&coinbase.outputs) {
            let outpoint = Outpoint::new(id, index);
            if output.script_public_key != *purse.script() {
                continue;
            }
            let Some(entry) = consensus.utxo(&outpoint)? else { continue };
            if entry.block_daa_score + maturity + MARGIN <= state.daa_score {
                found.push((outpoint, entry));
            }
            if found.len() == most {
                return Ok(found);
            }
        }
    }
    Ok(found)
}
