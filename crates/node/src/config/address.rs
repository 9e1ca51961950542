//! Addresses: what to bind to (an IP address and port) and whom to reach (a host and port).

use core::{fmt, str::FromStr};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// What an address to bind looks like; completes "expected …".
const BIND_EXPECTED: &str =
    "an IP address and port to bind, such as 127.0.0.1:6881, 0.0.0.0:6881 or [::]:6881";

/// What an address to reach looks like; completes "expected …".
const HOST_EXPECTED: &str = "a host and port to reach, such as router.example.org:6881, 192.0.2.1:6881 or [2001:db8::1]:6881";

/// Bytes of a host name (RFC 1035, section 2.3.4, without the trailing dot).
const HOST_MAX_BYTES: usize = 253;

/// A text is not an address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("expected {expected}; found {found:?}")]
pub struct AddressError {
    /// What an address looks like here.
    pub expected: &'static str,
    /// The text.
    pub found: String,
}

/// A local address to bind a socket to; port 0 lets the system choose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BindAddr(SocketAddr);

impl BindAddr {
    /// The IPv4 loopback address with this port.
    #[must_use]
    pub const fn loopback(port: u16) -> Self {
        Self(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), port))
    }

    /// The address.
    #[must_use]
    pub const fn get(self) -> SocketAddr {
        self.0
    }
}

impl From<SocketAddr> for BindAddr {
    fn from(addr: SocketAddr) -> Self {
        Self(addr)
    }
}

impl fmt::Display for BindAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for BindAddr {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || AddressError { expected: BIND_EXPECTED, found: text.to_owned() };
        text.trim().parse().map(Self).map_err(|_| error())
    }
}

/// A remote address: an IP address or a host name, and a port other than 0. Resolved when dialled.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HostPort {
    host: String,
    port: u16,
}

impl HostPort {
    /// The host: a name, or an IP address without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, not 0.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The socket address, if the host is an IP address and needs no resolving.
    #[must_use]
    pub fn socket_addr(&self) -> Option<SocketAddr> {
        self.host.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, self.port))
    }
}

impl From<SocketAddr> for HostPort {
    fn from(addr: SocketAddr) -> Self {
        Self { host: addr.ip().to_string(), port: addr.port() }
    }
}

impl fmt::Display for HostPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(f, "[{host}]:{port}") } else { write!(f, "{host}:{port}") }
    }
}

impl FromStr for HostPort {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || AddressError { expected: HOST_EXPECTED, found: text.to_owned() };
        split(text.trim()).filter(|address| address.port != 0).ok_or_else(error)
    }
}

fn split(text: &str) -> Option<HostPort> {
    if let Ok(addr) = text.parse::<SocketAddr>() {
        return Some(addr.into());
    }
    let (host, port) = text.rsplit_once(':')?;
    is_host_name(host).then_some(())?;
    Some(HostPort { host: host.to_ascii_lowercase(), port: port.parse().ok()? })
}

/// Letters, digits, hyphens and underscores in labels of 1 to 63 bytes; not all digits, which would
/// be a misspelt IP address.
fn is_host_name(host: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    host.len() <= HOST_MAX_BYTES
        && host.split('.').all(label)
        && host.bytes().any(|b| b.is_ascii_alphabetic())
}

/// Serialises as text and reads back from it, with the same words in every error.
macro_rules! text_serde {
    ($type:ty, $expected:expr) => {
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Text;
                impl de::Visitor<'_> for Text {
                    type Value = $type;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($expected)
                    }
                    fn visit_str<E: de::Error>(self, text: &str) -> Result<$type, E> {
                        text.parse().map_err(|_| E::invalid_value(de::Unexpected::Str(text), &self))
                    }
                }
                deserializer.deserialize_str(Text)
            }
        }
    };
}

text_serde!(BindAddr, BIND_EXPECTED);
text_serde!(HostPort, HOST_EXPECTED);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn binds_to_addresses_and_not_to_names() {
        assert_eq!("127.0.0.1:8080".parse(), Ok(BindAddr::loopback(8080)));
        assert!("[::]:6881".parse::<BindAddr>().is_ok());
        for text in ["", "localhost:80", "127.0.0.1", ":6881", "::1:80", "1.2.3.4:99999"] {
            let error = text.parse::<BindAddr>().unwrap_err().to_string();
            assert_eq!(error, format!("expected {BIND_EXPECTED}; found {text:?}"));
        }
    }

    #[test]
    fn reaches_names_and_addresses() {
        for text in ["router.example.org:6881", "192.0.2.1:80", "[2001:db8::1]:80"] {
            let address: HostPort = text.parse().unwrap();
            assert_eq!(address.to_string(), text);
        }
        let named: HostPort = "Router.Example.org:6881".parse().unwrap();
        assert_eq!((named.host(), named.port()), ("router.example.org", 6881));
        assert_eq!(named.socket_addr(), None);
    }

    #[test]
    fn rejects_what_cannot_be_dialled() {
        let long = format!("{}:1", "a.".repeat(200));
        for text in ["", "host", ":80", "host:0", "host:", "300.1.1.1:80", "a b:1", "h..x:1", &long]
        {
            let error = text.parse::<HostPort>().unwrap_err().to_string();
            assert_eq!(error, format!("expected {HOST_EXPECTED}; found {text:?}"));
        }
    }
}
