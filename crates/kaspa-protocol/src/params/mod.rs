//! The networks and their rules, era by era, as data.
//!
//! ```text
//!   Params ── rules_at(daa_score) ──► Rules of PreCrescendo │ Crescendo │ Toccata
//!     │
//!     └── what no fork has changed: genesis, masses per byte, emission, levels
//! ```
//!
//! | era | on the main network from DAA score | what changed |
//! |---|---|---|
//! | [`Era::PreCrescendo`] | genesis | one block per second, K 18, every block in the windows, header version 1 |
//! | [`Era::Crescendo`] | 110,165,000 | ten blocks per second, K 124, sampled windows, storage and transient mass, payloads |
//! | [`Era::Toccata`] | 474,165,565 | header version 2, transaction version 1, covenants, lanes, sequencing commitment |
//!
//! Test vectors and test networks override single values: [`Overrides`].
//!
//! **Spec:** rusty-kaspa's `consensus/core/src/config/params.rs`, at v1.0.1 for the first era and at
//! v2.0.1 for the others; KIP-14.

mod genesis;
mod network;
mod overrides;
mod rate;

pub use genesis::Genesis;
pub use network::{Network, NetworkNameError};
pub use overrides::{OverrideError, Overrides};
pub use rate::{BlockRate, GHOSTDAG_DELTA, NETWORK_DELAY_SECONDS, RATE_MAX, RateError, ghostdag_k};

use crate::tx::SOMPI_PER_KASPA;

/// Seconds between launch and the emission's decline: half a year of 365.25 days, less the three days
/// for which the network stood still.
pub const PRE_DEFLATION_SECONDS: u64 = 15_778_800 - 259_200;

/// Sompi emitted in each second before the decline.
pub const PRE_DEFLATION_SUBSIDY: u64 = 500 * SOMPI_PER_KASPA;

/// C of the storage mass.
///
/// **Spec:** KIP-9.
pub const STORAGE_MASS_PARAMETER: u64 = SOMPI_PER_KASPA * 10_000;

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

/// The DAA score from which a fork's rules hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ForkActivation(u64);

impl ForkActivation {
    /// Since genesis.
    pub const ALWAYS: Self = Self(0);
    /// Not planned.
    pub const NEVER: Self = Self(u64::MAX);

    /// From this DAA score on.
    #[must_use]
    pub const fn at(daa_score: u64) -> Self {
        Self(daa_score)
    }

    /// Returns the score. Whether a fork is active is asked of [`Self::is_active`].
    #[must_use]
    pub const fn daa_score(self) -> u64 {
        self.0
    }

    /// Returns whether the rules hold for a block of this DAA score.
    #[must_use]
    pub const fn is_active(self, daa_score: u64) -> bool {
        daa_score >= self.0
    }
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
    const LEGACY: Self = Self {
        inputs: 1_000_000_000,
        outputs: 1_000_000_000,
        signature_script_len: 1_000_000_000,
        script_public_key_len: 1_000_000_000,
    };
    const CRESCENDO: Self = Self {
        inputs: 1000,
        outputs: 1000,
        signature_script_len: 10_000,
        script_public_key_len: 10_000,
    };
    /// Longer signature scripts, for proofs.
    const TOCCATA: Self = Self { signature_script_len: 250_000, ..Self::CRESCENDO };
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

/// A network's parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Params {
    /// Which network.
    pub network: Network,
    /// Its first block.
    pub genesis: Genesis,
    /// Seconds a block's time may lie ahead of the clock.
    pub timestamp_deviation_tolerance: u64,
    /// Fewest samples in a difficulty window for the difficulty to leave the genesis'.
    pub min_difficulty_window_size: u64,
    /// Longest script in a coinbase's payload, in bytes.
    pub coinbase_payload_script_len_max: u8,
    /// Longest payload of a coinbase, in bytes.
    pub coinbase_payload_len_max: u64,
    /// Grams of a byte.
    pub mass_per_tx_byte: u64,
    /// Grams of a byte of an output's script, above those of any byte.
    pub mass_per_script_pub_key_byte: u64,
    /// Grams of a signature operation, as scripts are metered.
    pub mass_per_sig_op: u64,
    /// C of the storage mass (KIP-9).
    pub storage_mass_parameter: u64,
    /// Limits of lanes; they bind nobody before Toccata.
    pub lanes: LaneLimits,
    /// DAA score from which the emission declines.
    pub deflationary_phase_daa_score: u64,
    /// Sompi of a block before that.
    pub pre_deflationary_subsidy: u64,
    /// Whether blocks are accepted without proof of work: on test networks, and in dumps of simulators.
    pub skip_proof_of_work: bool,
    /// Highest level of proof of work.
    pub max_block_level: u8,
    /// Headers a pruning proof keeps of a level.
    pub pruning_proof_m: u64,
    /// Rules before Crescendo.
    pub pre_crescendo: Rules,
    /// Rules between Crescendo and Toccata.
    pub crescendo: Rules,
    /// Rules since Toccata.
    pub toccata: Rules,
    /// When Crescendo began.
    pub crescendo_activation: ForkActivation,
    /// When Toccata began.
    pub toccata_activation: ForkActivation,
}

impl Params {
    /// Returns the parameters of a network, with its own forks at their scores.
    #[must_use]
    pub const fn of(network: Network) -> Self {
        match network {
            Network::Mainnet => Self::mainnet(),
            Network::Testnet10 => Self::testnet_10(),
            Network::Simnet => Self::simnet(),
            Network::Devnet => Self::devnet(),
        }
    }

    /// Returns the parameters of the developers' network as it was before Crescendo, when it ran at one
    /// block per second and emitted as the main network did.
    #[must_use]
    pub const fn devnet_pre_crescendo() -> Self {
        Self {
            crescendo_activation: ForkActivation::NEVER,
            toccata_activation: ForkActivation::NEVER,
            deflationary_phase_daa_score: PRE_DEFLATION_SECONDS,
            pre_deflationary_subsidy: PRE_DEFLATION_SUBSIDY,
            pre_crescendo: Rules::PRE_CRESCENDO,
            ..Self::devnet()
        }
    }

    /// Returns the era of a block by its DAA score.
    #[must_use]
    pub const fn era_at(&self, daa_score: u64) -> Era {
        if self.toccata_activation.is_active(daa_score) {
            Era::Toccata
        } else if self.crescendo_activation.is_active(daa_score) {
            Era::Crescendo
        } else {
            Era::PreCrescendo
        }
    }

    /// Returns the rules of an era.
    #[must_use]
    pub const fn rules(&self, era: Era) -> &Rules {
        match era {
            Era::PreCrescendo => &self.pre_crescendo,
            Era::Crescendo => &self.crescendo,
            Era::Toccata => &self.toccata,
        }
    }

    /// Returns the rules for a block of this DAA score.
    #[must_use]
    pub const fn rules_at(&self, daa_score: u64) -> &Rules {
        self.rules(self.era_at(daa_score))
    }

    const fn mainnet() -> Self {
        Self {
            network: Network::Mainnet,
            genesis: Genesis::MAINNET,
            timestamp_deviation_tolerance: 132,
            min_difficulty_window_size: 150,
            coinbase_payload_script_len_max: 150,
            coinbase_payload_len_max: 204,
            mass_per_tx_byte: 1,
            mass_per_script_pub_key_byte: 10,
            mass_per_sig_op: 1000,
            storage_mass_parameter: STORAGE_MASS_PARAMETER,
            lanes: LaneLimits { lanes_per_block: 50, gas_per_lane: 1_000_000_000 },
            deflationary_phase_daa_score: PRE_DEFLATION_SECONDS,
            pre_deflationary_subsidy: PRE_DEFLATION_SUBSIDY,
            skip_proof_of_work: false,
            max_block_level: 225,
            pruning_proof_m: 1000,
            pre_crescendo: Rules::PRE_CRESCENDO,
            crescendo: Rules::CRESCENDO,
            toccata: Rules::TOCCATA,
            crescendo_activation: ForkActivation::at(110_165_000),
            toccata_activation: ForkActivation::at(474_165_565),
        }
    }

    const fn testnet_10() -> Self {
        Self {
            network: Network::Testnet10,
            genesis: Genesis::TESTNET,
            max_block_level: 250,
            crescendo_activation: ForkActivation::at(88_657_000),
            toccata_activation: ForkActivation::at(467_579_632),
            ..Self::mainnet()
        }
    }

    const fn simnet() -> Self {
        // Many parents, so that benchmarks of the memory pool need no miners in step.
        let rate = BlockRate { max_block_parents: 64, ..BlockRate::TEN };
        let tx = TxLimits::TOCCATA;
        Self {
            network: Network::Simnet,
            genesis: Genesis::SIMNET,
            deflationary_phase_daa_score: 10 * PRE_DEFLATION_SECONDS,
            pre_deflationary_subsidy: PRE_DEFLATION_SUBSIDY / 10,
            skip_proof_of_work: true,
            max_block_level: 250,
            pre_crescendo: Rules { rate, ..Rules::PRE_CRESCENDO },
            crescendo: Rules { rate, tx, ..Rules::CRESCENDO },
            toccata: Rules { rate, ..Rules::TOCCATA },
            crescendo_activation: ForkActivation::ALWAYS,
            toccata_activation: ForkActivation::ALWAYS,
            ..Self::mainnet()
        }
    }

    const fn devnet() -> Self {
        let pre_crescendo = Rules { rate: BlockRate::TEN, ..Rules::PRE_CRESCENDO };
        Self {
            network: Network::Devnet,
            genesis: Genesis::DEVNET,
            deflationary_phase_daa_score: 0,
            pre_deflationary_subsidy: PRE_DEFLATION_SUBSIDY / 10,
            max_block_level: 250,
            pre_crescendo,
            crescendo: Rules { tx: TxLimits::TOCCATA, ..Rules::CRESCENDO },
            crescendo_activation: ForkActivation::ALWAYS,
            toccata_activation: ForkActivation::NEVER,
            ..Self::mainnet()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn eras_follow_one_another_at_their_scores() {
        let main = Params::of(Network::Mainnet);
        let eras = [
            (0, Era::PreCrescendo),
            (110_164_999, Era::PreCrescendo),
            (110_165_000, Era::Crescendo),
            (474_165_564, Era::Crescendo),
            (474_165_565, Era::Toccata),
            (u64::MAX - 1, Era::Toccata),
        ];
        for (score, era) in eras {
            assert_eq!(main.era_at(score), era, "{score}");
            assert_eq!(main.rules_at(score).era, era, "{score}");
        }
        assert_eq!(Params::of(Network::Devnet).era_at(u64::MAX - 1), Era::Crescendo);
        assert_eq!(Params::of(Network::Simnet).era_at(0), Era::Toccata);
        assert_eq!(Params::devnet_pre_crescendo().era_at(1 << 40), Era::PreCrescendo);
    }

    #[test]
    fn windows_span_the_same_time_before_and_after_crescendo() {
        assert_eq!(Rules::PRE_CRESCENDO.difficulty_window_millis(), 2_641_000);
        assert_eq!(Rules::CRESCENDO.difficulty_window_millis(), 2_644_000);
        assert_eq!(Rules::CRESCENDO.difficulty_window_blocks(), 26_440);
        assert_eq!(Rules::CRESCENDO.finality_millis(), 43_200_000);
        // Twice the tolerance of 132 seconds, in samples of ten seconds.
        assert_eq!((2 * 132_u64 - 1).div_ceil(10), Rules::CRESCENDO.past_median_time_window_size);
    }
}
