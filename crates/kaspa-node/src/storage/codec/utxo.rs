//! Unspent outputs: keys, entries, and what changes of a set.

use quintet_kaspa_protocol::{
    state::{UtxoDiff, UtxoMap},
    tx::{Outpoint, ScriptPublicKey, UtxoEntry},
};
use quintet_primitives::Hash256;
use quintet_store::{DecodeError, Reader, ValueCodec, put_varint};

use super::{hash, len, put_bytes, put_hash, put_len, small};

/// The key of an output: id of its transaction, then its index from the highest byte to the lowest, so that keys sort as outpoints do.
pub(in super::super) type OutpointKey = [u8; 36];

/// Fewest bytes of an outpoint and its entry.
const ENTRY_LEAST: usize = 33 + 5;

const COINBASE: u8 = 1;
const COVENANT: u8 = 1 << 1;

/// Returns the key of an output.
pub(in super::super) fn outpoint_key(outpoint: &Outpoint) -> OutpointKey {
    let mut key = [0; 36];
    let (id, index) = key.split_at_mut(32);
    id.copy_from_slice(outpoint.transaction_id.as_bytes());
    index.copy_from_slice(&outpoint.index.to_be_bytes());
    key
}

/// An entry as a value of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct EntryBytes(pub(in super::super) UtxoEntry);

impl ValueCodec for EntryBytes {
    fn encode_value(&self, out: &mut Vec<u8>) {
        encode_entry(&self.0, out);
    }

    fn decode_value(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        entry(reader).map(Self)
    }
}

/// Appends an entry.
pub(in super::super) fn encode_entry(entry: &UtxoEntry, out: &mut Vec<u8>) {
    let coinbase = if entry.is_coinbase { COINBASE } else { 0 };
    let covenant = if entry.covenant_id.is_some() { COVENANT } else { 0 };
    out.push(coinbase | covenant);
    put_varint(entry.amount, out);
    put_varint(entry.block_daa_score, out);
    if let Some(covenant) = &entry.covenant_id {
        put_hash(covenant, out);
    }
    put_varint(entry.script_public_key.version.into(), out);
    put_bytes(&entry.script_public_key.script, out);
}

/// Takes an entry that is all there is.
pub(in super::super) fn decode_entry(bytes: &[u8]) -> Result<UtxoEntry, DecodeError> {
    let mut reader = Reader::new(bytes);
    let entry = entry(&mut reader)?;
    reader.finish()?;
    Ok(entry)
}

fn entry(reader: &mut Reader<'_>) -> Result<UtxoEntry, DecodeError> {
    let flags = reader.u8()?;
    if flags & !(COINBASE | COVENANT) != 0 {
        return Err(DecodeError::invalid("flags of an entry, 0 to 3", flags));
    }
    let amount = reader.varint()?;
    let block_daa_score = reader.varint()?;
    let covenant_id: Option<Hash256> = (flags & COVENANT != 0).then(|| hash(reader)).transpose()?;
    let version = small(reader, "a version of 16 bits")?;
    Ok(UtxoEntry {
        amount,
        script_public_key: ScriptPublicKey::new(version, reader.counted_bytes()?),
        block_daa_score,
        is_coinbase: flags & COINBASE != 0,
        covenant_id,
    })
}

/// Appends a diff: what it removes, then what it adds, each by outpoint so that the same diff has the same bytes.
pub(in super::super) fn encode_diff(diff: &UtxoDiff, out: &mut Vec<u8>) {
    encode_diff_parts(&sorted(diff.removed()), &sorted(diff.added()), out);
}

fn sorted(map: &UtxoMap) -> Vec<(&Outpoint, &UtxoEntry)> {
    let mut entries: Vec<_> = map.iter().collect();
    entries.sort_unstable_by_key(|&(outpoint, _)| *outpoint);
    entries
}

/// Appends parts of a diff.
pub(in super::super) fn encode_diff_parts(
    removed: &[(&Outpoint, &UtxoEntry)],
    added: &[(&Outpoint, &UtxoEntry)],
    out: &mut Vec<u8>,
) {
    for entries in [removed, added] {
        put_len(entries.len(), out);
        for (outpoint, entry) in entries {
            put_hash(&outpoint.transaction_id, out);
            put_varint(outpoint.index.into(), out);
            encode_entry(entry, out);
        }
    }
}

/// Takes a diff.
pub(in super::super) fn decode_diff(reader: &mut Reader<'_>) -> Result<UtxoDiff, DecodeError> {
    let removed = entries(reader)?;
    let added = entries(reader)?;
    Ok(UtxoDiff::from_parts(added, removed))
}

fn entries(reader: &mut Reader<'_>) -> Result<UtxoMap, DecodeError> {
    let count = len(reader, ENTRY_LEAST)?;
    let mut map = UtxoMap::with_capacity(count);
    for _ in 0..count {
        let transaction_id = hash(reader)?;
        let outpoint = Outpoint::new(transaction_id, small(reader, "an index of 32 bits")?);
        let entry = entry(reader)?;
        if map.insert(outpoint, entry).is_some() {
            return Err(DecodeError::invalid("each outpoint once", outpoint));
        }
    }
    Ok(map)
}
