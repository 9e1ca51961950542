//! The peer-to-peer network: connections, and the flows over them.
//!
//! ```text
//!   settings, pipeline, pool ─► Network::start
//!                                 ├ connector: listener, wanted peers, peers of the book
//!                                 ├ a connection each: transport ─► handshake ─► router ─► flows
//!                                 │                                   relay · transactions · requests · IBD · ping · addresses
//!                                 └ hub: who is connected, banned, asked; orphans; ids to tell
//! ```
//!
//! Blocks come in through the pipeline of consensus, in any order; transactions through the [`TransactionPool`]. Who finds a block or takes a
//! transaction from a client tells the network: [`Network::announce_block`], [`Network::announce_transactions`].
//!
//! # Invariants
//!
//! - Every queue between a socket and a flow is bounded; what overflows is dropped where that harms nobody, and ends the connection
//!   elsewhere.
//! - A flow is a loop over one queue; what decides in it is pure and tested alone (handshake, negotiation, orphans, claims, throttle).
//! - One peer that stops answering holds up nothing but its own connection, and a download for as long as one answer may take.
//! - Nothing here judges blocks or transactions.
//!
//! The protocol is described in `docs/protocols/kaspa.md`.

mod addresses;
mod codec;
mod connection;
mod connector;
mod error;
mod handshake;
mod hub;
mod ibd;
mod peer;
mod ping;
mod relay;
mod router;
mod saved;
mod serve;
mod settings;
mod transactions;
mod transport;

use std::{
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use quintet_net::bans::BanReason;
use quintet_primitives::Hash256;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tracing::info;

pub use error::NetworkError;
pub use ibd::{IbdStage, IbdStatus};
pub use quintet_net::dial::Target;
pub use settings::{INBOUND_MAX, OUTBOUND, Settings};

use self::hub::{Hub, lock};
use crate::{pipeline::Pipeline, ports::TransactionPool};

/// A connected peer, as operators see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerInfo {
    /// What it calls itself: random, anew at each of its starts.
    pub id: [u8; 16],
    /// Where it is.
    pub address: SocketAddr,
    /// Whether we connected to it.
    pub is_outbound: bool,
    /// How long ago the connection was made.
    pub connected: Duration,
    /// The protocol spoken.
    pub protocol: u32,
    /// The newest protocol it speaks.
    pub advertised_protocol: u32,
    /// Its program.
    pub user_agent: String,
    /// How far its clock is behind ours, milliseconds.
    pub time_offset: i64,
    /// How long its last answer to a ping took; zero before the first.
    pub last_ping: Duration,
    /// Whether we download from it.
    pub is_ibd_peer: bool,
}

/// The running network. Clones are the same network.
#[derive(Debug, Clone)]
pub struct Network {
    hub: Arc<Hub>,
}

impl Network {
    /// Starts it on the current runtime: listens, and dials whom it should. It stops when `cancel` is cancelled.
    ///
    /// # Errors
    ///
    /// [`NetworkError`] if nobody can listen there, or the peers of the last run cannot be read.
    pub async fn start(
        settings: Settings,
        pipeline: Arc<Pipeline>,
        pool: Arc<dyn TransactionPool>,
        cancel: CancellationToken,
    ) -> Result<Self, NetworkError> {
        let saved = saved::load(&settings)?;
        let listener = match settings.listen {
            Some(address) => {
                let bound = TcpListener::bind(address).await;
                Some(bound.map_err(|source| NetworkError::Listen { address, source })?)
            }
            None => None,
        };
        let local = listener.as_ref().and_then(|listener| listener.local_addr().ok());
        let (connect, add) = (settings.connect.clone(), settings.add.clone());
        let hub = Arc::new(Hub::new(settings, pipeline, pool, cancel, local, saved));
        if let Some(listener) = listener {
            info!(address = ?local, "listening for peers");
            hub.tasks.spawn(connector::accept(Arc::clone(&hub), listener));
        }
        for target in connect.into_iter().chain(add) {
            connector::want(&hub, target, true);
        }
        hub.tasks.spawn(connector::dial_from_book(Arc::clone(&hub)));
        hub.tasks.spawn(transactions::broadcast(Arc::clone(&hub)));
        hub.tasks.spawn(saved::keep(Arc::clone(&hub)));
        Ok(Self { hub })
    }

    /// Returns what this node calls itself: random, anew at each start.
    #[must_use]
    pub fn id(&self) -> [u8; 16] {
        self.hub.id()
    }

    /// Returns where it listens, if it does.
    #[must_use]
    pub fn local_address(&self) -> Option<SocketAddr> {
        self.hub.local
    }

    /// Tells peers of a block that consensus took from elsewhere, and brings in orphans that waited for it.
    pub fn announce_block(&self, hash: Hash256) {
        self.hub.announce_block(hash, None);
        let hub = Arc::clone(&self.hub);
        self.hub.tasks.spawn(async move {
            // Who stops in between has nobody to tell.
            let _ = relay::adopt(&hub, hash).await;
        });
    }

    /// Tells peers of transactions that the pool took from elsewhere, with the next message of ids.
    pub fn announce_transactions(&self, ids: impl IntoIterator<Item = Hash256>) {
        lock(&self.hub.spread).add(ids);
    }

    /// Returns the connected peers, the oldest connection first.
    #[must_use]
    pub fn peers(&self) -> Vec<PeerInfo> {
        let ibd = self.hub.ibd.peer();
        let shown = |peer: &Arc<peer::Peer>| {
            let agreed = peer.agreed()?;
            Some(PeerInfo {
                id: agreed.version.id,
                address: peer.address,
                is_outbound: peer.is_outbound,
                connected: peer.since.elapsed(),
                protocol: agreed.protocol,
                advertised_protocol: agreed.version.protocol_version,
                user_agent: agreed.version.user_agent.clone(),
                time_offset: peer.time_offset(),
                last_ping: peer.last_ping(),
                is_ibd_peer: ibd == Some(peer.key),
            })
        };
        self.hub.peers().iter().filter_map(shown).collect()
    }

    /// Returns the addresses of the book, and those that are banned.
    #[must_use]
    pub fn peer_addresses(&self) -> (Vec<SocketAddr>, Vec<IpAddr>) {
        let known = lock(&self.hub.book).peers().map(|peer| peer.addr).collect();
        (known, self.hub.banned())
    }

    /// Connects to a peer: once, or for as long as the node runs. Returns whether it is new and there is room for it.
    pub fn add_peer(&self, target: Target, for_ever: bool) -> bool {
        connector::want(&self.hub, target, for_ever)
    }

    /// Refuses an address for a day and ends its connections.
    pub fn ban(&self, ip: IpAddr) {
        self.hub.ban(ip, BanReason::Manual);
    }

    /// Takes an address again; returns whether it was banned.
    pub fn unban(&self, ip: IpAddr) -> bool {
        self.hub.unban(ip)
    }

    /// Returns whether the sink is young enough for the node to take part: a quarter of the difficulty window.
    #[must_use]
    pub fn is_synced(&self) -> bool {
        self.hub.is_nearly_synced()
    }

    /// Returns the download under way.
    #[must_use]
    pub fn ibd(&self) -> Option<IbdStatus> {
        self.hub.ibd.status()
    }

    /// Returns how many orphans wait for parents.
    #[must_use]
    pub fn orphans(&self) -> usize {
        lock(&self.hub.orphans).len()
    }

    /// Waits until all connections have ended after the cancellation.
    pub async fn stopped(&self) {
        self.hub.tasks.close();
        self.hub.tasks.wait().await;
    }
}
