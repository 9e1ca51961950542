//! What all inputs of one transaction share when their scripts run.
//!
//! Signature hashes cover the whole transaction. Computed anew for each input that would be quadratic, so
//! the parts that are the same for all inputs are hashed once, by the first input that needs them, on
//! whichever thread it runs, and read by the others.
//!
//! **Spec:** BIP-0143 (the three digests), BIP-0341 (these, and those of what is spent).

use std::sync::OnceLock;

use super::sighash::{self, Bip143, Blank, Common, SighashCache, Spent, TapscriptLeaf};
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

    /// Returns what a signature in a version 0 witness program signs; `None` if there is no such input.
    ///
    /// **Spec:** BIP-0143. Signers take it from here; verification does the same by itself.
    #[must_use]
    pub fn segwit_sighash(
        &self,
        input: usize,
        script_code: &[u8],
        hash_type: u8,
    ) -> Option<[u8; 32]> {
        self.tx.input(input).and(self.spent.get(input))?;
        let cache = &mut SighashCache::default();
        Some(sighash::ecdsa_message(self, input, script_code, hash_type, true, cache))
    }

    /// Returns what a taproot signature signs: by the key path, or, with `leaf`, in a tapscript.
    ///
    /// `None` if there is no such input, the hash type is unknown, or it signs an output that does not exist.
    ///
    /// **Spec:** BIP-0341, BIP-0342.
    #[must_use]
    pub fn taproot_sighash(
        &self,
        input: usize,
        hash_type: u8,
        annex: Option<&[u8]>,
        leaf: Option<&TapscriptLeaf>,
    ) -> Option<[u8; 32]> {
        let annex = annex.map(sighash::annex_digest);
        sighash::tapscript_or_key(self, input, hash_type, annex.as_ref(), leaf)
    }

    /// Returns the outputs as serialised, without their count.
    pub(super) fn serialized_outputs(&self) -> &'a [u8] {
        let body = self.tx.body();
        let start =
            self.outputs.get_or_init(|| body.len() - sighash::serialized_outputs(self.tx).len());
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
