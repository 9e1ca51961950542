//! JSON-RPC 2.0 over HTTP and WebSocket ([`lenient`] versions 1 beside it), with REST and other HTTP mounts, on one port.
//!
//! Every node kind speaks to its operators and clients through this crate. It knows no chain: a kind brings a
//! [`RpcModule`] with its methods, a [`Registry`] that describes them, and axum routers for what is not JSON-RPC.
//!
//! ```text
//!   socket ─► connections_max ─► Host ─► Origin ─► rate per client ─► CORS ─► authentication
//!                                                                                  │
//!            POST /              one call or a batch      ┐                        │
//!            GET  / (upgrade)    WebSocket session        ├── Dispatcher ◄─────────┤
//!            GET  /openrpc.json  the description          ┘   (RpcModule)          │
//!            /rest, /graphql …   axum routers  ◄───────────────────────────────────┘
//! ```
//!
//! # Invariants
//!
//! - Nothing answers before the `Host`, `Origin` and rate checks, and nothing but what was mounted with
//!   [`RpcServerBuilder::mount_open`] answers without authentication when one is configured.
//! - A server that listens beyond loopback without authentication does not start.
//! - A method without a description, or a description without a method, keeps the server from starting.
//! - Bodies, batches, nesting, connections, calls in flight, subscriptions, queues and times are bounded by
//!   [`RpcConfig`]; the table of clients and the metric labels are bounded too.
//! - A panic in a method is answered as an internal error, and no answer carries internals ([`RpcError`]).
//!
//! **Spec:** JSON-RPC 2.0 (2013-01-04), OpenRPC 1.3.2, RFC 9110 (HTTP), RFC 6455 (WebSocket), RFC 7617 (Basic),
//! RFC 6750 (Bearer).

mod auth;
pub mod client;
mod config;
mod dispatch;
mod error;
mod guard;
pub mod lenient;
mod measure;
mod message;
mod openrpc;
mod rate;
mod server;
mod suggest;

pub use auth::{
    AuthConfig, BasicUser, COOKIE_USER, CookieError, Identity, JwtFileError, Secret,
    jwt_secret_file,
};
pub use config::{ConfigError, RateLimit, RpcConfig};
pub use dispatch::Coming;
pub use error::{InternalContext, RpcError, code};
pub use guard::Peer;
pub use openrpc::{DISCOVER_METHOD, Method, Registry, RegistryError};
pub use server::{RpcHandle, RpcServer, RpcServerBuilder, StartError};

pub use jsonrpsee::core::RpcResult;
pub use jsonrpsee::types::{ErrorObjectOwned, Params};
pub use jsonrpsee::{
    Extensions, Methods, PendingSubscriptionSink, RpcModule, SubscriptionMessage, SubscriptionSink,
};
