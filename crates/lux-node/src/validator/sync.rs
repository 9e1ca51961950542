//! Catching up with a peer: headers first, from our final block on, then the blocks that are missing.
//!
//! ```text
//!   status ─► headers from our final block ─► do they stand on it, one on another? ─► blocks we lack ─► import
//!                    ▲                                                                       │
//!                    └───────────────────────── more, until the peer has none ◄──────────────┘
//! ```
//!
//! Blocks that are final for us are on every honest peer's chain, so a peer's headers stand on our final block or it is no use to us.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use alloy_primitives::B256;
use libp2p::PeerId;
use quintet_eth::block::EthBlock;
use quintet_lux_protocol::wire::{
    BLOCKS_MAX, HEADERS_MAX, HeadersRequest, Request, Response, VoteMessage,
};

use super::engine::{BlockTaken, Engine, EngineError};
use crate::p2p::{P2pClient, P2pError};

/// Rounds of headers taken from one peer before it is asked again where it is.
const ROUNDS_MAX: usize = 64;

/// Blocks that a peer must be ahead for a node to leave its duties until it has caught up.
const BEHIND_MIN: u64 = 8;

/// Why a peer is no use for catching up.
#[derive(Debug, thiserror::Error)]
pub(super) enum SyncError {
    /// It does not answer.
    #[error(transparent)]
    Peer(#[from] P2pError),
    /// This node cannot go on.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// It answers something else.
    #[error("peer {peer}: {reason}")]
    Bad {
        /// The peer.
        peer: PeerId,
        /// What is wrong.
        reason: String,
    },
    /// A thread ended unexpectedly.
    #[error("a thread for the chain ended: {reason}")]
    Thread {
        /// What happened.
        reason: String,
    },
}

/// The engine, used by one at a time.
pub(super) type Shared = Arc<Mutex<Engine>>;

/// Does something with the engine on a thread that may wait for the disk.
pub(super) async fn with<T: Send + 'static>(
    engine: &Shared,
    run: impl FnOnce(&mut Engine) -> T + Send + 'static,
) -> Result<T, SyncError> {
    let engine = Arc::clone(engine);
    // What it logs is this node's, on whatever thread.
    let span = tracing::Span::current();
    let run =
        move || span.in_scope(|| run(&mut engine.lock().unwrap_or_else(PoisonError::into_inner)));
    let joined = tokio::task::spawn_blocking(run).await;
    joined.map_err(|error| SyncError::Thread { reason: error.to_string() })
}

/// Takes from a peer what it has and we do not; `slot` is the clock's.
pub(super) async fn catch_up(
    engine: Shared,
    p2p: P2pClient,
    peer: PeerId,
    slot: u64,
    behind: Arc<AtomicBool>,
) -> Result<(), SyncError> {
    let bad = |reason: String| SyncError::Bad { peer, reason };
    let status = with(&engine, |engine| engine.status()).await??;
    let answer = p2p.ask(peer, Request::Status(Box::new(status.clone()))).await?;
    let Response::Status(theirs) = answer else {
        return Err(bad("expected a status, got another answer".to_owned()));
    };
    if theirs.genesis != status.genesis {
        return Err(bad(format!("expected genesis {}, got {}", status.genesis, theirs.genesis)));
    }
    // Certificates stand alone: they say where finality is before the blocks are there.
    certificates(&engine, peer, theirs.certificates.clone()).await?;
    let known = theirs.head;
    let has = with(&engine, move |engine| engine.consensus().position(&known).is_some()).await?;
    if has || theirs.head_number <= status.finalised_number {
        return Ok(());
    }
    if theirs.head_number > status.head_number.saturating_add(BEHIND_MIN) {
        behind.store(true, Ordering::Relaxed);
    }
    let mut from = status.finalised_number + 1;
    let mut parent = status.finalised.block;
    for _ in 0..ROUNDS_MAX {
        let count = HEADERS_MAX as u64;
        let answer = p2p.ask(peer, Request::Headers(HeadersRequest { from, count })).await?;
        let Response::Headers(answer) = answer else {
            return Err(bad("expected headers, got another answer".to_owned()));
        };
        let Some(last) = answer.headers.last() else { return Ok(()) };
        let next = last.number.saturating_add(1);
        let mut hashes = Vec::with_capacity(answer.headers.len());
        for header in &answer.headers {
            if header.parent_hash != parent {
                let reason = format!(
                    "header {} stands on {}, expected {parent}",
                    header.number, header.parent_hash
                );
                return Err(bad(reason));
            }
            parent = header.hash_slow();
            hashes.push(parent);
        }
        blocks(&engine, &p2p, peer, hashes, slot).await?;
        certificates(&engine, peer, answer.certificate).await?;
        if answer.headers.len() < HEADERS_MAX {
            break;
        }
        from = next;
    }
    Ok(())
}

async fn certificates(
    engine: &Shared,
    peer: PeerId,
    certificates: Vec<quintet_lux_protocol::certificate::Certificate>,
) -> Result<(), SyncError> {
    for certificate in certificates {
        let message = VoteMessage::Certificate(certificate);
        let taken = with(engine, |engine| engine.on_vote_message(message)).await??;
        taken.map_err(|reason| SyncError::Bad { peer, reason })?;
    }
    Ok(())
}

/// Asks for the blocks that are missing, and imports them in order.
async fn blocks(
    engine: &Shared,
    p2p: &P2pClient,
    peer: PeerId,
    hashes: Vec<B256>,
    slot: u64,
) -> Result<(), SyncError> {
    let bad = |reason: String| SyncError::Bad { peer, reason };
    let missing = with(engine, move |engine| {
        let lacks = |hash: &B256| engine.consensus().position(hash).is_none();
        hashes.into_iter().filter(lacks).collect::<Vec<_>>()
    });
    let mut missing = missing.await?;
    while !missing.is_empty() {
        let asked = missing.iter().take(BLOCKS_MAX).copied().collect();
        let Response::Blocks(answer) = p2p.ask(peer, Request::Blocks(asked)).await? else {
            return Err(bad("expected blocks, got another answer".to_owned()));
        };
        if answer.is_empty() {
            return Err(bad("has headers and not their blocks".to_owned()));
        }
        for bytes in answer {
            let block: EthBlock =
                alloy_rlp::decode_exact(&bytes).map_err(|error| bad(error.to_string()))?;
            let hash = block.header.hash_slow();
            if missing.first() != Some(&hash) {
                return Err(bad(format!("expected the blocks asked for in order, got {hash}")));
            }
            missing.remove(0);
            let taken = with(engine, move |engine| engine.import(block, slot, false)).await??;
            match taken {
                BlockTaken::New(_) | BlockTaken::Known => {}
                BlockTaken::Bad(reason) => return Err(bad(reason)),
                // Finality moved on meanwhile: the next round begins there.
                BlockTaken::UnknownParent | BlockTaken::Early => return Ok(()),
            }
        }
    }
    Ok(())
}
