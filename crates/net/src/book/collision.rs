//! Test before evict: who has a place among the tried keeps it for as long as it answers.
//!
//! Without this an attacker that brings us to reach its own addresses, by connecting or by being
//! dialled, would displace every peer we have ever spoken to.
//!
//! ```text
//!   succeeded(candidate), place taken ──► contested
//!        │ next_test() ──► dial the resident ──► attempted / succeeded
//!        ▼ resolve_contests(now)
//!   resident reached within 4 h ─────────────────► the candidate stays new
//!   resident dialled over 60 s ago, in vain ─────► they change places
//!   no test could be made for 40 min ────────────► they change places
//! ```

use std::net::SocketAddr;

use quintet_primitives::time::UnixTime;
use rand::{Rng, RngExt};

use super::{Book, Home, placement::Place};

/// Candidates that wait for a test at most; a further one stays new and may try again.
pub(super) const CONTESTED_MAX: usize = 10;

/// A resident reached within this time needs no test, in seconds.
const REPLACEMENT_AGE: u64 = 4 * 60 * 60;
/// Time a test has to succeed, in seconds.
const TEST_TIME: u64 = 60;
/// Time after which a candidate gets its way without a test, in seconds.
const TEST_WINDOW: u64 = 40 * 60;

enum Outcome {
    Keep,
    Evict,
    Wait,
}

impl Book {
    /// Returns a resident whose place is contested, to be dialled as a test.
    #[must_use]
    pub fn next_test(&self, rng: &mut impl Rng) -> Option<SocketAddr> {
        if self.contested.is_empty() {
            return None;
        }
        let candidate = self.contested.get(rng.random_range(0..self.contested.len()))?;
        let resident = self.tried.get(self.placement.tried_place(*candidate))?;
        self.entries.get(resident).map(|resident| resident.addr)
    }

    /// Decides the contests that can be decided; returns how many residents lost their place. Call
    /// it now and then, every few minutes at most.
    pub fn resolve_contests(&mut self, now: UnixTime) -> usize {
        let mut evicted = 0;
        for candidate in std::mem::take(&mut self.contested) {
            let place = self.placement.tried_place(candidate);
            match self.judge(candidate, place, now) {
                Outcome::Keep => {}
                Outcome::Wait => self.contested.push(candidate),
                Outcome::Evict => {
                    if let Some(id) = self.entries.find(candidate) {
                        evicted += usize::from(self.tried.get(place).is_some());
                        self.promote(id, place);
                    }
                }
            }
        }
        evicted
    }

    pub(super) fn contest(&mut self, candidate: SocketAddr) {
        if self.contested.len() < CONTESTED_MAX && !self.contested.contains(&candidate) {
            self.contested.push(candidate);
        }
    }

    fn judge(&self, candidate: SocketAddr, place: Place, now: UnixTime) -> Outcome {
        let candidate = self.entries.find(candidate).and_then(|id| self.entries.get(id));
        let Some(candidate) = candidate.filter(|entry| matches!(entry.home, Home::New(_))) else {
            return Outcome::Keep;
        };
        let Some(resident) = self.tried.get(place).and_then(|id| self.entries.get(id)) else {
            return Outcome::Evict;
        };
        let age = |time: Option<UnixTime>| {
            time.map_or(u64::MAX, |time| now.saturating_since(time).as_secs())
        };
        if age(resident.last_success) < REPLACEMENT_AGE {
            Outcome::Keep
        } else if age(resident.last_attempt) < REPLACEMENT_AGE {
            if age(resident.last_attempt) > TEST_TIME { Outcome::Evict } else { Outcome::Wait }
        } else if age(candidate.last_success) > TEST_WINDOW {
            Outcome::Evict
        } else {
            Outcome::Wait
        }
    }
}
