//! How much a node stores for others.

use quintet_dht_protocol::record::shelf::Limits;
use quintet_node::config::{ByteSize, Issues};
use serde::{Deserialize, Serialize};

/// Smallest memory for values: below it a node is of no use to others.
const VALUES_MIN: ByteSize = ByteSize::from_bytes(64 << 10);

/// Largest memory for values: everything is loaded at start.
const VALUES_MAX: ByteSize = ByteSize::from_bytes(4 << 30);

/// Peers that may be kept.
const PEERS_MAX: usize = 10_000_000;

/// Largest cache of the store.
const CACHE_MAX: ByteSize = ByteSize::from_bytes(16 << 30);

/// What may be stored here, and by whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct StorageConfig {
    /// Memory for items and raw values.
    pub values: ByteSize,
    /// Announced peers, over all info-hashes.
    pub peers: usize,
    /// Records of one address.
    pub per_address: usize,
    /// Records of one network.
    pub per_network: usize,
    /// Cache of the store.
    pub cache: ByteSize,
}

impl Default for StorageConfig {
    fn default() -> Self {
        let limits = Limits::default();
        Self {
            values: ByteSize::from_bytes(limits.bytes_max as u64),
            peers: limits.peers_max,
            per_address: limits.per_address_max,
            per_network: limits.per_network_max,
            cache: ByteSize::from_mib(8),
        }
    }
}

impl StorageConfig {
    /// Returns sizes for one of many nodes in a process.
    pub(super) fn small() -> Self {
        Self { cache: ByteSize::from_bytes(256 << 10), ..Self::default() }
    }

    pub(super) fn limits(&self, local_exempt: bool) -> Limits {
        Limits {
            bytes_max: saturating(self.values),
            peers_max: self.peers,
            per_address_max: self.per_address,
            per_network_max: self.per_network,
            local_exempt,
        }
    }

    /// Returns the cache's size in bytes.
    pub(crate) fn cache_bytes(&self) -> usize {
        saturating(self.cache)
    }

    pub(super) fn validate(&self, issues: &mut Issues) {
        if !(VALUES_MIN..=VALUES_MAX).contains(&self.values) {
            issues.reject("storage.values", format!("{VALUES_MIN} to {VALUES_MAX}"));
        }
        if self.peers > PEERS_MAX {
            issues.reject("storage.peers", format!("at most {PEERS_MAX} peers"));
        }
        if self.per_address == 0 {
            issues.reject("storage.per_address", "1 record or more");
        }
        if self.per_network < self.per_address {
            let expected = "storage.per_address or more: an address is part of its network";
            issues.conflict("storage.per_network", "storage.per_address", expected);
        }
        if self.cache > CACHE_MAX {
            issues.reject("storage.cache", format!("at most {CACHE_MAX}"));
        }
    }
}

fn saturating(size: ByteSize) -> usize {
    usize::try_from(size.bytes()).unwrap_or(usize::MAX)
}
