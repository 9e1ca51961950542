//! Restore: a backup becomes a store that opens, or nothing appears.
//!
//! ```text
//!   verify the whole file ─► load into DIR.restoring ─► check what was loaded ─► rename to DIR
//! ```
//!
//! The header is written last, so a directory an interrupted restore leaves does not open as a store either.

use std::{borrow::Cow, fs, path::Path};

use crate::{
    backup::{
        BackupSummary,
        format::{BackupReader, Frame},
        inspect_backup,
    },
    batch::Batch,
    checksum::CHECKSUM_BYTES,
    directory::{self, Directory, StoreOptions},
    durable_file,
    engine::Durability,
    error::StoreError,
    integrity::PROGRESS_EVERY_RECORDS,
    schema,
    store::Store,
};

/// What the directory is called until the restore is complete.
const RESTORING: &str = ".restoring";

/// Bytes loaded in one batch.
const LOAD_BATCH_BYTES: usize = 8 << 20;

/// Makes a store in `directory` from a backup. The directory must be absent or empty; it appears complete or not at all.
/// Calls `progress` with the records loaded so far, now and then. Open the result as usual: migrations run then.
///
/// # Errors
///
/// [`StoreError::TargetExists`] if the directory is not empty, or an interrupted restore left its own;
/// [`StoreError::Backup`] if the backup is incomplete or damaged; [`StoreError`] if anything cannot be read or written.
pub fn restore(
    backup: &Path,
    directory: &Path,
    options: &StoreOptions,
    progress: &mut dyn FnMut(u64),
) -> Result<BackupSummary, StoreError> {
    if !directory::is_vacant(directory)? {
        return Err(StoreError::TargetExists {
            path: directory.to_owned(),
            advice: "a restore never overwrites; choose an empty directory",
        });
    }
    let staging = durable_file::with_suffix(directory, RESTORING);
    if staging.try_exists().map_err(StoreError::io("look for", &staging))? {
        return Err(StoreError::TargetExists {
            path: staging,
            advice: "left by an interrupted restore; remove it and try again",
        });
    }

    let verified = inspect_backup(backup)?;
    let loaded = load(backup, &staging, options, progress)
        .and_then(|loaded| check_same(backup, &verified, &loaded))
        .and_then(|()| move_into_place(&staging, directory));
    if let Err(error) = loaded {
        // This call made the directory. The first error is the one to report; a leftover is named by the next attempt.
        let _ = fs::remove_dir_all(&staging);
        return Err(error);
    }
    Ok(verified)
}

fn load(
    backup: &Path,
    staging: &Path,
    options: &StoreOptions,
    progress: &mut dyn FnMut(u64),
) -> Result<BackupSummary, StoreError> {
    let (directory, engine) = Directory::open(staging, options)?;
    let store = Store::assemble(engine, Some(directory));

    let mut reader = BackupReader::open(backup)?;
    let mut table = String::new();
    let mut batch = Batch::new();
    let mut records = 0_u64;
    let summary = loop {
        match reader.next()? {
            Frame::Table(name) => table = name,
            Frame::Record { key, value } => {
                let mut sealed = vec![0; CHECKSUM_BYTES];
                sealed.extend_from_slice(&value);
                batch.push(Cow::Owned(table.clone()), key, Some(sealed));
                records += 1;
            }
            Frame::End(summary) => break summary,
        }
        if batch.bytes() >= LOAD_BATCH_BYTES {
            store.commit(std::mem::take(&mut batch), Durability::Buffered)?;
        }
        if records.is_multiple_of(PROGRESS_EVERY_RECORDS) {
            progress(records);
        }
    };
    schema::put_header(&mut batch, &summary.schema.name, summary.schema.version);
    store.commit(batch, Durability::Sync)?;
    progress(records);
    count_records(&store, summary.clone())
}

/// Reads back what was loaded and returns the summary with the records found.
fn count_records(store: &Store, mut summary: BackupSummary) -> Result<BackupSummary, StoreError> {
    let report = store.check_integrity(&[], &mut |_| {})?;
    if let Some(problem) = report.problems.first() {
        return Err(StoreError::Damaged {
            engine: store.engine_name(),
            reason: format!("table {}: {}", problem.table, problem.reason),
        });
    }
    const HEADER_RECORDS: u64 = 1;
    summary.records = report.records.saturating_sub(HEADER_RECORDS);
    Ok(summary)
}

fn check_same(
    backup: &Path,
    verified: &BackupSummary,
    loaded: &BackupSummary,
) -> Result<(), StoreError> {
    if verified == loaded {
        return Ok(());
    }
    Err(StoreError::Backup {
        path: backup.to_owned(),
        offset: loaded.bytes,
        reason: format!(
            "expected {} records as verified, found {}: the file changed meanwhile",
            verified.records, loaded.records
        ),
    })
}

fn move_into_place(staging: &Path, directory: &Path) -> Result<(), StoreError> {
    if directory.try_exists().map_err(StoreError::io("look for", directory))? {
        // Not empty only if somebody was faster, and then this is an error as it should be. A lock file may be left.
        let _ = fs::remove_file(directory.join(directory::LOCK));
        fs::remove_dir(directory)
            .map_err(StoreError::io("replace the empty directory", directory))?;
    }
    fs::rename(staging, directory).map_err(StoreError::io("rename into place", directory))?;
    durable_file::sync_parent(directory)
}
