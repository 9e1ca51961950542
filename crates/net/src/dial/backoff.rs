//! When an address that could not be reached may be dialled again.
//!
//! # Invariants
//!
//! - The wait doubles with every failure, up to a cap; its second half is random, so that many nodes
//!   that lost the same peer do not all come back at once.
//! - At most `addresses_max` addresses are remembered; the one that may be dialled first goes first.

use std::{collections::HashMap, net::SocketAddr, num::NonZeroUsize, time::Duration};

use quintet_primitives::time::Instant;
use rand::{Rng, RngExt};

/// How long to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackoffConfig {
    /// The wait after the first failure.
    pub first: Duration,
    /// The longest wait.
    pub cap: Duration,
    /// Addresses remembered at most.
    pub addresses_max: NonZeroUsize,
}

impl Default for BackoffConfig {
    /// Ten seconds to one hour, 4096 addresses.
    fn default() -> Self {
        Self {
            first: Duration::from_secs(10),
            cap: Duration::from_secs(3600),
            addresses_max: NonZeroUsize::MIN.saturating_add(4095),
        }
    }
}

#[derive(Debug, Clone, Copy)]
struct Failures {
    count: u32,
    not_before: Instant,
}

/// The addresses that failed lately.
#[derive(Debug)]
pub struct DialBackoff {
    config: BackoffConfig,
    failures: HashMap<SocketAddr, Failures>,
}

impl DialBackoff {
    /// Remembers no failure.
    #[must_use]
    pub fn new(config: BackoffConfig) -> Self {
        Self { config, failures: HashMap::new() }
    }

    /// Returns the instant before which `addr` is not to be dialled, if that is later than `now`.
    #[must_use]
    pub fn wait_until(&self, addr: SocketAddr, now: Instant) -> Option<Instant> {
        let failures = self.failures.get(&addr)?;
        (failures.not_before > now).then_some(failures.not_before)
    }

    /// Counts a failure; returns when `addr` may be dialled again.
    pub fn failed(&mut self, addr: SocketAddr, now: Instant, rng: &mut impl Rng) -> Instant {
        if !self.failures.contains_key(&addr)
            && self.failures.len() >= self.config.addresses_max.get()
        {
            let key = |(addr, failures): &(&SocketAddr, &Failures)| (failures.not_before, **addr);
            let first = self.failures.iter().min_by_key(key).map(|(addr, _)| *addr);
            first.map(|addr| self.failures.remove(&addr));
        }
        let fresh = Failures { count: 0, not_before: now };
        let failures = self.failures.entry(addr).or_insert(fresh);
        let factor = 1_u32.checked_shl(failures.count).unwrap_or(u32::MAX);
        let longest = self.config.first.saturating_mul(factor).min(self.config.cap);
        let half = longest / 2;
        let nanos = u64::try_from((longest - half).as_nanos()).unwrap_or(u64::MAX);
        let random = Duration::from_nanos(rng.random_range(0..=nanos));
        failures.count = failures.count.saturating_add(1);
        failures.not_before = now.saturating_add(half.saturating_add(random));
        failures.not_before
    }

    /// Forgets the failures of `addr`.
    pub fn succeeded(&mut self, addr: SocketAddr) {
        self.failures.remove(&addr);
    }

    /// Returns the number of addresses remembered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.failures.len()
    }

    /// Returns whether no failure is remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.failures.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    fn addr(port: u16) -> SocketAddr {
        ([192, 0, 2, 1], port).into()
    }

    #[test]
    fn the_wait_doubles_up_to_its_cap_and_half_of_it_is_random() {
        let mut backoff = DialBackoff::new(BackoffConfig::default());
        let mut rng = StdRng::seed_from_u64(1);
        for longest in [10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600] {
            let until = backoff.failed(addr(1), Instant::ZERO, &mut rng);
            assert!(until >= Instant::from_millis(longest * 500), "{until:?}");
            assert!(until <= Instant::from_secs(longest), "{until:?}");
            assert_eq!(backoff.wait_until(addr(1), Instant::ZERO), Some(until));
            assert_eq!(backoff.wait_until(addr(1), until), None);
        }
        backoff.succeeded(addr(1));
        assert!(backoff.failed(addr(1), Instant::ZERO, &mut rng) <= Instant::from_secs(10));
    }

    #[test]
    fn a_full_table_forgets_the_address_that_may_be_dialled_first() {
        let addresses_max = NonZeroUsize::new(2).unwrap();
        let mut backoff =
            DialBackoff::new(BackoffConfig { addresses_max, ..BackoffConfig::default() });
        let mut rng = StdRng::seed_from_u64(1);
        backoff.failed(addr(1), Instant::from_secs(100), &mut rng);
        backoff.failed(addr(2), Instant::ZERO, &mut rng);
        backoff.failed(addr(3), Instant::from_secs(100), &mut rng);
        assert_eq!(backoff.len(), 2);
        assert!(backoff.wait_until(addr(1), Instant::ZERO).is_some());
        assert!(backoff.wait_until(addr(2), Instant::ZERO).is_none());
    }
}
