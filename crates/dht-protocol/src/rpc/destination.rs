//! What is remembered of each address we send queries to: how fast it answers, how soon it may be
//! asked again.
//!
//! Others limit what they take from one source and do it silently: libtorrent bans an address for
//! five minutes after 50 packets in ten seconds, and jech's node answers 100 queries a second in all.
//! So queries to one address are paced (GCRA), and an address that does not answer is asked ever more
//! rarely.
//!
//! # Invariants
//!
//! - In any 10 seconds an address gets at most 10 × [`Pacing::per_second`] + [`Pacing::burst`] queries,
//!   unless more than [`DESTINATIONS_MAX`] addresses are in use in the meantime.
//! - At most [`DESTINATIONS_MAX`] addresses are remembered; those unused for longest go first.

use core::{net::SocketAddr, time::Duration};
use std::collections::BTreeMap;

use quintet_primitives::time::Instant;

use super::rtt::{Rtt, Timeouts};
use crate::contact;

/// Addresses remembered, at about 64 bytes each.
pub const DESTINATIONS_MAX: usize = 512;

/// Rest after the first unanswered query; doubles with every further one.
pub const BACK_OFF: Duration = Duration::from_secs(1);

/// Longest rest of an address that does not answer.
pub const BACK_OFF_MAX: Duration = Duration::from_secs(60);

/// How fast queries to one address may follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pacing {
    /// Queries a second; at least 1.
    pub per_second: u32,
    /// Queries that may follow each other at once after a rest; at least 1.
    pub burst: u32,
}

impl Pacing {
    /// What the public network tolerates.
    pub const PUBLIC: Self = Self { per_second: 4, burst: 2 };

    /// For local addresses, where all nodes may be ours.
    pub const LOCAL: Self = Self { per_second: 1_000, burst: 64 };

    fn interval(self) -> Duration {
        Duration::from_secs(1) / self.per_second.max(1)
    }

    fn tolerance(self) -> Duration {
        self.interval().saturating_mul(self.burst.saturating_sub(1))
    }
}

/// When a query to an address may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Now.
    Now,
    /// Not before this instant.
    At(Instant),
}

#[derive(Debug, Clone, Copy, Default)]
struct Destination {
    rtt: Rtt,
    failures: u8,
    /// GCRA's theoretical arrival time, pushed on by failures. Nothing needs remembering once it is
    /// past, so it also says who is forgotten first.
    due: Instant,
}

#[derive(Debug)]
pub(super) struct Destinations {
    known: BTreeMap<SocketAddr, Destination>,
    public: Pacing,
    local: Pacing,
}

impl Destinations {
    pub(super) const fn new(public: Pacing, local: Pacing) -> Self {
        Self { known: BTreeMap::new(), public, local }
    }

    fn pacing(&self, to: &SocketAddr) -> Pacing {
        if contact::is_local(to) { self.local } else { self.public }
    }

    pub(super) fn pace(&self, to: &SocketAddr, now: Instant) -> Pace {
        let Some(destination) = self.known.get(to) else { return Pace::Now };
        let tolerance = self.pacing(to).tolerance();
        let at = destination.due.since_start().saturating_sub(tolerance);
        if at <= now.since_start() { Pace::Now } else { Pace::At(Instant::new(at)) }
    }

    /// Charges one query to `to`.
    pub(super) fn charge(&mut self, to: SocketAddr, now: Instant) {
        let interval = self.pacing(&to).interval();
        if self.known.len() >= DESTINATIONS_MAX && !self.known.contains_key(&to) {
            self.forget_a_quarter();
        }
        let destination = self.known.entry(to).or_default();
        destination.due = destination.due.max(now).saturating_add(interval);
    }

    pub(super) fn answered(&mut self, from: &SocketAddr, rtt: Duration, now: Instant) {
        self.alive(from, now);
        if let Some(destination) = self.known.get_mut(from) {
            destination.rtt.sample(rtt);
        }
    }

    /// Ends the rest of an address that has shown itself alive.
    pub(super) fn alive(&mut self, from: &SocketAddr, now: Instant) {
        if let Some(destination) = self.known.get_mut(from)
            && destination.failures > 0
        {
            destination.failures = 0;
            destination.due = destination.due.min(now);
        }
    }

    pub(super) fn failed(&mut self, to: &SocketAddr, now: Instant) {
        let tolerance = self.pacing(to).tolerance();
        if let Some(destination) = self.known.get_mut(to) {
            let doublings = u32::from(destination.failures).min(16);
            let rest = BACK_OFF.saturating_mul(1 << doublings).min(BACK_OFF_MAX);
            destination.failures = destination.failures.saturating_add(1);
            let due = now.saturating_add(rest).saturating_add(tolerance);
            destination.due = destination.due.max(due);
        }
    }

    pub(super) fn timeout(&self, to: &SocketAddr, otherwise: Rtt) -> Timeouts {
        let own = self.known.get(to).and_then(|destination| destination.rtt.timeout());
        own.or_else(|| otherwise.timeout()).map_or_else(Timeouts::default, Timeouts::from_soft)
    }

    pub(super) fn rtt(&self, to: &SocketAddr) -> Option<Duration> {
        self.known.get(to)?.rtt.smoothed()
    }

    pub(super) fn len(&self) -> usize {
        self.known.len()
    }

    /// Forgetting many at once makes it cheap: a pass over the table for every 128 newcomers.
    fn forget_a_quarter(&mut self) {
        let mut dues: Vec<Instant> = self.known.values().map(|known| known.due).collect();
        let quarter = dues.len() / 4;
        let (_, &mut limit, _) = dues.select_nth_unstable(quarter);
        let mut left = quarter + 1;
        self.known.retain(|_, known| {
            let forget = known.due <= limit && left > 0;
            left -= usize::from(forget);
            !forget
        });
    }
}
