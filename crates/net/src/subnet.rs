//! A subnet as people write it: `192.0.2.0/24`, `2001:db8::/32`, or one address.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr},
    str::FromStr,
};

use quintet_primitives::addr;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;

use crate::Host;

/// Text that is no subnet.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SubnetError {
    /// The part before the slash is no IP address.
    #[error("expected an IP address, optionally with /bits, got {actual:?}")]
    Address {
        /// The text.
        actual: String,
    },
    /// The part after the slash is no number of bits, or more than the address has.
    #[error("expected a prefix length of 0 to {expected} bits, got {actual:?}")]
    Bits {
        /// Bits of the address.
        expected: u8,
        /// The text after the slash.
        actual: String,
    },
}

/// All addresses that share their first bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Subnet {
    /// The first address; the bits past the prefix are zero.
    first: IpAddr,
    bits: u8,
}

impl Subnet {
    /// The first of all subnets in their order: where a range over them begins.
    pub(crate) const MIN: Self = Self { first: IpAddr::V4(Ipv4Addr::UNSPECIFIED), bits: 0 };

    /// Returns the subnet of the first `bits` bits of `ip`; more bits than it has mean all of them.
    /// An IPv4 address mapped into IPv6 counts as IPv4.
    #[must_use]
    pub fn new(ip: IpAddr, bits: u8) -> Self {
        let ip = ip.to_canonical();
        let bits = bits.min(width(ip));
        Self { first: addr::prefix(ip, bits), bits }
    }

    /// Returns the subnet of one address.
    #[must_use]
    pub fn address(ip: IpAddr) -> Self {
        Self::new(ip, u8::MAX)
    }

    /// Returns the subnet one machine can use at will.
    #[must_use]
    pub fn host(host: Host) -> Self {
        let bits = if host.ip().is_ipv4() { 32 } else { 64 };
        Self::new(host.ip(), bits)
    }

    /// Returns the first address.
    #[must_use]
    pub const fn first(self) -> IpAddr {
        self.first
    }

    /// Returns the length of the prefix in bits.
    #[must_use]
    pub const fn bits(self) -> u8 {
        self.bits
    }

    /// Returns whether `ip` lies in the subnet.
    #[must_use]
    pub fn contains(self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        ip.is_ipv4() == self.first.is_ipv4() && addr::prefix(ip, self.bits) == self.first
    }
}

/// Bits of an address of `ip`'s family.
const fn width(ip: IpAddr) -> u8 {
    if ip.is_ipv4() { 32 } else { 128 }
}

impl FromStr for Subnet {
    type Err = SubnetError;

    fn from_str(text: &str) -> Result<Self, SubnetError> {
        let (ip, bits) = match text.split_once('/') {
            Some((ip, bits)) => (ip, Some(bits)),
            None => (text, None),
        };
        let ip: IpAddr =
            ip.parse().map_err(|_| SubnetError::Address { actual: text.to_owned() })?;
        let Some(bits) = bits else {
            return Ok(Self::address(ip));
        };
        let expected = width(ip);
        match bits.parse::<u8>() {
            Ok(bits) if bits <= expected => Ok(Self::new(ip, bits)),
            Ok(_) | Err(_) => Err(SubnetError::Bits { expected, actual: bits.to_owned() }),
        }
    }
}

impl fmt::Display for Subnet {
    /// A whole address without its length, anything shorter with it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.bits == width(self.first) {
            write!(f, "{}", self.first)
        } else {
            write!(f, "{}/{}", self.first, self.bits)
        }
    }
}

impl Serialize for Subnet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Subnet {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subnet(text: &str) -> Subnet {
        text.parse().unwrap()
    }

    #[test]
    fn a_subnet_prints_as_it_is_parsed_without_its_host_bits() {
        assert_eq!(subnet("192.0.2.77/24").to_string(), "192.0.2.0/24");
        assert_eq!(subnet("192.0.2.77").to_string(), "192.0.2.77");
        assert_eq!(subnet("2001:db8::1/32").to_string(), "2001:db8::/32");
        assert_eq!(subnet("0.0.0.0/0").to_string(), "0.0.0.0/0");
    }

    #[test]
    fn a_subnet_contains_its_addresses_and_no_others() {
        let net = subnet("192.0.2.0/24");
        for inside in ["192.0.2.0", "192.0.2.255", "::ffff:192.0.2.9"] {
            assert!(net.contains(inside.parse().unwrap()), "{inside}");
        }
        for outside in ["192.0.3.0", "192.0.1.255", "::c000:200"] {
            assert!(!net.contains(outside.parse().unwrap()), "{outside}");
        }
        assert!(!subnet("0.0.0.0/0").contains("2001:db8::1".parse().unwrap()));
    }

    #[test]
    fn a_subnet_is_text_in_json() {
        let json = serde_json::to_string(&subnet("192.0.2.0/24")).unwrap();
        assert_eq!(json, r#""192.0.2.0/24""#);
        assert_eq!(serde_json::from_str::<Subnet>(&json).unwrap(), subnet("192.0.2.0/24"));
        assert!(serde_json::from_str::<Subnet>(r#""192.0.2.0/99""#).is_err());
    }

    #[test]
    fn bad_text_is_refused_by_name() {
        let bits = SubnetError::Bits { expected: 32, actual: "33".to_owned() };
        assert_eq!("192.0.2.0/33".parse::<Subnet>(), Err(bits));
        let address = SubnetError::Address { actual: "example.org/8".to_owned() };
        assert_eq!("example.org/8".parse::<Subnet>(), Err(address));
        assert!("192.0.2.0/".parse::<Subnet>().is_err());
        assert!("192.0.2.0/-1".parse::<Subnet>().is_err());
    }
}
