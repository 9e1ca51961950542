//! The address book: peers we have heard of, and peers we have reached.
//!
//! An attacker who controls what this node knows controls whom it speaks to. The book therefore
//! keeps addresses in two tables of buckets, and lets a secret key and the network groups of an
//! address and of whoever named it decide where an address may lie:
//!
//! ```text
//!   add(addr, source) ──► new:   1024 buckets of 64; one source group reaches 64 buckets,
//!                          │     one address lies in at most 8
//!   succeeded(addr) ───────┘
//!          │
//!          └────────────► tried: 256 buckets of 64; one address group reaches 8 buckets
//!                          │
//!                          └ place taken? the resident is tested before it is evicted
//! ```
//!
//! # Invariants
//!
//! - At most [`NEW_BUCKETS`] `×` [`BUCKET_SIZE`] addresses are new and [`TRIED_BUCKETS`] `×`
//!   [`BUCKET_SIZE`] are tried; an address is one or the other.
//! - An address lies where the key, its group and its source's group say, and nowhere else.
//! - A place in the new table is given away only by an address that is hopeless (never reached,
//!   long unseen) or that has another place; one in the tried table only by an address that was
//!   tested and did not answer.
//! - Nothing here asks the time or draws randomness by itself; `now` is the wall clock, because the
//!   book outlives the process ([`Book::to_bytes`]).
//!
//! # Deviations
//!
//! The tables, their sizes and the rules of ageing follow what the Bitcoin network has found to work
//! (Heilman et al., *Eclipse Attacks on Bitcoin's Peer-to-Peer Network*, USENIX Security 2015,
//! counter-measures 1 to 4). Different here: a draw picks a non-empty bucket and then an address in
//! it, where the original draws until it hits one; every bucket weighs the same in both.

mod collision;
mod encode;
mod entry;
mod placement;
mod select;
mod table;

use std::net::{IpAddr, SocketAddr};

use quintet_primitives::{addr, time::UnixTime};
use rand::{Rng, RngExt};

pub use self::{
    entry::PeerInfo,
    placement::{BUCKET_SIZE, NEW_BUCKETS, TRIED_BUCKETS},
    select::Pick,
};
use self::{
    entry::{Entries, Entry, Home, Id},
    placement::{Place, Placement},
    table::Table,
};

/// Places in the new table one address may have.
pub const NEW_PLACES_PER_ADDRESS: usize = 8;

/// Which addresses a book takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BookConfig {
    /// Whether loopback, private and other ranges no router forwards may be in the book: for
    /// networks that live on one machine.
    pub allow_local: bool,
}

/// What became of an address that was named to us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added {
    /// It was not known and now is.
    New,
    /// It was known; what we know of it may be fresher now.
    Known,
    /// Its place is taken by an address that is worth as much.
    NoRoom,
    /// Nobody can be reached there: port 0, or a range the configuration excludes.
    Unusable,
}

/// What became of an address that was reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Promotion {
    /// It moved from new to tried.
    Promoted,
    /// It was tried before.
    AlreadyTried,
    /// Its place among the tried is taken: the resident is to be tested ([`Book::next_test`]).
    Contested {
        /// The address that has the place.
        resident: SocketAddr,
    },
    /// It is not in the book.
    Unknown,
}

/// The address book.
#[derive(Debug)]
pub struct Book {
    config: BookConfig,
    placement: Placement,
    entries: Entries,
    new: Table,
    tried: Table,
    /// Addresses that were reached and wait for the test of a resident, at most
    /// [`collision::CONTESTED_MAX`].
    contested: Vec<SocketAddr>,
    /// When any peer was last reached: failures count only if something has worked since the last.
    last_good: Option<UnixTime>,
}

impl Book {
    /// Makes an empty book; `key` is 16 random bytes that nobody else ever learns.
    #[must_use]
    pub fn new(config: BookConfig, key: [u8; 16]) -> Self {
        Self {
            config,
            placement: Placement::new(key),
            entries: Entries::default(),
            new: Table::new(NEW_BUCKETS),
            tried: Table::new(TRIED_BUCKETS),
            contested: Vec::new(),
            last_good: None,
        }
    }

    /// Records that `source` named `addr` and claims it was seen at `last_seen`. A protocol without
    /// such a claim passes `now`.
    pub fn add(
        &mut self,
        addr: SocketAddr,
        source: IpAddr,
        last_seen: UnixTime,
        now: UnixTime,
        rng: &mut impl Rng,
    ) -> Added {
        let (addr, source) = (canonical(addr), source.to_canonical());
        if !self.is_usable(addr) {
            return Added::Unusable;
        }
        let last_seen = entry::plausible(last_seen, now);
        let place = self.placement.new_place(addr, source);
        match self.entries.find(addr) {
            Some(id) => {
                self.refresh(id, place, last_seen, now, rng);
                Added::Known
            }
            None if self.gives_way(place, 0, now) => {
                self.vacate_new(place);
                let id = self.entries.insert(Entry::new(addr, source, last_seen, place));
                self.new.set(place, id);
                Added::New
            }
            None => Added::NoRoom,
        }
    }

    /// Records that `addr` is being dialled. `counts` is whether a failure would be the peer's:
    /// dials with the network down are not.
    pub fn attempted(&mut self, addr: SocketAddr, counts: bool, now: UnixTime) {
        let last_good = self.last_good;
        if let Some(entry) = self.entries.find_mut(canonical(addr)) {
            entry.last_attempt = Some(now);
            let news = entry.last_counted.is_none_or(|counted| last_good > Some(counted));
            if counts && news {
                entry.last_counted = Some(now);
                entry.attempts = entry.attempts.saturating_add(1);
            }
        }
    }

    /// Records that `addr` was reached and speaks our protocol: it moves to the tried.
    pub fn succeeded(&mut self, addr: SocketAddr, now: UnixTime) -> Promotion {
        self.last_good = self.last_good.max(Some(now));
        let addr = canonical(addr);
        let Some(id) = self.entries.find(addr) else {
            return Promotion::Unknown;
        };
        let Some(entry) = self.entries.get_mut(id) else {
            return Promotion::Unknown;
        };
        entry.last_attempt = Some(now);
        entry.last_success = Some(now);
        entry.attempts = 0;
        if matches!(entry.home, Home::Tried(_)) {
            return Promotion::AlreadyTried;
        }
        let place = self.placement.tried_place(addr);
        match self.tried.get(place).and_then(|resident| self.entries.get(resident)) {
            Some(resident) => {
                let resident = resident.addr;
                self.contest(addr);
                Promotion::Contested { resident }
            }
            None => {
                self.promote(id, place);
                Promotion::Promoted
            }
        }
    }

    /// Records that a connection to `addr` was alive at `now`; call it when the connection ends.
    pub fn seen(&mut self, addr: SocketAddr, now: UnixTime) {
        if let Some(entry) = self.entries.find_mut(canonical(addr)) {
            entry.last_seen = entry.last_seen.max(now);
        }
    }

    /// Forgets `addr`; returns whether it was known.
    pub fn remove(&mut self, addr: SocketAddr) -> bool {
        let Some(id) = self.entries.find(canonical(addr)) else {
            return false;
        };
        match self.entries.remove(id).map(|entry| entry.home) {
            Some(Home::New(places)) => places.into_iter().for_each(|place| self.new.clear(place)),
            Some(Home::Tried(place)) => self.tried.clear(place),
            None => {}
        }
        true
    }

    /// Returns what the book knows of `addr`.
    #[must_use]
    pub fn get(&self, addr: SocketAddr) -> Option<PeerInfo> {
        let id = self.entries.find(canonical(addr))?;
        self.entries.get(id).map(Entry::info)
    }

    /// Returns every address, in no particular order.
    pub fn peers(&self) -> impl Iterator<Item = PeerInfo> {
        self.entries.iter().map(|(_, entry)| entry.info())
    }

    /// Returns the number of addresses heard of and not reached.
    #[must_use]
    pub fn new_count(&self) -> usize {
        self.entries.len() - self.tried_count()
    }

    /// Returns the number of addresses reached.
    #[must_use]
    pub fn tried_count(&self) -> usize {
        self.tried.len()
    }

    /// Returns the number of addresses.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns whether the book is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.len() == 0
    }

    fn is_usable(&self, addr: SocketAddr) -> bool {
        let ip = addr.ip();
        let broadcast = matches!(ip, IpAddr::V4(v4) if v4.is_broadcast());
        addr.port() != 0
            && !ip.is_unspecified()
            && !ip.is_multicast()
            && !broadcast
            && (self.config.allow_local || !addr::is_local(ip))
    }

    /// Updates a known address, and may give it a further place: each is half as likely as the last,
    /// so that an address does not fill the table by being named often.
    fn refresh(
        &mut self,
        id: Id,
        place: Place,
        last_seen: UnixTime,
        now: UnixTime,
        rng: &mut impl Rng,
    ) {
        let Some(entry) = self.entries.get_mut(id) else {
            return;
        };
        if last_seen <= entry.last_seen {
            return;
        }
        entry.refresh(last_seen, now);
        let places = match &entry.home {
            Home::New(places) if !places.contains(&place) => places.len(),
            Home::New(_) | Home::Tried(_) => return,
        };
        if places >= NEW_PLACES_PER_ADDRESS || rng.random_range(0..1_u32 << places) != 0 {
            return;
        }
        if self.gives_way(place, places, now) {
            self.vacate_new(place);
            self.settle_new(id, place);
        }
    }

    /// Whether `place` in the new table is free, or its resident is worth less than a newcomer that
    /// has `places` places already.
    fn gives_way(&self, place: Place, places: usize, now: UnixTime) -> bool {
        let resident = self.new.get(place).and_then(|id| self.entries.get(id));
        resident.is_none_or(|resident| {
            let spare = matches!(&resident.home, Home::New(held) if held.len() > 1);
            resident.is_terrible(now) || (spare && places == 0)
        })
    }

    /// Empties a place in the new table; an address that has no other is forgotten.
    fn vacate_new(&mut self, place: Place) {
        let Some(id) = self.new.get(place) else {
            return;
        };
        self.new.clear(place);
        let Some(entry) = self.entries.get_mut(id) else {
            return;
        };
        if let Home::New(places) = &mut entry.home {
            places.retain(|held| *held != place);
            if places.is_empty() {
                self.entries.remove(id);
            }
        }
    }

    /// Puts an address into an empty place of the new table.
    fn settle_new(&mut self, id: Id, place: Place) {
        if let Some(entry) = self.entries.get_mut(id) {
            match &mut entry.home {
                Home::New(places) => places.push(place),
                home @ Home::Tried(_) => *home = Home::New(vec![place]),
            }
            self.new.set(place, id);
        }
    }

    /// Moves an address from new to tried; whoever has its place goes back to new.
    fn promote(&mut self, id: Id, place: Place) {
        let Some(entry) = self.entries.get_mut(id) else {
            return;
        };
        if let Home::New(places) = std::mem::replace(&mut entry.home, Home::Tried(place)) {
            places.into_iter().for_each(|place| self.new.clear(place));
        }
        let evicted = self.tried.get(place);
        self.tried.clear(place);
        self.tried.set(place, id);
        if let Some(evicted) = evicted
            && let Some(entry) = self.entries.get(evicted)
        {
            let back = self.placement.new_place(entry.addr, entry.source);
            self.vacate_new(back);
            self.settle_new(evicted, back);
        }
    }
}

/// One spelling for one address: IPv4 mapped into IPv6 is IPv4; flow labels and scopes go.
fn canonical(addr: SocketAddr) -> SocketAddr {
    SocketAddr::new(addr.ip().to_canonical(), addr.port())
}

#[cfg(test)]
mod tests;
