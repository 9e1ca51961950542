//! What distinguishes one chain from another, as data: genesis, forks, windows, addresses.
//!
//! ```text
//!   registry TOML ──► registry ─┐
//!                               ├──► RollupConfig ──► every rule of this crate
//!   rollup.json ────► json ─────┘
//! ```
//!
//! **Spec:** `protocol/rollup-node.md`, `protocol/configurability.md`; op-node's `rollup.Config` and `ChainSpec`.

mod fork;
mod genesis;
mod json;
mod l1;
mod registry;
mod write;

use alloy_eips::BlockNumHash;
use alloy_primitives::{Address, B256};
use serde::Deserialize;
use thiserror::Error;

pub use self::{
    fork::{Fork, ForkSchedule},
    genesis::{GenesisFields, genesis_header},
    l1::BlobSchedule,
    registry::{Superchain, l1_chain_id_of_folder},
};
use crate::{system::SystemConfig, upgrades::UpgradeBundle};

/// Largest decompressed channel before Fjord, in bytes. What goes beyond is cut off, not refused.
pub const CHANNEL_RLP_MAX_BEDROCK: usize = 10_000_000;
/// Largest decompressed channel from Fjord, in bytes.
pub const CHANNEL_RLP_MAX_FJORD: usize = 100_000_000;
/// Most bytes the channel bank holds before Fjord.
pub const CHANNEL_BANK_MAX_BEDROCK: u64 = 100_000_000;
/// Most bytes the channel bank holds from Fjord.
pub const CHANNEL_BANK_MAX_FJORD: u64 = 1_000_000_000;
/// L1 blocks a channel stays open from Granite.
pub const CHANNEL_TIMEOUT_GRANITE: u64 = 50;
/// L1 blocks a channel stays open before Granite, where a configuration does not say.
pub const CHANNEL_TIMEOUT_BEDROCK: u64 = 300;
/// Seconds an L2 block may be ahead of its L1 origin from Fjord.
pub const SEQUENCER_DRIFT_FJORD: u64 = 1_800;

/// A block's number and hash in a configuration file.
#[derive(Deserialize)]
struct BlockFile {
    hash: B256,
    number: u64,
}

impl From<BlockFile> for BlockNumHash {
    fn from(file: BlockFile) -> Self {
        Self { number: file.number, hash: file.hash }
    }
}

/// Where L2 starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainGenesis {
    /// The L1 block L2 starts after.
    pub l1: BlockNumHash,
    /// The first L2 block.
    pub l2: BlockNumHash,
    /// Time of the first L2 block.
    pub l2_time: u64,
    /// The system configuration it starts with.
    pub system_config: SystemConfig,
}

/// Parameters of the base fee in blocks that carry none themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BaseFeeConfig {
    /// Elasticity multiplier.
    pub elasticity: u32,
    /// Denominator before Canyon.
    pub denominator: u32,
    /// Denominator from Canyon.
    pub denominator_canyon: u32,
}

impl Default for BaseFeeConfig {
    fn default() -> Self {
        Self { elasticity: 6, denominator: 50, denominator_canyon: 250 }
    }
}

/// What a commitment to data that lies elsewhere is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CommitmentKind {
    /// keccak256 of the data.
    Keccak,
    /// Whatever the data server understands.
    Generic,
}

/// Data availability beside L1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AltDaConfig {
    /// Contract in which missing data is challenged.
    pub challenge_contract: Address,
    /// L1 blocks in which a challenge may be opened.
    pub challenge_window: u64,
    /// L1 blocks in which it may be answered.
    pub resolve_window: u64,
    /// What commitments are.
    pub commitment: CommitmentKind,
}

/// One chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RollupConfig {
    /// Where L2 starts.
    pub genesis: ChainGenesis,
    /// Seconds between L2 blocks; not zero.
    pub block_time: u64,
    /// Seconds an L2 block may be ahead of its L1 origin before Fjord.
    pub max_sequencer_drift: u64,
    /// L1 blocks in which an epoch's batches may be included.
    pub seq_window_size: u64,
    /// L1 blocks a channel stays open before Granite.
    pub channel_timeout: u64,
    /// L1 blocks a channel stays open from Granite.
    pub granite_channel_timeout: u64,
    /// Chain id of L1.
    pub l1_chain_id: u64,
    /// Chain id of L2.
    pub l2_chain_id: u64,
    /// When forks begin.
    pub forks: ForkSchedule,
    /// When L1 information follows Prague's blob schedule, on chains that did so late.
    ///
    /// On Sepolia, Prague came in March 2025 and OP chains went on computing blob fees by Cancun's schedule; that
    /// history was made canonical by this optional fork.
    ///
    /// **Spec:** `protocol/pectra-blob-schedule/derivation.md`.
    pub pectra_blob_schedule_time: Option<u64>,
    /// Whether blocks after Karst keep the gas of its upgrade.
    ///
    /// The first block's gas limit grows by what its upgrade transactions need, and the next is to shrink again. On
    /// some chains, OP Mainnet among them, it did not: that is their history, and this says so.
    pub keep_karst_upgrade_gas: bool,
    /// Where batcher transactions go.
    pub batch_inbox: Address,
    /// The portal: where deposits are logged.
    pub deposit_contract: Address,
    /// Where changes of the system configuration are logged.
    pub l1_system_config: Address,
    /// Where the protocol's version is announced, if anywhere.
    pub protocol_versions: Option<Address>,
    /// Data availability beside L1, if any.
    pub alt_da: Option<AltDaConfig>,
    /// Parameters of the base fee.
    pub base_fee: BaseFeeConfig,
    /// Blob fees of L1.
    pub blob_schedule: BlobSchedule,
    /// Upgrade transactions of forks from Karst, which are files of their own.
    pub bundles: Vec<UpgradeBundle>,
}

/// Why a configuration cannot be used.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The text is no JSON, or not of the form.
    #[error("rollup configuration: {0}")]
    Json(#[from] serde_json::Error),
    /// The text is no TOML, or not of the form.
    #[error("registry configuration: {0}")]
    Toml(#[from] toml::de::Error),
    /// A value no rule could work with.
    #[error("configuration of chain {chain_id}: expected {field} to be {expected}, got {actual}")]
    Value {
        /// The chain.
        chain_id: u64,
        /// Which field.
        field: &'static str,
        /// What it should be.
        expected: &'static str,
        /// What it is.
        actual: String,
    },
    /// A fork this version knows nothing of: to go on would be to leave the chain when it begins.
    #[error("configuration names `{key}`: expected a fork this version knows; update")]
    UnknownFork {
        /// The key.
        key: String,
    },
}

impl RollupConfig {
    /// Returns the rollup's first block, whose parent nobody knows.
    #[must_use]
    pub const fn l2_genesis(&self) -> crate::refs::L2Ref {
        let genesis = &self.genesis;
        crate::refs::L2Ref {
            number: genesis.l2.number,
            hash: genesis.l2.hash,
            parent_hash: B256::ZERO,
            timestamp: genesis.l2_time,
            l1_origin: genesis.l1,
            sequence_number: 0,
        }
    }

    /// Reads op-node's `rollup.json`, as op-node, kona and `optimism_rollupConfig` write it.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if it is not of that form, names a fork this version does not know, or holds unusable values.
    pub fn from_json(text: &str) -> Result<Self, ConfigError> {
        json::read(text)
    }

    /// Writes `rollup.json`, as [`RollupConfig::from_json`] reads it. Bundles of upgrade transactions are files of their own.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        write::write(self)
    }

    /// Reads a chain's TOML file of the superchain registry. The L1 chain is that of the folder it lies in.
    ///
    /// # Errors
    ///
    /// As [`RollupConfig::from_json`].
    pub fn from_registry(text: &str, l1_chain_id: u64) -> Result<Self, ConfigError> {
        registry::read(text, l1_chain_id)
    }

    /// Refuses values no rule could work with.
    fn checked(self) -> Result<Self, ConfigError> {
        let bad = |field, expected, actual: u64| {
            Err(ConfigError::Value {
                chain_id: self.l2_chain_id,
                field,
                expected,
                actual: actual.to_string(),
            })
        };
        if self.block_time == 0 {
            return bad("block_time", "at least one second", 0);
        }
        if self.seq_window_size < 2 {
            return bad("seq_window_size", "at least two L1 blocks", self.seq_window_size);
        }
        if self.l2_chain_id == 0 || self.l2_chain_id == self.l1_chain_id {
            return bad("l2_chain_id", "neither zero nor that of L1", self.l2_chain_id);
        }
        // Signatures of legacy transactions hold twice the chain id and 36: see the span batch's `v`.
        if self.l2_chain_id > (u64::MAX - 36) / 2 {
            return bad("l2_chain_id", "below 2^63", self.l2_chain_id);
        }
        Ok(self)
    }

    /// Returns whether `fork` is active at `time`; see [`Fork`] for which time to hand over.
    #[must_use]
    pub fn is_active(&self, fork: Fork, time: u64) -> bool {
        self.forks.is_active(fork, time)
    }

    /// Returns whether an L2 block of `time` is the first of `fork`.
    #[must_use]
    pub fn is_activation(&self, fork: Fork, time: u64) -> bool {
        self.forks.is_activation(fork, time, self.block_time)
    }

    /// Returns whether `fork` is active in an L2 block of `time` and that block is not its first.
    #[must_use]
    pub fn is_past_activation(&self, fork: Fork, time: u64) -> bool {
        self.is_active(fork, time) && !self.is_activation(fork, time)
    }

    /// Returns for how many L1 blocks a channel stays open, at an L1 inclusion time.
    ///
    /// **Spec:** `granite/derivation.md`, "Protocol Parameter Changes".
    #[must_use]
    pub fn channel_timeout(&self, l1_time: u64) -> u64 {
        if self.is_active(Fork::Granite, l1_time) {
            self.granite_channel_timeout
        } else {
            self.channel_timeout
        }
    }

    /// Returns the largest decompressed channel at an L1 inclusion time, in bytes.
    ///
    /// **Spec:** `fjord/derivation.md`, "Increasing `MAX_RLP_BYTES_PER_CHANNEL` and `MAX_CHANNEL_BANK_SIZE`".
    #[must_use]
    pub fn channel_rlp_max(&self, l1_time: u64) -> usize {
        if self.is_active(Fork::Fjord, l1_time) {
            CHANNEL_RLP_MAX_FJORD
        } else {
            CHANNEL_RLP_MAX_BEDROCK
        }
    }

    /// Returns the most bytes the channel bank holds at an L1 inclusion time.
    #[must_use]
    pub fn channel_bank_max(&self, l1_time: u64) -> u64 {
        if self.is_active(Fork::Fjord, l1_time) {
            CHANNEL_BANK_MAX_FJORD
        } else {
            CHANNEL_BANK_MAX_BEDROCK
        }
    }

    /// Returns how many seconds an L2 block may be ahead of its L1 origin, at the origin's time.
    ///
    /// **Spec:** `fjord/derivation.md`, "Constant Maximum Sequencer Drift".
    #[must_use]
    pub fn sequencer_drift(&self, origin_time: u64) -> u64 {
        if self.is_active(Fork::Fjord, origin_time) {
            SEQUENCER_DRIFT_FJORD
        } else {
            self.max_sequencer_drift
        }
    }

    /// Returns the number of the L2 block with `time`, or `None` before genesis.
    #[must_use]
    pub fn block_at(&self, time: u64) -> Option<u64> {
        let blocks = time.checked_sub(self.genesis.l2_time)?.checked_div(self.block_time)?;
        self.genesis.l2.number.checked_add(blocks)
    }
}
