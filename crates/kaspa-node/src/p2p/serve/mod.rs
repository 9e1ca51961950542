//! What peers are answered.
//!
//! Requests wait in two queues, so that a peer that downloads much still gets the block that was just found: what is at hand
//! ([`light`]), and what takes reading ([`heavy`]). Answers wait for room in the peer's outbox; a download goes as fast as it is read.
//!
//! A request for what is not there ends the connection, as the reference does it: the peer asks nothing that it was not told of, so it is
//! on another chain, or too late.

mod heavy;
mod light;
pub(super) mod start;

pub(super) use heavy::run as heavy;
pub(super) use light::run as light;

use std::sync::Arc;

use super::{error::PeerError, hub::Hub};
use crate::consensus::{Consensus, ConsensusError};

/// Reads from consensus on a thread that may wait for the disk.
async fn read<T: Send + 'static>(
    hub: &Hub,
    question: impl FnOnce(&Consensus) -> Result<T, ConsensusError> + Send + 'static,
) -> Result<T, PeerError> {
    let consensus = Arc::clone(hub.consensus());
    let reading = tokio::task::spawn_blocking(move || question(&consensus));
    Ok(reading.await.map_err(|_| PeerError::Stopping)??)
}

fn unanswerable(reason: impl Into<String>) -> PeerError {
    PeerError::Unanswerable { reason: reason.into() }
}
