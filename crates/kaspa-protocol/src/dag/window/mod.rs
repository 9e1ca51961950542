//! What a header must say of difficulty, DAA score and time, from the blocks before it.
//!
//! Two windows of earlier blocks, by rank (blue work, hash): one for difficulty, one for the past median time.
//!
//! | | difficulty | past median time | counted are |
//! |---|---|---|---|
//! | before Crescendo | 2,641 | 263 | all merged blocks |
//! | since (KIP-4, KIP-14) | 661 | 27 | those whose DAA index divides by 40, by 100 |
//!
//! A window is the `size` highest of all samples on the selected chain. Samples are kept as **persistent lists**: a block links its
//! own before those of its selected parent, and most blocks since Crescendo have none and share their selected parent's list,
//! with all that was computed of it. Nothing is copied, no fork loses its window, nothing needs to be rebuilt.
//!
//! ```text
//!   head(B) ─► sample ─► sample ─► head(selected parent of B) ─► … 20 bytes a sample
//! ```
//!
//! A walk from the head stops when the window is full of blocks above the selected parent of whoever linked the rest.
//!
//! Reference: `processes::window` (`FullWindowManager` of v1.0.1, `SampledWindowManager`), `difficulty`, `past_median_time`.

use super::{BlockId, Dag, DagError, Ghostdag};

mod difficulty;
mod median;
mod samples;

pub use samples::chain_window;
use samples::{Samples, merged_samples};

/// How large a window is and which blocks count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowSize {
    /// Most blocks.
    pub size: usize,
    /// One of so many blocks counts, at least 1.
    pub rate: u64,
}

/// Which rules a window follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sampling {
    /// Every merged block counts, and the DAA score by the lowest block of the window: before Crescendo.
    Full,
    /// KIP-4: sampled windows, and the DAA score by blue score.
    Sampled {
        /// DAA score of the selected parent from which a block is of this era and counts; 0 if there never was another.
        since: u64,
        /// Milliseconds for a block before it, by which the first target of this era is scaled.
        earlier_target_time: u64,
    },
}

/// The rules of one era.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WindowRules {
    /// Difficulty window.
    pub difficulty: WindowSize,
    /// Past median time window.
    pub median: WindowSize,
    /// Fewer blocks than these leave the difficulty as it is.
    pub difficulty_min: usize,
    /// Milliseconds a block should take.
    pub target_time: u64,
    /// Easiest bits.
    pub max_target: ruint::aliases::U256,
    /// Which blocks count.
    pub sampling: Sampling,
}

/// What a header must say, and what its window adds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Expected {
    /// DAA score.
    pub daa_score: u64,
    /// Difficulty bits.
    pub bits: u32,
    /// The header's time must be later than this, in milliseconds.
    pub past_median_time: u64,
    /// Merged blocks too old to count for the DAA score.
    pub non_daa: Vec<BlockId>,
    /// Merged blocks that count for the difficulty, and for the median time, highest first.
    pub samples: [Vec<BlockId>; 2],
    /// Heads of the lists before them: the same again where the same rows are pushed in the same order.
    pub before: [u32; 2],
    /// Whether the bits follow from the difficulty window alone, so that others may take them from it.
    pub bits_from_window: bool,
}

/// Timestamps, bits, DAA scores and windows of all blocks: columns beside [`Dag`], 29 bytes a row and 20 a sample.
#[derive(Debug, Clone)]
pub struct Windows {
    genesis: BlockId,
    timestamps: Vec<u64>,
    bits: Vec<u32>,
    daa_scores: Vec<u64>,
    /// First samples of the two windows.
    heads: Vec<[u32; 2]>,
    /// Whether the heads are those of sampled windows.
    sampled: Vec<bool>,
    samples: [Samples; 2],
}

const DIFFICULTY: usize = 0;
const MEDIAN: usize = 1;

impl Windows {
    /// Makes the columns of a DAG whose first block is a genesis of this time and bits; its number is 1.
    #[must_use]
    pub fn new(timestamp: u64, bits: u32, daa_score: u64) -> Self {
        Self {
            genesis: BlockId::new(1),
            timestamps: vec![0, timestamp],
            bits: vec![0, bits],
            daa_scores: vec![0, daa_score],
            heads: vec![[0; 2]; 2],
            sampled: vec![false; 2],
            samples: [Samples::new(), Samples::new()],
        }
    }

    /// Returns the block's time, in milliseconds.
    #[must_use]
    pub fn timestamp(&self, block: BlockId) -> u64 {
        self.timestamps[block.row()]
    }

    /// Returns the block's difficulty bits.
    #[must_use]
    pub fn bits(&self, block: BlockId) -> u32 {
        self.bits[block.row()]
    }

    /// Returns the block's DAA score.
    #[must_use]
    pub fn daa_score(&self, block: BlockId) -> u64 {
        self.daa_scores[block.row()]
    }

    /// Returns the bytes the columns hold.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.timestamps.len() * 29 + self.samples.iter().map(Samples::bytes).sum::<usize>()
    }

    /// Computes what a block of this GHOSTDAG data must say.
    ///
    /// Cost: a few reads where the block merges no sample, otherwise linear in the window.
    ///
    /// # Errors
    ///
    /// [`DagError::InsufficientWindow`] above the root, where nothing is known of earlier blocks.
    pub fn expect(
        &self,
        dag: &Dag,
        ghostdag: &Ghostdag,
        rules: &WindowRules,
    ) -> Result<Expected, DagError> {
        let parent = ghostdag.selected_parent;
        if parent.is_origin() {
            return Err(DagError::InsufficientWindow { actual: 0 });
        }
        let sampled = rules.sampling != Sampling::Full;
        let mut expected = Expected::default();
        if self.sampled[parent.row()] == sampled {
            expected.before = self.heads[parent.row()];
        }
        let lowest_score = rules.lowest_blue_score(ghostdag.blue_score);
        for (window, size) in [rules.difficulty, rules.median].into_iter().enumerate() {
            expected.samples[window] =
                merged_samples(dag, self, ghostdag, rules, size.rate, lowest_score);
        }
        if sampled {
            let old = |&block: &BlockId| dag.blue_score(block) < lowest_score;
            let merged = ghostdag.blues.iter().chain(&ghostdag.reds).copied();
            expected.non_daa =
                if parent == self.genesis { vec![parent] } else { merged.filter(old).collect() };
        }
        let difficulty = self.window(dag, &expected, rules, DIFFICULTY);
        if !sampled {
            let lowest = difficulty.iter().copied().min_by(|&a, &b| dag.rank(a).cmp(&dag.rank(b)));
            let old = |&block: &BlockId| lowest.is_none_or(|low| dag.rank(block) < dag.rank(low));
            let merged = ghostdag.blues.iter().chain(&ghostdag.reds).copied();
            expected.non_daa = merged.filter(old).collect();
        }
        let counted = ghostdag.mergeset_size() - expected.non_daa.len();
        expected.daa_score = self.daa_score(parent) + counted as u64;
        expected.bits = match self.cached(&expected, DIFFICULTY) {
            Some(bits) => u32::try_from(bits).unwrap_or(u32::MAX),
            None => self.bits_after(dag, ghostdag, &difficulty, rules),
        };
        expected.bits_from_window = difficulty.len() >= rules.difficulty_min;
        expected.past_median_time = match self.cached(&expected, MEDIAN) {
            Some(time) => time,
            None => {
                let median = self.window(dag, &expected, rules, MEDIAN);
                self.median_time(&median, parent, rules.sampling)
            }
        };
        Ok(expected)
    }

    /// Adds the row of the block just inserted.
    ///
    /// # Errors
    ///
    /// [`DagError::Full`] after 2^32 samples; the columns must not be used then.
    pub fn push(
        &mut self,
        ghostdag: &Ghostdag,
        expected: &Expected,
        sampling: Sampling,
        timestamp: u64,
        bits: u32,
    ) -> Result<(), DagError> {
        let mut heads = expected.before;
        // A window too short for a difficulty says something else to each block, and is computed each time.
        let bits_known = expected.bits_from_window.then_some(u64::from(expected.bits));
        let values = [bits_known, Some(expected.past_median_time)];
        for (window, head) in heads.iter_mut().enumerate() {
            let list = &mut self.samples[window];
            let added = &expected.samples[window];
            *head = list.link(*head, added, ghostdag.selected_parent, values[window])?;
        }
        self.timestamps.push(timestamp);
        self.bits.push(bits);
        self.daa_scores.push(expected.daa_score);
        self.heads.push(heads);
        self.sampled.push(sampling != Sampling::Full);
        Ok(())
    }

    /// Returns the blocks of the difficulty window of a block with this data, in no order.
    #[must_use]
    pub fn difficulty_window(
        &self,
        dag: &Dag,
        expected: &Expected,
        rules: &WindowRules,
    ) -> Vec<BlockId> {
        self.collect(dag, expected, rules.difficulty.size, DIFFICULTY)
    }

    /// Returns the blocks of the past median time window of a block with this data, in no order.
    #[must_use]
    pub fn median_window(
        &self,
        dag: &Dag,
        expected: &Expected,
        rules: &WindowRules,
    ) -> Vec<BlockId> {
        self.collect(dag, expected, rules.median.size, MEDIAN)
    }

    /// Returns the window's blocks, or nothing where the value of the same window is known.
    fn window(
        &self,
        dag: &Dag,
        expected: &Expected,
        rules: &WindowRules,
        window: usize,
    ) -> Vec<BlockId> {
        if self.cached(expected, window).is_some() {
            return Vec::new();
        }
        let size = [rules.difficulty.size, rules.median.size][window];
        self.collect(dag, expected, size, window)
    }

    fn collect(&self, dag: &Dag, expected: &Expected, size: usize, window: usize) -> Vec<BlockId> {
        let first = &expected.samples[window];
        self.samples[window].highest(dag, first, expected.before[window], size)
    }

    /// Returns what was computed of the same window for an earlier block.
    fn cached(&self, expected: &Expected, window: usize) -> Option<u64> {
        if !expected.samples[window].is_empty() {
            return None;
        }
        self.samples[window].value(expected.before[window])
    }
}

impl WindowRules {
    /// Returns the blue score below which a merged block is too old to count, for a block of this blue score.
    #[must_use]
    pub const fn lowest_blue_score(&self, blue_score: u64) -> u64 {
        blue_score.saturating_sub(self.difficulty.size as u64 * self.difficulty.rate)
    }
}
