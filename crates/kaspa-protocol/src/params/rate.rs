//! What follows from the rate of blocks: K, parents, mergesets, depths.
//!
//! **Spec:** rusty-kaspa's `consensus/core/src/config/bps.rs`; KIP-14; Sompolinsky, Wyborski & Zohar,
//! *PHANTOM GHOSTDAG* (eprint 2018/104), section 4.2, equation 1, for K.

use thiserror::Error;

/// Seconds within which a block is assumed to reach everybody.
pub const NETWORK_DELAY_SECONDS: u64 = 5;

/// Probability that honest blocks have an anticone larger than K.
pub const GHOSTDAG_DELTA: f64 = 0.01;

/// Highest rate there are parameters for, in blocks per second.
pub const RATE_MAX: u64 = 1000;

/// Seconds of blocks a merge may reach back.
const MERGE_DEPTH_SECONDS: u64 = 3600;
/// Seconds after which blocks are final: twelve hours.
const FINALITY_SECONDS: u64 = 43_200;
/// Seconds after which blocks may be pruned: thirty hours.
const PRUNING_SECONDS: u64 = 108_000;
/// Seconds between the samples of the median time.
const MEDIAN_TIME_SAMPLE_SECONDS: u64 = 10;
/// Seconds between the samples of the difficulty.
const DIFFICULTY_SAMPLE_SECONDS: u64 = 4;
/// Seconds before a coinbase may be spent.
const COINBASE_MATURITY_SECONDS: u64 = 100;

/// Blocks of parents whatever the rate: fewest and most.
const PARENTS: (u16, u16) = (10, 16);
/// Blocks of a mergeset whatever the rate: fewest and most.
const MERGESET: (u64, u64) = (180, 512);

/// A rate no parameters can be made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "expected a rate of 1 to {max} blocks per second that whole milliseconds per block can say, \
     got {actual}: the nearest is {nearest}"
)]
pub struct RateError {
    /// [`RATE_MAX`].
    pub max: u64,
    /// The rate.
    pub actual: u64,
    /// A rate that would do.
    pub nearest: u64,
}

/// What depends on the rate of blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockRate {
    /// Milliseconds between blocks.
    pub target_time_per_block: u64,
    /// Largest anticone of a blue block among the blue ones.
    pub ghostdag_k: u16,
    /// Blocks from one sample of the median time to the next; 1 where every block counts.
    pub past_median_time_sample_rate: u64,
    /// Blocks from one sample of the difficulty to the next; 1 where every block counts.
    pub difficulty_sample_rate: u64,
    /// Most parents of a block.
    pub max_block_parents: u16,
    /// Most blocks a block may merge.
    pub mergeset_size_limit: u64,
    /// Blue score a merge may reach back without a blue block that vouches for it.
    pub merge_depth: u64,
    /// Blue score below which blocks are final.
    pub finality_depth: u64,
    /// Blue score below which blocks may be pruned.
    pub pruning_depth: u64,
    /// DAA score that has to pass before a coinbase may be spent.
    pub coinbase_maturity: u64,
}

impl BlockRate {
    /// The rate before Crescendo: one block per second.
    pub const LEGACY: Self = Self {
        target_time_per_block: 1000,
        ghostdag_k: 18,
        past_median_time_sample_rate: 1,
        difficulty_sample_rate: 1,
        max_block_parents: 10,
        mergeset_size_limit: 180,
        merge_depth: 3600,
        finality_depth: 86_400,
        pruning_depth: 185_798,
        coinbase_maturity: 100,
    };

    /// The rate since Crescendo: ten blocks per second. What [`Self::of`] computes for it.
    pub const TEN: Self = Self::with_k(10, 100, 124);

    /// Computes the parameters of a rate, K for [`NETWORK_DELAY_SECONDS`] and [`GHOSTDAG_DELTA`].
    ///
    /// A rate is said in whole milliseconds per block. Where 1000 is no multiple of it the time is
    /// rounded down, 31 ms at 32 blocks per second, as long as the time still says that rate.
    ///
    /// # Errors
    ///
    /// [`RateError`] for zero and for rates that milliseconds cannot say.
    pub fn of(bps: u64) -> Result<Self, RateError> {
        let target_time = 1000_u64.checked_div(bps).unwrap_or(0);
        let said = 1000_u64.checked_div(target_time).unwrap_or(RATE_MAX);
        if target_time == 0 || said != bps {
            return Err(RateError { max: RATE_MAX, actual: bps, nearest: said.clamp(1, RATE_MAX) });
        }
        let k = ghostdag_k(rate_of_delays(bps), GHOSTDAG_DELTA);
        Ok(Self::with_k(bps, target_time, k))
    }

    /// Returns blocks per second.
    #[must_use]
    pub const fn bps(&self) -> u64 {
        // Parameters read from files are checked to have a time.
        match 1000_u64.checked_div(self.target_time_per_block) {
            Some(bps) => bps,
            None => 1,
        }
    }

    /// Returns the depth at which a chain block's anticone can no longer change.
    ///
    /// **Spec:** the analysis of *Prunality* in kaspanet/docs; `Params::anticone_finalization_depth`.
    #[must_use]
    pub const fn anticone_finalization_depth(&self) -> u64 {
        let k = self.ghostdag_k as u64;
        let depth = self
            .finality_depth
            .saturating_add(self.merge_depth)
            .saturating_add(self.mergeset_size_limit.saturating_mul(4 * k))
            .saturating_add(2 * k + 2);
        // Test networks prune earlier than is safe; nothing may be pruned that is not final.
        if depth < self.pruning_depth { depth } else { self.pruning_depth }
    }

    const fn with_k(bps: u64, target_time_per_block: u64, ghostdag_k: u16) -> Self {
        let k = ghostdag_k as u64;
        let (mergeset_min, mergeset_max) = MERGESET;
        let mergeset_size_limit = match 2 * k {
            low if low < mergeset_min => mergeset_min,
            high if high > mergeset_max => mergeset_max,
            between => between,
        };
        let (parents_min, parents_max) = PARENTS;
        let max_block_parents = match ghostdag_k / 2 {
            low if low < parents_min => parents_min,
            high if high > parents_max => parents_max,
            between => between,
        };
        let (finality_depth, merge_depth) = (bps * FINALITY_SECONDS, bps * MERGE_DEPTH_SECONDS);
        // Below this what is pruned might still be asked for.
        let safe = finality_depth + 2 * merge_depth + 4 * mergeset_size_limit * k + 2 * k + 2;
        let wanted = bps * PRUNING_SECONDS;
        Self {
            target_time_per_block,
            ghostdag_k,
            past_median_time_sample_rate: bps * MEDIAN_TIME_SAMPLE_SECONDS,
            difficulty_sample_rate: bps * DIFFICULTY_SAMPLE_SECONDS,
            max_block_parents,
            mergeset_size_limit,
            merge_depth,
            finality_depth,
            pruning_depth: if safe > wanted { safe } else { wanted },
            coinbase_maturity: bps * COINBASE_MATURITY_SECONDS,
        }
    }
}

/// Returns the blocks expected within twice the network's delay: x of [`ghostdag_k`].
fn rate_of_delays(bps: u64) -> f64 {
    // At most RATE_MAX, which 32 bits hold.
    f64::from(u32::try_from(2 * NETWORK_DELAY_SECONDS * bps).unwrap_or(u32::MAX))
}

/// Returns the smallest K that an anticone exceeds with a probability below `delta`, if on average `x`
/// blocks come within twice the network's delay: the tail of a Poisson distribution.
///
/// The terms e^-x·x^i/i! are kept as logarithms: at 75 blocks per second and above e^-x is below what
/// a double can say, and the sum of the terms as the reference computes it would stay zero for ever.
/// Where it is not, the results are the same.
#[must_use]
pub fn ghostdag_k(x: f64, delta: f64) -> u16 {
    let mut term = -x;
    let mut sum = 0.0;
    for k in 0..u16::MAX {
        sum += term.exp();
        if 1.0 - sum < delta {
            return k;
        }
        term += x.ln() - f64::from(k + 1).ln();
    }
    u16::MAX
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn k_is_that_of_the_reference_where_it_has_one() {
        let known = [
            18, 31, 43, 55, 67, 79, 90, 102, 113, 124, 135, 146, 157, 168, 179, 190, 201, 212, 223,
            234, 244, 255, 266, 277, 288, 298, 309, 320, 330, 341, 352, 362,
        ];
        for (bps, known) in (1..).zip(known) {
            assert_eq!(ghostdag_k(rate_of_delays(bps), GHOSTDAG_DELTA), known, "{bps}");
        }
    }

    #[test]
    fn k_goes_on_where_powers_of_e_underflow() {
        for (bps, known) in [(40, 447), (50, 553), (100, 1074)] {
            assert_eq!(BlockRate::of(bps).unwrap().ghostdag_k, known, "{bps}");
        }
    }

    #[test]
    fn ten_blocks_per_second_are_the_constant() {
        assert_eq!(BlockRate::of(10), Ok(BlockRate::TEN));
        let ten = BlockRate::TEN;
        assert_eq!((ten.max_block_parents, ten.mergeset_size_limit), (16, 248));
        assert_eq!(
            (ten.merge_depth, ten.finality_depth, ten.pruning_depth),
            (36_000, 432_000, 1_080_000)
        );
        assert_eq!((ten.difficulty_sample_rate, ten.past_median_time_sample_rate), (40, 100));
        assert_eq!(ten.coinbase_maturity, 1000);
    }

    #[test]
    fn the_legacy_pruning_depth_follows_from_the_rest() {
        let rate = BlockRate::LEGACY;
        let k = u64::from(rate.ghostdag_k);
        let safe = 2 * rate.finality_depth + 4 * rate.mergeset_size_limit * k + 2 * k + 2;
        assert_eq!(rate.pruning_depth, safe);
        assert_eq!(rate.bps(), 1);
    }

    #[test]
    fn rates_are_said_in_whole_milliseconds() {
        for bps in [1, 2, 10, 25, 32, 40, 50, 100] {
            assert_eq!(BlockRate::of(bps).unwrap().bps(), bps);
        }
        assert_eq!(BlockRate::of(0), Err(RateError { max: 1000, actual: 0, nearest: 1000 }));
        assert_eq!(BlockRate::of(60), Err(RateError { max: 1000, actual: 60, nearest: 62 }));
        assert!(BlockRate::of(u64::MAX).is_err());
    }
}
