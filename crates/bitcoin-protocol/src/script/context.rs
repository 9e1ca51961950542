//! What all inputs of one transaction share when their scripts run.
//!
//! Signature hashes cover the whole transaction. Computed anew for each input that would be quadratic, so
//! the parts that are the same for all inputs are hashed once, by the first input that needs them, on
//! whichever thread it runs, and read by the others.
//!
//! **Spec:** BIP-0143 (the three digests), BIP-0341 (these, and those of what is spent).

use std::sync::OnceLock;

use super::sighash::{Bip143, Blank, Common, Spent};
use crate::transaction::{Output, Tx};

/// A transaction, the outputs it spends, and what its signature hashes have in common.
#[derive(Debug)]
pub struct TxContext<'a> {
    tx: Tx<'a>,
    spent: Vec<Output<'a>>,
    /// Where in the body the outputs begin, bytes.
    outputs: OnceLock<usize>,
    common: OnceLock<Common>,
    bip143: OnceLock<Bip143>,
    spent_digests: OnceLock<Spent>,
    blank: OnceLock<Blank>,
}

impl<'a> TxContext<'a> {
    /// Joins a transaction with the outputs it spends, in the order of its inputs.
    ///
    /// Hashes nothing yet. An input without its output, because `spent` is too short, does not verify.
    #[must_use]
    pub const fn new(tx: Tx<'a>, spent: Vec<Output<'a>>) -> Self {
        Self {
            tx,
            spent,
            outputs: OnceLock::new(),
            common: OnceLock::new(),
            bip143: OnceLock::new(),
            spent_digests: OnceLock::new(),
            blank: OnceLock::new(),
        }
    }

    /// Returns the transaction.
    #[must_use]
    pub const fn tx(&self) -> Tx<'a> {
        self.tx
    }

    /// Returns the outputs it spends.
    #[must_use]
    pub fn spent(&self) -> &[Output<'a>] {
        &self.spent
    }

    /// Returns the outputs as serialised, without their count.
    pub(super) fn serialized_outputs(&self) -> &'a [u8] {
        let body = self.tx.body();
        let start = self
            .outputs
            .get_or_init(|| body.len() - super::sighash::serialized_outputs(self.tx).len());
        &body[*start..]
    }

    pub(super) fn common(&self) -> &Common {
        self.common.get_or_init(|| Common::new(self.tx, self.serialized_outputs()))
    }

    pub(super) fn bip143(&self) -> &Bip143 {
        self.bip143.get_or_init(|| Bip143::new(self.common()))
    }

    pub(super) fn spent_digests(&self) -> &Spent {
        self.spent_digests.get_or_init(|| Spent::new(&self.spent))
    }

    pub(super) fn blank(&self) -> &Blank {
        self.blank.get_or_init(|| Blank::new(self.tx))
    }
}
