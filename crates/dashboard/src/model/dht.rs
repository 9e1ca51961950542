//! What the page shows of a Kademlia node.
//!
//! Spec: Maymounkov & Mazières, *Kademlia* (IPTPS 2002), section 2.4 (buckets).

use std::fmt;

use serde::{Serialize, Serializer};

/// A 160-bit position in the key space, big-endian; 40 lower-case hex digits on the wire.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DhtKey(pub [u8; 20]);

impl From<[u8; 20]> for DhtKey {
    fn from(bytes: [u8; 20]) -> Self {
        Self(bytes)
    }
}

impl fmt::Display for DhtKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for DhtKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DhtKey({self})")
    }
}

impl Serialize for DhtKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The Kademlia part of a node's entry.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DhtNode {
    /// The node's id.
    pub key: DhtKey,
    /// Contacts a full bucket holds (`k`).
    pub bucket_size: u16,
    /// The buckets that hold anything, at most [`BUCKETS_MAX`](crate::BUCKETS_MAX).
    pub buckets: Vec<Bucket>,
    /// Records stored.
    pub records: u64,
    /// Ids of the contacts in the table (who knows whom), at most [`NEIGHBOURS_MAX`](crate::NEIGHBOURS_MAX).
    pub neighbours: Vec<DhtKey>,
}

/// How full one bucket is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Bucket {
    /// Leading bits that the bucket's contacts share with the node: 0 is the far half of the key space.
    pub index: u16,
    /// Contacts in use.
    pub live: u16,
    /// Contacts kept in reserve.
    pub replacements: u16,
}
