//! Who sees what: which parents a block names, in DAGs of several shapes.

use std::collections::VecDeque;

use judge_kaspa_rules::random::SplitMix;
use kaspa_hashes::Hash;

use super::network::Limits;

/// Views kept: no miner lags further behind.
const VIEWS_MAX: usize = 1 << 12;

/// How a DAG grows.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// Its name.
    pub name: &'static str,
    /// The network's limits.
    pub limits: Limits,
    /// A miner knows nothing of the latest blocks, up to this many.
    pub lag: u64,
    /// One of so many blocks stands on one old block alone.
    pub stray: u64,
    /// How old that may be.
    pub stray_age: usize,
    /// One of so many blocks begins a secret chain; 0 for none.
    pub secret: u64,
    /// How far back a secret chain forks off.
    pub secret_depth: usize,
    /// Blocks in a secret chain, as many as would be mined meanwhile or more.
    pub secret_len: u64,
    /// Transactions in a block at most.
    pub transactions: u64,
}

/// The shapes that are run.
pub const SHAPES: [Shape; 7] = [
    Shape {
        name: "chain with forks",
        limits: Limits::ONE,
        lag: 2,
        stray: 40,
        stray_age: 8,
        secret: 0,
        secret_depth: 0,
        secret_len: 0,
        transactions: 6,
    },
    Shape {
        name: "one block a second",
        limits: Limits::ONE,
        lag: 5,
        stray: 60,
        stray_age: 30,
        secret: 0,
        secret_depth: 0,
        secret_len: 0,
        transactions: 3,
    },
    Shape {
        name: "ten blocks a second",
        limits: Limits::TEN,
        lag: 30,
        stray: 200,
        stray_age: 60,
        secret: 0,
        secret_depth: 0,
        secret_len: 0,
        transactions: 2,
    },
    Shape {
        name: "wide",
        limits: Limits { k: 40, ..Limits::TEN },
        lag: 90,
        stray: 300,
        stray_age: 200,
        secret: 0,
        secret_depth: 0,
        secret_len: 0,
        transactions: 1,
    },
    Shape {
        name: "secret chains",
        limits: Limits::ONE,
        lag: 6,
        stray: 100,
        stray_age: 20,
        secret: 220,
        secret_depth: 60,
        secret_len: 70,
        transactions: 2,
    },
    Shape {
        name: "shallow depths",
        limits: Limits::SHALLOW,
        lag: 5,
        stray: 15,
        stray_age: 200,
        secret: 150,
        secret_depth: 130,
        secret_len: 110,
        transactions: 1,
    },
    Shape {
        name: "pruning",
        limits: Limits::PRUNING,
        lag: 4,
        stray: 25,
        stray_age: 60,
        secret: 400,
        secret_depth: 60,
        secret_len: 50,
        transactions: 2,
    },
];

/// A chain mined in secret.
#[derive(Debug)]
struct Secret {
    tip: Hash,
    left: u64,
}

/// What miners see: the tips after each of the latest blocks.
#[derive(Debug)]
pub struct Plan {
    shape: Shape,
    tips: Vec<Hash>,
    views: VecDeque<Vec<Hash>>,
    recent: VecDeque<Hash>,
    secret: Option<Secret>,
}

impl Plan {
    /// Begins with the genesis.
    pub fn new(shape: Shape, genesis: Hash) -> Self {
        Self {
            shape,
            tips: vec![genesis],
            views: VecDeque::from([vec![genesis]]),
            recent: VecDeque::from([genesis]),
            secret: None,
        }
    }

    /// Draws the parents of the next block, and whether it is mined in secret.
    pub fn parents(&mut self, random: &mut SplitMix) -> (Vec<Hash>, bool) {
        if let Some(secret) = &self.secret {
            return (vec![secret.tip], true);
        }
        let shape = self.shape;
        let back = |random: &mut SplitMix, list: usize, most: usize| {
            list - 1 - random.index(most.clamp(1, list))
        };
        if shape.secret > 0 && random.once_in(shape.secret) {
            let tip = self.recent[back(random, self.recent.len(), shape.secret_depth)];
            self.secret = Some(Secret { tip, left: random.between(1, shape.secret_len) });
            return (vec![tip], true);
        }
        if random.once_in(shape.stray) {
            return (vec![self.recent[back(random, self.recent.len(), shape.stray_age)]], false);
        }
        let lag = usize::try_from(shape.lag).unwrap_or(1);
        (self.views[back(random, self.views.len(), lag)].clone(), false)
    }

    /// Notes a block that was accepted.
    pub fn add(&mut self, hash: Hash, parents: &[Hash], secret: bool) {
        if let Some(chain) = self.secret.as_mut().filter(|_| secret) {
            chain.tip = hash;
            chain.left -= 1;
            if chain.left > 0 {
                return;
            }
            self.secret = None;
        }
        self.tips.retain(|tip| *tip != hash && !parents.contains(tip));
        self.tips.push(hash);
        self.views.push_back(self.tips.clone());
        self.recent.push_back(hash);
        if self.views.len() > VIEWS_MAX {
            self.views.pop_front();
            self.recent.pop_front();
        }
    }

    /// Forgets tips that nobody can merge any more.
    pub fn retain_tips(&mut self, keep: impl Fn(&Hash) -> bool) {
        if self.tips.len() > 1 {
            self.tips.retain(keep);
        }
    }
}
