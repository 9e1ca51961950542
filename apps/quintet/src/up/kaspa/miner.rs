//! Miners that find blocks by a clock: ten a second in all, at times as random as those of real miners.
//!
//! ```text
//!   every 50 ms ─► the next miner in turn takes its node's template
//!   Poisson clock ─► any miner finds a block on the template it has, and its node takes and tells it
//! ```
//!
//! A miner works on a template for a while, as one at the end of a long line does: meanwhile others find blocks that its own does not know, and
//! the DAG gets its width. With templates of the very moment it would be a chain.

use std::{sync::Arc, time::Duration};

use anyhow::{Context as _, bail};
use quintet_actor::supervisor::Fault;
use quintet_kaspa_node::{
    consensus::{BlockTemplate, Outcome},
    rpc::Core,
};
use quintet_kaspa_protocol::{block::Block, coinbase::MinerData, tx::ScriptPublicKey};
use rand::{Rng, RngExt as _, SeedableRng as _, rngs::StdRng};
use tokio::{
    task::spawn_blocking,
    time::{Instant, MissedTickBehavior, interval, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{LocalKaspa, purse::Purse};

/// Blocks a second, on average, of all miners.
const RATE: f64 = 10.0;

/// Miners at each node.
const MINERS_A_NODE: usize = 3;

/// Time a miner works on a template.
const TEMPLATE_KEPT: Duration = Duration::from_millis(300);

/// What is later than this is not caught up with: a machine that is too slow must not be flooded.
const LATE_MAX: Duration = Duration::from_millis(50);

/// Longest time between two blocks, seconds: the clock's randomness has no end of its own.
const GAP_MAX: f64 = 10.0;

/// Text in the coinbase.
const EXTRA_DATA: &[u8] = concat!("quintet-", env!("CARGO_PKG_VERSION")).as_bytes();

/// Blocks before there are coins to spend: the maturity of a coinbase, some for the two nodes are not at the same block, and some to choose from.
pub(super) const FIRST_BLOCKS: u64 = 140;

/// Mines until told to stop.
pub(in crate::up) async fn run(
    nodes: Vec<LocalKaspa>,
    seed: u64,
    stop: CancellationToken,
) -> Result<(), Fault> {
    let purse = Purse::new().map_err(|error| Fault::new(&error.to_string()))?;
    if let Some(first) = nodes.first()
        && let Err(error) = begin(first, &purse).await
    {
        tracing::warn!("the first blocks are not mined: {error:#}");
    }
    let mut miners = Miners::new(&nodes, &purse);
    let mut rng = StdRng::seed_from_u64(seed);
    let mut templates = interval(miners.turn_every());
    templates.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut due = Instant::now();
    loop {
        let done = tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(()),
            () = sleep_until(due) => {
                due = due.max(Instant::now() - LATE_MAX) + gap(&mut rng);
                miners.find(rng.random::<u32>(), rng.random()).await
            }
            _ = templates.tick() => miners.take_template().await,
        };
        if let Err(error) = done {
            tracing::warn!("a block is not mined: {error:#}");
        }
    }
}

/// Mines the first blocks of a new network one upon the other, as fast as it goes.
pub(super) async fn begin(node: &LocalKaspa, purse: &Purse) -> anyhow::Result<()> {
    let (core, script) = (Arc::clone(&node.core), purse.script().clone());
    spawn_blocking(move || {
        while core.consensus.virtual_state().daa_score < FIRST_BLOCKS {
            let template = template(&core, script.clone())?;
            submit(&core, template.block.clone(), 0)?;
        }
        anyhow::Ok(())
    })
    .await?
}

/// A miner: where it mines, and on what.
#[derive(Debug)]
struct Miner {
    core: Arc<Core>,
    template: Option<Arc<BlockTemplate>>,
}

#[derive(Debug)]
struct Miners {
    miners: Vec<Miner>,
    script: ScriptPublicKey,
    /// Who takes a template next.
    turn: usize,
}

impl Miners {
    fn new(nodes: &[LocalKaspa], purse: &Purse) -> Self {
        let at = |node: &LocalKaspa| Miner { core: Arc::clone(&node.core), template: None };
        // In turn at one node and another, so that templates are asked for evenly.
        let miners = (0..MINERS_A_NODE).flat_map(|_| nodes.iter().map(at)).collect();
        Self { miners, script: purse.script().clone(), turn: 0 }
    }

    fn turn_every(&self) -> Duration {
        let miners = u32::try_from(self.miners.len()).unwrap_or(u32::MAX);
        TEMPLATE_KEPT / miners.max(1)
    }

    async fn take_template(&mut self) -> anyhow::Result<()> {
        let count = self.miners.len().max(1);
        let miner = self.miners.get_mut(self.turn % count).context("there is no miner")?;
        self.turn = (self.turn + 1) % count;
        let (core, script) = (Arc::clone(&miner.core), self.script.clone());
        miner.template = Some(spawn_blocking(move || template(&core, script)).await??);
        Ok(())
    }

    async fn find(&self, who: u32, nonce: u64) -> anyhow::Result<()> {
        let who = usize::try_from(who)? % self.miners.len().max(1);
        let Miner { core, template } = self.miners.get(who).context("there is no miner")?;
        let Some(template) = template else { return Ok(()) };
        let (core, block) = (Arc::clone(core), template.block.clone());
        spawn_blocking(move || submit(&core, block, nonce)).await?
    }
}

fn template(core: &Core, script: ScriptPublicKey) -> anyhow::Result<Arc<BlockTemplate>> {
    let miner = MinerData { script_public_key: script, extra_data: EXTRA_DATA };
    Ok(core.templates.get(&miner)?)
}

fn submit(core: &Core, mut block: Block, nonce: u64) -> anyhow::Result<()> {
    block.header.nonce = nonce;
    let hash = block.header.hash();
    match core.pipeline.submit_attached(block).wait()? {
        Outcome::Accepted(_) => core.peers.announce_block(hash),
        Outcome::Known(_) => {}
        Outcome::Refused(error) => bail!("block {hash} was refused: {error}"),
    }
    Ok(())
}

/// The time until the next block: of a Poisson process, memoryless.
fn gap(rng: &mut impl Rng) -> Duration {
    let left = 1.0 - rng.random::<f64>();
    Duration::from_secs_f64((-left.ln() / RATE).clamp(0.0, GAP_MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_come_ten_a_second_on_average_and_as_irregularly_as_chance() {
        let mut rng = StdRng::seed_from_u64(7);
        let gaps: Vec<f64> = (0..20_000).map(|_| gap(&mut rng).as_secs_f64()).collect();
        let mean = gaps.iter().sum::<f64>() / 20_000.0;
        assert!((0.098..0.102).contains(&mean), "{mean}");
        // Of exponential times, a share of 1/e is longer than the mean.
        let longer = gaps.iter().filter(|gap| **gap > 0.1).count();
        assert!((7_100..7_620).contains(&longer), "{longer}");
    }
}
