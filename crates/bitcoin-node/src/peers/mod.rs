//! Peers: what they say, what they are told, and what is asked of whom.
//!
//! ```text
//!   message ──► receive ──┬──► headers   which chains there are; work first, memory later
//!                         ├──► blocks    the window: which block is asked of whom, and who stalls
//!                         ├──► compact   blocks out of the pool and a few missing transactions
//!                         ├──► serve     headers, blocks and transactions for others
//!                         └──► relay     transactions: announced, asked for once, passed on
//!   timer   ──► send      pings, announcements, synchronisation, time-outs
//! ```
//!
//! # Invariants
//!
//! - A block is asked of one peer at a time, a transaction too.
//! - What nobody asked for changes nothing, unless its header shows more work than the tip.
//! - Whoever breaks a rule is disconnected and discouraged; whoever is merely slow or odd, disconnected or left alone, as by Bitcoin Core.
//!
//! **Spec:** Bitcoin Core, `net_processing.cpp`.

mod blocks;
mod compact;
mod headers;
mod manual;
mod outbox;
mod peer;
mod permissions;
mod receive;
mod relay;
mod requests;
mod send;
mod serve;
mod timeouts;

use std::{
    collections::{BTreeMap, HashMap},
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use bitcoin::BlockHash;
use quintet_bitcoin_protocol::p2p::Services;
use quintet_net::bans::BanList;

pub use manual::{Dial, ManualPeer, NodeAddress};
pub use outbox::{Outbox, QUEUED_MAX, QUEUED_PAUSE, Traffic};
pub use peer::{Arrival, ConnectionKind, PeerId};
pub(crate) use peer::{InFlight, Peer, PeerFlags};
pub use permissions::{Grants, PermissionError, Permissions, WhiteBind, WhiteList};
pub(crate) use requests::TxRequests;

/// First time a peer may keep the window from moving, seconds; doubled with each that does.
const STALLING_FIRST: Duration = Duration::from_secs(2);

/// Every peer, and what concerns several of them.
#[derive(Debug)]
pub(crate) struct Peers {
    /// What this node offers; of a pruned one the last blocks alone.
    pub(crate) services: Services,
    all: BTreeMap<PeerId, Peer>,
    /// Who was asked for a block.
    in_flight: HashMap<BlockHash, PeerId>,
    /// Time a peer may keep the window from moving.
    stalling_timeout: Duration,
    /// The block whose announcement made us ask a peer for headers.
    inv_triggering: Option<BlockHash>,
    /// Transactions that were announced and asked for.
    pub(crate) requests: TxRequests,
    /// Whom the operator does not want.
    pub(crate) banned: BanList,
    /// Who misbehaved.
    pub(crate) discouraged: BanList,
    /// Whom the operator wants.
    pub(crate) manual: Vec<ManualPeer>,
    /// Whether there is a network at all.
    pub(crate) active: bool,
    /// Bytes of connections that have ended: received, sent.
    pub(crate) past_traffic: [u64; 2],
}

impl Peers {
    pub(crate) fn new(services: Services) -> Self {
        Self {
            services,
            all: BTreeMap::new(),
            in_flight: HashMap::new(),
            stalling_timeout: STALLING_FIRST,
            inv_triggering: None,
            requests: TxRequests::default(),
            banned: BanList::new(),
            discouraged: BanList::new(),
            manual: Vec::new(),
            active: true,
            past_traffic: [0; 2],
        }
    }

    pub(crate) fn get(&self, id: PeerId) -> Option<&Peer> {
        self.all.get(&id)
    }

    pub(crate) fn get_mut(&mut self, id: PeerId) -> Option<&mut Peer> {
        self.all.get_mut(&id)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Peer> {
        self.all.values()
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Peer> {
        self.all.values_mut()
    }

    pub(crate) fn ids(&self) -> Vec<PeerId> {
        self.all.keys().copied().collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.all.len()
    }

    /// Ends every connection.
    pub(crate) fn disconnect_all(&mut self) {
        for peer in self.all.values() {
            peer.outbox.close();
        }
    }

    /// Returns how many peers blocks are rather downloaded from.
    fn preferred(&self) -> usize {
        self.iter().filter(|peer| peer.has(PeerFlags::PREFERRED)).count()
    }

    /// Returns how many peers' headers are being synchronised.
    fn syncing(&self) -> usize {
        self.iter().filter(|peer| peer.has(PeerFlags::SYNC_STARTED)).count()
    }

    /// Returns how many peers blocks are being downloaded from.
    fn downloading_from(&self) -> usize {
        self.iter().filter(|peer| !peer.sync.in_flight.is_empty()).count()
    }

    /// Forgets that a block was asked for. `from`: only if of this peer.
    ///
    /// **Spec:** Bitcoin Core, `RemoveBlockRequest`.
    fn forget_request(&mut self, hash: &BlockHash, from: Option<PeerId>, now: Duration) {
        let Some(&asked) = self.in_flight.get(hash) else { return };
        if from.is_some_and(|from| from != asked) {
            return;
        }
        self.in_flight.remove(hash);
        let Some(peer) = self.all.get_mut(&asked) else { return };
        if peer.sync.in_flight.front().is_some_and(|first| first.hash == *hash) {
            peer.sync.downloading_since = peer.sync.downloading_since.max(now);
        }
        peer.sync.in_flight.retain(|request| request.hash != *hash);
        peer.sync.stalling_since = None;
    }

    /// Notes that a block was asked for.
    ///
    /// **Spec:** Bitcoin Core, `BlockRequested`.
    fn note_request(&mut self, id: PeerId, request: InFlight, now: Duration) {
        self.forget_request(&request.hash, None, now);
        let Some(peer) = self.all.get_mut(&id) else { return };
        if peer.sync.in_flight.is_empty() {
            peer.sync.downloading_since = now;
        }
        self.in_flight.insert(request.hash, id);
        peer.sync.in_flight.push_back(request);
    }

    fn is_requested(&self, hash: &BlockHash) -> bool {
        self.in_flight.contains_key(hash)
    }

    /// Returns whether an address belongs to this machine.
    fn is_local(address: SocketAddr) -> bool {
        match address.ip().to_canonical() {
            IpAddr::V4(ip) => ip.is_loopback() || ip.octets()[0] == 0,
            IpAddr::V6(ip) => ip.is_loopback(),
        }
    }
}
