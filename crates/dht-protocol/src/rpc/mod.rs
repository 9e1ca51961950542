//! Outstanding queries: gives each query its transaction id, ties answers to questions, and says when
//! to stop waiting.
//!
//! Spec: BEP 5 ("KRPC Protocol"); Maymounkov & Mazières, *Kademlia*, section 2.3 (the echoed RPC id
//! keeps others from forging answers).
//!
//! ```text
//!   issue(to, expected id, caller) ─► tid, timeouts       the driver sends the packet
//!   on_answer(tid, from, sender) ──► Answered | IdChanged | WrongAddress | Unsolicited
//!   expire(now) ───────────────────► queries that nobody answered
//! ```
//!
//! One table serves all sockets of a node (a response may come in through another one), and both
//! address families. It is generic over `T`, what the caller wants back with the answer: typically
//! which lookup asked.
//!
//! # Invariants
//!
//! - At most [`OUTSTANDING_MAX`] queries are outstanding; every one ends exactly once: answered,
//!   expired, or [`Rpc::cancel`]led. A second answer is unsolicited.
//! - An answer counts only under the transaction id *and* from the address and port we asked. One from
//!   elsewhere leaves the query outstanding, so that a forger can not end it.
//! - Transaction ids are random and unused; a stranger guesses one in 2^32.
//! - No address is asked faster than [`Pacing`] allows.

mod destination;
mod rtt;
#[cfg(test)]
mod tests;

use core::{net::SocketAddr, time::Duration};
use std::collections::{BTreeMap, BTreeSet};

use quintet_primitives::time::Instant;
use rand::Rng;

use self::{destination::Destinations, rtt::Rtt};
pub use self::{
    destination::{BACK_OFF, BACK_OFF_MAX, DESTINATIONS_MAX, Pace, Pacing},
    rtt::{
        HARD_FACTOR, HARD_MAX, HARD_MIN, SAMPLE_MAX, TIMEOUT_MAX, TIMEOUT_MIN, TIMEOUT_UNKNOWN,
        Timeouts,
    },
};
use crate::{key::Key, message::TransactionId};

/// Queries outstanding at once.
pub const OUTSTANDING_MAX: usize = 4_096;

/// Attempts to draw an unused transaction id. With 4,096 of 2^32 in use, eight failures in a row mean
/// that the generator is broken.
const TID_ATTEMPTS: usize = 8;

/// Paces queries; see [`Pacing`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// Pace towards addresses of the public internet.
    pub public: Pacing,
    /// Pace towards local addresses.
    pub local: Pacing,
}

impl Default for Config {
    fn default() -> Self {
        Self { public: Pacing::PUBLIC, local: Pacing::LOCAL }
    }
}

/// A query that has been sent and not settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outstanding<T> {
    /// Where it was sent, and the only address an answer may come from.
    pub to: SocketAddr,
    /// The id that must answer, if the caller knew it.
    pub expected: Option<Key>,
    /// When it was sent.
    pub issued: Instant,
    /// When it fails.
    pub deadline: Instant,
    /// What the caller gave along.
    pub caller: T,
}

/// A query that may be sent now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issued {
    /// The transaction id to send it under.
    pub tid: TransactionId,
    /// How long to wait.
    pub timeouts: Timeouts,
}

/// Why no query may be sent now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IssueError {
    /// The address was asked too often, or did not answer: wait until the instant, or ask another.
    #[error("{to} must not be asked before {until:?}")]
    Paced {
        /// The address.
        to: SocketAddr,
        /// When it may be asked.
        until: Instant,
    },
    /// [`OUTSTANDING_MAX`] queries are outstanding: wait until some are answered or expire.
    #[error("{OUTSTANDING_MAX} queries are outstanding, wait for answers")]
    Full,
    /// The generator returns the same numbers again and again.
    #[error("no unused transaction id in {TID_ATTEMPTS} draws, the random generator is broken")]
    NoTransactionId,
}

/// What an incoming response or error is.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Answer<T> {
    /// The answer to this query, which is settled.
    Matched {
        /// The query.
        query: Outstanding<T>,
        /// How long the answer took.
        rtt: Duration,
    },
    /// The right address answered under another id than expected. The query is settled as failed, and
    /// the contact we knew is no more.
    IdChanged {
        /// The query.
        query: Outstanding<T>,
        /// The id that answered.
        actual: Key,
    },
    /// A known transaction id, but the wrong address or port; the query is still outstanding.
    WrongAddress {
        /// The address that was asked.
        expected: SocketAddr,
    },
    /// No such query is outstanding: forged, replayed, or too late.
    Unsolicited,
}

/// How queries ended, since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Queries issued.
    pub issued: u64,
    /// Queries answered.
    pub answered: u64,
    /// Queries nobody answered in time.
    pub expired: u64,
    /// Answers from another id than expected.
    pub id_changed: u64,
    /// Answers from an address or port that was not asked.
    pub wrong_address: u64,
    /// Answers to nothing.
    pub unsolicited: u64,
}

/// The outstanding queries of a node; see the module's documentation.
#[derive(Debug)]
pub struct Rpc<T> {
    outstanding: BTreeMap<u32, Outstanding<T>>,
    deadlines: BTreeSet<(Instant, u32)>,
    destinations: Destinations,
    /// Over all destinations: the estimate for one that is new.
    rtt: Rtt,
    counters: Counters,
}

impl<T> Rpc<T> {
    /// Creates an empty table.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            outstanding: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            destinations: Destinations::new(config.public, config.local),
            rtt: Rtt::default(),
            counters: Counters::default(),
        }
    }

    /// Returns how many queries are outstanding.
    #[must_use]
    pub fn len(&self) -> usize {
        self.outstanding.len()
    }

    /// Returns whether no query is outstanding.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.outstanding.is_empty()
    }

    /// Returns how queries ended since the start.
    #[must_use]
    pub const fn counters(&self) -> Counters {
        self.counters
    }

    /// Returns how many destinations are remembered, at most [`DESTINATIONS_MAX`].
    #[must_use]
    pub fn destinations(&self) -> usize {
        self.destinations.len()
    }

    /// Returns when a query to `to` may be sent. Nothing is reserved.
    #[must_use]
    pub fn pace(&self, to: SocketAddr, now: Instant) -> Pace {
        self.destinations.pace(&to, now)
    }

    /// Returns how long to wait for an answer of `to`: from its own answers, or else everybody's.
    #[must_use]
    pub fn timeouts(&self, to: SocketAddr) -> Timeouts {
        self.destinations.timeout(&to, self.rtt)
    }

    /// Returns the smoothed round-trip time of `to`, or of everybody if `to` never answered.
    #[must_use]
    pub fn rtt(&self, to: SocketAddr) -> Option<Duration> {
        self.destinations.rtt(&to).or_else(|| self.rtt.smoothed())
    }

    /// Registers a query to `to` that the driver sends at once. `expected` is the id that must answer,
    /// if known; `caller` comes back with the answer.
    ///
    /// # Errors
    ///
    /// [`IssueError`] if the query must not be sent; nothing is registered.
    pub fn issue(
        &mut self,
        to: SocketAddr,
        expected: Option<Key>,
        caller: T,
        now: Instant,
        rng: &mut impl Rng,
    ) -> Result<Issued, IssueError> {
        if self.outstanding.len() >= OUTSTANDING_MAX {
            return Err(IssueError::Full);
        }
        if let Pace::At(until) = self.pace(to, now) {
            return Err(IssueError::Paced { to, until });
        }
        let tid = core::iter::repeat_with(|| rng.next_u32())
            .take(TID_ATTEMPTS)
            .find(|tid| !self.outstanding.contains_key(tid))
            .ok_or(IssueError::NoTransactionId)?;
        let timeouts = self.timeouts(to);
        let deadline = now.saturating_add(timeouts.hard);
        let query = Outstanding { to, expected, issued: now, deadline, caller };
        self.outstanding.insert(tid, query);
        self.deadlines.insert((deadline, tid));
        self.destinations.charge(to, now);
        self.counters.issued += 1;
        Ok(Issued { tid: tid.into(), timeouts })
    }

    /// Settles the query that a response or error from `from` answers. `sender` is the id in it; an
    /// error has none.
    pub fn on_answer(
        &mut self,
        tid: &TransactionId,
        from: SocketAddr,
        sender: Option<Key>,
        now: Instant,
    ) -> Answer<T> {
        let found = tid.as_u32().and_then(|tid| Some((tid, self.outstanding.get(&tid)?)));
        let Some((tid, query)) = found else {
            self.counters.unsolicited += 1;
            return Answer::Unsolicited;
        };
        if !same_endpoint(&query.to, &from) {
            self.counters.wrong_address += 1;
            return Answer::WrongAddress { expected: query.to };
        }
        let Some(query) = self.take(tid) else { return Answer::Unsolicited };
        let rtt = now - query.issued;
        self.destinations.answered(&query.to, rtt, now);
        if let (Some(expected), Some(actual)) = (query.expected, sender)
            && expected != actual
        {
            self.counters.id_changed += 1;
            return Answer::IdChanged { query, actual };
        }
        self.rtt.sample(rtt);
        self.counters.answered += 1;
        Answer::Matched { query, rtt }
    }

    /// Records a query from `from`: it is alive and may be asked again even if it failed before.
    pub fn on_query(&mut self, from: SocketAddr, now: Instant) {
        self.destinations.alive(&from, now);
    }

    /// Takes out the queries whose time is over, earliest first. What is not consumed stays
    /// outstanding.
    pub fn expire(&mut self, now: Instant) -> impl Iterator<Item = Outstanding<T>> {
        core::iter::from_fn(move || {
            let &(_, tid) = self.deadlines.first().filter(|(deadline, _)| *deadline <= now)?;
            let query = self.take(tid)?;
            self.destinations.failed(&query.to, now);
            self.counters.expired += 1;
            Some(query)
        })
    }

    /// Takes out a query that could not be sent. It says nothing about the destination.
    pub fn cancel(&mut self, tid: &TransactionId) -> Option<Outstanding<T>> {
        self.take(tid.as_u32()?)
    }

    /// Returns when the next query expires, if any is outstanding.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|&(deadline, _)| deadline)
    }

    fn take(&mut self, tid: u32) -> Option<Outstanding<T>> {
        let query = self.outstanding.remove(&tid)?;
        self.deadlines.remove(&(query.deadline, tid));
        Some(query)
    }
}

/// Whether two addresses name one endpoint; the operating system adds a flow label and a scope to
/// IPv6 source addresses that were not in the destination.
fn same_endpoint(a: &SocketAddr, b: &SocketAddr) -> bool {
    a.ip() == b.ip() && a.port() == b.port()
}
