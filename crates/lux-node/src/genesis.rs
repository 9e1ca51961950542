//! The first block of a LuxTensor chain: an Ethereum genesis file with one section more.
//!
//! ```json
//! { "config": { "chainId": 8898, …, "lux": { "blockSeconds": 12, "epochBlocks": 100, "validatorsMax": 100, "proposer": "0x…",
//!                "slotMillis": 100, "validators": [ { "address": "0x…", "vrfKey": "0x…", "stake": 1000 }, … ] } },
//!   "alloc": { … } }
//! ```
//!
//! With validators the chain is a network's: slots of `slotMillis`, or of `blockSeconds` if that is left out, epochs of `epochBlocks`
//! slots, headers with a seal, and several blocks may have the timestamp of one second.
//!
//! Every tool that reads Ethereum's files reads this one and passes over what it does not know.

use std::collections::BTreeMap;

use alloy_eips::{
    eip2935::{HISTORY_STORAGE_ADDRESS, HISTORY_STORAGE_CODE},
    eip4788::{BEACON_ROOTS_ADDRESS, BEACON_ROOTS_CODE},
    eip7002::{WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS, WITHDRAWAL_REQUEST_PREDEPLOY_CODE},
    eip7251::{CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS, CONSOLIDATION_REQUEST_PREDEPLOY_CODE},
};
use alloy_genesis::{ChainConfig, Genesis, GenesisAccount};
use alloy_primitives::{Address, B256, Bytes, U256, address, bytes};
use quintet_eth_chain::{ChainSpec, SpecError};
use quintet_lux_protocol::{
    params::{Domain, Params, ParamsError},
    seal::{self, SEAL_LEN},
    validator::{Validator, ValidatorSet, ValidatorSetError},
};
use serde::{Deserialize, Serialize};

/// First byte of `extraData`: the version of the header's own fields.
pub const HEADER_VERSION: u8 = seal::VERSION;

/// Seconds between blocks where a genesis says none.
pub const BLOCK_SECONDS_DEFAULT: u64 = 12;

/// Gas of a block where nobody says otherwise.
pub const GAS_LIMIT_DEFAULT: u64 = 30_000_000;

/// Base fee of a network's first block, wei.
const INITIAL_BASE_FEE: u128 = 1_000_000_000;

/// The contract that makes contracts at addresses everybody can compute, which tools expect on every chain.
const DEPLOYER: Address = address!("4e59b44847b379578588920ca78fbf26c0b4956c");
static DEPLOYER_CODE: Bytes = bytes!(
    "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe03601600081602082378035828234f58015156039578182fd5b8082525050506014600cf3"
);

/// Why a genesis file makes no LuxTensor chain.
#[derive(Debug, thiserror::Error)]
pub enum LuxGenesisError {
    /// It makes no chain at all.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// LuxTensor's section is not one.
    #[error(
        "config.lux: expected blockSeconds, slotMillis, epochBlocks, validatorsMax, validators and proposer alone: {0}"
    )]
    Section(#[from] serde_json::Error),
    /// The validators make no set.
    #[error("config.lux.validators: {0}")]
    Validators(#[from] ValidatorSetError),
    /// There are more of them than the chain takes.
    #[error("config.lux.validators: expected at most validatorsMax, {most}, got {actual}")]
    TooMany {
        /// Most validators.
        most: u64,
        /// How many came.
        actual: usize,
    },
    /// Slots or epochs have no length there is.
    #[error("config.lux: {0}")]
    Params(#[from] ParamsError),
    /// A number that cannot be zero is.
    #[error("config.lux.{field}: expected a number from 1 on, got 0")]
    Zero {
        /// The field.
        field: &'static str,
    },
}

/// LuxTensor's section of a genesis file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct LuxSection {
    /// Seconds between blocks.
    pub block_seconds: u64,
    /// Blocks of an epoch.
    pub epoch_blocks: u64,
    /// Most validators.
    pub validators_max: u64,
    /// Who makes all blocks, while one does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub proposer: Option<Address>,
    /// Length of a slot in milliseconds, in place of [`Self::block_seconds`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub slot_millis: Option<u64>,
    /// The validators of a network; a chain for development has none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub validators: Vec<GenesisValidator>,
}

/// A validator, as a genesis file names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct GenesisValidator {
    /// Who it is.
    pub address: Address,
    /// Key of its verifiable random function.
    pub vrf_key: B256,
    /// Its stake, in gwei.
    pub stake: u64,
}

/// A contract that is there from the first block on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GenesisContract {
    /// Where it is.
    pub address: Address,
    /// What it does.
    pub code: Bytes,
    /// Its slots that are not zero.
    pub slots: BTreeMap<B256, B256>,
}

impl Default for LuxSection {
    fn default() -> Self {
        Self {
            block_seconds: BLOCK_SECONDS_DEFAULT,
            epoch_blocks: 100,
            validators_max: 100,
            proposer: None,
            slot_millis: None,
            validators: Vec::new(),
        }
    }
}

impl LuxSection {
    /// Reads the section of a genesis file; the defaults if there is none.
    ///
    /// # Errors
    ///
    /// [`LuxGenesisError`] if it holds something else.
    pub fn of(config: &ChainConfig) -> Result<Self, LuxGenesisError> {
        let Some(section) = config.extra_fields.get("lux") else { return Ok(Self::default()) };
        let section: Self = serde_json::from_value(section.clone())?;
        let fields = [
            ("blockSeconds", section.block_seconds),
            ("epochBlocks", section.epoch_blocks),
            ("validatorsMax", section.validators_max),
        ];
        match fields.into_iter().find(|(_, value)| *value == 0) {
            Some((field, _)) => Err(LuxGenesisError::Zero { field }),
            None => Ok(section),
        }
    }
}

/// A LuxTensor chain as data.
#[derive(Debug, Clone)]
pub struct LuxGenesis {
    /// The chain.
    pub spec: ChainSpec,
    /// LuxTensor's own.
    pub lux: LuxSection,
}

impl LuxGenesis {
    /// Reads a genesis file.
    ///
    /// # Errors
    ///
    /// [`LuxGenesisError`] if it makes no LuxTensor chain.
    pub fn from_json(json: &[u8]) -> Result<Self, LuxGenesisError> {
        Self::of(ChainSpec::from_json(json)?)
    }

    /// Takes a genesis that was made.
    ///
    /// # Errors
    ///
    /// [`LuxGenesisError`] if it makes no LuxTensor chain.
    pub fn from_genesis(genesis: Genesis) -> Result<Self, LuxGenesisError> {
        Self::of(ChainSpec::from_genesis(genesis)?)
    }

    fn of(mut spec: ChainSpec) -> Result<Self, LuxGenesisError> {
        let lux = LuxSection::of(&spec.genesis.config)?;
        if !lux.validators.is_empty() {
            spec.schedule.extra_data_max = SEAL_LEN;
            spec.schedule.equal_timestamps = true;
        }
        Ok(Self { spec, lux })
    }

    /// The parameters of a network.
    ///
    /// # Errors
    ///
    /// [`LuxGenesisError::Params`] if slots or epochs have no length there is.
    pub fn params(&self) -> Result<Params, LuxGenesisError> {
        let slot_millis = self.lux.slot_millis;
        let slot_millis = slot_millis.unwrap_or(self.lux.block_seconds.saturating_mul(1_000));
        let params = Params {
            domain: Domain::new(self.spec.chain_id(), self.spec.hash),
            genesis: self.spec.hash,
            genesis_time: self.spec.header.timestamp,
            slot_millis,
            epoch_slots: self.lux.epoch_blocks,
        };
        Ok(params.check()?)
    }

    /// The validators of a network.
    ///
    /// # Errors
    ///
    /// [`LuxGenesisError`] if there are none, too many, or one that cannot be.
    pub fn validators(&self) -> Result<ValidatorSet, LuxGenesisError> {
        let (most, actual) = (self.lux.validators_max, self.lux.validators.len());
        if u64::try_from(actual).is_ok_and(|count| count > most) {
            return Err(LuxGenesisError::TooMany { most, actual });
        }
        let validators = self.lux.validators.iter().map(|one| Validator {
            address: one.address,
            vrf_key: one.vrf_key.0,
            stake: one.stake,
        });
        Ok(ValidatorSet::new(validators.collect())?)
    }

    /// Makes the genesis file of a network: every fork from the start, contracts of the system, accounts with this balance.
    #[must_use]
    pub fn network(
        chain_id: u64,
        timestamp: u64,
        gas_limit: u64,
        lux: &LuxSection,
        accounts: impl IntoIterator<Item = (Address, U256)>,
    ) -> Genesis {
        let mut alloc = system_contracts();
        for (account, balance) in accounts {
            alloc.insert(account, GenesisAccount { balance, ..GenesisAccount::default() });
        }
        let mut config = every_fork(chain_id);
        if let Ok(section) = serde_json::to_value(lux) {
            config.extra_fields.insert("lux".to_owned(), section);
        }
        Genesis {
            config,
            timestamp,
            gas_limit,
            base_fee_per_gas: Some(INITIAL_BASE_FEE),
            extra_data: Bytes::from_static(&[HEADER_VERSION]),
            alloc,
            ..Genesis::default()
        }
    }

    /// Puts a contract into a genesis file.
    pub fn place(genesis: &mut Genesis, contract: GenesisContract) {
        let GenesisContract { address, code, slots } = contract;
        let account = GenesisAccount {
            nonce: Some(1),
            code: Some(code),
            storage: (!slots.is_empty()).then_some(slots),
            ..GenesisAccount::default()
        };
        genesis.alloc.insert(address, account);
    }

    /// Makes the genesis of a development chain: every fork from the start, contracts of the system, accounts with this balance.
    ///
    /// # Errors
    ///
    /// [`LuxGenesisError`]; none is known to happen.
    pub fn development(
        chain_id: u64,
        timestamp: u64,
        gas_limit: u64,
        accounts: impl IntoIterator<Item = Address>,
        balance: U256,
    ) -> Result<Self, LuxGenesisError> {
        let mut alloc = system_contracts();
        for account in accounts {
            alloc.insert(account, GenesisAccount { balance, ..GenesisAccount::default() });
        }
        let genesis = Genesis {
            config: every_fork(chain_id),
            timestamp,
            gas_limit,
            extra_data: Bytes::from_static(&[HEADER_VERSION]),
            alloc,
            ..Genesis::default()
        };
        let spec = ChainSpec::from_genesis(genesis)?;
        Ok(Self { spec, lux: LuxSection::default() })
    }
}

/// Contracts that the rules call, and the deployer.
pub(crate) fn system_contracts() -> BTreeMap<Address, GenesisAccount> {
    let contracts = [
        (HISTORY_STORAGE_ADDRESS, HISTORY_STORAGE_CODE.clone()),
        (BEACON_ROOTS_ADDRESS, BEACON_ROOTS_CODE.clone()),
        (WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS, WITHDRAWAL_REQUEST_PREDEPLOY_CODE.clone()),
        (CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS, CONSOLIDATION_REQUEST_PREDEPLOY_CODE.clone()),
        (DEPLOYER, DEPLOYER_CODE.clone()),
    ];
    let with_code =
        |code| GenesisAccount { nonce: Some(1), code: Some(code), ..GenesisAccount::default() };
    contracts.into_iter().map(|(at, code)| (at, with_code(code))).collect()
}

/// Configuration of a chain with every fork up to Osaka from the start.
pub(crate) fn every_fork(chain_id: u64) -> ChainConfig {
    ChainConfig {
        chain_id,
        homestead_block: Some(0),
        eip150_block: Some(0),
        eip155_block: Some(0),
        eip158_block: Some(0),
        byzantium_block: Some(0),
        constantinople_block: Some(0),
        petersburg_block: Some(0),
        istanbul_block: Some(0),
        muir_glacier_block: Some(0),
        berlin_block: Some(0),
        london_block: Some(0),
        arrow_glacier_block: Some(0),
        gray_glacier_block: Some(0),
        terminal_total_difficulty: Some(U256::ZERO),
        terminal_total_difficulty_passed: true,
        shanghai_time: Some(0),
        cancun_time: Some(0),
        prague_time: Some(0),
        osaka_time: Some(0),
        ..ChainConfig::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"{"config": {"chainId": 8898, "londonBlock": 0, "terminalTotalDifficulty": 0, LUX},
        "difficulty": "0x0", "gasLimit": "0x1c9c380", "alloc": {}}"#;

    fn read(lux: &str) -> Result<LuxGenesis, LuxGenesisError> {
        LuxGenesis::from_json(FILE.replace("LUX", lux).as_bytes())
    }

    #[test]
    fn the_section_is_read_with_defaults_for_what_it_leaves_out() {
        let genesis = read(r#""lux": {"blockSeconds": 2}"#).unwrap();
        assert_eq!(genesis.lux, LuxSection { block_seconds: 2, ..LuxSection::default() });
        assert_eq!(genesis.spec.chain_id(), 8898);
        assert_eq!(read(r#""shanghaiTime": 0"#).unwrap().lux, LuxSection::default());
    }

    #[test]
    fn a_section_with_a_slip_is_refused() {
        let error = read(r#""lux": {"blockSecond": 2}"#).unwrap_err();
        assert!(error.to_string().contains("blockSecond"), "{error}");
        assert!(matches!(
            read(r#""lux": {"blockSeconds": 0}"#),
            Err(LuxGenesisError::Zero { field: "blockSeconds" })
        ));
    }
}
