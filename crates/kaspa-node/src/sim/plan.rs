//! What is simulated.

use std::num::NonZero;

use quintet_kaspa_protocol::params::{
    BlockRate, Era, ForkActivation, Network, Params, RateError, Rules,
};
use thiserror::Error;

/// Most blocks of a simulation.
pub const BLOCKS_MAX: u64 = 50_000_000;
/// Most miners.
pub const MINERS_MAX: u32 = 100_000;
/// Most views.
pub const VIEWS_MAX: u32 = 64;
/// Most transactions wanted of a block.
pub const TRANSACTIONS_PER_BLOCK_MAX: u64 = 10_000;

/// Highest level of proof of work, as if every block had twice the work of the lowest level. Under the simulation network's own, 250, only one block in 128
/// reaches the second level at the lowest difficulty: a proof of a pruning point, which holds the lowest level as far back as some of the second reach,
/// would be longer than any on a network with work, and longer than what is taken for one.
const LEVEL_MAX: u8 = 255;

/// Fewest headers of a level in proofs of pruning points, however short depths are.
const PROOF_M_MIN: u64 = 10;

/// A plan that cannot be carried out.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PlanError {
    /// No parameters for the rate.
    #[error(transparent)]
    Rate(#[from] RateError),
    /// Nobody does the work.
    #[error(
        "expected parameters that leave proof of work out (`skip_proof_of_work`), for nobody does any here"
    )]
    ProofOfWork,
    /// A number out of range.
    #[error("expected {what} of {min} to {max}, got {actual}")]
    OutOfRange {
        /// Which number.
        what: &'static str,
        /// The smallest.
        min: u64,
        /// The largest.
        max: u64,
        /// What came.
        actual: u64,
    },
}

/// What is simulated. Every field decides about the blocks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Where randomness begins.
    pub seed: u64,
    /// The rules. Proof of work must be left out.
    pub params: Params,
    /// Blocks to mine, the genesis not counted.
    pub blocks: u64,
    /// Microseconds a block is on its way.
    pub delay_micros: u64,
    /// By how many percent of itself the delay of a block to a view is longer or shorter at most.
    pub jitter_percent: u64,
    /// Miners, each with a key of its own; every block's is drawn.
    pub miners: u32,
    /// Views the miners are spread over; if there are none, they mine on what the follower has.
    pub views: u32,
    /// Transactions a second wanted; blocks hold fewer until coins are spendable.
    pub transactions_per_second: u64,
}

impl Plan {
    /// Returns a plan of a rate of blocks: the simulation network's rules with what follows from the rate, a delay of two seconds, and one view.
    ///
    /// The rules are those of `era` from the genesis on. A coinbase may be spent after `coinbase_maturity` blocks, for a simulation cannot wait for the network's hundred seconds.
    ///
    /// # Errors
    ///
    /// [`PlanError::Rate`] if there are no parameters for the rate.
    pub fn at_rate(era: Era, bps: u64, coinbase_maturity: u64) -> Result<Self, PlanError> {
        let rate = BlockRate { coinbase_maturity, ..BlockRate::of(bps)? };
        let simnet = Params::of(Network::Simnet);
        let at = |rules: Rules| Rules { rate, ..rules };
        let since = |activated: Era| match era >= activated {
            true => ForkActivation::ALWAYS,
            false => ForkActivation::NEVER,
        };
        let params = Params {
            crescendo_activation: since(Era::Crescendo),
            toccata_activation: since(Era::Toccata),
            pre_crescendo: at(simnet.pre_crescendo),
            crescendo: at(simnet.crescendo),
            toccata: at(simnet.toccata),
            max_block_level: LEVEL_MAX,
            ..simnet
        };
        Self::under(params)
    }

    /// Returns a plan under these rules, with a delay of two seconds and one view.
    ///
    /// # Errors
    ///
    /// [`PlanError::ProofOfWork`] if the rules want proof of work.
    pub const fn under(params: Params) -> Result<Self, PlanError> {
        if !params.skip_proof_of_work {
            return Err(PlanError::ProofOfWork);
        }
        Ok(Self {
            seed: 1,
            params,
            blocks: 1_000,
            delay_micros: 2_000_000,
            jitter_percent: 0,
            miners: 1,
            views: 1,
            transactions_per_second: 0,
        })
    }

    /// Returns the plan of a network whose depths are this part of the real ones: those of finality, merging and pruning, how far windows of difficulty
    /// and median time reach, and how long proofs of pruning points are. Many pruning periods pass in the time of one.
    ///
    /// Coinbases ripen as before, and K and the limit of mergesets follow from the delay.
    #[must_use]
    pub fn scaled(mut self, part: NonZero<u64>) -> Self {
        let down = |depth: u64| (depth / part).max(1);
        for rules in [&mut self.params.crescendo, &mut self.params.toccata] {
            let rate = &mut rules.rate;
            rate.merge_depth = down(rate.merge_depth);
            rate.finality_depth = down(rate.finality_depth);
            rate.pruning_depth = down(rate.pruning_depth);
            rate.difficulty_sample_rate = down(rate.difficulty_sample_rate);
            rate.past_median_time_sample_rate = down(rate.past_median_time_sample_rate);
        }
        self.params.pruning_proof_m = down(self.params.pruning_proof_m).max(PROOF_M_MIN);
        self
    }

    /// Returns the rate of blocks the rules are made for.
    #[must_use]
    pub const fn bps(&self) -> u64 {
        self.params.rules_at(0).rate.bps()
    }

    /// Returns how many transactions a block should hold at most.
    #[must_use]
    pub const fn transactions_per_block(&self) -> u64 {
        self.transactions_per_second.div_ceil(self.bps())
    }

    /// Returns how many transactions the block mined after so many others should hold: their share of a second's, so that a second's blocks
    /// hold all of them also where the rate does not divide them.
    #[must_use]
    pub fn transactions_in(&self, mined: u64) -> u64 {
        let until = |blocks: u64| {
            u128::from(blocks) * u128::from(self.transactions_per_second) / u128::from(self.bps())
        };
        u64::try_from(until(mined.saturating_add(1)) - until(mined)).unwrap_or(u64::MAX)
    }

    /// Returns blocks after which a transaction that was not accepted never will be: those of ten delays, where 95 percent take four.
    #[must_use]
    pub fn patience(&self) -> u64 {
        const DELAYS: u64 = 10;
        const SECOND_MICROS: u64 = 1_000_000;
        (self.delay_micros.saturating_mul(DELAYS * self.bps())).div_ceil(SECOND_MICROS)
    }

    /// Checks that every number is in its range.
    ///
    /// # Errors
    ///
    /// [`PlanError::OutOfRange`].
    pub fn check(&self) -> Result<(), PlanError> {
        let ranges = [
            ("blocks", self.blocks, 1, BLOCKS_MAX),
            ("microseconds of delay", self.delay_micros, 0, 600_000_000),
            ("percent of jitter", self.jitter_percent, 0, 100),
            ("miners", u64::from(self.miners), 1, u64::from(MINERS_MAX)),
            ("views", u64::from(self.views), 0, u64::from(VIEWS_MAX.min(self.miners.max(1)))),
            (
                "transactions per block",
                self.transactions_per_block(),
                0,
                TRANSACTIONS_PER_BLOCK_MAX,
            ),
        ];
        for (what, actual, min, max) in ranges {
            if !(min..=max).contains(&actual) {
                return Err(PlanError::OutOfRange { what, min, max, actual });
            }
        }
        Ok(())
    }
}
