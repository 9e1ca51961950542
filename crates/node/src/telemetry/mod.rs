//! Telemetry: logs through `tracing`, figures through `metrics` in the Prometheus text format.
//!
//! ```text
//!   tracing events ──► level filter (reloadable) ──┬─► stderr, for people or as JSON lines
//!                                                  └─► capture ──► bounded broadcast (dashboard)
//!   metrics::…!()  ──► recorder ──► Metrics::render() + figures of the process ──► /metrics
//! ```

mod capture;
mod log;
mod process;
mod prometheus;

pub use capture::{LOG_MESSAGE_MAX_CHARS, LOG_RECORDS_KEPT, LogRecord};
pub use log::{LogConfig, LogFormat, Logs, LogsError, init, subscriber};
pub use process::ProcessFigures;
pub use prometheus::{Metrics, MetricsError, UPKEEP_INTERVAL};
