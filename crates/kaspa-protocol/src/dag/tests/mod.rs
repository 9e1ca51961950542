//! The DAG against plain definitions, on random graphs.

use std::collections::BTreeSet;

use proptest::prelude::*;
use quintet_primitives::Hash256;
use ruint::aliases::U192;

use super::{BlockId, Colouring, Dag, DagError, Ghostdag, GhostdagParams};

mod definition;
mod parents;
mod sync;
mod windows;

/// A stream of numbers that is the same for the same seed.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn below(&mut self, end: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % end
    }
}

/// How a random DAG looks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub(super) seed: u64,
    pub(super) blocks: usize,
    /// A block knows nothing of the latest ones, up to this many.
    pub(super) blind: usize,
    /// One of so many blocks stands on an arbitrary old block alone.
    pub(super) strays: usize,
    pub(super) k: u16,
}

pub(super) fn shapes() -> impl Strategy<Value = Shape> {
    (any::<u64>(), 2..110_usize, 1..12_usize, 2..40_usize, 0..8_u16)
        .prop_map(|(seed, blocks, blind, strays, k)| Shape { seed, blocks, blind, strays, k })
}

/// Hashes that are not in order of insertion, so that ties matter.
pub(super) fn hash_of(number: usize) -> Hash256 {
    let word = (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&word.to_be_bytes());
    Hash256::new(bytes)
}

/// Blocks' own works: a few different ones.
pub(super) fn work_of(number: usize) -> U192 {
    U192::from(1 + number % 3)
}

/// Makes a DAG; block `i` (from 1) has number `i`. `made` sees each before it is inserted.
pub(super) fn grow(
    shape: Shape,
    mut made: impl FnMut(&Dag, BlockId, &[BlockId], &Ghostdag),
) -> Dag {
    let mut random = Random(shape.seed);
    let mut dag = Dag::new(shape.seed);
    let mut colouring = Colouring::new();
    let params = GhostdagParams::new(shape.k, usize::MAX);
    for number in 1..=shape.blocks {
        let mut parents: Vec<BlockId> = Vec::new();
        if number == 1 {
            parents.push(BlockId::ORIGIN);
        } else if random.below(shape.strays) == 0 {
            parents.push(BlockId::at(1 + random.below(number - 1)));
        } else {
            let newest = number - random.below(shape.blind.min(number - 1)) - 1;
            for candidate in (1..=newest).rev().take(3 * shape.blind) {
                let candidate = BlockId::at(candidate);
                let related =
                    |&parent: &BlockId| dag.reachability().is_dag_ancestor_of(candidate, parent);
                if !parents.iter().any(related) {
                    parents.push(candidate);
                }
            }
        }
        let found = colouring.run(&dag, &parents, &params).expect("an antichain").clone();
        let block = BlockId::at(number);
        made(&dag, block, &parents, &found);
        let inserted = dag.insert(hash_of(number), &parents, work_of(number), &found);
        assert_eq!(inserted, Ok(block));
    }
    dag
}

/// Pasts by search: the inclusive past of every block.
fn pasts(dag: &Dag) -> Vec<BTreeSet<BlockId>> {
    let mut pasts: Vec<BTreeSet<BlockId>> = vec![BTreeSet::from([BlockId::ORIGIN])];
    for number in 1..dag.len() {
        let block = BlockId::at(number);
        let mut past = BTreeSet::from([block]);
        for parent in dag.parents(block) {
            past.extend(&pasts[parent.row()]);
        }
        pasts.push(past);
    }
    pasts
}

fn assert_reachable_as_searched(dag: &Dag, pasts: &[BTreeSet<BlockId>]) {
    let reachability = dag.reachability();
    let blocks = || (0..dag.len()).map(BlockId::at).filter(|&block| reachability.has(block));
    for b in blocks() {
        let chain: BTreeSet<BlockId> = core::iter::successors(Some(b), |&at| {
            (!at.is_origin()).then(|| dag.selected_parent(at))
        })
        .collect();
        for a in blocks() {
            let expected = pasts[b.row()].contains(&a);
            assert_eq!(reachability.is_dag_ancestor_of(a, b), expected, "{a:?} in past of {b:?}");
            let on_chain = chain.contains(&a);
            assert_eq!(
                reachability.is_chain_ancestor_of(a, b),
                on_chain,
                "{a:?} on chain of {b:?}"
            );
            let next = reachability.next_chain_ancestor(a, b);
            assert_eq!(next.is_some(), on_chain && a != b);
            if let Some(next) = next {
                assert_eq!(reachability.tree_parent(next), a);
                assert!(chain.contains(&next));
            }
            let up: Vec<BlockId> = reachability.forward_chain(a, b).collect();
            let mut down: Vec<BlockId> = reachability.backward_chain(b, a).collect();
            down.reverse();
            assert_eq!(up, down);
            assert_eq!(up.is_empty(), !on_chain);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn reachability_agrees_with_a_search_of_the_graph(shape in shapes()) {
        let dag = grow(shape, |_, _, _, _| ());
        assert_reachable_as_searched(&dag, &pasts(&dag));
    }

    #[test]
    fn deleting_blocks_changes_no_answer_about_the_others(shape in shapes(), part in 1..10_usize) {
        let mut dag = grow(shape, |_, _, _, _| ());
        let pasts = pasts(&dag);
        let mut random = Random(!shape.seed);
        for number in 1..dag.len() {
            if random.below(10) < part {
                dag.delete(BlockId::at(number));
            }
        }
        let left: Vec<BlockId> =
            (0..dag.len()).map(BlockId::at).filter(|&b| dag.reachability().has(b)).collect();
        for &a in &left {
            for &b in &left {
                let expected = pasts[b.row()].contains(&a);
                prop_assert_eq!(dag.reachability().is_dag_ancestor_of(a, b), expected);
            }
        }
    }

    #[test]
    fn ghostdag_agrees_with_its_definition(shape in shapes()) {
        let mut definition = definition::Definition::new(shape.k);
        grow(shape, |dag, block, parents, found| {
            let expected = definition.add(dag, block, parents);
            assert_eq!(found, &expected, "block {block:?} of {shape:?}");
        });
    }
}

#[test]
fn a_child_on_every_block_and_a_fan_on_one_run_out_of_labels_and_are_relabelled() {
    let mut dag = Dag::new(1);
    let mut colouring = Colouring::new();
    let params = GhostdagParams::new(3, 10);
    let mut insert = |parents: &[u32]| {
        let parents: Vec<BlockId> = parents.iter().copied().map(BlockId::new).collect();
        let found = colouring.run(&dag, &parents, &params).expect("one parent").clone();
        let hash = hash_of(dag.len());
        dag.insert(hash, &parents, U192::ONE, &found).expect("a new block").number()
    };
    let genesis = insert(&[0]);
    let mut tip = genesis;
    for _ in 0..400 {
        // The chain goes on through each block's second child, the worst case for labels.
        insert(&[tip]);
        tip = insert(&[tip]);
    }
    for _ in 0..3_000 {
        insert(&[genesis]);
    }
    assert!(dag.reachability().relabelled().0 > 0);
    assert_reachable_as_searched_in_part(&dag);
}

fn assert_reachable_as_searched_in_part(dag: &Dag) {
    let pasts = pasts(dag);
    let blocks = || (0..dag.len()).step_by(17).map(BlockId::at);
    for b in blocks() {
        for a in blocks() {
            let expected = pasts[b.row()].contains(&a);
            assert_eq!(dag.reachability().is_dag_ancestor_of(a, b), expected);
        }
    }
}

#[test]
fn refuses_parents_that_are_unknown_related_or_none_and_too_big_mergesets() {
    let shape = Shape { seed: 5, blocks: 30, blind: 4, strays: 9, k: 3 };
    let mut dag = grow(shape, |_, _, _, _| ());
    let mut colouring = Colouring::new();
    let params = GhostdagParams::new(3, 10);
    let mut run = |dag: &Dag, parents: &[BlockId]| colouring.run(dag, parents, &params).cloned();
    let unknown = BlockId::new(31);
    assert_eq!(run(&dag, &[]), Err(DagError::NoParents));
    assert_eq!(run(&dag, &[unknown]), Err(DagError::UnknownParent { parent: unknown }));
    let block = BlockId::new(20);
    let parent = dag.parents(block)[0];
    let related = Err(DagError::RelatedParents { parent });
    assert_eq!(run(&dag, &[block, parent]), related);
    assert_eq!(run(&dag, &[parent, block]), related);
    assert_eq!(run(&dag, &[block, block]), Err(DagError::RelatedParents { parent: block }));
    let found = run(&dag, &[block]).expect("one parent");
    let known = *dag.hash(block);
    let again = dag.insert(known, &[block], U192::ONE, &found);
    assert_eq!(again, Err(DagError::Known { hash: known }));
    // Two side chains of eleven blocks from genesis: merging them is too much.
    let mut tips = [BlockId::new(1); 2];
    for number in 0..22_usize {
        let tip = &mut tips[number % 2];
        let found = run(&dag, &[*tip]).expect("one parent");
        *tip = dag.insert(hash_of(100 + number), &[*tip], U192::ONE, &found).expect("new");
    }
    assert_eq!(run(&dag, &tips), Err(DagError::MergesetTooBig { limit: 10 }));
    dag.delete(block);
    assert_eq!(run(&dag, &[block]), Err(DagError::UnknownParent { parent: block }));
    assert_eq!(dag.find(&known), None);
}
