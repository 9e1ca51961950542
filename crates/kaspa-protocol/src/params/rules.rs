//! The eras, and what the rules of each say in numbers.
//!
//! **Spec:** rusty-kaspa's `consensus/core/src/config/params.rs`; KIP-13, KIP-14, KIP-21.

use super::rate::BlockRate;

/// A set of rules, from the oldest to the newest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Era {
    /// One block per second; the rules of the Go node.
    PreCrescendo,
    /// KIP-14, with KIP-4, 9, 10, 13 and 15.
    Crescendo,
    /// KIP-16, 17, 20 and 21.
    Toccata,
}

/// Highest masses of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockMassLimits {
    /// Of storage mass.
    pub storage: u64,
    /// Of compute mass.
    pub compute: u64,
    /// Of transient mass.
    pub transient: u64,
}

impl BlockMassLimits {
    /// One limit for all three.
    #[must_use]
    pub const fn shared(limit: u64) -> Self {
        Self { storage: limit, compute: limit, transient: limit }
    }
}

/// Limits of lanes in a block.
///
/// **Spec:** KIP-21.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaneLimits {
    /// Most lanes a block's transactions may be on.
    pub lanes_per_block: u64,
    /// Most gas of one lane in a block.
    pub gas_per_lane: u64,
}

/// Sizes a transaction must not exceed, which bound the computation of its masses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TxLimits {
    /// Inputs.
    pub inputs: u64,
    /// Outputs.
    pub outputs: u64,
    /// Bytes of a signature script.
    pub signature_script_len: u64,
    /// Bytes of an output's script.
    pub script_public_key_len: u64,
}

impl TxLimits {
    /// Before Crescendo nothing but the size of a message was a limit.
    pub const LEGACY: Self = Self {
        inputs: 1_000_000_000,
        outputs: 1_000_000_000,
        signature_script_len: 1_000_000_000,
        script_public_key_len: 1_000_000_000,
    };
    /// Since Crescendo.
    pub const CRESCENDO: Self = Self {
        inputs: 1000,
        outputs: 1000,
        signature_script_len: 10_000,
        script_public_key_len: 10_000,
    };
    /// Longer signature scripts, for proofs.
    pub const TOCCATA: Self = Self { signature_script_len: 250_000, ..Self::CRESCENDO };
}

/// The rules of one era.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Which era's.
    pub era: Era,
    /// What depends on the rate of blocks.
    pub rate: BlockRate,
    /// Samples of the window whose median time a block must be after.
    pub past_median_time_window_size: u64,
    /// Samples of the window the difficulty is computed from.
    pub difficulty_window_size: u64,
    /// Sizes of transactions.
    pub tx: TxLimits,
    /// Masses of blocks.
    pub mass: BlockMassLimits,
    /// Version of headers, a genesis aside.
    pub block_version: u16,
}

impl Rules {
    /// The first era, as on the main network.
    pub const PRE_CRESCENDO: Self = Self {
        era: Era::PreCrescendo,
        rate: BlockRate::LEGACY,
        past_median_time_window_size: 263,
        difficulty_window_size: 2641,
        tx: TxLimits::LEGACY,
        mass: BlockMassLimits::shared(500_000),
        block_version: 1,
    };
    /// The second era, as on the main network.
    pub const CRESCENDO: Self = Self {
        era: Era::Crescendo,
        rate: BlockRate::TEN,
        past_median_time_window_size: 27,
        difficulty_window_size: 661,
        tx: TxLimits::CRESCENDO,
        mass: BlockMassLimits::shared(500_000),
        block_version: 1,
    };
    /// The third era, as on the main network.
    pub const TOCCATA: Self = Self {
        era: Era::Toccata,
        tx: TxLimits::TOCCATA,
        mass: BlockMassLimits { transient: 1_000_000, ..Self::CRESCENDO.mass },
        block_version: 2,
        ..Self::CRESCENDO
    };

    /// Returns the blocks the difficulty's window spans.
    #[must_use]
    pub const fn difficulty_window_blocks(&self) -> u64 {
        self.difficulty_window_size.saturating_mul(self.rate.difficulty_sample_rate)
    }

    /// Returns the milliseconds the difficulty's window is meant to span.
    #[must_use]
    pub const fn difficulty_window_millis(&self) -> u64 {
        self.difficulty_window_blocks().saturating_mul(self.rate.target_time_per_block)
    }

    /// Returns the milliseconds the finality depth is meant to span.
    #[must_use]
    pub const fn finality_millis(&self) -> u64 {
        self.rate.finality_depth.saturating_mul(self.rate.target_time_per_block)
    }
}
