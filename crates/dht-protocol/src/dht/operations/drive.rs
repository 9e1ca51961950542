//! Moving operations on: the next query, the next store, the end.

use core::net::SocketAddr;

use quintet_primitives::time::Instant;

use super::{Audience, Operation, OperationId, Purpose, StoreRound, Wish};
use crate::{
    codec::Codec,
    contact::{self, Contact},
    dht::{
        Clock, Dht, Effect, Event, Failure, LookupReport, Outcome, Packet, StepResult,
        config::VERSION_TAG,
    },
    key::Key,
    lookup::{Action, Responder},
    message::{Body, Message, NetworkId, Query, Request, StoreValue, ValueKind, Want},
    rpc::{IssueError, Timeouts},
};

/// Why a query was not sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::dht) enum Unsent {
    /// It may be sent at this instant.
    Paced(Instant),
    /// It will not be.
    Never,
}

impl Dht {
    /// Returns whether packets may go to `addr` at all.
    pub(in crate::dht) fn welcomes(&self, addr: SocketAddr) -> bool {
        self.tables.welcomes(&Contact::new(Key::default(), addr))
    }

    /// Registers and encodes a query.
    pub(in crate::dht) fn query(
        &mut self,
        to: SocketAddr,
        expected: Option<Key>,
        purpose: Purpose,
        request: Request,
        now: Instant,
    ) -> Result<(Packet, Timeouts), Unsent> {
        let issued = self.rpc.issue(to, expected, purpose, now, &mut self.rng);
        let issued = issued.map_err(|error| match error {
            IssueError::Paced { until, .. } => Unsent::Paced(until),
            IssueError::Full | IssueError::NoTransactionId => Unsent::Never,
        })?;
        let codec = self.codec_for(to, &request);
        let both = self.config.families.len() > 1;
        let message = Message {
            tid: issued.tid.clone(),
            network: self.config.network,
            version: Some(VERSION_TAG),
            read_only: self.config.read_only,
            observed: None,
            body: Body::Query(Query {
                sender: self.config.own_id,
                want: if both { Want::Both } else { Want::Unsaid },
                request,
            }),
        };
        let packet = self.encode(to, codec, &message);
        let packet = packet.or_else(|| self.encode_long(to, codec, &message));
        let Some(packet) = packet else {
            self.rpc.cancel(&issued.tid);
            return Err(Unsent::Never);
        };
        Ok((packet, issued.timeouts))
    }

    /// The native codec for those who speak it, and for what KRPC cannot say: raw values, and
    /// networks of their own.
    fn codec_for(&self, to: SocketAddr, request: &Request) -> Codec {
        let raw = matches!(
            request,
            Request::FindValue { kind: ValueKind::Raw, .. }
                | Request::Store { value: StoreValue::Raw { .. }, .. }
        );
        let own_network = self.config.network != NetworkId::BITTORRENT;
        if raw || own_network || self.native.contains(&to) { Codec::Native } else { Codec::Krpc }
    }

    /// Moves every operation on whose time has come.
    pub(in crate::dht) fn drive_all(&mut self, clock: Clock, out: &mut Vec<Effect>) {
        let due = |operation: &Operation| {
            operation.runs.iter().any(|run| run.lookup.is_some() && run.wake <= clock.now)
                || operation.store.iter().flat_map(|r| &r.waiting).any(|w| w.2 <= clock.now)
        };
        let due: Vec<OperationId> = self
            .operations
            .under_way
            .iter()
            .filter(|(_, operation)| due(operation))
            .map(|(id, _)| *id)
            .collect();
        for id in due {
            self.drive(id, clock, out);
        }
    }

    /// Moves one operation on as far as it goes.
    pub(super) fn drive(&mut self, id: OperationId, clock: Clock, out: &mut Vec<Effect>) {
        let Some(mut operation) = self.operations.under_way.remove(&id) else { return };
        self.drive_lookups(id, &mut operation, clock, out);
        if operation.runs.iter().any(|run| run.lookup.is_some()) {
            self.operations.under_way.insert(id, operation);
            return;
        }
        self.drive_stores(id, &mut operation, clock, out);
        let storing =
            operation.store.as_ref().is_some_and(|r| r.in_flight > 0 || !r.waiting.is_empty());
        if storing {
            self.operations.under_way.insert(id, operation);
        } else {
            self.finish(id, operation, clock, out);
        }
    }

    fn drive_lookups(
        &mut self,
        id: OperationId,
        operation: &mut Operation,
        clock: Clock,
        out: &mut Vec<Effect>,
    ) {
        let Operation { runs, report, target, store, wish, gathered, .. } = operation;
        for run in runs {
            let Some(lookup) = &mut run.lookup else { continue };
            let done = loop {
                match lookup.poll(clock.now) {
                    Action::Query(contact) => {
                        let purpose = Purpose::Step(id, contact);
                        let request = lookup.request();
                        let now = clock.now;
                        // The lookup asked for this contact, so it cannot refuse the answer.
                        let _ =
                            match self.query(contact.addr, Some(contact.id), purpose, request, now)
                            {
                                Ok((packet, timeouts)) => {
                                    out.push(Effect::Send(packet));
                                    out.push(step(id, contact, StepResult::Asked));
                                    lookup.on_sent(contact, timeouts, now)
                                }
                                Err(Unsent::Paced(until)) => lookup.on_paced(contact, until, now),
                                Err(Unsent::Never) => lookup.on_failure(contact),
                            };
                    }
                    Action::Wait(until) => {
                        run.wake = until;
                        break false;
                    }
                    Action::Done => break true,
                }
            };
            if done && let Some(lookup) = run.lookup.take() {
                let outcome = lookup.into_outcome();
                self.tables.on_lookup(run.family, *target, clock.now);
                report.queries += outcome.queries;
                report.failures += outcome.failures;
                report.hops = report.hops.max(outcome.hops.into());
                gathered.nodes.extend(outcome.closest.iter().map(|responder| responder.contact));
                note_closest(store, wish, &outcome.closest, clock.now);
            }
        }
    }

    fn drive_stores(
        &mut self,
        id: OperationId,
        operation: &mut Operation,
        clock: Clock,
        out: &mut Vec<Effect>,
    ) {
        let (Some(round), Some(value)) = (&mut operation.store, operation.wish.stored_value())
        else {
            return;
        };
        for (contact, token, at) in core::mem::take(&mut round.waiting) {
            if at > clock.now {
                round.waiting.push((contact, token, at));
                continue;
            }
            let request = Request::Store {
                key: operation.target,
                token: token.clone(),
                value: value.clone(),
            };
            let purpose = Purpose::Store(id, contact);
            match self.query(contact.addr, Some(contact.id), purpose, request, clock.now) {
                Ok((packet, _)) => {
                    round.in_flight += 1;
                    out.push(Effect::Send(packet));
                }
                Err(Unsent::Paced(until)) => round.waiting.push((contact, token, until)),
                Err(Unsent::Never) => round.silent += 1,
            }
        }
    }

    /// Ends an operation with what it found.
    pub(super) fn finish(
        &mut self,
        id: OperationId,
        operation: Operation,
        clock: Clock,
        out: &mut Vec<Effect>,
    ) {
        let Operation { wish, target, audience, started, gathered, store, report, .. } = operation;
        let elapsed_us = u64::try_from((clock.now - started).as_micros()).unwrap_or(u64::MAX);
        let report = LookupReport { elapsed_us, ..report };
        let closest = store
            .as_ref()
            .map_or(0, |round| round.acknowledged + round.silent + round.refused.len());
        let (found, outcome) = match wish {
            Wish::Ping { .. } => return,
            Wish::FindNode { .. } => {
                let mut nodes = gathered.nodes;
                nodes.sort_by_key(|contact| contact.id.distance(target));
                nodes.truncate(self.config.bucket_size);
                (!nodes.is_empty(), Outcome::Nodes(nodes, report))
            }
            Wish::GetImmutable { .. } | Wish::GetMutable { .. } => {
                (gathered.item.is_some(), Outcome::Item(gathered.item, report))
            }
            Wish::GetRaw { .. } => (gathered.raw.is_some(), Outcome::Raw(gathered.raw, report)),
            Wish::GetPeers { .. } => {
                let peers: Vec<_> = gathered.peers.into_iter().collect();
                (!peers.is_empty(), Outcome::Peers(peers, report))
            }
            Wish::PutItem { .. } | Wish::PutRaw { .. } | Wish::Announce { .. } => {
                let StoreRound { acknowledged, refused, silent, .. } = store.unwrap_or_default();
                let outcome =
                    Outcome::Stored { key: target, acknowledged, refused, silent, report };
                (closest > 0, outcome)
            }
        };
        out.push(Effect::Event(Event::LookupFinished { operation: id, found, report }));
        match audience {
            Audience::Driver => out.push(Effect::Finished(id, outcome)),
            Audience::Upkeep => self.on_refreshed(target),
        }
    }

    /// Ends an operation for which nobody could be asked: with what is on the own shelf, or in vain.
    pub(super) fn finish_without_contacts(
        &mut self,
        id: OperationId,
        operation: Operation,
        clock: Clock,
        out: &mut Vec<Effect>,
    ) {
        if operation.gathered.item.is_some() || !operation.gathered.peers.is_empty() {
            self.finish(id, operation, clock, out);
            return;
        }
        let report = LookupReport::default();
        out.push(Effect::Event(Event::LookupFinished { operation: id, found: false, report }));
        if operation.audience == Audience::Driver {
            out.push(Effect::Finished(id, Outcome::Failed(Failure::NoContacts)));
        }
    }
}

pub(super) const fn step(operation: OperationId, contact: Contact, result: StepResult) -> Effect {
    Effect::Event(Event::LookupStepped { operation, contact, result })
}

/// Lines up the stores for the closest nodes that gave a token.
fn note_closest(store: &mut Option<StoreRound>, wish: &Wish, closest: &[Responder], now: Instant) {
    if wish.stored_value().is_none() {
        return;
    }
    let round = store.get_or_insert_default();
    for responder in closest {
        if let Some(token) = &responder.token
            && contact::is_usable(&responder.contact.addr)
        {
            round.waiting.push((responder.contact, token.clone(), now));
        }
    }
}
