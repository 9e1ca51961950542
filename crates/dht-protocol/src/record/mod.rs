//! What may be stored, by whom, for how long, and what gives way when space is short.
//!
//! - [`item`]: BEP 44's rules for one item: its key, its signature, which of two versions wins.
//! - [`shelf`]: everything this node holds, within limits.
//! - [`swarm`]: the peers of one info-hash.
//! - [`disk`]: the byte form in which a node keeps all that through a restart.
//!
//! A refusal here is a value ([`Refusal`]) that becomes an error message; nothing a peer sends is an
//! error of ours.

pub mod disk;
pub mod item;
mod quota;
pub mod shelf;
pub mod swarm;

use core::{net::SocketAddr, time::Duration};

use quintet_primitives::time::UnixTime;
use thiserror::Error;

use crate::{
    key::Key,
    message::{Item, RpcError, SALT_MAX, VALUE_MAX, ValueKind, code},
};

/// Time an item is kept after its last store (BEP 44: two hours).
pub const ITEM_LIFETIME: Duration = Duration::from_secs(2 * 60 * 60);

/// Time a peer is kept after its last announcement.
pub const PEER_LIFETIME: Duration = Duration::from_secs(30 * 60);

/// Time unsigned bytes are kept after their last store. The paper's republishing interval is 86,400
/// seconds and its expiry 86,410: the ten seconds keep a record from dying just before its renewal.
pub const RAW_LIFETIME: Duration = Duration::from_secs(86_410);

/// What identifies one stored thing: under a key there may be one item, one raw value and many peers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecordKey {
    /// The item under this target.
    Item(Key),
    /// The unsigned bytes under this key.
    Raw(Key),
    /// This peer of this info-hash.
    Peer(Key, SocketAddr),
}

impl RecordKey {
    /// Returns the 160-bit key.
    #[must_use]
    pub const fn key(&self) -> Key {
        match self {
            Self::Item(key) | Self::Raw(key) | Self::Peer(key, _) => *key,
        }
    }

    /// Returns the kind of value.
    #[must_use]
    pub const fn kind(&self) -> ValueKind {
        match self {
            Self::Item(_) => ValueKind::Item,
            Self::Raw(_) => ValueKind::Raw,
            Self::Peer(..) => ValueKind::Peers,
        }
    }
}

/// One stored thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// The content.
    pub content: Content,
    /// When it is forgotten, unless it is stored again.
    pub expires: UnixTime,
}

/// The content of a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// A BEP 44 item.
    Item(Item),
    /// Unsigned bytes.
    Raw(Vec<u8>),
    /// A peer announced itself; the address is in the key.
    Peer {
        /// It has everything (BEP 33).
        seed: bool,
    },
}

/// A change of what is held, to be made durable before the store that caused it is acknowledged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// The record is new or renewed.
    Put(RecordKey, Record),
    /// The record is gone: expired or pushed out.
    Remove(RecordKey),
}

/// Why a record was not stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Refusal {
    /// The value is longer than [`VALUE_MAX`].
    #[error("expected a value of at most {VALUE_MAX} bytes, got {actual}")]
    ValueTooBig {
        /// Bytes of the value.
        actual: usize,
    },
    /// The salt is longer than [`SALT_MAX`].
    #[error("expected a salt of at most {SALT_MAX} bytes, got {actual}")]
    SaltTooBig {
        /// Bytes of the salt.
        actual: usize,
    },
    /// The value is not bencoded, or not in canonical form.
    #[error("expected a canonically bencoded value: see byte {offset}")]
    NotBencoded {
        /// Where it stops being so.
        offset: usize,
    },
    /// The key is not the one that the value has by its content.
    #[error("expected the key {expected}, got {actual}")]
    WrongKey {
        /// The key by content.
        expected: Key,
        /// The key of the request.
        actual: Key,
    },
    /// The signature does not match.
    #[error("the signature does not match the public key, salt, sequence number and value")]
    BadSignature,
    /// The stored sequence number is not the one the writer named.
    #[error("expected the stored sequence number {expected}, it is {actual}: read it and retry")]
    CasMismatch {
        /// The number the writer named.
        expected: i64,
        /// The number stored.
        actual: i64,
    },
    /// The sequence number does not go up, and the value is another.
    #[error("expected a sequence number above {stored}, got {actual}")]
    SeqTooLow {
        /// The number stored.
        stored: i64,
        /// The number that came.
        actual: i64,
    },
    /// The sequence number is negative.
    #[error("expected a sequence number of 0 or more, got {actual}")]
    SeqNegative {
        /// The number that came.
        actual: i64,
    },
    /// This address or its network stores as much here as it may.
    #[error("quota of {limit} records for one {scope} is used up: wait for some to expire")]
    Quota {
        /// "address" or "network".
        scope: &'static str,
        /// Records allowed.
        limit: usize,
    },
    /// The store is full of records whose keys are closer to this node.
    #[error("the store is full of records that are closer to this node")]
    Full,
}

impl Refusal {
    /// Returns the error code of BEP 5 or BEP 44 for this refusal.
    #[must_use]
    pub const fn code(&self) -> i64 {
        match self {
            Self::ValueTooBig { .. } => code::VALUE_TOO_BIG,
            Self::SaltTooBig { .. } => code::SALT_TOO_BIG,
            Self::NotBencoded { .. } | Self::WrongKey { .. } | Self::SeqNegative { .. } => {
                code::PROTOCOL
            }
            Self::BadSignature => code::BAD_SIGNATURE,
            Self::CasMismatch { .. } => code::CAS_MISMATCH,
            Self::SeqTooLow { .. } => code::SEQ_TOO_LOW,
            Self::Quota { .. } | Self::Full => code::SERVER,
        }
    }
}

impl From<Refusal> for RpcError {
    fn from(refusal: Refusal) -> Self {
        Self { code: refusal.code(), message: refusal.to_string() }
    }
}
