//! One record: `length u32 · crc32c u32 · bytes`, big-endian.
//!
//! The checksum covers length, bytes, segment and offset, so that a record that turns up elsewhere (a stale block of a reused disk
//! page, a file under another's name) is no record.

use std::{
    fs::File,
    io::{self, BufReader, Read as _, Seek as _},
    path::Path,
};

use super::{Position, file};
use crate::{checksum, codec::DecodeError, error::StoreError};

/// Length and checksum in front of a record, bytes.
pub const RECORD_HEAD_BYTES: u32 = 8;

pub(super) const HEAD_LEN: usize = RECORD_HEAD_BYTES as usize;

/// Bytes a sequential reader asks the system for at once.
const READ_BYTES: usize = 256 << 10;

/// Returns the head of a record whose bytes are `parts`, one after the other.
pub(super) fn head(position: Position, parts: &[&[u8]]) -> [u8; HEAD_LEN] {
    let mut head = [0; HEAD_LEN];
    let (length, crc) = head.split_at_mut(4);
    length.copy_from_slice(&position.len.to_be_bytes());
    crc.copy_from_slice(&checksum_of(position, parts).to_be_bytes());
    head
}

fn checksum_of(position: Position, parts: &[&[u8]]) -> u32 {
    let mut digest = checksum::crc32c();
    digest.update(&position.len.to_be_bytes());
    digest.update(&position.segment.to_be_bytes());
    digest.update(&position.offset.to_be_bytes());
    for part in parts {
        digest.update(part);
    }
    digest.finalize()
}

/// Splits a head into length and checksum.
const fn split(head: [u8; HEAD_LEN]) -> (u32, u32) {
    let [a, b, c, d, e, f, g, h] = head;
    (u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([e, f, g, h]))
}

/// Checks a record read from `position`.
pub(super) fn check(
    position: Position,
    head: [u8; HEAD_LEN],
    payload: &[u8],
) -> Result<(), DecodeError> {
    let (length, expected) = split(head);
    if length != position.len {
        return Err(DecodeError::invalid(
            "a record of the length asked for",
            format!("{length} bytes instead of {}", position.len),
        ));
    }
    let actual = checksum_of(position, &[payload]);
    if expected == actual { Ok(()) } else { Err(DecodeError::Checksum { expected, actual }) }
}

/// Why a walk over a segment stopped in front of its end.
#[derive(Debug)]
pub(super) enum Fault {
    /// What is there is no record.
    Damaged(DecodeError),
    /// The file cannot be read.
    Io(io::Error),
}

/// A walk over the records of one segment.
#[derive(Debug)]
pub(super) struct SegmentReader {
    file: BufReader<File>,
    segment: u32,
    offset: u32,
    /// Where the records end.
    limit: u64,
    record_bytes_max: u32,
}

impl SegmentReader {
    /// Starts at the record at `offset`.
    pub(super) fn open(
        path: &Path,
        segment: u32,
        offset: u32,
        limit: u64,
        record_bytes_max: u32,
    ) -> Result<Self, StoreError> {
        let mut file = BufReader::with_capacity(READ_BYTES, file::open_sequential(path)?);
        file.seek(io::SeekFrom::Start(u64::from(offset))).map_err(StoreError::io("read", path))?;
        Ok(Self { file, segment, offset, limit, record_bytes_max })
    }

    /// Returns where the next record begins.
    pub(super) const fn offset(&self) -> u32 {
        self.offset
    }

    /// Reads the next record into `payload`; returns `None` at the end.
    pub(super) fn next(&mut self, payload: &mut Vec<u8>) -> Result<Option<Position>, Fault> {
        payload.clear();
        let left = self.limit.saturating_sub(u64::from(self.offset));
        if left == 0 {
            return Ok(None);
        }
        let truncated = |expected: u64| {
            let [expected, actual] =
                [expected, left].map(|n| usize::try_from(n).unwrap_or(usize::MAX));
            Fault::Damaged(DecodeError::Truncated { expected, actual })
        };
        if left < u64::from(RECORD_HEAD_BYTES) {
            return Err(truncated(u64::from(RECORD_HEAD_BYTES)));
        }
        let mut head = [0; HEAD_LEN];
        self.file.read_exact(&mut head).map_err(Fault::Io)?;
        let (len, _) = split(head);
        let whole = u64::from(RECORD_HEAD_BYTES) + u64::from(len);
        if len > self.record_bytes_max {
            let actual = format!("{len} bytes");
            return Err(Fault::Damaged(DecodeError::invalid("a record within the limit", actual)));
        }
        if left < whole {
            return Err(truncated(whole));
        }
        payload.reserve(usize::try_from(len).unwrap_or_default()); // no more than is left in the file
        let read = (&mut self.file).take(u64::from(len)).read_to_end(payload).map_err(Fault::Io)?;
        if u32::try_from(read) != Ok(len) {
            return Err(Fault::Io(io::ErrorKind::UnexpectedEof.into()));
        }
        let position = Position { segment: self.segment, offset: self.offset, len };
        check(position, head, payload).map_err(Fault::Damaged)?;
        self.offset = position.end().offset;
        Ok(Some(position))
    }
}
