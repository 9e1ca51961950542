//! What can go wrong with a store, each error saying what to do about it.
//!
//! Reads and commits share one enum: a caller that meets any of these has a broken or misused store,
//! never a bad block or a bad peer.

use std::{io, path::PathBuf};

use crate::codec::DecodeError;

/// An error of a store, its directory or its backups.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process, or another handle in this one, has the directory open.
    #[error(
        "store {} is in use by process {holder}: stop that process or choose another data directory",
        path.display()
    )]
    Locked {
        /// The store directory.
        path: PathBuf,
        /// The process id found in the lock file, or `unknown`.
        holder: String,
    },

    /// A commit did not succeed, so what is on disk is no longer known to match what was acknowledged.
    #[error(
        "store takes no more writes since a commit was not written ({reason}): free or replace the disk, then \
         restart; the store reopens at its last durable commit"
    )]
    Poisoned {
        /// The first failure.
        reason: String,
    },

    /// A record's checksum or encoding is wrong.
    #[error(
        "record {key} of table {table:?} is corrupt: {source}; check the disk and restore a backup"
    )]
    Corrupt {
        /// The table.
        table: String,
        /// The key, hexadecimal, shortened when long.
        key: String,
        /// What was expected and what was read.
        source: DecodeError,
    },

    /// The engine found its own files damaged.
    #[error("{engine} files are damaged ({reason}): check the disk and restore a backup")]
    Damaged {
        /// The engine.
        engine: &'static str,
        /// The engine's words.
        reason: String,
    },

    /// The engine reported an error of its own.
    #[error("{engine} could not {action}: {source}")]
    Engine {
        /// The engine.
        engine: &'static str,
        /// What it was asked to do.
        action: &'static str,
        /// The engine's error.
        source: Box<dyn std::error::Error + Send + Sync>,
    },

    /// A file operation of the store itself.
    #[error("could not {action} {}: {source}", path.display())]
    Io {
        /// What was attempted.
        action: &'static str,
        /// The file or directory.
        path: PathBuf,
        /// The operating system's error.
        source: io::Error,
    },

    /// The directory was written by another engine than the one asked for.
    #[error(
        "store {} was written by engine {actual}, expected {expected}: set the engine to {actual}, or back up and \
         restore into a new directory",
        path.display()
    )]
    EngineMismatch {
        /// The store directory.
        path: PathBuf,
        /// The engine asked for.
        expected: String,
        /// The engine the directory names.
        actual: String,
    },

    /// The engine asked for is not part of this build.
    #[error(
        "engine {engine} is not part of this build: build with the feature {engine:?}, or choose another engine"
    )]
    EngineNotBuilt {
        /// The engine asked for, which is also the feature's name.
        engine: &'static str,
    },

    /// No engine has this name.
    #[error("no engine is called {actual:?}, expected fjall or redb")]
    EngineUnknown {
        /// The name found.
        actual: String,
    },

    /// The directory holds files, but no store.
    #[error("{} holds files but no store ({reason}): choose an empty directory", path.display())]
    NotAStore {
        /// The directory.
        path: PathBuf,
        /// What is missing.
        reason: String,
    },

    /// An engine that holds tables but no store header, so it was not written by this crate.
    #[error(
        "{engine} holds {tables} tables but no store header: it was not written by this program; choose an empty \
         directory"
    )]
    HeaderMissing {
        /// The engine.
        engine: &'static str,
        /// Tables found.
        tables: usize,
    },

    /// The store format itself is newer than this program.
    #[error(
        "store format {actual} is newer than the newest known, {expected}: run the program version that wrote it"
    )]
    FormatNewer {
        /// Newest format this program knows.
        expected: u32,
        /// Format found.
        actual: u32,
    },

    /// The store belongs to another application schema.
    #[error("store holds schema {actual:?}, expected {expected:?}: choose another data directory")]
    SchemaName {
        /// Schema asked for.
        expected: String,
        /// Schema found.
        actual: String,
    },

    /// The store was written by a newer version of the application schema.
    #[error(
        "schema {name:?} of the store is version {actual}, newer than the newest known, {expected}: run the program \
         version that wrote it, or restore an older backup"
    )]
    SchemaNewer {
        /// Schema name.
        name: String,
        /// Newest version this program knows.
        expected: u32,
        /// Version found.
        actual: u32,
    },

    /// No migration leads from the version found to the next.
    #[error(
        "schema {name:?}: no migration leads from version {from} to {to}: run an older program version that still \
         migrates from {from}, then this one"
    )]
    MigrationMissing {
        /// Schema name.
        name: String,
        /// Version found.
        from: u32,
        /// Version wanted next.
        to: u32,
    },

    /// A migration step asked to be called again without having done anything.
    #[error(
        "migration to version {to} ({what}) does not advance: it returned the same cursor and an empty batch"
    )]
    MigrationStuck {
        /// Version the migration leads to.
        to: u32,
        /// The migration's description.
        what: &'static str,
    },

    /// A key outside the length limits; nothing was written.
    #[error("key of table {table:?} has {actual} bytes, expected 1 to {expected}")]
    KeyLength {
        /// The table.
        table: String,
        /// Longest key, bytes.
        expected: usize,
        /// Length found, bytes.
        actual: usize,
    },

    /// A value over the length limit; nothing was written.
    #[error("value for table {table:?} has {actual} bytes, expected at most {expected}")]
    ValueLength {
        /// The table.
        table: String,
        /// Longest value, bytes.
        expected: usize,
        /// Length found, bytes.
        actual: usize,
    },

    /// A batch over the size limit; nothing was written.
    #[error("batch has {actual} bytes, expected at most {expected}: split it")]
    BatchBytes {
        /// Largest batch, bytes.
        expected: usize,
        /// Size found, bytes.
        actual: usize,
    },

    /// Compaction needs the file to itself.
    #[error("{engine} cannot compact while snapshots are open: drop them and try again")]
    SnapshotsOpen {
        /// The engine.
        engine: &'static str,
    },

    /// A backup file that is not one, or is damaged.
    #[error("backup {} is not usable at byte {offset}: {reason}; use another backup", path.display())]
    Backup {
        /// The backup file.
        path: PathBuf,
        /// Where in the file, bytes from its start.
        offset: u64,
        /// What was expected and what was read.
        reason: String,
    },

    /// A log file that is not what was written to it.
    #[error(
        "log file {} is damaged at byte {offset} ({reason}): check the disk, then put the file back from a backup, or remove it and \
         every later one and let the node fetch again what they held",
        path.display()
    )]
    SegmentDamaged {
        /// The segment file.
        path: PathBuf,
        /// Where in the file, bytes from its start.
        offset: u64,
        /// What was expected and what was read.
        reason: String,
    },

    /// A log file that should be there is not.
    #[error(
        "log file {} is missing, though earlier and later ones are there: put it back from a backup, or remove every later one and \
         let the node fetch again what they held",
        path.display()
    )]
    SegmentMissing {
        /// The segment file.
        path: PathBuf,
    },

    /// A position in front of what a log still holds.
    #[error(
        "log {log:?} no longer holds segment {actual}, its first is {expected}: older ones were pruned; fetch the data again"
    )]
    SegmentPruned {
        /// The log.
        log: &'static str,
        /// First segment there is.
        expected: u32,
        /// Segment asked for.
        actual: u32,
    },

    /// A position behind the end of a log, or inside a record.
    #[error(
        "log {log:?} has no record at segment {segment}, offset {offset} ({reason}): the position is another log's or was cut off"
    )]
    SegmentPosition {
        /// The log.
        log: &'static str,
        /// Segment asked for.
        segment: u32,
        /// Offset asked for, bytes.
        offset: u32,
        /// What is there instead.
        reason: String,
    },

    /// A record over the length limit; nothing was written.
    #[error("record for log {log:?} has {actual} bytes, expected at most {expected}")]
    RecordBytes {
        /// The log.
        log: &'static str,
        /// Longest record, bytes.
        expected: u32,
        /// Length found, bytes.
        actual: usize,
    },

    /// The place to write to is taken.
    #[error("{} already exists: {advice}", path.display())]
    TargetExists {
        /// The file or directory.
        path: PathBuf,
        /// What to do.
        advice: &'static str,
    },
}

impl StoreError {
    /// Builds the error for a record that does not decode.
    pub(crate) fn corrupt(table: &str, key: &[u8], source: DecodeError) -> Self {
        Self::Corrupt { table: table.to_owned(), key: key_for_people(key), source }
    }

    pub(crate) fn io(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source }
    }
}

/// Key bytes shown in an error; a longer key is cut, so that a log line stays a line.
const KEY_SHOWN_BYTES: usize = 64;

/// Returns a key as lower-case hexadecimal, at most [`KEY_SHOWN_BYTES`] of it.
pub(crate) fn key_for_people(key: &[u8]) -> String {
    use std::fmt::Write as _;
    let shown = key.get(..KEY_SHOWN_BYTES).unwrap_or(key);
    let mut text = String::with_capacity(shown.len() * 2 + 3);
    for byte in shown {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    if shown.len() < key.len() {
        text.push('…');
    }
    text
}
