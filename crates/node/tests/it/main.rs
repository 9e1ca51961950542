//! The crate from outside: configuration, data directory, lifecycle, logs and the HTTP endpoints.

#![expect(clippy::unwrap_used, reason = "a helper that meets the unexpected fails its test")]

mod config_errors;
mod config_layers;
mod config_reload;
mod datadir;
mod lifecycle;
mod ops;
mod sections;
mod telemetry;
