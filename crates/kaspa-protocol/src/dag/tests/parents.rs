//! Parents by level against the antichains of the graph, before and after pruning.

use std::{borrow::Cow, collections::BTreeSet};

use proptest::prelude::*;
use quintet_primitives::Hash256;

use super::{BlockId, Dag, Random, Shape, grow, hash_of, pasts, shapes};
use crate::{
    dag::{LevelRules, LevelView, ParentsError, same_level_parents},
    header::LevelParents,
};

const MAX_LEVEL: u8 = 7;

/// A DAG whose blocks have random levels, and headers that name the antichains.
struct Levels {
    dag: Dag,
    pasts: Vec<BTreeSet<BlockId>>,
    levels: Vec<u8>,
    said: Vec<LevelParents>,
    edge: Vec<BlockId>,
    rules: LevelRules,
}

impl LevelView for Levels {
    fn dag(&self) -> &Dag {
        &self.dag
    }

    fn level(&self, block: BlockId) -> u8 {
        self.levels[block.row()]
    }

    fn level_parents(&self, block: BlockId) -> Cow<'_, LevelParents> {
        Cow::Borrowed(&self.said[block.row()])
    }

    fn edge(&self) -> &[BlockId] {
        &self.edge
    }
}

impl Levels {
    fn new(shape: Shape) -> Self {
        let dag = grow(shape, |_, _, _, _| ());
        let pasts = pasts(&dag);
        let mut random = Random(shape.seed ^ 0x5eed);
        let level = |number| match number {
            0 => 0,
            1 => MAX_LEVEL,
            _ => {
                u8::try_from(random.below(1 << MAX_LEVEL).trailing_zeros()).unwrap().min(MAX_LEVEL)
            }
        };
        let levels: Vec<u8> = (0..dag.len()).map(level).collect();
        let rules = LevelRules { genesis: hash_of(1), max_level: MAX_LEVEL };
        let mut made = Self { dag, pasts, levels, said: Vec::new(), edge: Vec::new(), rules };
        for number in 0..made.dag.len() {
            let parents = made.dag.parents(BlockId::at(number)).to_vec();
            let said = if number <= 1 { LevelParents::default() } else { made.naive(&parents) };
            made.said.push(said);
        }
        made
    }

    /// The highest blocks of each level below a header with these parents.
    fn naive(&self, parents: &[BlockId]) -> LevelParents {
        let below: BTreeSet<BlockId> =
            parents.iter().flat_map(|p| &self.pasts[p.row()]).copied().collect();
        let mut found = LevelParents::default();
        for level in 0..=MAX_LEVEL {
            let reach: Vec<BlockId> = below
                .iter()
                .copied()
                .filter(|block| !block.is_origin() && self.levels[block.row()] >= level)
                .collect();
            let highest: Vec<Hash256> = reach
                .iter()
                .filter(|&block| {
                    !reach
                        .iter()
                        .any(|above| above != block && self.pasts[above.row()].contains(block))
                })
                .map(|block| hash_of(block.row()))
                .collect();
            if level > 0 && highest == [self.rules.genesis] {
                break;
            }
            found.push(&highest).unwrap();
        }
        found
    }

    /// Deletes all below `point`.
    fn prune(&mut self, point: BlockId) {
        let tips = (1..self.dag.len()).map(BlockId::at);
        self.edge = self.dag.anticone(point, tips, usize::MAX).unwrap();
        self.edge.push(point);
        for below in self.pasts[point.row()].clone() {
            if below != point && !below.is_origin() {
                self.dag.delete(below);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn parents_of_each_level_are_the_highest_blocks_that_reach_it(shape in shapes()) {
        let levels = Levels::new(shape);
        for number in 2..levels.dag.len() {
            let parents = levels.dag.parents(BlockId::at(number));
            let found = levels.rules.expect(&levels, BlockId::new(1), parents).unwrap();
            let expected = &levels.said[number];
            prop_assert!(same_level_parents(expected, &found), "{:?}, not {:?}", expected, found);
        }
    }

    #[test]
    fn and_so_they_are_when_all_below_a_pruning_point_was_deleted(
        shape in shapes(), point in 0..1_000_usize,
    ) {
        let mut levels = Levels::new(shape);
        let point = BlockId::at(1 + point % shape.blocks);
        levels.prune(point);
        for number in 2..levels.dag.len() {
            let parents = levels.dag.parents(BlockId::at(number)).to_vec();
            let has = |&parent: &BlockId| levels.dag.reachability().has(parent);
            if !parents.iter().all(has) {
                continue;
            }
            let above = parents.iter().any(|p| levels.pasts[p.row()].contains(&point));
            match levels.rules.expect(&levels, point, &parents) {
                Ok(found) => {
                    prop_assert!(above);
                    let expected = &levels.said[number];
                    prop_assert!(same_level_parents(expected, &found), "{:?}, not {:?}", expected, found);
                }
                Err(error) => {
                    prop_assert!(!above);
                    let none = ParentsError::NoneAbovePruningPoint { pruning_point: point };
                    prop_assert_eq!(error, none);
                }
            }
        }
    }
}

#[test]
fn the_order_on_a_level_does_not_matter_but_all_else_does() {
    let levels = |levels: &[&[usize]]| {
        let hashes =
            |level: &&[usize]| level.iter().map(|&number| hash_of(number)).collect::<Vec<_>>();
        LevelParents::from_levels(levels.iter().map(hashes)).unwrap()
    };
    let one = levels(&[&[1, 2, 3], &[1, 2], &[1, 2]]);
    assert!(same_level_parents(&one, &levels(&[&[3, 1, 2], &[1, 2], &[2, 1]])));
    assert!(!same_level_parents(&one, &levels(&[&[1, 2, 3], &[1, 2]])));
    assert!(!same_level_parents(&one, &levels(&[&[1, 2, 3], &[1, 2], &[1, 3]])));
    assert!(!same_level_parents(&one, &levels(&[&[1, 2, 3], &[1, 2], &[1, 1]])));
}
