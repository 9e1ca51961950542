//! What is counted and timed.
//!
//! Labels come from fixed sets: the names of registered methods, made when the server starts, and [`Refused`]. A client
//! that sends made-up names adds to one series, `method="unknown"`.

use std::collections::HashMap;
use std::time::Duration;

use metrics::{
    Counter, Gauge, Histogram, counter, describe_counter, describe_gauge, describe_histogram,
    gauge, histogram,
};

/// The label of calls to methods that do not exist.
const UNKNOWN_METHOD: &str = "unknown";

/// Counts and times the calls of one method.
#[derive(Debug)]
pub(crate) struct CallMetrics {
    calls: Counter,
    errors: Counter,
    seconds: Histogram,
}

impl CallMetrics {
    fn of(method: &'static str) -> Self {
        Self {
            calls: counter!("rpc_calls_total", "method" => method),
            errors: counter!("rpc_errors_total", "method" => method),
            seconds: histogram!("rpc_call_seconds", "method" => method),
        }
    }

    pub(crate) fn record(&self, elapsed: Duration, is_error: bool) {
        self.calls.increment(1);
        if is_error {
            self.errors.increment(1);
        }
        self.seconds.record(elapsed.as_secs_f64());
    }
}

/// The metrics of all methods.
#[derive(Debug)]
pub(crate) struct MethodMetrics {
    known: HashMap<&'static str, CallMetrics>,
    unknown: CallMetrics,
}

impl MethodMetrics {
    pub(crate) fn new(methods: &[&'static str]) -> Self {
        describe_counter!("rpc_calls_total", "JSON-RPC calls, by method");
        describe_counter!("rpc_errors_total", "JSON-RPC calls answered with an error, by method");
        describe_histogram!(
            "rpc_call_seconds",
            metrics::Unit::Seconds,
            "time from a call to its answer, by method"
        );
        describe_counter!(
            "rpc_refused_total",
            "requests and connections refused before any method ran, by reason"
        );
        describe_gauge!("rpc_connections", "open connections");
        describe_gauge!("rpc_websockets", "open WebSocket sessions");
        let known = methods.iter().map(|name| (*name, CallMetrics::of(name))).collect();
        Self { known, unknown: CallMetrics::of(UNKNOWN_METHOD) }
    }

    pub(crate) fn of(&self, method: &str) -> &CallMetrics {
        self.known.get(method).unwrap_or(&self.unknown)
    }
}

/// Why something was turned away before any method ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refused {
    Connections,
    /// It was connected, had nothing under way, and made room for another.
    Idle,
    Host,
    Origin,
    Rate,
    Auth,
    TooLarge,
    Malformed,
}

impl Refused {
    pub(crate) fn count(self) {
        let reason = match self {
            Self::Connections => "connections",
            Self::Idle => "idle",
            Self::Host => "host",
            Self::Origin => "origin",
            Self::Rate => "rate",
            Self::Auth => "auth",
            Self::TooLarge => "too_large",
            Self::Malformed => "malformed",
        };
        counter!("rpc_refused_total", "reason" => reason).increment(1);
    }
}

/// Counts something that is open for as long as this value lives.
pub(crate) struct Open(Gauge);

impl Open {
    pub(crate) fn connection() -> Self {
        Self::counted(gauge!("rpc_connections"))
    }

    pub(crate) fn websocket() -> Self {
        Self::counted(gauge!("rpc_websockets"))
    }

    fn counted(gauge: Gauge) -> Self {
        gauge.increment(1.0);
        Self(gauge)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}
