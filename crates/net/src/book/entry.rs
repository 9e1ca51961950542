//! One address and how good it is, and the slab they all lie in.

use std::{
    collections::HashMap,
    net::{IpAddr, SocketAddr},
    num::NonZeroU32,
    time::Duration,
};

use quintet_primitives::time::UnixTime;
use serde::Serialize;

use super::placement::Place;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A claim further ahead than this is not believed.
const FUTURE_MAX: Duration = Duration::from_secs(10 * 60);
/// The age such a claim is given instead.
const AGE_OF_THE_IMPLAUSIBLE: Duration = Duration::from_secs(5 * 24 * 60 * 60);
/// An address nobody has seen for longer is hopeless.
const HORIZON: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// Failures after which an address that was never reached is hopeless.
const ATTEMPTS_OF_THE_UNKNOWN: u32 = 3;
/// Failures after which an address last reached longer than [`FORGIVENESS`] ago is hopeless.
const ATTEMPTS_OF_THE_KNOWN: u32 = 10;
const FORGIVENESS: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// An address dialled more recently is drawn a hundred times less often.
const JUST_DIALLED: Duration = Duration::from_secs(10 * 60);

/// A certainty, for [`Entry::chance`].
pub(super) const CHANCE_ONE: u64 = 1_000_000;

/// What the book knows of one address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct PeerInfo {
    /// The address.
    pub addr: SocketAddr,
    /// Who named it first.
    pub source: IpAddr,
    /// When it was last seen, by us or by somebody's claim.
    pub last_seen: UnixTime,
    /// When it was last dialled.
    pub last_attempt: Option<UnixTime>,
    /// When it was last reached.
    pub last_success: Option<UnixTime>,
    /// Failures since.
    pub attempts: u32,
    /// Whether it is among the tried.
    pub tried: bool,
}

/// Where an address lies.
#[derive(Debug, Clone)]
pub(super) enum Home {
    /// In one to eight places of the new table.
    New(Vec<Place>),
    /// In its place of the tried table.
    Tried(Place),
}

#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) addr: SocketAddr,
    pub(super) source: IpAddr,
    pub(super) last_seen: UnixTime,
    pub(super) last_attempt: Option<UnixTime>,
    pub(super) last_success: Option<UnixTime>,
    /// The last attempt that counted as a failure.
    pub(super) last_counted: Option<UnixTime>,
    pub(super) attempts: u32,
    pub(super) home: Home,
}

impl Entry {
    pub(super) fn new(addr: SocketAddr, source: IpAddr, last_seen: UnixTime, place: Place) -> Self {
        Self {
            addr,
            source,
            last_seen,
            last_attempt: None,
            last_success: None,
            last_counted: None,
            attempts: 0,
            home: Home::New(vec![place]),
        }
    }

    /// Whether the address is not worth its place.
    pub(super) fn is_terrible(&self, now: UnixTime) -> bool {
        if self.last_attempt.is_some_and(|last| now.saturating_since(last) <= MINUTE) {
            return false;
        }
        if self.last_seen.saturating_since(now) > FUTURE_MAX
            || now.saturating_since(self.last_seen) > HORIZON
        {
            return true;
        }
        match self.last_success {
            None => self.attempts >= ATTEMPTS_OF_THE_UNKNOWN,
            Some(last) => {
                now.saturating_since(last) > FORGIVENESS && self.attempts >= ATTEMPTS_OF_THE_KNOWN
            }
        }
    }

    /// How likely a draw of the address is to stand, out of [`CHANCE_ONE`]: two thirds for every
    /// failure, a hundredth for one just dialled.
    pub(super) fn chance(&self, now: UnixTime) -> u64 {
        let just_dialled = |last| now.saturating_since(last) < JUST_DIALLED;
        let rested =
            if self.last_attempt.is_some_and(just_dialled) { CHANCE_ONE / 100 } else { CHANCE_ONE };
        (0..self.attempts.min(8)).fold(rested, |chance, _| chance * 66 / 100)
    }

    /// Believes a fresher claim if it is fresher by enough to matter: gossip must not reveal by the
    /// second whom this node speaks to.
    pub(super) fn refresh(&mut self, last_seen: UnixTime, now: UnixTime) {
        let online = now.saturating_since(last_seen) < DAY;
        let step = if online { HOUR } else { DAY };
        if last_seen.saturating_since(self.last_seen) > step {
            self.last_seen = last_seen;
        }
    }

    pub(super) const fn info(&self) -> PeerInfo {
        PeerInfo {
            addr: self.addr,
            source: self.source,
            last_seen: self.last_seen,
            last_attempt: self.last_attempt,
            last_success: self.last_success,
            attempts: self.attempts,
            tried: matches!(self.home, Home::Tried(_)),
        }
    }
}

/// What a claim about `last_seen` is worth.
pub(super) fn plausible(last_seen: UnixTime, now: UnixTime) -> UnixTime {
    if last_seen.saturating_since(now) > FUTURE_MAX {
        let age = AGE_OF_THE_IMPLAUSIBLE.as_secs();
        return UnixTime::from_secs(now.as_secs().saturating_sub(age));
    }
    last_seen
}

/// The number of an entry; numbers of removed entries are given out again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Id(NonZeroU32);

impl Id {
    const fn index(self) -> usize {
        self.0.get() as usize - 1
    }

    fn of(index: usize) -> Option<Self> {
        u32::try_from(index + 1).ok().and_then(NonZeroU32::new).map(Self)
    }
}

#[derive(Debug, Default)]
pub(super) struct Entries {
    slots: Vec<Option<Entry>>,
    free: Vec<Id>,
    by_addr: HashMap<SocketAddr, Id>,
}

impl Entries {
    pub(super) fn len(&self) -> usize {
        self.by_addr.len()
    }

    pub(super) fn find(&self, addr: SocketAddr) -> Option<Id> {
        self.by_addr.get(&addr).copied()
    }

    pub(super) fn find_mut(&mut self, addr: SocketAddr) -> Option<&mut Entry> {
        self.find(addr).and_then(|id| self.get_mut(id))
    }

    pub(super) fn get(&self, id: Id) -> Option<&Entry> {
        self.slots.get(id.index())?.as_ref()
    }

    pub(super) fn get_mut(&mut self, id: Id) -> Option<&mut Entry> {
        self.slots.get_mut(id.index())?.as_mut()
    }

    pub(super) fn insert(&mut self, entry: Entry) -> Id {
        let addr = entry.addr;
        let id = match self.free.pop() {
            Some(id) => {
                self.slots[id.index()] = Some(entry);
                id
            }
            None => {
                self.slots.push(Some(entry));
                // The tables hold fewer entries than 2^32 by five orders of magnitude.
                Id::of(self.slots.len() - 1).unwrap_or(Id(NonZeroU32::MAX))
            }
        };
        self.by_addr.insert(addr, id);
        id
    }

    pub(super) fn remove(&mut self, id: Id) -> Option<Entry> {
        let entry = self.slots.get_mut(id.index())?.take()?;
        self.by_addr.remove(&entry.addr);
        self.free.push(id);
        Some(entry)
    }

    /// In the order of their numbers, which is the same in every run.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Id, &Entry)> {
        self.slots
            .iter()
            .enumerate()
            .filter_map(|(index, slot)| Some((Id::of(index)?, slot.as_ref()?)))
    }
}
