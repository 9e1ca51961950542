//! One chain of the tree as the rules of blocks see it.

use bitcoin::BlockHash;

use super::{HeaderId, HeaderTree};
use crate::rules::Ancestors;

/// The chain that ends with a header: the ancestors of a block on top of it.
#[derive(Debug, Clone, Copy)]
pub struct ChainView<'a> {
    tree: &'a HeaderTree,
    parent: HeaderId,
}

impl<'a> ChainView<'a> {
    /// Views the chain that ends with `parent`.
    #[must_use]
    pub const fn new(tree: &'a HeaderTree, parent: HeaderId) -> Self {
        Self { tree, parent }
    }
}

impl Ancestors for ChainView<'_> {
    fn hash(&self, height: u32) -> Option<BlockHash> {
        self.tree.ancestor(self.parent, height).map(|id| self.tree.hash(id))
    }

    fn median_time_past(&self, height: u32) -> u32 {
        let ancestor = self.tree.ancestor(self.parent, height);
        ancestor.map_or(0, |id| self.tree.median_time_past(id))
    }
}
