//! How nodes of a rollup reach each other: libp2p over TCP with noise and yamux, gossip of unsafe blocks, and those that were missed by number.
//!
//! ```text
//!   sequencer ─► publisher: sign, pack ──────────────┐
//!                                                    ▼
//!   engine ◄─ follower: Backlog ◄─ judge: Gate ◄── swarm ──► peers
//!                  │                  └─ verdict ────▲ ▲
//!                  └── blocks that were missed ──────┘ │
//!   chain ──► server: blocks that others missed ───────┘
//! ```
//!
//! - [`swarm`], [`behaviour`]: the task that owns connections, and how it behaves; knows nothing of blocks.
//! - [`scores`]: what peers are worth.
//! - [`judge`]: what gossip brings, judged one after the other by `rollup_protocol::gossip::Gate`.
//! - [`backlog`], [`follower`]: accepted blocks, in order, to the engine; what is missing between them.
//! - [`publisher`], [`server`]: blocks of our own, told and given.
//! - [`signer`]: who may sign, by L1.
//!
//! # Invariants
//!
//! - Nothing is passed on before it is judged, nothing is executed that was not accepted or is not an ancestor of what was.
//! - A block from peers extends the unsafe chain or is dropped: it never takes a block off, only derivation does.
//! - Queues, connections, requests and bytes are bounded by the constants here and in `rollup_protocol::gossip`.
//! - A node's name among peers says nothing of whose node it is: gossip is anonymous, what is signed says who signed it.
//!
//! **Spec:** `rollup-node-p2p.md`; op-node's `p2p` package.

mod backlog;
mod behaviour;
mod codec;
mod follower;
mod identity;
mod judge;
mod publisher;
mod scores;
mod server;
mod signer;
mod swarm;
#[cfg(any(test, feature = "testing"))]
pub mod testing;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use alloy_primitives::Address;
pub use libp2p::{Multiaddr, PeerId, identity::Keypair};
use libp2p::{multiaddr::Protocol, request_response};

pub use self::identity::{read as read_identity, read_or_make as identity};
pub(crate) use self::{
    follower::Follower,
    judge::Judge,
    publisher::Publisher,
    server::Server,
    signer::{Signers, follow as follow_signer},
    swarm::{P2pClient, P2pEvent, start},
};
use crate::wallet::Wallet;

/// The port nodes of rollups listen on as a rule.
pub const PORT: u16 = 9_222;
/// Most peers.
///
/// **Spec:** op-node's `p2p.peers.hi`.
pub const PEERS_MAX: u32 = 30;
/// Most connections with one peer.
pub const CONNECTIONS_PER_PEER: u32 = 2;
/// Messages to the task with the swarm that may wait.
const COMMANDS_MAX: usize = 256;
/// Messages of gossip that may wait to be judged; what finds no room is ignored. Each is at most ten mebibytes long.
const EVENTS_MAX: usize = 16;
/// Accepted blocks that may wait for the follower.
pub(crate) const ACCEPTED_MAX: usize = 64;
/// Time for a request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// Time between rounds of dialling those who are not there.
const DIAL_EVERY: Duration = Duration::from_secs(2);

/// How a node joins others.
#[derive(Debug, Clone)]
pub struct P2pOptions {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Nodes it is to be connected to, as `/ip4/1.2.3.4/tcp/9222/p2p/16Uiu2…`; the last part may be missing.
    pub peers: Vec<Multiaddr>,
    /// The file with the key of its name among peers, made if it is not there. None for `p2p.key` in the data directory.
    pub identity: Option<PathBuf>,
    /// The key that signs blocks of our own. None on nodes that make none, or none that others should have.
    pub sequencer: Option<Wallet>,
    /// Who signs blocks. None to ask L1's system configuration.
    pub signer: Option<Address>,
}

impl P2pOptions {
    /// Returns options of a node that listens there and knows nobody.
    #[must_use]
    pub const fn new(listen: SocketAddr) -> Self {
        Self { listen, peers: Vec::new(), identity: None, sequencer: None, signer: None }
    }
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
    #[error(
        "cannot listen on {address} for peers: {reason}; choose another port, or 0 for a free one"
    )]
    Listen {
        /// Where.
        address: Multiaddr,
        /// What the system says.
        reason: String,
    },
    /// The key of the node's name cannot be used.
    #[error("{path}: expected a key of secp256k1, 32 bytes in hexadecimal; {reason}")]
    Identity {
        /// The file.
        path: String,
        /// What is wrong.
        reason: String,
    },
}

/// Returns libp2p's form of an address and port.
#[must_use]
pub fn multiaddr(address: SocketAddr) -> Multiaddr {
    Multiaddr::from(address.ip()).with(Protocol::Tcp(address.port()))
}

/// Where an answer goes.
type AnswerChannel = request_response::ResponseChannel<Vec<u8>>;
