//! The addresses one machine can use at will.

use std::{fmt, net::IpAddr};

use quintet_primitives::addr;

/// One machine as limits and scores count it: an IPv4 address, or the /64 an IPv6 machine gets whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Host(IpAddr);

impl Host {
    /// Returns the host `ip` belongs to.
    #[must_use]
    pub fn of(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            v4 @ IpAddr::V4(_) => Self(v4),
            v6 @ IpAddr::V6(_) => Self(addr::prefix(v6, 64)),
        }
    }

    /// Returns the first address of the host.
    #[must_use]
    pub const fn ip(self) -> IpAddr {
        self.0
    }

    /// Returns the bytes that tell hosts apart: those of IPv4 as mapped into IPv6.
    pub(crate) const fn to_bytes(self) -> [u8; 16] {
        match self.0 {
            IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
            IpAddr::V6(v6) => v6.octets(),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            IpAddr::V4(v4) => write!(f, "{v4}"),
            IpAddr::V6(v6) => write!(f, "{v6}/64"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(ip: &str) -> Host {
        Host::of(ip.parse().unwrap())
    }

    #[test]
    fn a_host_is_an_ipv4_address_or_an_ipv6_slash_64() {
        assert_eq!(host("8.8.8.8"), host("::ffff:8.8.8.8"));
        assert_ne!(host("8.8.8.8"), host("8.8.8.9"));
        assert_eq!(host("2001:db8::1"), host("2001:db8::ffff:1"));
        assert_ne!(host("2001:db8::1"), host("2001:db8:0:1::1"));
        assert_eq!(host("2001:db8::1").to_string(), "2001:db8::/64");
    }
}
