//! Iterative lookup: finds the `k` nodes closest to a key, or the values stored there.
//!
//! Spec: Maymounkov & Mazières, *Kademlia* (IPTPS 2002), section 2.3; BEP 5; BEP 44; Baumgart & Mies,
//! *S/Kademlia* (2007), section 4.2 (disjoint paths).
//!
//! Sans-IO. A driver moves bytes and time across this line:
//!
//! ```text
//!              poll(now) ────────────► Query(contact) | Wait(until) | Done
//!              on_sent(contact, …)      (how long to wait, from the driver's round-trip times)
//!   driver ──┤ on_paced(contact, until) (it must not be asked yet)
//!              on_response(contact, closer, token), found(contact)
//!              on_failure(contact)
//! ```
//!
//! Values are none of its business: the driver checks a value and calls [`Lookup::found`].
//!
//! A query has two timeouts. After the soft one the lookup goes on as if the node were dead, but still
//! takes its answer; after the hard one the node has failed. So one dead node costs a few hundred
//! milliseconds, and one slow node costs nothing.
//!
//! # Invariants
//!
//! - At most `alpha` queries are in flight, `alpha_final` once the closest node known has answered,
//!   not counting slow ones; with disjoint paths, at most that many rounded up to a multiple of them.
//! - A node is asked at most once; at most [`QUERIES_MAX`] queries are sent in all, and none later than
//!   [`LIFETIME_MAX`] after the first.
//! - At most [`CANDIDATES_MAX`] candidates are kept, however many a hostile node names; at most `k` are
//!   taken from one reply, and at most [`GROUP_CANDIDATES_MAX`] of one address block.
//! - It is done when the `k` closest nodes that are neither failed nor slow have answered, on every
//!   path, or when a value came and one is enough.
//!
//! # Deviations from the paper
//!
//! - Parallelism rises to `alpha_final` and not to `k` for the last phase, and as soon as the closest
//!   node known has answered instead of after a round without progress: there are no rounds here.
//! - A node is slow after a timeout learnt from earlier answers, not after a fixed one.
//! - Several values under one key may differ (peers, versions of a mutable item): those lookups do not
//!   stop at the first value, or the first liar would decide.

mod candidate;
mod frontier;
#[cfg(test)]
mod tests;

use core::{net::SocketAddr, time::Duration};

use quintet_primitives::time::Instant;

pub use self::candidate::{Candidate, Progress};
use self::frontier::Frontier;
use crate::{
    contact::{Contact, Family},
    key::Key,
    message::{CONTACTS_MAX, Request, Token, ValueKind},
    rpc::Timeouts,
    table::{K_MAX, K_MIN},
};

/// Candidates kept; the farthest are dropped first.
pub const CANDIDATES_MAX: usize = 256;

/// Queries sent by one lookup. An honest network of a million nodes needs about 20, 50 if half of its
/// nodes are dead.
pub const QUERIES_MAX: usize = 200;

/// Candidates of one /24 (IPv6: /48), local ranges aside.
pub const GROUP_CANDIDATES_MAX: usize = 3;

/// A lookup ends this long after its first query, whatever is still missing.
pub const LIFETIME_MAX: Duration = Duration::from_secs(60);

/// A candidate that must not be asked for longer than this counts as failed.
pub const POSTPONE_MAX: Duration = Duration::from_secs(2);

/// Smallest and largest number of queries in flight.
pub const ALPHA_RANGE: core::ops::RangeInclusive<usize> = 3..=10;

/// Most disjoint paths.
pub const PATHS_MAX: u8 = 4;

/// How a lookup searches. Values out of range are brought into it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// Nodes to find, [`K_MIN`]`..=`[`K_MAX`].
    pub k: usize,
    /// Queries in flight, within [`ALPHA_RANGE`].
    pub alpha: usize,
    /// Queries in flight once the closest node known has answered, `alpha` to [`K_MAX`].
    pub alpha_final: usize,
    /// Disjoint paths, 1 to [`PATHS_MAX`]. Each finds `k` nodes by its own; a liar misleads one.
    pub paths: u8,
    /// Stop at the first value if the goal allows it. Off for a lookup that a store follows, which
    /// needs the tokens of the `k` closest.
    pub early_exit: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self { k: 8, alpha: 4, alpha_final: 8, paths: 1, early_exit: true }
    }
}

impl Config {
    fn in_range(self) -> Self {
        let alpha = self.alpha.clamp(*ALPHA_RANGE.start(), *ALPHA_RANGE.end());
        Self {
            k: self.k.clamp(K_MIN, K_MAX),
            alpha,
            alpha_final: self.alpha_final.clamp(alpha, K_MAX),
            paths: self.paths.clamp(1, PATHS_MAX),
            early_exit: self.early_exit,
        }
    }
}

/// What is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// The closest nodes.
    Nodes,
    /// Peers of an info-hash, from all of the closest nodes.
    Peers {
        /// Ask for Bloom filters of the swarm as well (BEP 33).
        scrape: bool,
    },
    /// An immutable item: any valid copy will do.
    Immutable,
    /// A mutable item: the highest sequence number among the closest nodes.
    Mutable {
        /// Nodes whose item is not newer than this leave it out (BEP 44).
        newer_than: Option<i64>,
    },
    /// Unsigned bytes: the first copy, as in the paper.
    Raw,
}

impl Goal {
    const fn one_is_enough(self) -> bool {
        matches!(self, Self::Immutable | Self::Raw)
    }

    /// Returns the question to ask for `key`.
    #[must_use]
    pub const fn request(self, key: Key) -> Request {
        let (kind, newer_than, scrape) = match self {
            Self::Nodes => return Request::FindNode { target: key },
            Self::Peers { scrape } => (ValueKind::Peers, None, scrape),
            Self::Immutable => (ValueKind::Item, None, false),
            Self::Mutable { newer_than } => (ValueKind::Item, newer_than, false),
            Self::Raw => (ValueKind::Raw, None, false),
        };
        Request::FindValue { key, kind, newer_than, scrape }
    }
}

/// Who looks: not to be asked by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Searcher {
    /// The own id.
    pub id: Key,
    /// The address others see us at, if it is known.
    pub addr: Option<SocketAddr>,
}

/// What the driver must do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Action {
    /// Send [`Lookup::request`] to this contact and call [`Lookup::on_sent`]; or call
    /// [`Lookup::on_paced`] or [`Lookup::on_failure`] if it can not be sent. Then poll again.
    Query(Contact),
    /// Nothing to send: poll again at this instant, or after the next event.
    Wait(Instant),
    /// The lookup is over; take the result with [`Lookup::into_outcome`].
    Done,
}

/// The contact owes this lookup no answer: it was never asked, has answered, or has failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{contact:?} owes this lookup no answer, drop what it sent")]
pub struct UnsolicitedError {
    /// The contact.
    pub contact: Contact,
}

/// A node that answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Responder {
    /// The node.
    pub contact: Contact,
    /// Its permit to store, if it gave one.
    pub token: Option<Token>,
    /// How many queries led to it, 1 for a node known beforehand.
    pub hop: u8,
    /// Whether it had a valid value.
    pub had_value: bool,
}

/// The result of a lookup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// What was looked up.
    pub target: Key,
    /// The nodes that answered, closest first, at most `k`. A store goes to those with a token.
    pub closest: Vec<Responder>,
    /// The closest node that answered without the value although another had it, with a token: where
    /// the paper stores a copy.
    pub cache_at: Option<Responder>,
    /// Nodes that had a valid value.
    pub holders: usize,
    /// Queries sent.
    pub queries: usize,
    /// Queries that failed.
    pub failures: usize,
    /// How many queries led to the result: to the first value, else to the closest node. 0 if nobody
    /// answered.
    pub hops: u8,
}

/// One lookup, from seeds to outcome; not reusable. See the module's documentation.
#[derive(Debug)]
pub struct Lookup {
    target: Key,
    goal: Goal,
    config: Config,
    frontier: Frontier,
    started: Option<Instant>,
    first_value: Option<u8>,
    queries: usize,
    failures: usize,
}

impl Lookup {
    /// Starts a lookup for `target` among the nodes of `family`. `seeds` are the nodes to begin with:
    /// the closest of the routing table, `k` for each path. A bootstrap address without a known id must
    /// be asked by the driver first.
    #[must_use]
    pub fn new(
        target: Key,
        goal: Goal,
        searcher: Searcher,
        family: Family,
        config: Config,
        seeds: impl IntoIterator<Item = Contact>,
    ) -> Self {
        let config = config.in_range();
        let mut frontier = Frontier::new(target, searcher.id, searcher.addr, family);
        let mut path = 0;
        for contact in seeds.into_iter().take(CANDIDATES_MAX) {
            // Dealt out in turn, so that every path begins with close nodes.
            if frontier.insert(Candidate::new(contact, 1, path), None) {
                path = (path + 1) % config.paths;
            }
        }
        Self {
            target,
            goal,
            config,
            frontier,
            started: None,
            first_value: None,
            queries: 0,
            failures: 0,
        }
    }

    /// Returns the key looked up.
    #[must_use]
    pub const fn target(&self) -> Key {
        self.target
    }

    /// Returns what is looked for.
    #[must_use]
    pub const fn goal(&self) -> Goal {
        self.goal
    }

    /// Returns the question to ask.
    #[must_use]
    pub const fn request(&self) -> Request {
        self.goal.request(self.target)
    }

    /// Iterates over all candidates, closest first: the trace of the lookup so far.
    pub fn candidates(&self) -> impl Iterator<Item = &Candidate> {
        self.frontier.iter()
    }

    /// Advances to `now` and returns the next action. Call until it is not [`Action::Query`].
    pub fn poll(&mut self, now: Instant) -> Action {
        for candidate in self.frontier.iter_mut() {
            self.failures += usize::from(candidate.advance(now));
        }
        let started = *self.started.get_or_insert(now);
        let over = started.saturating_add(LIFETIME_MAX);
        if over <= now || self.stops_at_value() {
            return Action::Done;
        }
        if self.queries < QUERIES_MAX
            && let Some(contact) = (0..self.config.paths).find_map(|path| self.next_query(path))
            && let Some(candidate) = self.frontier.get_mut(contact)
        {
            candidate.progress = in_flight(now, Timeouts::default());
            self.queries += 1;
            return Action::Query(contact);
        }
        if (0..self.config.paths).all(|path| self.is_path_done(path)) {
            return Action::Done;
        }
        let next = self.frontier.iter().filter_map(Candidate::changes_at).min();
        next.map_or(Action::Done, |next| Action::Wait(next.min(over)))
    }

    /// Records that the query to `contact` was sent, and how long to wait for its answer. Without this
    /// call the default timeouts hold, from the poll on.
    ///
    /// # Errors
    ///
    /// [`UnsolicitedError`] if the lookup did not ask for it; the lookup is unchanged.
    pub fn on_sent(
        &mut self,
        contact: Contact,
        timeouts: Timeouts,
        now: Instant,
    ) -> Result<(), UnsolicitedError> {
        self.asked(contact)?.progress = in_flight(now, timeouts);
        Ok(())
    }

    /// Records that the query to `contact` was not sent because it must not be asked before `until`.
    /// The lookup goes on without it; if that is more than [`POSTPONE_MAX`] away, for good.
    ///
    /// # Errors
    ///
    /// [`UnsolicitedError`] if the lookup did not ask for it; the lookup is unchanged.
    pub fn on_paced(
        &mut self,
        contact: Contact,
        until: Instant,
        now: Instant,
    ) -> Result<(), UnsolicitedError> {
        self.asked(contact)?.progress = if until - now > POSTPONE_MAX {
            Progress::Failed
        } else {
            Progress::Postponed { until }
        };
        self.queries = self.queries.saturating_sub(1);
        Ok(())
    }

    /// Records the answer of `contact`: the nodes it named and its permit to store.
    ///
    /// # Errors
    ///
    /// [`UnsolicitedError`] if `contact` owes no answer; the lookup is unchanged.
    pub fn on_response(
        &mut self,
        contact: Contact,
        closer: &[Contact],
        token: Option<Token>,
    ) -> Result<(), UnsolicitedError> {
        let candidate = self.asked(contact)?;
        candidate.progress = Progress::Answered;
        candidate.token = token;
        let (hop, path) = (candidate.hop.saturating_add(1), candidate.path);
        let mut taken = 0;
        for &named in closer.iter().take(CONTACTS_MAX) {
            let fresh = Candidate::new(named, hop, path);
            taken += usize::from(self.frontier.insert(fresh, Some(contact.addr)));
            if taken == self.config.k {
                break;
            }
        }
        Ok(())
    }

    /// Records that the answer of `contact` held a value which the driver found valid; call it after
    /// [`Lookup::on_response`]. A contact that has not answered is ignored.
    pub fn found(&mut self, contact: Contact) {
        if let Some(candidate) = self.frontier.get_mut(contact)
            && candidate.progress == Progress::Answered
        {
            candidate.had_value = true;
            self.first_value.get_or_insert(candidate.hop);
        }
    }

    /// Records that the query to `contact` failed: no answer, an error, another id.
    ///
    /// # Errors
    ///
    /// [`UnsolicitedError`] if `contact` owes no answer; the lookup is unchanged.
    pub fn on_failure(&mut self, contact: Contact) -> Result<(), UnsolicitedError> {
        self.asked(contact)?.progress = Progress::Failed;
        self.failures += 1;
        Ok(())
    }

    /// Returns the result, complete or not.
    #[must_use]
    pub fn into_outcome(self) -> Outcome {
        let responders = || {
            let answered = self.frontier.iter().filter(|c| c.progress == Progress::Answered);
            answered.map(|candidate| Responder {
                contact: candidate.contact,
                token: candidate.token.clone(),
                hop: candidate.hop,
                had_value: candidate.had_value,
            })
        };
        let closest: Vec<Responder> = responders().take(self.config.k).collect();
        let holders = responders().filter(|responder| responder.had_value).count();
        let cache_at = responders()
            .find(|responder| holders > 0 && !responder.had_value && responder.token.is_some());
        let nearest = closest.first().map_or(0, |responder| responder.hop);
        Outcome {
            target: self.target,
            cache_at,
            holders,
            queries: self.queries,
            failures: self.failures,
            hops: self.first_value.unwrap_or(nearest),
            closest,
        }
    }

    const fn stops_at_value(&self) -> bool {
        self.config.early_exit && self.goal.one_is_enough() && self.first_value.is_some()
    }

    /// The `k` closest candidates of a path that are in play.
    fn path(&self, path: u8) -> impl Iterator<Item = &Candidate> {
        let of_path = self.frontier.iter().filter(move |candidate| candidate.path == path);
        of_path.filter(|candidate| candidate.in_play()).take(self.config.k)
    }

    fn next_query(&self, path: u8) -> Option<Contact> {
        let converged = self.path(path).next()?.progress == Progress::Answered;
        let alpha = if converged { self.config.alpha_final } else { self.config.alpha };
        let in_flight = self.frontier.iter().filter(|candidate| {
            candidate.path == path && matches!(candidate.progress, Progress::InFlight { .. })
        });
        if in_flight.count() >= alpha.div_ceil(self.config.paths.into()) {
            return None;
        }
        let next = self.path(path).find(|candidate| candidate.progress == Progress::Unqueried)?;
        Some(next.contact)
    }

    fn is_path_done(&self, path: u8) -> bool {
        let (mut answered, mut open) = (0, 0);
        for candidate in self.path(path) {
            if candidate.progress == Progress::Answered {
                answered += 1;
            } else {
                open += 1;
            }
        }
        let out_of_queries = self.queries >= QUERIES_MAX;
        let may_return = self.frontier.iter().any(|c| c.path == path && c.may_return());
        // With fewer than `k` answers, a slow node is better than none.
        (open == 0 && (answered >= self.config.k || !may_return))
            || (out_of_queries && !self.awaits_answers())
    }

    fn awaits_answers(&self) -> bool {
        self.frontier.iter().any(|candidate| {
            matches!(candidate.progress, Progress::InFlight { .. } | Progress::Slow { .. })
        })
    }

    /// The candidate, if it owes an answer.
    fn asked(&mut self, contact: Contact) -> Result<&mut Candidate, UnsolicitedError> {
        self.frontier
            .get_mut(contact)
            .filter(|candidate| {
                matches!(candidate.progress, Progress::InFlight { .. } | Progress::Slow { .. })
            })
            .ok_or(UnsolicitedError { contact })
    }
}

fn in_flight(now: Instant, timeouts: Timeouts) -> Progress {
    Progress::InFlight {
        soft: now.saturating_add(timeouts.soft),
        hard: now.saturating_add(timeouts.hard),
    }
}
