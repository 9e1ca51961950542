//! What the header and the coinbase of a chain block must say of what it accepts.
//!
//! The rules come in the reference's order: the first that is broken names the fault.
//!
//! Reference: `verify_expected_utxo_state`.

use quintet_primitives::Hash256;

use super::{Acceptance, MergedBody, UtxoDiff};
use crate::{
    coinbase::{BlockReward, CoinbaseError, CoinbasePayload, MinerData, expected_coinbase},
    dag::{BlockId, Ghostdag},
    hashing::{UtxoMuHash, accepted_id_root_canonical, accepted_id_root_sorted, utxo_element},
    header::Header,
    params::{Era, Params},
    tx::{Outpoint, Transaction, UtxoEntry},
    validation::RuleError,
};

/// Applies a diff to the hash of the set it begins at.
pub fn apply_to_multiset(multiset: &mut UtxoMuHash, diff: &UtxoDiff) {
    diff.added().iter().for_each(|(outpoint, entry)| insert_entry(multiset, outpoint, entry));
    diff.removed().iter().for_each(|(outpoint, entry)| remove_entry(multiset, outpoint, entry));
}

/// Adds an entry to the hash of a set.
pub fn insert_entry(multiset: &mut UtxoMuHash, outpoint: &Outpoint, entry: &UtxoEntry) {
    multiset.insert(&[&utxo_element(outpoint, entry)]);
}

/// Takes an entry out of the hash of a set.
pub fn remove_entry(multiset: &mut UtxoMuHash, outpoint: &Outpoint, entry: &UtxoEntry) {
    multiset.remove(&[&utxo_element(outpoint, entry)]);
}

/// Returns what a header before Toccata must say of the accepted transactions, by the DAA score of its block.
///
/// `None` since Toccata: there it is the sequencing commitment, which needs the state of lanes.
#[must_use]
pub fn accepted_id_root(
    params: &Params,
    daa_score: u64,
    selected_parent_root: &Hash256,
    acceptance: &Acceptance,
) -> Option<Hash256> {
    match params.era_at(daa_score) {
        Era::PreCrescendo => Some(accepted_id_root_sorted(acceptance.ids())),
        Era::Crescendo => Some(accepted_id_root_canonical(selected_parent_root, acceptance.ids())),
        Era::Toccata => None,
    }
}

/// What the merged blocks are due, in the order of a mergeset.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rewards {
    blues: Vec<BlockReward>,
    reds: Vec<BlockReward>,
}

impl Rewards {
    /// Reads what each merged block is due from its coinbase and its accepted transactions. `non_daa` are the merged blocks that are too old
    /// for the difficulty window.
    ///
    /// # Errors
    ///
    /// [`CoinbaseError`]: a payload cannot be read, which body validation should have refused.
    pub fn of(
        params: &Params,
        ghostdag: &Ghostdag,
        non_daa: &[BlockId],
        bodies: &[MergedBody<'_>],
        acceptance: &Acceptance,
    ) -> Result<Self, CoinbaseError> {
        let mut due = Vec::with_capacity(bodies.len());
        for (body, merged) in bodies.iter().zip(&acceptance.merged) {
            let payload = body.transactions.first().map_or(&[][..], |coinbase| &coinbase.payload);
            let payload = CoinbasePayload::decode(params, payload)?;
            due.push((
                body.block,
                BlockReward {
                    subsidy: payload.subsidy,
                    fees: merged.fees(),
                    script_public_key: payload.miner.script_public_key,
                    in_daa_window: !non_daa.contains(&body.block),
                },
            ));
        }
        due.sort_unstable_by_key(|(block, _)| *block);
        let of = |block: &BlockId| {
            let place = due.binary_search_by_key(block, |(block, _)| *block).ok()?;
            Some(due[place].1.clone())
        };
        Ok(Self {
            blues: ghostdag.blues.iter().filter_map(of).collect(),
            reds: ghostdag.reds.iter().filter_map(of).collect(),
        })
    }

    /// Returns the coinbase that pays them.
    ///
    /// # Errors
    ///
    /// [`CoinbaseError::ScriptTooLong`] if the miner's script is.
    pub fn coinbase(
        &self,
        params: &Params,
        daa_score: u64,
        blue_score: u64,
        miner: MinerData<'_>,
    ) -> Result<Transaction, CoinbaseError> {
        expected_coinbase(params, daa_score, blue_score, miner, &self.blues, &self.reds)
    }
}

/// A chain block and what was computed for it.
#[derive(Debug)]
pub struct Claims<'a> {
    /// Its header.
    pub header: &'a Header,
    /// Its first transaction.
    pub coinbase: &'a Transaction,
    /// Blues in its past.
    pub blue_score: u64,
    /// What its mergeset is due.
    pub rewards: &'a Rewards,
    /// The hash of its set.
    pub utxo_commitment: Hash256,
    /// What it must say of the accepted transactions.
    pub accepted_id_root: Hash256,
    /// Its pruning point.
    pub pruning_point: Hash256,
    /// Its selected parent.
    pub selected_parent: Hash256,
}

impl Claims<'_> {
    /// Checks the header and the coinbase; the transactions come after that ([`check_transactions`](super::check_transactions)).
    ///
    /// # Errors
    ///
    /// The first rule broken.
    pub fn check(&self, params: &Params) -> Result<(), RuleError> {
        let header = self.header;
        let (expected, actual) = (self.utxo_commitment, header.utxo_commitment);
        if actual != expected {
            return Err(RuleError::BadUTXOCommitment { expected, actual });
        }
        let (expected, actual) = (self.accepted_id_root, header.accepted_id_merkle_root);
        if actual != expected {
            return Err(RuleError::BadAcceptedIDMerkleRoot { expected, actual });
        }
        let payload = CoinbasePayload::decode(params, &self.coinbase.payload)
            .map_err(|source| RuleError::BadCoinbasePayload { source })?;
        let expected = self
            .rewards
            .coinbase(params, header.daa_score, self.blue_score, payload.miner)
            .map_err(|source| RuleError::BadCoinbasePayload { source })?;
        if expected.hash() != self.coinbase.hash() {
            return Err(RuleError::BadCoinbaseTransaction);
        }
        // Before Crescendo a header with another one was no header at all: it was refused earlier.
        let (expected, actual) = (self.pruning_point, header.pruning_point);
        if actual != expected {
            return Err(RuleError::WrongHeaderPruningPoint { expected, actual });
        }
        let first = header.direct_parents().first().copied().unwrap_or_default();
        let (expected, actual) = (self.selected_parent, first);
        if params.era_at(header.daa_score) >= Era::Toccata && actual != expected {
            return Err(RuleError::WrongSelectedParentOrder { expected, actual });
        }
        Ok(())
    }
}
