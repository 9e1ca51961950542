//! The system configuration: what the chain's owner sets on L1 and derivation follows.
//!
//! ```text
//!   ConfigUpdate logs of an L1 block ──► update::apply ──► SystemConfig ──► attributes ──► settle ──► the next block's
//! ```
//!
//! # Invariants
//!
//! - What holds for a block is what *its parent block recorded*, plus the updates of the L1 block whose epoch it begins. A
//!   value that no field of the parent records (an operator fee before Isthmus) is forgotten; [`SystemConfig::settle`]
//!   forgets it the same way, so a pipeline need not read its own blocks back.
//!
//! **Spec:** `protocol/system-config.md` and each fork's `system-config.md`.

mod update;

use alloy_primitives::{Address, B64, B256, Bytes, U256, b256};
use serde::Deserialize;

pub use self::update::{CONFIG_UPDATE_TOPIC, ConfigUpdate, ConfigUpdateError};
use crate::config::{Fork, RollupConfig};

/// Where the system configuration's contract on L1 keeps who signs blocks on gossip: keccak256 of
/// `systemconfig.unsafeblocksigner` itself, where others take one less.
///
/// **Spec:** `protocol/system-config.md`, "Unsafe Block Signer".
pub const UNSAFE_BLOCK_SIGNER_SLOT: B256 =
    b256!("65a7ed542fb37fe237fdfbdd70b31598523fe5b32879e307bae27a0bd9581c08");

/// Footprint scalar of a chain that has set none.
///
/// **Spec:** `jovian/l1-attributes.md`.
pub const DA_FOOTPRINT_GAS_SCALAR_DEFAULT: u16 = 400;

/// What the chain's owner sets on L1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SystemConfig {
    /// Who may submit batches.
    pub batcher: Address,
    /// Gas added to each transaction's L1 cost before Ecotone.
    pub overhead: U256,
    /// Before Ecotone what L1 cost is multiplied by; from it a version and two scalars.
    pub scalar: U256,
    /// Gas limit of blocks.
    pub gas_limit: u64,
    /// Base fee denominator from Holocene; zero with the elasticity for the chain's constants.
    pub eip1559_denominator: u32,
    /// Base fee elasticity from Holocene.
    pub eip1559_elasticity: u32,
    /// Operator fee's scalar from Isthmus.
    pub operator_fee_scalar: u32,
    /// Operator fee's constant from Isthmus.
    pub operator_fee_constant: u64,
    /// Least base fee from Jovian, in wei.
    pub min_base_fee: u64,
    /// Gas a byte of data availability weighs from Jovian; zero for the default.
    pub da_footprint_gas_scalar: u16,
}

impl SystemConfig {
    /// Applies the updates an L1 block's logs hold. Failed transactions have no logs.
    ///
    /// # Errors
    ///
    /// [`ConfigUpdateError`] for a log of the contract that is not of the specified form: derivation cannot go on.
    pub fn apply_logs<'a>(
        &mut self,
        logs: impl IntoIterator<Item = &'a alloy_primitives::Log>,
        config: &RollupConfig,
        l1_time: u64,
    ) -> Result<(), ConfigUpdateError> {
        for log in logs {
            let is_update = log.address == config.l1_system_config
                && log.topics().first() == Some(&CONFIG_UPDATE_TOPIC);
            if is_update {
                self.apply(ConfigUpdate::read(log)?, config.is_active(Fork::Ecotone, l1_time));
            }
        }
        Ok(())
    }

    /// Applies one update.
    pub const fn apply(&mut self, update: ConfigUpdate, ecotone: bool) {
        match update {
            ConfigUpdate::Batcher(batcher) => self.batcher = batcher,
            ConfigUpdate::FeeScalars { overhead, scalar } if !ecotone => {
                self.overhead = overhead;
                self.scalar = scalar;
            }
            ConfigUpdate::FeeScalars { scalar, .. } => {
                // From Ecotone a scalar of unknown form is ignored, and with it the whole update.
                if is_scalar_form(&scalar.to_be_bytes::<32>()) {
                    self.overhead = U256::ZERO;
                    self.scalar = scalar;
                }
            }
            ConfigUpdate::GasLimit(gas_limit) => self.gas_limit = gas_limit,
            // Of no concern to derivation: the signer of gossip follows L1 by itself.
            ConfigUpdate::UnsafeBlockSigner(_) => {}
            ConfigUpdate::Eip1559 { denominator, elasticity } => {
                self.eip1559_denominator = denominator;
                self.eip1559_elasticity = elasticity;
            }
            ConfigUpdate::OperatorFee { scalar, constant } => {
                self.operator_fee_scalar = scalar;
                self.operator_fee_constant = constant;
            }
            ConfigUpdate::MinBaseFee(fee) => self.min_base_fee = fee,
            ConfigUpdate::DaFootprintGasScalar(scalar) => self.da_footprint_gas_scalar = scalar,
        }
    }

    /// Returns the scalars of L1's base fee and blob base fee as Ecotone reads them.
    ///
    /// **Spec:** `ecotone/l1-attributes.md`.
    #[must_use]
    pub fn ecotone_scalars(&self) -> (u32, u32) {
        let bytes = self.scalar.to_be_bytes::<32>();
        let word = |at: usize| {
            u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
        };
        (word(28), if bytes[0] == 1 { word(24) } else { 0 })
    }

    /// Returns the base fee parameters as payload attributes carry them.
    #[must_use]
    pub fn eip1559_params(&self) -> B64 {
        let high = u64::from(self.eip1559_denominator) << 32;
        B64::from((high | u64::from(self.eip1559_elasticity)).to_be_bytes())
    }

    /// Forgets what a block of `time` built with this configuration does not record; see the module's invariant.
    ///
    /// Zero base fee parameters make the execution layer write the chain's constants into the header, where the next
    /// block finds them.
    #[must_use]
    pub fn settle(mut self, config: &RollupConfig, time: u64) -> Self {
        if config.is_past_activation(Fork::Ecotone, time) {
            let (base, blob) = self.ecotone_scalars();
            self.overhead = U256::ZERO;
            self.scalar = U256::from(1) << 248 | U256::from(blob) << 32 | U256::from(base);
        }
        if !config.is_active(Fork::Holocene, time) {
            (self.eip1559_denominator, self.eip1559_elasticity) = (0, 0);
        } else if config.is_activation(Fork::Holocene, time) || self.eip1559_params() == B64::ZERO {
            self.eip1559_denominator = config.base_fee.denominator_canyon;
            self.eip1559_elasticity = config.base_fee.elasticity;
        }
        if !config.is_past_activation(Fork::Isthmus, time) {
            (self.operator_fee_scalar, self.operator_fee_constant) = (0, 0);
        }
        if !config.is_active(Fork::Jovian, time) {
            self.min_base_fee = 0;
        }
        if !config.is_past_activation(Fork::Jovian, time) {
            self.da_footprint_gas_scalar = 0;
        }
        self
    }

    /// Adds to a configuration read from a block's L1 information what its header says: gas limit and, from Holocene, the
    /// parameters in `extraData`.
    ///
    /// **Spec:** `holocene/exec-engine.md` and `jovian/exec-engine.md`, "Base Fee Configuration" (9 and 17 bytes).
    #[must_use]
    pub fn with_header(mut self, gas_limit: u64, extra_data: &Bytes) -> Self {
        self.gas_limit = gas_limit;
        let word = |at: usize, len: usize| {
            extra_data.get(at..at + len).map(|b| b.iter().fold(0, |v, b| v << 8 | u64::from(*b)))
        };
        if let (0 | 1, 9 | 17) = (extra_data.first().copied().unwrap_or(u8::MAX), extra_data.len())
        {
            let quarter = |at| word(at, 4).and_then(|v| u32::try_from(v).ok()).unwrap_or_default();
            self.eip1559_denominator = quarter(1);
            self.eip1559_elasticity = quarter(5);
            self.min_base_fee = word(9, 8).unwrap_or_default();
        }
        self
    }
}

/// Returns whether a scalar is of a form Ecotone knows: version 0 with four bytes, or version 1 with eight.
///
/// **Spec:** `ecotone/l1-attributes.md`; op-node's `CheckEcotoneL1SystemConfigScalar`.
const fn is_scalar_form(bytes: &[u8; 32]) -> bool {
    let padding_ends = match bytes[0] {
        0 => 28,
        1 => 24,
        _ => return false,
    };
    let mut at = 1;
    while at < padding_ends {
        if bytes[at] != 0 {
            return false;
        }
        at += 1;
    }
    true
}

/// The fields of a system configuration as `rollup.json` writes them, in op-node's and in kona's spelling.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct SystemConfigJson {
    #[serde(rename = "batcherAddr", alias = "batcherAddress")]
    batcher: Address,
    overhead: U256,
    scalar: U256,
    gas_limit: u64,
    eip1559_params: Option<Bytes>,
    eip1559_denominator: Option<u32>,
    eip1559_elasticity: Option<u32>,
    operator_fee_params: Option<B256>,
    operator_fee_scalar: Option<u32>,
    operator_fee_constant: Option<u64>,
    min_base_fee: Option<u64>,
    da_footprint_gas_scalar: Option<u16>,
}

impl SystemConfig {
    /// Writes the fields as `rollup.json` has them.
    pub(crate) fn to_json(self) -> serde_json::Value {
        let mut operator = [0; 32];
        operator[20..24].copy_from_slice(&self.operator_fee_scalar.to_be_bytes());
        operator[24..].copy_from_slice(&self.operator_fee_constant.to_be_bytes());
        let eip1559 =
            (u64::from(self.eip1559_denominator) << 32) | u64::from(self.eip1559_elasticity);
        serde_json::json!({
            "batcherAddr": self.batcher,
            "overhead": B256::from(self.overhead),
            "scalar": B256::from(self.scalar),
            "gasLimit": self.gas_limit,
            "eip1559Params": B64::from(eip1559),
            "operatorFeeParams": B256::from(operator),
            "minBaseFee": self.min_base_fee,
            "daFootprintGasScalar": self.da_footprint_gas_scalar,
        })
    }
}

impl From<SystemConfigJson> for SystemConfig {
    fn from(json: SystemConfigJson) -> Self {
        let word = |params: &[u8], at: usize| -> Option<u32> {
            Some(u32::from_be_bytes(params.get(at..at + 4)?.try_into().ok()?))
        };
        let eip1559 = json.eip1559_params.as_deref();
        let operator = json.operator_fee_params;
        let constant = |params: B256| U256::from_be_bytes(params.0).as_limbs()[0];
        Self {
            batcher: json.batcher,
            overhead: json.overhead,
            scalar: json.scalar,
            gas_limit: json.gas_limit,
            eip1559_denominator: eip1559
                .and_then(|params| word(params, 0))
                .or(json.eip1559_denominator)
                .unwrap_or_default(),
            eip1559_elasticity: eip1559
                .and_then(|params| word(params, 4))
                .or(json.eip1559_elasticity)
                .unwrap_or_default(),
            operator_fee_scalar: operator
                .and_then(|params| word(params.as_slice(), 20))
                .or(json.operator_fee_scalar)
                .unwrap_or_default(),
            operator_fee_constant: operator
                .map(constant)
                .or(json.operator_fee_constant)
                .unwrap_or_default(),
            min_base_fee: json.min_base_fee.unwrap_or_default(),
            da_footprint_gas_scalar: json.da_footprint_gas_scalar.unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::config_at;

    fn with_scalar(first: u8, at_27: u8) -> U256 {
        let mut bytes = [0; 32];
        (bytes[0], bytes[27], bytes[31]) = (first, at_27, 7);
        U256::from_be_bytes(bytes)
    }

    #[test]
    fn the_signers_slot_is_where_its_name_leads() {
        let name = alloy_primitives::keccak256("systemconfig.unsafeblocksigner");
        assert_eq!(UNSAFE_BLOCK_SIGNER_SLOT, name);
    }

    #[test]
    fn from_ecotone_a_scalar_of_unknown_form_changes_nothing() {
        let mut config = SystemConfig { overhead: U256::from(188), ..SystemConfig::default() };
        let update = |scalar| ConfigUpdate::FeeScalars { overhead: U256::from(9), scalar };
        config.apply(update(with_scalar(2, 0)), true);
        assert_eq!(config.overhead, U256::from(188));
        config.apply(update(with_scalar(0, 5)), true);
        assert_eq!(config.scalar, U256::ZERO);
        config.apply(update(with_scalar(1, 5)), true);
        assert_eq!((config.overhead, config.ecotone_scalars()), (U256::ZERO, (7, 5)));
        config.apply(update(with_scalar(2, 0)), false);
        assert_eq!(config.overhead, U256::from(9));
    }

    #[test]
    fn what_a_block_does_not_record_is_forgotten() {
        let set = SystemConfig {
            operator_fee_scalar: 1,
            min_base_fee: 2,
            da_footprint_gas_scalar: 3,
            ..SystemConfig::default()
        };
        let before = set.settle(&config_at(Fork::Holocene), 1_000);
        assert_eq!((before.operator_fee_scalar, before.min_base_fee), (0, 0));
        assert_eq!((before.eip1559_denominator, before.eip1559_elasticity), (250, 6));
        let isthmus = set.settle(&config_at(Fork::Isthmus), 1_000);
        assert_eq!((isthmus.operator_fee_scalar, isthmus.da_footprint_gas_scalar), (1, 0));
        let jovian = set.settle(&config_at(Fork::Jovian), 1_000);
        assert_eq!((jovian.min_base_fee, jovian.da_footprint_gas_scalar), (2, 3));
    }

    #[test]
    fn a_header_says_the_base_fee_parameters_from_holocene() {
        let holocene: Bytes = vec![0, 0, 0, 0, 250, 0, 0, 0, 6].into();
        let config = SystemConfig::default().with_header(30, &holocene);
        assert_eq!(
            (config.gas_limit, config.eip1559_denominator, config.eip1559_elasticity),
            (30, 250, 6)
        );
        let jovian: Bytes = vec![1, 0, 0, 0, 250, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 1, 0].into();
        assert_eq!(SystemConfig::default().with_header(30, &jovian).min_base_fee, 256);
        let bedrock = SystemConfig::default().with_header(30, &Bytes::new());
        assert_eq!(bedrock.eip1559_denominator, 0);
    }
}
