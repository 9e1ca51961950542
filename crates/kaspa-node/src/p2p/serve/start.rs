//! What a node that starts from our pruning point asks for: the proof, trusted blocks, the set, the lanes.
//!
//! ```text
//!   requestPruningPointProof            ► proof, level by level from the highest
//!   requestPruningPointAndItsAnticone   ► pruning points ► window ► 99 blocks ► (asked on) ► … ► chain segment ► done
//!   requestPruningPointUTXOSet          ► 99 chunks of 1,000 ► (asked on) ► … ► done
//!   requestPruningPointSmtState         ► what they add up to ► 10 chunks of 4,096 ► (asked on) ► …
//! ```
//!
//! Where we are is kept between requests, so that others are answered in between.
//!
//! Reference: `RequestPruningPointProofFlow`, `PruningPointAndItsAnticoneRequestsFlow`, `RequestPruningPointUtxoSetFlow`,
//! `RequestPruningPointSmtStateFlow`.

use std::sync::Arc;

use quintet_kaspa_protocol::{
    block::Block,
    header::Header,
    proof::TrustedGhostdagData,
    tx::Outpoint,
    wire::{Frame, Message, SentLane, header_bytes},
};
use quintet_primitives::Hash256;

use super::{heavy::HEADERS_BYTES, read, unanswerable};
use crate::{
    consensus::{Offered, OfferedLanes},
    p2p::{error::PeerError, hub::Hub, peer::Peer},
};

/// Messages sent before the peer has to ask on.
///
/// Reference: `IBD_BATCH_SIZE`.
pub(in crate::p2p) const BATCH: usize = 99;

/// Entries of the set in one message.
pub(in crate::p2p) const UTXOS: usize = 1000;

/// Lanes in one message, and messages before the peer has to ask on.
///
/// Reference: `SMT_CHUNK_SIZE`, `SMT_FLOW_CONTROL_WINDOW`.
pub(in crate::p2p) const LANES: usize = 4096;
pub(in crate::p2p) const LANE_BATCH: usize = 10;

/// Lanes from one with a proof to the next.
///
/// Reference: `SMT_PROOF_INTERVAL`.
const LANES_A_PROOF: usize = 1 << 20;

/// The protocol since which proofs and windows come in chunks.
pub(in crate::p2p) const CHUNKS_SINCE: u32 = 11;

/// What a trusted header takes beside the header, for each block it names, bytes.
const NAMED_BYTES: usize = 48;

/// Returns whether a peer is sent, and sends, proofs and windows in chunks.
pub(in crate::p2p) fn in_chunks(peer: &Peer) -> bool {
    peer.agreed().is_some_and(|agreed| agreed.protocol >= CHUNKS_SINCE)
}

/// Trusted blocks on their way.
#[derive(Debug)]
struct Blocks {
    offered: Arc<Offered>,
    sent: usize,
    id: u32,
}

/// The set on its way.
#[derive(Debug)]
struct Set {
    point: Hash256,
    after: Option<Outpoint>,
    sent: usize,
    is_over: bool,
}

/// Lanes on their way.
#[derive(Debug)]
struct Lanes {
    offered: Arc<OfferedLanes>,
    sent: usize,
}

/// What is being sent to a peer that starts.
#[derive(Debug, Default)]
pub(super) struct Starting {
    blocks: Option<Blocks>,
    set: Option<Set>,
    lanes: Option<Lanes>,
}

/// Takes as many items off the front as there is room for in one message, at least one.
fn fill<T>(items: &mut std::vec::IntoIter<T>, bytes: impl Fn(&T) -> usize) -> Vec<T> {
    let (mut taken, mut sum) = (Vec::new(), 0_usize);
    while let Some(next) = items.as_slice().first() {
        sum = sum.saturating_add(bytes(next));
        if sum > HEADERS_BYTES && !taken.is_empty() {
            break;
        }
        taken.extend(items.next());
    }
    taken
}

impl Starting {
    /// Sends the proof.
    pub(super) async fn proof(hub: &Hub, peer: &Arc<Peer>, id: u32) -> Result<(), PeerError> {
        let proof = read(hub, |consensus| consensus.pruning_proof()).await?;
        let proof = proof.ok_or_else(|| unanswerable("there is no proof of our pruning point"))?;
        if !in_chunks(peer) {
            let whole = Message::PruningPointProof((*proof).clone());
            return peer.send(&Frame::response(whole, id)).await;
        }
        for (level, headers) in proof.iter().enumerate().rev() {
            // Levels are numbered by one byte.
            let level = u8::try_from(level).unwrap_or(u8::MAX);
            let mut rest = headers.clone().into_iter();
            while rest.len() > 0 {
                let headers = fill(&mut rest, |header: &Arc<Header>| header_bytes(header));
                let chunk = Message::PruningPointProofChunk { level, headers };
                peer.send(&Frame::response(chunk, id)).await?;
            }
        }
        peer.send(&Frame::response(Message::PruningPointProofChunksEnd, id)).await
    }

    /// Sends past pruning points and the window, and begins with the blocks.
    pub(super) async fn anticone(
        &mut self,
        hub: &Hub,
        peer: &Arc<Peer>,
        id: u32,
    ) -> Result<(), PeerError> {
        let points = read(hub, |consensus| consensus.pruning_point_headers()).await?;
        peer.send(&Frame::response(Message::PruningPoints(points), id)).await?;
        let offered = read(hub, |consensus| consensus.trusted_blocks()).await?;
        let offered = offered.ok_or_else(|| unanswerable("our DAG is too wide to start from"))?;
        let named = Arc::clone(&offered);
        let window = read(hub, move |consensus| {
            let headers = named.window.iter().map(|hash| consensus.trusted_header(hash));
            headers.collect::<Result<Option<Vec<_>>, _>>()
        });
        let window = window.await?.ok_or_else(|| unanswerable("our pruning point has moved"))?;
        if in_chunks(peer) {
            let mut rest = window.into_iter();
            while rest.len() > 0 {
                let chunk = fill(&mut rest, |trusted| {
                    let named = trusted.ghostdag.blues.len() + trusted.ghostdag.reds.len();
                    let named = named.saturating_add(trusted.ghostdag.anticone_sizes.len());
                    header_bytes(&trusted.header).saturating_add(named.saturating_mul(NAMED_BYTES))
                });
                peer.send(&Frame::response(Message::TrustedDataChunk(chunk), id)).await?;
            }
            peer.send(&Frame::response(Message::TrustedDataChunksEnd, id)).await?;
        } else {
            let ghostdag = offered.ghostdag.iter().filter_map(|hash| {
                let ghostdag = hub.consensus().ghostdag_of(hash)?;
                Some(TrustedGhostdagData { hash: *hash, ghostdag })
            });
            let whole = Message::TrustedData { window, ghostdag: ghostdag.collect() };
            peer.send(&Frame::response(whole, id)).await?;
        }
        self.blocks = Some(Blocks { offered, sent: 0, id });
        self.next_blocks(hub, peer).await
    }

    /// Sends the next trusted blocks and headers, or that there are no more.
    pub(super) async fn next_blocks(
        &mut self,
        hub: &Hub,
        peer: &Arc<Peer>,
    ) -> Result<(), PeerError> {
        let Some(Blocks { offered, sent, id }) = &mut self.blocks else {
            return Err(unanswerable("no trusted blocks were asked for"));
        };
        let (whole, id) = (offered.blocks.len(), *id);
        loop {
            let at = *sent;
            let block = match (offered.blocks.get(at), offered.segment.get(at.wrapping_sub(whole)))
            {
                (Some(&hash), _) => read(hub, move |consensus| consensus.block(&hash)).await?,
                (None, Some(&hash)) => {
                    let header = read(hub, move |consensus| consensus.header(&hash)).await?;
                    header.map(|header| Block { header: (*header).clone(), transactions: vec![] })
                }
                (None, None) => {
                    self.blocks = None;
                    let done = Message::DoneBlocksWithTrustedData;
                    return peer.send(&Frame::response(done, id)).await;
                }
            };
            let block = block.ok_or_else(|| unanswerable("our pruning point has moved"))?;
            let message = Message::BlockWithTrustedData(Box::new(block));
            peer.send(&Frame::response(message, id)).await?;
            *sent += 1;
            if sent.is_multiple_of(BATCH) {
                return Ok(());
            }
        }
    }

    /// Begins to send a pruning point's set.
    pub(super) async fn set(
        &mut self,
        hub: &Hub,
        peer: &Arc<Peer>,
        point: Hash256,
    ) -> Result<(), PeerError> {
        self.set = Some(Set { point, after: None, sent: 0, is_over: false });
        self.next_utxos(hub, peer).await
    }

    /// Sends the next part of the set, or that there is no more.
    pub(super) async fn next_utxos(
        &mut self,
        hub: &Hub,
        peer: &Arc<Peer>,
    ) -> Result<(), PeerError> {
        let Some(set) = &mut self.set else {
            return Err(unanswerable("no UTXO set was asked for"));
        };
        while !set.is_over {
            let (point, after) = (set.point, set.after);
            let read = read(hub, move |consensus| consensus.utxos_of_point(&point, after, UTXOS));
            let Some(utxos) = read.await? else {
                self.set = None;
                return peer.tell(Message::UnexpectedPruningPoint).await;
            };
            set.is_over = utxos.len() < UTXOS;
            set.after = utxos.last().map(|(outpoint, _)| *outpoint).or(set.after);
            peer.tell(Message::PruningPointUtxoSetChunk(utxos)).await?;
            set.sent += 1;
            if set.sent.is_multiple_of(BATCH) {
                return Ok(());
            }
        }
        self.set = None;
        peer.tell(Message::DonePruningPointUtxoSetChunks).await
    }

    /// Says what the lanes of a pruning point add up to, and begins to send them.
    pub(super) async fn lanes(
        &mut self,
        hub: &Hub,
        peer: &Arc<Peer>,
        point: Hash256,
    ) -> Result<(), PeerError> {
        if hub.consensus().pruning_point() != point {
            return peer.tell(Message::UnexpectedPruningPoint).await;
        }
        let offered = read(hub, |consensus| consensus.lanes_of_point()).await?;
        let offered =
            offered.ok_or_else(|| unanswerable("the lanes of our pruning point are not kept"))?;
        peer.tell(Message::SmtMetadata(offered.0)).await?;
        self.lanes = Some(Lanes { offered, sent: 0 });
        self.next_lanes(peer).await
    }

    /// Sends the next lanes. The peer knows how many there are.
    pub(super) async fn next_lanes(&mut self, peer: &Arc<Peer>) -> Result<(), PeerError> {
        let Some(Lanes { offered, sent }) = &mut self.lanes else {
            return Err(unanswerable("no lanes were asked for"));
        };
        for _ in 0..LANE_BATCH {
            let tree = &offered.1;
            let lanes = tree.iter().enumerate().skip(*sent).take(LANES);
            let lanes: Vec<SentLane> = lanes
                .map(|(at, (key, lane))| {
                    let is_proven = at.is_multiple_of(LANES_A_PROOF);
                    SentLane { key, lane, proof: is_proven.then(|| tree.prove(&key)) }
                })
                .collect();
            if lanes.is_empty() {
                break;
            }
            *sent += lanes.len();
            peer.tell(Message::SmtLaneChunk(lanes)).await?;
        }
        if *sent >= offered.1.len() {
            self.lanes = None;
        }
        Ok(())
    }
}
