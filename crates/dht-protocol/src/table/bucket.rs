//! One bucket: the nodes that share exactly so many leading bits with the owner.
//!
//! # Invariants
//!
//! - `live` holds at most `k` verified nodes, least recently seen first.
//! - `replacements` holds at most `k` contacts, oldest first; no id or address twice in a bucket.
//! - While `live` has room or a bad node, no verified contact waits in `replacements`.

use core::net::SocketAddr;

use super::node::{Node, Seconds, Standing};
use crate::{contact::Contact, key::Key};

/// See the module's documentation.
#[derive(Debug, Default)]
pub(super) struct Bucket {
    live: Vec<Node>,
    replacements: Vec<Node>,
    /// When the range is to be refreshed unless it changes before.
    pub(super) refresh_at: Seconds,
}

/// What became of a verified newcomer in its bucket.
#[derive(Debug)]
pub(super) enum Entered {
    Added,
    Replaced(Contact),
    Waits,
}

impl Bucket {
    pub(super) const fn new(refresh_at: Seconds) -> Self {
        Self { live: Vec::new(), replacements: Vec::new(), refresh_at }
    }

    pub(super) fn live(&self) -> &[Node] {
        &self.live
    }

    pub(super) fn replacements(&self) -> &[Node] {
        &self.replacements
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.live.is_empty() && self.replacements.is_empty()
    }

    /// Live nodes and replacements that have answered us: those the address limits count.
    pub(super) fn verified(&self) -> impl Iterator<Item = &Node> {
        self.live.iter().chain(self.replacements.iter().filter(|node| node.is_verified()))
    }

    pub(super) fn find(&self, id: Key) -> Option<&Node> {
        self.live.iter().chain(&self.replacements).find(|node| node.contact().id == id)
    }

    /// Whether a newcomer that answers would become live at once.
    pub(super) fn has_vacancy(&self, k: usize) -> bool {
        self.live.len() < k || self.live.iter().any(Node::is_bad)
    }

    /// Marks a live node as having answered and moves it to the most recent end.
    pub(super) fn answered(&mut self, contact: Contact, secure: bool, now: Seconds) -> bool {
        self.touch(contact, |node| node.answered(secure, now))
    }

    /// Marks a live node as active and moves it to the most recent end.
    pub(super) fn active(&mut self, contact: Contact, now: Seconds) -> bool {
        self.touch(contact, |node| node.active(now))
    }

    fn touch(&mut self, contact: Contact, change: impl FnOnce(&mut Node)) -> bool {
        let Some(at) = self.live.iter().position(|node| node.contact() == contact) else {
            return false;
        };
        change(&mut self.live[at]);
        self.live[at..].rotate_left(1);
        true
    }

    /// Takes in a node that has answered, which is not in the bucket and within the address limits.
    pub(super) fn enter(&mut self, node: Node, k: usize) -> Entered {
        if self.live.len() < k {
            self.live.push(node);
            return Entered::Added;
        }
        if let Some(at) = self.live.iter().position(Node::is_bad) {
            let removed = self.live.remove(at);
            self.live.push(node);
            return Entered::Replaced(removed.contact());
        }
        if node.is_secure()
            && let Some(at) = self.live.iter().position(|old| !old.is_secure())
        {
            let demoted = self.live.remove(at);
            let contact = demoted.contact();
            self.live.push(node);
            self.wait(demoted, k);
            return Entered::Replaced(contact);
        }
        self.wait(node, k);
        Entered::Waits
    }

    /// Puts a contact into the replacement cache. The least useful one gives way: unverified before
    /// verified, insecure before secure, old before new. A newcomer that is itself the least useful
    /// stays out, and `false` is returned.
    pub(super) fn wait(&mut self, node: Node, k: usize) -> bool {
        let rank = |node: &Node| (node.is_verified(), node.is_secure());
        if self.replacements.len() >= k {
            let Some(at) =
                (0..self.replacements.len()).min_by_key(|&at| rank(&self.replacements[at]))
            else {
                return false;
            };
            if rank(&self.replacements[at]) > rank(&node) {
                return false;
            }
            self.replacements.remove(at);
        }
        self.replacements.push(node);
        true
    }

    /// Removes every contact that is doomed, and fills the vacancies.
    pub(super) fn remove(&mut self, doomed: impl Fn(&Node) -> bool, k: usize) {
        self.live.retain(|node| !doomed(node));
        self.replacements.retain(|node| !doomed(node));
        self.promote(k);
    }

    /// Removes unverified contacts with the id or address of `contact`: it has answered, they have not.
    pub(super) fn forget_named(&mut self, contact: Contact) {
        self.replacements.retain(|node| {
            node.is_verified()
                || (node.contact().id != contact.id && node.contact().addr != contact.addr)
        });
    }

    /// Counts a missing answer of a live node.
    pub(super) fn failed(&mut self, contact: Contact) -> Option<&Node> {
        let node = self.live.iter_mut().find(|node| node.contact() == contact)?;
        node.failed();
        Some(node)
    }

    /// Lets verified replacements take the places of bad nodes and of nodes that are gone: secure
    /// ones first, then the most recently seen.
    pub(super) fn promote(&mut self, k: usize) -> Option<Contact> {
        let mut promoted = None;
        while self.has_vacancy(k) {
            let best = (0..self.replacements.len())
                .filter(|&at| self.replacements[at].is_verified())
                .max_by_key(|&at| {
                    (self.replacements[at].is_secure(), self.replacements[at].seen(), at)
                });
            let Some(at) = best else { break };
            let node = self.replacements.remove(at);
            if self.live.len() >= k
                && let Some(bad) = self.live.iter().position(Node::is_bad)
            {
                self.live.remove(bad);
            }
            promoted = Some(node.contact());
            // By time, not at the end: it has not been seen since it began to wait.
            let place = self.live.partition_point(|live| live.seen() <= node.seen());
            self.live.insert(place, node);
        }
        promoted
    }

    /// The least recently seen live node, if it is questionable and a ping is due.
    pub(super) fn questionable(&mut self, now: Seconds) -> Option<Contact> {
        let oldest = self.live.first_mut()?;
        (oldest.standing_at(now) == Standing::Questionable && oldest.ping_due(now)).then(|| {
            oldest.pinged(now);
            oldest.contact()
        })
    }

    /// The next contact that deserves a ping: an unverified one if there is a vacancy for it, or a
    /// live node that is not good.
    pub(super) fn ping_due(&mut self, now: Seconds, k: usize) -> Option<Contact> {
        let named: &mut [Node] = if self.has_vacancy(k) { &mut self.replacements } else { &mut [] };
        let node = named
            .iter_mut()
            .filter(|node| !node.is_verified())
            .chain(&mut self.live)
            .find(|node| node.ping_due(now))?;
        node.pinged(now);
        Some(node.contact())
    }

    pub(super) fn has_addr(&self, addr: SocketAddr) -> bool {
        self.live.iter().chain(&self.replacements).any(|node| node.contact().addr == addr)
    }

    pub(super) fn into_nodes(self) -> impl Iterator<Item = Node> {
        self.live.into_iter().chain(self.replacements)
    }

    /// Bytes on the heap.
    pub(super) const fn heap_bytes(&self) -> usize {
        (self.live.capacity() + self.replacements.capacity()) * size_of::<Node>()
    }
}
