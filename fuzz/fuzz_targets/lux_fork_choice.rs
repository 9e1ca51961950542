//! LuxTensor's fork choice under any order of blocks, votes and prunings: weights are those of the votes counted one by one, the head
//! is a leaf that stands on the root, and no validator counts twice.
#![no_main]

use alloy_primitives::B256;
use libfuzzer_sys::fuzz_target;
use quintet_lux_protocol::fork_choice::{ForkChoice, TreeBlock};

const STAKES: [u64; 4] = [10, 20, 30, 40];

fn at(number: u8) -> TreeBlock {
    TreeBlock { hash: B256::repeat_byte(number), slot: u64::from(number), number: 0 }
}

fuzz_target!(|bytes: &[u8]| {
    let mut tree = ForkChoice::new(at(0), STAKES.to_vec());
    let mut votes: [Option<(u64, B256)>; 4] = [None; 4];
    let mut discarded = [false; 4];
    let mut forgotten = Vec::new();
    for step in bytes.chunks_exact(4) {
        let &[kind, one, two, three] = step else { continue };
        let (block, validator) = (at(two % 32).hash, usize::from(one % 4));
        match kind % 4 {
            // A block under a root that moved on never comes again.
            0 if !forgotten.contains(&at(one % 32).hash) => {
                let _taken = tree.insert(at(one % 32), block);
            }
            1 => {
                let slot = u64::from(three);
                if !discarded[validator] && slot > votes[validator].map_or(0, |(slot, _)| slot) {
                    votes[validator] = Some((slot, block));
                }
                tree.vote(validator, slot, block);
            }
            2 if three == 0 => {
                discarded[validator] = true;
                tree.discard(validator);
            }
            3 if three == 0 => {
                let before = tree.root().hash;
                let gone = tree.prune(&block);
                if tree.root().hash != before {
                    forgotten.extend(gone);
                }
            }
            _ => {}
        }
    }
    let root = tree.root().hash;
    let head = tree.head(&root).hash;
    assert!(tree.descends(&head, &root));
    let counted = (0..4).filter(|one| !discarded[*one]).filter_map(|one| {
        let (_, block) = votes[one]?;
        tree.descends(&block, &root).then_some(i128::from(STAKES[one]))
    });
    let expected: i128 = counted.sum();
    assert_eq!(tree.weight(&root), Some(expected));
});
