//! What a node can say of itself: traffic counts and a view of its tables.

use serde::Serialize;

use super::Dht;
use crate::{
    contact::{Contact, Family},
    key::Key,
    message::Request,
    rpc,
    table::Standing,
};
use quintet_primitives::time::Instant;

/// What came and went since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct TrafficCounters {
    /// Packets read.
    pub packets_in: u64,
    /// Bytes of payload read.
    pub bytes_in: u64,
    /// Packets handed to the driver.
    pub packets_out: u64,
    /// Bytes of payload handed to the driver.
    pub bytes_out: u64,
    /// Queries for a sign of life.
    pub pings: u64,
    /// Queries for contacts.
    pub find_nodes: u64,
    /// Queries for values.
    pub find_values: u64,
    /// Queries to store.
    pub stores: u64,
    /// Queries for samples.
    pub samples: u64,
    /// Queries of an unknown method.
    pub unknown: u64,
    /// Records stored.
    pub stored: u64,
    /// Queries refused with an error.
    pub refused: u64,
    /// Packets that were no message.
    pub malformed: u64,
    /// Messages of another network, or in a codec that is switched off.
    pub foreign: u64,
}

#[derive(Debug, Default)]
pub(super) struct Traffic {
    pub(super) count: TrafficCounters,
}

impl Traffic {
    pub(super) fn received(&mut self, bytes: usize) {
        self.count.packets_in += 1;
        self.count.bytes_in += bytes as u64;
    }

    pub(super) fn sent(&mut self, bytes: usize) {
        self.count.packets_out += 1;
        self.count.bytes_out += bytes as u64;
    }

    pub(super) fn queried(&mut self, request: &Request) {
        let counter = match request {
            Request::Ping => &mut self.count.pings,
            Request::FindNode { .. } => &mut self.count.find_nodes,
            Request::FindValue { .. } => &mut self.count.find_values,
            Request::Store { .. } => &mut self.count.stores,
            Request::Sample { .. } => &mut self.count.samples,
            Request::Unknown { .. } => &mut self.count.unknown,
        };
        *counter += 1;
    }
}

/// One bucket, as a person or a page wants to see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BucketStatus {
    /// The table's address family.
    pub family: Family,
    /// Leading bits shared with our id.
    pub index: usize,
    /// Live contacts, least recently seen first, and whether each is good (BEP 5).
    pub live: Vec<(Contact, bool)>,
    /// Contacts that wait for a place.
    pub replacements: usize,
}

/// A view of a node at one instant.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Status {
    /// Our id.
    pub id: Key,
    /// Live contacts over all tables.
    pub contacts: usize,
    /// Records held, peers included.
    pub records: usize,
    /// Bytes of values held.
    pub record_bytes: usize,
    /// Operations under way.
    pub operations: usize,
    /// Queries not yet answered.
    pub outstanding: usize,
    /// Nodes in the network, estimated from the density of contacts; none while we know nobody.
    pub network_size: Option<f64>,
    /// What came and went.
    pub traffic: TrafficCounters,
    /// How our own queries ended: issued, answered, expired, under another id, from another address,
    /// unsolicited.
    pub queries: [u64; 6],
    /// The buckets that hold anybody.
    pub buckets: Vec<BucketStatus>,
}

impl Dht {
    /// Returns what came and went.
    #[must_use]
    pub const fn traffic(&self) -> TrafficCounters {
        self.traffic.count
    }

    /// Returns the live contacts that are good, those most worth keeping through a restart.
    #[must_use]
    pub fn contacts(&self) -> Vec<Contact> {
        self.tables.iter().flat_map(|table| table.nodes()).map(|node| node.contact()).collect()
    }

    /// Returns a view of everything.
    #[must_use]
    pub fn status(&self, now: Instant) -> Status {
        let rpc::Counters { issued, answered, expired, id_changed, wrong_address, unsolicited } =
            self.rpc.counters();
        let buckets = self.tables.iter().flat_map(|table| {
            table.buckets().map(|bucket| BucketStatus {
                family: table.family(),
                index: bucket.index,
                live: bucket
                    .live
                    .iter()
                    .map(|node| (node.contact(), node.standing(now) == Standing::Good))
                    .collect(),
                replacements: bucket.replacements.len(),
            })
        });
        Status {
            id: self.config.own_id,
            contacts: self.tables.iter().map(|table| table.len()).sum(),
            records: self.server.shelf.len(),
            record_bytes: self.server.shelf.bytes(),
            operations: self.operations.len(),
            outstanding: self.rpc.len(),
            network_size: self
                .tables
                .iter()
                .filter_map(crate::table::RoutingTable::size_estimate)
                .reduce(f64::max),
            traffic: self.traffic.count,
            queries: [issued, answered, expired, id_changed, wrong_address, unsolicited],
            buckets: buckets.collect(),
        }
    }
}
