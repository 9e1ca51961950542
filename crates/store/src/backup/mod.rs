//! Backups: one portable file with everything a store holds at one moment.
//!
//! The file does not depend on the engine that wrote it, so it also moves a store from one engine to another. Its layout is
//! specified in `docs/formats/store.md`; [`format`] writes and reads it.

pub(crate) mod format;

use std::{
    fs::{File, OpenOptions},
    path::Path,
};

use self::format::{BackupReader, BackupWriter, Frame};
use crate::{
    checksum,
    durable_file::{self, PARTIAL},
    engine::{Direction, KeyRange},
    error::StoreError,
    integrity::PROGRESS_EVERY_RECORDS,
    schema::{self, SchemaHeader},
    store::Store,
    table::META_TABLE,
};

/// What a backup holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackupSummary {
    /// Schema of the store it was taken from.
    pub schema: SchemaHeader,
    /// Tables in it.
    pub tables: u64,
    /// Records in it.
    pub records: u64,
    /// Length of the file, bytes.
    pub bytes: u64,
}

impl Store {
    /// Writes a consistent copy of every table to `target`, while reads and writes go on. The file appears under its name
    /// only when it is complete. Calls `progress` with the records written so far, now and then.
    ///
    /// # Errors
    ///
    /// [`StoreError::TargetExists`] if the file or its `.partial` is there; [`StoreError::Corrupt`] if a record is
    /// damaged, because a backup must not pass damage on; [`StoreError`] if anything cannot be read or written.
    pub fn backup(
        &self,
        target: &Path,
        progress: &mut dyn FnMut(u64),
    ) -> Result<BackupSummary, StoreError> {
        let occupied = |path: &Path, advice| match path.try_exists() {
            Ok(false) => Ok(()),
            Ok(true) => Err(StoreError::TargetExists { path: path.to_owned(), advice }),
            Err(error) => Err(StoreError::io("look for", path)(error)),
        };
        occupied(target, "choose another name for the backup")?;
        let partial = durable_file::with_suffix(target, PARTIAL);
        occupied(&partial, "left by an interrupted backup; remove it and try again")?;

        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&partial)
            .map_err(StoreError::io("create", &partial))?;
        let written = self.write_backup(file, &partial, progress).and_then(|(file, summary)| {
            durable_file::publish(file, &partial, target)?;
            Ok(summary)
        });
        if written.is_err() {
            // The first error is the one to report; a leftover is named by the next attempt.
            let _ = std::fs::remove_file(&partial);
        }
        written
    }

    fn write_backup(
        &self,
        file: File,
        path: &Path,
        progress: &mut dyn FnMut(u64),
    ) -> Result<(File, BackupSummary), StoreError> {
        let header = schema::header(self)?
            .ok_or(StoreError::HeaderMissing { engine: self.engine_name(), tables: 0 })?;
        let snapshot = self.snapshot()?;
        let mut writer = BackupWriter::begin(file, path, &header)?;
        for table in snapshot.raw().tables()? {
            if table == META_TABLE {
                continue; // the backup's own header says it
            }
            writer.table(&table)?;
            for row in snapshot.raw().scan(&table, KeyRange::all(), Direction::Forward)? {
                let (key, sealed) = row?;
                let value = checksum::unseal(&table, &key, &sealed)
                    .map_err(|source| StoreError::corrupt(&table, &key, source))?;
                writer.record(&key, value)?;
                if writer.records().is_multiple_of(PROGRESS_EVERY_RECORDS) {
                    progress(writer.records());
                }
            }
        }
        progress(writer.records());
        writer.finish()
    }
}

/// Verifies a backup from its first byte to its last, and says what is in it.
///
/// # Errors
///
/// [`StoreError::Backup`] if it is not a complete, undamaged backup; [`StoreError::Io`] if it cannot be read.
pub fn inspect_backup(path: &Path) -> Result<BackupSummary, StoreError> {
    let mut reader = BackupReader::open(path)?;
    loop {
        if let Frame::End(summary) = reader.next()? {
            return Ok(summary);
        }
    }
}
