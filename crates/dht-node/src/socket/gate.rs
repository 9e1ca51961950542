//! What may come in: the limits that stand before the parser.
//!
//! One address after the other first, then everybody together, so that a flood from one address does
//! not use up what all may send.

use std::{
    net::IpAddr,
    num::{NonZeroU32, NonZeroU64, NonZeroUsize},
};

use quintet_dht_protocol::dht::PACKET_MAX;
use quintet_net::limits::{AddressLimiter, AddressLimiterConfig, Decision, Rate, TokenBucket};
use quintet_primitives::{addr, time::Instant};

use crate::config::LimitsConfig;

/// The limits in force.
#[derive(Debug)]
pub(super) struct Gate {
    addresses: Option<AddressLimiter>,
    packets: Option<TokenBucket>,
    bytes: Option<TokenBucket>,
    exempt_local: bool,
}

impl Gate {
    /// Makes limits that nobody has used yet. `key` is 16 random bytes that nobody else knows.
    pub(super) fn new(
        config: &LimitsConfig,
        allow_local: bool,
        key: [u8; 16],
        now: Instant,
    ) -> Self {
        let addresses = NonZeroU64::new(config.packets.into()).map(|packets| {
            let config = AddressLimiterConfig {
                rate: Rate::per_second(packets),
                burst: NonZeroU32::new(config.burst).unwrap_or(NonZeroU32::MIN),
                hosts: NonZeroUsize::new(config.addresses).unwrap_or(NonZeroUsize::MIN),
            };
            AddressLimiter::new(config, key)
        });
        let bucket = |amount: u64, least: u64| {
            let rate = NonZeroU64::new(amount)?;
            let capacity = NonZeroU64::new(amount.max(least))?;
            Some(TokenBucket::new(Rate::per_second(rate), capacity, now))
        };
        Self {
            addresses,
            packets: bucket(config.total_packets.into(), 1),
            bytes: bucket(config.total_bytes.bytes(), PACKET_MAX as u64),
            exempt_local: config.exempt_local && allow_local,
        }
    }

    /// Decides whether a packet of `bytes` bytes may be looked at, and counts it if so.
    pub(super) fn admits(&mut self, from: IpAddr, bytes: usize, now: Instant) -> bool {
        if self.exempt_local && addr::is_local(from) {
            return true;
        }
        let alone =
            self.addresses.as_mut().is_none_or(|limit| limit.admit(from, now) == Decision::Admit);
        alone
            && self.packets.as_mut().is_none_or(|limit| limit.take(1, now).is_ok())
            && self.bytes.as_mut().is_none_or(|limit| limit.take(bytes as u64, now).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use quintet_node::config::ByteSize;

    use super::*;

    fn gate(config: &LimitsConfig) -> Gate {
        Gate::new(config, true, [1; 16], Instant::ZERO)
    }

    fn admitted(gate: &mut Gate, from: [u8; 4], packets: usize) -> usize {
        (0..packets).filter(|_| gate.admits(from.into(), 100, Instant::ZERO)).count()
    }

    #[test]
    fn an_address_that_floods_uses_up_its_own_share_only() {
        let config = LimitsConfig { packets: 10, burst: 5, ..LimitsConfig::default() };
        let mut gate = gate(&config);
        assert_eq!(admitted(&mut gate, [8, 8, 8, 8], 1_000), 5);
        assert_eq!(admitted(&mut gate, [9, 9, 9, 9], 3), 3);
    }

    #[test]
    fn everybody_together_has_a_limit_of_packets_and_of_bytes() {
        let config = LimitsConfig { total_packets: 7, ..LimitsConfig::none() };
        assert_eq!(admitted(&mut gate(&config), [8, 8, 8, 8], 1_000), 7);
        let total_bytes = ByteSize::from_bytes(4_500);
        let config = LimitsConfig { total_bytes, ..LimitsConfig::none() };
        assert_eq!(admitted(&mut gate(&config), [8, 8, 8, 8], 1_000), 45);
    }

    #[test]
    fn local_addresses_are_limited_where_they_are_no_friends() {
        let config = LimitsConfig { packets: 10, burst: 5, ..LimitsConfig::default() };
        assert_eq!(admitted(&mut gate(&config), [127, 0, 0, 1], 100), 100);
        let mut public = Gate::new(&config, false, [1; 16], Instant::ZERO);
        assert_eq!(admitted(&mut public, [127, 0, 0, 1], 100), 5);
        let strict = LimitsConfig { exempt_local: false, ..config };
        assert_eq!(admitted(&mut gate(&strict), [127, 0, 0, 1], 100), 5);
    }
}
