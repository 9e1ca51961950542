//! The k-cluster test, with a bit per block instead of a query per pair.
//!
//! For each candidate the blues in its anticone must be counted and their own counts looked at. The candidate's past is known in
//! parts: that of its selected parent, and its mergeset, which is stored. So within the *window*, the blues merged by the selected chain
//! above what all candidates have in common, pasts are bit rows that follow from one another:
//!
//! ```text
//!   past(c) = past(selected parent of c) + mergeset(c)          one copy and some bits set; rows are kept by block
//!   anticone blues of c = blues above the highest chain block in past(c), without past(c)
//! ```
//!
//! Slots of the window, in this order: candidates by rank, the selected parent, then the blues of chain block after chain
//! block downwards. The blues above a chain block are then a prefix.
//!
//! Every chain block that is not in the candidate's past is itself a blue in its anticone, so the chain is
//! followed for at most K + 1 blocks, however old the candidate is. K is at most a few thousand; a row is some hundred bits.

use super::Marks;
use crate::dag::{AnticoneSize, BlockId, Dag, Ghostdag};

const WORD: usize = u64::BITS as usize;

/// The buffers of the test.
#[derive(Debug, Clone, Default)]
pub(super) struct Window {
    /// The selected parent and its chain downwards.
    chain: Vec<BlockId>,
    /// For each candidate the place in `chain` of its highest ancestor; `None`: deeper than K, so red.
    depths: Vec<Option<usize>>,
    /// For each place in `chain`: the slots of blues above it.
    prefixes: Vec<usize>,
    /// The block of each slot.
    blocks: Vec<BlockId>,
    /// The blue anticone size of each slot's block.
    sizes: Vec<u16>,
    /// Slots by block.
    slots: Marks,
    /// Rows of `pasts` by block.
    rows: Marks,
    /// Bit rows: which slots are in the past of a block.
    pasts: Vec<u64>,
    /// Slots that are blue.
    blue: Vec<u64>,
    /// Slots whose size changed or is new.
    changed: Vec<u64>,
    /// Slots of the anticone of the candidate at hand.
    anticone: Vec<u64>,
    path: Vec<BlockId>,
}

impl Window {
    /// Colours `candidates`, the mergeset by rank without the selected parent, which is the only one of `found.blues` yet.
    pub(super) fn colour(
        &mut self,
        dag: &Dag,
        candidates: &[BlockId],
        k: u16,
        found: &mut Ghostdag,
    ) {
        if candidates.is_empty() {
            let block = found.selected_parent;
            found.anticone_sizes.push(AnticoneSize { block, size: 0 });
            return;
        }
        self.descend(dag, candidates, k, found.selected_parent);
        self.load(dag, candidates);
        for (slot, &candidate) in candidates.iter().enumerate() {
            let blue = self.depths[slot].is_some_and(|depth| {
                self.collect_anticone(dag, candidate, depth);
                self.fits(slot, k)
            });
            if blue {
                found.blues.push(candidate);
            } else {
                found.reds.push(candidate);
            }
        }
        let (blocks, sizes) = (&self.blocks, &self.sizes);
        let changed =
            ones(&self.changed).map(|slot| AnticoneSize { block: blocks[slot], size: sizes[slot] });
        found.anticone_sizes.extend(changed);
    }

    /// Finds each candidate's highest ancestor on the chain, at most K + 1 blocks below its top.
    fn descend(&mut self, dag: &Dag, candidates: &[BlockId], k: u16, selected_parent: BlockId) {
        let reachability = dag.reachability();
        let Self { chain, depths, .. } = self;
        chain.clear();
        chain.push(selected_parent);
        depths.clear();
        for &candidate in candidates {
            // The top is in nobody's past here: a candidate above it would have been selected in its place.
            let depth = (1..=usize::from(k)).find(|&depth| {
                if depth == chain.len() {
                    chain.push(reachability.tree_parent(chain[depth - 1]));
                }
                reachability.is_dag_ancestor_of(chain[depth], candidate)
            });
            depths.push(depth);
        }
    }

    /// Gives slots to the candidates and the blues merged down to the deepest of their ancestors, with their sizes.
    fn load(&mut self, dag: &Dag, candidates: &[BlockId]) {
        let Self { chain, depths, prefixes, blocks, sizes, slots, rows, .. } = self;
        let deepest = depths.iter().flatten().max().copied().unwrap_or(0);
        chain.truncate(deepest + 1);
        blocks.clear();
        blocks.extend_from_slice(candidates);
        blocks.push(chain[0]);
        prefixes.clear();
        prefixes.push(blocks.len());
        for &block in &chain[..deepest] {
            blocks.extend_from_slice(dag.blues(block));
            prefixes.push(blocks.len());
        }
        slots.clear(dag.len());
        rows.clear(dag.len());
        for (slot, &block) in (0..).zip(&*blocks) {
            slots.set(block, slot);
        }
        sizes.clear();
        sizes.resize(blocks.len(), 0);
        let words = blocks.len().div_ceil(WORD);
        self.pasts.clear();
        for bits in [&mut self.blue, &mut self.changed, &mut self.anticone] {
            bits.clear();
            bits.resize(words, 0);
        }
        (candidates.len()..blocks.len()).for_each(|slot| set(&mut self.blue, slot));
        set(&mut self.changed, candidates.len());
        // The newest entry counts, so the oldest are written first. The selected parent has no blue in its anticone yet.
        for &block in chain[..deepest].iter().rev() {
            for &AnticoneSize { block, size } in dag.anticone_sizes(block) {
                if let Some(slot) = slots.get(block) {
                    sizes[slot as usize] = size;
                }
            }
        }
    }

    /// Fills `anticone` with the blues outside the candidate's past.
    fn collect_anticone(&mut self, dag: &Dag, candidate: BlockId, depth: usize) {
        let words = self.blue.len();
        let row = self.past_row(dag, candidate);
        let past = &self.pasts[row * words..][..words];
        let prefix = self.prefixes[depth];
        for (word, anticone) in self.anticone.iter_mut().enumerate() {
            let start = word * WORD;
            let mask = match prefix.saturating_sub(start) {
                0 => 0,
                left if left < WORD => (1 << left) - 1,
                _ => u64::MAX,
            };
            *anticone = self.blue[word] & !past[word] & mask;
        }
        // The ancestor itself is the last one below which nothing matters.
        if let Some(slot) = self.slots.get(self.chain[depth]) {
            self.anticone[slot as usize / WORD] &= !(1 << (slot as usize % WORD));
        }
    }

    /// Decides on the candidate of `slot` by its anticone, and counts it if it is blue.
    fn fits(&mut self, slot: usize, k: u16) -> bool {
        let count: u32 = self.anticone.iter().map(|word| word.count_ones()).sum();
        let Some(size) = u16::try_from(count).ok().filter(|&size| size <= k) else {
            return false;
        };
        if ones(&self.anticone).any(|peer| self.sizes[peer] >= k) {
            return false;
        }
        for peer in ones(&self.anticone) {
            self.sizes[peer] += 1;
        }
        for (changed, anticone) in self.changed.iter_mut().zip(&self.anticone) {
            *changed |= anticone;
        }
        self.sizes[slot] = size;
        set(&mut self.blue, slot);
        set(&mut self.changed, slot);
        true
    }

    /// Returns the row of `pasts` for a block, made from its selected parent's down to the window's end.
    fn past_row(&mut self, dag: &Dag, block: BlockId) -> usize {
        let words = self.blue.len();
        let bottom = self.chain[self.chain.len() - 1];
        let reachability = dag.reachability();
        self.path.clear();
        let mut at = block;
        let base = loop {
            if let Some(row) = self.rows.get(at) {
                break Some(row as usize);
            }
            if reachability.is_dag_ancestor_of(at, bottom) || !reachability.has(at) {
                break None;
            }
            self.path.push(at);
            at = reachability.tree_parent(at);
        };
        let mut row = base;
        while let Some(block) = self.path.pop() {
            let start = self.pasts.len();
            match row {
                Some(row) => self.pasts.extend_from_within(row * words..(row + 1) * words),
                None => self.pasts.resize(start + words, 0),
            }
            for &merged in dag.mergeset(block) {
                if let Some(slot) = self.slots.get(merged) {
                    set(&mut self.pasts[start..], slot as usize);
                }
            }
            let made = start / words;
            self.rows.set(block, u32::try_from(made).unwrap_or(u32::MAX));
            row = Some(made);
        }
        row.unwrap_or_else(|| {
            // A candidate in the past of the window's end is none; an empty row keeps this total.
            let start = self.pasts.len();
            self.pasts.resize(start + words, 0);
            start / words
        })
    }
}

fn set(bits: &mut [u64], at: usize) {
    bits[at / WORD] |= 1 << (at % WORD);
}

/// Iterates over the places of set bits.
fn ones(bits: &[u64]) -> impl Iterator<Item = usize> + '_ {
    bits.iter().enumerate().flat_map(|(word, &bits)| {
        let rest = core::iter::successors(Some(bits), |bits| Some(bits & bits.wrapping_sub(1)));
        rest.take_while(|&bits| bits != 0)
            .map(move |bits| word * WORD + bits.trailing_zeros() as usize)
    })
}
