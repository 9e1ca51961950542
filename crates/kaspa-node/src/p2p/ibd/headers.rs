//! Headers above what we know, in chunks: one is checked while the next one comes.

use std::{sync::Arc, time::Duration};

use quintet_kaspa_protocol::{header::Header, wire::Message};
use quintet_primitives::Hash256;

use super::{IbdStage, ibd_answer};
use crate::{
    consensus::{ConsensusError, Outcome},
    p2p::{
        error::{PeerError, misbehaviour, refused},
        hub::Hub,
        peer::{Exchange, unexpected},
    },
    pipeline::{Pipeline, Ticket},
};

/// Headers on their way through consensus.
pub(super) type Checking = tokio::task::JoinHandle<Result<(), PeerError>>;

/// Waits for tickets; the first refusal is the peer's fault.
pub(super) fn settle(tickets: Vec<(Hash256, Ticket)>) -> Result<(), PeerError> {
    for (hash, ticket) in tickets {
        let outcome: Result<Outcome, ConsensusError> = ticket.wait();
        if let Outcome::Refused(rule) = outcome? {
            return Err(refused(&hash, &rule));
        }
    }
    Ok(())
}

/// Submits headers and waits for them elsewhere.
pub(super) fn check(pipeline: &Arc<Pipeline>, headers: Vec<Arc<Header>>) -> Checking {
    let pipeline = Arc::clone(pipeline);
    tokio::task::spawn_blocking(move || {
        let submit = |header: Arc<Header>| (header.hash(), pipeline.submit_header(header));
        settle(headers.into_iter().map(submit).collect())
    })
}

/// Waits for what is being checked.
pub(super) async fn checked(checking: Option<Checking>) -> Result<(), PeerError> {
    match checking {
        Some(checking) => checking.await.map_err(|_| PeerError::Stopping)?,
        None => Ok(()),
    }
}

/// Downloads all headers above `low` up to `high`.
///
/// Reference: `sync_headers`.
pub(super) async fn above(
    hub: &Arc<Hub>,
    pipeline: &Arc<Pipeline>,
    exchange: &mut Exchange,
    low: Hash256,
    high: Hash256,
    within: Duration,
) -> Result<(), PeerError> {
    exchange.ask(Message::RequestHeaders { low, high }).await?;
    let mut checking = None;
    loop {
        let headers = match exchange.next("headers", within).await? {
            Message::BlockHeaders(headers) => headers,
            Message::DoneHeaders => break,
            other => return Err(unexpected("headers, or that they are done", other.kind())),
        };
        let Some(last) = headers.last() else {
            return Err(misbehaviour("received an empty headers message"));
        };
        let total = hub.ibd.target();
        hub.ibd.progress(IbdStage::Headers, last.daa_score, total);
        exchange.ask(Message::RequestNextHeaders).await?;
        checked(checking.take()).await?;
        checking = Some(check(pipeline, headers));
    }
    checked(checking).await?;
    if pipeline.consensus().status(&high).is_none() {
        return Err(misbehaviour(format!("did not receive the header of the sink {high}")));
    }
    Ok(())
}

/// Downloads the headers beside the peer's sink that lead to the relayed block.
///
/// Reference: `sync_missing_relay_past_headers`.
pub(super) async fn to_relayed(
    pipeline: &Arc<Pipeline>,
    exchange: &mut Exchange,
    sink: Hash256,
    relayed: Hash256,
) -> Result<(), PeerError> {
    if pipeline.consensus().status(&relayed).is_some() {
        return Ok(());
    }
    exchange.ask(Message::RequestAntipast { block: sink, context: relayed }).await?;
    match ibd_answer(exchange, "headers beside the sink").await? {
        Message::BlockHeaders(headers) => checked(Some(check(pipeline, headers))).await?,
        other => return Err(unexpected("headers", other.kind())),
    }
    match ibd_answer(exchange, "the end of the headers").await? {
        Message::DoneHeaders => {}
        other => return Err(unexpected("that headers are done", other.kind())),
    }
    if pipeline.consensus().status(&relayed).is_none() {
        return Err(misbehaviour(format!(
            "did not receive the header of the relayed block {relayed}"
        )));
    }
    Ok(())
}
