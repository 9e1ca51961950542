//! The tree against a plain model that knows nothing but votes and parents.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;

/// What can be done to a tree; numbers name blocks and validators.
#[derive(Debug, Clone)]
enum Step {
    Insert { block: u8, parent: u8 },
    Vote { validator: u8, slot: u8, block: u8 },
    Discard { validator: u8 },
    Boost { block: Option<u8> },
    Invalidate { block: u8 },
    Prune { block: u8 },
}

const STAKES: [u64; 5] = [10, 20, 30, 5, 7];

fn hash(number: u8) -> B256 {
    B256::repeat_byte(number)
}

/// Parents by block, votes by validator; every answer is computed anew.
#[derive(Default)]
struct Model {
    root: B256,
    parents: BTreeMap<B256, B256>,
    votes: BTreeMap<usize, (u64, B256)>,
    discarded: Vec<usize>,
    boost: Option<B256>,
    bad: Vec<B256>,
}

impl Model {
    fn knows(&self, block: &B256) -> bool {
        *block == self.root || self.parents.contains_key(block)
    }

    fn chain(&self, mut block: B256) -> Vec<B256> {
        let mut chain = vec![block];
        while let Some(parent) = self.parents.get(&block) {
            block = *parent;
            chain.push(block);
        }
        chain
    }

    fn is_bad(&self, block: B256) -> bool {
        self.chain(block).iter().any(|one| self.bad.contains(one))
    }

    fn weight(&self, block: B256) -> i128 {
        let total: u64 = STAKES.iter().sum();
        let behind = |at: &B256| self.knows(at) && self.chain(*at).contains(&block);
        let votes =
            self.votes.iter().filter(|(one, (_, at))| !self.discarded.contains(one) && behind(at));
        let votes: i128 = votes.map(|(one, _)| i128::from(STAKES[*one])).sum();
        let boost = self.boost.filter(behind).map_or(0, |_| i128::from(total * 40 / 100));
        votes + boost
    }

    fn head(&self) -> B256 {
        let mut at = self.root;
        loop {
            let children = self.parents.iter().filter(|(_, parent)| **parent == at);
            let children = children.map(|(child, _)| *child).filter(|child| !self.is_bad(*child));
            let Some(best) = children.max_by_key(|child| (self.weight(*child), *child)) else {
                return at;
            };
            at = best;
        }
    }

    fn step(&mut self, step: &Step) {
        match *step {
            Step::Insert { block, parent } => {
                let (block, parent) = (hash(block), hash(parent));
                if !self.knows(&block) && self.knows(&parent) && !self.is_bad(parent) {
                    self.parents.insert(block, parent);
                }
            }
            Step::Vote { validator, slot, block } => {
                let newest = self.votes.entry(usize::from(validator)).or_default();
                let discarded = self.discarded.contains(&usize::from(validator));
                if u64::from(slot) > newest.0 && !discarded {
                    *newest = (u64::from(slot), hash(block));
                }
            }
            Step::Discard { validator } => self.discarded.push(usize::from(validator)),
            Step::Boost { block } => {
                self.boost = block.map(hash).filter(|block| self.knows(block));
            }
            Step::Invalidate { block } => {
                if self.knows(&hash(block)) && hash(block) != self.root {
                    self.bad.push(hash(block));
                }
            }
            Step::Prune { block } => self.prune(hash(block)),
        }
    }

    fn prune(&mut self, root: B256) {
        if !self.knows(&root) {
            return;
        }
        let kept: Vec<B256> = self.parents.keys().copied().collect();
        let kept: Vec<B256> =
            kept.into_iter().filter(|block| self.chain(*block).contains(&root)).collect();
        self.bad = kept.iter().copied().filter(|block| self.is_bad(*block)).collect();
        self.parents.retain(|block, _| kept.contains(block) && *block != root);
        self.root = root;
        self.boost = self.boost.filter(|block| self.knows(block));
        // The tree forgets what a vote was counted at, and counts it again if the block comes back: it cannot.
    }
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let block = 0_u8..12;
    let step = prop_oneof![
        4 => (1_u8..12, block.clone()).prop_map(|(block, parent)| Step::Insert { block, parent }),
        4 => (0_u8..5, 1_u8..30, block.clone())
            .prop_map(|(validator, slot, block)| Step::Vote { validator, slot, block }),
        1 => (0_u8..5).prop_map(|validator| Step::Discard { validator }),
        1 => prop::option::of(block.clone()).prop_map(|block| Step::Boost { block }),
        1 => block.clone().prop_map(|block| Step::Invalidate { block }),
        1 => block.prop_map(|block| Step::Prune { block }),
    ];
    prop::collection::vec(step, 0..80)
}

fn tree() -> ForkChoice {
    ForkChoice::new(TreeBlock { hash: hash(0), slot: 0, number: 0 }, STAKES.to_vec())
}

proptest! {
    #[test]
    fn heads_and_weights_are_those_of_the_model(steps in steps()) {
        let (mut tree, mut model) = (tree(), Model::default());
        for step in &steps {
            // A final block is never bad, and blocks under it do not come again.
            if let Step::Prune { block } = step
                && (!model.knows(&hash(*block)) || model.is_bad(hash(*block))) {
                continue;
            }
            if let Step::Insert { block, .. } = step && !model.knows(&hash(*block)) && tree.root().hash != hash(0) {
                continue;
            }
            model.step(step);
            match *step {
                Step::Insert { block, parent } => {
                    let block = TreeBlock { hash: hash(block), slot: 0, number: 0 };
                    let _taken = tree.insert(block, hash(parent));
                }
                Step::Vote { validator, slot, block } => {
                    tree.vote(usize::from(validator), u64::from(slot), hash(block));
                }
                Step::Discard { validator } => tree.discard(usize::from(validator)),
                Step::Boost { block } => tree.boost(block.map(hash)),
                Step::Invalidate { block } => tree.invalidate(&hash(block)),
                Step::Prune { block } => drop(tree.prune(&hash(block))),
            }
            let root = tree.root().hash;
            prop_assert_eq!(root, model.root);
            prop_assert_eq!(tree.head(&root).hash, model.head());
            for block in model.parents.keys() {
                prop_assert_eq!(tree.weight(block), Some(model.weight(*block)));
                prop_assert_eq!(tree.is_bad(block), model.is_bad(*block));
                for ancestor in model.parents.keys() {
                    let descends = model.chain(*block).contains(ancestor);
                    prop_assert_eq!(tree.descends(block, ancestor), descends);
                }
            }
        }
    }
}

#[test]
fn no_more_blocks_are_taken_than_there_is_room_for() {
    let mut tree = tree();
    let at = |number: usize| TreeBlock {
        hash: B256::from(alloy_primitives::U256::from(number)),
        slot: 0,
        number: 0,
    };
    let mut parent = hash(0);
    for number in 1..BLOCKS_MAX {
        tree.insert(at(number), parent).unwrap();
        parent = at(number).hash;
    }
    assert_eq!(tree.insert(at(BLOCKS_MAX), parent), Err(TreeError::Full));
    assert_eq!(tree.prune(&at(BLOCKS_MAX - 1).hash).len(), BLOCKS_MAX - 1);
    assert!(tree.insert(at(BLOCKS_MAX), parent).is_ok());
}

#[test]
fn a_vote_that_comes_before_its_block_counts_when_the_block_comes() {
    let mut tree = tree();
    tree.vote(0, 1, hash(2));
    for block in [1, 2] {
        tree.insert(TreeBlock { hash: hash(block), slot: 1, number: 1 }, hash(0)).unwrap();
    }
    tree.vote(3, 1, hash(1));
    assert_eq!(tree.head(&hash(0)).hash, hash(2));
    tree.discard(0);
    assert_eq!(tree.head(&hash(0)).hash, hash(1));
}
