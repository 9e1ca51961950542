//! What a node that starts from a pruning point is told: proof, trusted data, lanes.

use std::{collections::HashMap, sync::Arc};

use quintet_primitives::Hash256;

use super::{
    block::{header, header_to},
    parts::{self, absent, hash_to, list, list_to, required},
};
use crate::{
    header::Header,
    lanes::{Lane, LaneMetadata},
    proof::{PruningProof, TrustedGhostdag, TrustedGhostdagData, TrustedHeader},
    wire::{SentLane, WireError, lane_proof, proto},
};

/// Takes a proof over; a header that is on several levels is kept once.
pub(super) fn proof(message: proto::Proof) -> Result<PruningProof, WireError> {
    let mut shared: HashMap<Hash256, Arc<Header>> = HashMap::new();
    let mut one = |message| {
        let header = header(message)?;
        Ok(Arc::clone(shared.entry(header.hash()).or_insert_with(|| Arc::new(header))))
    };
    let mut proof = PruningProof::with_capacity(message.levels.len());
    for level in message.levels {
        proof.push(level.headers.into_iter().map(&mut one).collect::<Result<_, WireError>>()?);
    }
    Ok(proof)
}

pub(super) fn proof_to(proof: &PruningProof) -> proto::Proof {
    let level = |level: &Vec<Arc<Header>>| proto::Headers {
        headers: level.iter().map(|header| header_to(header)).collect(),
    };
    proto::Proof { levels: proof.iter().map(level).collect() }
}

fn ghostdag(message: proto::Ghostdag) -> Result<TrustedGhostdag, WireError> {
    let size = |size: proto::AnticoneSize| {
        let blue = required(size.blue, "a blue's hash")?;
        Ok::<_, WireError>((blue, parts::narrow("the size of an anticone", size.size)?))
    };
    Ok(TrustedGhostdag {
        blue_score: message.blue_score,
        blue_work: parts::work(&message.blue_work)?,
        selected_parent: required(message.selected_parent, "the selected parent")?,
        blues: list(message.blues)?,
        reds: list(message.reds)?,
        anticone_sizes: message.anticone_sizes.into_iter().map(size).collect::<Result<_, _>>()?,
    })
}

fn ghostdag_to(ghostdag: &TrustedGhostdag) -> proto::Ghostdag {
    let size = |(blue, size): &(Hash256, u16)| proto::AnticoneSize {
        blue: Some(hash_to(blue)),
        size: (*size).into(),
    };
    proto::Ghostdag {
        blue_score: ghostdag.blue_score,
        blue_work: parts::work_to(&ghostdag.blue_work),
        selected_parent: Some(hash_to(&ghostdag.selected_parent)),
        blues: list_to(&ghostdag.blues),
        reds: list_to(&ghostdag.reds),
        anticone_sizes: ghostdag.anticone_sizes.iter().map(size).collect(),
    }
}

fn trusted_header(message: proto::TrustedHeader) -> Result<TrustedHeader, WireError> {
    let of = message.header.ok_or_else(|| absent("a trusted header"))?;
    let data = message.ghostdag.ok_or_else(|| absent("its GHOSTDAG data"))?;
    Ok(TrustedHeader { header: Arc::new(header(of)?), ghostdag: ghostdag(data)? })
}

pub(super) fn trusted_header_to(trusted: &TrustedHeader) -> proto::TrustedHeader {
    proto::TrustedHeader {
        header: Some(header_to(&trusted.header)),
        ghostdag: Some(ghostdag_to(&trusted.ghostdag)),
    }
}

pub(super) fn trusted_headers(
    messages: Vec<proto::TrustedHeader>,
) -> Result<Vec<TrustedHeader>, WireError> {
    messages.into_iter().map(trusted_header).collect()
}

pub(super) fn hashed_ghostdag(
    message: proto::HashedGhostdag,
) -> Result<TrustedGhostdagData, WireError> {
    let data = message.ghostdag.ok_or_else(|| absent("GHOSTDAG data"))?;
    Ok(TrustedGhostdagData {
        hash: required(message.hash, "the hash of a block with GHOSTDAG data")?,
        ghostdag: ghostdag(data)?,
    })
}

pub(super) fn hashed_ghostdag_to(data: &TrustedGhostdagData) -> proto::HashedGhostdag {
    let ghostdag = Some(ghostdag_to(&data.ghostdag));
    proto::HashedGhostdag { hash: Some(hash_to(&data.hash)), ghostdag }
}

pub(super) fn lane_metadata(message: &proto::SmtMetadata) -> Result<LaneMetadata, WireError> {
    let actual = message.data.len();
    match message.data.as_chunks::<32>() {
        ([root, digest, parent], []) => Ok(LaneMetadata {
            lanes_root: Hash256::new(*root),
            payload_and_context: Hash256::new(*digest),
            parent_commitment: Hash256::new(*parent),
            active_lanes: message.active_lanes,
        }),
        _ => Err(WireError::Length { what: "the lanes' metadata", expected: "96", actual }),
    }
}

pub(super) fn lane_metadata_to(metadata: &LaneMetadata) -> proto::SmtMetadata {
    let parts = [metadata.lanes_root, metadata.payload_and_context, metadata.parent_commitment];
    let data = parts.iter().flat_map(|part| *part.as_bytes()).collect();
    proto::SmtMetadata { data, active_lanes: metadata.active_lanes }
}

#[expect(clippy::needless_pass_by_value, reason = "it is mapped over what was decoded")]
fn lane(message: proto::LaneEntry) -> Result<SentLane, WireError> {
    let actual = message.data.len();
    let ([key, tip], []) = message.data.as_chunks::<32>() else {
        return Err(WireError::Length { what: "a lane's key and tip", expected: "64", actual });
    };
    let with_proof = !message.proof.is_empty();
    Ok(SentLane {
        key: Hash256::new(*key),
        lane: Lane { tip: Hash256::new(*tip), blue_score: message.blue_score },
        proof: with_proof.then(|| lane_proof::decode(&message.proof)).transpose()?,
    })
}

fn lane_to(lane: &SentLane) -> proto::LaneEntry {
    proto::LaneEntry {
        data: [*lane.key.as_bytes(), *lane.lane.tip.as_bytes()].concat(),
        blue_score: lane.lane.blue_score,
        proof: lane.proof.as_ref().map(lane_proof::encode).unwrap_or_default(),
    }
}

pub(super) fn lanes(message: proto::LaneChunk) -> Result<Vec<SentLane>, WireError> {
    message.entries.into_iter().map(lane).collect()
}

pub(super) fn lanes_to(lanes: &[SentLane]) -> proto::LaneChunk {
    proto::LaneChunk { entries: lanes.iter().map(lane_to).collect() }
}
