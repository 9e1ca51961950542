//! Windows kept in lists against windows built anew, and the depths against a walk down the chain.

use proptest::prelude::*;
use ruint::aliases::U256;

use super::{Random, Shape, grow, shapes};
use crate::{
    dag::{
        BlockId, Dag, DagError, DepthRules, Depths, Expected, ExpectedPruning, Ghostdag,
        PruningPoints, PruningRules, Sampling, WindowRules, WindowSize, Windows, chain_window,
    },
    target::{from_compact, to_compact},
};

const GENESIS_TIME: u64 = 1_000;
const GENESIS_BITS: u32 = 0x1e7f_ffff;
const GENESIS: BlockId = BlockId::new(1);

fn rules(difficulty: (usize, u64), median: (usize, u64), sampling: Sampling) -> WindowRules {
    let size = |(size, rate)| WindowSize { size, rate };
    WindowRules {
        difficulty: size(difficulty),
        median: size(median),
        difficulty_min: 4,
        target_time: 100,
        max_target: from_compact(0x207f_ffff),
        sampling,
    }
}

fn by_rank(dag: &Dag, mut blocks: Vec<BlockId>) -> Vec<BlockId> {
    blocks.sort_by(|&a, &b| dag.rank(a).cmp(&dag.rank(b)));
    blocks
}

/// Says the windows of every block of a DAG, under `early` rules and from a DAA score on under `late` ones.
fn check(shape: Shape, early: &WindowRules, late: &WindowRules, since: u64) {
    let mut windows = Windows::new(GENESIS_TIME, GENESIS_BITS, 0);
    let mut random = Random(shape.seed ^ 77);
    grow(shape, |dag, block, _, found| {
        if block == GENESIS {
            return;
        }
        let parent = found.selected_parent;
        let rules = if windows.daa_score(parent) >= since { late } else { early };
        let expected = windows.expect(dag, found, rules).expect("a window");
        let built = chain_window(dag, &windows, found, rules, rules.difficulty);
        let kept = windows.difficulty_window(dag, &expected, rules);
        assert_eq!(by_rank(dag, kept), by_rank(dag, built.clone()), "{block:?}");
        let built_median = chain_window(dag, &windows, found, rules, rules.median);
        let kept = windows.median_window(dag, &expected, rules);
        assert_eq!(by_rank(dag, kept), by_rank(dag, built_median.clone()));
        assert_eq!(expected.bits, windows.bits_after(dag, found, &built, rules));
        let time = windows.median_time(&built_median, parent, rules.sampling);
        assert_eq!(expected.past_median_time, time);
        let counted = found.mergeset_size() - expected.non_daa.len();
        assert_eq!(expected.daa_score, windows.daa_score(parent) + counted as u64);
        let timestamp = expected.past_median_time + 1 + random.below(500) as u64;
        let pushed = windows.push(found, &expected, rules.sampling, timestamp, expected.bits);
        assert_eq!(pushed, Ok(()));
    });
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn kept_windows_are_those_built_from_the_chain(
        shape in shapes(), size in 1..40_usize, median in 1..12_usize, rate in 1..7_u64, full in any::<bool>(),
    ) {
        let sampling =
            if full { Sampling::Full } else { Sampling::Sampled { since: 0, earlier_target_time: 0 } };
        let rates = if full { (1, 1) } else { (rate, 2 * rate) };
        let rules = rules((size, rates.0), (median, rates.1), sampling);
        check(shape, &rules, &rules, 0);
    }

    #[test]
    fn kept_windows_start_anew_at_the_fork(shape in shapes(), size in 1..40_usize, since in 1..60_u64) {
        let early = rules((size, 1), (9, 1), Sampling::Full);
        let sampled = Sampling::Sampled { since, earlier_target_time: 1_000 };
        check(shape, &early, &rules((size, 2), (9, 3), sampled), since);
    }

    #[test]
    fn depth_points_and_pruning_points_are_those_of_a_walk_down_the_chain(
        shape in shapes(), merge_depth in 1..30_u64, finality_depth in 1..30_u64, epochs in 1..4_u64,
    ) {
        let depth_rules = DepthRules { merge_depth, finality_depth, genesis: GENESIS };
        // As on every network: an epoch is longer than a step of the chain, and so many epochs reach the pruning depth.
        let step = u64::from(shape.k) + 1;
        let epoch = finality_depth + step;
        let pruning_depth = epochs * epoch - step;
        let pruning_rules =
            PruningRules { pruning_depth, finality_depth: epoch, genesis: GENESIS };
        let (mut depths, mut points) = (Depths::new(), PruningPoints::new());
        grow(shape, |dag, block, _, found| {
            if block == GENESIS {
                depths.push(Default::default());
                points.push(ExpectedPruning { sample: GENESIS, point: GENESIS });
                return;
            }
            let expected = depths.expect(dag, found, &depth_rules, GENESIS);
            // A violation is no block of a real DAG; here it stays, with the points it would have.
            let lax = Ghostdag { reds: Vec::new(), ..found.clone() };
            let all = depths.expect(dag, &lax, &depth_rules, GENESIS).expect("no reds");
            let root = chain_block_at(dag, found, merge_depth);
            assert_eq!(all.merge_root, root);
            assert_eq!(all.finality_point, chain_block_at(dag, found, finality_depth));
            assert_eq!(expected.is_err(), violates(dag, found, root));
            depths.push(all);
            let pruning = points.expect(dag, found, &pruning_rules);
            assert_eq!(pruning.point, sample_at(dag, found, &pruning_rules));
            points.push(pruning);
        });
    }
}

/// The selected chain below a block to be, highest first.
fn chain<'a>(dag: &'a Dag, found: &Ghostdag) -> impl Iterator<Item = BlockId> + 'a {
    core::iter::successors(Some(found.selected_parent), |&at| Some(dag.selected_parent(at)))
        .take_while(|at| !at.is_origin())
}

/// The highest chain block of less blue score than `depth` below, or the first; genesis where there is nothing so deep.
fn chain_block_at(dag: &Dag, found: &Ghostdag, depth: u64) -> BlockId {
    if found.blue_score < depth {
        return GENESIS;
    }
    let highest = found.blue_score - depth;
    chain(dag, found).find(|&at| dag.blue_score(at) < highest).unwrap_or(GENESIS)
}

/// The highest first block of an epoch that is at pruning depth; the walk knows nothing of samples.
fn sample_at(dag: &Dag, found: &Ghostdag, rules: &PruningRules) -> BlockId {
    let epoch = |block| dag.blue_score(block) / rules.finality_depth;
    chain(dag, found)
        .filter(|&at| at == GENESIS || epoch(at) > epoch(dag.selected_parent(at)))
        .find(|&at| dag.blue_score(at) + rules.pruning_depth <= found.blue_score)
        .unwrap_or(GENESIS)
}

fn violates(dag: &Dag, found: &Ghostdag, root: BlockId) -> bool {
    let reachability = dag.reachability();
    found.reds.iter().any(|&red| {
        !reachability.is_dag_ancestor_of(root, red)
            && !found.blues.iter().any(|&blue| {
                reachability.is_chain_ancestor_of(root, blue)
                    && reachability.is_dag_ancestor_of(red, blue)
            })
    })
}

/// Grows a chain of blocks each `step` milliseconds after the one before, and returns the bits at its end.
fn bits_of_a_chain(step: u64, sampling: Sampling) -> u32 {
    let rules = rules((20, 2), (5, 2), sampling);
    let mut windows = Windows::new(GENESIS_TIME, GENESIS_BITS, 0);
    let mut last = GENESIS_BITS;
    let shape = Shape { seed: 1, blocks: 60, blind: 1, strays: 1_000_000, k: 3 };
    grow(shape, |dag, block, _, found| {
        if block == GENESIS {
            return;
        }
        let expected = windows.expect(dag, found, &rules).expect("a window");
        last = expected.bits;
        let timestamp = GENESIS_TIME + step * u64::from(block.number());
        windows.push(found, &expected, rules.sampling, timestamp, last).expect("room");
    });
    last
}

#[test]
fn blocks_that_come_too_fast_make_the_target_smaller_and_slow_ones_larger() {
    let sampled = Sampling::Sampled { since: 0, earlier_target_time: 0 };
    let target = from_compact(GENESIS_BITS);
    assert_eq!(bits_of_a_chain(100, sampled), to_compact(&target));
    assert!(from_compact(bits_of_a_chain(50, sampled)) < target / U256::from(2));
    assert!(from_compact(bits_of_a_chain(200, sampled)) > target * U256::from(2));
    assert_eq!(bits_of_a_chain(u64::MAX / 100, sampled), 0x207f_ffff, "the easiest");
}

#[test]
fn a_block_on_the_root_has_no_window() {
    let windows = Windows::new(GENESIS_TIME, GENESIS_BITS, 0);
    let rules = rules((20, 2), (5, 2), Sampling::Full);
    let refused = windows.expect(&Dag::new(0), &Ghostdag::default(), &rules);
    assert_eq!(refused, Err::<Expected, _>(DagError::InsufficientWindow { actual: 0 }));
}
