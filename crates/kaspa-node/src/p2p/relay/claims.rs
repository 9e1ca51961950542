//! Who is being asked for what, so that one thing is not asked of everybody at once.
//!
//! # Invariants
//!
//! - A thing has one claim. It may be claimed anew after a time in which it did not come; one that came and is being looked at, not.
//! - The number of claims is bounded: what is not claimed is not asked for.
//!
//! Reference: `try_adding_request_impl`, `RequestScope`.

use std::{collections::HashMap, time::Duration};

use quintet_primitives::{Hash256, time::Instant};

use crate::p2p::peer::PeerKey;

#[derive(Debug)]
struct Claim {
    by: PeerKey,
    since: Instant,
    has_come: bool,
}

/// Claims by hash.
#[derive(Debug)]
pub(in crate::p2p) struct Claims {
    claims: HashMap<Hash256, Claim>,
    lasts: Duration,
    max: usize,
}

impl Claims {
    /// A claim lasts so long; there are at most so many.
    pub(in crate::p2p) fn new(lasts: Duration, max: usize) -> Self {
        Self { claims: HashMap::new(), lasts, max }
    }

    /// Claims a thing for a peer; returns whether it may be asked for.
    pub(in crate::p2p) fn claim(&mut self, what: Hash256, by: PeerKey, now: Instant) -> bool {
        if let Some(claim) = self.claims.get_mut(&what) {
            if claim.has_come || now.saturating_since(claim.since) <= self.lasts {
                return false;
            }
            (claim.by, claim.since) = (by, now);
            return true;
        }
        if self.claims.len() >= self.max {
            return false;
        }
        self.claims.insert(what, Claim { by, since: now, has_come: false });
        true
    }

    /// Takes in that a thing has come from a peer.
    pub(in crate::p2p) fn has_come(&mut self, what: &Hash256, from: PeerKey) {
        if let Some(claim) = self.claims.get_mut(what).filter(|claim| claim.by == from) {
            claim.has_come = true;
        }
    }

    /// Ends a peer's claim, if it is still its.
    pub(in crate::p2p) fn release(&mut self, what: &Hash256, by: PeerKey) {
        if self.claims.get(what).is_some_and(|claim| claim.by == by) {
            self.claims.remove(what);
        }
    }

    /// Ends all claims of a peer that is gone.
    pub(in crate::p2p) fn release_all(&mut self, by: PeerKey) {
        self.claims.retain(|_, claim| claim.by != by);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: PeerKey = PeerKey(1);
    const B: PeerKey = PeerKey(2);

    fn hash(byte: u8) -> Hash256 {
        Hash256::new([byte; 32])
    }

    #[test]
    fn a_thing_is_asked_of_another_peer_when_it_does_not_come() {
        let mut claims = Claims::new(Duration::from_secs(1), 8);
        assert!(claims.claim(hash(1), A, Instant::ZERO));
        assert!(!claims.claim(hash(1), B, Instant::from_secs(1)), "it may still come");
        assert!(claims.claim(hash(1), B, Instant::from_secs(2)));
        claims.release(&hash(1), A);
        assert!(!claims.claim(hash(1), A, Instant::from_secs(2)), "it is B's now");
        claims.has_come(&hash(1), B);
        assert!(!claims.claim(hash(1), A, Instant::from_secs(9)), "it came and is looked at");
        claims.release_all(B);
        assert!(claims.claim(hash(1), A, Instant::from_secs(9)));
    }

    #[test]
    fn nothing_is_claimed_beyond_the_bound() {
        let mut claims = Claims::new(Duration::from_secs(1), 1);
        assert!(claims.claim(hash(1), A, Instant::ZERO));
        assert!(!claims.claim(hash(2), A, Instant::ZERO));
        claims.release(&hash(1), A);
        assert!(claims.claim(hash(2), A, Instant::ZERO));
    }
}
