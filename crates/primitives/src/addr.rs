//! IP address classes and network groups.
//!
//! An attacker gets addresses by the block, so every limit on "one party" counts network groups and
//! not addresses: /16 for IPv4 and /32 for IPv6 where a whole operator is meant ([`NetGroup`]),
//! smaller prefixes where a protocol says so ([`prefix`]).

use core::{fmt, net::IpAddr};

/// The part of the internet one operator usually owns: /16 of IPv4, /32 of IPv6; every local range
/// is one group of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NetGroup {
    /// Loopback, private, link-local and other ranges that no router forwards.
    Local,
    /// The first 16 bits of an IPv4 address.
    V4([u8; 2]),
    /// The first 32 bits of an IPv6 address.
    V6([u8; 4]),
}

impl NetGroup {
    /// Returns the group of `ip`.
    #[must_use]
    pub fn of(ip: IpAddr) -> Self {
        let ip = ip.to_canonical();
        if is_local(ip) {
            return Self::Local;
        }
        match ip {
            IpAddr::V4(v4) => {
                let [a, b, ..] = v4.octets();
                Self::V4([a, b])
            }
            IpAddr::V6(v6) => {
                let [a, b, c, d, ..] = v6.octets();
                Self::V6([a, b, c, d])
            }
        }
    }
}

impl fmt::Display for NetGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local => f.write_str("local"),
            Self::V4([a, b]) => write!(f, "{a}.{b}.0.0/16"),
            Self::V6([a, b, c, d]) => write!(f, "{a:02x}{b:02x}:{c:02x}{d:02x}::/32"),
        }
    }
}

/// Returns whether no router of the public internet forwards to `ip`: loopback, private (RFC 1918),
/// shared (RFC 6598), link-local, unique-local, unspecified, multicast, broadcast.
#[must_use]
pub fn is_local(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            v4.is_loopback()
                || v4.is_private()
                || v4.is_link_local()
                || v4.is_unspecified()
                || v4.is_multicast()
                || v4.is_broadcast()
                || (a == 100 && (64..128).contains(&b))
        }
        IpAddr::V6(v6) => {
            v6.is_loopback()
                || v6.is_unspecified()
                || v6.is_multicast()
                || v6.is_unique_local()
                || v6.is_unicast_link_local()
        }
    }
}

/// Returns `ip` with all but its first `bits` bits cleared; `bits` past the address's length keep
/// the whole address.
#[must_use]
pub fn prefix(ip: IpAddr, bits: u8) -> IpAddr {
    match ip {
        IpAddr::V4(v4) => {
            let mask = u32::MAX.checked_shl(32_u32.saturating_sub(bits.into())).unwrap_or(0);
            IpAddr::V4((v4.to_bits() & mask).into())
        }
        IpAddr::V6(v6) => {
            let mask = u128::MAX.checked_shl(128_u32.saturating_sub(bits.into())).unwrap_or(0);
            IpAddr::V6((v6.to_bits() & mask).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn addresses_of_one_operator_share_a_group() {
        assert_eq!(NetGroup::of(ip("8.8.1.1")), NetGroup::of(ip("8.8.200.9")));
        assert_ne!(NetGroup::of(ip("8.8.1.1")), NetGroup::of(ip("8.9.1.1")));
        assert_eq!(NetGroup::of(ip("2001:db8::1")).to_string(), "2001:0db8::/32");
        assert_eq!(NetGroup::of(ip("::ffff:8.8.1.1")), NetGroup::of(ip("8.8.1.1")));
    }

    #[test]
    fn local_ranges_are_recognised() {
        for local in
            ["127.0.0.1", "10.1.2.3", "192.168.0.1", "172.16.0.1", "100.64.0.1", "::1", "fe80::1"]
        {
            assert!(is_local(ip(local)), "{local}");
        }
        assert!(!is_local(ip("100.128.0.1")));
        assert!(!is_local(ip("2001:4860::1")));
    }

    #[test]
    fn a_prefix_keeps_the_first_bits_only() {
        assert_eq!(prefix(ip("1.2.3.4"), 24), ip("1.2.3.0"));
        assert_eq!(prefix(ip("1.2.3.4"), 0), ip("0.0.0.0"));
        assert_eq!(prefix(ip("1.2.3.4"), 64), ip("1.2.3.4"));
        assert_eq!(prefix(ip("2001:db8:1:2::3"), 48), ip("2001:db8:1::"));
    }
}
