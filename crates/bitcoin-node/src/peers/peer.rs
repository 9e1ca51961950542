//! One peer: who it is, what it has, what was asked of it.

use std::{
    collections::{HashSet, VecDeque},
    net::SocketAddr,
    time::Duration,
};

use bitcoin::{BlockHash, Wtxid};
use bitflags::bitflags;
use quintet_bitcoin_protocol::{
    compact::Reconstruction,
    header::{HeaderId, presync::HeaderSync},
    p2p::{Handshake, Inventory, Message, Services},
};

use super::{Outbox, Permissions};

/// Transactions a peer is remembered to know, transactions; then the memory begins anew.
const KNOWN_MAX: usize = 50_000;

/// A peer's number: in the order of the connections since the start.
pub type PeerId = u64;

/// Why there is a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionKind {
    /// The peer dialled us.
    Inbound,
    /// The operator wanted it.
    Manual,
    /// It relays everything.
    OutboundFullRelay,
    /// It relays blocks alone.
    BlockRelayOnly,
    /// It exists to ask for addresses.
    AddrFetch,
    /// It exists to see whether there is somebody.
    Feeler,
}

impl ConnectionKind {
    /// Returns Bitcoin Core's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Manual => "manual",
            Self::OutboundFullRelay => "outbound-full-relay",
            Self::BlockRelayOnly => "block-relay-only",
            Self::AddrFetch => "addr-fetch",
            Self::Feeler => "feeler",
        }
    }

    /// Returns whether transactions are wanted over it.
    #[must_use]
    pub const fn relays_transactions(self) -> bool {
        !matches!(self, Self::BlockRelayOnly | Self::Feeler)
    }

    /// Returns whether it may be given up for a better one.
    #[must_use]
    pub const fn is_replaceable(self) -> bool {
        matches!(self, Self::OutboundFullRelay | Self::BlockRelayOnly)
    }
}

/// A connection that was just made.
#[derive(Debug)]
pub struct Arrival {
    /// Its number.
    pub id: PeerId,
    /// Why there is one.
    pub kind: ConnectionKind,
    /// What the listener it came to grants.
    pub permissions: Permissions,
    /// Where the peer is.
    pub address: SocketAddr,
    /// Where we are.
    pub local: Option<SocketAddr>,
    /// What was dialled, as the operator wrote it.
    pub name: String,
    /// The way to its socket.
    pub outbox: Outbox,
}

/// A block that was asked for.
#[derive(Debug, Clone)]
pub(crate) struct InFlight {
    pub(crate) height: u32,
    pub(crate) hash: BlockHash,
    /// What has come of it, if it was asked for as a compact block.
    pub(crate) partial: Option<Box<Reconstruction>>,
}

bitflags! {
    /// What is known of a peer in one bit each.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub(crate) struct PeerFlags: u32 {
        /// It wants new blocks announced by their headers.
        const PREFERS_HEADERS = 1;
        /// It was told that we want the same.
        const SENT_SENDHEADERS = 1 << 1;
        /// It serves compact blocks.
        const COMPACT = 1 << 2;
        /// It wants new blocks as compact blocks, unasked.
        const WANTS_COMPACT = 1 << 3;
        /// Blocks are rather downloaded from it.
        const PREFERRED = 1 << 4;
        /// Its headers are being synchronised, or were.
        const SYNC_STARTED = 1 << 5;
        /// It wants transactions announced.
        const RELAYS = 1 << 6;
        /// A `mempool` is to be answered.
        const SEND_POOL = 1 << 7;
        /// An announcement made us ask it for headers before its synchronisation.
        const INV_TRIGGERED = 1 << 8;
        /// It is exempt from eviction for a lagging chain.
        const PROTECTED = 1 << 9;
        /// The operator wants it pinged.
        const PING_QUEUED = 1 << 10;
        /// It was asked for addresses, or has asked.
        const ADDRESSES = 1 << 11;
    }
}

/// How far a peer's chain is known and downloaded.
#[derive(Debug, Default)]
pub(crate) struct PeerSync {
    /// The best block it is known to have.
    pub(crate) best_known: Option<HeaderId>,
    /// A block it announced whose header we do not know.
    pub(crate) last_unknown: Option<BlockHash>,
    /// The last block of its chain that we have too.
    pub(crate) last_common: Option<HeaderId>,
    /// The best header it was sent.
    pub(crate) best_sent: Option<HeaderId>,
    /// When the synchronisation of its headers is given up.
    pub(crate) headers_deadline: Option<Duration>,
    /// When it was asked for headers, while no answer has come.
    pub(crate) asked_headers: Option<Duration>,
    /// The synchronisation of headers that have yet to show their work.
    pub(crate) low_work: Option<HeaderSync>,
    /// Blocks it was asked for, in this order.
    pub(crate) in_flight: VecDeque<InFlight>,
    /// Since when it keeps the window from moving.
    pub(crate) stalling_since: Option<Duration>,
    /// Since when the first block it was asked for is under way.
    pub(crate) downloading_since: Duration,
    /// When its chain is given up for lagging, and the tip it has to reach.
    pub(crate) lagging: Option<(Duration, HeaderId, bool)>,
}

/// Transactions from and to a peer.
#[derive(Debug, Default)]
pub(crate) struct PeerTransactions {
    /// Transactions to announce.
    pub(crate) to_announce: HashSet<Wtxid>,
    /// Ids it knows.
    known: HashSet<[u8; 32]>,
    /// When to announce next.
    pub(crate) next_announcement: Duration,
    /// It wants nothing below, satoshis a 1,000 virtual bytes.
    pub(crate) fee_filter: i64,
    /// The filter it was told, and when to look at it next.
    pub(crate) fee_filter_sent: Option<i64>,
    pub(crate) next_fee_filter: Duration,
}

impl PeerTransactions {
    /// Remembers that the peer knows a transaction.
    pub(crate) fn know(&mut self, id: [u8; 32]) {
        if self.known.len() >= KNOWN_MAX {
            self.known.clear();
        }
        self.known.insert(id);
    }

    /// Returns whether the peer knows a transaction.
    pub(crate) fn knows(&self, id: &[u8; 32]) -> bool {
        self.known.contains(id)
    }
}

/// Whether a peer is there, and how far away.
#[derive(Debug, Default)]
pub(crate) struct PeerPing {
    /// What the peer has yet to send back.
    pub(crate) nonce: Option<u64>,
    /// When it was sent.
    pub(crate) since: Option<Duration>,
    /// How long the last took, and the shortest.
    pub(crate) last: Option<Duration>,
    pub(crate) least: Option<Duration>,
}

/// One peer.
#[derive(Debug)]
pub(crate) struct Peer {
    pub(crate) id: PeerId,
    pub(crate) kind: ConnectionKind,
    pub(crate) permissions: Permissions,
    pub(crate) address: SocketAddr,
    pub(crate) local: Option<SocketAddr>,
    pub(crate) name: String,
    pub(crate) outbox: Outbox,
    pub(crate) handshake: Handshake,
    /// The nonce of our `version`.
    pub(crate) nonce: u64,
    /// When the connection was made.
    pub(crate) connected: Duration,
    pub(crate) time_offset: i64,
    pub(crate) flags: PeerFlags,
    pub(crate) sync: PeerSync,
    pub(crate) transactions: PeerTransactions,
    pub(crate) ping: PeerPing,
    /// Blocks to announce by headers, or else the last of them by its name.
    pub(crate) to_announce: Vec<BlockHash>,
    /// Blocks to announce by their names.
    pub(crate) to_name: Vec<BlockHash>,
    /// The last block of an answer to `getblocks`: when it is asked for, the tip is announced.
    pub(crate) continuation: Option<BlockHash>,
    /// What it asked for and has not been sent.
    pub(crate) wanted: VecDeque<Inventory>,
    pub(crate) last_block: u64,
    pub(crate) last_transaction: u64,
}

impl Peer {
    pub(crate) fn send(&self, message: &Message) {
        self.outbox.send(message);
    }

    /// Ends the connection, for a reason the log tells.
    pub(crate) fn disconnect(&self, why: &str) {
        tracing::debug!(peer = self.id, "{why}, disconnecting peer={}", self.id);
        self.outbox.close();
    }

    pub(crate) fn is_open(&self) -> bool {
        self.handshake.is_open() && !self.outbox.is_closing()
    }

    pub(crate) fn is_inbound(&self) -> bool {
        self.kind == ConnectionKind::Inbound
    }

    pub(crate) fn services(&self) -> Services {
        self.handshake.theirs().map_or(Services::empty(), |theirs| theirs.services)
    }

    /// Returns whether blocks can be asked for.
    pub(crate) fn serves_blocks(&self) -> bool {
        self.services().serve_blocks()
    }

    /// Returns whether it has the last blocks only.
    pub(crate) fn is_limited(&self) -> bool {
        let services = self.services();
        !services.contains(Services::NETWORK) && services.contains(Services::NETWORK_LIMITED)
    }

    pub(crate) fn serves_witnesses(&self) -> bool {
        self.services().contains(Services::WITNESS)
    }

    pub(crate) fn has(&self, flag: PeerFlags) -> bool {
        self.flags.contains(flag)
    }

    /// Returns whether the operator grants it something.
    pub(crate) const fn may(&self, permission: Permissions) -> bool {
        self.permissions.contains(permission)
    }

    pub(crate) fn version(&self) -> u32 {
        self.handshake.common_version()
    }
}
