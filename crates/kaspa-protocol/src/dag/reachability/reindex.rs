//! Giving labels to a new tree child, and making room where there is none.
//!
//! A first child gets what its parent has left but a slack for later ones: the first child of a tip is most often the next of the
//! chain. Later children get a small part each. A child for which nothing is left makes the lowest ancestor with
//! [`ROOM_MIN`] labels a block relabel its subtree:
//!
//! ```text
//!   ancestor [ own │ child 1: size + size·d │ heaviest: size + size·d + all the rest │ … │ slack ]
//! ```
//!
//! Labels go by weight: a light branch gets room in proportion to its blocks, the heaviest loses only what the others get, so a chain of
//! millions keeps nearly the whole space. A branch must then outgrow its share, a thousandfold and more, before the same ancestor
//! is relabelled for it again; a fan of siblings must fill the slack, hundreds of blocks. Every one of them costs proof of work.

use super::{Reachability, Span};
use crate::dag::BlockId;

/// Most labels kept for later children of a block: 2^32 blocks deep still fit in 2^64.
const SLACK_MAX: u64 = 1 << 32;

/// A block's first child leaves this part of the room, later ones take it.
const SHARE: u64 = 64;

/// Most labels given for each block of a lighter branch.
const DENSITY_MAX: u64 = 1 << 20;

/// Labels per block of the subtree that an ancestor must have to be relabelled.
const ROOM_MIN: u64 = 64;

/// Buffers of one relabelling, and the sizes of the subtrees it met.
#[derive(Debug, Clone, Default)]
pub(super) struct Scratch {
    sizes: Vec<u32>,
    stack: Vec<BlockId>,
    /// Relabellings and the blocks relabelled, for the curious.
    pub(super) runs: u64,
    pub(super) moved: u64,
}

impl Reachability {
    /// Makes `child` the last tree child of `parent` and gives it labels.
    pub(super) fn place(&mut self, parent: BlockId, child: BlockId) {
        let Span { start, end } = self.spans[parent.row()];
        let siblings = self.children.get(parent);
        let count = siblings.len();
        let used = siblings.last().map_or(start, |last| self.spans[last.row()].end);
        self.children.splice(parent, count, 0, &[child]);
        let room = end - used;
        if room == 0 {
            self.make_room(child);
            return;
        }
        let taken =
            if count == 0 { room - (room / SHARE).min(SLACK_MAX) } else { (room / SHARE).max(1) };
        self.spans[child.row()] = Span { start: used + 1, end: used + taken };
    }

    /// Returns how often subtrees were relabelled, and how many blocks in all.
    #[must_use]
    pub const fn relabelled(&self) -> (u64, u64) {
        (self.reindexing.runs, self.reindexing.moved)
    }

    /// Relabels the smallest subtree with `child` in it that has room.
    fn make_room(&mut self, child: BlockId) {
        let mut scratch = core::mem::take(&mut self.reindexing);
        scratch.sizes.resize(self.spans.len(), 0);
        scratch.sizes[child.row()] = 1;
        let mut top = child;
        loop {
            let parent = self.tree_parents[top.row()];
            let mut size = 1;
            for &sibling in self.children.get(parent) {
                if sibling != top {
                    self.count(sibling, &mut scratch);
                }
                size += scratch.sizes[sibling.row()];
            }
            scratch.sizes[parent.row()] = size;
            top = parent;
            let Span { start, end } = self.spans[top.row()];
            // The root has 2^64 labels for at most 2^32 blocks.
            if top.is_origin() || (end - start) / ROOM_MIN >= u64::from(size) {
                break;
            }
        }
        scratch.runs += 1;
        scratch.moved += u64::from(scratch.sizes[top.row()]);
        self.distribute(top, &mut scratch);
        self.reindexing = scratch;
    }

    /// Notes the sizes of all subtrees of the subtree of `top`.
    fn count(&self, top: BlockId, scratch: &mut Scratch) {
        let Scratch { sizes, stack, .. } = scratch;
        stack.clear();
        stack.push(top);
        // Parents stand before their children in this list; summed from its end.
        let mut next = 0;
        while let Some(&block) = stack.get(next) {
            sizes[block.row()] = 1;
            stack.extend_from_slice(self.children.get(block));
            next += 1;
        }
        for &block in stack[1..].iter().rev() {
            sizes[self.tree_parents[block.row()].row()] += sizes[block.row()];
        }
    }

    /// Gives the labels of `top` to its descendants, whose subtree sizes are known.
    fn distribute(&mut self, top: BlockId, scratch: &mut Scratch) {
        let Scratch { sizes, stack, .. } = scratch;
        stack.clear();
        stack.push(top);
        while let Some(block) = stack.pop() {
            let children = self.children.get(block);
            let below = u64::from(sizes[block.row()]) - 1;
            let Some(&heaviest) = children.iter().max_by_key(|child| sizes[child.row()]) else {
                continue;
            };
            let Span { start, end } = self.spans[block.row()];
            let spare = end - start - below;
            let slack = (spare / (2 * below)).min(SLACK_MAX);
            let density = (spare / (4 * below)).min(DENSITY_MAX);
            let rest = spare - slack - density * below;
            let mut used = start;
            for &child in children {
                let size = u64::from(sizes[child.row()]);
                let more = if child == heaviest { rest } else { 0 };
                let span = Span { start: used + 1, end: used + size * (1 + density) + more };
                used = span.end;
                self.spans[child.row()] = span;
                if size > 1 {
                    stack.push(child);
                }
            }
        }
    }
}
