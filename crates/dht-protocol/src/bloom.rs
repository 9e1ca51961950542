//! BEP 33's Bloom filter of addresses: how large a swarm is, said in 256 bytes.
//!
//! A filter holds 2,048 bits and an address sets two of them, taken from its SHA-1. Filters of
//! several nodes are joined by OR, and the number of clear bits estimates how many addresses went in,
//! up to about 6,000.
//!
//! **Spec:** BEP 33.

use core::net::IpAddr;

use quintet_crypto::digest::sha1;

use crate::message::BLOOM_LEN;

/// Bits in a filter.
const BITS: u16 = 2_048;

/// Bits an address sets.
const HASHES: f64 = 2.0;

/// A set of IP addresses that can be counted roughly and joined, and not listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bloom([u8; BLOOM_LEN]);

impl Default for Bloom {
    fn default() -> Self {
        Self([0; BLOOM_LEN])
    }
}

impl Bloom {
    /// Takes a filter as it came in a message.
    #[must_use]
    pub const fn new(bytes: [u8; BLOOM_LEN]) -> Self {
        Self(bytes)
    }

    /// Adds an address: 4 bytes for IPv4, 16 for IPv6.
    pub fn insert(&mut self, ip: IpAddr) {
        let hash = match ip {
            IpAddr::V4(ip) => sha1(&[&ip.octets()]),
            IpAddr::V6(ip) => sha1(&[&ip.octets()]),
        };
        let [a, b, c, d, ..] = hash.into_bytes();
        for index in [u16::from_le_bytes([a, b]), u16::from_le_bytes([c, d])] {
            let bit = usize::from(index % BITS);
            self.0[bit / 8] |= 1 << (bit % 8);
        }
    }

    /// Adds everything `other` holds.
    pub fn union(&mut self, other: &Self) {
        self.0.iter_mut().zip(other.0).for_each(|(byte, other)| *byte |= other);
    }

    /// Estimates how many different addresses went in.
    #[must_use]
    pub fn estimate(&self) -> f64 {
        let bits = f64::from(BITS);
        let clear: u32 = self.0.iter().map(|byte| byte.count_zeros()).sum();
        // A full filter has no finite estimate; one clear bit gives the largest.
        let clear = f64::from(clear).clamp(1.0, bits - 1.0);
        (clear / bits).ln() / (HASHES * (1.0 - 1.0 / bits).ln())
    }

    /// Returns the filter as a message carries it.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; BLOOM_LEN] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(addresses: core::ops::Range<u32>) -> Bloom {
        let mut bloom = Bloom::default();
        addresses.for_each(|number| bloom.insert(IpAddr::from(number.to_be_bytes())));
        bloom
    }

    /// The example of the specification: 256 IPv4 and 1,000 IPv6 addresses.
    #[test]
    fn the_estimate_of_the_specification_is_met() {
        let mut bloom = Bloom::default();
        (0..=255).for_each(|last| bloom.insert(IpAddr::from([192, 0, 2, last])));
        for last in 0..=0x3e7 {
            bloom.insert(IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, last]));
        }
        assert!((bloom.estimate() - 1_224.930_8).abs() < 0.000_1);
        assert_eq!(bloom.as_bytes()[..4], [0xf6, 0xc3, 0xf5, 0xea]);
    }

    #[test]
    fn a_union_holds_what_either_filter_held() {
        let mut union = filled(0..100);
        union.union(&filled(50..200));
        assert_eq!(union, filled(0..200));
    }

    #[test]
    fn empty_and_full_filters_have_finite_estimates() {
        assert!(Bloom::default().estimate() < 1.0);
        let full = Bloom::new([0xff; BLOOM_LEN]).estimate();
        assert!(full.is_finite() && full > 6_000.0);
    }
}
