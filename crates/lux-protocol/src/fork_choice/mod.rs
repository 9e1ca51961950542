//! LMD-GHOST: the tree of blocks that are not final, and which leaf most stake stands behind.
//!
//! ```text
//!   insert(block) ──┐                              ┌──► head(from): the heaviest child, again and again
//!   vote ───────────┼─► differences at blocks ─► settle ─► weights of subtrees
//!   discard, boost ─┘   (a vote: two)            (one pass, children before parents)
//! ```
//!
//! # Invariants
//!
//! - A validator counts once, with its newest vote, and not at all after it said two things.
//! - At most [`BLOCKS_MAX`] blocks; votes take room for each validator alone, also those for blocks that are not known yet.
//! - The root is final; a block that does not stand on it is not in the tree.
//! - Of children with equal weight the one with the greater hash is taken, so that everybody takes the same.
//!
//! **Spec:** Buterin et al., *Combining GHOST and Casper* (2020), section 4.2; the discarding of equivocators after Schwarz-Schilling et
//! al., *Three Attacks on Proof-of-Stake Ethereum* (2022).

use alloy_primitives::{B256, map::B256Map};

#[cfg(test)]
mod tests;

/// Most blocks that are not final. At slots of 100 ms these are almost two hours without finality.
pub const BLOCKS_MAX: usize = 65_536;

/// Weight of a block that came in time in its own slot, in hundredths of all stake: against proposers that hold blocks back.
const BOOST_PERCENT: u64 = 40;

/// Why a block was not put into the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// Its parent is not there: not known, or not on the final chain.
    #[error("parent {parent} of block {block} is not on the final block")]
    UnknownParent {
        /// The block.
        block: B256,
        /// Its parent.
        parent: B256,
    },
    /// It stands on a block that is bad.
    #[error("block {block} stands on bad block {parent}")]
    BadParent {
        /// The block.
        block: B256,
        /// Its parent.
        parent: B256,
    },
    /// There is no room.
    #[error("{BLOCKS_MAX} blocks are not final, which is the most: wait for finality")]
    Full,
}

/// A block of the tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TreeBlock {
    /// Its hash.
    pub hash: B256,
    /// Its slot.
    pub slot: u64,
    /// Its number.
    pub number: u64,
}

#[derive(Debug, Clone)]
struct Node {
    block: TreeBlock,
    /// Before it in the list; none for the root.
    parent: Option<usize>,
    /// Stake behind it and all that stands on it.
    weight: i128,
    /// What is to be added to the weights from here down to the root.
    difference: i128,
    best_child: Option<usize>,
    bad: bool,
}

/// A validator's newest vote.
#[derive(Debug, Clone, Copy, Default)]
struct Latest {
    slot: u64,
    block: B256,
    /// The block that the stake is counted at.
    counted: Option<usize>,
    discarded: bool,
}

/// The tree and who stands behind what.
#[derive(Debug, Clone)]
pub struct ForkChoice {
    /// Parents before children.
    nodes: Vec<Node>,
    indices: B256Map<usize>,
    stakes: Vec<u64>,
    latest: Vec<Latest>,
    /// The block that came in time, and the weight it was given.
    boost: Option<usize>,
    boost_weight: i128,
    settled: bool,
}

impl ForkChoice {
    /// Begins with a final block and the stakes by validator.
    #[must_use]
    pub fn new(root: TreeBlock, stakes: Vec<u64>) -> Self {
        let total: i128 = stakes.iter().map(|stake| i128::from(*stake)).sum();
        let mut indices = B256Map::default();
        indices.insert(root.hash, 0);
        Self {
            nodes: vec![Node::new(root, None)],
            indices,
            latest: vec![Latest::default(); stakes.len()],
            stakes,
            boost: None,
            boost_weight: total * i128::from(BOOST_PERCENT) / 100,
            settled: true,
        }
    }

    /// The final block everything stands on.
    #[must_use]
    pub fn root(&self) -> TreeBlock {
        self.nodes.first().map_or(TreeBlock::NONE, |node| node.block)
    }

    /// How many blocks there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.len()
    }

    /// Whether there is none, which cannot be: there is a root.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// Returns a block of the tree.
    #[must_use]
    pub fn get(&self, hash: &B256) -> Option<TreeBlock> {
        Some(self.node(*self.indices.get(hash)?)?.block)
    }

    fn node(&self, index: usize) -> Option<&Node> {
        self.nodes.get(index)
    }

    /// Puts a block in. One that is there already is left as it is.
    ///
    /// # Errors
    ///
    /// [`TreeError`] if its parent is not there or bad, or the tree is full.
    pub fn insert(&mut self, block: TreeBlock, parent: B256) -> Result<(), TreeError> {
        if self.indices.contains_key(&block.hash) {
            return Ok(());
        }
        let hash = block.hash;
        let unknown = TreeError::UnknownParent { block: hash, parent };
        let parent_index = *self.indices.get(&parent).ok_or(unknown)?;
        if self.node(parent_index).is_none_or(|node| node.bad) {
            return Err(TreeError::BadParent { block: hash, parent });
        }
        if self.nodes.len() >= BLOCKS_MAX {
            return Err(TreeError::Full);
        }
        let index = self.nodes.len();
        self.nodes.push(Node::new(block, Some(parent_index)));
        self.indices.insert(hash, index);
        self.settled = false;
        for validator in 0..self.latest.len() {
            let waits = |latest: &Latest| latest.block == hash && latest.counted.is_none();
            if self.latest.get(validator).is_some_and(waits) {
                self.count(validator);
            }
        }
        Ok(())
    }

    /// Takes a vote for a block, known or not. One that is not newer than the validator's newest changes nothing.
    pub fn vote(&mut self, validator: usize, slot: u64, block: B256) {
        let Some(latest) = self.latest.get(validator) else { return };
        if latest.discarded || slot <= latest.slot {
            return;
        }
        self.uncount(validator);
        if let Some(latest) = self.latest.get_mut(validator) {
            (latest.slot, latest.block) = (slot, block);
        }
        self.count(validator);
    }

    /// Counts a validator no more: it said two things.
    pub fn discard(&mut self, validator: usize) {
        self.uncount(validator);
        if let Some(latest) = self.latest.get_mut(validator) {
            latest.discarded = true;
        }
    }

    /// Gives weight to a block that came in time in its slot, and takes it from the one before.
    pub fn boost(&mut self, block: Option<B256>) {
        let weight = self.boost_weight;
        if let Some(before) = self.boost.take() {
            self.add(before, -weight);
        }
        self.boost = block.and_then(|block| self.indices.get(&block).copied());
        if let Some(now) = self.boost {
            self.add(now, weight);
        }
    }

    /// Takes note that a block is bad, with all that stands on it. The root cannot be.
    pub fn invalidate(&mut self, block: &B256) {
        let Some(first) = self.indices.get(block).copied().filter(|index| *index > 0) else {
            return;
        };
        for index in first..self.nodes.len() {
            let parent = self.node(index).and_then(|node| node.parent);
            let on_bad = parent.and_then(|parent| self.node(parent)).is_some_and(|node| node.bad);
            if let Some(node) = self.nodes.get_mut(index) {
                node.bad |= index == first || on_bad;
            }
        }
        self.settled = false;
    }

    /// Returns whether a block is in the tree and was found to be bad.
    #[must_use]
    pub fn is_bad(&self, block: &B256) -> bool {
        self.indices.get(block).and_then(|index| self.node(*index)).is_some_and(|node| node.bad)
    }

    /// Returns whether `block` is `ancestor` or stands on it. False if one of them is not in the tree.
    #[must_use]
    pub fn descends(&self, block: &B256, ancestor: &B256) -> bool {
        let (Some(mut at), Some(ancestor)) =
            (self.indices.get(block).copied(), self.indices.get(ancestor).copied())
        else {
            return false;
        };
        while at > ancestor {
            let Some(parent) = self.node(at).and_then(|node| node.parent) else { return false };
            at = parent;
        }
        at == ancestor
    }

    /// Returns the head: from a block on always the child that most stake stands behind. From the root, if the block is not there.
    ///
    /// Costs a pass over the tree if anything changed since the last time, else the way to the leaf.
    pub fn head(&mut self, from: &B256) -> TreeBlock {
        self.settle();
        let start = self.indices.get(from).copied().unwrap_or_default();
        let mut at = if self.node(start).is_some_and(|node| node.bad) { 0 } else { start };
        while let Some(child) = self.node(at).and_then(|node| node.best_child) {
            at = child;
        }
        self.node(at).map_or_else(|| self.root(), |node| node.block)
    }

    /// Returns the stake behind a block and all that stands on it.
    pub fn weight(&mut self, block: &B256) -> Option<i128> {
        self.settle();
        Some(self.node(*self.indices.get(block)?)?.weight)
    }

    /// Makes a block the root and forgets all that does not stand on it; returns the hashes forgotten.
    pub fn prune(&mut self, root: &B256) -> Vec<B256> {
        self.settle();
        let Some(first) = self.indices.get(root).copied().filter(|index| *index > 0) else {
            return Vec::new();
        };
        let mut moved: Vec<Option<usize>> = vec![None; self.nodes.len()];
        let mut kept: Vec<Node> = Vec::new();
        let mut forgotten = Vec::new();
        for (index, mut node) in std::mem::take(&mut self.nodes).into_iter().enumerate() {
            let new = |old: usize| moved.get(old).copied().flatten();
            let parent = node.parent.and_then(new);
            if index != first && parent.is_none() {
                self.indices.remove(&node.block.hash);
                forgotten.push(node.block.hash);
                continue;
            }
            node.parent = parent;
            self.indices.insert(node.block.hash, kept.len());
            if let Some(slot) = moved.get_mut(index) {
                *slot = Some(kept.len());
            }
            kept.push(node);
        }
        self.nodes = kept;
        let new = |old: usize| moved.get(old).copied().flatten();
        for latest in &mut self.latest {
            latest.counted = latest.counted.and_then(new);
        }
        self.boost = self.boost.and_then(new);
        self.settled = false;
        forgotten
    }

    fn count(&mut self, validator: usize) {
        let Some(latest) = self.latest.get_mut(validator).filter(|latest| !latest.discarded) else {
            return;
        };
        let Some(index) = self.indices.get(&latest.block).copied() else { return };
        latest.counted = Some(index);
        let stake = self.stakes.get(validator).copied().unwrap_or_default();
        self.add(index, i128::from(stake));
    }

    fn uncount(&mut self, validator: usize) {
        let counted = self.latest.get_mut(validator).and_then(|latest| latest.counted.take());
        let stake = self.stakes.get(validator).copied().unwrap_or_default();
        if let Some(index) = counted {
            self.add(index, -i128::from(stake));
        }
    }

    fn add(&mut self, index: usize, difference: i128) {
        if let Some(node) = self.nodes.get_mut(index) {
            node.difference += difference;
            self.settled = false;
        }
    }

    /// Brings differences into weights and finds every block's best child: children come after their parents, so once backwards.
    fn settle(&mut self) {
        if self.settled {
            return;
        }
        self.settled = true;
        for node in &mut self.nodes {
            node.best_child = None;
        }
        for index in (0..self.nodes.len()).rev() {
            let Some(node) = self.nodes.get_mut(index) else { continue };
            let difference = std::mem::take(&mut node.difference);
            node.weight += difference;
            let (weight, hash, bad) = (node.weight, node.block.hash, node.bad);
            let Some(parent) = node.parent else { continue };
            let best = self.node(parent).and_then(|node| node.best_child);
            let best = best.and_then(|best| self.node(best));
            let better = best.is_none_or(|best| (weight, hash) > (best.weight, best.block.hash));
            if let Some(parent) = self.nodes.get_mut(parent) {
                parent.difference += difference;
                if better && !bad {
                    parent.best_child = Some(index);
                }
            }
        }
    }
}

impl TreeBlock {
    const NONE: Self = Self { hash: B256::ZERO, slot: 0, number: 0 };
}

impl Node {
    const fn new(block: TreeBlock, parent: Option<usize>) -> Self {
        Self { block, parent, weight: 0, difference: 0, best_child: None, bad: false }
    }
}
