//! The crate's metrics: their names, what they mean, and the handles of one inbox or bus.
//!
//! Handles are resolved when an inbox or a bus is made, so the process's recorder must be installed
//! before its actors are.

use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, Label, Unit, counter, gauge, histogram};

const MAILBOX_DEPTH: &str = "quintet_actor_mailbox_depth";
const QUEUE_SECONDS: &str = "quintet_actor_queue_seconds";
const HANDLING_SECONDS: &str = "quintet_actor_handling_seconds";
const REFUSED_TOTAL: &str = "quintet_actor_refused_messages_total";
const PUBLISHED_TOTAL: &str = "quintet_bus_published_events_total";
const LAGGED_TOTAL: &str = "quintet_bus_lagged_events_total";
const FAULTS_TOTAL: &str = "quintet_supervisor_faults_total";
const RESTARTS_TOTAL: &str = "quintet_supervisor_restarts_total";

/// Tells the installed recorder what this crate's metrics mean. Call it once, after installing.
pub fn describe_metrics() {
    metrics::describe_gauge!(MAILBOX_DEPTH, Unit::Count, "Messages waiting in an actor's inbox.");
    metrics::describe_histogram!(
        QUEUE_SECONDS,
        Unit::Seconds,
        "Time a message waited in an actor's inbox."
    );
    metrics::describe_histogram!(
        HANDLING_SECONDS,
        Unit::Seconds,
        "Time an actor took to handle a message."
    );
    metrics::describe_counter!(
        REFUSED_TOTAL,
        Unit::Count,
        "Messages refused because an actor's inbox was full."
    );
    metrics::describe_counter!(PUBLISHED_TOTAL, Unit::Count, "Events published on a bus.");
    metrics::describe_counter!(
        LAGGED_TOTAL,
        Unit::Count,
        "Events a subscriber lost because it read too slowly."
    );
    metrics::describe_counter!(
        FAULTS_TOTAL,
        Unit::Count,
        "Faults of a supervised child, panics included."
    );
    metrics::describe_counter!(RESTARTS_TOTAL, Unit::Count, "Restarts of a supervised child.");
}

/// The handles of one inbox, shared by its clients and its actor.
pub(crate) struct InboxMeters {
    pub(crate) depth: Gauge,
    queue: Histogram,
    handling: Histogram,
    refused: Counter,
}

impl InboxMeters {
    pub(crate) fn new(actor: &'static str, instance: Option<&str>) -> Self {
        let mut labels = vec![Label::from_static_parts("actor", actor)];
        if let Some(instance) = instance {
            labels.push(Label::new("instance", instance.to_owned()));
        }
        Self {
            depth: gauge!(MAILBOX_DEPTH, labels.clone()),
            queue: histogram!(QUEUE_SECONDS, labels.clone()),
            handling: histogram!(HANDLING_SECONDS, labels.clone()),
            refused: counter!(REFUSED_TOTAL, labels),
        }
    }

    pub(crate) fn queued_for(&self, time: Duration) {
        self.queue.record(time.as_secs_f64());
    }

    pub(crate) fn handled_in(&self, time: Duration) {
        self.handling.record(time.as_secs_f64());
    }

    pub(crate) fn refused(&self) {
        self.refused.increment(1);
    }
}

/// The handles of one bus, shared by its publishers and subscribers.
pub(crate) struct BusMeters {
    published: Counter,
    lagged: Counter,
}

impl BusMeters {
    pub(crate) fn new(bus: &'static str) -> Self {
        Self {
            published: counter!(PUBLISHED_TOTAL, "bus" => bus),
            lagged: counter!(LAGGED_TOTAL, "bus" => bus),
        }
    }

    pub(crate) fn published(&self) {
        self.published.increment(1);
    }

    pub(crate) fn lagged(&self, missed: u64) {
        self.lagged.increment(missed);
    }
}

/// The handles of one supervised child.
pub(crate) struct ChildMeters {
    pub(crate) faults: Counter,
    pub(crate) restarts: Counter,
}

impl ChildMeters {
    pub(crate) fn new(supervisor: &'static str, child: &str) -> Self {
        let labels = vec![
            Label::from_static_parts("supervisor", supervisor),
            Label::new("child", child.to_owned()),
        ];
        Self {
            faults: counter!(FAULTS_TOTAL, labels.clone()),
            restarts: counter!(RESTARTS_TOTAL, labels),
        }
    }
}
