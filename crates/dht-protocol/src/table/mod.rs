//! The routing table: k-buckets of one address family.
//!
//! Spec: Maymounkov & Mazières, *Kademlia* (IPTPS 2002), sections 2.2, 2.4 and 4.1; BEP 5 ("Routing
//! Table"); BEP 32 (a second, independent table for IPv6); BEP 42; BEP 43.
//!
//! ```text
//!                      ┌ Added | Replaced | Refreshed
//!   on_response ──────►│ Full { ping }    the newcomer waits in the replacement cache
//!                      └ Refused
//!   on_named, on_query ─► Verify | Kept    unverified: waits until it has answered
//!   on_failure ─────────► a waiting node takes the place
//!
//!   bucket 0 [other half of the key space]  live: oldest … newest   replacements: k
//!   bucket 1 [other quarter of our half]    live: …
//!   bucket i [shares exactly i bits with the owner]
//! ```
//!
//! Nothing is sent from here. What must be pinged is returned: from an insertion into a full bucket,
//! and by [`RoutingTable::ping_due`] and [`RoutingTable::refresh_due`].
//!
//! # Invariants
//!
//! - A live node has answered us at its address under its id; the caller has matched address, id and
//!   transaction id ([`crate::rpc`]).
//! - At most `k` live nodes and `k` replacements a bucket; no verified id or address twice; the owner
//!   never.
//! - Verified nodes, live or waiting, are within [`Diversity`].
//! - Old nodes that answer never give way to new ones, except insecure to secure ones (BEP 42).
//! - Memory: with `k` = 8, a node of a network of millions needs less than 32 KB a table. Ids that
//!   answer and were made up for every bucket reach at most 160 × 2k nodes of 64 bytes; ids that are
//!   merely claimed are at most [`UNVERIFIED_MAX`].
//!
//! # Deviations
//!
//! - Buckets are a flat array by shared prefix, not a tree that splits: the same contacts where the
//!   tree has split, more close ones where it has not. Only buckets up to the deepest used exist.
//! - A failing node is removed after five silent queries even without a replacement, as long as
//!   others answer; the paper only flags it. It would keep its address from a successor.

mod bucket;
mod closest;
mod density;
mod limits;
mod maintenance;
mod node;
#[cfg(test)]
mod tests;

use core::time::Duration;

use quintet_primitives::time::Instant;

pub(crate) use self::limits::group;
use self::{
    bucket::{Bucket, Entered},
    limits::Tally,
    node::Seconds,
};
pub use self::{
    closest::Closest,
    density::{ESTIMATE_NODES_MAX, network_size},
    limits::{Diversity, GROUP_BUCKET_MAX, GROUP_TABLE_MAX, Refusal},
    maintenance::Refresh,
    node::{FAILURES_BAD, FAILURES_REMOVE, GOOD_FOR, Node, PING_AGAIN, PING_AGAIN_MAX, Standing},
};
use crate::{
    contact::{self, Contact, Family},
    key::{KEY_BITS, Key},
};

/// Smallest bucket size, that of BEP 5.
pub const K_MIN: usize = 8;

/// Largest bucket size, that of the paper.
pub const K_MAX: usize = 20;

/// A bucket that has not changed for this long is refreshed (BEP 5).
pub const REFRESH_EVERY: Duration = Duration::from_secs(15 * 60);

/// Silence of everybody for this long means that we are cut off, and nobody is removed for it.
pub const CUT_OFF_AFTER: Duration = Duration::from_secs(120);

/// Unverified contacts in the table: claims cost their author nothing, so they get little room.
pub const UNVERIFIED_MAX: usize = 256;

/// Size and limits of a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Config {
    /// Nodes in a bucket; values outside [`K_MIN`]`..=`[`K_MAX`] are brought into it.
    pub k: usize,
    /// Address limits.
    pub diversity: Diversity,
}

impl Default for Config {
    fn default() -> Self {
        Self { k: K_MIN, diversity: Diversity::default() }
    }
}

/// What became of a node that answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Insert {
    /// It is live now.
    Added,
    /// It was live before and is the most recently seen of its bucket now.
    Refreshed,
    /// It took the place of a bad node, or of one whose id does not fit its address.
    Replaced {
        /// The node that is no longer live.
        removed: Contact,
    },
    /// Its bucket is full of nodes that answer; it waits in the replacement cache.
    Full {
        /// The least recently seen node, if it is questionable: ping it now. If it fails twice, the
        /// newcomer takes its place.
        ping: Option<Contact>,
    },
    /// It stays out.
    Refused(Refusal),
}

/// What became of a contact that somebody named or that queried us.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Named {
    /// It is in the table already.
    Known,
    /// There is room for it: ping it now, its answer lets it in.
    Verify(Contact),
    /// It waits in the replacement cache and need not be pinged now.
    Kept,
    /// It stays out.
    Refused(Refusal),
}

/// What a missing answer led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Failure {
    /// The contact is not in the table.
    Unknown,
    /// It stays, with so many failures in a row.
    Kept {
        /// Answers missing in a row.
        failures: u8,
    },
    /// It was removed.
    Removed {
        /// The node that took its place, if one waited.
        successor: Option<Contact>,
    },
}

/// One bucket, for statistics, storage on disk and topology views.
#[derive(Debug, Clone, Copy)]
pub struct BucketView<'table> {
    /// Leading bits its nodes share with the owner.
    pub index: usize,
    /// Live nodes, least recently seen first.
    pub live: &'table [Node],
    /// Replacement cache, oldest first; verified and unverified contacts.
    pub replacements: &'table [Node],
}

/// The table; see the module's documentation.
#[derive(Debug)]
pub struct RoutingTable {
    owner: Key,
    family: Family,
    config: Config,
    /// Index: leading bits shared with the owner. Grows to the deepest bucket used.
    buckets: Vec<Bucket>,
    /// When anybody last answered.
    heard: Seconds,
}

impl RoutingTable {
    /// Creates an empty table of contacts of `family` for the node `owner`.
    #[must_use]
    pub fn new(owner: Key, family: Family, config: Config) -> Self {
        let config = Config { k: config.k.clamp(K_MIN, K_MAX), ..config };
        Self { owner, family, config, buckets: Vec::new(), heard: Seconds::NEVER }
    }

    /// Returns the id the buckets are arranged around.
    #[must_use]
    pub const fn owner(&self) -> Key {
        self.owner
    }

    /// Returns the address family of the contacts.
    #[must_use]
    pub const fn family(&self) -> Family {
        self.family
    }

    /// Returns the bucket size.
    #[must_use]
    pub const fn k(&self) -> usize {
        self.config.k
    }

    /// Returns how many live nodes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.buckets.iter().map(|bucket| bucket.live().len()).sum()
    }

    /// Returns whether there is no live node.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.buckets.iter().all(|bucket| bucket.live().is_empty())
    }

    /// Returns the bytes the table takes, heap included.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        size_of::<Self>()
            + self.buckets.capacity() * size_of::<Bucket>()
            + self.buckets.iter().map(Bucket::heap_bytes).sum::<usize>()
    }

    /// Iterates over the buckets that hold anybody, from the far half of the key space inwards.
    pub fn buckets(&self) -> impl Iterator<Item = BucketView<'_>> {
        self.buckets.iter().enumerate().filter(|(_, bucket)| !bucket.is_empty()).map(
            |(index, bucket)| BucketView {
                index,
                live: bucket.live(),
                replacements: bucket.replacements(),
            },
        )
    }

    /// Iterates over the live nodes.
    pub fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.buckets.iter().flat_map(Bucket::live)
    }

    /// Returns whether `contact` is a live node, id and address.
    #[must_use]
    pub fn contains(&self, contact: Contact) -> bool {
        let bucket = self.buckets.get(self.owner.common_prefix(contact.id));
        bucket.is_some_and(|bucket| bucket.live().iter().any(|node| node.contact() == contact))
    }

    /// Records that `contact` answered a query of ours; address, id and transaction id have been
    /// matched. `secure` says whether its id fits its address (BEP 42; local addresses always fit).
    ///
    /// A response is never read-only: BEP 43 defines the flag for queries.
    ///
    /// Cost: one bucket for a node known; the whole table for a newcomer.
    pub fn on_response(&mut self, contact: Contact, secure: bool, now: Instant) -> Insert {
        let now = Seconds::at(now);
        self.heard = now;
        if let Err(refusal) = self.admissible(&contact) {
            return Insert::Refused(refusal);
        }
        let (index, k) = (self.owner.common_prefix(contact.id), self.config.k);
        if let Some(bucket) = self.buckets.get_mut(index)
            && bucket.answered(contact, secure, now)
        {
            bucket.refresh_at = now.after(REFRESH_EVERY);
            return Insert::Refreshed;
        }
        if let Err(refusal) = self.claim(&contact).and_then(|()| self.diverse(&contact, index)) {
            return Insert::Refused(refusal);
        }
        let bucket = self.bucket_mut(index, now);
        // If it waited, it is newer now; its share of the address limits stays its own.
        bucket.remove(|node| node.contact() == contact, k);
        bucket.forget_named(contact);
        match bucket.enter(Node::verified(contact, secure, now), k) {
            Entered::Added => {
                bucket.refresh_at = now.after(REFRESH_EVERY);
                Insert::Added
            }
            Entered::Replaced(removed) => {
                bucket.refresh_at = now.after(REFRESH_EVERY);
                Insert::Replaced { removed }
            }
            Entered::Waits => Insert::Full { ping: bucket.questionable(now) },
        }
    }

    /// Records that `contact` sent us a query. A live node counts as active (BEP 5); a stranger is an
    /// unverified contact like one that others named, unless it is read-only (BEP 43).
    ///
    /// A live node is not removed for saying that it is read-only: the source of a query is easily
    /// forged, and if it is true, the node will fail to answer soon.
    pub fn on_query(&mut self, contact: Contact, read_only: bool, now: Instant) -> Named {
        let index = self.owner.common_prefix(contact.id);
        if let Some(bucket) = self.buckets.get_mut(index)
            && bucket.active(contact, Seconds::at(now))
        {
            return Named::Known;
        }
        if read_only {
            return Named::Refused(Refusal::ReadOnly);
        }
        self.on_named(contact, now)
    }

    /// Records that somebody named `contact`: it may not exist, may not have this id, or may be
    /// somebody's victim.
    ///
    /// The caller bounds how many pings it sends for [`Named::Verify`].
    pub fn on_named(&mut self, contact: Contact, now: Instant) -> Named {
        let now = Seconds::at(now);
        if let Err(refusal) = self.admissible(&contact) {
            return Named::Refused(refusal);
        }
        let (index, k) = (self.owner.common_prefix(contact.id), self.config.k);
        let bucket = self.bucket_mut(index, now);
        if bucket.find(contact.id).is_some() || bucket.has_addr(contact.addr) {
            return Named::Known;
        }
        let vacancy = bucket.has_vacancy(k);
        if bucket.replacements().len() < k && self.unverified() >= UNVERIFIED_MAX {
            return Named::Refused(Refusal::CacheFull);
        }
        let mut node = Node::named(contact, now);
        let bucket = self.bucket_mut(index, now);
        if vacancy {
            node.pinged(now);
        }
        match (bucket.wait(node, k), vacancy) {
            (false, _) => Named::Refused(Refusal::CacheFull),
            (true, true) => Named::Verify(contact),
            (true, false) => Named::Kept,
        }
    }

    /// Records that `contact` owed us an answer and did not send it in time.
    pub fn on_failure(&mut self, contact: Contact, now: Instant) -> Failure {
        let (index, k) = (self.owner.common_prefix(contact.id), self.config.k);
        let connected = Seconds::at(now).since(self.heard) < CUT_OFF_AFTER;
        let Some(bucket) = self.buckets.get_mut(index) else { return Failure::Unknown };
        let Some(node) = bucket.failed(contact) else {
            let waited = bucket.replacements().iter().any(|node| node.contact() == contact);
            bucket.remove(|node| node.contact() == contact, k);
            self.trim();
            return if waited { Failure::Removed { successor: None } } else { Failure::Unknown };
        };
        let failures = node.failures();
        let successor = bucket.promote(k);
        if failures >= FAILURES_REMOVE && connected {
            bucket.remove(|node| node.contact() == contact, k);
        }
        if self.contains(contact) {
            return Failure::Kept { failures };
        }
        self.trim();
        Failure::Removed { successor }
    }

    fn admissible(&self, contact: &Contact) -> Result<(), Refusal> {
        if contact.id == self.owner {
            Err(Refusal::Own)
        } else if Family::of(&contact.addr) != self.family {
            Err(Refusal::OtherFamily)
        } else if !contact::is_usable(&contact.addr) {
            Err(Refusal::Unusable)
        } else {
            Ok(())
        }
    }

    /// Settles who owns the id and the address of a node that answered and is not live.
    fn claim(&mut self, contact: &Contact) -> Result<(), Refusal> {
        let k = self.config.k;
        let mut changed = false;
        for bucket in &mut self.buckets {
            let rival = |node: &Node| {
                node.contact().addr == contact.addr && node.contact().id != contact.id
            };
            changed |= bucket.verified().any(rival);
            bucket.remove(rival, k);
        }
        if changed {
            self.trim();
            return Err(Refusal::IdChanged);
        }
        let moved =
            |node: &Node| node.contact().id == contact.id && node.contact().addr != contact.addr;
        let Some(bucket) = self.buckets.get_mut(self.owner.common_prefix(contact.id)) else {
            return Ok(());
        };
        if bucket.verified().any(|node| moved(node) && !node.is_bad()) {
            return Err(Refusal::IdTaken);
        }
        bucket.remove(moved, k);
        Ok(())
    }

    /// Checks the address limits for a newcomer of bucket `index`. Bad nodes do not defend a place.
    fn diverse(&mut self, contact: &Contact, index: usize) -> Result<(), Refusal> {
        let limits = self.config.diversity;
        if limits.exempts(contact) {
            return Ok(());
        }
        if self.tally(contact, index).verdict(&limits).is_ok() {
            return Ok(());
        }
        let (tally, k) = (Tally::new(contact), self.config.k);
        for bucket in &mut self.buckets {
            bucket.remove(|node| node.is_bad() && tally.related(&node.contact()), k);
        }
        self.tally(contact, index).verdict(&limits)
    }

    fn tally(&self, contact: &Contact, index: usize) -> Tally {
        let mut tally = Tally::new(contact);
        for (at, bucket) in self.buckets.iter().enumerate() {
            for node in bucket.verified().filter(|node| node.contact().id != contact.id) {
                tally.count(&node.contact(), at == index);
            }
        }
        tally
    }

    /// The bucket at `index`, below [`KEY_BITS`] because the owner's own id has been refused.
    fn bucket_mut(&mut self, index: usize, now: Seconds) -> &mut Bucket {
        let index = index.min(KEY_BITS - 1);
        if self.buckets.len() <= index {
            self.buckets.resize_with(index + 1, || Bucket::new(now.after(REFRESH_EVERY)));
        }
        &mut self.buckets[index]
    }

    fn unverified(&self) -> usize {
        let waiting = self.buckets.iter().flat_map(Bucket::replacements);
        waiting.filter(|node| !node.is_verified()).count()
    }

    /// Gives up empty buckets at the deep end.
    fn trim(&mut self) {
        while self.buckets.last().is_some_and(Bucket::is_empty) {
            self.buckets.pop();
        }
    }
}
