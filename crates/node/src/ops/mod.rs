//! Operations: `/metrics`, `/health` and `/ready` over HTTP, for Prometheus and orchestrators.
//!
//! | path | answers |
//! |---|---|
//! | `/metrics` | the figures, in the Prometheus text format |
//! | `/health` | 200 while the process is worth keeping, 503 once a component failed for good |
//! | `/ready` | 200 when every component is ready, 503 before and while stopping; JSON detail |
//!
//! # Invariants
//!
//! - Read only: nothing here changes the node.
//! - At most [`CONNECTIONS_MAX`] connections, each at most [`CONNECTION_AGE_MAX`] old.
//! - A request whose `Host` is a name we were not told of is refused: a web page that points its own
//!   name at 127.0.0.1 (DNS rebinding) learns nothing.

mod health;
mod host;
mod listener;
mod server;

pub use health::{Component, ComponentState, ComponentStatus, Health};
pub use host::HostPolicy;
pub use listener::{CONNECTION_AGE_MAX, CONNECTIONS_MAX};
pub use server::{OpsConfig, OpsError, OpsServer, serve};
