//! The head of a segment file: whose it is, and how far it is known to be durable.
//!
//! ```text
//!   0        8         12        16         24      25        56    60     64            80            96
//!   │ magic  │ version │ segment │ previous │ name  │ name,   │ 0   │ crc  │ durable mark │ durable mark │ records
//!   │        │ u32     │ u32     │ u64      │ length│ padded  │ u32 │ u32  │ 0            │ 1            │
//! ```
//!
//! A durable mark is `length u64 · crc32c u32 · 0 u32` and says that the first `length` bytes of the file had been synced when it was
//! written. It is written after a sync and rides to the disk with the next one, so it may lag behind, and never runs ahead. The two
//! take turns, so that a write that tears one leaves the other.

use super::LOG_NAME_BYTES_MAX;
use crate::{
    checksum,
    codec::{DecodeError, Reader},
};

/// Bytes in front of a segment's first record.
pub const SEGMENT_HEADER_BYTES: u32 = 96;

const HEADER_LEN: usize = SEGMENT_HEADER_BYTES as usize;
const MAGIC: [u8; 8] = *b"QNTSEGMT";
const VERSION: u32 = 1;

/// Bytes of the part that never changes, with its checksum.
const FIXED_LEN: usize = 64;
const MARK_LEN: usize = 16;
/// Durable marks in a header.
pub(super) const MARKS: usize = 2;

/// What a header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Header {
    /// Length of the segment before when this one was created; 0 for the first.
    pub(super) previous_bytes: u64,
    /// Bytes known to be durable.
    pub(super) durable_bytes: u64,
}

/// Encodes the header of a new segment.
pub(super) fn encode(name: &str, segment: u32, previous_bytes: u64) -> [u8; HEADER_LEN] {
    let mut bytes = Vec::with_capacity(HEADER_LEN);
    bytes.extend_from_slice(&MAGIC);
    bytes.extend_from_slice(&VERSION.to_be_bytes());
    bytes.extend_from_slice(&segment.to_be_bytes());
    bytes.extend_from_slice(&previous_bytes.to_be_bytes());
    let name = name.as_bytes();
    let name = name.get(..LOG_NAME_BYTES_MAX).unwrap_or(name);
    bytes.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
    bytes.extend_from_slice(name);
    bytes.resize(FIXED_LEN - 4, 0);
    let crc = crc(&bytes);
    bytes.extend_from_slice(&crc.to_be_bytes());
    for mark in 0..MARKS {
        bytes.extend_from_slice(&encode_mark(segment, mark, u64::from(SEGMENT_HEADER_BYTES)));
    }
    let mut header = [0; HEADER_LEN];
    header.copy_from_slice(&bytes);
    header
}

/// Decodes and checks the header of segment `segment` of log `name`.
pub(super) fn decode(
    bytes: &[u8; HEADER_LEN],
    name: &str,
    segment: u32,
) -> Result<Header, DecodeError> {
    let mut reader = Reader::new(bytes);
    let fixed = reader.bytes(FIXED_LEN)?;
    let marks = reader;
    let mut reader = Reader::new(fixed);
    if reader.array()? != MAGIC {
        return Err(DecodeError::invalid("the magic QNTSEGMT", "another"));
    }
    let version = reader.u32()?;
    if version != VERSION {
        return Err(DecodeError::invalid("segment format 1", version));
    }
    let actual_segment = reader.u32()?;
    let previous_bytes = u64::from_be_bytes(reader.array()?);
    let name_len = usize::from(reader.u8()?).min(LOG_NAME_BYTES_MAX);
    let actual_name = reader.bytes(LOG_NAME_BYTES_MAX)?.get(..name_len).unwrap_or_default();
    reader.u32()?;
    let expected = reader.u32()?;
    let actual = crc(fixed.get(..FIXED_LEN - 4).unwrap_or_default());
    if expected != actual {
        return Err(DecodeError::Checksum { expected, actual });
    }
    if actual_segment != segment {
        return Err(DecodeError::invalid("the number in the file's name", actual_segment));
    }
    if actual_name != name.as_bytes() {
        let actual_name = String::from_utf8_lossy(actual_name);
        return Err(DecodeError::invalid("a file of this log", format!("one of {actual_name:?}")));
    }
    Ok(Header { previous_bytes, durable_bytes: durable_bytes(segment, marks)? })
}

/// Returns the furthest of the marks that are whole.
fn durable_bytes(segment: u32, mut reader: Reader<'_>) -> Result<u64, DecodeError> {
    let mut furthest = None;
    for mark in 0..MARKS {
        let found: [u8; MARK_LEN] = reader.array()?;
        let length = Reader::new(&found).array().map(u64::from_be_bytes)?;
        if found == encode_mark(segment, mark, length) {
            furthest = furthest.max(Some(length));
        }
    }
    furthest.ok_or_else(|| DecodeError::invalid("a whole durable mark", "none"))
}

/// Encodes a durable mark.
pub(super) fn encode_mark(segment: u32, mark: usize, length: u64) -> [u8; MARK_LEN] {
    let mut digest = checksum::crc32c();
    digest.update(&segment.to_be_bytes());
    digest.update(&[u8::try_from(mark).unwrap_or(u8::MAX)]);
    digest.update(&length.to_be_bytes());
    let mut bytes = [0; MARK_LEN];
    let (number, rest) = bytes.split_at_mut(8);
    number.copy_from_slice(&length.to_be_bytes());
    if let Some(crc) = rest.first_chunk_mut() {
        *crc = digest.finalize().to_be_bytes();
    }
    bytes
}

/// Returns where a durable mark lies in the file.
pub(super) const fn mark_offset(mark: usize) -> u64 {
    (FIXED_LEN + (mark % MARKS) * MARK_LEN) as u64
}

fn crc(bytes: &[u8]) -> u32 {
    let mut digest = checksum::crc32c();
    digest.update(bytes);
    digest.finalize()
}
