//! What keeps a table alive: pings, refreshes, and moving house when the own id changes.

use quintet_primitives::time::Instant;
use rand::Rng;

use super::{
    Bucket, Node, REFRESH_EVERY, RoutingTable, Seconds,
    density::{ESTIMATE_NODES_MAX, network_size},
};
use crate::{contact::Contact, key::Key};

/// A range of keys nobody of which was heard for [`REFRESH_EVERY`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refresh {
    /// The bucket.
    pub bucket: usize,
    /// A random key in it: look it up.
    pub target: Key,
}

impl RoutingTable {
    /// Returns the next contact that deserves a ping: an unverified one for which there is room, or a
    /// live node that is not good. Call until none; a contact does not come again for
    /// [`super::PING_AGAIN`], and a failing one ever more rarely.
    pub fn ping_due(&mut self, now: Instant) -> Option<Contact> {
        let (now, k) = (Seconds::at(now), self.config.k);
        self.buckets.iter_mut().find_map(|bucket| bucket.ping_due(now, k))
    }

    /// Returns the next range to refresh, and takes it as refreshed. Call until none.
    ///
    /// The ranges are the buckets down to the one where `k` nodes or fewer remain; the rest, the
    /// owner's neighbourhood, is one range. Made-up ids deep in the table cause no lookups.
    pub fn refresh_due(&mut self, now: Instant, rng: &mut impl Rng) -> Option<Refresh> {
        let now = Seconds::at(now);
        let ranges = self.split_depth() + 1;
        let owner = self.owner;
        let mut ranges = self.buckets.iter_mut().take(ranges).enumerate();
        let (bucket, due) = ranges.find(|(_, bucket)| bucket.refresh_at <= now)?;
        due.refresh_at = now.after(REFRESH_EVERY);
        Some(Refresh { bucket, target: owner.random_at(bucket, rng) })
    }

    /// Makes every range due for a refresh: after joining, and after the own id changed.
    pub fn mark_stale(&mut self) {
        self.buckets.iter_mut().for_each(|bucket| bucket.refresh_at = Seconds::NEVER);
    }

    /// Records that `target` was looked up, which refreshes its range as well as a refresh does.
    pub fn on_lookup(&mut self, target: Key, now: Instant) {
        let index = self.owner.common_prefix(target).min(self.split_depth());
        if let Some(bucket) = self.buckets.get_mut(index) {
            bucket.refresh_at = Seconds::at(now).after(REFRESH_EVERY);
        }
    }

    /// Returns the depth at which a splitting table would have stopped to split: the first bucket at
    /// or below which `k` live nodes or fewer remain.
    #[must_use]
    pub fn split_depth(&self) -> usize {
        let mut remaining = self.len();
        for (index, bucket) in self.buckets.iter().enumerate() {
            if remaining <= self.config.k {
                return index;
            }
            remaining -= bucket.live().len();
        }
        self.buckets.len()
    }

    /// Estimates the number of nodes in the network from the density of those closest to the owner;
    /// see [`network_size`]. None while the table is empty.
    #[must_use]
    pub fn size_estimate(&self) -> Option<f64> {
        let nodes = self.config.k.min(ESTIMATE_NODES_MAX);
        let closest = self.closest(self.owner).take(nodes).map(|node| node.contact().id);
        // The owner is one more.
        network_size(self.owner, closest).map(|others| others + 1.0)
    }

    /// Rearranges the table around a new own id, keeping as many contacts as fit and are not bad; all
    /// ranges become due for a refresh.
    pub fn set_owner(&mut self, owner: Key) {
        let k = self.config.k;
        let mut nodes: Vec<Node> = self.buckets.drain(..).flat_map(Bucket::into_nodes).collect();
        nodes.retain(|node| !node.is_bad());
        // Those that answered first; among them the least recently seen first, which keeps the
        // buckets in order.
        nodes.sort_by_key(|node| (!node.is_verified(), node.seen()));
        self.owner = owner;
        for node in nodes {
            let contact = node.contact();
            let index = owner.common_prefix(contact.id);
            let crowded = node.is_verified()
                && !self.config.diversity.exempts(&contact)
                && self.tally(&contact, index).verdict(&self.config.diversity).is_err();
            if contact.id == owner || crowded {
                continue;
            }
            let bucket = self.bucket_mut(index, Seconds::NEVER);
            if node.is_verified() {
                bucket.enter(node, k);
            } else if bucket.find(contact.id).is_none() && !bucket.has_addr(contact.addr) {
                bucket.wait(node, k);
            }
        }
        self.mark_stale();
        self.trim();
    }
}
