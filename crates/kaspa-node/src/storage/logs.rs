//! The logs of a ledger: what is written once, in the order of arrival, and dropped whole from the old end.

use std::path::Path;

use quintet_store::{
    StoreError,
    segment::{Position, SegmentLog, SegmentOptions},
};

use super::{StorageError, StorageOptions};

/// Longest header record, bytes: [`EXPANDED_MAX`](quintet_kaspa_protocol::header::EXPANDED_MAX) hashes, no two alike.
pub const HEADER_BYTES_MAX: u32 = 8 << 20;

/// Longest row, bytes: the widest mergeset a network may have is a million blocks.
pub const ROW_BYTES_MAX: u32 = 64 << 20;

/// Longest body, bytes. Before Crescendo nothing but the size of a message limited it.
pub const BODY_BYTES_MAX: u32 = 1 << 30;

/// Longest chain record, bytes: a whole mergeset's inputs and outputs.
pub const RECORD_BYTES_MAX: u32 = 1 << 30;

/// Longest event, bytes: it may name every block between two pruning points.
pub const EVENT_BYTES_MAX: u32 = 256 << 20;

/// Bytes of small records gathered before they are written: few, since a crash loses them.
const SMALL_BUFFER_BYTES: usize = 64 << 10;

/// The logs, open.
#[derive(Debug, Clone)]
pub(super) struct Logs {
    pub(super) headers: SegmentLog,
    pub(super) rows: SegmentLog,
    pub(super) bodies: SegmentLog,
    pub(super) records: SegmentLog,
    pub(super) events: SegmentLog,
}

/// Where the logs end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ends {
    pub(super) headers: Position,
    pub(super) rows: Position,
    pub(super) bodies: Position,
    pub(super) records: Position,
    pub(super) events: Position,
}

impl Logs {
    /// Opens the logs below `directory`.
    pub(super) fn open(directory: &Path, options: &StorageOptions) -> Result<Self, StoreError> {
        let segment = options.segment_bytes_max;
        let open = |folder: &str, name, record_bytes_max, segment_bytes_max, buffer_bytes| {
            let options =
                SegmentOptions { name, segment_bytes_max, record_bytes_max, buffer_bytes };
            SegmentLog::open(&directory.join(folder), options)
        };
        let large = SegmentOptions::new("").buffer_bytes;
        let small = SMALL_BUFFER_BYTES;
        Ok(Self {
            headers: open("headers", "kaspa-headers", HEADER_BYTES_MAX, segment, large)?,
            rows: open("rows", "kaspa-rows", ROW_BYTES_MAX, segment / 4, small)?,
            bodies: open("bodies", "kaspa-bodies", BODY_BYTES_MAX, segment, large)?,
            records: open("records", "kaspa-records", RECORD_BYTES_MAX, segment, large)?,
            events: open("events", "kaspa-events", EVENT_BYTES_MAX, segment / 8, small)?,
        })
    }

    pub(super) fn ends(&self) -> Ends {
        Ends {
            headers: self.headers.end(),
            rows: self.rows.end(),
            bodies: self.bodies.end(),
            records: self.records.end(),
            events: self.events.end(),
        }
    }

    /// Makes everything durable, what is referred to before what refers to it.
    pub(super) fn sync(&self) -> Result<(), StoreError> {
        self.headers.sync()?;
        self.bodies.sync()?;
        self.records.sync()?;
        self.rows.sync()?;
        self.events.sync()
    }

    /// Hands everything to the system, what is referred to before what refers to it.
    pub(super) fn write_out(&self) -> Result<(), StoreError> {
        self.headers.write_out()?;
        self.bodies.write_out()?;
        self.records.write_out()?;
        self.rows.write_out()?;
        self.events.write_out()
    }

    /// Checks that nothing is missing of what was durable once.
    pub(super) fn check(&self, expected: &Ends) -> Result<(), StorageError> {
        let actual = self.ends();
        for (log, expected, actual) in [
            ("headers", expected.headers, actual.headers),
            ("rows", expected.rows, actual.rows),
            ("bodies", expected.bodies, actual.bodies),
            ("records", expected.records, actual.records),
            ("events", expected.events, actual.events),
        ] {
            if actual < expected {
                return Err(StorageError::FilesBehind { log, expected, actual });
            }
        }
        Ok(())
    }

    pub(super) fn total_bytes(&self) -> u64 {
        [&self.headers, &self.rows, &self.bodies, &self.records, &self.events]
            .into_iter()
            .map(SegmentLog::total_bytes)
            .sum()
    }
}
