//! One meaning, three encodings: what a packet says, whatever codec carried it.
//!
//! The four RPCs of the paper are [`Request::Ping`], [`Request::FindNode`], [`Request::FindValue`]
//! and [`Request::Store`]; BEP 51's sampling is the fifth. KRPC spells `FindValue` as `get_peers` or
//! `get`, and `Store` as `announce_peer` or `put`; the other codecs spell them as they are.
//!
//! A response does not say which question it answers, only its transaction id does. So
//! [`Response`] is a record of optional parts, and the matching ([`crate::rpc`]) gives it sense.
//!
//! Spec: BEP 5, 32, 33, 42, 43, 44, 51.

use core::{fmt, net::SocketAddr};

use arrayvec::ArrayVec;

use crate::{contact::Contact, key::Key};

/// Longest transaction id accepted, in bytes. Others send 1 to 8; ours are 4, which mainline needs.
pub const TRANSACTION_ID_MAX: usize = 16;

/// Longest storage token accepted, in bytes. Known implementations use 4 to 20.
pub const TOKEN_MAX: usize = 64;

/// Longest BEP 44 value, in bytes of its bencoded form: libtorrent refuses 1,001 and so do we.
pub const VALUE_MAX: usize = 1_000;

/// Longest BEP 44 salt, in bytes.
pub const SALT_MAX: usize = 64;

/// Most contacts read from one packet, per family; a packet holds no more than this in honest use.
pub const CONTACTS_MAX: usize = 64;

/// Most peers read from one packet.
pub const PEERS_MAX: usize = 256;

/// Most info-hash samples read from one packet.
pub const SAMPLES_MAX: usize = 64;

/// Length of a BEP 33 Bloom filter, in bytes.
pub const BLOOM_LEN: usize = 256;

/// Opaque bytes that a response echoes; 1 to [`TRANSACTION_ID_MAX`] of them.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct TransactionId(ArrayVec<u8, TRANSACTION_ID_MAX>);

impl TransactionId {
    /// Wraps 1 to [`TRANSACTION_ID_MAX`] bytes; none if there are fewer or more.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        if bytes.is_empty() {
            return None;
        }
        ArrayVec::try_from(bytes).ok().map(Self)
    }

    /// Returns the bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Returns the id as the number it was made from, if it has the four bytes of our own ids.
    #[must_use]
    pub fn as_u32(&self) -> Option<u32> {
        self.as_bytes().try_into().ok().map(u32::from_be_bytes)
    }
}

impl From<u32> for TransactionId {
    fn from(number: u32) -> Self {
        Self(number.to_be_bytes().into_iter().collect())
    }
}

impl fmt::Debug for TransactionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A write permit: bytes a node hands out with [`Request::FindValue`] answers and wants back with
/// [`Request::Store`]; at most [`TOKEN_MAX`].
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Token(ArrayVec<u8, TOKEN_MAX>);

impl Token {
    /// Wraps at most [`TOKEN_MAX`] bytes; none if there are more.
    #[must_use]
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        ArrayVec::try_from(bytes).ok().map(Self)
    }

    /// Wraps an array, which must not be longer than [`TOKEN_MAX`].
    #[must_use]
    pub fn from_bytes<const N: usize>(bytes: [u8; N]) -> Self {
        const { assert!(N <= TOKEN_MAX) };
        Self(bytes.into_iter().collect())
    }

    /// Returns the bytes.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({} bytes)", self.0.len())
    }
}

/// Separates networks that share the native codec; contacts of another network are strangers.
/// KRPC has no such field: its messages are of [`NetworkId::BITTORRENT`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NetworkId(pub u32);

impl NetworkId {
    /// The public BitTorrent DHT.
    pub const BITTORRENT: Self = Self(0);
}

/// One packet's meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Ties a response to its query.
    pub tid: TransactionId,
    /// The network the sender takes part in; not carried by KRPC.
    pub network: NetworkId,
    /// The sender's software: KRPC's `v`, two letters and two version bytes.
    pub version: Option<[u8; 4]>,
    /// In a query: the sender answers no queries and must not enter tables (BEP 43).
    pub read_only: bool,
    /// In a response or error: the address the query came from (BEP 42).
    pub observed: Option<SocketAddr>,
    /// Query, response or error.
    pub body: Body,
}

/// What kind of message it is, and its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// A question.
    Query(Query),
    /// An answer.
    Response(Response),
    /// A refusal.
    Error(RpcError),
}

/// A question: who asks, in which address families the answer is wanted, and what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Query {
    /// The sender's id.
    pub sender: Key,
    /// Families wanted in the answer (BEP 32).
    pub want: Want,
    /// The question.
    pub request: Request,
}

/// Which contact lists the sender of a query wants (BEP 32).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Want {
    /// Not said: those of the family the query came over.
    #[default]
    Unsaid,
    /// Only `nodes`.
    V4,
    /// Only `nodes6`.
    V6,
    /// Both.
    Both,
}

/// The kinds of value a key can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ValueKind {
    /// Peers announced under an info-hash (`get_peers`).
    Peers,
    /// A BEP 44 item (`get`).
    Item,
    /// Bytes under any key, unsigned and unhashed; between our own nodes only.
    Raw,
}

/// The questions.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(
    clippy::large_enum_variant,
    reason = "one lives at a time; a box would cost every packet an allocation"
)]
pub enum Request {
    /// Are you there?
    Ping,
    /// Which contacts do you know closest to `target`?
    FindNode {
        /// The key to come close to.
        target: Key,
    },
    /// What is stored under `key`? The closest contacts come with the answer.
    FindValue {
        /// The key, info-hash or item target.
        key: Key,
        /// Which kind of value.
        kind: ValueKind,
        /// For items: do not send the value unless its sequence number is above this (BEP 44).
        newer_than: Option<i64>,
        /// For peers: send Bloom filters of the swarm (BEP 33).
        scrape: bool,
    },
    /// Store `value` under `key`.
    Store {
        /// The key, info-hash or item target.
        key: Key,
        /// The permit from an earlier answer of the same node.
        token: Token,
        /// What to store.
        value: StoreValue,
    },
    /// Send a sample of the info-hashes you hold peers for (BEP 51).
    Sample {
        /// A key to send close contacts for.
        target: Key,
    },
    /// A method this version does not know. With a target it is answered as [`Request::FindNode`].
    Unknown {
        /// The method's name, cut at 32 bytes.
        method: String,
        /// Its `target` or `info_hash`, if it has one.
        target: Option<Key>,
    },
}

/// What a [`Request::Store`] carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreValue {
    /// The sender is a peer of the info-hash (`announce_peer`).
    Peer {
        /// The port to record; none means the packet's source port (`implied_port`).
        port: Option<u16>,
        /// The peer has the whole of it (BEP 33).
        seed: bool,
    },
    /// A BEP 44 item.
    Item {
        /// The item.
        item: Item,
        /// Store only if the present sequence number is this one (compare and swap).
        cas: Option<i64>,
    },
    /// Unsigned bytes; between our own nodes only.
    Raw {
        /// The bytes, at most [`VALUE_MAX`].
        value: Vec<u8>,
    },
}

/// A BEP 44 item. `value` is the bencoded form of any one bencoded value, at most [`VALUE_MAX`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Item {
    /// Keyed by SHA-1 of `value`.
    Immutable {
        /// Bencoded value.
        value: Vec<u8>,
    },
    /// Keyed by SHA-1 of the public key and the salt, signed by that key.
    Mutable(MutableItem),
}

/// A signed item that its owner can replace by one with a higher sequence number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MutableItem {
    /// Ed25519 public key.
    pub public_key: [u8; 32],
    /// Lets one key own many items; at most [`SALT_MAX`] bytes, not carried in responses.
    pub salt: Vec<u8>,
    /// Sequence number.
    pub seq: i64,
    /// Ed25519 signature over salt, sequence number and value.
    pub signature: [u8; 64],
    /// Bencoded value.
    pub value: Vec<u8>,
}

/// An answer: its sender and whatever parts it has.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Response {
    /// The sender's id.
    pub sender: Key,
    /// IPv4 contacts; an empty list and an absent one are different answers.
    pub nodes: Option<Vec<Contact>>,
    /// IPv6 contacts.
    pub nodes6: Option<Vec<Contact>>,
    /// Permit to store here. Absent when the sender would store nothing.
    pub token: Option<Token>,
    /// Peers of the info-hash.
    pub peers: Vec<SocketAddr>,
    /// The value under the key.
    pub value: Option<FoundValue>,
    /// Sequence number of a mutable item that was not sent because the asker has it already.
    pub seq: Option<i64>,
    /// BEP 51 samples.
    pub samples: Option<Samples>,
    /// BEP 33 filters.
    pub scrape: Option<Box<Scrape>>,
}

/// A stored value, as an answer carries it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FoundValue {
    /// A BEP 44 item. The salt of a mutable item is empty here; the asker knows it.
    Item(Item),
    /// Unsigned bytes.
    Raw(Vec<u8>),
}

/// BEP 51: a random sample of the sender's info-hashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Samples {
    /// Seconds until the sender draws a new sample, 0..=21,600; some do not say.
    pub interval: Option<u32>,
    /// Info-hashes the sender has in all; some do not say.
    pub total: Option<u64>,
    /// The sample, at most [`SAMPLES_MAX`].
    pub hashes: Vec<Key>,
}

/// BEP 33: the swarm as two Bloom filters of addresses.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Scrape {
    /// `BFsd`.
    pub seeds: [u8; BLOOM_LEN],
    /// `BFpe`.
    pub downloaders: [u8; BLOOM_LEN],
}

/// A refusal: a code and a text for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RpcError {
    /// One of [`code`], or any other number.
    pub code: i64,
    /// Text for people, cut at 256 bytes.
    pub message: String,
}

/// Error codes of BEP 5 and BEP 44.
pub mod code {
    /// Generic error.
    pub const GENERIC: i64 = 201;
    /// Server error.
    pub const SERVER: i64 = 202;
    /// Protocol error: malformed packet, invalid arguments, bad token.
    pub const PROTOCOL: i64 = 203;
    /// Method unknown.
    pub const METHOD_UNKNOWN: i64 = 204;
    /// The value is too big.
    pub const VALUE_TOO_BIG: i64 = 205;
    /// The signature is invalid.
    pub const BAD_SIGNATURE: i64 = 206;
    /// The salt is too big.
    pub const SALT_TOO_BIG: i64 = 207;
    /// Compare-and-swap mismatch: read again and retry.
    pub const CAS_MISMATCH: i64 = 301;
    /// The sequence number is below the stored one.
    pub const SEQ_TOO_LOW: i64 = 302;
}
