//! A transaction in the pool.

use std::{collections::BTreeSet, mem::size_of, sync::Arc};

use quintet_primitives::Hash256;

use super::{Candidate, Masses, Policy};
use crate::tx::{Transaction, TransactionInput, TransactionOutput, UtxoEntry};

/// What maps, sets and allocations take besides a transaction's own bytes, about.
const OVERHEAD_BYTES: usize = 600;

/// Who brought a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Priority {
    /// A peer: it may be evicted and expires.
    Low,
    /// A client of this node: it stays.
    High,
}

/// A transaction whose scripts were verified, with what it spends.
#[derive(Debug, Clone)]
pub struct Checked {
    /// The transaction; its storage mass is committed to.
    pub tx: Arc<Transaction>,
    /// Its id.
    pub id: Hash256,
    /// What it spends, one entry an input; of the pool's own with [`UNACCEPTED_DAA_SCORE`](super::UNACCEPTED_DAA_SCORE).
    pub entries: Vec<UtxoEntry>,
    /// Its masses.
    pub masses: Masses,
    /// What it pays, sompi.
    pub fee: u64,
}

impl Checked {
    /// Returns the transaction as the frontier knows it.
    #[must_use]
    pub fn candidate(&self, policy: &Policy) -> Candidate {
        Candidate {
            id: self.id,
            fee: self.fee,
            mass: self.masses.normalised(&policy.block_mass).max(1),
            lane: self.tx.subnetwork_id,
            gas: self.tx.gas,
        }
    }

    /// Returns the bytes of memory it takes, about.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let entries = self.entries.iter();
        bytes_of(&self.tx)
            + entries
                .map(|entry| size_of::<UtxoEntry>() + entry.script_public_key.script.len())
                .sum::<usize>()
    }
}

/// Returns the bytes of memory a transaction takes, about.
pub(super) fn bytes_of(tx: &Transaction) -> usize {
    let inputs = tx.inputs.iter();
    let outputs = tx.outputs.iter();
    OVERHEAD_BYTES
        + tx.payload.len()
        + inputs
            .map(|input| 2 * size_of::<TransactionInput>() + input.signature_script.len())
            .sum::<usize>()
        + outputs
            .map(|output| size_of::<TransactionOutput>() + output.script_public_key.script.len())
            .sum::<usize>()
}

/// A transaction in the pool.
#[derive(Debug, Clone)]
pub struct PoolEntry {
    /// The transaction.
    pub checked: Checked,
    /// Who brought it.
    pub priority: Priority,
    /// DAA score of the virtual block when it came.
    pub added_at: u64,
    /// Those of the pool it spends of.
    pub parents: BTreeSet<Hash256>,
    /// Those of the pool that spend of it.
    pub children: BTreeSet<Hash256>,
}
