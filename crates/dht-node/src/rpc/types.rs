//! Parameters and results of the methods.
//!
//! Parameters may come by position or by name.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::socket::Drops;

/// A node: its id, 40 hex digits, and its UDP address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ContactInfo {
    /// The id.
    pub id: String,
    /// The address.
    pub addr: String,
}

/// How a lookup went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReportInfo {
    /// Queries sent.
    pub queries: usize,
    /// Queries that failed or were not answered in time.
    pub failures: usize,
    /// Longest chain of answers that led to the result.
    pub hops: usize,
    /// From start to end, microseconds.
    pub elapsed_us: u64,
}

/// What came and went since the start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TrafficInfo {
    /// UDP packets read.
    pub packets_in: u64,
    /// Bytes of payload read.
    pub bytes_in: u64,
    /// UDP packets sent.
    pub packets_out: u64,
    /// Bytes of payload sent.
    pub bytes_out: u64,
    /// Queries of others for a sign of life.
    pub pings: u64,
    /// Queries of others for contacts.
    pub find_nodes: u64,
    /// Queries of others for values.
    pub find_values: u64,
    /// Queries of others to store.
    pub stores: u64,
    /// Queries of others for samples.
    pub samples: u64,
    /// Queries of others of an unknown method.
    pub unknown: u64,
    /// Records stored.
    pub stored: u64,
    /// Queries refused with an error.
    pub refused: u64,
    /// Packets that were no message.
    pub malformed: u64,
    /// Messages of another network, or in a codec that is switched off.
    pub foreign: u64,
}

/// How the node's own queries ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct QueryInfo {
    /// Sent.
    pub issued: u64,
    /// Answered.
    pub answered: u64,
    /// Not answered in time.
    pub expired: u64,
    /// Answered under another id than expected.
    pub id_changed: u64,
    /// Answers from another address than the one asked.
    pub wrong_address: u64,
    /// Answers to no query: late, repeated or made up.
    pub unsolicited: u64,
}

/// How the node is doing.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct StatusInfo {
    /// The instance's name.
    pub node: String,
    /// The node's id, 40 hex digits.
    pub id: String,
    /// UDP addresses it listens on.
    pub addrs: Vec<String>,
    /// Where others see it, once enough of them agree.
    pub seen_at: Vec<String>,
    /// Whether it knows anybody.
    pub joined: bool,
    /// Live contacts.
    pub contacts: usize,
    /// Nodes in the network, estimated; null while nobody is known.
    pub network_size: Option<f64>,
    /// Records held for others.
    pub records: usize,
    /// Memory their values take, bytes.
    pub record_bytes: usize,
    /// Records this node keeps published.
    pub publications: usize,
    /// Lookups, stores and pings under way.
    pub operations: usize,
    /// Queries not yet answered.
    pub outstanding: usize,
    /// Seconds since the start.
    pub uptime_secs: u64,
    /// What came and went.
    pub traffic: TrafficInfo,
    /// How its own queries ended.
    pub queries: QueryInfo,
    /// What was dropped, and why.
    pub drops: Drops,
}

/// A contact in a bucket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LiveContact {
    /// The id, 40 hex digits.
    pub id: String,
    /// The UDP address.
    pub addr: String,
    /// Whether it answered or asked within the last 15 minutes (BEP 5).
    pub good: bool,
}

/// One bucket of a routing table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct BucketInfo {
    /// `v4` or `v6`.
    pub family: String,
    /// Leading bits its contacts share with the node's id.
    pub index: usize,
    /// Live contacts, least recently seen first.
    pub contacts: Vec<LiveContact>,
    /// Contacts that wait for a place.
    pub replacements: usize,
}

/// A node answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PongInfo {
    /// Its id, 40 hex digits.
    pub id: String,
    /// How long the answer took, microseconds.
    pub round_trip_us: u64,
}

/// The nodes closest to a key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LookupInfo {
    /// Closest first.
    pub nodes: Vec<ContactInfo>,
    /// How it went.
    pub report: ReportInfo,
}

/// A record's value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum RecordInfo {
    /// Keyed by its own hash.
    Immutable {
        /// The bencoded value, hex.
        value: String,
        /// Its text, if it is a bencoded UTF-8 string.
        text: Option<String>,
    },
    /// Signed by its owner.
    Mutable {
        /// The bencoded value, hex.
        value: String,
        /// Its text, if it is a bencoded UTF-8 string.
        text: Option<String>,
        /// The owner's Ed25519 public key, 64 hex digits.
        public_key: String,
        /// The salt, hex; empty for none.
        salt: String,
        /// The sequence number.
        seq: i64,
        /// The signature, 128 hex digits.
        signature: String,
    },
    /// Unsigned bytes.
    Raw {
        /// The bytes, hex.
        value: String,
        /// Their text, if they are UTF-8.
        text: Option<String>,
    },
}

/// What a lookup for a value found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GetInfo {
    /// The key, 40 hex digits.
    pub key: String,
    /// The value; null if nobody asked has it.
    pub record: Option<RecordInfo>,
    /// How it went.
    pub report: ReportInfo,
}

/// A node that did not want a record.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RefusalInfo {
    /// The node.
    pub node: ContactInfo,
    /// Its error code, as in BEP 5 and BEP 44.
    pub code: i64,
    /// Its error text.
    pub message: String,
}

/// How a store went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PutInfo {
    /// The key, 40 hex digits.
    pub key: String,
    /// Nodes that hold the record now. None means that it is not stored.
    pub acknowledged: usize,
    /// Nodes that did not want it.
    pub refused: Vec<RefusalInfo>,
    /// Nodes that did not answer.
    pub silent: usize,
    /// How the lookup before went.
    pub report: ReportInfo,
}

/// Peers of an info-hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PeersInfo {
    /// Their addresses.
    pub peers: Vec<String>,
    /// How it went.
    pub report: ReportInfo,
}

/// What the node holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RecordsInfo {
    /// Records held for others, peers included.
    pub records: usize,
    /// Memory their values take, bytes.
    pub bytes: usize,
    /// Records this node keeps published.
    pub publications: usize,
}

/// Parameters of `dht_ping`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PingParams {
    pub(super) addr: String,
}

/// Parameters of `dht_lookup`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LookupParams {
    pub(super) target: String,
}

/// Parameters of `dht_get`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct GetParams {
    pub(super) key: Option<String>,
    pub(super) public_key: Option<String>,
    pub(super) salt: Option<String>,
    pub(super) raw: bool,
}

/// A record to store. Exactly one of `text` and `value` is given; with `public_key`, `seq` and
/// `signature` it is a mutable item, with `key` unsigned bytes, else an immutable item.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PutRecord {
    /// Text; items store it as a bencoded string.
    pub text: Option<String>,
    /// The value, hex: bencoded for items, any bytes for unsigned ones.
    pub value: Option<String>,
    /// The owner's Ed25519 public key, 64 hex digits.
    pub public_key: Option<String>,
    /// The salt, hex; at most 64 bytes.
    pub salt: Option<String>,
    /// The sequence number.
    pub seq: Option<i64>,
    /// The signature over salt, sequence number and value (BEP 44), 128 hex digits.
    pub signature: Option<String>,
    /// Store only over this sequence number.
    pub cas: Option<i64>,
    /// The key of unsigned bytes, 40 hex digits.
    pub key: Option<String>,
}

/// Parameters of `dht_put`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PutParams {
    pub(super) record: PutRecord,
    #[serde(default)]
    pub(super) publish: bool,
}

/// Parameters of `dht_getPeers`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PeersParams {
    pub(super) info_hash: String,
}

/// Parameters of `dht_announce`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AnnounceParams {
    pub(super) info_hash: String,
    #[serde(default)]
    pub(super) port: Option<u16>,
    #[serde(default)]
    pub(super) seed: bool,
    #[serde(default)]
    pub(super) publish: bool,
}

/// Parameters of `dht_unpublish`.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct UnpublishParams {
    pub(super) key: String,
}
