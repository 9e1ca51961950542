//! What an operator or an embedding program may choose about a node.

use core::net::SocketAddr;

use crate::{contact::Family, key::Key, message::NetworkId, record::shelf};

/// Our software's tag in KRPC's `v`: two letters, then a version that counts wire-visible changes.
pub const VERSION_TAG: [u8; 4] = *b"QT\x00\x01";

/// Choices that shape one node. Times and sizes have the specification's values by default.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch an operator knows by its name")]
pub struct Config {
    /// The node's id at start; BEP 42 may change it once.
    pub own_id: Key,
    /// The network of the native codec.
    pub network: NetworkId,
    /// Address families the node has a socket for.
    pub families: Vec<Family>,
    /// Contacts in a bucket, in an answer and in a lookup's result: the paper's `k`.
    pub bucket_size: usize,
    /// Queries a lookup keeps in flight: the paper's alpha.
    pub concurrency: usize,
    /// Addresses asked first when the table is empty.
    pub bootstrap: Vec<SocketAddr>,
    /// Answer nothing and say so in every query (BEP 43).
    pub read_only: bool,
    /// Contacts in local ranges are welcome and free of address limits: for networks on one machine
    /// or in one house. A node on the public internet should refuse them.
    pub allow_local: bool,
    /// Answer in JSON: readable, larger, so for private networks only.
    pub json: bool,
    /// Answer BEP 33 scrapes: 512 bytes for a small question, so off by default.
    pub scrape: bool,
    /// Answer BEP 51 samples.
    pub sample: bool,
    /// Accept unsigned values; they have no owner, so for private networks only.
    pub raw_values: bool,
    /// Take an id that fits our address (BEP 42) once others agree on what that is.
    pub secure_id: bool,
    /// What may be stored here.
    pub limits: shelf::Limits,
}

impl Config {
    /// Returns the defaults for a node with this id.
    #[must_use]
    pub fn new(own_id: Key) -> Self {
        Self {
            own_id,
            network: NetworkId::BITTORRENT,
            families: vec![Family::V4],
            bucket_size: 8,
            concurrency: 4,
            bootstrap: Vec::new(),
            read_only: false,
            allow_local: true,
            json: false,
            scrape: false,
            sample: true,
            raw_values: false,
            secure_id: true,
            limits: shelf::Limits::default(),
        }
    }
}
