//! Answers, refusals and silence, led back to what asked.

use core::net::SocketAddr;

use quintet_primitives::time::Instant;

use super::{OperationId, Purpose, StoreRound, drive::step};
use crate::{
    contact::{Contact, Family},
    dht::{Clock, Dht, Effect, Failure, Outcome, StepResult},
    key::Key,
    message::{Response, RpcError, TransactionId},
    rpc::{Answer, Outstanding},
};

impl Dht {
    /// Settles the query that this response or error answers. Returns whether it answers one.
    pub(in crate::dht) fn on_answer(
        &mut self,
        clock: Clock,
        from: SocketAddr,
        tid: &TransactionId,
        answer: Result<Response, RpcError>,
        out: &mut Vec<Effect>,
    ) -> bool {
        let sender = answer.as_ref().ok().map(|response| response.sender);
        match self.rpc.on_answer(tid, from, sender, clock.now) {
            Answer::Matched { query, rtt } => {
                match answer {
                    Ok(response) => {
                        let contact = Contact::new(response.sender, query.to);
                        self.on_contact_answered(contact, clock, out);
                        self.on_response(&query, contact, response, (clock, rtt), out);
                    }
                    Err(error) => self.on_refusal(query.caller, Some(error), clock, out),
                }
                true
            }
            Answer::IdChanged { query, .. } => {
                self.on_silence(&query, clock, out);
                false
            }
            Answer::WrongAddress { .. } | Answer::Unsolicited => false,
        }
    }

    /// Gives up on queries whose time is over.
    pub(in crate::dht) fn expire_queries(&mut self, clock: Clock, out: &mut Vec<Effect>) {
        let expired: Vec<Outstanding<Purpose>> = self.rpc.expire(clock.now).collect();
        for query in expired {
            self.on_silence(&query, clock, out);
        }
    }

    fn on_response(
        &mut self,
        query: &Outstanding<Purpose>,
        contact: Contact,
        response: Response,
        (clock, rtt): (Clock, core::time::Duration),
        out: &mut Vec<Effect>,
    ) {
        match query.caller {
            Purpose::Verify(_) => {}
            Purpose::Introduce => self.on_introduction(&response, clock, out),
            Purpose::Ping(id) => {
                self.operations.pings.remove(&id);
                let round_trip_us = u64::try_from(rtt.as_micros()).unwrap_or(u64::MAX);
                let pong = Outcome::Pong { id: contact.id, round_trip_us };
                out.push(Effect::Finished(id, pong));
            }
            Purpose::Step(id, asked) => self.on_step(id, asked, response, clock, out),
            Purpose::Store(id, _) => {
                self.with_round(id, clock, out, |round| round.acknowledged += 1);
            }
        }
    }

    fn on_step(
        &mut self,
        id: OperationId,
        contact: Contact,
        mut response: Response,
        clock: Clock,
        out: &mut Vec<Effect>,
    ) {
        let Some(operation) = self.operations.under_way.get_mut(&id) else { return };
        let found = operation.gathered.take(&operation.wish, operation.target, &mut response);
        let family = Family::of(&contact.addr);
        for run in &mut operation.runs {
            let Some(lookup) = &mut run.lookup else { continue };
            let named = match run.family {
                Family::V4 => response.nodes.as_deref(),
                Family::V6 => response.nodes6.as_deref(),
            };
            if run.family == family {
                let named = named.unwrap_or_default();
                // A late answer to a lookup that gave up on it is of no use any more.
                if lookup.on_response(contact, named, response.token.take()).is_ok() && found {
                    lookup.found(contact);
                }
                run.wake = clock.now;
            }
        }
        let result = if found { StepResult::Found } else { StepResult::Answered };
        out.push(step(id, contact, result));
        self.drive(id, clock, out);
    }

    /// A query was not answered, or by somebody else than the one asked.
    fn on_silence(&mut self, query: &Outstanding<Purpose>, clock: Clock, out: &mut Vec<Effect>) {
        if let Some(id) = query.expected {
            self.on_contact_failed(Contact::new(id, query.to), clock.now, out);
        }
        self.on_refusal(query.caller, None, clock, out);
    }

    /// A query was refused with an error, or with silence.
    fn on_refusal(
        &mut self,
        purpose: Purpose,
        error: Option<RpcError>,
        clock: Clock,
        out: &mut Vec<Effect>,
    ) {
        match purpose {
            Purpose::Verify(_) | Purpose::Introduce => {}
            Purpose::Ping(id) => {
                self.operations.pings.remove(&id);
                let failure =
                    error.map_or(Failure::Silent, |error| Failure::Refused { code: error.code });
                out.push(Effect::Finished(id, Outcome::Failed(failure)));
            }
            Purpose::Step(id, contact) => {
                if let Some(operation) = self.operations.under_way.get_mut(&id) {
                    let family = Family::of(&contact.addr);
                    for run in operation.runs.iter_mut().filter(|run| run.family == family) {
                        if let Some(lookup) = &mut run.lookup {
                            let _ = lookup.on_failure(contact);
                            run.wake = clock.now;
                        }
                    }
                    let refused = error.is_some();
                    let result = if refused { StepResult::Refused } else { StepResult::Silent };
                    out.push(step(id, contact, result));
                    self.drive(id, clock, out);
                }
            }
            Purpose::Store(id, contact) => self.with_round(id, clock, out, |round| match error {
                Some(RpcError { code, message }) => round.refused.push((contact, code, message)),
                None => round.silent += 1,
            }),
        }
    }

    /// Counts how one store of a round ended, and ends the operation with the last.
    fn with_round(
        &mut self,
        id: OperationId,
        clock: Clock,
        out: &mut Vec<Effect>,
        count: impl FnOnce(&mut StoreRound),
    ) {
        let round = self.operations.under_way.get_mut(&id).and_then(|op| op.store.as_mut());
        if let Some(round) = round {
            round.in_flight = round.in_flight.saturating_sub(1);
            count(round);
            self.drive(id, clock, out);
        }
    }

    /// Returns our own id.
    pub(in crate::dht) const fn own(&self) -> Key {
        self.config.own_id
    }

    /// A contact owed us an answer.
    fn on_contact_failed(&mut self, contact: Contact, now: Instant, out: &mut Vec<Effect>) {
        use crate::table::Failure as Missing;
        match self.tables.on_failure(contact, now) {
            Some(Missing::Removed { successor }) => {
                out.push(Effect::Event(crate::dht::Event::ContactRemoved(contact)));
                let added = successor.map(crate::dht::Event::ContactAdded);
                out.extend(added.map(Effect::Event));
            }
            Some(Missing::Unknown | Missing::Kept { .. }) | None => {}
        }
    }
}
