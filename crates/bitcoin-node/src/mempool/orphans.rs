//! Transactions whose parents have not been seen.
//!
//! # Invariants
//!
//! - At most [`ORPHANS_MAX`] of at most [`ORPHAN_WEIGHT_MAX`] each; when there are more, the peer with most loses its oldest.
//!
//! **Spec:** Bitcoin Core, `TxOrphanage`.

use std::collections::{BTreeMap, HashMap};

use bitcoin::{Txid, Wtxid};
use quintet_bitcoin_protocol::{Transaction, policy::standard::WEIGHT_MAX};

use crate::peers::PeerId;

/// Orphans that are kept, transactions.
pub(crate) const ORPHANS_MAX: usize = 100;
/// Heaviest orphan, weight units.
pub(crate) const ORPHAN_WEIGHT_MAX: usize = WEIGHT_MAX;

#[derive(Debug, Clone)]
struct Orphan {
    transaction: Transaction,
    from: PeerId,
    wtxid: Wtxid,
}

/// Transactions that wait for their parents.
#[derive(Debug, Default)]
pub(crate) struct Orphans {
    /// In the order they came.
    waiting: BTreeMap<u64, Orphan>,
    by_wtxid: HashMap<Wtxid, u64>,
    next: u64,
}

impl Orphans {
    /// Keeps a transaction; returns whether it was new and light enough.
    pub(crate) fn keep(&mut self, transaction: &Transaction, from: PeerId) -> bool {
        let tx = transaction.view();
        let wtxid = tx.wtxid();
        if tx.weight() > ORPHAN_WEIGHT_MAX || self.by_wtxid.contains_key(&wtxid) {
            return false;
        }
        self.insert(Orphan { transaction: transaction.clone(), from, wtxid });
        while self.waiting.len() > ORPHANS_MAX {
            self.drop_one();
        }
        true
    }

    fn insert(&mut self, orphan: Orphan) {
        self.by_wtxid.insert(orphan.wtxid, self.next);
        self.waiting.insert(self.next, orphan);
        self.next += 1;
    }

    /// Drops the oldest of the peer that has most.
    fn drop_one(&mut self) {
        let mut counts: BTreeMap<PeerId, usize> = BTreeMap::new();
        for orphan in self.waiting.values() {
            *counts.entry(orphan.from).or_default() += 1;
        }
        let most = counts.into_iter().max_by_key(|(_, count)| *count).map(|(peer, _)| peer);
        let oldest = self.waiting.iter().find(|(_, orphan)| Some(orphan.from) == most);
        if let Some(number) = oldest.map(|(number, _)| *number) {
            self.remove(number);
        }
    }

    fn remove(&mut self, number: u64) -> Option<Orphan> {
        let orphan = self.waiting.remove(&number)?;
        self.by_wtxid.remove(&orphan.wtxid);
        Some(orphan)
    }

    /// Returns whether a transaction waits.
    #[must_use]
    pub(crate) fn contains(&self, wtxid: &Wtxid) -> bool {
        self.by_wtxid.contains_key(wtxid)
    }

    /// Takes those that spend from a transaction.
    pub(crate) fn take_children(&mut self, parent: &Txid) -> Vec<Transaction> {
        let spends = |orphan: &Orphan| {
            orphan.transaction.view().inputs().any(|input| input.previous.txid == *parent)
        };
        let numbers: Vec<u64> = self
            .waiting
            .iter()
            .filter(|(_, orphan)| spends(orphan))
            .map(|(number, _)| *number)
            .collect();
        let taken = numbers.into_iter().filter_map(|number| self.remove(number));
        taken.map(|orphan| orphan.transaction).collect()
    }

    /// Puts one back whose other parents are still missing.
    pub(crate) fn put_back(&mut self, transaction: Transaction) {
        let wtxid = transaction.view().wtxid();
        self.insert(Orphan { transaction, from: PeerId::MAX, wtxid });
    }

    /// Drops what a peer sent.
    pub(crate) fn peer_gone(&mut self, peer: PeerId) {
        let gone: Vec<u64> = self
            .waiting
            .iter()
            .filter(|(_, orphan)| orphan.from == peer)
            .map(|(number, _)| *number)
            .collect();
        for number in gone {
            self.remove(number);
        }
    }

    /// Drops those that are in a block, or spend what it spent.
    pub(crate) fn block_connected(&mut self, spent: &std::collections::HashSet<bitcoin::OutPoint>) {
        let gone: Vec<u64> = self
            .waiting
            .iter()
            .filter(|(_, orphan)| {
                orphan.transaction.view().inputs().any(|input| spent.contains(&input.previous))
            })
            .map(|(number, _)| *number)
            .collect();
        for number in gone {
            self.remove(number);
        }
    }

    /// Returns whether none waits.
    #[must_use]
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}
