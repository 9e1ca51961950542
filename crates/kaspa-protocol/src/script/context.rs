//! What all inputs of one transaction share when their scripts run.

use quintet_primitives::Hash256;

use super::{Covenants, Rules};
use crate::{
    hashing::Sighash,
    tx::{PopulatedTransaction, Transaction, UtxoEntry},
};

/// What `OP_CHAINBLOCK_SEQ_COMMIT` can see of the chain, from the block that is validated (KIP-21).
pub trait SequencingCommitments: Sync {
    /// Returns whether a block is on the selected chain; `None` if it is not known any more.
    fn is_chain_ancestor(&self, block: &Hash256) -> Option<bool>;

    /// Returns the sequencing commitment of a chain block; `None` if it lies too deep.
    fn commitment_within_depth(&self, block: &Hash256) -> Option<Hash256>;
}

/// A transaction, what it spends, the rules it is under, and what its signature hashes have in common.
///
/// Its inputs are independent of each other and may run on any thread.
pub struct TxContext<'a> {
    sighash: Sighash<'a>,
    rules: &'static Rules,
    covenants: Covenants,
    commitments: Option<&'a dyn SequencingCommitments>,
}

impl core::fmt::Debug for TxContext<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("TxContext")
            .field("sighash", &self.sighash)
            .field("covenants", &self.covenants)
            .field("has_commitments", &self.commitments.is_some())
            .finish_non_exhaustive()
    }
}

impl<'a> TxContext<'a> {
    /// Joins a transaction and what it spends with the rules it is under. Hashes nothing yet.
    ///
    /// There are no covenants and no sequencing commitments to see until they are added.
    #[must_use]
    pub fn new(populated: PopulatedTransaction<'a>, rules: &'static Rules) -> Self {
        let covenants = Covenants::default();
        Self { sighash: Sighash::new(populated), rules, covenants, commitments: None }
    }

    /// Adds the covenants of the transaction, which [`Covenants::of`] has found valid.
    #[must_use]
    pub fn with_covenants(mut self, covenants: Covenants) -> Self {
        self.covenants = covenants;
        self
    }

    /// Adds a view of the chain. Without one, `OP_CHAINBLOCK_SEQ_COMMIT` has no meaning.
    #[must_use]
    pub fn with_commitments(mut self, commitments: &'a dyn SequencingCommitments) -> Self {
        self.commitments = Some(commitments);
        self
    }

    /// Returns the transaction.
    #[must_use]
    pub const fn tx(&self) -> &'a Transaction {
        self.sighash.populated().tx()
    }

    /// Returns what it spends.
    #[must_use]
    pub const fn entries(&self) -> &'a [UtxoEntry] {
        self.sighash.populated().entries()
    }

    /// Returns the rules.
    #[must_use]
    pub const fn rules(&self) -> &'static Rules {
        self.rules
    }

    /// Returns its signature hashes.
    #[must_use]
    pub const fn sighash(&self) -> &Sighash<'a> {
        &self.sighash
    }

    pub(super) const fn covenants(&self) -> &Covenants {
        &self.covenants
    }

    pub(super) const fn commitments(&self) -> Option<&'a dyn SequencingCommitments> {
        self.commitments
    }
}
