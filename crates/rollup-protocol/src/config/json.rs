//! `rollup.json`: the form op-node and kona write and `optimism_rollupConfig` answers with.

use alloy_primitives::{Address, U64};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::{
    AltDaConfig, BaseFeeConfig, BlobSchedule, BlockFile, CHANNEL_TIMEOUT_GRANITE, ChainGenesis,
    CommitmentKind, ConfigError, Fork, ForkSchedule, RollupConfig,
};
use crate::system::SystemConfigJson;

#[derive(Deserialize)]
struct File {
    genesis: GenesisFile,
    block_time: u64,
    max_sequencer_drift: u64,
    seq_window_size: u64,
    channel_timeout: u64,
    #[serde(default = "granite_channel_timeout")]
    granite_channel_timeout: u64,
    l1_chain_id: u64,
    l2_chain_id: u64,
    batch_inbox_address: Address,
    deposit_contract_address: Address,
    l1_system_config_address: Address,
    protocol_versions_address: Option<Address>,
    #[serde(default)]
    pectra_blob_schedule_time: Option<u64>,
    #[serde(default)]
    keep_karst_upgrade_gas: bool,
    alt_da: Option<AltDaFile>,
    chain_op_config: Option<BaseFeeFile>,
    #[serde(flatten)]
    rest: Map<String, Value>,
}

const fn granite_channel_timeout() -> u64 {
    CHANNEL_TIMEOUT_GRANITE
}

#[derive(Deserialize)]
struct GenesisFile {
    l1: BlockFile,
    l2: BlockFile,
    l2_time: u64,
    #[serde(default)]
    system_config: SystemConfigJson,
}

#[derive(Deserialize)]
struct AltDaFile {
    #[serde(default)]
    da_challenge_contract_address: Address,
    #[serde(default)]
    da_challenge_window: u64,
    #[serde(default)]
    da_resolve_window: u64,
    #[serde(default)]
    da_commitment_type: String,
}

/// kona writes numbers as hexadecimal text, op-node as numbers.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BaseFeeFile {
    eip1559_elasticity: Quantity,
    eip1559_denominator: Quantity,
    eip1559_denominator_canyon: Quantity,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Quantity {
    Number(u32),
    Hex(U64),
}

impl Quantity {
    fn get(&self) -> u32 {
        match self {
            Self::Number(number) => *number,
            Self::Hex(hex) => u32::try_from(hex.to::<u64>()).unwrap_or(u32::MAX),
        }
    }
}

/// Reads the file. A key that looks like a fork's time and is none this version knows is refused.
pub(super) fn read(text: &str) -> Result<RollupConfig, ConfigError> {
    let file: File = serde_json::from_str(text)?;
    let mut forks = ForkSchedule::new();
    for (key, value) in &file.rest {
        match (Fork::of_key(key), value.as_u64()) {
            (Some(fork), time) => forks.set(fork, time),
            (None, Some(_)) if key.ends_with("_time") => {
                return Err(ConfigError::UnknownFork { key: key.clone() });
            }
            (None, _) => {}
        }
    }
    let base_fee =
        file.chain_op_config.map_or_else(BaseFeeConfig::default, |config| BaseFeeConfig {
            elasticity: config.eip1559_elasticity.get(),
            denominator: config.eip1559_denominator.get(),
            denominator_canyon: config.eip1559_denominator_canyon.get(),
        });
    let alt_da = file.alt_da.map(|alt_da| AltDaConfig {
        challenge_contract: alt_da.da_challenge_contract_address,
        challenge_window: alt_da.da_challenge_window,
        resolve_window: alt_da.da_resolve_window,
        commitment: if alt_da.da_commitment_type == "GenericCommitment" {
            CommitmentKind::Generic
        } else {
            CommitmentKind::Keccak
        },
    });
    RollupConfig {
        genesis: ChainGenesis {
            l1: file.genesis.l1.into(),
            l2: file.genesis.l2.into(),
            l2_time: file.genesis.l2_time,
            system_config: file.genesis.system_config.into(),
        },
        block_time: file.block_time,
        max_sequencer_drift: file.max_sequencer_drift,
        seq_window_size: file.seq_window_size,
        channel_timeout: file.channel_timeout,
        granite_channel_timeout: file.granite_channel_timeout,
        l1_chain_id: file.l1_chain_id,
        l2_chain_id: file.l2_chain_id,
        forks,
        pectra_blob_schedule_time: file.pectra_blob_schedule_time,
        keep_karst_upgrade_gas: file.keep_karst_upgrade_gas,
        batch_inbox: file.batch_inbox_address,
        deposit_contract: file.deposit_contract_address,
        l1_system_config: file.l1_system_config_address,
        protocol_versions: file.protocol_versions_address.filter(|address| !address.is_zero()),
        alt_da,
        base_fee,
        blob_schedule: BlobSchedule::of_chain(file.l1_chain_id),
        bundles: Vec::new(),
    }
    .checked()
}
