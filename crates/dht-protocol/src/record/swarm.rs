//! The peers of one info-hash.
//!
//! A swarm keeps at most [`PEERS_PER_SWARM_MAX`] peers. When it is full, a newcomer takes the place of
//! a random one, so that what is kept stays a fair sample and nobody fills it for good.

use core::net::{IpAddr, SocketAddr};
use std::collections::HashMap;

use quintet_primitives::time::UnixTime;
use rand::{Rng, RngExt, seq::IndexedRandom};

use crate::{bloom::Bloom, contact::Family, message::Scrape};

/// Peers kept for one info-hash.
pub const PEERS_PER_SWARM_MAX: usize = 1_000;

/// One peer of a swarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Peer {
    pub(super) addr: SocketAddr,
    pub(super) seed: bool,
    pub(super) expires: UnixTime,
    /// Who announced it, for the quota: not part of what is handed out.
    pub(super) source: IpAddr,
}

/// A bounded set of peers with uniform sampling.
#[derive(Debug, Default)]
pub(super) struct Swarm {
    peers: Vec<Peer>,
    index: HashMap<SocketAddr, usize>,
}

impl Swarm {
    pub(super) const fn is_empty(&self) -> bool {
        self.peers.is_empty()
    }

    pub(super) fn get(&self, addr: &SocketAddr) -> Option<&Peer> {
        self.index.get(addr).and_then(|&at| self.peers.get(at))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Peer> {
        self.peers.iter()
    }

    /// Adds or renews a peer. Returns the one that had to go for it.
    pub(super) fn insert(&mut self, peer: Peer, rng: &mut impl Rng) -> Option<Peer> {
        if let Some(&at) = self.index.get(&peer.addr) {
            self.peers[at] = peer;
            return None;
        }
        let pushed_out = if self.peers.len() >= PEERS_PER_SWARM_MAX {
            let at = rng.random_range(0..self.peers.len());
            let addr = self.peers[at].addr;
            self.remove(&addr)
        } else {
            None
        };
        self.index.insert(peer.addr, self.peers.len());
        self.peers.push(peer);
        pushed_out
    }

    pub(super) fn remove(&mut self, addr: &SocketAddr) -> Option<Peer> {
        let at = self.index.remove(addr)?;
        let peer = self.peers.swap_remove(at);
        if let Some(moved) = self.peers.get(at) {
            self.index.insert(moved.addr, at);
        }
        Some(peer)
    }

    /// Draws at most `max` peers of one family, without repetition.
    pub(super) fn sample(&self, family: Family, max: usize, rng: &mut impl Rng) -> Vec<SocketAddr> {
        let of_family: Vec<SocketAddr> =
            self.peers.iter().map(|peer| peer.addr).filter(|a| Family::of(a) == family).collect();
        of_family.sample(rng, max).copied().collect()
    }

    /// Makes BEP 33's two filters.
    pub(super) fn scrape(&self) -> Scrape {
        let mut seeds = Bloom::default();
        let mut downloaders = Bloom::default();
        for peer in &self.peers {
            let filter = if peer.seed { &mut seeds } else { &mut downloaders };
            filter.insert(peer.addr.ip());
        }
        Scrape { seeds: *seeds.as_bytes(), downloaders: *downloaders.as_bytes() }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    fn peer(number: u32) -> Peer {
        let ip = IpAddr::V4((0x0900_0000 + number).into());
        let addr = SocketAddr::new(ip, 1);
        Peer { addr, seed: false, expires: UnixTime::from_secs(10), source: ip }
    }

    #[test]
    fn a_full_swarm_takes_newcomers_and_stays_bounded() {
        let mut rng = StdRng::seed_from_u64(1);
        let mut swarm = Swarm::default();
        for number in 0..3_000 {
            let pushed_out = swarm.insert(peer(number), &mut rng);
            assert_eq!(pushed_out.is_some(), number >= 1_000);
            assert!(swarm.get(&peer(number).addr).is_some());
        }
        assert_eq!(swarm.iter().count(), PEERS_PER_SWARM_MAX);
        let distinct: HashSet<_> = swarm.iter().map(|peer| peer.addr).collect();
        assert_eq!(distinct.len(), PEERS_PER_SWARM_MAX);
    }

    #[test]
    fn announcing_again_renews_and_does_not_repeat() {
        let mut rng = StdRng::seed_from_u64(1);
        let mut swarm = Swarm::default();
        swarm.insert(peer(1), &mut rng);
        swarm.insert(Peer { seed: true, ..peer(1) }, &mut rng);
        assert_eq!(swarm.iter().count(), 1);
        assert!(swarm.get(&peer(1).addr).unwrap().seed);
    }

    #[test]
    fn a_sample_is_of_one_family_and_without_repetition() {
        let mut rng = StdRng::seed_from_u64(1);
        let mut swarm = Swarm::default();
        (0..20).for_each(|number| {
            swarm.insert(peer(number), &mut rng);
        });
        let sample = swarm.sample(Family::V4, 8, &mut rng);
        assert_eq!(sample.iter().collect::<HashSet<_>>().len(), 8);
        assert!(swarm.sample(Family::V6, 8, &mut rng).is_empty());
        assert_eq!(swarm.sample(Family::V4, 100, &mut rng).len(), 20);
    }

    #[test]
    fn removing_one_leaves_the_others_reachable() {
        let mut rng = StdRng::seed_from_u64(1);
        let mut swarm = Swarm::default();
        (0..5).for_each(|number| {
            swarm.insert(peer(number), &mut rng);
        });
        assert!(swarm.remove(&peer(1).addr).is_some());
        assert!(swarm.remove(&peer(1).addr).is_none());
        for number in [0, 2, 3, 4] {
            assert_eq!(swarm.get(&peer(number).addr), Some(&peer(number)));
        }
    }
}
