//! Locators and antipasts against sets of pasts.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::{BlockId, Random, grow, hash_of, pasts, shapes};
use crate::dag::{antichain_layers, locator_places};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn antipasts_are_the_difference_of_pasts_with_parents_first(
        shape in shapes(), low in 0..1_000_usize, high in 0..1_000_usize, limit in 3..200_usize,
    ) {
        let dag = grow(shape, |_, _, _, _| ());
        let pasts = pasts(&dag);
        let blocks = shape.blocks;
        let [low, high] = [low, high].map(|number| BlockId::at(1 + number % blocks));
        let below = |block: BlockId| &pasts[block.row()];
        // A peer asks again from where the last part ended until nothing comes.
        let (mut got, mut from): (BTreeSet<BlockId>, _) = (BTreeSet::new(), low);
        let widest = (1..=blocks).map(|number| dag.mergeset(BlockId::at(number)).len()).max();
        let limit = limit.max(widest.unwrap_or(0));
        loop {
            let part = dag.antipast(from, high, limit);
            prop_assert!(part.blocks.len() <= limit + 1);
            for &block in &part.blocks {
                for parent in dag.parents(block) {
                    let known = got.contains(parent) || below(low).contains(parent);
                    prop_assert!(known, "{parent:?} comes before {block:?}");
                }
                prop_assert!(below(high).contains(&block));
                got.insert(block);
            }
            if part.blocks.is_empty() {
                break;
            }
            from = part.reached;
        }
        let lacking: BTreeSet<BlockId> = below(high).difference(below(low)).copied().collect();
        prop_assert!(lacking.is_subset(&got));
    }

    #[test]
    fn locators_go_down_the_chain_in_growing_steps(shape in shapes(), high in 0..1_000_usize) {
        let dag = grow(shape, |_, _, _, _| ());
        let high = BlockId::at(1 + high % shape.blocks);
        let genesis = BlockId::new(1);
        let locator = dag.block_locator(high, genesis, usize::MAX).expect("genesis is on every chain");
        prop_assert_eq!(locator.first(), Some(&high));
        prop_assert_eq!(locator.last(), Some(&genesis));
        for pair in locator.windows(2) {
            prop_assert!(dag.reachability().is_chain_ancestor_of(pair[1], pair[0]));
            prop_assert!(dag.blue_score(pair[1]) < dag.blue_score(pair[0]));
        }
        prop_assert!(dag.block_locator(high, genesis, 2).expect("on the chain").len() <= 2);
        let off = (1..=shape.blocks).map(BlockId::at);
        for low in off.filter(|&low| !dag.reachability().is_chain_ancestor_of(low, high)) {
            prop_assert_eq!(dag.block_locator(high, low, 9), None);
        }
    }

    #[test]
    fn missing_bodies_are_all_that_lack_one_below_a_block(
        shape in shapes(), high in 0..1_000_usize, had in 0..1_000_usize,
    ) {
        let dag = grow(shape, |_, _, _, _| ());
        let pasts = pasts(&dag);
        let [high, had] = [high, had].map(|number| BlockId::at(1 + number % shape.blocks));
        let genesis = BlockId::new(1);
        // Bodies come with all below them: those below some block, and some beside it.
        let mut random = Random(shape.seed);
        let mut bodies = pasts[had.row()].clone();
        for number in 1..=shape.blocks {
            let block = BlockId::at(number);
            if dag.parents(block).iter().all(|parent| bodies.contains(parent)) && random.below(3) == 0 {
                bodies.insert(block);
            }
        }
        let missing = dag.missing_bodies(genesis, high, |block| bodies.contains(&block)).unwrap();
        let expected: BTreeSet<BlockId> = pasts[high.row()].difference(&bodies).copied().collect();
        prop_assert_eq!(missing.iter().copied().collect::<BTreeSet<_>>(), expected);
        prop_assert_eq!(missing.iter().copied().collect::<BTreeSet<_>>().len(), missing.len());
        let mut known = bodies;
        for block in missing {
            prop_assert!(dag.parents(block).iter().all(|parent| known.contains(parent)));
            known.insert(block);
        }
    }

    #[test]
    fn blocks_of_a_layer_do_not_know_one_another(shape in shapes()) {
        let dag = grow(shape, |_, _, _, _| ());
        let pasts = pasts(&dag);
        let parents: Vec<Vec<_>> = (1..=shape.blocks)
            .map(|number| dag.parents(BlockId::at(number)).iter().map(|parent| *dag.hash(*parent)).collect())
            .collect();
        let blocks = (1..).map(hash_of).zip(parents.iter().map(Vec::as_slice));
        let layers = antichain_layers(blocks);
        let mut before = BTreeSet::from([BlockId::ORIGIN]);
        for layer in &layers {
            let layer: Vec<BlockId> = layer.iter().map(|place| BlockId::at(place + 1)).collect();
            for &block in &layer {
                prop_assert!(dag.parents(block).iter().all(|parent| before.contains(parent)));
                prop_assert!(layer.iter().all(|other| *other == block || !pasts[block.row()].contains(other)));
            }
            before.extend(layer);
        }
        prop_assert_eq!(before.len(), shape.blocks + 1);
    }
}

#[test]
fn a_locator_names_both_ends_of_a_chain_and_doubles_its_steps() {
    assert_eq!(locator_places(3, 20), [20, 19, 17, 13, 5, 3]);
    assert_eq!(locator_places(0, 3), [3, 2, 0]);
    assert_eq!(locator_places(7, 7), [7]);
    assert_eq!(locator_places(8, 7), [0_u64; 0]);
}
