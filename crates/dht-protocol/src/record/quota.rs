//! How many records one address, and one network, has stored here.
//!
//! Counts exist only for sources that hold something, so the tables are no larger than the shelf.

use core::net::IpAddr;
use std::collections::HashMap;

use quintet_primitives::addr;

use super::Refusal;

/// Prefix that counts as one network, IPv4.
const NETWORK_BITS_V4: u8 = 24;

/// Prefix that counts as one network, IPv6: a /64 is too easily had.
const NETWORK_BITS_V6: u8 = 48;

/// Counts records by source.
#[derive(Debug)]
pub(super) struct Quota {
    per_address_max: usize,
    per_network_max: usize,
    local_exempt: bool,
    addresses: HashMap<IpAddr, usize>,
    networks: HashMap<IpAddr, usize>,
}

impl Quota {
    pub(super) fn new(per_address_max: usize, per_network_max: usize, local_exempt: bool) -> Self {
        Self {
            per_address_max,
            per_network_max,
            local_exempt,
            addresses: HashMap::new(),
            networks: HashMap::new(),
        }
    }

    /// Checks that `source` may hold one record more, counting off one that `replaced` gives back.
    pub(super) fn check(&self, source: IpAddr, replaced: Option<IpAddr>) -> Result<(), Refusal> {
        let count = |table: &HashMap<IpAddr, usize>, of: fn(IpAddr) -> IpAddr| {
            let given_back = usize::from(replaced.is_some_and(|ip| of(ip) == of(source)));
            table.get(&of(source)).copied().unwrap_or(0).saturating_sub(given_back)
        };
        if !self.counts(source) {
            return Ok(());
        }
        if count(&self.addresses, |ip| ip) >= self.per_address_max {
            return Err(Refusal::Quota { scope: "address", limit: self.per_address_max });
        }
        if count(&self.networks, network) >= self.per_network_max {
            return Err(Refusal::Quota { scope: "network", limit: self.per_network_max });
        }
        Ok(())
    }

    pub(super) fn add(&mut self, source: IpAddr) {
        if self.counts(source) {
            *self.addresses.entry(source).or_default() += 1;
            *self.networks.entry(network(source)).or_default() += 1;
        }
    }

    /// Gives one record of `source` back; a source that never counted is ignored.
    pub(super) fn release(&mut self, source: IpAddr) {
        for (table, key) in [(&mut self.addresses, source), (&mut self.networks, network(source))] {
            if let Some(count) = table.get_mut(&key) {
                *count -= 1;
                if *count == 0 {
                    table.remove(&key);
                }
            }
        }
    }

    fn counts(&self, source: IpAddr) -> bool {
        !(source.is_unspecified() || self.local_exempt && addr::is_local(source))
    }
}

fn network(ip: IpAddr) -> IpAddr {
    let bits = if ip.is_ipv4() { NETWORK_BITS_V4 } else { NETWORK_BITS_V6 };
    addr::prefix(ip, bits)
}
