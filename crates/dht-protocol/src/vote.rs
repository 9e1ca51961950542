//! Which address do others see us at? Responders say (BEP 42's `ip`), and some of them lie.
//!
//! An answer counts once for its voter's network group, the newest replacing the older; an address
//! is believed when [`QUORUM`] groups name it and more groups name it than any other. Ports may
//! differ from voter to voter behind address translation, so the IP is elected first and the port
//! among its votes second.
//!
//! Invariants: at most [`VOTES_MAX`] votes are kept; one network group never decides alone.
//!
//! **Spec:** BEP 42, "bootstrapping"; discv5's `ip_vote` is the model for expiry.

use core::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};
use std::collections::BTreeMap;

use quintet_primitives::{addr::NetGroup, time::Instant};

/// Network groups that must agree.
pub const QUORUM: usize = 3;

/// Votes kept; the oldest goes first.
pub const VOTES_MAX: usize = 64;

/// Time a vote counts.
pub const VOTE_LIFETIME: Duration = Duration::from_secs(30 * 60);

#[derive(Debug, Clone, Copy)]
struct Vote {
    observed: SocketAddr,
    at: Instant,
}

/// Votes on our own address, one per voter's network group.
#[derive(Debug, Default)]
pub struct AddressVotes {
    votes: BTreeMap<NetGroup, Vote>,
}

impl AddressVotes {
    /// Starts without votes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Counts what `voter` says. A voter in a local range sees a local address and has no say.
    pub fn cast(&mut self, voter: IpAddr, observed: SocketAddr, now: Instant) {
        let group = NetGroup::of(voter);
        if group == NetGroup::Local || NetGroup::of(observed.ip()) == NetGroup::Local {
            return;
        }
        self.votes.insert(group, Vote { observed, at: now });
        self.votes.retain(|_, vote| now - vote.at < VOTE_LIFETIME);
        if self.votes.len() > VOTES_MAX
            && let Some(oldest) =
                self.votes.iter().min_by_key(|(_, vote)| vote.at).map(|(group, _)| *group)
        {
            self.votes.remove(&oldest);
        }
    }

    /// Returns the elected address, if a quorum agrees on its IP.
    #[must_use]
    pub fn elected(&self, now: Instant) -> Option<SocketAddr> {
        let live = || self.votes.values().filter(|vote| now - vote.at < VOTE_LIFETIME);
        let ip = most_frequent(live().map(|vote| vote.observed.ip()))
            .filter(|(_, votes)| *votes >= QUORUM)
            .map(|(ip, _)| ip)?;
        let ports = live().filter(|vote| vote.observed.ip() == ip).map(|vote| vote.observed.port());
        // A tie of ports is common behind address translation, and any of them is as good.
        let port = counts(ports).into_iter().max_by_key(|(_, votes)| *votes)?.0;
        Some(SocketAddr::new(ip, port))
    }
}

/// Returns the most frequent value and its count; none for a tie, which decides nothing.
fn most_frequent<T: Ord>(values: impl Iterator<Item = T>) -> Option<(T, usize)> {
    let counts = counts(values);
    let best = counts.values().copied().max()?;
    let mut winners = counts.into_iter().filter(|(_, count)| *count == best);
    let winner = winners.next()?;
    winners.next().is_none().then_some(winner)
}

fn counts<T: Ord>(values: impl Iterator<Item = T>) -> BTreeMap<T, usize> {
    let mut counts = BTreeMap::new();
    values.for_each(|value| *counts.entry(value).or_default() += 1);
    counts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addr(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn voter(group: u8) -> IpAddr {
        IpAddr::from([9, group, 1, 1])
    }

    #[test]
    fn three_networks_elect_an_address() {
        let mut votes = AddressVotes::new();
        for group in 0..3 {
            assert_eq!(votes.elected(Instant::ZERO), None);
            votes.cast(voter(group), addr("5.6.7.8:1000"), Instant::ZERO);
        }
        assert_eq!(votes.elected(Instant::ZERO), Some(addr("5.6.7.8:1000")));
    }

    #[test]
    fn one_network_decides_nothing_however_often_it_votes() {
        let mut votes = AddressVotes::new();
        for host in 0..=255 {
            votes.cast(IpAddr::from([9, 9, 9, host]), addr("5.6.7.8:1000"), Instant::ZERO);
        }
        assert_eq!(votes.elected(Instant::ZERO), None);
    }

    #[test]
    fn local_voters_and_local_addresses_do_not_count() {
        let mut votes = AddressVotes::new();
        for group in 0..9 {
            votes.cast(IpAddr::from([127, group, 0, 1]), addr("5.6.7.8:1000"), Instant::ZERO);
            votes.cast(voter(group), addr("192.168.1.2:1000"), Instant::ZERO);
        }
        assert_eq!(votes.elected(Instant::ZERO), None);
    }

    #[test]
    fn votes_age_and_their_number_is_bounded() {
        let mut votes = AddressVotes::new();
        for group in 0..=255 {
            votes.cast(voter(group), addr("5.6.7.8:1000"), Instant::from_secs(group.into()));
        }
        assert!(votes.votes.len() <= VOTES_MAX);
        let later = Instant::from_secs(255).saturating_add(VOTE_LIFETIME);
        assert_eq!(votes.elected(later), None);
    }
}
