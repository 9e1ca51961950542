//! Bans: which addresses and subnets this node does not talk to, and until when.
//!
//! # Invariants
//!
//! - At most [`BANS_MAX`] bans. When there are as many, a new ban for misbehaviour displaces the one
//!   of its kind that ends first; an operator's own ban is never displaced.
//! - A look-up costs one map access per prefix length in use, and a new ban a few, however many bans
//!   there are.
//! - An expired ban is as good as none, whether or not it has been removed yet.
//!
//! The list is kept between runs as [`BanList::to_bytes`], a frame around `count u32`, then for each
//! ban: first address, prefix bits `u8`, reason `u8`, since `u64`, until `u64`.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use quintet_primitives::time::UnixTime;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{
    DecodeError, Subnet,
    frame::{Format, Reader, Writer},
};

/// Bans kept at most.
pub const BANS_MAX: usize = 16_384;

const FORMAT: Format = Format { magic: *b"QBAN", version: 1 };

/// Who wanted the ban.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BanReason {
    /// The node itself, for misbehaviour.
    Misbehaviour,
    /// The operator.
    Manual,
}

/// One ban.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Ban {
    /// Who is banned.
    pub subnet: Subnet,
    /// Who wanted it.
    pub reason: BanReason,
    /// When it began.
    pub since: UnixTime,
    /// The first second at which it no longer holds.
    pub until: UnixTime,
}

/// The list is full of bans that may not be displaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("expected at most {expected} bans: lift some, or ban a larger subnet")]
pub struct BanListFullError {
    /// Bans kept at most.
    pub expected: usize,
}

/// All bans.
#[derive(Debug, Default)]
pub struct BanList {
    bans: BTreeMap<Subnet, Ban>,
    /// How many bans have each prefix length, by family: what [`BanList::find`] has to try.
    lengths: BTreeMap<(Family, u8), usize>,
    /// Of each kind, the ban that ends first comes first: what expires, and what may be displaced.
    ends: BTreeSet<(BanReason, UnixTime, Subnet)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Family {
    V4,
    V6,
}

impl Family {
    const fn of(ip: IpAddr) -> Self {
        if ip.is_ipv4() { Self::V4 } else { Self::V6 }
    }
}

impl BanList {
    /// Bans nobody.
    #[must_use]
    pub const fn new() -> Self {
        Self { bans: BTreeMap::new(), lengths: BTreeMap::new(), ends: BTreeSet::new() }
    }

    /// Bans `subnet` until `until`, replacing an earlier ban of exactly the same subnet, except that
    /// a ban for misbehaviour neither shortens nor takes over another one.
    ///
    /// # Errors
    ///
    /// [`BanListFullError`] if there is no place and no ban that may be displaced.
    pub fn ban(
        &mut self,
        subnet: Subnet,
        until: UnixTime,
        reason: BanReason,
        now: UnixTime,
    ) -> Result<(), BanListFullError> {
        let ban = Ban { subnet, reason, since: now, until };
        if let Some(known) = self.bans.get(&subnet) {
            let shorter = known.until >= until;
            let outranked = known.reason == BanReason::Manual && known.until > now;
            if reason == BanReason::Misbehaviour && (shorter || outranked) {
                return Ok(());
            }
            self.unban(subnet);
        }
        self.make_room(now)?;
        self.insert(ban);
        Ok(())
    }

    /// Lifts the ban of exactly this subnet; returns whether there was one.
    pub fn unban(&mut self, subnet: Subnet) -> bool {
        let Some(ban) = self.bans.remove(&subnet) else {
            return false;
        };
        self.ends.remove(&(ban.reason, ban.until, subnet));
        let key = (Family::of(subnet.first()), subnet.bits());
        if let Some(count) = self.lengths.get_mut(&key) {
            *count -= 1;
            if *count == 0 {
                self.lengths.remove(&key);
            }
        }
        true
    }

    /// Lifts every ban.
    pub fn clear(&mut self) {
        self.bans.clear();
        self.lengths.clear();
        self.ends.clear();
    }

    /// Returns the ban that holds for `ip` and ends last.
    #[must_use]
    pub fn find(&self, ip: IpAddr, now: UnixTime) -> Option<&Ban> {
        let ip = ip.to_canonical();
        let family = Family::of(ip);
        self.lengths
            .range((family, 0)..=(family, u8::MAX))
            .filter_map(|(&(_, bits), _)| self.bans.get(&Subnet::new(ip, bits)))
            .filter(|ban| ban.until > now)
            .max_by_key(|ban| ban.until)
    }

    /// Removes the bans that have expired; returns how many.
    pub fn expire(&mut self, now: UnixTime) -> usize {
        let before = self.bans.len();
        for reason in [BanReason::Misbehaviour, BanReason::Manual] {
            while let Some(ban) = self.first_to_end(reason).filter(|ban| ban.until <= now) {
                self.unban(ban.subnet);
            }
        }
        before - self.bans.len()
    }

    /// Returns the bans that hold, in the order of their subnets.
    pub fn list(&self, now: UnixTime) -> impl Iterator<Item = &Ban> {
        self.bans.values().filter(move |ban| ban.until > now)
    }

    /// Returns the number of bans, expired ones that have not been removed included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bans.len()
    }

    /// Returns whether there is no ban.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bans.is_empty()
    }

    /// Returns the bytes to keep the list in.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut writer = Writer::new(FORMAT);
        writer.count(self.bans.len());
        for ban in self.bans.values() {
            writer.ip(ban.subnet.first());
            writer.u8(ban.subnet.bits());
            writer.u8(match ban.reason {
                BanReason::Misbehaviour => 0,
                BanReason::Manual => 1,
            });
            writer.u64(ban.since.as_secs());
            writer.u64(ban.until.as_secs());
        }
        writer.seal()
    }

    /// Reads what [`BanList::to_bytes`] wrote.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] names what is wrong with the bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = Reader::open(FORMAT, bytes)?;
        let mut list = Self::new();
        for _ in 0..reader.count("bans", BANS_MAX)? {
            let (first, bits) = (reader.ip()?, reader.u8()?);
            let reason = match reader.u8()? {
                0 => BanReason::Misbehaviour,
                1 => BanReason::Manual,
                actual => {
                    return Err(DecodeError::Tag { expected: "0 or 1 for a ban's reason", actual });
                }
            };
            let since = UnixTime::from_secs(reader.u64()?);
            let until = UnixTime::from_secs(reader.u64()?);
            let subnet = Subnet::new(first, bits);
            if list.bans.contains_key(&subnet) {
                return Err(DecodeError::Duplicate { what: "ban", actual: subnet.to_string() });
            }
            list.insert(Ban { subnet, reason, since, until });
        }
        reader.finish()?;
        Ok(list)
    }

    fn make_room(&mut self, now: UnixTime) -> Result<(), BanListFullError> {
        if self.bans.len() < BANS_MAX || self.expire(now) > 0 {
            return Ok(());
        }
        let first = self.first_to_end(BanReason::Misbehaviour);
        let displaced = first.ok_or(BanListFullError { expected: BANS_MAX })?;
        self.unban(displaced.subnet);
        Ok(())
    }

    fn first_to_end(&self, reason: BanReason) -> Option<Ban> {
        let from = (reason, UnixTime::from_secs(0), Subnet::MIN);
        let (kind, _, subnet) = self.ends.range(from..).next()?;
        if *kind == reason { self.bans.get(subnet).copied() } else { None }
    }

    fn insert(&mut self, ban: Ban) {
        let key = (Family::of(ban.subnet.first()), ban.subnet.bits());
        *self.lengths.entry(key).or_default() += 1;
        self.ends.insert((ban.reason, ban.until, ban.subnet));
        self.bans.insert(ban.subnet, ban);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: UnixTime = UnixTime::from_secs(1_000);
    const LATER: UnixTime = UnixTime::from_secs(2_000);

    fn subnet(text: &str) -> Subnet {
        text.parse().unwrap()
    }

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn a_ban_holds_for_its_subnet_until_its_end() {
        let mut bans = BanList::new();
        bans.ban(subnet("192.0.2.0/24"), LATER, BanReason::Manual, NOW).unwrap();
        assert!(bans.find(ip("192.0.2.200"), NOW).is_some());
        assert!(bans.find(ip("::ffff:192.0.2.200"), NOW).is_some());
        assert!(bans.find(ip("192.0.3.1"), NOW).is_none());
        assert!(bans.find(ip("192.0.2.200"), LATER).is_none());
        assert_eq!(bans.list(LATER).count(), 0);
        assert_eq!(bans.expire(LATER), 1);
        assert!(bans.is_empty());
    }

    #[test]
    fn of_several_bans_the_one_that_ends_last_is_found() {
        let mut bans = BanList::new();
        bans.ban(subnet("2001:db8::/32"), LATER, BanReason::Manual, NOW).unwrap();
        let sooner = UnixTime::from_secs(1_500);
        bans.ban(subnet("2001:db8::/64"), sooner, BanReason::Misbehaviour, NOW).unwrap();
        assert_eq!(bans.find(ip("2001:db8::1"), NOW).unwrap().until, LATER);
        assert!(bans.unban(subnet("2001:db8::/32")));
        assert!(!bans.unban(subnet("2001:db8::/32")));
        assert_eq!(bans.find(ip("2001:db8::1"), NOW).unwrap().until, sooner);
    }

    #[test]
    fn misbehaviour_does_not_touch_the_operators_own_ban() {
        let mut bans = BanList::new();
        let target = subnet("192.0.2.1");
        bans.ban(target, LATER, BanReason::Manual, NOW).unwrap();
        let longer = UnixTime::from_secs(9_000);
        bans.ban(target, longer, BanReason::Misbehaviour, NOW).unwrap();
        assert_eq!(bans.find(ip("192.0.2.1"), NOW).unwrap().reason, BanReason::Manual);
        bans.ban(target, UnixTime::from_secs(1_100), BanReason::Manual, NOW).unwrap();
        assert_eq!(bans.find(ip("192.0.2.1"), NOW).unwrap().until.as_secs(), 1_100);
    }

    #[test]
    fn a_full_list_displaces_misbehaviour_and_never_the_operator() {
        let mut bans = BanList::new();
        let address =
            |n: usize| Subnet::address(IpAddr::from(u32::try_from(n).unwrap().to_be_bytes()));
        for n in 0..BANS_MAX {
            let until = UnixTime::from_secs(2_000 + n as u64);
            bans.ban(address(n), until, BanReason::Misbehaviour, NOW).unwrap();
        }
        bans.ban(subnet("203.0.113.1"), LATER, BanReason::Manual, NOW).unwrap();
        assert_eq!(bans.len(), BANS_MAX);
        assert!(bans.find(address(0).first(), NOW).is_none());
        for n in 0..BANS_MAX {
            let ban =
                bans.ban(Subnet::new(address(n << 8).first(), 25), LATER, BanReason::Manual, NOW);
            assert_eq!(ban.is_ok(), n + 1 < BANS_MAX, "ban {n}");
        }
        assert!(bans.find(ip("203.0.113.1"), NOW).is_some());
    }

    #[test]
    fn the_list_survives_a_restart() {
        let mut bans = BanList::new();
        bans.ban(subnet("192.0.2.0/24"), LATER, BanReason::Manual, NOW).unwrap();
        bans.ban(subnet("2001:db8::/32"), LATER, BanReason::Misbehaviour, NOW).unwrap();
        let again = BanList::from_bytes(&bans.to_bytes()).unwrap();
        assert!(again.list(NOW).eq(bans.list(NOW)));
        assert!(again.find(ip("192.0.2.9"), NOW).is_some());
    }
}
