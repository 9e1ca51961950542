//! The integrity check: reads every record of every table and reports what is wrong.
//!
//! It runs on a snapshot beside normal work and never stops at the first problem: an operator wants to know how much is
//! damaged before choosing between repair and restore.

use crate::{
    checksum::{self, CHECKSUM_BYTES},
    codec::{DecodeError, KeyCodec, ValueCodec},
    engine::{Direction, EngineSnapshot, KeyRange},
    error::{StoreError, key_for_people},
    store::Store,
    table::{META_TABLE, Table, may_be_table},
};

/// Problems described one by one; further ones are counted.
pub const PROBLEMS_MAX: usize = 100;

/// Records between two calls of a progress callback.
pub(crate) const PROGRESS_EVERY_RECORDS: u64 = 10_000;

/// Checks that a record decodes. Implemented by every [`Table`], so that a check can be given `&[&PEERS, &BANS]`.
pub trait RecordCheck {
    /// Returns the table this checks.
    fn table(&self) -> &'static str;

    /// Decodes a stored record and drops it.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] if key, checksum or value are wrong.
    fn check(&self, key: &[u8], sealed: &[u8]) -> Result<(), DecodeError>;
}

impl<K: KeyCodec, V: ValueCodec> RecordCheck for Table<K, V> {
    fn table(&self) -> &'static str {
        self.name()
    }

    fn check(&self, key: &[u8], sealed: &[u8]) -> Result<(), DecodeError> {
        Self::decode_key(key)?;
        self.decode_value(key, sealed).map(drop)
    }
}

/// One thing found wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntegrityProblem {
    /// The table.
    pub table: String,
    /// The key, hexadecimal; `None` if the table as a whole is meant.
    pub key: Option<String>,
    /// What was expected and what was found.
    pub reason: String,
}

/// What an integrity check saw.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct IntegrityReport {
    /// Tables and the records read in each, ascending by name.
    pub tables: Vec<(String, u64)>,
    /// Records read.
    pub records: u64,
    /// Bytes of keys and values read.
    pub bytes: u64,
    /// The first [`PROBLEMS_MAX`] problems.
    pub problems: Vec<IntegrityProblem>,
    /// All problems, described or not.
    pub problems_total: u64,
}

impl IntegrityReport {
    /// Returns whether nothing is wrong.
    #[must_use]
    pub const fn is_sound(&self) -> bool {
        self.problems_total == 0
    }

    fn problem(&mut self, table: &str, key: Option<&[u8]>, reason: &impl ToString) {
        self.problems_total += 1;
        if self.problems.len() < PROBLEMS_MAX {
            self.problems.push(IntegrityProblem {
                table: table.to_owned(),
                key: key.map(key_for_people),
                reason: reason.to_string(),
            });
        }
    }
}

impl Store {
    /// Reads every record of every table, verifies its checksum, and decodes the tables named in `typed`. Calls
    /// `progress` with the records read so far, now and then.
    ///
    /// # Errors
    ///
    /// [`StoreError`] if the check cannot begin. What it finds is in the report.
    pub fn check_integrity(
        &self,
        typed: &[&dyn RecordCheck],
        progress: &mut dyn FnMut(u64),
    ) -> Result<IntegrityReport, StoreError> {
        let snapshot = self.snapshot()?;
        let mut report = IntegrityReport::default();
        for table in snapshot.raw().tables()? {
            if !may_be_table(&table) && table != META_TABLE {
                report.problem(&table, None, &"expected a table name, found something else");
            }
            let typed = typed.iter().find(|check| check.table() == table).copied();
            let before = report.records;
            if let Err(error) = walk(snapshot.raw(), &table, typed, &mut report, progress) {
                report.problem(&table, None, &error);
            }
            report.tables.push((table, report.records - before));
        }
        progress(report.records);
        Ok(report)
    }
}

/// Reads one table; an error means that the rest of it cannot be reached.
fn walk(
    snapshot: &dyn EngineSnapshot,
    table: &str,
    typed: Option<&dyn RecordCheck>,
    report: &mut IntegrityReport,
    progress: &mut dyn FnMut(u64),
) -> Result<(), StoreError> {
    let mut previous: Option<Vec<u8>> = None;
    for row in snapshot.scan(table, KeyRange::all(), Direction::Forward)? {
        let (key, sealed) = row?;
        if previous.as_ref().is_some_and(|previous| *previous >= key) {
            report.problem(table, Some(&key), &"expected ascending keys, found a lower one");
        }
        let checked = match typed {
            Some(check) => check.check(&key, &sealed),
            None => checksum::unseal(table, &key, &sealed).map(drop),
        };
        if let Err(error) = checked {
            report.problem(table, Some(&key), &error);
        }
        report.records += 1;
        report.bytes += (key.len() + sealed.len().saturating_sub(CHECKSUM_BYTES)) as u64;
        if report.records.is_multiple_of(PROGRESS_EVERY_RECORDS) {
            progress(report.records);
        }
        previous = Some(key);
    }
    Ok(())
}
