//! Who is in whose past, answered without searching the graph.
//!
//! Two structures (Sutton's reachability oracle, "Reachability" in the reference's `processes/reachability`):
//!
//! - **The tree** of selected parents. Every block owns a span of `u64` labels, its own label first, and its children own disjoint
//!   parts of the rest: a chain ancestor is one comparison.
//! - **Future covering sets.** Merging a block `m` adds the merging block to the set of `m`, sorted by label. Whatever has `m` in its past
//!   without having it on its chain descends in the tree from a member: one binary search.
//!
//! ```text
//!   a in past(b)?   span(a) contains label(b) ─ yes ─► true
//!                   layer(a) >= layer(b)      ─ yes ─► false     (longest path from the root: most negative answers end here)
//!                   last member of covering(a) with label <= label(b) contains it?
//! ```
//!
//! # Invariants
//!
//! - Labels are a preorder of the tree: relabelling keeps the order of any two blocks, so sorted sets stay sorted.
//! - `span(child)` lies strictly inside `span(parent)`; siblings are disjoint and sorted.
//! - Members of a covering set are in one another's tree anticone.
//!
//! # Deviations
//!
//! The reference keeps a *reindex root* that must be told of the selected tip, and shifts slack along the chain below it. Here a
//! block without room looks for its lowest ancestor with room to spare and relabels that subtree, giving by weight (`reindex`);
//! so there is no tip to hint at, and no order of arrival can make it fail.

use super::{BlockId, DagError, lists::Lists};

mod reindex;

/// Labels that are a block's and its tree descendants'; the first is its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Span {
    start: u64,
    end: u64,
}

impl Span {
    /// Of a deleted block: no label lies in it, and its own lies in none.
    const DELETED: Self = Self { start: u64::MAX, end: 0 };
    const ALL: Self = Self { start: 1, end: u64::MAX - 1 };

    const fn contains(self, label: u64) -> bool {
        self.start <= label && label <= self.end
    }
}

/// The reachability columns. Row 0 is [`BlockId::ORIGIN`], which is in the past of everything.
#[derive(Debug, Clone)]
pub struct Reachability {
    spans: Vec<Span>,
    layers: Vec<u32>,
    tree_parents: Vec<BlockId>,
    children: Lists,
    covering: Lists,
    /// What a block merges in the place of deleted tree parents: few, and only until they are deleted themselves.
    inherited: std::collections::BTreeMap<BlockId, Vec<BlockId>>,
    reindexing: reindex::Scratch,
}

impl Default for Reachability {
    fn default() -> Self {
        Self::new()
    }
}

impl Reachability {
    /// Makes the structure of the empty DAG.
    #[must_use]
    pub fn new() -> Self {
        let mut made = Self {
            spans: vec![Span::ALL],
            layers: vec![0],
            tree_parents: vec![BlockId::ORIGIN],
            children: Lists::default(),
            covering: Lists::default(),
            inherited: std::collections::BTreeMap::new(),
            reindexing: reindex::Scratch::default(),
        };
        made.children.push_list();
        made.covering.push_list();
        made
    }

    /// Returns how many numbers were given, the root's among them.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.spans.len()
    }

    /// Returns `false`: the root is always there.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.spans.is_empty()
    }

    /// Adds the next block: a tree child of `selected_parent` that merges `merged` (its mergeset without the selected parent).
    ///
    /// `merged` must be outside the past of `selected_parent`, and closed: with a block everything between it and that past.
    ///
    /// # Errors
    ///
    /// [`DagError::UnknownParent`] if one of them is not there, [`DagError::Full`] after 2^32 - 1 blocks.
    pub fn add(
        &mut self,
        selected_parent: BlockId,
        merged: impl Iterator<Item = BlockId> + Clone,
    ) -> Result<BlockId, DagError> {
        let number = u32::try_from(self.spans.len()).map_err(|_| DagError::Full)?;
        if number == u32::MAX || !self.children.has_room() || !self.covering.has_room() {
            return Err(DagError::Full);
        }
        let mut layer = 0;
        for parent in core::iter::once(selected_parent).chain(merged.clone()) {
            if !self.has(parent) {
                return Err(DagError::UnknownParent { parent });
            }
            layer = layer.max(self.layers[parent.row()]);
        }
        let block = BlockId::new(number);
        self.spans.push(Span::DELETED);
        self.layers.push(layer + 1);
        self.tree_parents.push(selected_parent);
        self.children.push_list();
        self.covering.push_list();
        self.place(selected_parent, block);
        for merged in merged {
            let at = self.upper_bound(self.covering.get(merged), self.spans[block.row()].start);
            self.covering.splice(merged, at, 0, &[block]);
        }
        Ok(block)
    }

    /// Notes what a block was added with where its mergeset is not that, for when it is deleted.
    pub(crate) fn remember(&mut self, block: BlockId, merged: impl Iterator<Item = BlockId>) {
        let merged: Vec<BlockId> = merged.collect();
        if !merged.is_empty() {
            self.inherited.entry(block).or_default().extend(merged);
        }
    }

    /// Deletes a block; all answers about the others stay what they were. `mergeset` is what it was added with.
    ///
    /// Its tree children become those of its tree parent and take its place in covering sets. Does nothing for what is not there.
    ///
    /// Reference: `reachability::inquirer::delete_block`.
    pub fn delete(&mut self, block: BlockId, mergeset: impl Iterator<Item = BlockId>) {
        if block.is_origin() || !self.has(block) {
            return;
        }
        let children: Vec<BlockId> = self.children.get(block).to_vec();
        let parent = self.tree_parents[block.row()];
        let mut merged = self.inherited.remove(&block).unwrap_or_default();
        merged.extend(mergeset);
        merged.retain(|&merged| self.has(merged) && merged != parent);
        for &holder in &merged {
            if let Some(at) = self.position(self.covering.get(holder), block) {
                self.covering.splice(holder, at, 1, &children);
            }
        }
        if let Some(at) = self.position(self.children.get(parent), block) {
            self.children.splice(parent, at, 1, &children);
        }
        for &child in &children {
            self.tree_parents[child.row()] = parent;
            if !merged.is_empty() {
                self.inherited.entry(child).or_default().extend(&merged);
            }
        }
        self.children.clear(block);
        self.covering.clear(block);
        self.spans[block.row()] = Span::DELETED;
    }

    /// Returns whether the block was added and not deleted.
    #[must_use]
    pub fn has(&self, block: BlockId) -> bool {
        self.spans.get(block.row()).is_some_and(|&span| span != Span::DELETED)
    }

    /// Returns whether `ancestor` is `block` or in its past. `false` where either was deleted.
    #[must_use]
    pub fn is_dag_ancestor_of(&self, ancestor: BlockId, block: BlockId) -> bool {
        if self.is_chain_ancestor_of(ancestor, block) {
            return true;
        }
        if self.layers[ancestor.row()] >= self.layers[block.row()] {
            return false;
        }
        self.covers(self.covering.get(ancestor), self.spans[block.row()].start).is_some()
    }

    /// Returns whether `ancestor` is `block` or on its chain of selected parents. `false` where either was deleted.
    #[must_use]
    pub fn is_chain_ancestor_of(&self, ancestor: BlockId, block: BlockId) -> bool {
        self.spans[ancestor.row()].contains(self.spans[block.row()].start)
    }

    /// Returns whether `ancestor` is in the past of any of `blocks`, or one of them.
    #[must_use]
    pub fn is_dag_ancestor_of_any(
        &self,
        ancestor: BlockId,
        mut blocks: impl Iterator<Item = BlockId>,
    ) -> bool {
        blocks.any(|block| self.is_dag_ancestor_of(ancestor, block))
    }

    /// Returns the block after `ancestor` on the chain of `descendant`; `None` if it is not a strict ancestor on that chain.
    #[must_use]
    pub fn next_chain_ancestor(&self, ancestor: BlockId, descendant: BlockId) -> Option<BlockId> {
        if ancestor == descendant || !self.is_chain_ancestor_of(ancestor, descendant) {
            return None;
        }
        let label = self.spans[descendant.row()].start;
        self.covers(self.children.get(ancestor), label)
    }

    /// Returns the parent in the tree: the selected parent, or what stands for it since that was deleted.
    #[must_use]
    pub fn tree_parent(&self, block: BlockId) -> BlockId {
        self.tree_parents[block.row()]
    }

    /// Returns the children in the tree, in label order.
    #[must_use]
    pub fn tree_children(&self, block: BlockId) -> &[BlockId] {
        self.children.get(block)
    }

    /// Iterates from `block` down its chain to `ancestor`, both included; empty if that is not on the chain.
    pub fn backward_chain(
        &self,
        block: BlockId,
        ancestor: BlockId,
    ) -> impl Iterator<Item = BlockId> + '_ {
        let first = self.is_chain_ancestor_of(ancestor, block).then_some(block);
        core::iter::successors(first, move |&at| (at != ancestor).then(|| self.tree_parent(at)))
    }

    /// Iterates from `ancestor` up the chain of `block`, both included; empty if it is not on the chain.
    pub fn forward_chain(
        &self,
        ancestor: BlockId,
        block: BlockId,
    ) -> impl Iterator<Item = BlockId> + '_ {
        let first = self.is_chain_ancestor_of(ancestor, block).then_some(ancestor);
        core::iter::successors(first, move |&at| self.next_chain_ancestor(at, block))
    }

    /// Returns the bytes the columns hold.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.spans.len() * (size_of::<Span>() + 4 + 4 + 4)
            + self.children.bytes()
            + self.covering.bytes()
    }

    /// Returns how many blocks of a sorted set have a label of at most `label`.
    fn upper_bound(&self, sorted: &[BlockId], label: u64) -> usize {
        // New blocks stand at the end more often than not.
        match sorted.last() {
            Some(last) if self.spans[last.row()].start > label => {
                sorted.partition_point(|block| self.spans[block.row()].start <= label)
            }
            _ => sorted.len(),
        }
    }

    /// Returns the block of a sorted set whose span holds the label.
    fn covers(&self, sorted: &[BlockId], label: u64) -> Option<BlockId> {
        let last = *sorted.get(self.upper_bound(sorted, label).checked_sub(1)?)?;
        self.spans[last.row()].contains(label).then_some(last)
    }

    /// Returns where a block stands in a sorted set.
    fn position(&self, sorted: &[BlockId], block: BlockId) -> Option<usize> {
        let at = self.upper_bound(sorted, self.spans[block.row()].start).checked_sub(1)?;
        (sorted.get(at) == Some(&block)).then_some(at)
    }
}
