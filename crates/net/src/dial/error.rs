//! Why a dial did not succeed, and what to do about it.

use std::{io, net::SocketAddr, time::Duration};

use thiserror::Error;
use tokio_socks::Error as SocksError;

use super::Target;

/// A dial did not succeed.
#[derive(Debug, Error)]
pub enum DialError {
    /// Nothing came back in time.
    #[error("{target} did not answer within {after:?}: it is offline or behind a firewall")]
    Timeout {
        /// Who was dialled.
        target: Target,
        /// The time it had.
        after: Duration,
    },
    /// The peer's machine answered, its port did not.
    #[error("{target} refused the connection: nothing listens on that port")]
    Refused {
        /// Who was dialled.
        target: Target,
    },
    /// There is no way to the peer from here.
    #[error(
        "no route to {target}: check this machine's network, and that it has IPv6 for an IPv6 address"
    )]
    Unreachable {
        /// Who was dialled.
        target: Target,
        /// What the system said.
        source: io::Error,
    },
    /// The name could not be resolved.
    #[error("no address for {target}: check the name, and this machine's resolver")]
    Resolve {
        /// Who was dialled.
        target: Target,
        /// What the resolver said.
        source: io::Error,
    },
    /// The system said something else.
    #[error("connection to {target} was not made")]
    Io {
        /// Who was dialled.
        target: Target,
        /// What the system said.
        source: io::Error,
    },
    /// The proxy itself cannot be reached.
    #[error("SOCKS5 proxy {proxy} is not reachable: start it, or correct its address")]
    ProxyUnreachable {
        /// The proxy.
        proxy: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
    /// The proxy wants a user and a password, or other ones.
    #[error("SOCKS5 proxy {proxy} does not let us in: set the user and password it expects")]
    ProxyAuth {
        /// The proxy.
        proxy: SocketAddr,
    },
    /// The proxy's rules forbid the connection.
    #[error(
        "SOCKS5 proxy {proxy} does not allow connections to {target}: change its rules, or do not dial this peer"
    )]
    ProxyForbids {
        /// The proxy.
        proxy: SocketAddr,
        /// Who was dialled.
        target: Target,
    },
    /// The proxy dialled the peer in vain.
    #[error("SOCKS5 proxy {proxy} could not connect to {target}: {reason}")]
    ProxyDialled {
        /// The proxy.
        proxy: SocketAddr,
        /// Who was dialled.
        target: Target,
        /// What the proxy said.
        reason: SocksError,
    },
    /// What answered at the proxy's address does not speak SOCKS5 as it should.
    #[error(
        "SOCKS5 proxy {proxy} answered out of protocol: check that a SOCKS5 proxy listens there"
    )]
    ProxyProtocol {
        /// The proxy.
        proxy: SocketAddr,
        /// What was wrong.
        source: SocksError,
    },
}

impl DialError {
    /// Returns whether the failure says something about the peer, and so counts as an attempt in
    /// the address book; the others say something about this machine or its proxy.
    #[must_use]
    pub const fn blames_peer(&self) -> bool {
        match self {
            Self::Timeout { .. } | Self::Refused { .. } | Self::ProxyDialled { .. } => true,
            Self::Unreachable { .. }
            | Self::Resolve { .. }
            | Self::Io { .. }
            | Self::ProxyUnreachable { .. }
            | Self::ProxyAuth { .. }
            | Self::ProxyForbids { .. }
            | Self::ProxyProtocol { .. } => false,
        }
    }

    pub(super) fn of_target(target: &Target, source: io::Error) -> Self {
        let target = target.clone();
        match source.kind() {
            io::ErrorKind::ConnectionRefused => Self::Refused { target },
            io::ErrorKind::NetworkUnreachable
            | io::ErrorKind::HostUnreachable
            | io::ErrorKind::AddrNotAvailable => Self::Unreachable { target, source },
            io::ErrorKind::NotFound => Self::Resolve { target, source },
            _ => Self::Io { target, source },
        }
    }

    pub(super) fn of_proxy(proxy: SocketAddr, target: &Target, error: SocksError) -> Self {
        let target = target.clone();
        match error {
            SocksError::NoAcceptableAuthMethods
            | SocksError::AuthorizationRequired
            | SocksError::PasswordAuthFailure(_) => Self::ProxyAuth { proxy },
            SocksError::ConnectionNotAllowedByRuleset => Self::ProxyForbids { proxy, target },
            SocksError::GeneralSocksServerFailure
            | SocksError::NetworkUnreachable
            | SocksError::HostUnreachable
            | SocksError::ConnectionRefused
            | SocksError::TtlExpired
            | SocksError::AddressTypeNotSupported => {
                Self::ProxyDialled { proxy, target, reason: error }
            }
            source => Self::ProxyProtocol { proxy, source },
        }
    }
}
