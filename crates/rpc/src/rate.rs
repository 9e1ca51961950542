//! How fast one client may ask: a token bucket for each client address, in a bounded table.
//!
//! A bucket is one instant, the moment it will be full again (the generic cell rate algorithm): taking a token moves it
//! one emission interval ahead, and a request is refused when that would leave it further ahead of now than the burst
//! allows. A bucket whose instant lies in the past is full and need not be remembered.
//!
//! # Invariants
//!
//! - At most `clients_max` clients are remembered. When more come, full buckets are dropped first and then the one
//!   that is nearest to full, which favours a flood of addresses least.
//! - An IPv6 client counts as its /64 network, the smallest unit a subscriber is given.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::config::RateLimit;

/// The request comes too early.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TooFast {
    /// When the same request would pass.
    pub(crate) retry_after: Duration,
}

/// The buckets of all clients.
#[derive(Debug)]
pub(crate) struct RateLimiter {
    /// Time in which one token comes back; `None` when there is no limit.
    emission: Option<Duration>,
    burst: u32,
    clients_max: usize,
    full_at: Mutex<HashMap<IpAddr, Instant>>,
}

impl RateLimiter {
    pub(crate) fn new(limit: RateLimit) -> Self {
        let emission = (limit.requests_per_second > 0)
            .then(|| Duration::from_secs(1) / limit.requests_per_second);
        let (burst, clients_max) = (limit.burst, limit.clients_max);
        Self { emission, burst, clients_max, full_at: Mutex::default() }
    }

    /// Takes `tokens` from the client's bucket, all or none.
    pub(crate) fn take(&self, client: IpAddr, tokens: u32, now: Instant) -> Result<(), TooFast> {
        let Some(emission) = self.emission else { return Ok(()) };
        if tokens == 0 {
            return Ok(());
        }
        let allowance = emission.saturating_mul(self.burst);
        let cost = emission.saturating_mul(tokens);
        let mut full_at = self.full_at.lock().unwrap_or_else(PoisonError::into_inner);
        let client = bucket_of(client);
        let ahead =
            full_at.get(&client).map_or(Duration::ZERO, |at| at.saturating_duration_since(now));
        let ahead_after = ahead.saturating_add(cost);
        if ahead_after > allowance {
            return Err(TooFast { retry_after: ahead_after - allowance });
        }
        if full_at.len() >= self.clients_max && !full_at.contains_key(&client) {
            make_room(&mut full_at, self.clients_max, now);
        }
        full_at.insert(client, now + ahead_after);
        Ok(())
    }
}

fn make_room(full_at: &mut HashMap<IpAddr, Instant>, clients_max: usize, now: Instant) {
    full_at.retain(|_, at| *at > now);
    if full_at.len() >= clients_max
        && let Some(most_rested) =
            full_at.iter().min_by_key(|(_, at)| **at).map(|(client, _)| *client)
    {
        full_at.remove(&most_rested);
    }
}

fn bucket_of(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => {
            const NETWORK: u128 = !0 << 64;
            IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & NETWORK))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limiter(requests_per_second: u32, burst: u32, clients_max: usize) -> RateLimiter {
        RateLimiter::new(RateLimit { requests_per_second, burst, clients_max })
    }

    fn client(n: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, n])
    }

    #[test]
    fn a_burst_passes_and_then_the_sustained_rate() {
        let limiter = limiter(10, 3, 8);
        let start = Instant::now();
        assert_eq!(limiter.take(client(1), 3, start), Ok(()));
        let retry_after = Duration::from_millis(100);
        assert_eq!(limiter.take(client(1), 1, start), Err(TooFast { retry_after }));
        assert_eq!(limiter.take(client(2), 1, start), Ok(()), "another client is not concerned");
        assert_eq!(limiter.take(client(1), 1, start + retry_after), Ok(()));
        assert!(limiter.take(client(1), 1, start + retry_after).is_err());
    }

    #[test]
    fn a_refused_request_costs_nothing() {
        let limiter = limiter(10, 3, 8);
        let start = Instant::now();
        assert!(limiter.take(client(1), 4, start).is_err());
        assert_eq!(limiter.take(client(1), 3, start), Ok(()));
    }

    #[test]
    fn the_table_never_holds_more_than_its_bound_and_forgets_the_most_rested() {
        let limiter = limiter(1, 100, 2);
        let now = Instant::now();
        limiter.take(client(1), 100, now).unwrap();
        limiter.take(client(2), 1, now).unwrap();
        limiter.take(client(3), 1, now).unwrap();
        let table = limiter.full_at.lock().unwrap();
        assert_eq!(table.len(), 2);
        assert!(table.contains_key(&client(1)), "the busiest client stays remembered");
    }

    #[test]
    fn neighbours_in_one_ipv6_network_share_a_bucket_and_mapped_ipv4_is_ipv4() {
        let limiter = limiter(1, 1, 8);
        let now = Instant::now();
        limiter.take("2001:db8::1".parse().unwrap(), 1, now).unwrap();
        assert!(limiter.take("2001:db8::ffff".parse().unwrap(), 1, now).is_err());
        assert!(limiter.take("2001:db8:0:1::1".parse().unwrap(), 1, now).is_ok());
        limiter.take("::ffff:10.0.0.1".parse().unwrap(), 1, now).unwrap();
        assert!(limiter.take(client(1), 1, now).is_err());
    }

    #[test]
    fn a_rate_of_zero_switches_the_limit_off() {
        let limiter = limiter(0, 1, 1);
        let now = Instant::now();
        assert!((0..1_000).all(|_| limiter.take(client(1), 100, now).is_ok()));
    }
}
