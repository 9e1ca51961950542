//! The superchain registry's TOML files: one a chain, one for each set of chains.
//!
//! The registry says only what differs: channels live for 300 L1 blocks before Granite and 50 from it, and Regolith is active from genesis
//! on all its chains.

use alloy_primitives::{Address, U256};
use serde::Deserialize;

use super::{
    AltDaConfig, BaseFeeConfig, BlobSchedule, BlockFile, CHANNEL_TIMEOUT_BEDROCK,
    CHANNEL_TIMEOUT_GRANITE, ChainGenesis, CommitmentKind, ConfigError, Fork, ForkSchedule,
    RollupConfig,
};
use crate::system::SystemConfig;

/// A set of chains: the file `superchain.toml` of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Superchain {
    /// Its name.
    pub name: String,
    /// Chain id of the L1 its chains are on.
    pub l1_chain_id: u64,
    /// When forks begin for chains that follow it.
    pub forks: ForkSchedule,
}

impl Superchain {
    /// Reads `superchain.toml`.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if it is not of that form or names a fork this version does not know.
    pub fn from_registry(text: &str) -> Result<Self, ConfigError> {
        let file: SuperchainFile = toml::from_str(text)?;
        let forks = Forks::read(&file.hardforks)?.schedule;
        Ok(Self { name: file.name, l1_chain_id: file.l1.chain_id, forks })
    }
}

/// Returns the L1 chain of a folder of the registry: `mainnet`, `sepolia`, `sepolia-devnet-…`.
#[must_use]
pub fn l1_chain_id_of_folder(folder: &str) -> Option<u64> {
    match folder {
        "mainnet" => Some(1),
        _ if folder.starts_with("sepolia") => Some(11_155_111),
        _ => None,
    }
}

#[derive(Deserialize)]
struct SuperchainFile {
    name: String,
    hardforks: toml::Table,
    l1: L1File,
}

#[derive(Deserialize)]
struct L1File {
    chain_id: u64,
}

#[derive(Deserialize)]
struct ChainFile {
    chain_id: u64,
    batch_inbox_addr: Address,
    block_time: u64,
    seq_window_size: u64,
    max_sequencer_drift: u64,
    hardforks: toml::Table,
    optimism: OptimismFile,
    alt_da: Option<AltDaFile>,
    genesis: GenesisFile,
    addresses: AddressesFile,
}

#[derive(Deserialize)]
struct OptimismFile {
    eip1559_elasticity: u32,
    eip1559_denominator: u32,
    eip1559_denominator_canyon: u32,
}

#[derive(Deserialize)]
struct AltDaFile {
    da_challenge_contract_address: Address,
    da_challenge_window: u64,
    da_resolve_window: u64,
    da_commitment_type: String,
}

#[derive(Deserialize)]
struct GenesisFile {
    l2_time: u64,
    l1: BlockFile,
    l2: BlockFile,
    system_config: SystemFile,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct SystemFile {
    batcher_address: Address,
    overhead: U256,
    scalar: U256,
    gas_limit: u64,
}

#[derive(Deserialize)]
struct AddressesFile {
    #[serde(rename = "OptimismPortalProxy")]
    portal: Address,
    #[serde(rename = "SystemConfigProxy")]
    system_config: Address,
}

/// The table `hardforks`.
#[derive(Default)]
struct Forks {
    schedule: ForkSchedule,
    pectra_blob_schedule: Option<u64>,
    keep_karst_upgrade_gas: bool,
}

impl Forks {
    fn read(table: &toml::Table) -> Result<Self, ConfigError> {
        let mut forks = Self::default();
        forks.schedule.set(Fork::Regolith, Some(0));
        for (key, value) in table {
            let time = value.as_integer().and_then(|time| u64::try_from(time).ok());
            match (key.as_str(), Fork::of_key(key), time, value.as_bool()) {
                ("keep_karst_upgrade_gas", _, _, Some(keep)) => forks.keep_karst_upgrade_gas = keep,
                ("pectra_blob_schedule_time", _, Some(time), _) => {
                    forks.pectra_blob_schedule = Some(time);
                }
                (_, Some(fork), Some(time), _) => forks.schedule.set(fork, Some(time)),
                _ => return Err(ConfigError::UnknownFork { key: key.clone() }),
            }
        }
        Ok(forks)
    }
}

/// Reads a chain's file.
pub(super) fn read(text: &str, l1_chain_id: u64) -> Result<RollupConfig, ConfigError> {
    let file: ChainFile = toml::from_str(text)?;
    let forks = Forks::read(&file.hardforks)?;
    let GenesisFile { l2_time, l1, l2, system_config } = file.genesis;
    let alt_da = file.alt_da.map(|alt_da| alt_da.read(file.chain_id)).transpose()?;
    RollupConfig {
        genesis: ChainGenesis {
            l1: l1.into(),
            l2: l2.into(),
            l2_time,
            system_config: SystemConfig {
                batcher: system_config.batcher_address,
                overhead: system_config.overhead,
                scalar: system_config.scalar,
                gas_limit: system_config.gas_limit,
                ..SystemConfig::default()
            },
        },
        block_time: file.block_time,
        max_sequencer_drift: file.max_sequencer_drift,
        seq_window_size: file.seq_window_size,
        channel_timeout: CHANNEL_TIMEOUT_BEDROCK,
        granite_channel_timeout: CHANNEL_TIMEOUT_GRANITE,
        l1_chain_id,
        l2_chain_id: file.chain_id,
        forks: forks.schedule,
        pectra_blob_schedule_time: forks.pectra_blob_schedule,
        keep_karst_upgrade_gas: forks.keep_karst_upgrade_gas,
        batch_inbox: file.batch_inbox_addr,
        deposit_contract: file.addresses.portal,
        l1_system_config: file.addresses.system_config,
        protocol_versions: None,
        alt_da,
        base_fee: BaseFeeConfig {
            elasticity: file.optimism.eip1559_elasticity,
            denominator: file.optimism.eip1559_denominator,
            denominator_canyon: file.optimism.eip1559_denominator_canyon,
        },
        blob_schedule: BlobSchedule::of_chain(l1_chain_id),
        bundles: Vec::new(),
    }
    .checked()
}

impl AltDaFile {
    fn read(self, chain_id: u64) -> Result<AltDaConfig, ConfigError> {
        let commitment = match self.da_commitment_type.as_str() {
            "KeccakCommitment" => CommitmentKind::Keccak,
            "GenericCommitment" => CommitmentKind::Generic,
            _ => {
                return Err(ConfigError::Value {
                    chain_id,
                    field: "da_commitment_type",
                    expected: "`KeccakCommitment` or `GenericCommitment`",
                    actual: self.da_commitment_type,
                });
            }
        };
        Ok(AltDaConfig {
            challenge_contract: self.da_challenge_contract_address,
            challenge_window: self.da_challenge_window,
            resolve_window: self.da_resolve_window,
            commitment,
        })
    }
}
