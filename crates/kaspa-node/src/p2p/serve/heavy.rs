//! Requests of a peer that downloads: chain locators, headers, blocks and bodies; what one asks for that starts is in [`start`](super::start).
//!
//! What comes in parts waits for the peer after each: the part that comes next is kept in [`Serving`], so that other requests are answered
//! in between.
//!
//! Reference: `RequestHeadersFlow`, `HandleIbdBlockRequests`, `HandleBlockBodyRequests`, `RequestIbdChainBlockLocatorFlow`,
//! `HandleAntipastRequests`.

use std::sync::Arc;

use quintet_kaspa_protocol::wire::{Frame, Message, header_bytes};
use quintet_primitives::Hash256;
use tokio::sync::mpsc;

use super::{read, start::Starting, unanswerable};
use crate::{
    consensus::HeadersAbove,
    p2p::{
        error::{PeerError, misbehaviour},
        hub::Hub,
        peer::{Peer, unexpected},
    },
};

/// Headers in one message, at least as many as a block may merge.
const HEADERS: usize = 1 << 10;

/// Bytes of headers in one message, about.
///
/// Reference: `HEADERS_CHUNK_SIZE`.
pub(super) const HEADERS_BYTES: usize = 20 << 20;

/// Headers that are on their way to a peer.
#[derive(Debug, Clone, Copy)]
struct Headers {
    low: Hash256,
    high: Hash256,
    id: u32,
}

/// What is being sent to a peer in parts.
#[derive(Debug, Default)]
struct Serving {
    headers: Option<Headers>,
    start: Starting,
}

/// Answers for as long as the peer asks.
pub(in crate::p2p) async fn run(
    hub: Arc<Hub>,
    peer: Arc<Peer>,
    mut requests: mpsc::Receiver<Frame>,
) -> Result<(), PeerError> {
    let mut serving = Serving::default();
    while let Some(frame) = requests.recv().await {
        serving.answer(&hub, &peer, frame).await?;
    }
    Err(PeerError::Closed)
}

impl Serving {
    async fn answer(
        &mut self,
        hub: &Arc<Hub>,
        peer: &Arc<Peer>,
        frame: Frame,
    ) -> Result<(), PeerError> {
        let id = frame.request_id;
        match frame.message {
            Message::RequestHeaders { low, high } => {
                if hub.consensus().is_chain_ancestor_of(&low, &high) != Some(true) {
                    let reason = format!("low hash {low} is not a chain ancestor of {high}");
                    return Err(unanswerable(reason));
                }
                self.headers = Some(Headers { low, high, id });
                self.next_headers(hub, peer).await
            }
            Message::RequestNextHeaders => self.next_headers(hub, peer).await,
            Message::RequestIbdChainBlockLocator { low, high } => {
                let locator = read(hub, move |consensus| {
                    Ok(consensus.chain_locator(low.as_ref(), high.as_ref()))
                });
                let locator = locator.await?;
                let locator = locator.ok_or_else(|| misbehaviour("low hash above high hash"))?;
                let answer = Message::IbdChainBlockLocator(locator);
                peer.send(&Frame::response(answer, id)).await
            }
            Message::RequestAntipast { block, context } => {
                antipast(hub, peer, block, context, id).await
            }
            Message::RequestIbdBlocks(hashes) => {
                for hash in hashes {
                    let block = read(hub, move |consensus| consensus.block(&hash)).await?;
                    let missing = || unanswerable(format!("cannot find full block {hash}"));
                    let block = Box::new(block.ok_or_else(missing)?);
                    peer.send(&Frame::response(Message::IbdBlock(block), id)).await?;
                }
                Ok(())
            }
            Message::RequestBlockBodies(hashes) => {
                for hash in hashes {
                    let body = read(hub, move |consensus| consensus.body(&hash)).await?;
                    let missing = || unanswerable(format!("cannot find full block {hash}"));
                    let body = Message::BlockBody(body.ok_or_else(missing)?.to_vec());
                    peer.send(&Frame::response(body, id)).await?;
                }
                Ok(())
            }
            Message::RequestPruningPointProof => Starting::proof(hub, peer, id).await,
            Message::RequestPruningPointAndItsAnticone => self.start.anticone(hub, peer, id).await,
            Message::RequestNextPruningPointAndItsAnticoneBlocks => {
                self.start.next_blocks(hub, peer).await
            }
            Message::RequestPruningPointUtxoSet(point) => self.start.set(hub, peer, point).await,
            Message::RequestNextPruningPointUtxoSetChunk => self.start.next_utxos(hub, peer).await,
            Message::RequestPruningPointSmtState(point) => self.start.lanes(hub, peer, point).await,
            Message::RequestNextPruningPointSmtChunk => self.start.next_lanes(peer).await,
            other => Err(unexpected("a request that this node answers", other.kind())),
        }
    }

    /// Sends the next headers, or that there are no more.
    async fn next_headers(&mut self, hub: &Arc<Hub>, peer: &Arc<Peer>) -> Result<(), PeerError> {
        let Some(Headers { low, high, id }) = self.headers else {
            // The reference asks once more than there are parts.
            return Ok(());
        };
        if low == high {
            self.headers = None;
            return peer.send(&Frame::response(Message::DoneHeaders, id)).await;
        }
        let least = merge_limit(hub).saturating_add(1);
        let mut limit = least.max(HEADERS);
        let HeadersAbove { headers, reached } = loop {
            let above = read(hub, move |consensus| consensus.headers_above(&low, &high, limit));
            let above = above.await?.ok_or_else(|| unanswerable(format!("{low} was pruned")))?;
            let bytes: usize = above.headers.iter().map(|header| header_bytes(header)).sum();
            if bytes <= HEADERS_BYTES || limit <= least {
                break above;
            }
            limit = (limit / 2).max(least);
        };
        if headers.is_empty() {
            return Err(unanswerable(format!("there is nothing between {low} and {high}")));
        }
        self.headers = Some(Headers { low: reached, high, id });
        peer.send(&Frame::response(Message::BlockHeaders(headers), id)).await
    }
}

/// Returns how many blocks a block may merge.
fn merge_limit(hub: &Hub) -> usize {
    let consensus = hub.consensus();
    let rules = consensus.params().rules_at(consensus.virtual_state().daa_score);
    usize::try_from(rules.rate.mergeset_size_limit).unwrap_or(usize::MAX)
}

async fn antipast(
    hub: &Arc<Hub>,
    peer: &Arc<Peer>,
    block: Hash256,
    context: Hash256,
    id: u32,
) -> Result<(), PeerError> {
    // The relayed block is near the sink as a rule.
    let limit = merge_limit(hub).saturating_mul(4);
    let headers =
        read(hub, move |consensus| consensus.antipast_headers(&block, &context, limit)).await?;
    let headers = headers.ok_or_else(|| {
        unanswerable(format!("{context} is not near {block}, or one of them is not known"))
    })?;
    peer.send(&Frame::response(Message::BlockHeaders(headers), id)).await?;
    peer.send(&Frame::response(Message::DoneHeaders, id)).await
}
