//! One chain of the tree, by height: what is connected, or what is to be.
//!
//! **Spec:** Core's `CChain`.

use bitcoin::BlockHash;

use super::{HeaderId, HeaderTree};

/// One chain of a tree, from genesis to a tip, with its headers by height.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActiveChain {
    ids: Vec<HeaderId>,
}

impl Default for ActiveChain {
    fn default() -> Self {
        Self { ids: vec![HeaderId::GENESIS] }
    }
}

impl ActiveChain {
    /// Returns the chain that ends with `tip`.
    #[must_use]
    pub fn to(tree: &HeaderTree, tip: HeaderId) -> Self {
        let mut chain = Self::default();
        chain.set_tip(tree, tip);
        chain
    }

    /// Makes `tip` the end. Cost: the headers that change.
    pub fn set_tip(&mut self, tree: &HeaderTree, tip: HeaderId) {
        let height = tree.height(tip) as usize;
        self.ids.resize(height + 1, HeaderId::GENESIS);
        let mut at = tip;
        let mut index = height;
        while self.ids[index] != at {
            self.ids[index] = at;
            match tree.parent(at) {
                Some(parent) if index > 0 => at = parent,
                _ => break,
            }
            index -= 1;
        }
    }

    /// Returns the last header.
    #[must_use]
    pub fn tip(&self) -> HeaderId {
        self.ids.last().copied().unwrap_or(HeaderId::GENESIS)
    }

    /// Returns the height of the last header.
    #[must_use]
    pub fn height(&self) -> u32 {
        u32::try_from(self.ids.len().saturating_sub(1)).unwrap_or(u32::MAX)
    }

    /// Returns the header at `height`.
    #[must_use]
    pub fn at(&self, height: u32) -> Option<HeaderId> {
        self.ids.get(height as usize).copied()
    }

    /// Returns the headers in order from `height` on.
    #[must_use]
    pub fn from(&self, height: u32) -> &[HeaderId] {
        self.ids.get(height as usize..).unwrap_or_default()
    }

    /// Returns whether a header is part of it.
    #[must_use]
    pub fn contains(&self, tree: &HeaderTree, id: HeaderId) -> bool {
        self.at(tree.height(id)) == Some(id)
    }

    /// Returns the last header it has in common with the chain that ends with `id`.
    ///
    /// **Spec:** Core's `CChain::FindFork`.
    #[must_use]
    pub fn fork(&self, tree: &HeaderTree, id: HeaderId) -> HeaderId {
        tree.last_common_ancestor(self.tip(), id)
    }

    /// Returns the last header it has in common with the sender of a locator; genesis if there is no other.
    ///
    /// **Spec:** Core's `Chainstate::FindForkInGlobalIndex`.
    #[must_use]
    pub fn find_fork(&self, tree: &HeaderTree, locator: &[BlockHash]) -> HeaderId {
        for id in locator.iter().filter_map(|hash| tree.find(hash)) {
            if self.contains(tree, id) {
                return id;
            }
            // The sender is ahead of us on our own chain.
            if tree.is_ancestor(self.tip(), id) {
                return self.tip();
            }
        }
        HeaderId::GENESIS
    }
}
