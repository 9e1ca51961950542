//! Changes that the tables do not hold yet: sorted, each row with the commits that wrote it.
//!
//! ```text
//!   table ─► key ─► commit 41: value · commit 57: removed · commit 60: value
//!   read as of commit 58: removed
//! ```

use std::{
    borrow::Cow,
    collections::BTreeMap,
    ops::Bound,
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use quintet_store::{Direction, KeyRange, Op, segment::Position};

/// A value, or that the row was removed.
pub(super) type Value = Option<Vec<u8>>;

/// What a row costs on top of its key and value, bytes.
const ROW_OVERHEAD_BYTES: usize = 96;

/// Rows written before readers of the same table get their turn.
const ROWS_AT_ONCE: usize = 512;

/// What commits made of one row.
#[derive(Debug)]
struct Versions {
    newest: (u64, Value),
    /// Those before it, the oldest first.
    older: Vec<(u64, Value)>,
}

impl Versions {
    fn at(&self, commit: u64) -> Option<&Value> {
        if self.newest.0 <= commit {
            return Some(&self.newest.1);
        }
        let at = self.older.partition_point(|(written, _)| *written <= commit).checked_sub(1)?;
        self.older.get(at).map(|(_, value)| value)
    }
}

type Rows = RwLock<BTreeMap<Vec<u8>, Versions>>;

/// Changes of some commits, one after the other.
#[derive(Debug, Default)]
pub(super) struct Generation {
    tables: RwLock<BTreeMap<Cow<'static, str>, Arc<Rows>>>,
    bytes: AtomicUsize,
    /// Where the journal goes on behind them.
    end: Mutex<Option<Position>>,
}

impl Generation {
    fn rows(&self, table: &str) -> Option<Arc<Rows>> {
        self.tables.read().unwrap_or_else(PoisonError::into_inner).get(table).cloned()
    }

    fn rows_or_new(&self, table: Cow<'static, str>) -> Arc<Rows> {
        if let Some(rows) = self.rows(&table) {
            return rows;
        }
        let mut tables = self.tables.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(tables.entry(table).or_default())
    }

    /// Bytes held, about.
    pub(super) fn bytes(&self) -> usize {
        self.bytes.load(Relaxed)
    }

    pub(super) fn end(&self) -> Option<Position> {
        *self.end.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says where the journal goes on behind what is held.
    pub(super) fn set_end(&self, end: Position) {
        *self.end.lock().unwrap_or_else(PoisonError::into_inner) = Some(end);
    }

    /// Adds a commit, whose number is above all before. Rows lie by table and key. Nobody reads them before that number is told.
    pub(super) fn insert(&self, commit: u64, ops: Vec<Op>) {
        let mut bytes = 0;
        let mut ops = ops.into_iter().peekable();
        while let Some(table) = ops.peek().map(|op| op.table.clone()) {
            let rows = self.rows_or_new(table.clone());
            let mut rows = rows.write().unwrap_or_else(PoisonError::into_inner);
            for _ in 0..ROWS_AT_ONCE {
                let Some(Op { key, value, .. }) = ops.next_if(|op| op.table == table) else {
                    break;
                };
                bytes += key.len() + value.as_ref().map_or(0, Vec::len) + ROW_OVERHEAD_BYTES;
                let newest = (commit, value);
                match rows.get_mut(&key) {
                    Some(known) => {
                        let before = std::mem::replace(&mut known.newest, newest);
                        known.older.push(before);
                    }
                    None => {
                        rows.insert(key, Versions { newest, older: Vec::new() });
                    }
                }
            }
        }
        self.bytes.fetch_add(bytes, Relaxed);
    }

    /// Returns a row as of a commit; `None` if none up to it wrote the row here.
    pub(super) fn get(&self, table: &str, key: &[u8], commit: u64) -> Option<Value> {
        let rows = self.rows(table)?;
        let rows = rows.read().unwrap_or_else(PoisonError::into_inner);
        rows.get(key)?.at(commit).cloned()
    }

    /// Returns the first rows of a range as of a commit, at most `limit`.
    pub(super) fn page(
        &self,
        table: &str,
        range: &KeyRange,
        direction: Direction,
        commit: u64,
        limit: usize,
    ) -> Vec<(Vec<u8>, Value)> {
        let Some(rows) = self.rows(table).filter(|_| !range.is_empty()) else { return Vec::new() };
        let rows = rows.read().unwrap_or_else(PoisonError::into_inner);
        let (start, end) = range.bounds();
        let found = rows.range::<[u8], (Bound<&[u8]>, Bound<&[u8]>)>((start, end));
        let seen = |(key, versions): (&Vec<u8>, &Versions)| {
            versions.at(commit).map(|value| (key.clone(), value.clone()))
        };
        match direction {
            Direction::Forward => found.filter_map(seen).take(limit).collect(),
            Direction::Reverse => found.rev().filter_map(seen).take(limit).collect(),
        }
    }

    /// Returns the names of tables that were written.
    pub(super) fn tables(&self) -> Vec<String> {
        let tables = self.tables.read().unwrap_or_else(PoisonError::into_inner);
        tables.keys().map(ToString::to_string).collect()
    }

    /// Returns each row as the last commit left it, by table and key.
    pub(super) fn newest(&self) -> Vec<Op> {
        let tables = self.tables.read().unwrap_or_else(PoisonError::into_inner);
        let mut ops = Vec::new();
        for (table, rows) in &*tables {
            let rows = rows.read().unwrap_or_else(PoisonError::into_inner);
            ops.reserve(rows.len());
            ops.extend(rows.iter().map(|(key, versions)| Op {
                table: table.clone(),
                key: key.clone(),
                value: versions.newest.1.clone(),
            }));
        }
        ops
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn op(key: u8, value: Option<u8>) -> Op {
        Op { table: Cow::Borrowed("t"), key: vec![key], value: value.map(|byte| vec![byte]) }
    }

    fn held() -> Generation {
        let generation = Generation::default();
        generation.insert(1, vec![op(1, Some(10)), op(2, Some(20))]);
        generation.insert(3, vec![op(1, None), op(3, Some(30))]);
        generation.insert(4, vec![op(1, Some(11))]);
        generation
    }

    #[test]
    fn a_row_is_read_as_of_a_commit() {
        let generation = held();
        let read = |commit| generation.get("t", &[1], commit);
        assert_eq!(read(0), None);
        assert_eq!([read(1), read(2)], [Some(Some(vec![10])), Some(Some(vec![10]))]);
        assert_eq!([read(3), read(4)], [Some(None), Some(Some(vec![11]))]);
        assert_eq!(generation.get("other", &[1], 4), None);
    }

    #[test]
    fn a_page_holds_what_was_written_up_to_a_commit_and_no_more() {
        let generation = held();
        let page = |direction, commit, limit| {
            generation.page("t", &KeyRange::all(), direction, commit, limit)
        };
        assert_eq!(
            page(Direction::Forward, 2, 9),
            [(vec![1], Some(vec![10])), (vec![2], Some(vec![20]))]
        );
        assert_eq!(
            page(Direction::Reverse, 3, 2),
            [(vec![3], Some(vec![30])), (vec![2], Some(vec![20]))]
        );
    }

    #[test]
    fn the_tables_get_each_row_once() {
        let newest = held().newest();
        assert_eq!(newest, [op(1, Some(11)), op(2, Some(20)), op(3, Some(30))]);
    }
}
