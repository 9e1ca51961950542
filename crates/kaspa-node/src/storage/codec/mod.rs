//! How everything is written: fields one after the other, numbers as varints where most are small.
//!
//! The layouts are in `docs/formats/kaspa-dag.md`. Decoding takes bytes that passed a checksum, and is strict nonetheless: a value has one
//! form, and a byte too many or too few is an error.

mod body;
mod event;
mod header;
mod record;
mod row;
mod utxo;

pub(super) use body::{decode_body, encode_body};
pub(super) use event::{Event, Pruned, Step};
pub(super) use header::{decode_header, encode_header};
pub(super) use record::{decode_record, encode_record};
pub(super) use row::{RowHead, decode_row, decode_row_head, encode_row};
pub(super) use utxo::{
    EntryBytes, OutpointKey, decode_diff, decode_entry, encode_diff, encode_diff_parts,
    encode_entry, outpoint_key,
};

use quintet_kaspa_protocol::header::BlueWork;
use quintet_primitives::Hash256;
use quintet_store::{DecodeError, Reader, put_varint};

/// A block's number on disk: given in the order of appending, never given twice, whatever was pruned meanwhile. The genesis is 1.
pub(super) type Serial = u64;

pub(super) fn put_hash(hash: &Hash256, out: &mut Vec<u8>) {
    out.extend_from_slice(hash.as_bytes());
}

pub(super) fn hash(reader: &mut Reader<'_>) -> Result<Hash256, DecodeError> {
    reader.array().map(Hash256::new)
}

pub(super) fn put_len(len: usize, out: &mut Vec<u8>) {
    put_varint(len as u64, out);
}

/// Takes a count of things that have `least` bytes each, so that a false count allocates nothing.
pub(super) fn len(reader: &mut Reader<'_>, least: usize) -> Result<usize, DecodeError> {
    let count = reader.varint()?;
    let fits = usize::try_from(count).ok().filter(|count| {
        count.checked_mul(least.max(1)).is_some_and(|bytes| bytes <= reader.rest().len())
    });
    fits.ok_or_else(|| DecodeError::invalid("a count that fits the bytes that follow", count))
}

pub(super) fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    put_len(bytes.len(), out);
    out.extend_from_slice(bytes);
}

/// Writes work without its leading zeros, a length in front.
pub(super) fn put_work(work: &BlueWork, out: &mut Vec<u8>) {
    put_bytes(&work.to_be_bytes_trimmed_vec(), out);
}

pub(super) fn work(reader: &mut Reader<'_>) -> Result<BlueWork, DecodeError> {
    let bytes = reader.counted_bytes()?;
    if bytes.first() == Some(&0) {
        return Err(DecodeError::invalid("work without leading zeros", "some"));
    }
    BlueWork::try_from_be_slice(bytes)
        .ok_or_else(|| DecodeError::invalid("work of at most 24 bytes", bytes.len()))
}

/// Takes a varint that fits a smaller integer.
pub(super) fn small<T: TryFrom<u64>>(
    reader: &mut Reader<'_>,
    expected: &'static str,
) -> Result<T, DecodeError> {
    let value = reader.varint()?;
    T::try_from(value).map_err(|_| DecodeError::invalid(expected, value))
}
