//! Transactions that spend nothing of the pool, by fee rate: what the next block may hold.
//!
//! A treap in an arena: nodes in the order of fee rates, each with the weight of all below it, so that one is drawn by weight in O(log n). The weight is the
//! fee rate to the third: who pays twice as much is eight times as likely to be drawn.
//!
//! # Invariants
//!
//! - Sums are made anew from both children on every way up, never by subtracting: one very heavy node leaves no error behind when it goes.
//! - A node's priority is a salted hash of its id, so that nobody can choose ids that unbalance the tree.
//!
//! Reference: `mining/src/mempool/model/frontier.rs`, which samples with collisions and narrows the space; here a node drawn is taken out of the sums
//! until the draw is over, so that each is drawn once.

use std::{
    cmp::Ordering,
    collections::HashMap,
    hash::{Hash, Hasher},
};

use quintet_primitives::Hash256;

use crate::tx::SubnetworkId;

/// Average mass before any transaction was seen, grams.
const INITIAL_AVERAGE_MASS: f64 = 2036.0;

/// How much of the average is kept with each transaction.
const AVERAGE_MASS_DECAY: f64 = 0.99999;

/// No node.
const NIL: u32 = u32::MAX;

/// A transaction as the frontier knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// Its id.
    pub id: Hash256,
    /// What it pays, sompi.
    pub fee: u64,
    /// Its mass on the scale of compute mass, grams; not zero.
    pub mass: u64,
    /// Its lane.
    pub lane: SubnetworkId,
    /// Gas on its lane.
    pub gas: u64,
}

impl Candidate {
    /// Returns its fee rate, sompi per gram.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "a rate weighs; it is no amount")]
    pub fn feerate(&self) -> f64 {
        self.fee as f64 / self.mass.max(1) as f64
    }

    fn weight(&self) -> f64 {
        self.feerate().powi(3)
    }

    /// Compares fee rates exactly.
    #[must_use]
    pub fn cmp_feerate(&self, other: &Self) -> Ordering {
        let own = u128::from(self.fee) * u128::from(other.mass);
        own.cmp(&(u128::from(other.fee) * u128::from(self.mass)))
    }

    fn order(&self, other: &Self) -> Ordering {
        self.cmp_feerate(other).then_with(|| self.id.cmp(&other.id))
    }
}

#[derive(Debug, Clone)]
struct Node {
    item: Candidate,
    priority: u64,
    /// Zero while it is drawn.
    weight: f64,
    /// Of itself and all below it.
    sum: f64,
    left: u32,
    right: u32,
}

/// The frontier.
#[derive(Debug, Clone)]
pub struct Frontier {
    nodes: Vec<Node>,
    free: Vec<u32>,
    root: u32,
    places: HashMap<Hash256, u32>,
    salt: u64,
    total_mass: u64,
    average_mass: f64,
}

impl Frontier {
    /// Makes an empty one. The salt should be random.
    #[must_use]
    pub fn new(salt: u64) -> Self {
        Self {
            nodes: Vec::new(),
            free: Vec::new(),
            root: NIL,
            places: HashMap::new(),
            salt,
            total_mass: 0,
            average_mass: INITIAL_AVERAGE_MASS,
        }
    }

    /// Returns how many transactions there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.places.len()
    }

    /// Returns whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.places.is_empty()
    }

    /// Returns whether a transaction is in it.
    #[must_use]
    pub fn contains(&self, id: &Hash256) -> bool {
        self.places.contains_key(id)
    }

    /// Returns the sum of all masses.
    #[must_use]
    pub const fn total_mass(&self) -> u64 {
        self.total_mass
    }

    /// Returns the average mass of the transactions seen so far, recent ones counting more.
    #[must_use]
    pub const fn average_mass(&self) -> f64 {
        self.average_mass
    }

    /// Returns the sum of all weights.
    #[must_use]
    pub fn total_weight(&self) -> f64 {
        self.sum(self.root)
    }

    fn sum(&self, at: u32) -> f64 {
        self.node(at).map_or(0.0, |node| node.sum)
    }

    fn node(&self, at: u32) -> Option<&Node> {
        self.nodes.get(at as usize)
    }

    fn update(&mut self, at: u32) {
        let Some(node) = self.node(at) else { return };
        let sum = self.sum(node.left) + node.weight + self.sum(node.right);
        self.nodes[at as usize].sum = sum;
    }

    /// Adds a transaction; returns whether it was not there.
    #[expect(clippy::cast_precision_loss, reason = "an average of masses is an estimate")]
    pub fn insert(&mut self, item: Candidate) -> bool {
        if self.places.contains_key(&item.id) {
            return false;
        }
        let Some(at) = self.allot(item) else { return false };
        let (less, more) = self.split(self.root, &item);
        let low = self.merge(less, at);
        self.root = self.merge(low, more);
        self.places.insert(item.id, at);
        self.total_mass = self.total_mass.saturating_add(item.mass);
        self.average_mass =
            self.average_mass * AVERAGE_MASS_DECAY + item.mass as f64 * (1.0 - AVERAGE_MASS_DECAY);
        true
    }

    fn allot(&mut self, item: Candidate) -> Option<u32> {
        let mut hasher = std::hash::DefaultHasher::new();
        self.salt.hash(&mut hasher);
        item.id.hash(&mut hasher);
        let weight = item.weight();
        let node =
            Node { item, priority: hasher.finish(), weight, sum: weight, left: NIL, right: NIL };
        if let Some(at) = self.free.pop() {
            self.nodes[at as usize] = node;
            return Some(at);
        }
        let at = u32::try_from(self.nodes.len()).ok().filter(|&at| at != NIL)?;
        self.nodes.push(node);
        Some(at)
    }

    /// Takes a transaction out; returns whether it was there.
    pub fn remove(&mut self, id: &Hash256) -> bool {
        let Some(at) = self.places.remove(id) else { return false };
        let item = self.nodes[at as usize].item;
        let mut way = Vec::new();
        let mut here = self.root;
        while here != at {
            let Some(node) = self.node(here) else { break };
            way.push(here);
            here = if item.order(&node.item) == Ordering::Less { node.left } else { node.right };
        }
        let (left, right) = (self.nodes[at as usize].left, self.nodes[at as usize].right);
        let rest = self.merge(left, right);
        match way.last() {
            None => self.root = rest,
            Some(&parent) => {
                let parent = &mut self.nodes[parent as usize];
                if parent.left == at { parent.left = rest } else { parent.right = rest }
            }
        }
        while let Some(above) = way.pop() {
            self.update(above);
        }
        self.free.push(at);
        self.total_mass = self.total_mass.saturating_sub(item.mass);
        true
    }

    /// Splits into what is below `item` and what is above. Depth is that of a treap: logarithmic.
    fn split(&mut self, at: u32, item: &Candidate) -> (u32, u32) {
        let Some(node) = self.node(at) else { return (NIL, NIL) };
        if node.item.order(item) == Ordering::Less {
            let (less, more) = self.split(node.right, item);
            self.nodes[at as usize].right = less;
            self.update(at);
            (at, more)
        } else {
            let (less, more) = self.split(node.left, item);
            self.nodes[at as usize].left = more;
            self.update(at);
            (less, at)
        }
    }

    fn merge(&mut self, low: u32, high: u32) -> u32 {
        let (Some(below), Some(above)) = (self.node(low), self.node(high)) else {
            return if low == NIL { high } else { low };
        };
        if below.priority > above.priority {
            let right = self.merge(below.right, high);
            self.nodes[low as usize].right = right;
            self.update(low);
            low
        } else {
            let left = self.merge(low, above.left);
            self.nodes[high as usize].left = left;
            self.update(high);
            high
        }
    }

    /// Draws a transaction by weight, `random` being uniform in [0, 1), and takes it out of the sums until [`Self::put_back`].
    pub(super) fn draw(&mut self, random: f64) -> Option<Candidate> {
        let mut point = random * self.total_weight();
        let mut way = Vec::new();
        let mut at = self.root;
        let mut found = None;
        while let Some(node) = self.node(at) {
            way.push(at);
            let left = self.sum(node.left);
            if point < left {
                at = node.left;
                continue;
            }
            point -= left;
            let right = self.sum(node.right);
            if node.weight > 0.0 && (point < node.weight || right <= 0.0) {
                found = Some(at);
                break;
            }
            // Rounding may lead past the last node that has weight.
            at = if right > 0.0 { node.right } else { node.left };
            if right > 0.0 {
                point = (point - node.weight).max(0.0);
            }
        }
        let found = found?;
        self.nodes[found as usize].weight = 0.0;
        while let Some(above) = way.pop() {
            self.update(above);
        }
        Some(self.nodes[found as usize].item)
    }

    /// Gives a drawn transaction its weight back.
    pub(super) fn put_back(&mut self, item: &Candidate) {
        let Some(&to) = self.places.get(&item.id) else { return };
        self.nodes[to as usize].weight = item.weight();
        let mut way = Vec::new();
        let mut at = self.root;
        while let Some(node) = self.node(at) {
            way.push(at);
            if at == to {
                break;
            }
            at = if item.order(&node.item) == Ordering::Less { node.left } else { node.right };
        }
        while let Some(above) = way.pop() {
            self.update(above);
        }
    }

    /// Returns the weight of all nodes below an item.
    pub(super) fn prefix_weight(&self, item: &Candidate) -> f64 {
        let mut weight = 0.0;
        let mut at = self.root;
        while let Some(node) = self.node(at) {
            if node.item.order(item) == Ordering::Less {
                weight += self.sum(node.left) + node.weight;
                at = node.right;
            } else {
                at = node.left;
            }
        }
        weight
    }

    /// Returns the transactions from the lowest fee rate up.
    pub fn ascending(&self) -> impl Iterator<Item = &Candidate> {
        Walk::new(self, false)
    }

    /// Returns the transactions from the highest fee rate down.
    pub fn descending(&self) -> impl Iterator<Item = &Candidate> {
        Walk::new(self, true)
    }
}

/// A walk in order.
struct Walk<'a> {
    frontier: &'a Frontier,
    stack: Vec<u32>,
    is_descending: bool,
}

impl<'a> Walk<'a> {
    fn new(frontier: &'a Frontier, is_descending: bool) -> Self {
        let mut walk = Self { frontier, stack: Vec::new(), is_descending };
        walk.down(frontier.root);
        walk
    }

    fn down(&mut self, mut at: u32) {
        while let Some(node) = self.frontier.node(at) {
            self.stack.push(at);
            at = if self.is_descending { node.right } else { node.left };
        }
    }
}

impl<'a> Iterator for Walk<'a> {
    type Item = &'a Candidate;

    fn next(&mut self) -> Option<Self::Item> {
        let at = self.stack.pop()?;
        let node = self.frontier.node(at)?;
        self.down(if self.is_descending { node.left } else { node.right });
        Some(&node.item)
    }
}
