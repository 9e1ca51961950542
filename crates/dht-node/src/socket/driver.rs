//! The state of the socket actor, and what it does in one turn.

use std::{
    collections::{HashMap, VecDeque},
    io,
    sync::Arc,
    time::Duration,
};

use quintet_actor::{
    bus::EventBus,
    inbox::{Inbox, Reply},
};
use quintet_dht_protocol::{
    contact::{Contact, Family},
    dht::{Clock, Dht, Effect, Event, OperationId, Outcome, PACKET_MAX, Packet, Wish},
    record::Change,
};
use quintet_primitives::time::Instant;
use thiserror::Error;

use super::{
    MESSAGES_PER_TURN, Message, PACKETS_PER_TURN,
    gate::Gate,
    outgoing::Outgoing,
    owed::Owed,
    status::{Drops, Meters, NodeStatus},
    udp::Sockets,
};
use crate::{
    clock::RuntimeClock,
    config::LimitsConfig,
    event::DhtEvent,
    persistence::Identity,
    writer::{RecordWrite, Row, WriterClient},
};

/// Time between two rounds of housekeeping.
const TICK: Duration = Duration::from_secs(1);

/// Time between two snapshots of the contacts.
const CONTACTS_EVERY: Duration = Duration::from_secs(5 * 60);

/// Recommended contacts pinged in one round: a restart is no reason for a burst.
const SUGGESTED_PER_TICK: usize = 16;

/// Recommended contacts that may wait for their ping.
const SUGGESTED_MAX: usize = 2_048;

/// Errors in a row, without a packet between them, after which a socket is beyond use.
const RECEIVE_ERRORS_MAX: u32 = 1_024;

/// A socket is beyond use.
#[derive(Debug, Error)]
#[error("UDP cannot be read, {RECEIVE_ERRORS_MAX} attempts in a row: {source}")]
pub(super) struct ReceiveError {
    source: io::Error,
}

/// What the driver is made of.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) node: Arc<str>,
    pub(crate) dht: Dht,
    pub(crate) clock: RuntimeClock,
    pub(crate) sockets: Arc<Sockets>,
    pub(crate) limits: LimitsConfig,
    /// 16 random bytes that nobody else knows.
    pub(crate) limiter_key: [u8; 16],
    pub(crate) writer: WriterClient,
    pub(crate) events: EventBus<DhtEvent>,
    /// Contacts known before the restart.
    pub(crate) known: Vec<Contact>,
    /// The id is new and not yet on disk.
    pub(crate) is_new: bool,
}

#[derive(Debug)]
pub(crate) struct Driver {
    node: Arc<str>,
    dht: Dht,
    pub(super) clock: RuntimeClock,
    pub(super) sockets: Arc<Sockets>,
    gate: Gate,
    limiter_key: [u8; 16],
    pub(super) outgoing: Outgoing,
    writer: WriterClient,
    owed: Owed,
    events: EventBus<DhtEvent>,
    /// Bounded by the operations the protocol allows at once.
    waiting: HashMap<OperationId, Reply<Outcome>>,
    /// Empty between turns; kept for its memory.
    effects: Vec<Effect>,
    suggested: VecDeque<Contact>,
    identity: Identity,
    /// The identity has changed since it was written.
    identity_is_owed: bool,
    tick_at: Instant,
    contacts_at: Instant,
    drops: Drops,
    receive_errors: u32,
    meters: Meters,
}

impl Driver {
    pub(crate) fn new(parts: Parts) -> Self {
        let Parts { node, dht, clock, sockets, limits, limiter_key, writer, events, known, is_new } =
            parts;
        let now = clock.now();
        Self {
            gate: Gate::new(&limits, dht.config().allow_local, limiter_key, now),
            identity: Identity { id: dht.id(), v4: None, v6: None },
            meters: Meters::new(&node),
            outgoing: Outgoing::default(),
            owed: Owed::default(),
            waiting: HashMap::new(),
            effects: Vec::new(),
            suggested: known.into(),
            identity_is_owed: is_new,
            tick_at: now,
            contacts_at: now.saturating_add(CONTACTS_EVERY),
            drops: Drops::default(),
            receive_errors: 0,
            node,
            dht,
            clock,
            sockets,
            limiter_key,
            writer,
            events,
        }
    }

    /// Returns when the next turn is due though nothing has come in.
    pub(super) fn next_wake(&self) -> Instant {
        self.dht.next_wake().min(self.tick_at)
    }

    /// Does a bounded portion of everything. Returns whether there is likely to be more to read.
    pub(super) fn turn(
        &mut self,
        first: Option<Message>,
        inbox: &mut Inbox<Message>,
        buffer: &mut [u8],
    ) -> Result<bool, ReceiveError> {
        let clock = self.clock.read();
        let mut message = first;
        for _ in 0..MESSAGES_PER_TURN {
            let Some(next) = message.take().or_else(|| inbox.try_recv()) else { break };
            self.on_message(next, clock);
        }
        self.outgoing.flush(&self.sockets, &mut self.drops);
        let more = self.receive(clock, buffer)?;
        if self.tick_at <= clock.now {
            self.tick(clock);
        }
        self.dht.poll(clock, &mut self.effects);
        self.carry_out();
        Ok(more)
    }

    fn on_message(&mut self, message: Message, clock: Clock) {
        match message {
            Message::Start { wish, reply } => self.start(wish, reply, clock),
            Message::Status(reply) => reply.send(Box::new(self.status(clock.now))),
            Message::Suggest(contacts) => {
                let room = SUGGESTED_MAX.saturating_sub(self.suggested.len());
                self.suggested.extend(contacts.into_iter().take(room));
            }
            Message::SetBootstrap(addrs) => self.dht.set_bootstrap(addrs),
            Message::SetLimits(limits) => {
                let allow_local = self.dht.config().allow_local;
                self.gate = Gate::new(&limits, allow_local, self.limiter_key, clock.now);
            }
        }
    }

    fn start(&mut self, wish: Wish, reply: Reply<Outcome>, clock: Clock) {
        if reply.is_wanted() {
            let operation = self.dht.start(clock, wish, &mut self.effects);
            // Even an outcome that is among the effects already is found under its id.
            self.waiting.insert(operation, reply);
        }
    }

    fn status(&self, now: Instant) -> NodeStatus {
        NodeStatus {
            dht: self.dht.status(now),
            addrs: self.sockets.local_addrs(),
            seen_at: self.identity.v4.into_iter().chain(self.identity.v6).collect(),
            drops: self.drops,
            uptime_secs: now.since_start().as_secs(),
        }
    }

    /// Reads a portion from each socket. Returns whether one of them is likely to have more soon: where
    /// packets have just come, looking again is cheaper than going to sleep and being woken.
    fn receive(&mut self, clock: Clock, buffer: &mut [u8]) -> Result<bool, ReceiveError> {
        let mut more = false;
        for index in 0..self.sockets.len() {
            more |= self.receive_from(index, clock, buffer)?;
        }
        Ok(more)
    }

    fn receive_from(
        &mut self,
        index: usize,
        clock: Clock,
        buffer: &mut [u8],
    ) -> Result<bool, ReceiveError> {
        for read in 0..PACKETS_PER_TURN {
            match self.sockets.try_recv(index, buffer) {
                Ok((len, from)) => {
                    self.receive_errors = 0;
                    if len > PACKET_MAX {
                        self.drops.oversized += 1;
                    } else if !self.gate.admits(from.ip(), len, clock.now) {
                        self.drops.limited += 1;
                    } else if let Some(packet) = buffer.get(..len) {
                        self.dht.on_packet(clock, from, packet, &mut self.effects);
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(read > 0),
                Err(source) => {
                    self.drops.receive_errors += 1;
                    self.receive_errors += u32::from(!is_about_a_peer(&source));
                    if self.receive_errors >= RECEIVE_ERRORS_MAX {
                        return Err(ReceiveError { source });
                    }
                }
            }
        }
        Ok(true)
    }

    fn carry_out(&mut self) {
        let mut effects = core::mem::take(&mut self.effects);
        for effect in effects.drain(..) {
            match effect {
                Effect::Send(packet) => self.send(packet),
                Effect::Commit { changes, reply, refusal } => {
                    self.commit(changes, reply, refusal);
                }
                Effect::Finished(operation, outcome) => {
                    self.meters.operation_finished();
                    if let Some(reply) = self.waiting.remove(&operation) {
                        reply.send(outcome);
                    }
                }
                Effect::Event(event) => self.on_event(event),
            }
        }
        self.effects = effects;
    }

    fn send(&mut self, packet: Packet) {
        self.outgoing.send(packet, &self.sockets, &mut self.drops);
    }

    /// Hands changes to the writer, which answers for them; without room there they are refused.
    fn commit(&mut self, changes: Vec<Change>, reply: Option<Packet>, refusal: Option<Packet>) {
        let write = RecordWrite { changes: self.owed.settle(changes), reply, refusal };
        if let Err(write) = self.writer.try_write(write) {
            self.drops.changes_forgotten += self.owed.keep(&write.changes);
            if let Some(refusal) = write.refusal.clone() {
                self.drops.writer_full += 1;
                self.send(refusal);
            }
        }
    }

    fn on_event(&mut self, event: Event) {
        match &event {
            Event::IdChanged { to, .. } => {
                self.identity.id = *to;
                self.identity_is_owed = true;
            }
            Event::AddressElected { addr, family } => {
                match family {
                    Family::V4 => self.identity.v4 = Some(*addr),
                    Family::V6 => self.identity.v6 = Some(*addr),
                }
                self.identity_is_owed = true;
            }
            Event::ContactAdded(_)
            | Event::ContactRemoved(_)
            | Event::LookupStarted { .. }
            | Event::LookupStepped { .. }
            | Event::LookupFinished { .. }
            | Event::RecordStored { .. } => {}
        }
        if self.events.subscribers() > 0 {
            self.events.publish(DhtEvent { node: Arc::clone(&self.node), event });
        }
    }

    /// Housekeeping: recommended contacts, what the disk should see, metrics.
    fn tick(&mut self, clock: Clock) {
        self.tick_at = clock.now.saturating_add(TICK);
        let portion = self.suggested.len().min(SUGGESTED_PER_TICK);
        self.dht.suggest(self.suggested.drain(..portion), clock, &mut self.effects);
        if self.identity_is_owed {
            self.identity_is_owed = !self.writer.try_put(vec![Row::Identity(self.identity)]);
        }
        if self.contacts_at <= clock.now {
            self.contacts_at = clock.now.saturating_add(CONTACTS_EVERY);
            if let Some(row) = self.contacts() {
                self.writer.try_put(vec![row]);
            }
        }
        if !self.owed.is_empty() {
            self.commit(Vec::new(), None, None);
        }
        self.meters.publish(&self.dht.status(clock.now), &self.drops);
    }

    /// Returns the contacts to keep. A node that is cut off keeps those it had.
    fn contacts(&self) -> Option<Row> {
        let contacts = self.dht.contacts();
        (!contacts.is_empty()).then_some(Row::Contacts(contacts))
    }

    /// Hands to the writer what the next start should find.
    pub(super) async fn farewell(mut self) {
        let mut rows = vec![Row::Identity(self.identity)];
        rows.extend(self.contacts());
        let changes = self.owed.settle(Vec::new());
        // The writer ends after this actor. If it has ended by a fault, nothing can be kept.
        let write = RecordWrite { changes, reply: None, refusal: None };
        let _ = self.writer.write(write).await;
        if let Err(error) = self.writer.put(rows).await {
            tracing::warn!(%error, "contacts and id were not saved: the next start is a cold one");
        }
    }
}

/// Whether an error tells of a peer that is not there (ICMP), and not of our socket.
fn is_about_a_peer(error: &io::Error) -> bool {
    use io::ErrorKind as Kind;
    matches!(
        error.kind(),
        Kind::ConnectionRefused
            | Kind::ConnectionReset
            | Kind::HostUnreachable
            | Kind::NetworkUnreachable
            | Kind::Interrupted
    )
}
