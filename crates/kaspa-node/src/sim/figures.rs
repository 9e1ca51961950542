//! What a simulated DAG looks like: how wide it is, which share of it is blue, how long acceptance takes.
//!
//! Coloured here once more from the headers alone, so that the figures do not depend on the views that are measured. Of a long simulation its
//! beginning says it all: [`BLOCKS_COLOURED_MAX`] blocks are kept, of those beyond only their number and their transactions.

use std::time::Duration;

use quintet_kaspa_protocol::{
    dag::{BlockId, Colouring, Dag, GhostdagParams},
    target::work,
};
use quintet_primitives::Hash256;

use super::{Mined, Plan, SimError};

/// Blocks the shape of the DAG is told from: seven hours at ten blocks a second.
pub const BLOCKS_COLOURED_MAX: u64 = 1 << 18;

/// The least, the middle, the highest but five percent, and the highest of some values, and their mean.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spread {
    /// The mean.
    pub mean: f64,
    /// Half of the values are no higher.
    pub median: f64,
    /// 95 percent of the values are no higher.
    pub p95: f64,
    /// The highest.
    pub max: f64,
}

impl Spread {
    /// Returns the spread of some values; zeros if there are none.
    #[must_use]
    pub fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        let at = |percent: usize| {
            let index = (values.len() * percent).div_ceil(100).saturating_sub(1);
            values.get(index).copied().unwrap_or(0.0)
        };
        let count = u32::try_from(values.len()).unwrap_or(u32::MAX).max(1);
        Self {
            mean: values.iter().sum::<f64>() / f64::from(count),
            median: at(50),
            p95: at(95),
            max: at(100),
        }
    }
}

/// What came out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    /// Blocks mined.
    pub blocks: u64,
    /// Seconds of simulated time.
    pub seconds: f64,
    /// Transactions in blocks, coinbases not counted.
    pub transactions: u64,
    /// Blocks the figures below are of: all of them, or the first.
    pub coloured: u64,
    /// Blocks on the selected chain of the block with most blue work.
    pub chain_blocks: u64,
    /// Blocks that chain merged as reds.
    pub reds: u64,
    /// Parents of a block: the width of the DAG.
    pub parents: Spread,
    /// Blocks a chain block merges, its selected parent among them.
    pub mergeset: Spread,
    /// Milliseconds from a block to the arrival of the chain block that accepts its transactions.
    pub acceptance_millis: Spread,
}

/// The DAG as it grows.
#[derive(Debug)]
pub struct Figures {
    dag: Dag,
    colouring: Colouring,
    ghostdag: GhostdagParams,
    delay_micros: u64,
    /// When each block was mined, by its number; the root first.
    times: Vec<u64>,
    parents: Vec<f64>,
    blocks: u64,
    /// When the last was mined, microseconds.
    last_at: u64,
    transactions: u64,
    tip: BlockId,
}

impl Figures {
    /// Begins with the genesis.
    ///
    /// # Errors
    ///
    /// [`SimError::Dag`].
    pub(super) fn new(plan: &Plan) -> Result<Self, SimError> {
        let rate = plan.params.rules_at(0).rate;
        let mergeset_max = usize::try_from(rate.mergeset_size_limit).unwrap_or(usize::MAX);
        let genesis = plan.params.genesis.header();
        let mut figures = Self {
            dag: Dag::new(plan.seed),
            colouring: Colouring::new(),
            // The selected parent is not counted in the limit.
            ghostdag: GhostdagParams::new(rate.ghostdag_k, mergeset_max.saturating_add(1)),
            delay_micros: plan.delay_micros,
            times: vec![0],
            parents: Vec::new(),
            blocks: 0,
            last_at: 0,
            transactions: 0,
            tip: BlockId::ORIGIN,
        };
        figures.insert(genesis.hash(), &[BlockId::ORIGIN], genesis.bits, 0)?;
        Ok(figures)
    }

    /// Adds a block that was mined. Its parents were.
    ///
    /// # Errors
    ///
    /// [`SimError::Dag`].
    pub(super) fn add(&mut self, mined: &Mined) -> Result<(), SimError> {
        let header = &mined.block.header;
        let transactions = mined.block.transactions.len().saturating_sub(1);
        self.transactions += u64::try_from(transactions).unwrap_or(0);
        self.blocks += 1;
        self.last_at = mined.at;
        if self.blocks > BLOCKS_COLOURED_MAX {
            return Ok(());
        }
        let parents: Vec<_> =
            header.direct_parents().iter().filter_map(|hash| self.dag.find(hash)).collect();
        self.insert(mined.hash, &parents, header.bits, mined.at)?;
        self.parents.push(count(parents.len()));
        Ok(())
    }

    fn insert(
        &mut self,
        hash: Hash256,
        parents: &[BlockId],
        bits: u32,
        at: u64,
    ) -> Result<(), SimError> {
        let found = self.colouring.run(&self.dag, parents, &self.ghostdag)?;
        let block = self.dag.insert(hash, parents, work(bits), found)?;
        self.times.push(at);
        if self.dag.rank(block) > self.dag.rank(self.tip) {
            self.tip = block;
        }
        Ok(())
    }

    /// Returns what came out so far.
    #[must_use]
    pub fn summary(&self) -> Summary {
        let mut mergeset = Vec::new();
        let mut acceptance = Vec::new();
        let mut reds = 0;
        let (mut chain_blocks, mut block) = (0, self.tip);
        // The genesis is chain and merges nobody.
        while !self.dag.selected_parent(block).is_origin() {
            chain_blocks += 1;
            let merged = self.dag.mergeset(block);
            mergeset.push(count(merged.len()));
            reds += self.dag.reds(block).len();
            let arrival = self.times[block.row()].saturating_add(self.delay_micros);
            acceptance.extend(
                merged
                    .iter()
                    .map(|merged| millis(arrival.saturating_sub(self.times[merged.row()]))),
            );
            block = self.dag.selected_parent(block);
        }
        Summary {
            blocks: self.blocks,
            coloured: self.blocks.min(BLOCKS_COLOURED_MAX),
            seconds: Duration::from_micros(self.last_at).as_secs_f64(),
            transactions: self.transactions,
            chain_blocks,
            reds: u64::try_from(reds).unwrap_or(u64::MAX),
            parents: Spread::of(self.parents.clone()),
            mergeset: Spread::of(mergeset),
            acceptance_millis: Spread::of(acceptance),
        }
    }
}

fn count(len: usize) -> f64 {
    f64::from(u32::try_from(len).unwrap_or(u32::MAX))
}

/// Returns microseconds as milliseconds.
fn millis(micros: u64) -> f64 {
    f64::from(u32::try_from(micros / 1_000).unwrap_or(u32::MAX))
}
