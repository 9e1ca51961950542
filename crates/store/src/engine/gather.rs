//! Merges the many small tables that fjall leaves on the disk.
//!
//! Its compaction moves a table whose keys overlap no other's to the lowest level as it is, and never looks at it again. Keys that only
//! rise (numbers of blocks, say) thus leave one table for each time memory was written out, for ever: a thousand an hour where memory is
//! small, each with an index and a filter at hand.
//!
//! # Invariants
//!
//! - One merge at a time in a database, on a thread of its own; it has ended when the database is closed.
//! - What is rewritten has grown by half since it was last: every byte is rewritten a number of times that grows with the logarithm of the
//!   size, not with the size.

use std::{
    collections::BTreeMap,
    mem,
    sync::{Mutex, PoisonError},
    thread::{self, JoinHandle},
};

use fjall::Keyspace;

/// Tables of one keyspace on the disk that are no trouble.
const TABLES_FEW: u64 = 8;

/// Tables that take as much on average are large enough, bytes.
const BYTES_ENOUGH: u64 = 4 << 20;

/// What was merged in a database, and what is.
#[derive(Debug, Default)]
pub(super) struct Gather {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// What each table took when it was last merged, bytes.
    merged: BTreeMap<String, u64>,
    running: Option<JoinHandle<()>>,
}

/// Whether `tables` that take `bytes` together, `merged` of them when they were merged last, are many and small enough for another merge.
const fn is_worth_it(tables: u64, bytes: u64, merged: u64) -> bool {
    tables > TABLES_FEW && bytes / tables < BYTES_ENOUGH && bytes >= merged + merged / 2
}

impl Gather {
    /// Looks at a table something was just written out of, and begins to merge it if it is worth it and nothing else is being merged.
    pub(super) fn look(&self, name: &str, table: &Keyspace) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.running.as_ref().is_some_and(|running| !running.is_finished()) {
            return;
        }
        let merged = state.merged.get(name).copied().unwrap_or_default();
        let (tables, bytes) = (table.table_count() as u64, table.disk_space());
        if !is_worth_it(tables, bytes, merged) {
            return;
        }
        state.merged.insert(name.to_owned(), bytes);
        let (name, table) = (name.to_owned(), table.clone());
        let merge = move || {
            // A failure is no loss: all is as it was, and what ails the disk is told by whoever writes next.
            if let Err(error) = table.major_compact() {
                tracing::warn!(table = name, %error, "tables on the disk were not merged");
            }
        };
        match thread::Builder::new().name("gather".to_owned()).spawn(merge) {
            Ok(running) => state.running = Some(running),
            Err(error) => tracing::warn!(%error, "no thread to merge tables on"),
        }
    }

    /// Waits until nothing is being merged.
    pub(super) fn finish(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(running) = mem::take(&mut state.running) {
            let _panicked = running.join();
        }
    }
}

impl Drop for Gather {
    fn drop(&mut self) {
        self.finish();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_small_tables_are_merged_again_when_they_have_grown_by_half() {
        assert!(!is_worth_it(8, 1 << 20, 0), "few");
        assert!(is_worth_it(9, 1 << 20, 0));
        assert!(!is_worth_it(9, 9 * BYTES_ENOUGH, 0), "large");
        assert!(!is_worth_it(100, 140, 100), "grown by less than half");
        assert!(is_worth_it(100, 150, 100));
    }
}
