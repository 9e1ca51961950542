//! How the network runs.

use std::{
    fmt,
    net::SocketAddr,
    path::PathBuf,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use quintet_net::dial::{Proxy, Target};

use crate::consensus::Clock;

/// Outbound connections kept, as the reference's `--outpeers`.
pub const OUTBOUND: usize = 8;

/// Inbound connections taken, as the reference's `--maxinpeers`.
pub const INBOUND_MAX: usize = 128;

/// How the network runs.
#[derive(Clone)]
pub struct Settings {
    /// Where to listen; none to take no connections. Port 0 takes any free one.
    pub listen: Option<SocketAddr>,
    /// The address peers are told to reach us at.
    pub external: Option<SocketAddr>,
    /// Peers to be connected to for ever, and to no others (`--connect`). Empty: peers are found by the book.
    pub connect: Vec<Target>,
    /// Peers to be connected to for ever, besides others (`--addpeer`).
    pub add: Vec<Target>,
    /// Connections to open to peers of the book.
    pub outbound: usize,
    /// Connections to take.
    pub inbound_max: usize,
    /// Whether loopback and private addresses are worth keeping and telling: for networks on one machine.
    pub allow_local: bool,
    /// The file that keeps the book of peers and the bans between runs.
    pub book: Option<PathBuf>,
    /// A SOCKS5 proxy for connections that we open.
    pub proxy: Option<Proxy>,
    /// Said of this node in the user agent, in brackets (`--uacomment`).
    pub comments: Vec<String>,
    /// What time it is, milliseconds since 1970.
    pub clock: Clock,
}

impl Default for Settings {
    /// Listens nowhere, opens [`OUTBOUND`] connections, takes up to [`INBOUND_MAX`], goes by the system's clock.
    fn default() -> Self {
        Self {
            listen: None,
            external: None,
            connect: Vec::new(),
            add: Vec::new(),
            outbound: OUTBOUND,
            inbound_max: INBOUND_MAX,
            allow_local: false,
            book: None,
            proxy: None,
            comments: Vec::new(),
            clock: Arc::new(|| {
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
            }),
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("listen", &self.listen)
            .field("connect", &self.connect)
            .field("add", &self.add)
            .field("outbound", &self.outbound)
            .field("inbound_max", &self.inbound_max)
            .finish_non_exhaustive()
    }
}
