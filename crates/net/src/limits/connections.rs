//! How many connections at once: in total, with one host, with one network group.
//!
//! # Invariants
//!
//! - In each direction: open connections ≤ `total`, of one host ≤ `per_host`, of one group
//!   ≤ `per_group`, as far as the limits have not been lowered since.
//! - Every [`Slot`] that was handed out is counted until it is given back; it cannot be copied.
//! - Memory is proportional to the connections open.

use std::{collections::HashMap, hash::Hash, net::IpAddr};

use quintet_primitives::addr::NetGroup;
use thiserror::Error;

use crate::Host;

/// Who began the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Direction {
    /// The peer did.
    Inbound,
    /// We did.
    Outbound,
}

impl std::fmt::Display for Direction {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
        })
    }
}

/// The limits of one direction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DirectionLimits {
    /// Connections in all.
    pub total: usize,
    /// Connections with one host.
    pub per_host: usize,
    /// Connections with one network group.
    pub per_group: usize,
}

/// The limits of both directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConnectionLimits {
    /// Connections peers began.
    pub inbound: DirectionLimits,
    /// Connections we began.
    pub outbound: DirectionLimits,
    /// Whether loopback and private addresses count against the total alone: many nodes on one
    /// machine, or behind one router, look like one host.
    pub exempt_local: bool,
}

/// A connection would pass a limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum LimitError {
    /// There are as many connections as there may be.
    #[error("expected at most {expected} {direction} connections: close one first")]
    Total {
        /// The direction of the refused connection.
        direction: Direction,
        /// The limit.
        expected: usize,
    },
    /// The host has as many connections as it may.
    #[error("expected at most {expected} {direction} connections with {host}")]
    Host {
        /// The direction of the refused connection.
        direction: Direction,
        /// The host.
        host: Host,
        /// The limit.
        expected: usize,
    },
    /// The network group has as many connections as it may.
    #[error("expected at most {expected} {direction} connections with {group}")]
    Group {
        /// The direction of the refused connection.
        direction: Direction,
        /// The group.
        group: NetGroup,
        /// The limit.
        expected: usize,
    },
}

/// The right to one connection. Give it back with [`Connections::close`] when the connection ends.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a slot that is not given back stays taken"]
pub struct Slot {
    direction: Direction,
    ip: IpAddr,
}

impl Slot {
    /// Returns who began the connection.
    #[must_use]
    pub const fn direction(&self) -> Direction {
        self.direction
    }

    /// Returns the peer's address.
    #[must_use]
    pub const fn ip(&self) -> IpAddr {
        self.ip
    }
}

#[derive(Debug, Default)]
struct Open {
    total: usize,
    hosts: HashMap<Host, usize>,
    groups: HashMap<NetGroup, usize>,
}

/// Counts the open connections.
#[derive(Debug)]
pub struct Connections {
    limits: ConnectionLimits,
    inbound: Open,
    outbound: Open,
}

impl Connections {
    /// Counts from zero.
    #[must_use]
    pub fn new(limits: ConnectionLimits) -> Self {
        Self { limits, inbound: Open::default(), outbound: Open::default() }
    }

    /// Changes the limits while running. Connections open beyond them stay; new ones are refused.
    pub const fn set_limits(&mut self, limits: ConnectionLimits) {
        self.limits = limits;
    }

    /// Takes a slot for a connection with `ip`.
    ///
    /// # Errors
    ///
    /// [`LimitError`] names the limit in the way.
    pub fn open(&mut self, direction: Direction, ip: IpAddr) -> Result<Slot, LimitError> {
        self.check(direction, ip)?;
        let open = self.of_mut(direction);
        open.total += 1;
        *open.hosts.entry(Host::of(ip)).or_default() += 1;
        *open.groups.entry(NetGroup::of(ip)).or_default() += 1;
        Ok(Slot { direction, ip })
    }

    /// Returns whether [`Connections::open`] would succeed; ask before dialling.
    ///
    /// # Errors
    ///
    /// [`LimitError`] names the limit in the way.
    pub fn check(&self, direction: Direction, ip: IpAddr) -> Result<(), LimitError> {
        let (open, limits) = match direction {
            Direction::Inbound => (&self.inbound, self.limits.inbound),
            Direction::Outbound => (&self.outbound, self.limits.outbound),
        };
        if open.total >= limits.total {
            return Err(LimitError::Total { direction, expected: limits.total });
        }
        let (host, group) = (Host::of(ip), NetGroup::of(ip));
        if self.limits.exempt_local && group == NetGroup::Local {
            return Ok(());
        }
        if open.hosts.get(&host).is_some_and(|&count| count >= limits.per_host)
            || limits.per_host == 0
        {
            return Err(LimitError::Host { direction, host, expected: limits.per_host });
        }
        if open.groups.get(&group).is_some_and(|&count| count >= limits.per_group)
            || limits.per_group == 0
        {
            return Err(LimitError::Group { direction, group, expected: limits.per_group });
        }
        Ok(())
    }

    /// Gives a slot back.
    #[expect(clippy::needless_pass_by_value, reason = "a slot is given back once, by value")]
    pub fn close(&mut self, slot: Slot) {
        let open = self.of_mut(slot.direction);
        open.total = open.total.saturating_sub(1);
        decrement(&mut open.hosts, &Host::of(slot.ip));
        decrement(&mut open.groups, &NetGroup::of(slot.ip));
    }

    /// Returns the number of connections open in one direction.
    #[must_use]
    pub const fn count(&self, direction: Direction) -> usize {
        match direction {
            Direction::Inbound => self.inbound.total,
            Direction::Outbound => self.outbound.total,
        }
    }

    const fn of_mut(&mut self, direction: Direction) -> &mut Open {
        match direction {
            Direction::Inbound => &mut self.inbound,
            Direction::Outbound => &mut self.outbound,
        }
    }
}

fn decrement<K: Eq + Hash>(counts: &mut HashMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count = count.saturating_sub(1);
        if *count == 0 {
            counts.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: ConnectionLimits = ConnectionLimits {
        inbound: DirectionLimits { total: 5, per_host: 2, per_group: 3 },
        outbound: DirectionLimits { total: 2, per_host: 1, per_group: 1 },
        exempt_local: true,
    };

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn each_limit_is_named_when_it_is_reached() {
        use Direction::{Inbound, Outbound};
        let mut connections = Connections::new(LIMITS);
        let mut open = |direction, text| connections.open(direction, ip(text)).map(drop);
        open(Inbound, "8.8.0.1").unwrap();
        open(Inbound, "8.8.0.1").unwrap();
        let host = Host::of(ip("8.8.0.1"));
        assert_eq!(
            open(Inbound, "8.8.0.1"),
            Err(LimitError::Host { direction: Inbound, host, expected: 2 })
        );
        open(Inbound, "8.8.0.2").unwrap();
        let group = NetGroup::V4([8, 8]);
        assert_eq!(
            open(Inbound, "8.8.0.3"),
            Err(LimitError::Group { direction: Inbound, group, expected: 3 })
        );
        open(Inbound, "9.9.0.1").unwrap();
        open(Inbound, "9.9.0.2").unwrap();
        assert_eq!(
            open(Inbound, "7.7.0.1"),
            Err(LimitError::Total { direction: Inbound, expected: 5 })
        );
        open(Outbound, "8.8.0.1").unwrap();
    }

    #[test]
    fn a_slot_given_back_can_be_taken_again() {
        let mut connections = Connections::new(LIMITS);
        let slot = connections.open(Direction::Outbound, ip("8.8.0.1")).unwrap();
        assert!(connections.open(Direction::Outbound, ip("8.8.0.2")).is_err());
        connections.close(slot);
        assert_eq!(connections.count(Direction::Outbound), 0);
        assert!(connections.outbound.hosts.is_empty() && connections.outbound.groups.is_empty());
        assert!(connections.check(Direction::Outbound, ip("8.8.0.2")).is_ok());
    }

    #[test]
    fn local_addresses_count_against_the_total_alone_where_exempt() {
        let mut connections = Connections::new(LIMITS);
        let slots: Vec<_> = (0..6)
            .map_while(|_| connections.open(Direction::Inbound, ip("127.0.0.1")).ok())
            .collect();
        assert_eq!(slots.len(), 5);
        connections.set_limits(ConnectionLimits { exempt_local: false, ..LIMITS });
        slots.into_iter().take(4).for_each(|slot| connections.close(slot));
        assert!(connections.open(Direction::Inbound, ip("127.0.0.1")).is_ok());
        assert!(connections.open(Direction::Inbound, ip("127.0.0.1")).is_err());
    }

    #[test]
    fn lowered_limits_close_nothing_and_refuse_more() {
        let mut connections = Connections::new(LIMITS);
        let slot = connections.open(Direction::Inbound, ip("8.8.0.1")).unwrap();
        let none = DirectionLimits { total: 9, per_host: 0, per_group: 9 };
        connections.set_limits(ConnectionLimits { inbound: none, ..LIMITS });
        assert!(connections.check(Direction::Inbound, ip("9.9.0.1")).is_err());
        assert_eq!(connections.count(Direction::Inbound), 1);
        connections.close(slot);
    }
}
