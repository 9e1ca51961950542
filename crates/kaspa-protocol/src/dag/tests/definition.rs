//! GHOSTDAG as the paper writes it: sets and nothing else.

use std::collections::BTreeSet;

use crate::dag::{AnticoneSize, BlockId, Dag, Ghostdag};

pub(super) struct Definition {
    k: usize,
    /// Blocks in the past, without the block itself.
    pasts: Vec<BTreeSet<BlockId>>,
    /// Blues in the past.
    blues: Vec<BTreeSet<BlockId>>,
}

impl Definition {
    pub(super) fn new(k: u16) -> Self {
        let empty = vec![BTreeSet::new()];
        Self { k: usize::from(k), pasts: empty.clone(), blues: empty }
    }

    fn in_anticone(&self, a: BlockId, b: BlockId) -> bool {
        a != b && !self.pasts[a.row()].contains(&b) && !self.pasts[b.row()].contains(&a)
    }

    fn anticone_size(&self, block: BlockId, blues: &BTreeSet<BlockId>) -> usize {
        blues.iter().filter(|&&blue| self.in_anticone(block, blue)).count()
    }

    /// Colours the next block, which is not in `dag` yet; works and hashes are those of `dag`.
    pub(super) fn add(&mut self, dag: &Dag, block: BlockId, parents: &[BlockId]) -> Ghostdag {
        assert_eq!(block.row(), self.pasts.len());
        let mut past: BTreeSet<BlockId> = parents.iter().copied().collect();
        for parent in parents {
            past.extend(&self.pasts[parent.row()]);
        }
        let selected_parent = *parents.iter().max_by_key(|&&p| dag.rank(p)).expect("a parent");
        if selected_parent.is_origin() {
            self.pasts.push(past);
            self.blues.push(BTreeSet::new());
            return Ghostdag { selected_parent, ..Ghostdag::default() };
        }
        let mut mergeset: Vec<BlockId> = past
            .difference(&self.pasts[selected_parent.row()])
            .copied()
            .filter(|&merged| merged != selected_parent)
            .collect();
        mergeset.sort_by_key(|&merged| dag.rank(merged));
        let before = self.blues[selected_parent.row()].clone();
        let mut all = before.clone();
        all.insert(selected_parent);
        let (mut blues, mut reds) = (vec![selected_parent], Vec::new());
        for candidate in mergeset {
            let mut with = all.clone();
            with.insert(candidate);
            if with.iter().all(|&blue| self.anticone_size(blue, &with) <= self.k) {
                all = with;
                blues.push(candidate);
            } else {
                reds.push(candidate);
            }
        }
        let size = |block: BlockId| {
            let size = self.anticone_size(block, &all);
            AnticoneSize { block, size: u16::try_from(size).expect("at most k") }
        };
        // In the order of slots: mergeset by rank, the selected parent, the rest from the top of the chain.
        let mut sizes: Vec<AnticoneSize> = blues[1..].iter().map(|&blue| size(blue)).collect();
        let mut merged = sizes.clone();
        merged.sort_by_key(|size| dag.rank(size.block));
        assert_eq!(merged, sizes);
        sizes.push(size(selected_parent));
        let mut chain = selected_parent;
        while !chain.is_origin() {
            for &blue in dag.blues(chain) {
                if self.anticone_size(blue, &before) != self.anticone_size(blue, &all) {
                    sizes.push(size(blue));
                }
            }
            chain = dag.selected_parent(chain);
        }
        let blue_score = dag.blue_score(selected_parent) + blues.len() as u64;
        let blue_work =
            blues.iter().fold(dag.blue_work(selected_parent), |sum, &blue| sum + dag.work(blue));
        assert_eq!(blue_score, all.len() as u64);
        self.pasts.push(past);
        self.blues.push(all);
        Ghostdag { selected_parent, blues, reds, anticone_sizes: sizes, blue_score, blue_work }
    }
}
