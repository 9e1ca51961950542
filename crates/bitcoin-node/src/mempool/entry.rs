//! One transaction of the pool.

use std::collections::BTreeSet;

use bitcoin::{Txid, Wtxid};
use bytes::Bytes;
use quintet_bitcoin_protocol::{
    Transaction, Tx,
    policy::{fee::FeeFraction, standard::BYTES_PER_SIGOP},
};

/// Memory of an entry besides its transaction, bytes.
const OVERHEAD_BYTES: usize = 768;

/// A transaction of the pool, with what was found out about it.
#[derive(Debug, Clone)]
pub struct Entry {
    transaction: Transaction,
    bytes: Bytes,
    /// What it pays, satoshis.
    pub fee: u64,
    /// What the operator adds to that for the order, satoshis.
    pub delta: i64,
    /// Cost of its signature operations.
    pub sigop_cost: u64,
    /// When it came, Unix seconds.
    pub time: u64,
    /// Height of the chain when it came.
    pub height: u32,
    /// Whether it spends a coinbase.
    pub spends_coinbase: bool,
    /// Transactions of the pool it spends from.
    pub(super) parents: BTreeSet<Txid>,
    /// Transactions of the pool that spend from it.
    pub(super) children: BTreeSet<Txid>,
    /// The chunk it is in.
    pub(super) chunk: u64,
}

impl Entry {
    pub(super) const fn new(
        transaction: Transaction,
        bytes: Bytes,
        fee: u64,
        sigop_cost: u64,
    ) -> Self {
        Self {
            transaction,
            bytes,
            fee,
            delta: 0,
            sigop_cost,
            time: 0,
            height: 0,
            spends_coinbase: false,
            parents: BTreeSet::new(),
            children: BTreeSet::new(),
            chunk: 0,
        }
    }

    /// Returns the transaction.
    #[must_use]
    pub fn tx(&self) -> Tx<'_> {
        self.transaction.view()
    }

    /// Returns the transaction with its buffer.
    #[must_use]
    pub const fn transaction(&self) -> &Transaction {
        &self.transaction
    }

    /// Returns its serialisation.
    #[must_use]
    pub const fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// Returns the id that leaves witnesses out.
    #[must_use]
    pub fn txid(&self) -> Txid {
        self.tx().txid()
    }

    /// Returns the id that covers witnesses.
    #[must_use]
    pub fn wtxid(&self) -> Wtxid {
        self.tx().wtxid()
    }

    /// Returns its size for fees, virtual bytes: signature operations count, if they weigh more.
    #[must_use]
    pub fn vsize(&self) -> u64 {
        vsize(self.tx().weight(), self.sigop_cost)
    }

    /// Returns its fee and size for the order.
    #[must_use]
    pub fn fraction(&self) -> FeeFraction {
        let fee = i64::try_from(self.fee).unwrap_or(i64::MAX).saturating_add(self.delta);
        FeeFraction { fee, size: self.vsize() }
    }

    /// Returns satoshis for 1,000 virtual bytes, without what the operator added.
    #[must_use]
    pub fn fee_rate(&self) -> i64 {
        let fee = i64::try_from(self.fee).unwrap_or(i64::MAX);
        FeeFraction { fee, size: self.vsize() }.per_kilo()
    }

    /// Returns the transactions of the pool it spends from.
    #[must_use]
    pub const fn parents(&self) -> &BTreeSet<Txid> {
        &self.parents
    }

    /// Returns the transactions of the pool that spend from it.
    #[must_use]
    pub const fn children(&self) -> &BTreeSet<Txid> {
        &self.children
    }

    /// Returns the memory it takes, bytes.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.bytes.len() * 2 + OVERHEAD_BYTES
    }
}

/// Returns the size for fees, virtual bytes.
///
/// **Spec:** Bitcoin Core, `GetVirtualTransactionSize`.
pub(super) fn vsize(weight: usize, sigop_cost: u64) -> u64 {
    (weight as u64).max(sigop_cost.saturating_mul(BYTES_PER_SIGOP)).div_ceil(4)
}
