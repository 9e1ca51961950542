//! What becomes of a transaction that wants into the pool.

use std::borrow::Cow;

use bitcoin::{Txid, Wtxid};
use thiserror::Error;

/// Why a transaction does not enter the pool, in Bitcoin Core's words.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{reason}{}{detail}", if detail.is_empty() { "" } else { ", " })]
pub struct Refusal {
    /// The reason, word for word.
    pub reason: Cow<'static, str>,
    /// What more there is to say; may be empty.
    pub detail: String,
    /// Whether another witness might pass: then only this one is remembered.
    pub(crate) witness_only: bool,
}

impl Refusal {
    pub(crate) fn new(reason: impl Into<Cow<'static, str>>) -> Self {
        Self { reason: reason.into(), detail: String::new(), witness_only: true }
    }

    pub(crate) fn with(reason: impl Into<Cow<'static, str>>, detail: impl Into<String>) -> Self {
        Self { reason: reason.into(), detail: detail.into(), witness_only: true }
    }

    /// Returns whether it spends outputs nobody has seen.
    #[must_use]
    pub fn is_missing_inputs(&self) -> bool {
        self.reason == "bad-txns-inputs-missingorspent"
    }
}

/// A transaction that entered the pool, or would.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AcceptedTransaction {
    /// The id that leaves witnesses out.
    pub txid: Txid,
    /// The id that covers witnesses.
    pub wtxid: Wtxid,
    /// Its size for fees, virtual bytes.
    pub vsize: u64,
    /// What it pays, satoshis.
    pub fee: u64,
    /// Transactions it took the place of.
    pub replaced: Vec<Txid>,
}

/// What becomes of a transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is in the pool, or would be.
    Accepted(AcceptedTransaction),
    /// It is not.
    Refused(Refusal),
}
