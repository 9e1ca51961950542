//! What a running node says of itself.

use std::net::SocketAddr;

use metrics::{Counter, Gauge, Label, Unit, counter, gauge};
use quintet_dht_protocol::dht::{Status, TrafficCounters};
use schemars::JsonSchema;
use serde::Serialize;

/// What was dropped since the start, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, JsonSchema)]
pub struct Drops {
    /// Packets whose sender, or everybody together, sent more than the limits allow.
    pub limited: u64,
    /// Packets longer than any message.
    pub oversized: u64,
    /// Errors while reading, such as a report that a port is unreachable.
    pub receive_errors: u64,
    /// Packets that found the send buffer and the queue behind it full.
    pub send_queue_full: u64,
    /// Packets to where no route or socket leads.
    pub unsendable: u64,
    /// Stores refused because too many were waiting for the disk.
    pub writer_full: u64,
    /// Changes that will not reach the disk, because too many were waiting for too long.
    pub changes_forgotten: u64,
}

/// A view of a node at one instant.
#[derive(Debug, Clone, PartialEq)]
pub struct NodeStatus {
    /// The protocol's own view: table, records, traffic.
    pub dht: Status,
    /// The UDP addresses.
    pub addrs: Vec<SocketAddr>,
    /// Where others see us, if enough of them agree.
    pub seen_at: Vec<SocketAddr>,
    /// What was dropped.
    pub drops: Drops,
    /// Seconds since the start.
    pub uptime_secs: u64,
}

/// The metrics of one node, brought up to date once a second.
pub(super) struct Meters {
    labels: Vec<Label>,
    traffic: [Counter; 14],
    drops: [Counter; 7],
    contacts: Gauge,
    records: Gauge,
    record_bytes: Gauge,
    operations: Gauge,
    finished: Counter,
}

impl core::fmt::Debug for Meters {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Meters").field("labels", &self.labels).finish_non_exhaustive()
    }
}

const PACKETS: &str = "quintet_dht_packets_total";
const BYTES: &str = "quintet_dht_bytes_total";
const QUERIES: &str = "quintet_dht_queries_total";
const VERDICTS: &str = "quintet_dht_verdicts_total";
const DROPPED: &str = "quintet_dht_dropped_total";
const CONTACTS: &str = "quintet_dht_contacts";
const RECORDS: &str = "quintet_dht_records";
const RECORD_BYTES: &str = "quintet_dht_record_bytes";
const OPERATIONS: &str = "quintet_dht_operations";
const FINISHED: &str = "quintet_dht_operations_finished_total";

impl Meters {
    pub(super) fn new(instance: &str) -> Self {
        let labels = vec![Label::new("instance", instance.to_owned())];
        let with = |key: &'static str, value: &'static str| {
            let own = Label::from_static_parts(key, value);
            labels.iter().cloned().chain([own]).collect::<Vec<_>>()
        };
        let verdict = |name| counter!(VERDICTS, with("verdict", name));
        let query = |name| counter!(QUERIES, with("method", name));
        let dropped = |name| counter!(DROPPED, with("reason", name));
        Self {
            traffic: [
                counter!(PACKETS, with("direction", "in")),
                counter!(PACKETS, with("direction", "out")),
                counter!(BYTES, with("direction", "in")),
                counter!(BYTES, with("direction", "out")),
                query("ping"),
                query("find_node"),
                query("find_value"),
                query("store"),
                query("sample"),
                query("unknown"),
                verdict("stored"),
                verdict("refused"),
                verdict("malformed"),
                verdict("foreign"),
            ],
            drops: [
                dropped("limited"),
                dropped("oversized"),
                dropped("receive_error"),
                dropped("send_queue_full"),
                dropped("unsendable"),
                dropped("writer_full"),
                dropped("change_forgotten"),
            ],
            contacts: gauge!(CONTACTS, labels.clone()),
            records: gauge!(RECORDS, labels.clone()),
            record_bytes: gauge!(RECORD_BYTES, labels.clone()),
            operations: gauge!(OPERATIONS, labels.clone()),
            finished: counter!(FINISHED, labels.clone()),
            labels,
        }
    }

    pub(super) fn operation_finished(&self) {
        self.finished.increment(1);
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "gauges are for people; counts stay far below 2^52"
    )]
    pub(super) fn publish(&self, status: &Status, drops: &Drops) {
        let TrafficCounters {
            packets_in,
            bytes_in,
            packets_out,
            bytes_out,
            pings,
            find_nodes,
            find_values,
            stores,
            samples,
            unknown,
            stored,
            refused,
            malformed,
            foreign,
        } = status.traffic;
        let traffic = [
            packets_in,
            packets_out,
            bytes_in,
            bytes_out,
            pings,
            find_nodes,
            find_values,
            stores,
            samples,
            unknown,
            stored,
            refused,
            malformed,
            foreign,
        ];
        self.traffic.iter().zip(traffic).for_each(|(counter, value)| counter.absolute(value));
        let Drops {
            limited,
            oversized,
            receive_errors,
            send_queue_full,
            unsendable,
            writer_full,
            changes_forgotten,
        } = *drops;
        let drops = [
            limited,
            oversized,
            receive_errors,
            send_queue_full,
            unsendable,
            writer_full,
            changes_forgotten,
        ];
        self.drops.iter().zip(drops).for_each(|(counter, value)| counter.absolute(value));
        self.contacts.set(status.contacts as f64);
        self.records.set(status.records as f64);
        self.record_bytes.set(status.record_bytes as f64);
        self.operations.set(status.operations as f64);
    }
}

/// Tells the installed recorder what the metrics mean.
pub(super) fn describe_metrics() {
    metrics::describe_counter!(PACKETS, Unit::Count, "UDP packets read and sent.");
    metrics::describe_counter!(BYTES, Unit::Bytes, "UDP payload read and sent.");
    metrics::describe_counter!(QUERIES, Unit::Count, "Queries of others, by method.");
    metrics::describe_counter!(
        VERDICTS,
        Unit::Count,
        "Records stored, queries refused, packets that were no message or another network's."
    );
    metrics::describe_counter!(DROPPED, Unit::Count, "What was dropped, by reason.");
    metrics::describe_gauge!(CONTACTS, Unit::Count, "Live contacts in the routing tables.");
    metrics::describe_gauge!(RECORDS, Unit::Count, "Records held for others.");
    metrics::describe_gauge!(RECORD_BYTES, Unit::Bytes, "Memory of the values held for others.");
    metrics::describe_gauge!(OPERATIONS, Unit::Count, "Lookups, stores and pings under way.");
    metrics::describe_counter!(FINISHED, Unit::Count, "Operations that came to an end.");
}
