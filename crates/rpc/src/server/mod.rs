//! The server: one listener that JSON-RPC, its description and mounted routers share.
//!
//! The transports are this crate's own, on jsonrpsee's method registry. jsonrpsee's server spawns a task for every
//! WebSocket message without bound, so that a client which sends requests and reads no answers makes it hold any number of
//! them; it has no per-call timeout and no place for a rate limit inside a connection.
//!
//! ```text
//!   accept ── one task per connection ── http1 ── Router ─┬─ http::call ──────┐
//!     │                                                   ├─ websocket::run ──┼─ Dispatcher
//!     └ stop: no more accepts, connections told to end    └─ mounts           │
//!             grace over: connections cut off                                 ▼
//! ```

mod accept;
mod builder;
mod http_call;
mod routes;
mod websocket;

use std::io;
use std::net::SocketAddr;

use jsonrpsee::core::RegisterMethodError;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

pub use builder::{RpcServer, RpcServerBuilder};

use crate::auth::CookieError;
use crate::config::ConfigError;
use crate::openrpc::RegistryError;

/// The server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A setting is refused.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Descriptions and methods do not fit together.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// Two modules bring a method of the same name.
    #[error("rpc modules clash: {source}; give one of the methods another name")]
    Modules {
        /// The clash.
        #[from]
        source: RegisterMethodError,
    },
    /// A mount's path is taken or malformed.
    #[error("rpc mount at {path:?}: expected {expected}")]
    Mount {
        /// The path.
        path: String,
        /// What is asked of it.
        expected: &'static str,
    },
    /// The cookie file could not be written.
    #[error(transparent)]
    Cookie(#[from] CookieError),
    /// The address cannot be listened on.
    #[error(
        "rpc cannot listen on {listen}: {source}; is another node running there? choose another `rpc.listen`"
    )]
    Listen {
        /// The address.
        listen: SocketAddr,
        /// What the operating system said.
        source: io::Error,
    },
}

/// A running server. Dropping the handle stops it without waiting.
#[derive(Debug)]
#[must_use = "the server stops when its handle is dropped"]
pub struct RpcHandle {
    local_addr: SocketAddr,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl RpcHandle {
    /// The address the server listens on, with the port the operating system chose.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Stops the server: no new connections, requests in flight get `stop_grace` to finish, the cookie file is removed.
    /// Returns when all of that has happened.
    pub async fn stop(mut self) {
        self.stop.cancel();
        self.ended().await;
    }

    /// Waits until the server has ended, as it does when the token it was started with is cancelled.
    pub async fn stopped(mut self) {
        self.ended().await;
    }

    async fn ended(&mut self) {
        if let Err(error) = (&mut self.task).await {
            tracing::error!(%error, "rpc server ended abnormally");
        }
    }
}

impl Drop for RpcHandle {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
