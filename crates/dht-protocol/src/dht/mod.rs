//! One node's whole behaviour as a state machine: packets, time and wishes in, effects out.
//!
//! ```text
//!   on_packet(clock, from, bytes) ─┐                      ┌─► Send(packet)
//!   start(clock, request) ─────────┼─► Dht ─► effects ────┼─► Commit { changes, reply }
//!   poll(clock) ───────────────────┘    │                 ├─► Finished(operation, outcome)
//!                                       └─ next_wake()    └─► Event(fact)
//! ```
//!
//! - `server`: what others ask.
//! - `operations`: what we ask, on somebody's wish or our own: lookups, stores, pings.
//! - `upkeep`: joining, pings, refreshes, expiry, the address vote.
//!
//! The driver owns the sockets and the disk. It calls [`Dht::poll`] no later than
//! [`Dht::next_wake`] says, carries out the effects in order, and sends the reply of a commit only
//! after the changes are durable: an acknowledged record is never lost.
//!
//! # Invariants
//!
//! - Everything is bounded: operations by [`OPERATIONS_MAX`], queries by [`crate::rpc`], contacts by
//!   [`crate::table`], records by [`crate::record::shelf`].
//! - A contact enters the table only after it answered us.
//! - A packet of another network, by the native codec's network id, changes nothing.

mod config;
mod event;
mod operations;
mod server;
mod stats;
mod tables;
#[cfg(test)]
mod tests;
mod upkeep;

use core::net::SocketAddr;

use quintet_primitives::time::{Instant, UnixTime};
use rand::{SeedableRng, rngs::StdRng};

pub use self::{
    config::{Config, VERSION_TAG},
    event::{Effect, Event, Failure, LookupReport, OperationId, Outcome, Packet, StepResult},
    operations::{OPERATIONS_MAX, Wish},
    stats::{BucketStatus, Status, TrafficCounters},
};
use self::{
    operations::{Operations, Purpose},
    server::{Answer, Server},
    stats::Traffic,
    tables::Tables,
    upkeep::Upkeep,
};
use crate::{
    codec::{self, Codec, DecodeError},
    contact::Contact,
    key::Key,
    message::{Body, Message, Query, Response, TransactionId},
    record::{Change, Record, RecordKey},
    rpc::{self, Rpc},
};

/// Addresses remembered as speakers of the native codec.
const NATIVE_SPEAKERS_MAX: usize = 1_024;

/// Largest packet read, in bytes. No codec writes more than about 1,500.
pub const PACKET_MAX: usize = 4_096;

/// What time it is, on both clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    /// For deadlines, rates and round trips.
    pub now: Instant,
    /// For expiries, which outlive the process.
    pub wall: UnixTime,
}

/// A node without its sockets and its disk.
#[derive(Debug)]
pub struct Dht {
    config: Config,
    rng: StdRng,
    tables: Tables,
    rpc: Rpc<Purpose>,
    server: Server,
    operations: Operations,
    upkeep: Upkeep,
    /// Addresses that speak the native codec, oldest first.
    native: std::collections::VecDeque<SocketAddr>,
    traffic: Traffic,
}

impl Dht {
    /// Makes a node that knows nobody. `seed` feeds every random choice: the driver takes it from the
    /// operating system, a simulation from its scenario.
    #[must_use]
    pub fn new(config: Config, clock: Clock, seed: [u8; 32]) -> Self {
        let mut rng = StdRng::from_seed(seed);
        Self {
            tables: Tables::new(&config),
            rpc: Rpc::new(rpc::Config::default()),
            server: Server::new(config.own_id, config.limits, clock.now, &mut rng),
            operations: Operations::default(),
            upkeep: Upkeep::new(clock.now),
            native: std::collections::VecDeque::new(),
            traffic: Traffic::default(),
            config,
            rng,
        }
    }

    /// Takes back the records that were on disk.
    pub fn restore_record(&mut self, key: RecordKey, record: Record, clock: Clock) {
        self.server.shelf.restore(key, record, clock.wall, &mut self.rng);
    }

    /// Returns the node's id.
    #[must_use]
    pub const fn id(&self) -> Key {
        self.config.own_id
    }

    /// Returns the choices the node runs with.
    #[must_use]
    pub const fn config(&self) -> &Config {
        &self.config
    }

    /// Replaces the addresses asked when the table is empty.
    pub fn set_bootstrap(&mut self, bootstrap: Vec<SocketAddr>) {
        self.config.bootstrap = bootstrap;
        self.upkeep.try_joining_soon();
    }

    /// Takes in a packet of at most [`PACKET_MAX`] bytes that came from `from`.
    pub fn on_packet(
        &mut self,
        clock: Clock,
        from: SocketAddr,
        bytes: &[u8],
        out: &mut Vec<Effect>,
    ) {
        self.traffic.received(bytes.len());
        match codec::decode(bytes) {
            Err(error) => self.on_malformed(from, &error, out),
            Ok((Codec::Json, _)) if !self.config.json => self.traffic.count.foreign += 1,
            Ok((codec, message)) => {
                if message.network != self.config.network {
                    self.traffic.count.foreign += 1;
                    return;
                }
                self.on_message(clock, from, codec, message, out);
            }
        }
    }

    fn on_message(
        &mut self,
        clock: Clock,
        from: SocketAddr,
        codec: Codec,
        message: Message,
        out: &mut Vec<Effect>,
    ) {
        let ours = message.version.is_some_and(|tag| tag[..2] == VERSION_TAG[..2]);
        let Message { tid, read_only, observed, body, .. } = message;
        match body {
            Body::Query(query) => {
                let contact = Contact::new(query.sender, from);
                self.on_query(clock, from, (codec, tid), query, out);
                self.on_asked_by(contact, read_only, clock, out);
            }
            Body::Response(response) => {
                if self.on_answer(clock, from, &tid, Ok(response), out) {
                    self.remember_codec(from, ours || codec == Codec::Native);
                    if let Some(observed) = observed {
                        self.on_observed(from, observed, clock, out);
                    }
                }
            }
            Body::Error(error) => {
                self.on_answer(clock, from, &tid, Err(error), out);
            }
        }
    }

    fn on_malformed(&mut self, from: SocketAddr, error: &DecodeError, out: &mut Vec<Effect>) {
        self.traffic.count.malformed += 1;
        if self.config.read_only || error.network != self.config.network {
            return;
        }
        if let Some((codec, mut reply)) = error.reply()
            && (codec != Codec::Json || self.config.json)
        {
            reply.version = Some(VERSION_TAG);
            reply.observed = Some(from);
            if let Some(packet) = self.encode(from, codec, &reply) {
                out.push(Effect::Send(packet));
            }
        }
    }

    /// Answers a query in the codec it came in.
    fn on_query(
        &mut self,
        clock: Clock,
        from: SocketAddr,
        (codec, tid): (Codec, TransactionId),
        query: Query,
        out: &mut Vec<Effect>,
    ) {
        self.traffic.queried(&query.request);
        let Self { server, config, tables, rng, .. } = self;
        let answer = server.answer(query, from, clock, (config, tables), rng);
        match answer {
            Answer::Silence => {}
            Answer::Reply(response) => {
                let reply = self.reply(from, codec, tid, Body::Response(response));
                out.extend(reply.map(Effect::Send));
            }
            Answer::Refuse(error) => {
                self.traffic.count.refused += 1;
                let reply = self.reply(from, codec, tid, Body::Error(error));
                out.extend(reply.map(Effect::Send));
            }
            Answer::Stored(response, changes) => {
                self.traffic.count.stored += 1;
                let events: Vec<Effect> = changes.iter().filter_map(stored).collect();
                let reply = self.reply(from, codec, tid.clone(), Body::Response(response));
                let refusal = self.reply(from, codec, tid, Body::Error(server::disk_failure()));
                out.push(Effect::Commit { changes, reply, refusal });
                out.extend(events);
            }
        }
    }

    /// Encodes an answer, giving up contacts and peers, not the value, where it would be too long.
    fn reply(
        &mut self,
        to: SocketAddr,
        codec: Codec,
        tid: TransactionId,
        body: Body,
    ) -> Option<Packet> {
        let mut message = Message {
            tid,
            network: self.config.network,
            version: Some(VERSION_TAG),
            read_only: false,
            observed: Some(to),
            body,
        };
        if let Body::Response(response) = &mut message.body {
            response.sender = self.config.own_id;
        }
        loop {
            if let Some(packet) = self.encode(to, codec, &message) {
                return Some(packet);
            }
            let Body::Response(response) = &mut message.body else { return None };
            if !shorten(response) {
                return self.encode_long(to, codec, &message);
            }
        }
    }

    fn encode(&mut self, to: SocketAddr, codec: Codec, message: &Message) -> Option<Packet> {
        let mut bytes = Vec::with_capacity(512);
        match codec::encode(codec, message, &mut bytes) {
            Ok(()) => {
                self.traffic.sent(bytes.len());
                Some(Packet { to, bytes })
            }
            Err(_) => None,
        }
    }

    /// The largest items fit KRPC only, which every node of the public network reads.
    fn encode_long(&mut self, to: SocketAddr, codec: Codec, message: &Message) -> Option<Packet> {
        if codec == Codec::Native { self.encode(to, Codec::Krpc, message) } else { None }
    }

    fn remember_codec(&mut self, addr: SocketAddr, native: bool) {
        let known = self.native.iter().position(|known| *known == addr);
        match (known, native) {
            (None, true) => {
                if self.native.len() >= NATIVE_SPEAKERS_MAX {
                    self.native.pop_front();
                }
                self.native.push_back(addr);
            }
            (Some(at), false) => {
                self.native.remove(at);
            }
            (Some(_), true) | (None, false) => {}
        }
    }
}

fn stored(change: &Change) -> Option<Effect> {
    match change {
        Change::Put(key, _) => {
            Some(Effect::Event(Event::RecordStored { key: key.key(), kind: key.kind() }))
        }
        Change::Remove(_) => None,
    }
}

/// Drops what an asker misses least; returns whether there was anything left to drop.
fn shorten(response: &mut Response) -> bool {
    let peers = response.peers.len();
    if peers > 8 {
        response.peers.truncate(peers / 2);
        return true;
    }
    for nodes in [&mut response.nodes6, &mut response.nodes].into_iter().flatten() {
        if !nodes.is_empty() {
            nodes.truncate(nodes.len() / 2);
            return true;
        }
    }
    false
}
