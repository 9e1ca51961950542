//! Payload attributes: what the execution layer is told to build a block from.
//!
//! ```text
//!   transactions   L1 information · user deposits (first block of an epoch) · upgrade transactions · the sequencer's
//! ```
//!
//! **Spec:** `protocol/derivation.md`, "Deriving Payload Attributes"; `protocol/exec-engine.md`; op-node's `PreparePayloadAttributes`.

use alloy_eips::BlockNumHash;
use alloy_primitives::{Address, B64, B256, Bytes, address};

use crate::{
    batch::SingularBatch,
    config::{Fork, RollupConfig},
    l1_info::L1Info,
    refs::{L1Ref, L2Ref},
    system::{ConfigUpdate, SystemConfig},
    upgrades::{self, MissingBundle},
    view::L1Header,
};

/// Who gets the fees.
pub const SEQUENCER_FEE_VAULT: Address = address!("4200000000000000000000000000000000000011");

/// What the execution layer builds a block from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayloadAttributes {
    /// Time of the block.
    pub timestamp: u64,
    /// Randomness of the L1 origin.
    pub prev_randao: B256,
    /// Who gets the fees.
    pub suggested_fee_recipient: Address,
    /// Whether the block has a list of withdrawals, which is empty (from Canyon).
    pub withdrawals: bool,
    /// Root of a beacon block, from Ecotone.
    pub parent_beacon_block_root: Option<B256>,
    /// Transactions, encoded.
    pub transactions: Vec<Bytes>,
    /// Whether nothing may be added to them.
    pub no_tx_pool: bool,
    /// Gas limit.
    pub gas_limit: u64,
    /// Base fee parameters, from Holocene; zero in its first block.
    pub eip1559_params: Option<B64>,
    /// Least base fee in wei, from Jovian.
    pub min_base_fee: Option<u64>,
}

/// Attributes with the place of the block in both chains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DerivedAttributes {
    /// The attributes.
    pub attributes: PayloadAttributes,
    /// The block to build on.
    pub parent: L2Ref,
    /// L1 origin of the block.
    pub l1_origin: BlockNumHash,
    /// Place of the block in its epoch.
    pub sequence_number: u64,
    /// The L1 block that completed what this was derived from: once that is final, so is the block.
    pub derived_from: L1Ref,
    /// Whether nothing of the span it is from is left. The safe head advances only then, before Holocene.
    pub is_last_in_span: bool,
    /// How many of the transactions are deposits; they come first.
    pub deposits: usize,
    /// Whether the sequencer's transactions were taken out because the block with them is invalid.
    pub is_deposits_only: bool,
}

impl DerivedAttributes {
    /// Returns the block these attributes make, once its hash is known.
    #[must_use]
    pub const fn block(&self, hash: B256) -> L2Ref {
        L2Ref {
            number: self.parent.number.saturating_add(1),
            hash,
            parent_hash: self.parent.hash,
            timestamp: self.attributes.timestamp,
            l1_origin: self.l1_origin,
            sequence_number: self.sequence_number,
        }
    }

    /// Takes out the sequencer's transactions.
    ///
    /// **Spec:** `holocene/derivation.md`, "Engine Queue".
    #[must_use]
    pub fn deposits_only(mut self) -> Self {
        self.attributes.transactions.truncate(self.deposits);
        self.is_deposits_only = true;
        self
    }
}

/// What derivation keeps of an L1 block for the L2 blocks of its epoch.
#[derive(Debug, Clone, Default)]
pub struct Epoch {
    /// Its header.
    pub header: L1Header,
    /// Deposits, encoded.
    pub deposits: Vec<Bytes>,
    /// Updates of the system configuration.
    pub updates: Vec<ConfigUpdate>,
}

/// Makes the attributes of a block on `parent` without the sequencer's transactions, and the system configuration the block records.
///
/// `system` is what `parent` recorded. If the epoch is not that of `parent`, its updates and deposits count.
///
/// # Errors
///
/// [`MissingBundle`] if the block is the first of a fork whose upgrade transactions were not given.
pub fn prepare(
    config: &RollupConfig,
    parent: &L2Ref,
    system: &SystemConfig,
    epoch: &Epoch,
) -> Result<(PayloadAttributes, u64, SystemConfig), MissingBundle> {
    let time = parent.timestamp.saturating_add(config.block_time);
    let is_first = parent.l1_origin.number != epoch.header.block.number;
    let mut system = *system;
    let mut sequence_number = parent.sequence_number.saturating_add(1);
    if is_first {
        sequence_number = 0;
        let ecotone = config.is_active(Fork::Ecotone, epoch.header.block.timestamp);
        epoch.updates.iter().for_each(|update| system.apply(*update, ecotone));
    }
    let info = L1Info::new(config, &system, &epoch.header, sequence_number, time);
    let mut transactions = vec![info.deposit(config, time).encoded()];
    if is_first {
        transactions.extend_from_slice(&epoch.deposits);
    }
    let upgrade = upgrades::at(config, time)?;
    transactions.extend(upgrade.transactions);

    let eip1559_params = config.is_active(Fork::Holocene, time).then(|| {
        // Zeros in the first block tell the execution layer to go on with the chain's constants.
        if config.is_activation(Fork::Holocene, time) { B64::ZERO } else { system.eip1559_params() }
    });
    let attributes = PayloadAttributes {
        timestamp: time,
        prev_randao: epoch.header.prev_randao,
        suggested_fee_recipient: SEQUENCER_FEE_VAULT,
        withdrawals: config.is_active(Fork::Canyon, time),
        parent_beacon_block_root: config
            .is_active(Fork::Ecotone, time)
            .then(|| epoch.header.parent_beacon_root.unwrap_or_default()),
        transactions,
        no_tx_pool: true,
        gas_limit: system.gas_limit.saturating_add(upgrade.gas),
        eip1559_params,
        min_base_fee: config.is_active(Fork::Jovian, time).then_some(system.min_base_fee),
    };
    system.gas_limit = system.gas_limit.saturating_add(upgrade.lasting_gas);
    Ok((attributes, sequence_number, system.settle(config, time)))
}

/// Makes the attributes of a batch's block, and the system configuration the block records.
///
/// # Errors
///
/// As [`prepare`].
pub fn derive(
    config: &RollupConfig,
    parent: &L2Ref,
    system: &SystemConfig,
    epoch: &Epoch,
    batch: SingularBatch,
    derived_from: L1Ref,
    is_last_in_span: bool,
) -> Result<(DerivedAttributes, SystemConfig), MissingBundle> {
    let (mut attributes, sequence_number, system) = prepare(config, parent, system, epoch)?;
    let deposits = attributes.transactions.len();
    attributes.transactions.extend(batch.transactions);
    let derived = DerivedAttributes {
        attributes,
        parent: *parent,
        l1_origin: epoch.header.block.id(),
        sequence_number,
        derived_from,
        is_last_in_span,
        deposits,
        is_deposits_only: false,
    };
    Ok((derived, system))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::config_at;

    fn epoch(number: u64) -> Epoch {
        let block = L1Ref { number, hash: B256::repeat_byte(7), timestamp: 90, ..L1Ref::default() };
        let header = L1Header { block, prev_randao: B256::repeat_byte(3), ..L1Header::default() };
        let updates = vec![ConfigUpdate::GasLimit(50), ConfigUpdate::MinBaseFee(9)];
        Epoch { header, deposits: vec![vec![0x7e, 1].into()], updates }
    }

    fn parent() -> L2Ref {
        let l1_origin = BlockNumHash { number: 6, hash: B256::ZERO };
        L2Ref { number: 3, timestamp: 998, l1_origin, sequence_number: 4, ..L2Ref::default() }
    }

    fn prepared(fork: Fork, epoch_number: u64) -> (PayloadAttributes, u64, SystemConfig) {
        let system = SystemConfig { gas_limit: 30, ..SystemConfig::default() };
        prepare(&config_at(fork), &parent(), &system, &epoch(epoch_number)).unwrap()
    }

    #[test]
    fn the_first_block_of_an_epoch_has_its_deposits_and_updates() {
        let (first, sequence, system) = prepared(Fork::Jovian, 7);
        assert_eq!((first.transactions.len(), first.gas_limit, sequence), (2, 50, 0));
        assert_eq!((first.min_base_fee, system.min_base_fee), (Some(9), 9));
        let (later, sequence, _) = prepared(Fork::Jovian, 6);
        assert_eq!((later.transactions.len(), later.gas_limit, sequence), (1, 30, 5));
    }

    #[test]
    fn each_fork_adds_its_fields() {
        let fields = |fork| {
            let (attributes, ..) = prepared(fork, 6);
            (
                attributes.withdrawals,
                attributes.parent_beacon_block_root.is_some(),
                attributes.eip1559_params.is_some(),
                attributes.min_base_fee.is_some(),
            )
        };
        assert_eq!(fields(Fork::Regolith), (false, false, false, false));
        assert_eq!(fields(Fork::Canyon), (true, false, false, false));
        assert_eq!(fields(Fork::Ecotone), (true, true, false, false));
        assert_eq!(fields(Fork::Holocene), (true, true, true, false));
        assert_eq!(fields(Fork::Jovian), (true, true, true, true));
    }

    #[test]
    fn the_first_block_of_holocene_names_no_parameters_and_the_second_those_of_the_chain() {
        let mut config = config_at(Fork::Granite);
        config.forks.set(Fork::Holocene, Some(1_000));
        let system = SystemConfig { eip1559_denominator: 1, ..SystemConfig::default() };
        let (first, _, system) = prepare(&config, &parent(), &system, &epoch(6)).unwrap();
        assert_eq!(first.eip1559_params, Some(B64::ZERO));
        let next = L2Ref { timestamp: 1_000, ..parent() };
        let (second, ..) = prepare(&config, &next, &system, &epoch(6)).unwrap();
        assert_eq!(second.eip1559_params, Some(B64::from([0, 0, 0, 250, 0, 0, 0, 6])));
    }

    #[test]
    fn deposits_alone_are_kept_of_an_invalid_block() {
        let batch =
            SingularBatch { transactions: vec![vec![2].into()], ..SingularBatch::default() };
        let config = config_at(Fork::Holocene);
        let system = SystemConfig::default();
        let (derived, _) =
            derive(&config, &parent(), &system, &epoch(7), batch, L1Ref::default(), true).unwrap();
        assert_eq!(derived.attributes.transactions.len(), 3);
        let replaced = derived.deposits_only();
        assert_eq!((replaced.attributes.transactions.len(), replaced.is_deposits_only), (2, true));
    }
}
