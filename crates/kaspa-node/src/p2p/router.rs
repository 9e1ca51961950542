//! Where a peer's messages go, each into a bounded queue of the flow it is for.
//!
//! ```text
//!   frame ─┬─ names a question ──────────────► its exchange
//!          ├─ inventory of blocks ───────────► relay workers         full: dropped
//!          ├─ inventory of transactions ─────► transaction flow      full: dropped
//!          ├─ transactions, not found ───────► transaction flow      ┐
//!          ├─ asks for what is at hand ──────► light requests        │ full: the connection ends
//!          ├─ asks for what takes time ──────► heavy requests        ┘
//!          ├─ ping ──────────────────────────► answered here
//!          ├─ pong, addresses ───────────────► whoever waits
//!          └─ else ──────────────────────────► the exchange that takes answers without a number
//! ```
//!
//! Reference: `Router::route_to_flow`; inventory alone may be dropped.

use std::sync::Arc;

use quintet_kaspa_protocol::wire::{Frame, Kind, Message};
use quintet_primitives::Hash256;
use tokio::sync::mpsc;

use super::{error::PeerError, peer::Peer};

/// Requests of a kind of work that wait their turn.
const REQUESTS_MAX: usize = 256;

/// Inventories of transactions that wait, each of up to some thousands of ids.
const TRANSACTION_INVS_MAX: usize = 64;

/// Transactions that were asked for and wait to be taken: as many as are asked for at once.
pub(super) const TRANSACTIONS_MAX: usize = 4096;

/// Announced blocks that wait to be looked at: ten seconds of some hundred a second.
const BLOCK_INVS_MAX: usize = 2560;

/// The entrances of a peer's flows.
#[derive(Debug)]
pub(super) struct Routes {
    pub(super) blocks: mpsc::Sender<Hash256>,
    pub(super) transaction_ids: mpsc::Sender<Vec<Hash256>>,
    pub(super) transactions: mpsc::Sender<Message>,
    pub(super) light: mpsc::Sender<Frame>,
    pub(super) heavy: mpsc::Sender<Frame>,
    pub(super) pongs: mpsc::Sender<u64>,
    pub(super) addresses: mpsc::Sender<Message>,
}

/// The other ends.
#[derive(Debug)]
pub(super) struct Queues {
    pub(super) blocks: mpsc::Receiver<Hash256>,
    pub(super) transaction_ids: mpsc::Receiver<Vec<Hash256>>,
    pub(super) transactions: mpsc::Receiver<Message>,
    pub(super) light: mpsc::Receiver<Frame>,
    pub(super) heavy: mpsc::Receiver<Frame>,
    pub(super) pongs: mpsc::Receiver<u64>,
    pub(super) addresses: mpsc::Receiver<Message>,
}

/// Makes both ends.
pub(super) fn routes() -> (Routes, Queues) {
    let (blocks, blocks_out) = mpsc::channel(BLOCK_INVS_MAX);
    let (transaction_ids, ids_out) = mpsc::channel(TRANSACTION_INVS_MAX);
    let (transactions, transactions_out) = mpsc::channel(TRANSACTIONS_MAX);
    let (light, light_out) = mpsc::channel(REQUESTS_MAX);
    let (heavy, heavy_out) = mpsc::channel(REQUESTS_MAX);
    let (pongs, pongs_out) = mpsc::channel(1);
    let (addresses, addresses_out) = mpsc::channel(1);
    let queues = Queues {
        blocks: blocks_out,
        transaction_ids: ids_out,
        transactions: transactions_out,
        light: light_out,
        heavy: heavy_out,
        pongs: pongs_out,
        addresses: addresses_out,
    };
    (Routes { blocks, transaction_ids, transactions, light, heavy, pongs, addresses }, queues)
}

fn must<T>(queue: &mpsc::Sender<T>, item: T, kind: Kind) -> Result<(), PeerError> {
    queue.try_send(item).map_err(|error| match error {
        mpsc::error::TrySendError::Full(_) => PeerError::Overflow { kind },
        mpsc::error::TrySendError::Closed(_) => PeerError::Closed,
    })
}

fn may<T>(queue: &mpsc::Sender<T>, item: T) -> Result<(), PeerError> {
    match queue.try_send(item) {
        Err(mpsc::error::TrySendError::Closed(_)) => Err(PeerError::Closed),
        Ok(()) | Err(mpsc::error::TrySendError::Full(_)) => Ok(()),
    }
}

/// Whether a request is answered from memory, or with few reads.
const fn is_light(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::RequestRelayBlocks
            | Kind::RequestTransactions
            | Kind::RequestAddresses
            | Kind::RequestBlockLocator
    )
}

/// Whether a request is served by a flow that may take its time.
const fn is_heavy(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::RequestIbdBlocks
            | Kind::RequestBlockBodies
            | Kind::RequestHeaders
            | Kind::RequestNextHeaders
            | Kind::RequestIbdChainBlockLocator
            | Kind::RequestAntipast
            | Kind::RequestPruningPointProof
            | Kind::RequestPruningPointAndItsAnticone
            | Kind::RequestNextPruningPointAndItsAnticoneBlocks
            | Kind::RequestPruningPointUtxoSet
            | Kind::RequestNextPruningPointUtxoSetChunk
            | Kind::RequestPruningPointSmtState
            | Kind::RequestNextPruningPointSmtChunk
    )
}

impl Routes {
    /// Brings a frame where it belongs.
    pub(super) fn route(&self, peer: &Arc<Peer>, frame: Frame) -> Result<(), PeerError> {
        let kind = frame.message.kind();
        if frame.response_id != 0 {
            return peer.answer(frame.response_id, frame.message);
        }
        match frame.message {
            Message::Reject(reason) => Err(PeerError::Rejected { reason }),
            Message::Ping(nonce) => peer.try_send(&Frame::new(Message::Pong(nonce))),
            Message::Pong(nonce) => must(&self.pongs, nonce, kind),
            Message::InvRelayBlock(hash) => may(&self.blocks, hash),
            Message::InvTransactions(ids) => may(&self.transaction_ids, ids),
            message @ (Message::Transaction(_) | Message::TransactionNotFound(_)) => {
                must(&self.transactions, message, kind)
            }
            message @ Message::Addresses(_) => must(&self.addresses, message, kind),
            message if is_light(kind) => must(&self.light, Frame { message, ..frame }, kind),
            message if is_heavy(kind) => must(&self.heavy, Frame { message, ..frame }, kind),
            message => peer.answer(0, message),
        }
    }
}
