//! Why a connection ends, and why the network does not start.

use std::{net::SocketAddr, time::Duration};

use quintet_kaspa_protocol::{
    validation::RuleError,
    wire::{Kind, WireError},
};
use quintet_primitives::Hash256;
use thiserror::Error;

use crate::consensus::ConsensusError;

/// Why the network does not start.
#[derive(Debug, Error)]
pub enum NetworkError {
    /// The address peers should reach us at cannot be listened on.
    #[error(
        "could not listen on {address}: {source}; name another address or stop who listens there"
    )]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
    /// The file with the peers of the last run is of no use.
    #[error("could not read the peers in {path}: {reason}; remove the file to begin without them")]
    Book {
        /// The file.
        path: String,
        /// Why not.
        reason: String,
    },
}

/// Why a connection ends.
#[derive(Debug, Clone, Error)]
pub(super) enum PeerError {
    /// The peer, or we, closed it.
    #[error("the connection is closed")]
    Closed,
    /// The transport failed.
    #[error("the transport failed: {reason}")]
    Transport {
        /// Its words.
        reason: String,
    },
    /// The peer sent what is no message.
    #[error(transparent)]
    Wire(#[from] WireError),
    /// The peer takes too long.
    #[error("expected {what} within {within:?}")]
    Timeout {
        /// What was waited for.
        what: &'static str,
        /// How long.
        within: Duration,
    },
    /// The peer sent something else than it may now.
    #[error("expected {expected}, got {actual}")]
    Unexpected {
        /// What may come.
        expected: &'static str,
        /// What came.
        actual: Kind,
    },
    /// The peer sends faster than we take.
    #[error("more messages of {kind} came than wait their turn")]
    Overflow {
        /// Of what.
        kind: Kind,
    },
    /// The peer takes slower than we send.
    #[error("the peer does not read what it is sent")]
    SlowReader,
    /// The peer said why it closes the connection.
    #[error("the peer rejects us: {reason}")]
    Rejected {
        /// Its words.
        reason: String,
    },
    /// The peer cannot be talked to: another network, an older protocol, ourselves.
    #[error("{reason}")]
    Unsuitable {
        /// Why.
        reason: String,
    },
    /// The peer asks for what we do not have or do not give.
    #[error("{reason}")]
    Unanswerable {
        /// What.
        reason: String,
    },
    /// The peer breaks rules that nobody breaks by accident.
    #[error("{reason}")]
    Misbehaviour {
        /// What it did.
        reason: String,
    },
    /// Our consensus cannot go on.
    #[error(transparent)]
    Consensus(#[from] ConsensusError),
    /// A task of ours ended early.
    #[error("the node is stopping")]
    Stopping,
}

impl PeerError {
    /// Returns what the peer is told, if it is worth telling.
    ///
    /// Reference: `to_reject_message`.
    pub(super) fn reject_reason(&self) -> Option<String> {
        match self {
            Self::Closed
            | Self::Transport { .. }
            | Self::SlowReader
            | Self::Rejected { .. }
            | Self::Consensus(_)
            | Self::Stopping => None,
            other => Some(other.to_string()),
        }
    }

    /// Returns whether the peer did what no honest one does.
    pub(super) const fn is_hostile(&self) -> bool {
        matches!(self, Self::Misbehaviour { .. } | Self::Wire(_))
    }
}

/// Returns what becomes of a peer whose block breaks a rule. Clocks differ and pruning points move without anybody's fault.
pub(super) fn refused(hash: &Hash256, rule: &RuleError) -> PeerError {
    let reason = format!("block {hash} is refused: {rule}");
    match rule {
        RuleError::TimeTooFarIntoTheFuture { .. } | RuleError::PrunedBlock => {
            PeerError::Unsuitable { reason }
        }
        _ => PeerError::Misbehaviour { reason },
    }
}

/// Shorthand for what only a hostile peer does.
pub(super) fn misbehaviour(reason: impl Into<String>) -> PeerError {
    PeerError::Misbehaviour { reason: reason.into() }
}
