//! The forks of OP Stack chains, which begin by timestamp, and the forks of Ethereum they stand on.
//!
//! **Spec:** OP Stack specification, "Superchain upgrades".

use alloy_genesis::ChainConfig;
use op_revm::OpSpecId;

use super::{Fork, GenesisError};

/// A set of rules of OP chains: that of one fork and of all before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OpFork {
    /// The first of today's architecture.
    Bedrock,
    /// Deposits pay for the gas they use.
    Regolith,
    /// Shanghai, and the deterministic deployer.
    Canyon,
    /// Cancun without blobs, fees for blobs of L1.
    Ecotone,
    /// P256 and the cost by compressed size.
    Fjord,
    /// A limit on pairings.
    Granite,
    /// Parameters of the base fee in the extra data.
    Holocene,
    /// Prague, the operator fee, the root of the message passer's storage in the header.
    Isthmus,
    /// A minimum base fee and the footprint of data in the gas.
    Jovian,
    /// Osaka.
    Karst,
    /// Messages between chains.
    Interop,
}

impl OpFork {
    /// Returns the interpreter's name of these rules.
    #[must_use]
    pub const fn spec_id(self) -> OpSpecId {
        match self {
            Self::Bedrock => OpSpecId::BEDROCK,
            Self::Regolith => OpSpecId::REGOLITH,
            Self::Canyon => OpSpecId::CANYON,
            Self::Ecotone => OpSpecId::ECOTONE,
            Self::Fjord => OpSpecId::FJORD,
            Self::Granite => OpSpecId::GRANITE,
            Self::Holocene => OpSpecId::HOLOCENE,
            Self::Isthmus => OpSpecId::ISTHMUS,
            Self::Jovian => OpSpecId::JOVIAN,
            Self::Karst => OpSpecId::KARST,
            Self::Interop => OpSpecId::INTEROP,
        }
    }

    /// Returns the fork of Ethereum whose rules these extend.
    #[must_use]
    pub const fn ethereum(self) -> Fork {
        match self {
            Self::Bedrock | Self::Regolith => Fork::Paris,
            Self::Canyon => Fork::Shanghai,
            Self::Ecotone | Self::Fjord | Self::Granite | Self::Holocene => Fork::Cancun,
            Self::Isthmus | Self::Jovian | Self::Interop => Fork::Prague,
            Self::Karst => Fork::Osaka,
        }
    }
}

/// When the forks of an OP chain begin, and the parameters of its base fee.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpSchedule {
    /// Forks after Bedrock with the timestamp they begin at, in seconds.
    pub forks: Vec<(OpFork, u64)>,
    /// By how much the base fee is damped before Canyon.
    pub denominator: u64,
    /// By how much the base fee is damped from Canyon on, until the extra data says so.
    pub denominator_canyon: u64,
    /// How many times the target the limit of gas is, until the extra data says so.
    pub elasticity: u64,
}

/// The fields of a genesis file, and of a rollup's configuration, that say when a fork begins.
const FIELDS: [(&str, OpFork); 10] = [
    ("regolithTime", OpFork::Regolith),
    ("canyonTime", OpFork::Canyon),
    ("ecotoneTime", OpFork::Ecotone),
    ("fjordTime", OpFork::Fjord),
    ("graniteTime", OpFork::Granite),
    ("holoceneTime", OpFork::Holocene),
    ("isthmusTime", OpFork::Isthmus),
    ("jovianTime", OpFork::Jovian),
    ("karstTime", OpFork::Karst),
    ("interopTime", OpFork::Interop),
];

impl OpSchedule {
    /// Damping of the base fee before Canyon where a chain says nothing: that of OP Mainnet.
    pub const DENOMINATOR: u64 = 50;
    /// Damping of the base fee from Canyon on where a chain says nothing.
    pub const DENOMINATOR_CANYON: u64 = 250;
    /// Limit of gas over its target where a chain says nothing.
    pub const ELASTICITY: u64 = 6;

    /// Returns the schedule with these beginnings and OP Mainnet's base fee.
    #[must_use]
    pub const fn new(forks: Vec<(OpFork, u64)>) -> Self {
        Self {
            forks,
            denominator: Self::DENOMINATOR,
            denominator_canyon: Self::DENOMINATOR_CANYON,
            elasticity: Self::ELASTICITY,
        }
    }

    /// Returns the newest fork in force at a timestamp.
    #[must_use]
    pub fn fork_at(&self, timestamp: u64) -> OpFork {
        let begun = self.forks.iter().filter(|(_, from)| timestamp >= *from);
        begun.map(|(fork, _)| *fork).max().unwrap_or(OpFork::Bedrock)
    }

    /// Reads what OP chains add to a genesis file's `config`; `None` if it speaks of no OP chain.
    ///
    /// # Errors
    ///
    /// [`GenesisError`] if a field does not hold what it should.
    pub fn from_genesis(config: &ChainConfig) -> Result<Option<Self>, GenesisError> {
        let fields = &config.extra_fields;
        let Some(optimism) = fields.get("optimism") else { return Ok(None) };
        let mut schedule = Self::new(Vec::new());
        for (field, fork) in FIELDS {
            let Some(value) = fields.get(field).filter(|value| !value.is_null()) else { continue };
            let from = value
                .as_u64()
                .ok_or_else(|| GenesisError::NotSeconds { field, actual: value.to_string() })?;
            schedule.forks.push((fork, from));
        }
        let number = |field: &'static str, default: u64| match optimism.get(field) {
            None => Ok(default),
            Some(value) => value
                .as_u64()
                .filter(|number| *number > 0)
                .ok_or_else(|| GenesisError::NotPositive { field, actual: value.to_string() }),
        };
        schedule.elasticity = number("eip1559Elasticity", Self::ELASTICITY)?;
        schedule.denominator = number("eip1559Denominator", Self::DENOMINATOR)?;
        schedule.denominator_canyon = number("eip1559DenominatorCanyon", Self::DENOMINATOR_CANYON)?;
        Ok(Some(schedule))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schedule::Schedule;

    const CONFIG: &str = r#"{"chainId": 10, "bedrockBlock": 105235063, "regolithTime": 0, "canyonTime": 1704992401,
        "ecotoneTime": 1710374401, "fjordTime": 1720627201, "isthmusTime": null,
        "optimism": {"eip1559Elasticity": 6, "eip1559Denominator": 50, "eip1559DenominatorCanyon": 250}}"#;

    #[test]
    fn forks_of_an_op_chain_are_read_from_its_genesis() {
        let config: ChainConfig = serde_json::from_str(CONFIG).unwrap();
        let schedule = Schedule::from_genesis(&config).unwrap();
        let at = |timestamp| schedule.rules(1, timestamp, true);
        assert_eq!(at(0).op, Some(OpFork::Regolith));
        assert_eq!(at(0).fork, Fork::Paris);
        assert_eq!(at(1_704_992_401).op, Some(OpFork::Canyon));
        assert_eq!(at(1_704_992_401).fork, Fork::Shanghai);
        assert_eq!(at(u64::MAX).op, Some(OpFork::Fjord));
    }

    #[test]
    fn a_fork_that_begins_at_no_number_is_refused() {
        let text = CONFIG.replace("\"isthmusTime\": null", "\"isthmusTime\": \"soon\"");
        let config: ChainConfig = serde_json::from_str(&text).unwrap();
        let error = Schedule::from_genesis(&config).unwrap_err();
        assert_eq!(
            error,
            GenesisError::NotSeconds { field: "isthmusTime", actual: "\"soon\"".to_owned() }
        );
    }

    #[test]
    fn a_base_fee_divided_by_zero_is_refused() {
        let text = CONFIG.replace("\"eip1559Denominator\": 50", "\"eip1559Denominator\": 0");
        let config: ChainConfig = serde_json::from_str(&text).unwrap();
        assert!(Schedule::from_genesis(&config).is_err());
    }
}
