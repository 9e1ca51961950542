//! What a node does unasked: join, see whether its contacts live, keep its table fresh, forget what
//! has expired, and find out its own address.
//!
//! Everything here happens on a tick of [`TICK`] and in small portions, so that a node with a large
//! table or after a long sleep sends no burst.

use core::{net::SocketAddr, time::Duration};

use quintet_primitives::time::Instant;

use super::{Clock, Dht, Effect, Event, operations::Purpose};
use crate::{
    contact::{self, Contact, Family},
    key::Key,
    message::{Request, Response},
    record::shelf::EXPIRED_PER_CALL_MAX,
    secure_id,
    table::{Insert, Named},
    vote::AddressVotes,
};

/// Time between two rounds of upkeep.
const TICK: Duration = Duration::from_secs(1);

/// Pings to contacts in one round.
const PINGS_PER_TICK: usize = 8;

/// Lookups for the table's sake at once.
const REFRESHES_MAX: usize = 2;

/// Bootstrap addresses asked in one attempt to join.
const INTRODUCTIONS_MAX: usize = 16;

/// Time to the second attempt to join; doubles with every further one.
const JOIN_AGAIN: Duration = Duration::from_secs(1);

/// Longest time between two attempts to join.
const JOIN_AGAIN_MAX: Duration = Duration::from_secs(60);

/// How far a node has come in joining the network: the paper's section 2.3, last paragraph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Progress {
    /// Nobody has answered yet, or everybody has gone.
    Outside,
    /// Looking up its own id, which makes it known to its neighbours.
    MeetingNeighbours,
    /// All other ranges have been refreshed, or are about to be.
    Joined,
}

/// The state of upkeep.
#[derive(Debug)]
pub(super) struct Upkeep {
    tick_at: Instant,
    join_at: Instant,
    join_after: Duration,
    progress: Progress,
    votes_v4: AddressVotes,
    votes_v6: AddressVotes,
    elected_v4: Option<SocketAddr>,
    elected_v6: Option<SocketAddr>,
    /// BEP 42 changes the id once; an address that changes back and forth must not do so to the id.
    id_settled: bool,
}

impl Upkeep {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            tick_at: now,
            join_at: now,
            join_after: JOIN_AGAIN,
            progress: Progress::Outside,
            votes_v4: AddressVotes::new(),
            votes_v6: AddressVotes::new(),
            elected_v4: None,
            elected_v6: None,
            id_settled: false,
        }
    }

    pub(super) const fn next_wake(&self) -> Instant {
        self.tick_at
    }

    pub(super) const fn try_joining_soon(&mut self) {
        self.join_at = self.tick_at;
        self.join_after = JOIN_AGAIN;
    }

    /// Returns the address others see us at, if enough of them agree.
    pub(super) const fn elected(&self, family: Family) -> Option<SocketAddr> {
        match family {
            Family::V4 => self.elected_v4,
            Family::V6 => self.elected_v6,
        }
    }

    const fn ballot(&mut self, family: Family) -> (&mut AddressVotes, &mut Option<SocketAddr>) {
        match family {
            Family::V4 => (&mut self.votes_v4, &mut self.elected_v4),
            Family::V6 => (&mut self.votes_v6, &mut self.elected_v6),
        }
    }
}

impl Dht {
    /// Does what is due. Call no later than [`Self::next_wake`] says, and after any other call.
    pub fn poll(&mut self, clock: Clock, out: &mut Vec<Effect>) {
        self.expire_queries(clock, out);
        self.drive_all(clock, out);
        if self.upkeep.tick_at > clock.now {
            return;
        }
        self.upkeep.tick_at = clock.now.saturating_add(TICK);
        self.expire_records(clock, out);
        if self.tables.is_empty() {
            self.join(clock, out);
            self.ping_contacts(clock, out);
            return;
        }
        if self.upkeep.progress == Progress::Outside {
            self.upkeep.progress = Progress::MeetingNeighbours;
            self.refresh(self.own(), clock, out);
        }
        self.ping_contacts(clock, out);
        while self.operations.upkeep() < REFRESHES_MAX
            && let Some(range) = self.tables.refresh_due(clock.now, &mut self.rng)
        {
            self.refresh(range.target, clock, out);
        }
    }

    /// Takes contacts that were known before a restart, or that somebody recommends: each is pinged
    /// before it counts. A driver with many hands them over in portions, so that they cause no burst.
    pub fn suggest(
        &mut self,
        contacts: impl IntoIterator<Item = Contact>,
        clock: Clock,
        out: &mut Vec<Effect>,
    ) {
        for contact in contacts {
            if let Some(Named::Verify(contact)) = self.tables.on_named(contact, clock.now) {
                self.verify(contact, clock, out);
            }
        }
    }

    /// Returns when [`Self::poll`] is due.
    #[must_use]
    pub fn next_wake(&self) -> Instant {
        let others = [self.rpc.next_deadline(), self.operations.next_wake()];
        others.into_iter().flatten().fold(self.upkeep.next_wake(), Instant::min)
    }

    /// A lookup for the table's sake has ended. The first one, of our own id, has shown us our
    /// neighbours; the ranges farther away are still unknown and are refreshed next.
    pub(super) fn on_refreshed(&mut self, target: Key) {
        if target == self.own() && self.upkeep.progress == Progress::MeetingNeighbours {
            self.upkeep.progress = Progress::Joined;
            self.tables.mark_stale();
            self.upkeep.tick_at = Instant::ZERO;
        }
    }

    fn expire_records(&mut self, clock: Clock, out: &mut Vec<Effect>) {
        let changes = self.server.shelf.expire(clock.wall);
        debug_assert!(changes.len() <= EXPIRED_PER_CALL_MAX);
        if !changes.is_empty() {
            out.push(Effect::Commit { changes, reply: None, refusal: None });
        }
    }

    /// Asks the bootstrap addresses for nodes near us, ever more rarely while nobody answers.
    fn join(&mut self, clock: Clock, out: &mut Vec<Effect>) {
        if self.upkeep.join_at > clock.now {
            return;
        }
        self.upkeep.join_at = clock.now.saturating_add(self.upkeep.join_after);
        self.upkeep.join_after = (self.upkeep.join_after * 2).min(JOIN_AGAIN_MAX);
        self.upkeep.progress = Progress::Outside;
        let addrs: Vec<SocketAddr> =
            self.config.bootstrap.iter().copied().take(INTRODUCTIONS_MAX).collect();
        for addr in addrs.into_iter().filter(contact::is_usable) {
            let request = Request::FindNode { target: self.own() };
            if let Ok((packet, _)) = self.query(addr, None, Purpose::Introduce, request, clock.now)
            {
                out.push(Effect::Send(packet));
            }
        }
    }

    /// A bootstrap node answered: it is in the table by now, and whom it named gets a ping.
    pub(super) fn on_introduction(
        &mut self,
        response: &Response,
        clock: Clock,
        out: &mut Vec<Effect>,
    ) {
        self.upkeep.join_after = JOIN_AGAIN;
        // The lookup of our own id begins at the next poll, not at the next tick.
        self.upkeep.tick_at = clock.now;
        let named = response.nodes.iter().chain(&response.nodes6).flatten();
        for contact in named.copied().take(self.config.bucket_size * 2) {
            if let Some(Named::Verify(contact)) = self.tables.on_named(contact, clock.now) {
                self.verify(contact, clock, out);
            }
        }
    }

    /// A contact asked us: ping it, if the table has room for it.
    pub(super) fn on_asked_by(
        &mut self,
        contact: Contact,
        read_only: bool,
        clock: Clock,
        out: &mut Vec<Effect>,
    ) {
        self.rpc.on_query(contact.addr, clock.now);
        if let Some(Named::Verify(contact)) = self.tables.on_query(contact, read_only, clock.now) {
            self.verify(contact, clock, out);
        }
    }

    fn verify(&mut self, contact: Contact, clock: Clock, out: &mut Vec<Effect>) {
        let purpose = Purpose::Verify(contact);
        let query = self.query(contact.addr, Some(contact.id), purpose, Request::Ping, clock.now);
        if let Ok((packet, _)) = query {
            out.push(Effect::Send(packet));
        }
    }

    fn ping_contacts(&mut self, clock: Clock, out: &mut Vec<Effect>) {
        for _ in 0..PINGS_PER_TICK {
            let Some(contact) = self.tables.ping_due(clock.now) else { break };
            self.verify(contact, clock, out);
        }
    }

    /// Somebody answered: the only way into the table.
    pub(super) fn on_contact_answered(
        &mut self,
        contact: Contact,
        clock: Clock,
        out: &mut Vec<Effect>,
    ) {
        match self.tables.on_response(contact, clock.now) {
            Some(Insert::Added) => out.push(Effect::Event(Event::ContactAdded(contact))),
            Some(Insert::Replaced { removed }) => {
                out.push(Effect::Event(Event::ContactRemoved(removed)));
                out.push(Effect::Event(Event::ContactAdded(contact)));
            }
            Some(Insert::Full { ping: Some(oldest) }) => self.verify(oldest, clock, out),
            Some(Insert::Full { ping: None } | Insert::Refreshed | Insert::Refused(_)) | None => {}
        }
    }

    /// A responder told us our address.
    pub(super) fn on_observed(
        &mut self,
        voter: SocketAddr,
        observed: SocketAddr,
        clock: Clock,
        out: &mut Vec<Effect>,
    ) {
        let family = Family::of(&voter);
        if Family::of(&observed) != family || !contact::is_usable(&observed) {
            return;
        }
        let (votes, elected) = self.upkeep.ballot(family);
        votes.cast(voter.ip(), observed, clock.now);
        let Some(addr) = votes.elected(clock.now) else { return };
        if *elected == Some(addr) {
            return;
        }
        *elected = Some(addr);
        out.push(Effect::Event(Event::AddressElected { addr, family }));
        self.secure_own_id(addr, out);
    }

    /// Takes an id that fits the elected address, once (BEP 42).
    fn secure_own_id(&mut self, addr: SocketAddr, out: &mut Vec<Effect>) {
        let from = self.own();
        if !self.config.secure_id || core::mem::replace(&mut self.upkeep.id_settled, true) {
            return;
        }
        if secure_id::is_valid(from, addr.ip()) {
            return;
        }
        let to = secure_id::generate_any(addr.ip(), &mut self.rng);
        self.config.own_id = to;
        self.tables.set_owner(to);
        self.server.shelf.set_own(to);
        self.upkeep.progress = Progress::Outside;
        out.push(Effect::Event(Event::IdChanged { from, to }));
    }
}
