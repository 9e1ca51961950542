//! Headers and blocks.

use std::sync::Arc;

use prost::Message as _;

use super::{
    parts::{self, hash_to, list, list_to, required},
    transaction::{transaction_to, transactions},
};
use crate::{
    block::Block,
    header::{Header, LevelParents},
    wire::{BODY_BYTES_MAX, HEADER_BYTES_MAX, Kind, WireError, proto},
};

pub(super) fn header(message: proto::Header) -> Result<Header, WireError> {
    let mut runs = Vec::with_capacity(message.parents.len());
    for run in message.parents {
        // The reference counts levels in a byte.
        let end: u8 = parts::narrow("the end of a run of levels", run.cumulative_level)?;
        runs.push((u16::from(end), list(run.hashes)?));
    }
    Ok(Header {
        version: parts::narrow("a header's version", message.version)?,
        parents: LevelParents::from_runs(runs)?,
        hash_merkle_root: required(message.hash_merkle_root, "the hash root")?,
        accepted_id_merkle_root: required(
            message.accepted_id_merkle_root,
            "the root of accepted ids",
        )?,
        utxo_commitment: required(message.utxo_commitment, "the UTXO commitment")?,
        timestamp: parts::time(message.timestamp)?,
        bits: message.bits,
        nonce: message.nonce,
        daa_score: message.daa_score,
        blue_work: parts::work(&message.blue_work)?,
        blue_score: message.blue_score,
        pruning_point: required(message.pruning_point, "the pruning point")?,
    })
}

pub(super) fn header_to(header: &Header) -> proto::Header {
    let run = |(end, hashes): (usize, &[_])| proto::LevelParents {
        hashes: list_to(hashes),
        cumulative_level: u32::try_from(end).unwrap_or(u32::MAX),
    };
    proto::Header {
        version: header.version.into(),
        hash_merkle_root: Some(hash_to(&header.hash_merkle_root)),
        accepted_id_merkle_root: Some(hash_to(&header.accepted_id_merkle_root)),
        utxo_commitment: Some(hash_to(&header.utxo_commitment)),
        timestamp: parts::time_to(header.timestamp),
        bits: header.bits,
        nonce: header.nonce,
        daa_score: header.daa_score,
        blue_work: parts::work_to(&header.blue_work),
        parents: header.parents.runs().map(run).collect(),
        blue_score: header.blue_score,
        pruning_point: Some(hash_to(&header.pruning_point)),
    }
}

pub(super) fn headers(messages: Vec<proto::Header>) -> Result<Vec<Arc<Header>>, WireError> {
    messages.into_iter().map(|message| header(message).map(Arc::new)).collect()
}

pub(super) fn headers_to(headers: &[Arc<Header>]) -> proto::Headers {
    proto::Headers { headers: headers.iter().map(|header| header_to(header)).collect() }
}

pub(super) fn block(message: proto::Block) -> Result<Block, WireError> {
    let whole = message.encoded_len();
    let header_message = message.header.ok_or_else(|| parts::absent("a block's header"))?;
    let of_header = header_message.encoded_len();
    let of_body = whole.saturating_sub(of_header);
    for (max, actual) in [(HEADER_BYTES_MAX, of_header), (BODY_BYTES_MAX, of_body)] {
        if actual > max {
            return Err(WireError::TooLong { kind: Kind::Block, max, actual });
        }
    }
    let transactions = transactions(message.transactions)?;
    Ok(Block { header: header(header_message)?, transactions })
}

pub(super) fn block_to(block: &Block) -> proto::Block {
    proto::Block {
        header: Some(header_to(&block.header)),
        transactions: block.transactions.iter().map(transaction_to).collect(),
    }
}
