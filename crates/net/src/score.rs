//! Misbehaviour: what a host has on its account, and when that is enough for a ban.
//!
//! A penalty adds points; time takes them away, one every [`ScoreConfig::decay_every`], so a host
//! that errs now and then stays and one that keeps erring goes. What a penalty costs is the
//! protocol's to say; what follows a ban is [`bans`](crate::bans).
//!
//! ```
//! # use std::{net::IpAddr, time::Duration};
//! # use quintet_net::{Host, Subnet, bans::{BanList, BanReason}, score::{ScoreConfig, Scores, Verdict}};
//! # use quintet_primitives::time::{Instant, UnixTime};
//! # let (now, wall) = (Instant::ZERO, UnixTime::from_secs(1_700_000_000));
//! # let ip: IpAddr = "192.0.2.7".parse()?;
//! let mut scores = Scores::new(ScoreConfig::default());
//! let mut bans = BanList::new();
//! if let Verdict::Ban { .. } = scores.penalise(ip, 100, now) {
//!     let until = wall.saturating_add(Duration::from_secs(24 * 3600));
//!     bans.ban(Subnet::host(Host::of(ip)), until, BanReason::Misbehaviour, wall)?;
//! }
//! assert!(bans.find(ip, wall).is_some());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Invariants
//!
//! - At most `hosts_max` hosts have an account; the one with the fewest points goes first, so a
//!   crowd of small offenders cannot clear a large one.
//! - A penalty costs two look-ups, however many accounts there are.

use std::{
    collections::{BTreeSet, HashMap},
    net::IpAddr,
    num::{NonZeroU32, NonZeroUsize},
    time::Duration,
};

use quintet_primitives::time::Instant;

use crate::Host;

/// How lenient to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScoreConfig {
    /// Points at which a host is to be banned.
    pub threshold: NonZeroU32,
    /// Time that takes one point away, at least a nanosecond.
    pub decay_every: Duration,
    /// Hosts with an account at most.
    pub hosts_max: NonZeroUsize,
}

impl Default for ScoreConfig {
    /// A ban at 100 points, one point off a minute, 8192 hosts.
    fn default() -> Self {
        Self {
            threshold: NonZeroU32::MIN.saturating_add(99),
            decay_every: Duration::from_secs(60),
            hosts_max: NonZeroUsize::MIN.saturating_add(8191),
        }
    }
}

/// What follows a penalty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing yet.
    Tolerated {
        /// Points on the host's account now.
        points: u32,
    },
    /// The host has reached the threshold; its account is closed.
    Ban {
        /// Points it had at the end.
        points: u32,
    },
}

/// The accounts of all hosts that have misbehaved lately.
///
/// All accounts decay at the same pace, so an account is the one instant at which it will be empty:
/// its points are the time until then, and the order of accounts does not change as time passes.
#[derive(Debug)]
pub struct Scores {
    config: ScoreConfig,
    empty_at: HashMap<Host, Instant>,
    /// The same, smallest account first.
    by_size: BTreeSet<(Instant, Host)>,
}

impl Scores {
    /// Opens no account.
    #[must_use]
    pub fn new(config: ScoreConfig) -> Self {
        Self { config, empty_at: HashMap::new(), by_size: BTreeSet::new() }
    }

    /// Adds `points` to the account of `ip`'s host.
    pub fn penalise(&mut self, ip: IpAddr, points: u32, now: Instant) -> Verdict {
        let host = Host::of(ip);
        let before = self.close(host).unwrap_or(now).max(now);
        let empty_at = before.saturating_add(self.interval().saturating_mul(points));
        let points = self.points_until(empty_at, now);
        if points >= self.config.threshold.get() {
            return Verdict::Ban { points };
        }
        if self.empty_at.len() >= self.config.hosts_max.get()
            && let Some(&(_, smallest)) = self.by_size.first()
        {
            self.close(smallest);
        }
        self.empty_at.insert(host, empty_at);
        self.by_size.insert((empty_at, host));
        Verdict::Tolerated { points }
    }

    /// Returns the points on the account of `ip`'s host.
    #[must_use]
    pub fn points(&self, ip: IpAddr, now: Instant) -> u32 {
        self.empty_at.get(&Host::of(ip)).map_or(0, |&empty_at| self.points_until(empty_at, now))
    }

    /// Returns the number of hosts with an account, empty ones that have not made room included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.empty_at.len()
    }

    /// Returns whether no host has an account.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.empty_at.is_empty()
    }

    fn close(&mut self, host: Host) -> Option<Instant> {
        let empty_at = self.empty_at.remove(&host)?;
        self.by_size.remove(&(empty_at, host));
        Some(empty_at)
    }

    fn interval(&self) -> Duration {
        self.config.decay_every.max(Duration::from_nanos(1))
    }

    /// A point that has begun to decay still counts whole.
    fn points_until(&self, empty_at: Instant, now: Instant) -> u32 {
        let points = (empty_at - now).as_nanos().div_ceil(self.interval().as_nanos());
        u32::try_from(points).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(last: u8) -> IpAddr {
        [192, 0, 2, last].into()
    }

    fn scores(hosts_max: usize) -> Scores {
        let hosts_max = NonZeroUsize::new(hosts_max).unwrap();
        Scores::new(ScoreConfig { hosts_max, ..ScoreConfig::default() })
    }

    #[test]
    fn enough_penalties_make_a_ban_and_close_the_account() {
        let mut scores = scores(9);
        let now = Instant::ZERO;
        assert_eq!(scores.penalise(ip(1), 60, now), Verdict::Tolerated { points: 60 });
        assert_eq!(scores.penalise(ip(2), 60, now), Verdict::Tolerated { points: 60 });
        assert_eq!(scores.penalise(ip(1), 40, now), Verdict::Ban { points: 100 });
        assert_eq!(scores.points(ip(1), now), 0);
        assert_eq!(scores.points(ip(2), now), 60);
    }

    #[test]
    fn time_takes_points_away_without_losing_a_part_of_an_interval() {
        let mut scores = scores(9);
        scores.penalise(ip(1), 50, Instant::ZERO);
        assert_eq!(scores.points(ip(1), Instant::from_secs(59)), 50);
        scores.penalise(ip(1), 1, Instant::from_secs(90));
        assert_eq!(scores.points(ip(1), Instant::from_secs(90)), 50);
        assert_eq!(scores.points(ip(1), Instant::from_secs(120)), 49);
        assert_eq!(scores.points(ip(1), Instant::from_secs(1_000_000)), 0);
    }

    #[test]
    fn extreme_penalties_and_intervals_do_not_overflow() {
        for decay_every in [Duration::ZERO, Duration::MAX] {
            let mut scores = Scores::new(ScoreConfig { decay_every, ..ScoreConfig::default() });
            let verdict = scores.penalise(ip(1), u32::MAX, Instant::ZERO);
            assert!(matches!(verdict, Verdict::Ban { .. } | Verdict::Tolerated { points: 1 }));
            scores.penalise(ip(1), 1, Instant::new(Duration::MAX));
        }
    }

    #[test]
    fn a_crowd_of_small_offenders_cannot_clear_a_large_one() {
        let mut scores = scores(4);
        scores.penalise(ip(0), 90, Instant::ZERO);
        for last in 1..=200 {
            scores.penalise(ip(last), 1, Instant::ZERO);
            assert!(scores.len() <= 4);
        }
        assert_eq!(scores.points(ip(0), Instant::ZERO), 90);
    }
}
