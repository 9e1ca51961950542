//! Do the Kaspa nodes do their job? A payment submitted at one is accepted at both while both mine, and when the miners rest both have the
//! same virtual block: sink, tips, and the hash of all unspent outputs.

use std::{collections::BTreeSet, fmt, path::Path, sync::Arc, time::Duration};

use anyhow::{Context as _, anyhow, ensure};
use quintet_kaspa_node::consensus::{Consensus, VirtualState};
use quintet_kaspa_protocol::tx::Outpoint;
use quintet_node::ops::Health;
use quintet_primitives::Hash256;
use serde::Serialize;
use tokio::time::{Instant, sleep, timeout_at};
use tokio_util::sync::CancellationToken;

use super::{
    KaspaNodes, LocalKaspa, miner,
    purse::Purse,
    traffic::{coins, send},
};

/// Time between two looks.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Sompi that are paid.
const PAID: u64 = 1_234_567_890;

/// Sompi that it costs.
const FEE: u64 = 1_000_000;

/// Who is paid: the X of the generator of the curve, whose key is 1.
const SOMEBODY: [u8; 32] = [
    0x79, 0xbe, 0x66, 0x7e, 0xf9, 0xdc, 0xbb, 0xac, 0x55, 0xa0, 0x62, 0x95, 0xce, 0x87, 0x0b, 0x07,
    0x02, 0x9b, 0xfc, 0xdb, 0x2d, 0xce, 0x28, 0xd9, 0x59, 0xf2, 0x81, 0x5b, 0x16, 0xf8, 0x17, 0x98,
];

/// What the miners' clock goes by.
const SEED: u64 = 10;

/// Chain blocks gone back over for the one that accepted the payment.
const WALKED_MAX: usize = 1_000;

/// What the nodes were seen to do.
#[derive(Debug, Clone, Serialize)]
pub(in crate::up) struct KaspaSeen {
    transaction: String,
    submitted_at: String,
    accepted_by: String,
    sink: String,
    daa_score: u64,
    blocks: usize,
    milliseconds: f64,
}

impl fmt::Display for KaspaSeen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { submitted_at, daa_score, blocks, milliseconds, .. } = self;
        let short = |hash: &str| hash.get(..8).unwrap_or(hash).to_owned();
        write!(
            f,
            "payment {}… submitted at {submitted_at}, accepted on both by chain block {}…; {blocks} blocks, one virtual block \
             at DAA score {daa_score} on sink {}…, {milliseconds:.0} ms",
            short(&self.transaction),
            short(&self.accepted_by),
            short(&self.sink),
        )
    }
}

/// Starts the nodes, lets them prove themselves, stops them.
pub(in crate::up) async fn prove(home: &Path, deadline: Instant) -> anyhow::Result<KaspaSeen> {
    let mut network = KaspaNodes::start(home, false, &Health::new()).await?;
    let proof = timeout_at(deadline, pay_and_agree(&network.nodes)).await;
    network.stop().await;
    proof.context("a payment was not accepted at both, or the two do not agree, in time")?
}

async fn pay_and_agree(nodes: &[LocalKaspa]) -> anyhow::Result<KaspaSeen> {
    let [one, other] = nodes else { anyhow::bail!("expected two nodes, got {}", nodes.len()) };
    let begun = Instant::now();
    let purse = Arc::new(Purse::new()?);
    miner::begin(one, &purse).await?;
    until(async || Ok(one.core.consensus.sink() == other.core.consensus.sink())).await?;

    let stop = CancellationToken::new();
    let _ended_with_this = stop.clone().drop_guard();
    let miners = tokio::spawn(miner::run(nodes.to_vec(), SEED, stop.clone()));
    // What it pays with it knows over the network: the other mined it.
    let coin = coins(other, &purse, 1).await?.pop().context("the purse has no coin")?;
    let payment = purse.pay(&coin, &SOMEBODY, PAID, FEE)?.context("the coin is too small")?;
    let id = send(other, payment.transaction).await?;
    let paid = Outpoint::new(id, 0);
    for node in nodes {
        until(async || Ok(node.core.consensus.utxo(&paid)?.is_some())).await?;
        // The virtual block is no block yet: one of the chain has to say the same.
        until(async || Ok(accepted_by(&node.core.consensus, &id)?.is_some())).await?;
    }
    stop.cancel();
    miners.await?.map_err(|fault| anyhow!("the miners ended: {fault}"))?;

    until(async || Ok(virtual_block(one) == virtual_block(other))).await?;
    let state = one.core.consensus.virtual_state();
    let accepted = accepted_by(&one.core.consensus, &id)?;
    let accepted = accepted.with_context(|| format!("no chain block accepted {id}"))?;
    let elsewhere = accepted_by(&other.core.consensus, &id)?;
    ensure!(
        elsewhere == Some(accepted),
        "{accepted} accepted {id} at one, {elsewhere:?} at the other"
    );
    Ok(KaspaSeen {
        transaction: id.to_string(),
        submitted_at: other.name.to_string(),
        accepted_by: accepted.to_string(),
        sink: state.sink_hash().to_string(),
        daa_score: state.daa_score,
        blocks: one.core.consensus.body_count(),
        milliseconds: begun.elapsed().as_secs_f64() * 1_000.0,
    })
}

/// What must be the same: the sink, the other tips, the score, what a block on top must say it accepts, the hash of all that is unspent.
fn virtual_block(node: &LocalKaspa) -> (Hash256, BTreeSet<Hash256>, u64, Hash256, Hash256) {
    let state: Arc<VirtualState> = node.core.consensus.virtual_state();
    let parents = state.parent_hashes.iter().copied().collect();
    let unspent = state.multiset.finalise();
    (state.sink_hash(), parents, state.daa_score, state.accepted_id_root, unspent)
}

/// The block of the selected chain that accepted a transaction; none if none did yet.
fn accepted_by(consensus: &Consensus, id: &Hash256) -> anyhow::Result<Option<Hash256>> {
    let mut hash = consensus.sink();
    for _ in 0..WALKED_MAX {
        let Some(by) = consensus.accepted_by(&hash)? else { return Ok(None) };
        if by.merged.iter().any(|(_, accepted)| accepted.contains(id)) {
            return Ok(Some(hash));
        }
        let Some(place) = consensus.place(&hash) else { return Ok(None) };
        hash = place.selected_parent;
    }
    Ok(None)
}

async fn until(holds: impl AsyncFn() -> anyhow::Result<bool>) -> anyhow::Result<()> {
    while !holds().await? {
        sleep(LOOK_EVERY).await;
    }
    Ok(())
}
