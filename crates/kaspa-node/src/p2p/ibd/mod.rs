//! Initial block download: from what we know to a peer's sink and the block that made us look.
//!
//! ```text
//!   block too far ahead ─► negotiation ─┬─ common block above our pruning point ─► headers ───────────────┐
//!                                       └─ none in common, or no bodies above it any more ─► start (proof) ┤
//!                                            headers beside the sink ◄────────────────────────────────────┘
//!                                                    └─► bodies up to the sink ─► bodies up to the block ─► orphans
//! ```
//!
//! There is one download at a time. Its peer has [`ANSWER_WITHIN`](super::peer::ANSWER_WITHIN) for each answer; a peer that fails loses its
//! connection, and the next announcement of another one begins a new download, which goes on where this one stopped.
//!
//! Reference: `IbdFlow`.

mod bodies;
mod headers;
mod negotiate;
mod slot;
mod start;

use std::{sync::Arc, time::Duration};

use quintet_kaspa_protocol::{block::Block, wire::Message};
use tracing::info;

pub(super) use slot::{IbdSlot, Trigger};
pub use slot::{IbdStage, IbdStatus};

use self::negotiate::{Found, Negotiation, Next};
use super::{
    error::PeerError,
    hub::Hub,
    peer::{ANSWER_WITHIN, Exchange, Peer, unexpected},
    relay,
};

/// How long a locator may take while the search goes on: a slow searcher would hold the download.
const LOCATOR_WITHIN: Duration = Duration::from_secs(10);

/// Pruning points that a peer may lag behind.
const LAG_MAX: usize = 4;

/// Waits for the next answer of a download.
async fn ibd_answer(exchange: &mut Exchange, what: &'static str) -> Result<Message, PeerError> {
    exchange.next(what, ANSWER_WITHIN).await
}

/// Downloads from a peer whenever a block of its lies too far ahead.
pub(super) async fn run(hub: Arc<Hub>, peer: Arc<Peer>, trigger: Trigger) -> Result<(), PeerError> {
    loop {
        let relayed = trigger.pulled().await;
        let target = relayed.header.hash();
        let status = IbdStatus {
            peer: peer.address,
            target,
            target_daa_score: relayed.header.daa_score,
            stage: IbdStage::Negotiation,
            done: 0,
            total: None,
        };
        let Some(_running) = hub.ibd.take(peer.key, status) else { continue };
        info!(peer = %peer.address, block = %target, "download begins");
        let ended = download(&hub, &peer, &relayed).await;
        match &ended {
            Ok(()) => info!(peer = %peer.address, "download done"),
            Err(error) => info!(peer = %peer.address, %error, "download ended early"),
        }
        ended?;
    }
}

async fn download(hub: &Arc<Hub>, peer: &Arc<Peer>, relayed: &Block) -> Result<(), PeerError> {
    let mut exchange = peer.open(true);
    let found = negotiate(hub, &mut exchange).await?;
    let pipeline = &hub.pipeline;
    match way(hub, &found)? {
        Way::Headers { low } => {
            let target = relayed.header.hash();
            headers::above(hub, pipeline, &mut exchange, low, found.sink, ANSWER_WITHIN).await?;
            headers::to_relayed(pipeline, &mut exchange, found.sink, target).await?;
        }
        Way::Start => start::from_point(hub, peer, &mut exchange, &found, relayed).await?,
    }
    let relayed = relayed.header.hash();
    bodies::up_to(hub, pipeline, &mut exchange, found.sink).await?;
    bodies::up_to(hub, pipeline, &mut exchange, relayed).await?;
    relay::settle(hub).await
}

/// Finds the highest block of the peer's selected chain that we know.
async fn negotiate(hub: &Arc<Hub>, exchange: &mut Exchange) -> Result<Found, PeerError> {
    let mut negotiation = Negotiation::default();
    let (mut question, mut within) = (Negotiation::question(), ANSWER_WITHIN);
    loop {
        exchange.ask(question).await?;
        let locator = match exchange.next("a chain locator", within).await? {
            Message::IbdChainBlockLocator(locator) => locator,
            other => return Err(unexpected("a chain locator", other.kind())),
        };
        match negotiation.take(&locator, |hash| hub.consensus().status(hash))? {
            Next::Ask(next) => (question, within) = (next, LOCATOR_WITHIN),
            Next::Done(found) => return Ok(found),
        }
    }
}

/// How to go on from what we have.
enum Way {
    /// With the headers above a block that both know.
    Headers {
        /// The block.
        low: quintet_primitives::Hash256,
    },
    /// From the peer's pruning point: what is between it and us nobody has any more.
    Start,
}

/// Decides how to go on, if our pruning point is on the peer's chain or the peer has nothing that we know.
///
/// Reference: `determine_ibd_type`.
fn way(hub: &Hub, found: &Found) -> Result<Way, PeerError> {
    let refuse = |reason: &str| Err(PeerError::Unanswerable { reason: reason.to_owned() });
    let consensus = hub.consensus();
    let Some(low) = found.highest_known else { return Ok(Way::Start) };
    let point = consensus.pruning_point();
    if consensus.is_chain_ancestor_of(&point, &low) != Some(true) {
        return refuse("peer is in a finality conflict with the local pruning point");
    }
    let theirs = found.pruning_point;
    let is_leading = consensus.is_chain_ancestor_of(&point, &theirs) == Some(true);
    let is_lagging = consensus.last_pruning_points(LAG_MAX).contains(&theirs);
    if !is_leading && !is_lagging {
        return refuse("the peer's pruning point is none that we could go on from");
    }
    if is_leading && !consensus.status(&theirs).is_some_and(crate::ports::BlockStatus::has_body) {
        return Ok(Way::Start);
    }
    Ok(Way::Headers { low })
}
