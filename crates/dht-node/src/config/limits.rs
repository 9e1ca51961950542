//! How much may come in, from one address and from everybody.

use quintet_dht_protocol::dht::PACKET_MAX;
use quintet_node::config::{ByteSize, Issues};
use serde::{Deserialize, Serialize};

/// Rates and bursts that may be configured, packets.
const PACKETS_MAX: u32 = 10_000_000;

/// Addresses that may be counted at once.
const ADDRESSES_MAX: usize = 1 << 20;

/// What is read; the rest is dropped before anything looks at it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsConfig {
    /// Packets a second from one address; 0 for no limit.
    pub packets: u32,
    /// Packets at once from one address.
    pub burst: u32,
    /// Addresses counted at once.
    pub addresses: usize,
    /// Packets a second from everybody; 0 for no limit.
    pub total_packets: u32,
    /// Bytes a second from everybody; 0 for no limit.
    pub total_bytes: ByteSize,
    /// Local addresses have no limit.
    pub exempt_local: bool,
}

impl Default for LimitsConfig {
    /// An address may ask as fast as several busy nodes behind it would: 100 packets a second.
    fn default() -> Self {
        Self {
            packets: 100,
            burst: 400,
            addresses: 1 << 16,
            total_packets: 0,
            total_bytes: ByteSize::from_bytes(0),
            exempt_local: true,
        }
    }
}

impl LimitsConfig {
    /// Returns limits for one of many nodes in a process.
    pub(super) fn small() -> Self {
        Self { addresses: 256, ..Self::default() }
    }

    /// Returns limits that let everything in: for load tests.
    #[must_use]
    pub fn none() -> Self {
        Self { packets: 0, addresses: 8, ..Self::default() }
    }

    pub(super) fn validate(&self, issues: &mut Issues) {
        for (key, packets) in
            [("limits.packets", self.packets), ("limits.total_packets", self.total_packets)]
        {
            if packets > PACKETS_MAX {
                issues.reject(key, format!("at most {PACKETS_MAX} packets a second, 0 for all"));
            }
        }
        if !(1..=PACKETS_MAX).contains(&self.burst) {
            issues.reject("limits.burst", format!("1 to {PACKETS_MAX} packets"));
        }
        if !(8..=ADDRESSES_MAX).contains(&self.addresses) {
            issues.reject("limits.addresses", format!("8 to {ADDRESSES_MAX} addresses"));
        }
        let bytes = self.total_bytes.bytes();
        if bytes != 0 && bytes < PACKET_MAX as u64 {
            let expected = format!("{PACKET_MAX} bytes a second, one packet, or more; 0 for all");
            issues.reject("limits.total_bytes", expected);
        }
    }
}
