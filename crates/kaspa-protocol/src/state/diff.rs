//! What changes in a UTXO set from one place of the DAG to another.
//!
//! ```text
//!   set(selected parent) ──diff(block)──► set(block)
//!   set(block) ──diff(block) reversed──► set(selected parent)          selected-chain switches go back and forth
//! ```
//!
//! # Invariants
//!
//! - An entry is added once and removed once: what a diff adds and takes away again is not in it.
//! - An outpoint may be removed with one entry and added with another: a transaction accepted at another DAA score makes another entry.
//!
//! Reference: `consensus/core/src/utxo/utxo_diff.rs`.

use std::collections::{HashMap, hash_map::Entry};

use thiserror::Error;

use crate::tx::{Outpoint, UtxoEntry};

/// Entries by outpoint.
pub type UtxoMap = HashMap<Outpoint, UtxoEntry>;

/// Diffs that do not fit one another: their chain is broken, or a set is not the one they were made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DiffError {
    /// The entry was added before.
    #[error("expected {outpoint} to be added once, it was added before")]
    DoubleAdd {
        /// Of the entry.
        outpoint: Outpoint,
    },
    /// The entry was removed before.
    #[error("expected {outpoint} to be removed once, it was removed before")]
    DoubleRemove {
        /// Of the entry.
        outpoint: Outpoint,
    },
}

/// Entries that come and entries that go.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UtxoDiff {
    added: UtxoMap,
    removed: UtxoMap,
}

/// What a diff says of an outpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DiffEntry<'a> {
    /// It is unspent, with this entry.
    Unspent(&'a UtxoEntry),
    /// It is spent.
    Spent,
    /// Nothing: whatever the set below says holds.
    Unchanged,
}

impl UtxoDiff {
    /// Makes a diff that changes nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes a diff of what it adds and what it removes. The same entry must not be in both.
    #[must_use]
    pub const fn from_parts(added: UtxoMap, removed: UtxoMap) -> Self {
        Self { added, removed }
    }

    /// Returns the entries that come.
    #[must_use]
    pub const fn added(&self) -> &UtxoMap {
        &self.added
    }

    /// Returns the entries that go.
    #[must_use]
    pub const fn removed(&self) -> &UtxoMap {
        &self.removed
    }

    /// Returns whether nothing changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty()
    }

    /// Returns how many entries come and go.
    #[must_use]
    pub fn len(&self) -> usize {
        self.added.len() + self.removed.len()
    }

    /// Returns what the diff says of an outpoint.
    #[must_use]
    pub fn get(&self, outpoint: &Outpoint) -> DiffEntry<'_> {
        match self.added.get(outpoint) {
            Some(entry) => DiffEntry::Unspent(entry),
            None if self.removed.contains_key(outpoint) => DiffEntry::Spent,
            None => DiffEntry::Unchanged,
        }
    }

    /// Adds an entry.
    ///
    /// # Errors
    ///
    /// [`DiffError::DoubleAdd`]; nothing has changed then.
    pub fn add(&mut self, outpoint: Outpoint, entry: UtxoEntry) -> Result<(), DiffError> {
        if self.removed.get(&outpoint) == Some(&entry) {
            self.removed.remove(&outpoint);
            return Ok(());
        }
        match self.added.entry(outpoint) {
            Entry::Occupied(_) => Err(DiffError::DoubleAdd { outpoint }),
            Entry::Vacant(place) => {
                place.insert(entry);
                Ok(())
            }
        }
    }

    /// Removes an entry.
    ///
    /// # Errors
    ///
    /// [`DiffError::DoubleRemove`]; nothing has changed then.
    pub fn remove(&mut self, outpoint: Outpoint, entry: UtxoEntry) -> Result<(), DiffError> {
        if self.added.get(&outpoint) == Some(&entry) {
            self.added.remove(&outpoint);
            return Ok(());
        }
        match self.removed.entry(outpoint) {
            Entry::Occupied(_) => Err(DiffError::DoubleRemove { outpoint }),
            Entry::Vacant(place) => {
                place.insert(entry);
                Ok(())
            }
        }
    }

    /// Goes on with `next`: afterwards this is the way of both.
    ///
    /// # Errors
    ///
    /// [`DiffError`] if `next` does not begin where this ends; a part of it may have been taken over then.
    pub fn then(&mut self, next: &Self) -> Result<(), DiffError> {
        self.walk(&next.removed, &next.added)
    }

    /// Goes back over `last`: afterwards this ends where `last` begins.
    ///
    /// # Errors
    ///
    /// [`DiffError`] if this does not end where `last` does; a part of it may have been taken back then.
    pub fn then_reversed(&mut self, last: &Self) -> Result<(), DiffError> {
        self.walk(&last.added, &last.removed)
    }

    fn walk(&mut self, removed: &UtxoMap, added: &UtxoMap) -> Result<(), DiffError> {
        for (outpoint, entry) in removed {
            self.remove(*outpoint, entry.clone())?;
        }
        for (outpoint, entry) in added {
            self.add(*outpoint, entry.clone())?;
        }
        Ok(())
    }

    /// Returns the way back.
    #[must_use]
    pub fn reversed(self) -> Self {
        Self { added: self.removed, removed: self.added }
    }
}

#[cfg(test)]
mod tests {
    use quintet_primitives::Hash256;

    use super::*;
    use crate::tx::ScriptPublicKey;

    fn outpoint(number: u8) -> Outpoint {
        Outpoint::new(Hash256::new([number; 32]), 0)
    }

    fn entry(block_daa_score: u64) -> UtxoEntry {
        UtxoEntry {
            amount: 1,
            script_public_key: ScriptPublicKey::default(),
            block_daa_score,
            is_coinbase: false,
            covenant_id: None,
        }
    }

    #[test]
    fn what_comes_and_goes_leaves_no_trace() {
        let mut diff = UtxoDiff::new();
        diff.add(outpoint(1), entry(5)).unwrap();
        diff.remove(outpoint(1), entry(5)).unwrap();
        assert!(diff.is_empty());
        diff.remove(outpoint(2), entry(5)).unwrap();
        assert_eq!(diff.get(&outpoint(2)), DiffEntry::Spent);
        diff.add(outpoint(2), entry(5)).unwrap();
        assert_eq!(diff.get(&outpoint(2)), DiffEntry::Unchanged);
        assert!(diff.is_empty());
    }

    #[test]
    fn an_entry_comes_once_and_goes_once() {
        let mut diff = UtxoDiff::new();
        diff.add(outpoint(1), entry(5)).unwrap();
        assert_eq!(
            diff.add(outpoint(1), entry(5)),
            Err(DiffError::DoubleAdd { outpoint: outpoint(1) })
        );
        diff.remove(outpoint(2), entry(5)).unwrap();
        assert_eq!(
            diff.remove(outpoint(2), entry(5)),
            Err(DiffError::DoubleRemove { outpoint: outpoint(2) })
        );
    }

    #[test]
    fn an_output_accepted_elsewhere_is_another_entry() {
        let mut diff = UtxoDiff::new();
        diff.remove(outpoint(1), entry(5)).unwrap();
        diff.add(outpoint(1), entry(6)).unwrap();
        assert_eq!(diff.len(), 2);
        assert_eq!(diff.get(&outpoint(1)), DiffEntry::Unspent(&entry(6)));
        diff.remove(outpoint(1), entry(6)).unwrap();
        diff.add(outpoint(1), entry(5)).unwrap();
        assert!(diff.is_empty());
    }

    #[test]
    fn the_way_there_and_back_is_no_way() {
        let mut first = UtxoDiff::new();
        first.add(outpoint(1), entry(1)).unwrap();
        first.remove(outpoint(2), entry(1)).unwrap();
        let mut second = UtxoDiff::new();
        second.remove(outpoint(1), entry(1)).unwrap();
        second.add(outpoint(3), entry(2)).unwrap();
        let mut way = first.clone();
        way.then(&second).unwrap();
        assert_eq!((way.added().len(), way.removed().len()), (1, 1));
        way.then_reversed(&second).unwrap();
        assert_eq!(way, first);
        way.then(&first.clone().reversed()).unwrap();
        assert!(way.is_empty());
    }
}
