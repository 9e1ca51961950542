//! Headers: parents as runs, each hash written once.
//!
//! A real header has ten kilobytes of parents over 256 levels, eleven to fifteen distinct runs of them, and these repeat one another's hashes. So
//! a hash of a run is a number: 0 and 32 bytes for one not met before, else its place among those met.

use quintet_kaspa_protocol::header::{Header, LevelParents};
use quintet_primitives::Hash256;
use quintet_store::{DecodeError, Reader, put_varint};

use super::{Serial, hash, len, put_hash, put_len, put_work, small, work};

/// Appends a header and whose it is.
pub(in super::super) fn encode_header(serial: Serial, header: &Header, out: &mut Vec<u8>) {
    put_varint(serial, out);
    put_varint(header.version.into(), out);
    put_hash(&header.hash_merkle_root, out);
    put_hash(&header.accepted_id_merkle_root, out);
    put_hash(&header.utxo_commitment, out);
    put_varint(header.timestamp, out);
    out.extend_from_slice(&header.bits.to_be_bytes());
    out.extend_from_slice(&header.nonce.to_be_bytes());
    put_varint(header.daa_score, out);
    put_work(&header.blue_work, out);
    put_varint(header.blue_score, out);
    put_hash(&header.pruning_point, out);
    put_parents(&header.parents, out);
}

/// Takes a header and whose it is.
pub(in super::super) fn decode_header(bytes: &[u8]) -> Result<(Serial, Header), DecodeError> {
    let mut reader = Reader::new(bytes);
    let serial = reader.varint()?;
    let header = Header {
        version: small(&mut reader, "a version of 16 bits")?,
        hash_merkle_root: hash(&mut reader)?,
        accepted_id_merkle_root: hash(&mut reader)?,
        utxo_commitment: hash(&mut reader)?,
        timestamp: reader.varint()?,
        bits: reader.u32()?,
        nonce: reader.u64()?,
        daa_score: reader.varint()?,
        blue_work: work(&mut reader)?,
        blue_score: reader.varint()?,
        pruning_point: hash(&mut reader)?,
        parents: parents(&mut reader)?,
    };
    reader.finish()?;
    Ok((serial, header))
}

fn put_parents(parents: &LevelParents, out: &mut Vec<u8>) {
    let mut met: Vec<Hash256> = Vec::new();
    put_len(parents.runs().len(), out);
    for (levels_end, hashes) in parents.runs() {
        put_len(levels_end, out);
        put_len(hashes.len(), out);
        for hash in hashes {
            // The same hashes head the runs again and again: the search ends early.
            match met.iter().position(|known| known == hash) {
                Some(place) => put_len(place + 1, out),
                None => {
                    put_len(0, out);
                    put_hash(hash, out);
                    met.push(*hash);
                }
            }
        }
    }
}

fn parents(reader: &mut Reader<'_>) -> Result<LevelParents, DecodeError> {
    let mut met: Vec<Hash256> = Vec::new();
    let count = len(reader, 2)?;
    let mut runs = Vec::with_capacity(count);
    for _ in 0..count {
        let levels_end: u16 = small(reader, "a level of 16 bits")?;
        let hashes = len(reader, 1)?;
        let mut run = Vec::with_capacity(hashes);
        for _ in 0..hashes {
            let place: usize = small(reader, "a hash's place")?;
            run.push(match place.checked_sub(1) {
                None => {
                    let new = hash(reader)?;
                    met.push(new);
                    new
                }
                Some(known) => *met.get(known).ok_or_else(|| {
                    DecodeError::invalid("the place of a hash that was met", place)
                })?,
            });
        }
        runs.push((levels_end, run));
    }
    LevelParents::from_runs(runs)
        .map_err(|error| DecodeError::invalid("runs of parents in their one form", error))
}
