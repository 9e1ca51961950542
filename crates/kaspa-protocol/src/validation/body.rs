//! Bodies: a block's transactions together.
//!
//! Ids are hashed once, here, and kept: all that comes after asks for them. Duplicates are found by
//! sorting, not in tables of hashes that an attacker could fill one bucket of.
//!
//! **Spec:** rusty-kaspa's `consensus/src/pipeline/body_processor/body_validation_in_{isolation,context}.rs`.

use quintet_primitives::Hash256;
use smallvec::SmallVec;

use super::{RuleError, check_tx_in_isolation, transaction::first_duplicate};
use crate::{
    block::Block,
    coinbase::CoinbasePayload,
    hashing::{hash_merkle_root, hash_merkle_root_pre_crescendo},
    header::Header,
    mass::tx_mass,
    params::{Era, LaneLimits, Params, Rules},
    subsidy::block_subsidy,
    tx::{Outpoint, SubnetworkId, Transaction},
};

/// Lanes counted without an allocation.
const LANES_INLINE: usize = 8;

/// A block whose body has passed [`check_body_in_isolation`], and what was computed on the way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedBody<'a> {
    block: &'a Block,
    ids: Vec<Hash256>,
    compute_mass: u64,
    transient_mass: u64,
    storage_mass: u64,
}

impl<'a> CheckedBody<'a> {
    /// Returns the block.
    #[must_use]
    pub const fn block(&self) -> &'a Block {
        self.block
    }

    /// Returns the transactions' ids.
    #[must_use]
    pub fn ids(&self) -> &[Hash256] {
        &self.ids
    }

    /// Gives the transactions' ids away.
    #[must_use]
    pub fn into_ids(self) -> Vec<Hash256> {
        self.ids
    }

    /// Returns the sum of compute masses.
    #[must_use]
    pub const fn compute_mass(&self) -> u64 {
        self.compute_mass
    }

    /// Returns the sum of transient masses; zero before Crescendo.
    #[must_use]
    pub const fn transient_mass(&self) -> u64 {
        self.transient_mass
    }

    /// Returns the sum of the storage masses committed to; zero before Crescendo.
    #[must_use]
    pub const fn storage_mass(&self) -> u64 {
        self.storage_mass
    }
}

/// Checks a body against its header's commitment and by itself.
///
/// # Errors
///
/// The first rule broken.
pub fn check_body_in_isolation<'a>(
    params: &Params,
    block: &'a Block,
) -> Result<CheckedBody<'a>, RuleError> {
    let rules = params.rules_at(block.header.daa_score);
    let transactions = &block.transactions;
    if transactions.is_empty() {
        return Err(RuleError::NoTransactions);
    }
    check_merkle_root(rules, &block.header, transactions)?;
    check_coinbases(transactions)?;
    for tx in transactions {
        check_tx_in_isolation(params, rules, tx).map_err(|source| {
            RuleError::TxInIsolationValidationFailed {
                transaction_id: tx.id(),
                source: Box::new(source),
            }
        })?;
    }
    let mut checked =
        CheckedBody { block, ids: Vec::new(), compute_mass: 0, transient_mass: 0, storage_mass: 0 };
    checked.sum_masses(params, rules)?;
    checked.ids = transactions.iter().map(Transaction::id).collect();
    check_relations(transactions, &checked.ids)?;
    Ok(checked)
}

/// Checks what a block's coinbase says of itself.
///
/// # Errors
///
/// [`RuleError::BadCoinbasePayload`], [`RuleError::BadCoinbasePayloadBlueScore`] or
/// [`RuleError::WrongSubsidy`].
pub fn check_coinbase_payload(params: &Params, block: &Block) -> Result<(), RuleError> {
    let coinbase = block.transactions.first().ok_or(RuleError::NoTransactions)?;
    let payload = CoinbasePayload::decode(params, &coinbase.payload)
        .map_err(|source| RuleError::BadCoinbasePayload { source })?;
    let (expected, actual) = (block.header.blue_score, payload.blue_score);
    if actual != expected {
        return Err(RuleError::BadCoinbasePayloadBlueScore { expected, actual });
    }
    let (expected, actual) = (block_subsidy(params, block.header.daa_score), payload.subsidy);
    if actual != expected {
        return Err(RuleError::WrongSubsidy { expected, actual });
    }
    Ok(())
}

fn check_merkle_root(
    rules: &Rules,
    header: &Header,
    transactions: &[Transaction],
) -> Result<(), RuleError> {
    let expected = match rules.era {
        Era::PreCrescendo => hash_merkle_root_pre_crescendo(transactions),
        Era::Crescendo | Era::Toccata => hash_merkle_root(transactions),
    };
    let actual = header.hash_merkle_root;
    if actual == expected { Ok(()) } else { Err(RuleError::BadMerkleRoot { expected, actual }) }
}

fn check_coinbases(transactions: &[Transaction]) -> Result<(), RuleError> {
    if !transactions.first().is_some_and(Transaction::is_coinbase) {
        return Err(RuleError::FirstTxNotCoinbase);
    }
    let others = transactions.iter().enumerate().skip(1);
    match others.map(|(index, tx)| (index, tx.is_coinbase())).find(|(_, is)| *is) {
        None => Ok(()),
        Some((index, _)) => Err(RuleError::MultipleCoinbases { index }),
    }
}

impl CheckedBody<'_> {
    fn sum_masses(&mut self, params: &Params, rules: &Rules) -> Result<(), RuleError> {
        let limits = &rules.mass;
        let mut lanes = Lanes::new(params.lanes);
        for tx in &self.block.transactions {
            let mass = tx_mass(params, tx);
            self.compute_mass = self.compute_mass.saturating_add(mass.compute);
            if self.compute_mass > limits.compute {
                let (max, actual) = (limits.compute, self.compute_mass);
                return Err(RuleError::ExceedsComputeMassLimit { max, actual });
            }
            if rules.era == Era::PreCrescendo {
                continue;
            }
            self.transient_mass = self.transient_mass.saturating_add(mass.transient);
            self.storage_mass = self.storage_mass.saturating_add(tx.storage_mass);
            if self.transient_mass > limits.transient {
                let (max, actual) = (limits.transient, self.transient_mass);
                return Err(RuleError::ExceedsTransientMassLimit { max, actual });
            }
            if self.storage_mass > limits.storage {
                let (max, actual) = (limits.storage, self.storage_mass);
                return Err(RuleError::ExceedsStorageMassLimit { max, actual });
            }
            lanes.add(tx)?;
        }
        Ok(())
    }
}

/// Gas by lane. Before Toccata there is one lane without gas, so that the limits bind nobody.
struct Lanes {
    limits: LaneLimits,
    gas: SmallVec<[(SubnetworkId, u64); LANES_INLINE]>,
}

impl Lanes {
    fn new(limits: LaneLimits) -> Self {
        Self { limits, gas: SmallVec::new() }
    }

    fn add(&mut self, tx: &Transaction) -> Result<(), RuleError> {
        if tx.is_coinbase() {
            return Ok(());
        }
        let lane = tx.subnetwork_id;
        let actual = match self.gas.iter_mut().find(|(known, _)| *known == lane) {
            Some((_, gas)) => {
                *gas = gas.saturating_add(tx.gas);
                *gas
            }
            None => {
                let (max, actual) = (self.limits.lanes_per_block, self.gas.len() as u64 + 1);
                if actual > max {
                    return Err(RuleError::ExceedsLanesPerBlockLimit { max, actual });
                }
                self.gas.push((lane, tx.gas));
                tx.gas
            }
        };
        let max = self.limits.gas_per_lane;
        if actual > max {
            return Err(RuleError::ExceedsGasPerLaneLimit { lane, max, actual });
        }
        Ok(())
    }
}

/// Checks that no transaction is there twice, no output spent twice, and none made and spent.
fn check_relations(transactions: &[Transaction], ids: &[Hash256]) -> Result<(), RuleError> {
    let outputs = transactions.iter().map(|tx| tx.outputs.len());
    let mut made: Vec<(Hash256, usize)> = ids.iter().copied().zip(outputs).collect();
    made.sort_unstable();
    if let Some([(id, _), _]) = made.array_windows().find(|[(a, _), (b, _)]| a == b) {
        return Err(RuleError::DuplicateTransactions { transaction_id: *id });
    }
    let spent =
        || transactions.iter().flat_map(|tx| &tx.inputs).map(|input| input.previous_outpoint);
    if let Some(outpoint) = first_duplicate(spent().collect()) {
        return Err(RuleError::DoubleSpendInSameBlock { outpoint });
    }
    let is_made = |outpoint: &Outpoint| {
        let found = made.binary_search_by(|(id, _)| id.cmp(&outpoint.transaction_id));
        let outputs = found.ok().and_then(|at| made.get(at)).map_or(0, |(_, outputs)| *outputs);
        (outpoint.index as usize) < outputs
    };
    let chained = spent().find(is_made);
    chained.map_or(Ok(()), |outpoint| Err(RuleError::ChainedTransaction { outpoint }))
}

#[cfg(test)]
#[path = "body_tests.rs"]
mod tests;
