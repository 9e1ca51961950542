//! Locators and antipasts against sets of pasts.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::{BlockId, grow, pasts, shapes};

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
}
