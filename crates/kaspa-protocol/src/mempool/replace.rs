//! Replacement by fee.
//!
//! | policy | nothing spends the same | one does | several do |
//! |---|---|---|---|
//! | forbidden | added | refused | refused |
//! | allowed | added | replaced if it pays less | all replaced if each pays less |
//! | mandatory | refused | replaced if it pays less | refused |
//!
//! What is replaced goes with all that spends of it. To pay less is to have a lower fee rate.
//!
//! Reference: `mining/src/mempool/replace_by_fee.rs`.

use std::{cmp::Ordering, collections::BTreeSet};

use quintet_primitives::Hash256;

use super::{Candidate, Pool, Refusal};
use crate::tx::{Outpoint, Transaction};

/// What may be done about transactions that spend the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Replacement {
    /// Nothing: what a client submits.
    Forbidden,
    /// They are replaced where they are in the way: what peers bring.
    Allowed,
    /// Exactly one must be replaced: what a client submits as a replacement.
    Mandatory,
}

impl Pool {
    /// Returns the transactions of the pool that spend what this one does, and the first outpoint each shares.
    fn rivals(&self, tx: &Transaction) -> Vec<(Outpoint, Hash256)> {
        let mut seen = BTreeSet::new();
        let spent = tx.inputs.iter().map(|input| input.previous_outpoint);
        let owned = spent.filter_map(|outpoint| Some((outpoint, self.spender(&outpoint)?)));
        owned.filter(|(_, owner)| seen.insert(*owner)).collect()
    }

    /// Checks the policy as far as it does not ask for fees.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    ///
    /// Reference: `validate_replace_by_fee_policy_constraints`.
    pub fn check_replacement(
        &self,
        tx: &Transaction,
        replacement: Replacement,
    ) -> Result<(), Refusal> {
        self.replaced(tx, replacement).map(|_| ())
    }

    fn replaced(
        &self,
        tx: &Transaction,
        replacement: Replacement,
    ) -> Result<Vec<Hash256>, Refusal> {
        let rivals = self.rivals(tx);
        match (replacement, rivals.as_slice()) {
            (Replacement::Forbidden, [(outpoint, owner), ..]) => {
                return Err(Refusal::DoubleSpend { outpoint: *outpoint, owner: *owner });
            }
            (Replacement::Mandatory, []) => return Err(Refusal::NothingToReplace),
            (Replacement::Mandatory, [_, _, ..]) => return Err(Refusal::TooManyToReplace),
            _ => {}
        }
        Ok(rivals.into_iter().map(|(_, owner)| owner).collect())
    }

    /// Checks that a transaction pays more than each it would replace, before its scripts are run. Returns those it would replace.
    ///
    /// # Errors
    ///
    /// [`Refusal`].
    ///
    /// Reference: `validate_double_spending_transaction`, `check_feerate_threshold`.
    pub fn check_pays_more(
        &self,
        tx: &Transaction,
        candidate: &Candidate,
        replacement: Replacement,
    ) -> Result<Vec<Hash256>, Refusal> {
        let replaced = self.replaced(tx, replacement)?;
        for owner in &replaced {
            let Some(entry) = self.get(owner) else { continue };
            let theirs = entry.checked.candidate(self.policy());
            if candidate.cmp_feerate(&theirs) != Ordering::Greater {
                return Err(Refusal::FeeRateTooLow { owner: *owner });
            }
        }
        Ok(replaced)
    }
}
