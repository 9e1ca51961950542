//! How nodes of a network reach each other: libp2p over TCP with noise and yamux, gossip of blocks, votes and transactions, and requests.
//!
//! ```text
//!   validator ──P2pClient──► task with the swarm ──► peers
//!       ▲                          │
//!       └────────P2pEvent──────────┘       what gossip brings is passed on once the validator has judged it
//! ```
//!
//! # Invariants
//!
//! - Nothing is passed on before it is judged; a peer that brings what is bad loses score, and below a threshold is not listened to.
//! - Messages, queues, connections and requests under way are bounded by the constants here and in `lux_protocol::wire`.
//! - A peer's name is not a validator's: gossip is anonymous, what is signed says who signed it.

mod codec;
mod peers;
mod swarm;

use std::{collections::BTreeSet, net::SocketAddr, time::Duration};

pub use libp2p::Multiaddr;
use libp2p::{PeerId, gossipsub::MessageId, identity::Keypair, request_response};
use quintet_lux_protocol::wire::{Request, Response};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot, watch};

pub use self::{
    peers::{PeerSource, StaticPeers, multiaddr, port},
    swarm::start,
};

/// Most peers.
pub const PEERS_MAX: u32 = 50;
/// Most connections with one peer.
pub const CONNECTIONS_PER_PEER: u32 = 2;
/// Messages to the task that may wait.
const COMMANDS_MAX: usize = 1_024;
/// Blocks, votes and requests that may wait for the validator, and messages of transactions; gossip that finds no room is ignored.
const EVENTS_MAX: usize = 4_096;
const TRANSACTIONS_WAITING_MAX: usize = 1_024;
/// Bytes of gossip that may wait to be judged: of blocks and votes, and of transactions. Counted in units of [`ROOM_UNIT`].
const EVENTS_BYTES_MAX: usize = 32 << 20;
const TRANSACTIONS_BYTES_WAITING_MAX: usize = 16 << 20;
/// What room is counted in, bytes: every message takes one unit at least.
const ROOM_UNIT: usize = 1 << 10;
/// Time for a request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// Time between rounds of dialling those who are not there.
const DIAL_EVERY: Duration = Duration::from_secs(2);

/// How a node joins the others.
#[derive(Debug)]
pub struct P2pConfig {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Its name among peers.
    pub identity: Keypair,
    /// Who its peers are.
    pub peers: Box<dyn PeerSource>,
    /// Where it tells whom it is connected to: unlike an event, this is never lost to a full queue. Closed once nobody listens any more.
    pub connected: watch::Sender<BTreeSet<PeerId>>,
}

/// Why a node does not join the others.
#[derive(Debug, thiserror::Error)]
pub enum P2pError {
    /// A part of libp2p does not start.
    #[error("libp2p: {reason}")]
    Start {
        /// What it says.
        reason: String,
    },
    /// Nobody can listen there.
    #[error("cannot listen on {address}: {reason}")]
    Listen {
        /// Where.
        address: Multiaddr,
        /// What the system says.
        reason: String,
    },
    /// The task has ended.
    #[error("the task of the network has ended")]
    Ended,
    /// A peer does not answer.
    #[error("peer {peer} does not answer: {reason}")]
    Unanswered {
        /// The peer.
        peer: PeerId,
        /// What happened.
        reason: String,
    },
}

/// A topic of gossip.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    /// Blocks.
    Blocks,
    /// Votes, evidence and certificates.
    Votes,
    /// Transactions.
    Transactions,
}

/// What a message is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Good: it is passed on.
    Accept,
    /// Not known to be bad, nor to be of use: it is not passed on.
    Ignore,
    /// Bad: it is not passed on, and whoever brought it loses score.
    Reject,
}

/// What asks for an answer.
pub type AnswerChannel = request_response::ResponseChannel<Response>;

/// A message of gossip, to be judged with [`P2pClient::judge`].
#[derive(Debug)]
pub struct Heard {
    /// What to judge it by.
    pub id: MessageId,
    /// Who brought it.
    pub from: PeerId,
    /// The message.
    pub bytes: Vec<u8>,
    /// The room it takes until it is judged.
    room: OwnedSemaphorePermit,
}

/// What happened among peers.
#[derive(Debug)]
pub enum P2pEvent {
    /// A block, a vote, a certificate or evidence.
    Gossip {
        /// Its topic.
        topic: Topic,
        /// The message.
        heard: Heard,
    },
    /// A peer asks.
    Asked {
        /// Who asks.
        from: PeerId,
        /// What.
        request: Request,
        /// Where the answer goes.
        channel: AnswerChannel,
    },
}

enum Command {
    Publish { topic: Topic, bytes: Vec<u8> },
    Judge { id: MessageId, from: PeerId, verdict: Verdict },
    Ask { peer: PeerId, request: Request, answer: oneshot::Sender<Result<Response, String>> },
    Answer { channel: AnswerChannel, response: Box<Response> },
    Drop { peer: PeerId },
}

/// A node among its peers.
#[derive(Debug)]
pub struct Started {
    /// The handle on the task with the network.
    pub client: P2pClient,
    /// Blocks, votes and requests, in the order of arrival.
    pub events: mpsc::Receiver<P2pEvent>,
    /// Messages of transactions: apart from the others, so that no block or vote waits behind them.
    pub transactions: mpsc::Receiver<Heard>,
    /// Where it listens.
    pub address: Multiaddr,
}

/// A handle on the task with the network.
#[derive(Debug, Clone)]
pub struct P2pClient {
    commands: mpsc::Sender<Command>,
    local: PeerId,
}

impl P2pClient {
    /// This node's name among peers.
    #[must_use]
    pub const fn local(&self) -> PeerId {
        self.local
    }

    fn tell(&self, command: Command) {
        if self.commands.try_send(command).is_err() {
            tracing::debug!("the network is busy, a message is dropped");
        }
    }

    /// Publishes a message; it is dropped if the network cannot keep up.
    pub fn publish(&self, topic: Topic, bytes: Vec<u8>) {
        self.tell(Command::Publish { topic, bytes });
    }

    /// Judges a message.
    pub fn judge(&self, heard: Heard, verdict: Verdict) {
        let Heard { id, from, room, .. } = heard;
        drop(room);
        self.tell(Command::Judge { id, from, verdict });
    }

    /// Answers a request.
    pub fn answer(&self, channel: AnswerChannel, response: Response) {
        self.tell(Command::Answer { channel, response: Box::new(response) });
    }

    /// Ends all connections with a peer.
    pub fn drop_peer(&self, peer: PeerId) {
        self.tell(Command::Drop { peer });
    }

    /// Asks a peer.
    ///
    /// # Errors
    ///
    /// [`P2pError`] if it does not answer in time.
    pub async fn ask(&self, peer: PeerId, request: Request) -> Result<Response, P2pError> {
        let (answer, answered) = oneshot::channel();
        let command = Command::Ask { peer, request, answer };
        self.commands.send(command).await.map_err(|_| P2pError::Ended)?;
        match answered.await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(reason)) => Err(P2pError::Unanswered { peer, reason }),
            Err(_) => Err(P2pError::Ended),
        }
    }
}
