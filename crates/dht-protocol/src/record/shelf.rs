//! Everything this node holds for others, within limits.
//!
//! ```text
//!   store request ─► form ─► precedence ─► quota ─► room ─► signature ─► Vec<Change> ─► disk ─► answer
//! ```
//!
//! The dear check, the signature, comes last. What is held lies in order of distance to our own id,
//! so that the record that gives way when space is short, the farthest, is the last one.
//!
//! # Invariants
//!
//! - At most [`Limits::bytes_max`] bytes of values and [`Limits::peers_max`] peers are held.
//! - One address has at most [`Limits::per_address_max`] records here, one network (a /24, or a /48
//!   of IPv6) at most [`Limits::per_network_max`]; local ranges are exempt when the limits say so.
//! - What a call changed is in the changes it returned, all of it.

use core::net::{IpAddr, SocketAddr};
use std::collections::{BTreeMap, BTreeSet};

use quintet_primitives::time::UnixTime;
use rand::{Rng, seq::IteratorRandom};

use super::{
    Change, Content, ITEM_LIFETIME, PEER_LIFETIME, RAW_LIFETIME, Record, RecordKey, Refusal,
    quota::Quota,
    swarm::{Peer, Swarm},
};
use crate::{
    contact::Family,
    key::{Distance, Key},
    message::{Item, Scrape, VALUE_MAX},
};

/// Memory counted for a value besides its bytes.
const VALUE_OVERHEAD: usize = 256;

/// Records forgotten in one call of [`Shelf::expire`]; the rest waits for the next.
pub const EXPIRED_PER_CALL_MAX: usize = 1_024;

/// How much a shelf holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of items and raw values, overhead counted.
    pub bytes_max: usize,
    /// Peers of all info-hashes together.
    pub peers_max: usize,
    /// Records of one address.
    pub per_address_max: usize,
    /// Records of one network: a /24, or a /48 of IPv6.
    pub per_network_max: usize,
    /// Addresses of local ranges have no quota.
    pub local_exempt: bool,
}

impl Default for Limits {
    /// 32 MiB of values, 100,000 peers, 1,000 records an address, 4,000 a network.
    fn default() -> Self {
        Self {
            bytes_max: 32 << 20,
            peers_max: 100_000,
            per_address_max: 1_000,
            per_network_max: 4_000,
            local_exempt: true,
        }
    }
}

#[derive(Debug)]
struct Held {
    record: Record,
    source: Option<IpAddr>,
}

impl Held {
    fn size(&self) -> usize {
        VALUE_OVERHEAD
            + match &self.record.content {
                Content::Item(item) => item.value().len(),
                Content::Raw(value) => value.len(),
                Content::Peer { .. } => 0,
            }
    }
}

/// The order of values: by distance, then by kind. The kind is part of [`RecordKey`].
type Slot = (Distance, RecordKey);

/// The records a node holds.
#[derive(Debug)]
pub struct Shelf {
    own: Key,
    limits: Limits,
    values: BTreeMap<Slot, Held>,
    bytes: usize,
    swarms: BTreeMap<Distance, (Key, Swarm)>,
    peers: usize,
    expiries: BTreeSet<(UnixTime, RecordKey)>,
    quota: Quota,
}

impl Shelf {
    /// Makes an empty shelf of the node `own`.
    #[must_use]
    pub fn new(own: Key, limits: Limits) -> Self {
        Self {
            own,
            limits,
            values: BTreeMap::new(),
            bytes: 0,
            swarms: BTreeMap::new(),
            peers: 0,
            expiries: BTreeSet::new(),
            quota: Quota::new(limits.per_address_max, limits.per_network_max, limits.local_exempt),
        }
    }

    /// Returns the number of records, peers included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len() + self.peers
    }

    /// Returns whether nothing is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the bytes that values take, overhead counted.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Returns the item under `key`.
    #[must_use]
    pub fn item(&self, key: Key) -> Option<&Item> {
        match &self.value(RecordKey::Item(key))?.record.content {
            Content::Item(item) => Some(item),
            Content::Raw(_) | Content::Peer { .. } => None,
        }
    }

    /// Returns the unsigned bytes under `key`.
    #[must_use]
    pub fn raw(&self, key: Key) -> Option<&[u8]> {
        match &self.value(RecordKey::Raw(key))?.record.content {
            Content::Raw(value) => Some(value),
            Content::Item(_) | Content::Peer { .. } => None,
        }
    }

    /// Draws at most `max` peers of an info-hash, of one family.
    pub fn peers(
        &self,
        info_hash: Key,
        family: Family,
        max: usize,
        rng: &mut impl Rng,
    ) -> Vec<SocketAddr> {
        self.swarm(info_hash).map(|swarm| swarm.sample(family, max, rng)).unwrap_or_default()
    }

    /// Makes BEP 33's filters of an info-hash, if there are peers.
    #[must_use]
    pub fn scrape(&self, info_hash: Key) -> Option<Scrape> {
        self.swarm(info_hash).map(Swarm::scrape)
    }

    /// Draws at most `max` info-hashes, and returns how many there are (BEP 51).
    pub fn samples(&self, max: usize, rng: &mut impl Rng) -> (Vec<Key>, usize) {
        let sample = self.swarms.values().map(|(key, _)| *key).sample(rng, max);
        (sample, self.swarms.len())
    }

    /// Returns whether a record under `key` would find room, so that a token makes sense.
    #[must_use]
    pub fn has_room_for(&self, key: Key) -> bool {
        let distance = self.own.distance(key);
        let values = self.bytes + VALUE_MAX + VALUE_OVERHEAD <= self.limits.bytes_max
            || self.values.last_key_value().is_some_and(|((farthest, _), _)| distance < *farthest);
        let peers = self.peers < self.limits.peers_max
            || self.swarms.last_key_value().is_some_and(|(farthest, _)| distance <= *farthest);
        values && peers
    }

    /// Stores a BEP 44 item for `source`.
    ///
    /// # Errors
    ///
    /// A [`Refusal`]; nothing is changed.
    pub fn put_item(
        &mut self,
        key: Key,
        item: Item,
        cas: Option<i64>,
        source: IpAddr,
        now: UnixTime,
    ) -> Result<Vec<Change>, Refusal> {
        item.check_form(key)?;
        let mut known = false;
        if let Some(stored) = self.item(key) {
            if let (Item::Mutable(new), Item::Mutable(old)) = (&item, stored) {
                new.check_succeeds(old, cas)?;
            }
            // A renewal to the letter has a signature that was checked when it first came.
            known = *stored == item;
        }
        let record =
            Record { content: Content::Item(item), expires: now.saturating_add(ITEM_LIFETIME) };
        self.put_value(RecordKey::Item(key), record, source, known)
    }

    /// Stores unsigned bytes for `source`.
    ///
    /// # Errors
    ///
    /// A [`Refusal`]; nothing is changed.
    pub fn put_raw(
        &mut self,
        key: Key,
        value: Vec<u8>,
        source: IpAddr,
        now: UnixTime,
    ) -> Result<Vec<Change>, Refusal> {
        if value.len() > VALUE_MAX {
            return Err(Refusal::ValueTooBig { actual: value.len() });
        }
        let record =
            Record { content: Content::Raw(value), expires: now.saturating_add(RAW_LIFETIME) };
        self.put_value(RecordKey::Raw(key), record, source, true)
    }

    /// Stores a peer of an info-hash, announced by `source`.
    ///
    /// # Errors
    ///
    /// A [`Refusal`]; nothing is changed.
    pub fn put_peer(
        &mut self,
        info_hash: Key,
        (addr, seed): (SocketAddr, bool),
        source: IpAddr,
        now: UnixTime,
        rng: &mut impl Rng,
    ) -> Result<Vec<Change>, Refusal> {
        let distance = self.own.distance(info_hash);
        let old = self.swarm(info_hash).and_then(|swarm| swarm.get(&addr)).copied();
        self.quota.check(source, old.map(|peer| peer.source))?;
        let mut changes = Vec::with_capacity(1);
        if old.is_none() && self.peers >= self.limits.peers_max {
            changes.extend(self.push_out_peer(distance, rng)?);
        }
        let expires = now.saturating_add(PEER_LIFETIME);
        let peer = Peer { addr, seed, expires, source };
        changes.extend(self.insert_peer(info_hash, peer, rng));
        self.quota.add(source);
        changes.push(Change::Put(
            RecordKey::Peer(info_hash, addr),
            Record { content: Content::Peer { seed }, expires },
        ));
        Ok(changes)
    }

    /// Takes back a record read from disk. Its source is forgotten and counts for no quota; the
    /// limits on space hold, and an expired record is dropped.
    pub fn restore(&mut self, key: RecordKey, record: Record, now: UnixTime, rng: &mut impl Rng) {
        if record.expires <= now {
            return;
        }
        match (key, &record.content) {
            (RecordKey::Peer(info_hash, addr), Content::Peer { seed }) => {
                if self.peers < self.limits.peers_max {
                    let (seed, expires) = (*seed, record.expires);
                    let source = IpAddr::V4(core::net::Ipv4Addr::UNSPECIFIED);
                    self.insert_peer(info_hash, Peer { addr, seed, expires, source }, rng);
                }
            }
            (RecordKey::Item(_) | RecordKey::Raw(_), Content::Item(_) | Content::Raw(_)) => {
                let held = Held { record, source: None };
                if self.bytes + held.size() <= self.limits.bytes_max {
                    self.insert_value(key, held);
                }
            }
            // The disk's decoder pairs keys and contents; an odd pair is not worth a fault.
            (RecordKey::Peer(..) | RecordKey::Item(_) | RecordKey::Raw(_), _) => {}
        }
    }

    /// Forgets what has expired, at most [`EXPIRED_PER_CALL_MAX`] records.
    pub fn expire(&mut self, now: UnixTime) -> Vec<Change> {
        let mut changes = Vec::new();
        while changes.len() < EXPIRED_PER_CALL_MAX
            && let Some((_, key)) = self.expiries.first().copied().filter(|(at, _)| *at <= now)
        {
            changes.extend(self.remove(key));
        }
        changes
    }

    /// Returns when the next record expires.
    #[must_use]
    pub fn next_expiry(&self) -> Option<UnixTime> {
        self.expiries.first().map(|(at, _)| *at)
    }

    /// Puts the records in order around another own id.
    pub fn set_own(&mut self, own: Key) {
        self.own = own;
        self.values = core::mem::take(&mut self.values)
            .into_iter()
            .map(|((_, key), held)| ((own.distance(key.key()), key), held))
            .collect();
        self.swarms = core::mem::take(&mut self.swarms)
            .into_values()
            .map(|(key, swarm)| (own.distance(key), (key, swarm)))
            .collect();
    }

    fn slot(&self, key: RecordKey) -> Slot {
        (self.own.distance(key.key()), key)
    }

    fn value(&self, key: RecordKey) -> Option<&Held> {
        self.values.get(&self.slot(key))
    }

    fn swarm(&self, info_hash: Key) -> Option<&Swarm> {
        self.swarms.get(&self.own.distance(info_hash)).map(|(_, swarm)| swarm)
    }

    fn put_value(
        &mut self,
        key: RecordKey,
        record: Record,
        source: IpAddr,
        verified: bool,
    ) -> Result<Vec<Change>, Refusal> {
        let old = self.value(key);
        self.quota.check(source, old.and_then(|held| held.source))?;
        let freed = old.map_or(0, Held::size);
        let held = Held { record: record.clone(), source: Some(source) };
        let victims = self.victims(key, held.size().saturating_sub(freed))?;
        if let Content::Item(item) = &record.content
            && !verified
        {
            item.verify()?;
        }
        let mut changes: Vec<Change> =
            victims.into_iter().filter_map(|victim| self.remove(victim)).collect();
        self.insert_value(key, held);
        self.quota.add(source);
        changes.push(Change::Put(key, record));
        Ok(changes)
    }

    /// Returns the records that must go so that `needed` more bytes fit: the farthest, and only
    /// such as are farther away than `key`.
    fn victims(&self, key: RecordKey, needed: usize) -> Result<Vec<RecordKey>, Refusal> {
        let mut missing = (self.bytes + needed).saturating_sub(self.limits.bytes_max);
        let mut victims = Vec::new();
        let own_slot = self.slot(key);
        for (slot, held) in self.values.iter().rev() {
            if missing == 0 {
                break;
            }
            if *slot <= own_slot {
                return Err(Refusal::Full);
            }
            missing = missing.saturating_sub(held.size());
            victims.push(slot.1);
        }
        if missing == 0 { Ok(victims) } else { Err(Refusal::Full) }
    }

    fn insert_value(&mut self, key: RecordKey, held: Held) {
        self.remove(key);
        self.bytes += held.size();
        self.expiries.insert((held.record.expires, key));
        self.values.insert(self.slot(key), held);
    }

    /// Adds or renews a peer, and returns the removal of the one that had to go for it.
    fn insert_peer(&mut self, info_hash: Key, peer: Peer, rng: &mut impl Rng) -> Option<Change> {
        self.remove(RecordKey::Peer(info_hash, peer.addr));
        let distance = self.own.distance(info_hash);
        let (_, swarm) =
            self.swarms.entry(distance).or_insert_with(|| (info_hash, Swarm::default()));
        let pushed_out = swarm.insert(peer, rng);
        self.peers += 1;
        self.expiries.insert((peer.expires, RecordKey::Peer(info_hash, peer.addr)));
        let gone = pushed_out?;
        Some(self.forget_peer(info_hash, &gone))
    }

    /// Removes a random peer of the farthest swarm, if that is not closer than `distance`.
    fn push_out_peer(
        &mut self,
        distance: Distance,
        rng: &mut impl Rng,
    ) -> Result<Option<Change>, Refusal> {
        let (info_hash, victim) = self
            .swarms
            .last_key_value()
            .filter(|(farthest, _)| distance <= **farthest)
            .and_then(|(_, (key, swarm))| swarm.iter().choose(rng).map(|peer| (*key, peer.addr)))
            .ok_or(Refusal::Full)?;
        Ok(self.remove(RecordKey::Peer(info_hash, victim)))
    }

    /// Forgets a record of any kind.
    fn remove(&mut self, key: RecordKey) -> Option<Change> {
        if let RecordKey::Peer(info_hash, addr) = key {
            let distance = self.own.distance(info_hash);
            let (_, swarm) = self.swarms.get_mut(&distance)?;
            let peer = swarm.remove(&addr)?;
            if swarm.is_empty() {
                self.swarms.remove(&distance);
            }
            return Some(self.forget_peer(info_hash, &peer));
        }
        let held = self.values.remove(&self.slot(key))?;
        self.bytes -= held.size();
        self.expiries.remove(&(held.record.expires, key));
        if let Some(source) = held.source {
            self.quota.release(source);
        }
        Some(Change::Remove(key))
    }

    /// Takes a peer that has left its swarm out of the counts.
    fn forget_peer(&mut self, info_hash: Key, peer: &Peer) -> Change {
        let key = RecordKey::Peer(info_hash, peer.addr);
        self.peers -= 1;
        self.expiries.remove(&(peer.expires, key));
        self.quota.release(peer.source);
        Change::Remove(key)
    }
}

#[cfg(test)]
#[path = "shelf_tests.rs"]
mod tests;
