//! A limit for every host there is, in a fixed amount of memory: what stands before the parser of a
//! datagram protocol, where a source address costs an attacker nothing.
//!
//! Each host gets the generic cell rate algorithm (GCRA, ITU-T I.371 annex A): one instant says how
//! far its allowance is spent. Those instants live in a set-associative table:
//!
//! ```text
//!   host ──SipHash(secret key)──► set ──► 8 places { host, spent until }
//!                                          │ the host's own place
//!                                          │ else a free or idle place
//!                                          └ else the least spent place, *with its debt*
//! ```
//!
//! # Invariants
//!
//! - Memory is fixed at [`AddressLimiter::new`]; a datagram costs one hash and a look at 8 places.
//! - A host alone in its place is admitted at most `burst + rate × time` times, over any time.
//! - All hosts together are admitted at most `places × (burst + rate × time)` times: whoever
//!   displaces a host that is not idle takes over its debt, so inventing addresses wins nothing.
//! - Which hosts share a set is secret, so nobody can choose whom to displace.
//! - The place of an idle host holds no information; giving it away changes no decision.

use std::{
    hash::Hasher,
    net::IpAddr,
    num::{NonZeroU32, NonZeroUsize},
    time::Duration,
};

use quintet_primitives::time::Instant;
use siphasher::sip::SipHasher13;

use super::Rate;
use crate::Host;

const WAYS: usize = 8;

/// Places a table has at most: 1 Mi places take 48 MiB.
const PLACES_MAX: usize = 1 << 20;

/// How much each host may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressLimiterConfig {
    /// Datagrams over time. The time of one is rounded up to a whole nanosecond.
    pub rate: Rate,
    /// Datagrams at once after a silence.
    pub burst: NonZeroU32,
    /// Hosts remembered at once, rounded up to a power of two, at least 8 and at most 1 Mi.
    pub hosts: NonZeroUsize,
}

/// Whether a datagram may be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It may.
    Admit,
    /// Its host has sent too much: drop it unread.
    Refuse {
        /// When the host's next datagram will be admitted.
        until: Instant,
    },
}

#[derive(Debug, Clone, Copy)]
struct Place {
    host: Host,
    /// GCRA's theoretical arrival time, in nanoseconds since the start of the runtime.
    spent_until: u64,
}

/// The table.
pub struct AddressLimiter {
    key: [u8; 16],
    interval: u64,
    /// How far `spent_until` may be ahead of an admitted datagram before it.
    tolerance: u64,
    /// A power of two times [`WAYS`].
    places: Box<[Option<Place>]>,
    displaced: u64,
}

impl AddressLimiter {
    /// Makes an empty table; `key` is 16 random bytes that nobody else knows.
    #[must_use]
    pub fn new(config: AddressLimiterConfig, key: [u8; 16]) -> Self {
        let places = config.hosts.get().min(PLACES_MAX).next_power_of_two().max(WAYS);
        let interval = config.rate.interval_nanos();
        Self {
            key,
            interval,
            tolerance: interval.saturating_mul(u64::from(config.burst.get()) - 1),
            places: vec![None; places].into_boxed_slice(),
            displaced: 0,
        }
    }

    /// Decides about a datagram from `ip` that arrived at `now`, and counts it if it is admitted.
    pub fn admit(&mut self, ip: IpAddr, now: Instant) -> Decision {
        let now = u64::try_from(now.since_start().as_nanos()).unwrap_or(u64::MAX);
        let host = Host::of(ip);
        let interval = self.interval;
        let tolerance = self.tolerance;
        let place = self.place(host, now);
        let spent_until = place.spent_until.max(now);
        if spent_until - now > tolerance {
            return Decision::Refuse { until: instant(spent_until - tolerance) };
        }
        place.spent_until = spent_until.saturating_add(interval);
        Decision::Admit
    }

    /// Returns how often a host displaced another that was not idle: a flood from many addresses, or
    /// a table too small.
    #[must_use]
    pub const fn displaced(&self) -> u64 {
        self.displaced
    }

    /// Returns the number of hosts that can be remembered at once.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.places.len()
    }

    /// The host's place, taken for it if it has none.
    fn place(&mut self, host: Host, now: u64) -> &mut Place {
        let set = self.set(host);
        let ways = &mut self.places[set * WAYS..(set + 1) * WAYS];
        let known = ways.iter().position(|way| way.is_some_and(|place| place.host == host));
        let way = known.unwrap_or_else(|| {
            let debt = |way: &Option<Place>| way.map_or(0, |place| place.spent_until);
            let least = (0..WAYS).min_by_key(|&way| debt(&ways[way])).unwrap_or(0);
            let spent_until = debt(&ways[least]);
            if spent_until > now {
                self.displaced = self.displaced.saturating_add(1);
            }
            ways[least] = Some(Place { host, spent_until });
            least
        });
        ways[way].get_or_insert(Place { host, spent_until: 0 })
    }

    fn set(&self, host: Host) -> usize {
        let mut hasher = SipHasher13::new_with_key(&self.key);
        hasher.write(&host.to_bytes());
        let sets = self.places.len() / WAYS;
        // `sets` is a power of two, and no larger than usize can say.
        usize::try_from(hasher.finish() % sets as u64).unwrap_or(0)
    }
}

fn instant(nanos: u64) -> Instant {
    Instant::new(Duration::from_nanos(nanos))
}

impl std::fmt::Debug for AddressLimiter {
    /// Without the key.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AddressLimiter")
            .field("capacity", &self.capacity())
            .field("displaced", &self.displaced)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroU64;

    use super::*;

    fn limiter(per_second: u64, burst: u32, hosts: usize) -> AddressLimiter {
        let config = AddressLimiterConfig {
            rate: Rate::per_second(NonZeroU64::new(per_second).unwrap()),
            burst: NonZeroU32::new(burst).unwrap(),
            hosts: NonZeroUsize::new(hosts).unwrap(),
        };
        AddressLimiter::new(config, [7; 16])
    }

    fn ip(number: u32) -> IpAddr {
        IpAddr::from(number.to_be_bytes())
    }

    #[test]
    fn a_host_has_its_burst_and_then_its_rate() {
        let mut limiter = limiter(10, 3, 64);
        for _ in 0..3 {
            assert_eq!(limiter.admit(ip(1), Instant::ZERO), Decision::Admit);
        }
        let until = Instant::from_millis(100);
        assert_eq!(limiter.admit(ip(1), Instant::ZERO), Decision::Refuse { until });
        assert_eq!(limiter.admit(ip(2), Instant::ZERO), Decision::Admit);
        assert_eq!(limiter.admit(ip(1), until), Decision::Admit);
        assert!(matches!(limiter.admit(ip(1), until), Decision::Refuse { .. }));
    }

    #[test]
    fn refused_datagrams_do_not_lengthen_the_wait() {
        let mut limiter = limiter(10, 1, 64);
        limiter.admit(ip(1), Instant::ZERO);
        for millis in 0..100 {
            let decision = limiter.admit(ip(1), Instant::from_millis(millis));
            assert_eq!(decision, Decision::Refuse { until: Instant::from_millis(100) });
        }
        assert_eq!(limiter.admit(ip(1), Instant::from_millis(100)), Decision::Admit);
    }

    #[test]
    fn the_addresses_of_one_ipv6_host_share_its_allowance() {
        let mut limiter = limiter(1, 1, 64);
        let first = limiter.admit("2001:db8::1".parse().unwrap(), Instant::ZERO);
        let second = limiter.admit("2001:db8::2".parse().unwrap(), Instant::ZERO);
        assert_eq!(first, Decision::Admit);
        assert!(matches!(second, Decision::Refuse { .. }));
    }

    #[test]
    fn inventing_addresses_wins_no_more_than_the_table_holds() {
        let mut limiter = limiter(1, 4, 64);
        let admitted = (0..100_000)
            .filter(|&number| limiter.admit(ip(number), Instant::ZERO) == Decision::Admit)
            .count();
        assert!(admitted <= 64 * 4, "{admitted} admitted");
        assert!(limiter.displaced() > 0);
    }

    #[test]
    fn a_flood_that_is_over_leaves_nothing_behind() {
        let mut limiter = limiter(1, 1, 8);
        for number in 0..1_000 {
            limiter.admit(ip(number), Instant::ZERO);
        }
        let displaced = limiter.displaced();
        for number in 1_000..1_008 {
            assert_eq!(limiter.admit(ip(number), Instant::from_secs(60)), Decision::Admit);
        }
        assert_eq!(limiter.displaced(), displaced);
    }
}
