//! The persistent lists of samples, and the plain way to a window.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::{Sampling, WindowRules, WindowSize, Windows};
use crate::dag::{BlockId, Dag, DagError, Ghostdag};

/// A sample and what comes after it. Entry 0 is the end of every list.
#[derive(Debug, Clone, Copy)]
struct Sample {
    next: u32,
    block: BlockId,
    /// The selected parent of the block that linked it: nothing from here on is above that one.
    ceiling: BlockId,
}

/// The lists of one window. 20 bytes a sample.
#[derive(Debug, Clone)]
pub(super) struct Samples {
    entries: Vec<Sample>,
    /// What the window that begins here says; known for the first sample of a block.
    values: Vec<u64>,
}

/// Of samples that begin no window.
const NO_VALUE: u64 = u64::MAX;

impl Samples {
    pub(super) fn new() -> Self {
        let end = Sample { next: 0, block: BlockId::ORIGIN, ceiling: BlockId::ORIGIN };
        Self { entries: vec![end], values: vec![NO_VALUE] }
    }

    pub(super) const fn bytes(&self) -> usize {
        self.entries.len() * (size_of::<Sample>() + size_of::<u64>())
    }

    /// Links the samples of a block before `head` and returns the new head.
    pub(super) fn link(
        &mut self,
        head: u32,
        added: &[BlockId],
        ceiling: BlockId,
        value: Option<u64>,
    ) -> Result<u32, DagError> {
        let mut head = head;
        for (left, &block) in (0..added.len()).rev().zip(added.iter().rev()) {
            let entry = u32::try_from(self.entries.len()).map_err(|_| DagError::Full)?;
            self.entries.push(Sample { next: head, block, ceiling });
            self.values.push(value.filter(|_| left == 0).unwrap_or(NO_VALUE));
            head = entry;
        }
        Ok(head)
    }

    /// Returns what the window that begins at `head` says.
    pub(super) fn value(&self, head: u32) -> Option<u64> {
        Some(self.values[head as usize]).filter(|&value| value != NO_VALUE)
    }

    /// Returns the `size` highest of `first` and of the list from `head`.
    pub(super) fn highest(
        &self,
        dag: &Dag,
        first: &[BlockId],
        head: u32,
        size: usize,
    ) -> Vec<BlockId> {
        let mut highest = Highest::new(dag, size);
        first.iter().for_each(|&block| highest.offer(block));
        let mut at = head;
        while at != 0 {
            let Sample { next, block, ceiling } = self.entries[at as usize];
            if highest.is_above(ceiling) {
                break;
            }
            highest.offer(block);
            at = next;
        }
        highest.into_blocks()
    }
}

/// The highest blocks by rank: a plain list until it is full, then a heap with the lowest on top.
struct Highest<'a> {
    dag: &'a Dag,
    size: usize,
    blocks: Vec<BlockId>,
    heap: BinaryHeap<Reverse<(ruint::aliases::U192, &'a quintet_primitives::Hash256, BlockId)>>,
}

impl<'a> Highest<'a> {
    fn new(dag: &'a Dag, size: usize) -> Self {
        Self { dag, size, blocks: Vec::new(), heap: BinaryHeap::new() }
    }

    fn offer(&mut self, block: BlockId) {
        if self.blocks.len() < self.size {
            self.blocks.push(block);
            return;
        }
        self.fill_heap();
        let (work, hash) = self.dag.rank(block);
        if let Some(mut lowest) = self.heap.peek_mut()
            && (lowest.0.0, lowest.0.1) < (work, hash)
        {
            *lowest = Reverse((work, hash, block));
        }
    }

    fn fill_heap(&mut self) {
        if self.heap.is_empty() {
            let ranked = |&block: &BlockId| {
                let (work, hash) = self.dag.rank(block);
                Reverse((work, hash, block))
            };
            self.heap = self.blocks.iter().map(ranked).collect();
        }
    }

    /// Returns whether there are enough blocks and none below `ceiling`.
    fn is_above(&mut self, ceiling: BlockId) -> bool {
        if self.blocks.len() < self.size {
            return false;
        }
        self.fill_heap();
        self.heap.peek().is_none_or(|lowest| (lowest.0.0, lowest.0.1) >= self.dag.rank(ceiling))
    }

    fn into_blocks(self) -> Vec<BlockId> {
        if self.heap.is_empty() {
            self.blocks
        } else {
            self.heap.into_iter().map(|Reverse((_, _, block))| block).collect()
        }
    }
}

/// Returns the merged blocks that count for a window, highest first.
///
/// The genesis never does: its time is arbitrary. Since Crescendo a block's DAA index is the selected parent's DAA score and its
/// place among the merged blocks that are not too old, highest first.
pub(super) fn merged_samples(
    dag: &Dag,
    windows: &Windows,
    ghostdag: &Ghostdag,
    rules: &WindowRules,
    rate: u64,
    lowest_score: u64,
) -> Vec<BlockId> {
    let parent = ghostdag.selected_parent;
    if parent == windows.genesis || parent.is_origin() {
        return Vec::new();
    }
    let merged = core::iter::once(parent).chain(ghostdag.merged_descending(dag));
    match rules.sampling {
        Sampling::Full => merged.collect(),
        Sampling::Sampled { since, .. } => {
            let counted = merged.filter(|&block| dag.blue_score(block) >= lowest_score);
            let score = windows.daa_score(parent);
            (score + 1..)
                .zip(counted)
                .filter(|&(index, _)| index % rate.max(1) == 0)
                .map(|(_, block)| block)
                .filter(|&block| {
                    since == 0 || windows.daa_score(dag.selected_parent(block)) >= since
                })
                .collect()
        }
    }
}

/// Builds a window by walking down the selected chain, from the blocks alone: what the lists must agree with.
#[must_use]
pub fn chain_window(
    dag: &Dag,
    windows: &Windows,
    ghostdag: &Ghostdag,
    rules: &WindowRules,
    size: WindowSize,
) -> Vec<BlockId> {
    let mut highest = Highest::new(dag, size.size);
    let mut current = ghostdag.clone();
    loop {
        let parent = current.selected_parent;
        let earlier = matches!(rules.sampling, Sampling::Sampled { since, .. }
            if since > 0 && windows.daa_score(parent) < since);
        if parent.is_origin() || parent == windows.genesis || earlier || highest.is_above(parent) {
            return highest.into_blocks();
        }
        let lowest_score = rules.lowest_blue_score(current.blue_score);
        for block in merged_samples(dag, windows, &current, rules, size.rate, lowest_score) {
            highest.offer(block);
        }
        current = dag.ghostdag(parent);
    }
}
