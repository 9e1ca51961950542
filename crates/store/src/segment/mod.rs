//! Append-only logs in numbered files: blocks, undo data, DAG bodies, receipts.
//!
//! What is written once, read by position and removed from the old end does not belong in a tree: a log writes each byte once, in
//! large writes, and pruning unlinks whole files.
//!
//! ```text
//!   append ──► buffer ──large write──► 00000041.seg   header · record · record · …
//!     │                                00000042.seg   header · record · ┊ tail, cut at the next open if torn
//!     ▼                                      ▲
//!   Position {segment, offset, len} ──read── pread, checksum verified
//!                                      sync: fdatasync, then the header notes how far
//! ```
//!
//! # Invariants
//!
//! - A record is read back as it was appended, or the read is an error: its CRC-32C covers length, bytes and position.
//! - What was there when [`SegmentLog::sync`] returned is there after a crash. What was appended later is there up to some record, and
//!   nothing behind it.
//! - Only a tail that was never synced is cut at open. Damage in front of it is [`StoreError::SegmentDamaged`], and the files are left
//!   as they are.
//! - Every segment but the last is complete and synced: the header of the next one is written later and names its length.
//! - Readers do not wait for the writer's disk, and see complete records alone.
//! - After a write or sync that was not carried out the log takes no more ([`StoreError::Poisoned`]); reads go on.
//! - One process at a time: a second open is [`StoreError::Locked`].
//!
//! The layout is in `docs/formats/segments.md`.
//!
//! [`StoreError::SegmentDamaged`]: crate::StoreError::SegmentDamaged
//! [`StoreError::Poisoned`]: crate::StoreError::Poisoned
//! [`StoreError::Locked`]: crate::StoreError::Locked

mod file;
mod header;
mod log;
mod record;
mod recover;
mod scan;

pub use header::SEGMENT_HEADER_BYTES;
pub use log::SegmentLog;
pub use record::RECORD_HEAD_BYTES;
pub use scan::{Scan, ScanReport};

use crate::codec::{DecodeError, Reader, ValueCodec};

/// Longest name of a log, bytes.
pub const LOG_NAME_BYTES_MAX: usize = 31;

/// Largest segment that may be asked for, bytes; with one record of [`RECORD_BYTES_LIMIT`] behind it offsets still fit 32 bits.
pub const SEGMENT_BYTES_LIMIT: u32 = 2 << 30;

/// Largest record that may be asked for, bytes.
pub const RECORD_BYTES_LIMIT: u32 = 1 << 30;

/// How to open a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentOptions {
    /// Name in every file's header, so that no file is taken for another log's. 1 to [`LOG_NAME_BYTES_MAX`] bytes of ASCII.
    pub name: &'static str,
    /// A record that would end behind this begins a new file, bytes. Larger records have a file of their own. At most
    /// [`SEGMENT_BYTES_LIMIT`].
    pub segment_bytes_max: u32,
    /// Longest record, bytes. At most [`RECORD_BYTES_LIMIT`].
    pub record_bytes_max: u32,
    /// Appended bytes that are gathered before they are written, bytes.
    pub buffer_bytes: usize,
}

impl SegmentOptions {
    /// Returns the defaults for the log `name`: segments of 128 MiB, records up to 64 MiB, writes of 1 MiB.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self {
            name,
            segment_bytes_max: 128 << 20,
            record_bytes_max: 64 << 20,
            buffer_bytes: 1 << 20,
        }
    }

    /// Returns the options within what the format can hold.
    fn clamped(mut self) -> Self {
        self.segment_bytes_max = self.segment_bytes_max.min(SEGMENT_BYTES_LIMIT);
        self.record_bytes_max = self.record_bytes_max.min(RECORD_BYTES_LIMIT);
        self
    }
}

/// Where a record lies. Positions ascend in the order of appending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Number of the file.
    pub segment: u32,
    /// Start of the record's head, bytes from the start of the file.
    pub offset: u32,
    /// Bytes of the record without its head; 0 for an end.
    pub len: u32,
}

impl Position {
    /// Returns where the next record of the same file would begin.
    #[must_use]
    pub const fn end(self) -> Self {
        let bytes = RECORD_HEAD_BYTES.saturating_add(self.len);
        Self { segment: self.segment, offset: self.offset.saturating_add(bytes), len: 0 }
    }
}

/// Shape: segment u32, offset u32, length u32.
impl ValueCodec for Position {
    fn encode_value(&self, out: &mut Vec<u8>) {
        self.segment.encode_value(out);
        self.offset.encode_value(out);
        self.len.encode_value(out);
    }

    fn decode_value(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { segment: reader.u32()?, offset: reader.u32()?, len: reader.u32()? })
    }
}
