//! Dialling: a TCP stream to a peer, direct or through a SOCKS5 proxy.
//!
//! ```text
//!   Target::Addr ──────────────────────────► connect ─────────────┐
//!   Target::Name ──► resolve (direct only) ─► connect, in turn ───┼──► TcpStream or DialError
//!   either, with a proxy ──► connect to it ─► SOCKS5 CONNECT ─────┘
//! ```
//!
//! Whether and when to dial is decided elsewhere: [`DialBackoff`] says when an address that failed
//! may be tried again.
//!
//! # Invariants
//!
//! - A dial takes no longer than [`DialConfig::timeout`], resolving and the proxy's part included.
//! - With a proxy nothing leaves this machine but through it: a name is resolved by the proxy.
//! - A name that resolves to many addresses is tried at [`ADDRESSES_MAX`] of them.
//!
//! Spec: RFC 1928 (SOCKS5), RFC 1929 (user and password).

mod backoff;
mod error;
mod target;

use std::{
    fmt, io,
    net::SocketAddr,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use quintet_primitives::hex;
use thiserror::Error;
use tokio::{
    net::{TcpStream, lookup_host},
    time::{Instant, timeout, timeout_at},
};
use tokio_socks::{TargetAddr, tcp::Socks5Stream};

pub use self::{
    backoff::{BackoffConfig, DialBackoff},
    error::DialError,
    target::{NAME_BYTES_MAX, Target, TargetError},
};

/// Addresses of one name tried in one dial.
pub const ADDRESSES_MAX: usize = 8;

/// Bytes of a SOCKS5 user name or password at most; both have at least one.
pub const CREDENTIAL_BYTES_MAX: usize = 255;

/// How to dial.
#[derive(Debug, Clone)]
pub struct DialConfig {
    /// Time one dial may take.
    pub timeout: Duration,
    /// The proxy everything goes through, if any.
    pub proxy: Option<Proxy>,
}

/// A SOCKS5 proxy.
#[derive(Debug, Clone)]
pub struct Proxy {
    /// Where it listens.
    pub addr: SocketAddr,
    /// What it is told about us.
    pub auth: ProxyAuth,
}

/// What a proxy is told about us.
#[derive(Debug, Clone)]
pub enum ProxyAuth {
    /// Nothing.
    None,
    /// A user and a password the operator set.
    Password(Credentials),
    /// Other credentials for every stream, which makes Tor carry each over its own circuit
    /// (`IsolateSOCKSAuth`). The proxy must not check them. One that chooses to be told nothing is
    /// free to; then nothing is isolated.
    PerStream {
        /// Random bytes that tell our streams from those of the proxy's other users.
        session: [u8; 16],
    },
}

/// A user name and a password.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    user: String,
    password: String,
}

/// A user name or password SOCKS5 cannot carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("expected a proxy {what} of 1 to {expected} bytes, got {actual}")]
pub struct CredentialsError {
    /// Which of the two.
    pub what: &'static str,
    /// Bytes it may have.
    pub expected: usize,
    /// Bytes it has.
    pub actual: usize,
}

impl Credentials {
    /// Checks the lengths.
    ///
    /// # Errors
    ///
    /// [`CredentialsError`] if either is empty or longer than [`CREDENTIAL_BYTES_MAX`].
    pub fn new(user: String, password: String) -> Result<Self, CredentialsError> {
        for (what, text) in [("user", &user), ("password", &password)] {
            if text.is_empty() || text.len() > CREDENTIAL_BYTES_MAX {
                let expected = CREDENTIAL_BYTES_MAX;
                return Err(CredentialsError { what, expected, actual: text.len() });
            }
        }
        Ok(Self { user, password })
    }
}

impl fmt::Debug for Credentials {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials").field("user", &self.user).finish_non_exhaustive()
    }
}

/// Makes streams.
#[derive(Debug)]
pub struct Dialer {
    config: DialConfig,
    /// Streams made so far: the part of [`ProxyAuth::PerStream`] that differs.
    streams: AtomicU64,
}

impl Dialer {
    /// Makes a dialler.
    #[must_use]
    pub const fn new(config: DialConfig) -> Self {
        Self { config, streams: AtomicU64::new(0) }
    }

    /// Connects to `target`. The stream has Nagle's algorithm off.
    ///
    /// # Errors
    ///
    /// [`DialError`] says what went wrong where, and what to do about it.
    pub async fn dial(&self, target: &Target) -> Result<TcpStream, DialError> {
        let after = self.config.timeout;
        let connecting = async {
            match (&self.config.proxy, target) {
                (Some(proxy), _) => self.through(proxy, target).await,
                (None, Target::Addr(addr)) => {
                    let stream = TcpStream::connect(addr).await;
                    stream.map_err(|source| DialError::of_target(target, source))
                }
                (None, Target::Name { name, port }) => {
                    self.resolve_and_connect(target, name, *port).await
                }
            }
        };
        let stream = timeout(after, connecting)
            .await
            .map_err(|_| DialError::Timeout { target: target.clone(), after })??;
        stream.set_nodelay(true).map_err(|source| DialError::of_target(target, source))?;
        Ok(stream)
    }

    /// Tries the name's addresses in turn, each with its share of the time that is left.
    async fn resolve_and_connect(
        &self,
        target: &Target,
        name: &str,
        port: u16,
    ) -> Result<TcpStream, DialError> {
        let begun = Instant::now();
        let resolved = lookup_host((name, port)).await;
        let resolved =
            resolved.map_err(|source| DialError::Resolve { target: target.clone(), source })?;
        let addrs: Vec<SocketAddr> = resolved.take(ADDRESSES_MAX).collect();
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for (tried, addr) in addrs.iter().enumerate() {
            let left = u32::try_from(addrs.len() - tried).unwrap_or(u32::MAX);
            let share = self.config.timeout.saturating_sub(begun.elapsed()) / left;
            match timeout_at(Instant::now() + share, TcpStream::connect(addr)).await {
                Ok(Ok(stream)) => return Ok(stream),
                Ok(Err(error)) => last = error,
                Err(_) => last = io::ErrorKind::TimedOut.into(),
            }
        }
        Err(DialError::of_target(target, last))
    }

    async fn through(&self, proxy: &Proxy, target: &Target) -> Result<TcpStream, DialError> {
        let socket = TcpStream::connect(proxy.addr)
            .await
            .map_err(|source| DialError::ProxyUnreachable { proxy: proxy.addr, source })?;
        let addr = match target {
            Target::Addr(addr) => TargetAddr::Ip(*addr),
            Target::Name { name, port } => TargetAddr::Domain(name.as_str().into(), *port),
        };
        let stream = match &proxy.auth {
            ProxyAuth::None => Socks5Stream::connect_with_socket(socket, addr).await,
            ProxyAuth::Password(Credentials { user, password }) => {
                Socks5Stream::connect_with_password_and_socket(socket, addr, user, password).await
            }
            ProxyAuth::PerStream { session } => {
                let user = hex::encode(session);
                let stream = self.streams.fetch_add(1, Ordering::Relaxed).to_string();
                Socks5Stream::connect_with_password_and_socket(socket, addr, &user, &stream).await
            }
        };
        let stream = stream.map_err(|error| DialError::of_proxy(proxy.addr, target, error))?;
        Ok(stream.into_inner())
    }
}
