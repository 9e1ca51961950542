//! Starting from a peer's pruning point: what is between us and it nobody has any more.
//!
//! ```text
//!   proof ─► judged: more work than ours ─► pruning points, window, anticone, segment ─► a second consensus beside ours
//!        ─► headers up to the peer's sink, to the block that made us look ─► pruning points named, ahead of ours
//!        ─► lanes, UTXO set ─► as the pruning point's header says ─► the second takes the place of ours
//! ```
//!
//! Until the last step nothing of ours changes: a peer that lies, or goes away, costs its time and the directory of the second consensus, and the next
//! announcement of another peer begins anew.
//!
//! # Deviations
//!
//! The reference goes over to the second consensus before it has lanes and set, and then waits for them from anybody who shares the pruning point.
//! It also has a way to go on from its own DAG when only bodies are gone between it and the peer; here that is a start as well.
//!
//! Reference: `ibd_with_headers_proof`, `sync_and_validate_pruning_proof`, `sync_new_smt_state`, `sync_new_utxo_set`.

use std::{sync::Arc, time::Duration};

use quintet_kaspa_protocol::{
    block::Block,
    hashing::UtxoMuHash,
    header::Header,
    lanes::LaneTree,
    proof::{LEVEL_HEADERS_PER_M, PruningProof, TrustedHeader},
    wire::{Message, header_bytes},
};
use quintet_primitives::Hash256;
use tracing::info;

use super::{IbdStage, headers, ibd_answer, negotiate::Found};
use crate::{
    consensus::{Consensus, Start, StartError},
    p2p::{
        error::{PeerError, misbehaviour, refused},
        hub::Hub,
        peer::{ANSWER_WITHIN, Exchange, Peer, unexpected},
        serve::start::{BATCH, LANE_BATCH, UTXOS, in_chunks},
    },
    pipeline::{Pipeline, PipelineOptions},
};

/// How long a peer may take to build its proof.
const PROOF_WITHIN: Duration = Duration::from_secs(600);

/// Bytes of headers of a proof, and of a window, at most.
const HEADERS_BYTES_MAX: usize = 512 << 20;

/// Blocks beside a pruning point, at most, as a multiple of what a block may merge.
const ANTICONE_MERGESETS: u64 = 16;

/// Share of a finality depth, as a fraction of two numbers, up to which our finality point counts as recent: then nobody starts anew.
const RECENT: (u64, u64) = (3, 2);

impl From<StartError> for PeerError {
    fn from(error: StartError) -> Self {
        let reason = error.to_string();
        match error {
            StartError::Broken(error) => Self::Consensus(error),
            // Clocks differ, and who is on a weaker chain need not know.
            StartError::Rule { hash, source } => refused(&hash, &source),
            StartError::Weak(_) | StartError::Unwanted { .. } => Self::Unanswerable { reason },
            StartError::Import(_) | StartError::Lanes(_) | StartError::Refused { .. } => {
                Self::Misbehaviour { reason }
            }
        }
    }
}

/// Runs what reads and computes much on a thread of its own.
async fn elsewhere<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StartError> + Send + 'static,
) -> Result<T, PeerError> {
    let done = tokio::task::spawn_blocking(work).await;
    Ok(done.map_err(|_| PeerError::Stopping)??)
}

/// Checks that the block which made us look is so far ahead that starting anew is worth it, and that we are behind.
///
/// Reference: the last part of `determine_ibd_type`.
fn check_worth(hub: &Hub, relayed: &Header) -> Result<(), PeerError> {
    let refuse = |reason: &str| Err(PeerError::Unanswerable { reason: reason.to_owned() });
    let consensus = hub.consensus();
    let (tip, tip_score) = consensus.header_tip();
    let tip_work = consensus.header(&tip)?.map(|header| header.blue_work).unwrap_or_default();
    let daa_score = consensus.virtual_state().daa_score;
    let rate = &consensus.params().rules_at(daa_score).rate;
    let enough = tip_score.saturating_add(rate.pruning_depth);
    if relayed.blue_score < enough || relayed.blue_work <= tip_work {
        return refuse(
            "peer has no known block but conditions for requesting headers proof are not met",
        );
    }
    let finality = rate.finality_depth.saturating_mul(rate.target_time_per_block);
    let recent = finality.saturating_mul(RECENT.0) / RECENT.1;
    if hub.now_millis() < consensus.finality_point_time().saturating_add(recent) {
        return refuse(
            "peer has no known block but local consensus appears to be up to date, this is most likely a spam attempt",
        );
    }
    Ok(())
}

/// Starts from the pruning point of a peer, up to the headers of its sink and of the relayed block.
pub(super) async fn from_point(
    hub: &Arc<Hub>,
    peer: &Arc<Peer>,
    exchange: &mut Exchange,
    found: &Found,
    relayed: &Block,
) -> Result<(), PeerError> {
    check_worth(hub, &relayed.header)?;
    let consensus = Arc::clone(hub.consensus());
    let start = take(hub, peer, exchange, relayed).await?;
    let (staged, points) = elsewhere(move || consensus.stage(start)).await?;
    let point = staged.pruning_point();
    info!(peer = %peer.address, %point, "starting from a pruning point");
    let staged = Arc::new(staged);
    let pipeline = Arc::new(Pipeline::start(Arc::clone(&staged), &PipelineOptions::default())?);
    let (sink, target) = (found.sink, relayed.header.hash());
    headers::above(hub, &pipeline, exchange, point, sink, ANSWER_WITHIN).await?;
    headers::to_relayed(&pipeline, exchange, sink, target).await?;
    let (second, ours) = (Arc::clone(&staged), Arc::clone(hub.consensus()));
    elsewhere(move || second.check_staged(&points, &sink, &ours)).await?;
    let (lanes, digest) = take_lanes(hub, exchange, &staged, point).await?;
    let multiset = take_set(hub, exchange, &staged, point).await?;
    let ours = Arc::clone(hub.consensus());
    elsewhere(move || {
        staged.begin(&multiset, &lanes, digest)?;
        drop(pipeline);
        let Some(staged) = Arc::into_inner(staged) else {
            return Err(StartError::Broken(crate::consensus::ConsensusError::Inconsistent {
                expected: "nobody else to hold a staged consensus",
            }));
        };
        Ok(ours.succeed(staged)?)
    })
    .await?;
    info!(peer = %peer.address, %point, "started from a pruning point");
    Ok(())
}

/// Takes what leads to the headers above: the proof, judged, and the blocks around the pruning point.
async fn take(
    hub: &Arc<Hub>,
    peer: &Peer,
    exchange: &mut Exchange,
    relayed: &Block,
) -> Result<Start, PeerError> {
    let consensus = Arc::clone(hub.consensus());
    exchange.ask(Message::RequestPruningPointProof).await?;
    let proof = take_proof(hub, exchange, in_chunks(peer)).await?;
    let work = relayed.header.blue_work;
    let proof = elsewhere(move || consensus.judge_proof(&proof, work).map(|_| proof)).await?;
    exchange.ask(Message::RequestPruningPointAndItsAnticone).await?;
    let points = match ibd_answer(exchange, "past pruning points").await? {
        Message::PruningPoints(points) => points,
        other => return Err(unexpected("past pruning points", other.kind())),
    };
    let window = take_window(exchange, in_chunks(peer)).await?;
    let (blocks, segment) = take_blocks(hub, exchange).await?;
    Ok(Start { proof, points, window, blocks, segment })
}

async fn take_proof(
    hub: &Hub,
    exchange: &mut Exchange,
    in_chunks: bool,
) -> Result<PruningProof, PeerError> {
    let params = hub.consensus().params();
    let levels = usize::from(params.max_block_level) + 1;
    let most = params.pruning_proof_m.saturating_mul(LEVEL_HEADERS_PER_M);
    let most = usize::try_from(most).unwrap_or(usize::MAX);
    if !in_chunks {
        return match exchange.next("a proof", PROOF_WITHIN).await? {
            Message::PruningPointProof(proof) => Ok(proof),
            other => Err(unexpected("a proof", other.kind())),
        };
    }
    let mut proof: PruningProof = vec![Vec::new(); levels];
    let (mut current, mut bytes, mut within) = (None, 0_usize, PROOF_WITHIN);
    loop {
        let (level, headers) = match exchange.next("a part of a proof", within).await? {
            Message::PruningPointProofChunk { level, headers } => (level, headers),
            Message::PruningPointProofChunksEnd => return Ok(proof),
            other => return Err(unexpected("a part of a proof", other.kind())),
        };
        within = ANSWER_WITHIN;
        if headers.is_empty() {
            return Err(misbehaviour("received an empty part of a proof"));
        }
        // From the highest level down, one after the other.
        let follows =
            current.is_none_or(|last: u8| level == last || level.checked_add(1) == Some(last));
        let place = proof.get_mut(usize::from(level)).filter(|_| follows);
        let Some(place) = place else {
            return Err(misbehaviour(format!("level {level} of a proof is out of order")));
        };
        current = Some(level);
        bytes = headers.iter().fold(bytes, |sum, header| sum.saturating_add(header_bytes(header)));
        place.extend(headers);
        if place.len() > most || bytes > HEADERS_BYTES_MAX {
            return Err(misbehaviour("sent more of a proof than there may be"));
        }
        hub.ibd.progress(IbdStage::Proof, bytes as u64, None);
    }
}

async fn take_window(
    exchange: &mut Exchange,
    in_chunks: bool,
) -> Result<Vec<TrustedHeader>, PeerError> {
    if !in_chunks {
        return match ibd_answer(exchange, "trusted data").await? {
            Message::TrustedData { window, .. } => Ok(window),
            other => Err(unexpected("trusted data", other.kind())),
        };
    }
    let (mut window, mut bytes): (Vec<TrustedHeader>, usize) = (Vec::new(), 0);
    loop {
        let chunk = match ibd_answer(exchange, "trusted data").await? {
            Message::TrustedDataChunk(chunk) => chunk,
            Message::TrustedDataChunksEnd => return Ok(window),
            other => return Err(unexpected("trusted data", other.kind())),
        };
        let size =
            |sum: usize, trusted: &TrustedHeader| sum.saturating_add(header_bytes(&trusted.header));
        bytes = chunk.iter().fold(bytes, size);
        if chunk.is_empty() || bytes > HEADERS_BYTES_MAX {
            return Err(misbehaviour("sent no trusted data, or more than there may be"));
        }
        window.extend(chunk);
    }
}

/// Takes the pruning point and its anticone, then the headers of its chain.
async fn take_blocks(
    hub: &Hub,
    exchange: &mut Exchange,
) -> Result<(Vec<Block>, Vec<Arc<Header>>), PeerError> {
    let consensus = hub.consensus();
    let rate = &consensus.params().rules_at(consensus.virtual_state().daa_score).rate;
    let length = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
    let blocks_max = length(rate.mergeset_size_limit.saturating_mul(ANTICONE_MERGESETS));
    // A chain block adds at least one to the blue score.
    let noise = u64::from(rate.ghostdag_k).saturating_mul(2).saturating_add(1);
    let segment_max = length(rate.finality_depth.saturating_add(noise));
    let (mut blocks, mut segment) = (Vec::new(), Vec::new());
    for came in 1_usize.. {
        let block = match ibd_answer(exchange, "trusted blocks").await? {
            Message::BlockWithTrustedData(block) => *block,
            Message::DoneBlocksWithTrustedData => break,
            other => return Err(unexpected("trusted blocks", other.kind())),
        };
        if block.transactions.is_empty() {
            segment.push(Arc::new(block.header));
        } else if segment.is_empty() {
            blocks.push(block);
        } else {
            return Err(misbehaviour("sent a trusted block after headers"));
        }
        if blocks.len() > blocks_max || segment.len() > segment_max {
            return Err(misbehaviour("sent more trusted blocks than there may be"));
        }
        hub.ibd.progress(IbdStage::Proof, came as u64, None);
        if came.is_multiple_of(BATCH) {
            exchange.ask(Message::RequestNextPruningPointAndItsAnticoneBlocks).await?;
        }
    }
    Ok((blocks, segment))
}

/// Takes the lanes of the pruning point, if its header commits to any, and the digest that goes with them.
async fn take_lanes(
    hub: &Hub,
    exchange: &mut Exchange,
    staged: &Arc<Consensus>,
    point: Hash256,
) -> Result<(LaneTree, Hash256), PeerError> {
    if !staged.point_has_lanes() {
        return Ok((LaneTree::new(), Hash256::default()));
    }
    exchange.ask(Message::RequestPruningPointSmtState(point)).await?;
    let said = match ibd_answer(exchange, "what lanes add up to").await? {
        Message::SmtMetadata(said) => said,
        Message::UnexpectedPruningPoint => return Err(moved()),
        other => return Err(unexpected("what lanes add up to", other.kind())),
    };
    let mut import = staged.begin_lanes(said)?;
    let (mut taken, mut chunks) = (0_u64, 0_usize);
    while taken < said.active_lanes {
        let lanes = match ibd_answer(exchange, "lanes").await? {
            Message::SmtLaneChunk(lanes) => lanes,
            Message::UnexpectedPruningPoint => return Err(moved()),
            other => return Err(unexpected("lanes", other.kind())),
        };
        if lanes.is_empty() {
            return Err(misbehaviour("received no lanes where some are missing"));
        }
        taken = taken.saturating_add(lanes.len() as u64);
        import
            .push(lanes.into_iter().map(|sent| (sent.key, sent.lane)))
            .map_err(StartError::from)?;
        hub.ibd.progress(IbdStage::Lanes, taken, Some(said.active_lanes));
        chunks += 1;
        if taken < said.active_lanes && chunks.is_multiple_of(LANE_BATCH) {
            exchange.ask(Message::RequestNextPruningPointSmtChunk).await?;
        }
    }
    let tree = elsewhere(move || Ok(import.finish()?)).await?;
    Ok((tree, said.payload_and_context))
}

/// Takes the UTXO set of the pruning point and returns its hash.
async fn take_set(
    hub: &Hub,
    exchange: &mut Exchange,
    staged: &Arc<Consensus>,
    point: Hash256,
) -> Result<UtxoMuHash, PeerError> {
    exchange.ask(Message::RequestPruningPointUtxoSet(point)).await?;
    let (mut multiset, mut taken) = (UtxoMuHash::new(), 0_u64);
    for chunks in 1_usize.. {
        let utxos = match ibd_answer(exchange, "the UTXO set").await? {
            Message::PruningPointUtxoSetChunk(utxos) => utxos,
            Message::DonePruningPointUtxoSetChunks => break,
            Message::UnexpectedPruningPoint => return Err(moved()),
            other => return Err(unexpected("the UTXO set", other.kind())),
        };
        if utxos.len() > UTXOS || utxos.is_empty() && chunks > 1 && taken == 0 {
            return Err(misbehaviour(format!("expected 1 to {UTXOS} entries of the UTXO set")));
        }
        taken = taken.saturating_add(utxos.len() as u64);
        let staged = Arc::clone(staged);
        multiset = elsewhere(move || {
            let mut multiset = multiset;
            staged.import_utxos(&utxos, &mut multiset)?;
            Ok(multiset)
        })
        .await?;
        hub.ibd.progress(IbdStage::UtxoSet, taken, None);
        if chunks.is_multiple_of(BATCH) {
            exchange.ask(Message::RequestNextPruningPointUtxoSetChunk).await?;
        }
    }
    Ok(multiset)
}

/// The peer has another pruning point by now: nobody's fault, but whoever does so again and again would hold the download.
fn moved() -> PeerError {
    PeerError::Unsuitable { reason: "the pruning point has moved meanwhile".to_owned() }
}
