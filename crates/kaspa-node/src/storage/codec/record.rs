//! Chain records: what acceptance made of a chain block.

use quintet_kaspa_protocol::{
    dag::BlockId,
    hashing::UtxoMuHash,
    state::{AcceptedTx, MergedBlock},
};
use quintet_primitives::Hash256;
use quintet_store::{DecodeError, Reader, put_varint};

use super::{Serial, decode_diff, encode_diff, hash, len, put_hash, put_len, small};
use crate::ports::{ChainRecord, LaneChange, LaneState};

const ACCEPTED_LEAST: usize = 34;
const MERGED_LEAST: usize = 2;
const LANE_LEAST: usize = 34;

/// Appends a chain record and whose it is. `serial_of` says a block's number on disk.
pub(in super::super) fn encode_record(
    serial: Serial,
    record: &ChainRecord,
    serial_of: impl Fn(BlockId) -> Serial,
    out: &mut Vec<u8>,
) {
    put_varint(serial, out);
    encode_diff(&record.diff, out);
    out.extend_from_slice(&record.multiset.to_bytes());
    put_len(record.acceptance.len(), out);
    for merged in &record.acceptance {
        put_varint(serial_of(merged.block), out);
        put_len(merged.accepted.len(), out);
        for accepted in &merged.accepted {
            put_varint(accepted.index.into(), out);
            put_hash(&accepted.id, out);
            put_varint(accepted.fee, out);
        }
    }
    put_len(record.lanes.len(), out);
    for change in &record.lanes {
        put_hash(&change.lane, out);
        put_lane(change.before.as_ref(), out);
        put_lane(change.after.as_ref(), out);
    }
    if record.payload_and_context != Hash256::default() {
        put_hash(&record.payload_and_context, out);
    }
}

/// Takes a chain record and whose it is. `block_of` says which block a number on disk is; the root if it is gone.
pub(in super::super) fn decode_record(
    bytes: &[u8],
    block_of: impl Fn(Serial) -> BlockId,
) -> Result<(Serial, ChainRecord), DecodeError> {
    let mut reader = Reader::new(bytes);
    let serial = reader.varint()?;
    let diff = decode_diff(&mut reader)?;
    let multiset = UtxoMuHash::from_bytes(&reader.array()?);
    let count = len(&mut reader, MERGED_LEAST)?;
    let mut acceptance = Vec::with_capacity(count);
    for _ in 0..count {
        let block = block_of(reader.varint()?);
        let count = len(&mut reader, ACCEPTED_LEAST)?;
        let mut accepted = Vec::with_capacity(count);
        for _ in 0..count {
            accepted.push(AcceptedTx {
                index: small(&mut reader, "an index of 32 bits")?,
                id: hash(&mut reader)?,
                fee: reader.varint()?,
            });
        }
        acceptance.push(MergedBlock { block, accepted });
    }
    let count = len(&mut reader, LANE_LEAST)?;
    let mut lanes = Vec::with_capacity(count);
    for _ in 0..count {
        lanes.push(LaneChange {
            lane: hash(&mut reader)?,
            before: lane(&mut reader)?,
            after: lane(&mut reader)?,
        });
    }
    // There is none before Toccata, nor in records of older versions.
    let is_there = !reader.rest().is_empty();
    let payload_and_context = if is_there { hash(&mut reader)? } else { Hash256::default() };
    reader.finish()?;
    Ok((serial, ChainRecord { diff, acceptance, multiset, lanes, payload_and_context }))
}

fn put_lane(state: Option<&LaneState>, out: &mut Vec<u8>) {
    out.push(u8::from(state.is_some()));
    if let Some(state) = state {
        put_hash(&state.tip, out);
        put_varint(state.blue_score, out);
    }
}

fn lane(reader: &mut Reader<'_>) -> Result<Option<LaneState>, DecodeError> {
    match reader.u8()? {
        0 => Ok(None),
        1 => Ok(Some(LaneState { tip: hash(reader)?, blue_score: reader.varint()? })),
        other => Err(DecodeError::invalid("0, or 1 and a lane's state", other)),
    }
}
