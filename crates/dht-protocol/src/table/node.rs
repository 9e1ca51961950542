//! One contact with what we know of it, and whole seconds small enough to store per contact.

use core::time::Duration;

use quintet_primitives::time::Instant;

use crate::contact::Contact;

/// A node is good while it was active within this time (BEP 5).
pub const GOOD_FOR: Duration = Duration::from_secs(15 * 60);

/// Unanswered queries in a row after which a node is bad: BEP 5 asks for "one more try".
pub const FAILURES_BAD: u8 = 2;

/// Unanswered queries in a row after which a node is removed even if nobody waits for its place,
/// provided that others answer (the paper's five, section 4.1).
pub const FAILURES_REMOVE: u8 = 5;

/// Shortest time between two maintenance pings to one node; doubles with every failure.
pub const PING_AGAIN: Duration = Duration::from_secs(60);

/// Longest time between two maintenance pings to one failing node.
pub const PING_AGAIN_MAX: Duration = Duration::from_secs(3_600);

/// Whole seconds since the runtime started; four bytes instead of sixteen for each of the thousands
/// of contacts a process of many nodes keeps. Saturates after 136 years.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(super) struct Seconds(u32);

impl Seconds {
    /// Before everything.
    pub(super) const NEVER: Self = Self(0);

    pub(super) fn at(now: Instant) -> Self {
        Self(u32::try_from(now.since_start().as_secs()).unwrap_or(u32::MAX).saturating_add(1))
    }

    pub(super) fn since(self, earlier: Self) -> Duration {
        Duration::from_secs(self.0.saturating_sub(earlier.0).into())
    }

    pub(super) fn after(self, delta: Duration) -> Self {
        Self(self.0.saturating_add(u32::try_from(delta.as_secs()).unwrap_or(u32::MAX)))
    }

    fn instant(self) -> Instant {
        Instant::from_secs(self.0.saturating_sub(1).into())
    }
}

/// What a node is worth at the moment (BEP 5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// Answered us at least once, was active in the last 15 minutes and owes no answer.
    Good,
    /// Silent for 15 minutes, or one answer is missing: to be pinged.
    Questionable,
    /// [`FAILURES_BAD`] or more answers in a row are missing: gives way to anybody who answered.
    Bad,
}

/// A contact in the table.
#[derive(Debug, Clone)]
pub struct Node {
    contact: Contact,
    /// Last answer or, for a node that has answered before, last query from it.
    seen: Seconds,
    /// Last maintenance ping handed to the driver.
    tried: Seconds,
    failures: u8,
    secure: bool,
    verified: bool,
}

impl Node {
    /// A node that has just answered us.
    pub(super) const fn verified(contact: Contact, secure: bool, now: Seconds) -> Self {
        Self { contact, seen: now, tried: now, failures: 0, secure, verified: true }
    }

    /// A node somebody named, or that queried us: it may not exist.
    pub(super) const fn named(contact: Contact, now: Seconds) -> Self {
        Self {
            contact,
            seen: now,
            tried: Seconds::NEVER,
            failures: 0,
            secure: false,
            verified: false,
        }
    }

    /// Returns id and address.
    #[must_use]
    pub const fn contact(&self) -> Contact {
        self.contact
    }

    /// Returns when the node was last active, in whole seconds.
    #[must_use]
    pub fn last_seen(&self) -> Instant {
        self.seen.instant()
    }

    /// Returns how many answers in a row are missing.
    #[must_use]
    pub const fn failures(&self) -> u8 {
        self.failures
    }

    /// Returns whether the caller found the id to fit the address (BEP 42).
    #[must_use]
    pub const fn is_secure(&self) -> bool {
        self.secure
    }

    /// Returns whether the node has answered us at this address under this id.
    #[must_use]
    pub const fn is_verified(&self) -> bool {
        self.verified
    }

    /// Returns the node's standing at `now`. It has no meaning for an unverified contact.
    #[must_use]
    pub fn standing(&self, now: Instant) -> Standing {
        self.standing_at(Seconds::at(now))
    }

    pub(super) fn standing_at(&self, now: Seconds) -> Standing {
        if self.is_bad() {
            Standing::Bad
        } else if self.failures == 0 && now.since(self.seen) < GOOD_FOR {
            Standing::Good
        } else {
            Standing::Questionable
        }
    }

    pub(super) const fn is_bad(&self) -> bool {
        self.failures >= FAILURES_BAD
    }

    pub(super) const fn seen(&self) -> Seconds {
        self.seen
    }

    pub(super) const fn answered(&mut self, secure: bool, now: Seconds) {
        *self = Self::verified(self.contact, secure, now);
    }

    pub(super) const fn active(&mut self, now: Seconds) {
        self.seen = now;
    }

    pub(super) const fn failed(&mut self) {
        self.failures = self.failures.saturating_add(1);
    }

    pub(super) const fn pinged(&mut self, now: Seconds) {
        self.tried = now;
    }

    /// Whether a maintenance ping is due: the node is not good, and the last one is long enough ago.
    pub(super) fn ping_due(&self, now: Seconds) -> bool {
        let doublings = u32::from(self.failures.saturating_sub(1)).min(16);
        let wait = PING_AGAIN.saturating_mul(1 << doublings).min(PING_AGAIN_MAX);
        // `tried <= seen`: the last ping was answered, or there was none.
        let rested = (self.failures == 0 && self.tried <= self.seen && self.verified)
            || self.tried == Seconds::NEVER
            || now.since(self.tried) >= wait;
        rested && !(self.verified && self.standing_at(now) == Standing::Good)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::Key;

    fn at(seconds: u64) -> Seconds {
        Seconds::at(Instant::from_secs(seconds))
    }

    fn node() -> Node {
        let addr = "127.0.0.1:1".parse().unwrap();
        Node::verified(Contact::new(Key::default(), addr), true, at(100))
    }

    #[test]
    fn a_node_is_good_then_questionable_then_bad() {
        let mut node = node();
        assert_eq!(node.standing(Instant::from_secs(100)), Standing::Good);
        assert_eq!(node.standing(Instant::from_secs(999)), Standing::Good);
        assert_eq!(node.standing(Instant::from_secs(1_000)), Standing::Questionable);
        node.failed();
        assert_eq!(node.standing(Instant::from_secs(100)), Standing::Questionable);
        node.failed();
        assert_eq!(node.standing(Instant::from_secs(100)), Standing::Bad);
        node.answered(true, at(2_000));
        assert_eq!(node.standing(Instant::from_secs(2_000)), Standing::Good);
    }

    #[test]
    fn pings_to_a_silent_node_grow_rarer() {
        let mut node = node();
        assert!(!node.ping_due(at(999)), "still good");
        assert!(node.ping_due(at(1_000)));
        node.pinged(at(1_000));
        node.failed();
        assert!(!node.ping_due(at(1_059)));
        assert!(node.ping_due(at(1_060)));
        node.pinged(at(1_060));
        node.failed();
        assert!(!node.ping_due(at(1_179)));
        assert!(node.ping_due(at(1_180)));
        (0..=u8::MAX).for_each(|_| node.failed());
        assert!(node.ping_due(at(1_060 + 3_600)), "at most an hour apart");
    }

    #[test]
    fn a_node_takes_no_more_than_64_bytes() {
        assert!(size_of::<Node>() <= 64, "{} bytes", size_of::<Node>());
    }
}
