//! Whom to dial: an address, or a name somebody has to resolve.

use std::{fmt, net::SocketAddr, str::FromStr};

use thiserror::Error;

/// Bytes of a host name at most (RFC 1035 §2.3.4, without the root's dot).
pub const NAME_BYTES_MAX: usize = 253;

/// Whom to dial. Parses from `192.0.2.1:8333`, `[2001:db8::1]:8333` and `seed.example.org:8333`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Target {
    /// An address.
    Addr(SocketAddr),
    /// A name: resolved by the proxy, if there is one, and by the system otherwise.
    Name {
        /// Letters, digits, `-`, `_` and `.`; [`Target::name`] checks it.
        name: String,
        /// The port.
        port: u16,
    },
}

/// Text that names nobody to dial.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TargetError {
    /// There is no port, or none that can be dialled.
    #[error("expected host:port with a port of 1 to 65535, got {actual:?}")]
    Port {
        /// The text.
        actual: String,
    },
    /// The host is neither an address nor a name.
    #[error(
        "expected an address or a host name of 1 to {expected} letters, digits, '-', '_' and '.', got {actual:?}"
    )]
    Name {
        /// Bytes a name may have.
        expected: usize,
        /// The text.
        actual: String,
    },
}

impl Target {
    /// Makes a target of a name.
    ///
    /// # Errors
    ///
    /// [`TargetError`] if the name is none, or the port is 0.
    pub fn name(name: &str, port: u16) -> Result<Self, TargetError> {
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        if name.is_empty() || name.len() > NAME_BYTES_MAX || !name.bytes().all(letter) {
            return Err(TargetError::Name { expected: NAME_BYTES_MAX, actual: name.to_owned() });
        }
        if port == 0 {
            return Err(TargetError::Port { actual: format!("{name}:0") });
        }
        Ok(Self::Name { name: name.to_owned(), port })
    }
}

impl From<SocketAddr> for Target {
    fn from(addr: SocketAddr) -> Self {
        Self::Addr(addr)
    }
}

impl FromStr for Target {
    type Err = TargetError;

    fn from_str(text: &str) -> Result<Self, TargetError> {
        let no_port = || TargetError::Port { actual: text.to_owned() };
        if let Ok(addr) = text.parse::<SocketAddr>() {
            return if addr.port() == 0 { Err(no_port()) } else { Ok(Self::Addr(addr)) };
        }
        let (name, port) = text.rsplit_once(':').ok_or_else(no_port)?;
        Self::name(name, port.parse().map_err(|_| no_port())?)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Addr(addr) => write!(f, "{addr}"),
            Self::Name { name, port } => write!(f, "{name}:{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_prints_as_it_is_parsed() {
        for text in
            ["192.0.2.1:8333", "[2001:db8::1]:1", "seed.example.org:65535", "_dht.local:6881"]
        {
            assert_eq!(text.parse::<Target>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_cannot_be_dialled_is_refused_by_name() {
        for text in
            ["192.0.2.1", "192.0.2.1:0", "example.org:0", "example.org:65536", "example.org", ""]
        {
            assert!(matches!(text.parse::<Target>(), Err(TargetError::Port { .. })), "{text:?}");
        }
        let long = format!("{}:80", "a".repeat(NAME_BYTES_MAX + 1));
        for text in [":80", "exa mple:80", "2001:db8::1:80", "ex\0ample:80", &long] {
            assert!(matches!(text.parse::<Target>(), Err(TargetError::Name { .. })), "{text:?}");
        }
    }
}
