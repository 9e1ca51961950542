//! What every node kind shares: configuration, lifecycle, health, logs and metrics.
//!
//! ```text
//!   application ──► config::Schema::load ──► Config ──► a kind's constructor
//!        │          telemetry::init, Metrics::install              │
//!        │          datadir::DataDir::open ──► NodeContext ──► NodeKind::start ──► RunningNode
//!        │          ops::serve(Metrics, Health)                                        │
//!        └───────── lifecycle::run_until_shutdown ◄─────────────────────────────────────┘
//! ```
//!
//! - [`config`]: defaults < file < environment < flags, typed, validated as a whole, reloadable.
//! - [`datadir`]: where data lives, private and locked.
//! - [`lifecycle`]: starting nodes of any kind and stopping them in order.
//! - [`memory`]: giving it back after work that needed much.
//! - [`telemetry`]: logs and figures.
//! - [`ops`]: `/metrics`, `/health`, `/ready`.
//!
//! Nothing here knows a kind; the application, which knows all of them, wires these parts together.

pub mod config;
pub mod datadir;
pub mod lifecycle;
pub mod memory;
pub mod ops;
pub mod telemetry;
