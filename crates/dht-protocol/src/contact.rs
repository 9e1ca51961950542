//! A node as others name it: an id and an address.

use core::net::{IpAddr, SocketAddr};

use quintet_primitives::addr;
use serde::{Deserialize, Serialize};

use crate::key::Key;

/// A node's id and the UDP address it is said to answer at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Contact {
    /// The node's id.
    pub id: Key,
    /// The node's UDP address.
    pub addr: SocketAddr,
}

impl Contact {
    /// Pairs an id with an address.
    #[must_use]
    pub const fn new(id: Key, addr: SocketAddr) -> Self {
        Self { id, addr }
    }
}

/// The two address families, which BEP 32 keeps in independent tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Family {
    /// IPv4: `nodes`, 26 bytes a contact.
    V4,
    /// IPv6: `nodes6`, 38 bytes a contact.
    V6,
}

impl Family {
    /// Both families.
    pub const ALL: [Self; 2] = [Self::V4, Self::V6];

    /// Returns the family of `addr`. An IPv4-mapped IPv6 address counts as IPv6 here and is refused
    /// by [`is_usable`].
    #[must_use]
    pub const fn of(addr: &SocketAddr) -> Self {
        match addr {
            SocketAddr::V4(_) => Self::V4,
            SocketAddr::V6(_) => Self::V6,
        }
    }
}

/// Returns whether a packet may be sent to `addr` at all: port not 0, address neither unspecified,
/// multicast, broadcast nor an IPv4 address written as IPv6.
///
/// Whether local ranges are wanted is for the caller to decide ([`quintet_primitives::addr`]).
#[must_use]
pub fn is_usable(addr: &SocketAddr) -> bool {
    if addr.port() == 0 {
        return false;
    }
    match addr.ip() {
        IpAddr::V4(ip) => {
            !ip.is_unspecified()
                && !ip.is_multicast()
                && !ip.is_broadcast()
                && ip.octets()[0] != 0
                && ip.octets()[0] < 240
        }
        IpAddr::V6(ip) => {
            !ip.is_unspecified() && !ip.is_multicast() && ip.to_ipv4_mapped().is_none()
        }
    }
}

/// Returns whether `addr` lies in a range that no router of the public internet forwards to.
#[must_use]
pub fn is_local(addr: &SocketAddr) -> bool {
    addr::is_local(addr.ip())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_nobody_can_answer_from_are_refused() {
        for bad in [
            "1.2.3.4:0",
            "0.0.0.0:1",
            "0.1.2.3:1",
            "224.0.0.1:1",
            "240.0.0.1:1",
            "255.255.255.255:1",
            "[::]:1",
            "[ff02::1]:1",
            "[::ffff:1.2.3.4]:1",
        ] {
            assert!(!is_usable(&bad.parse().unwrap()), "{bad}");
        }
        assert!(is_usable(&"127.0.0.1:1".parse().unwrap()));
        assert!(is_usable(&"[2001:db8::1]:1".parse().unwrap()));
    }
}
