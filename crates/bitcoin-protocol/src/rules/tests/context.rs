//! What a block must satisfy given its ancestors' headers.

use std::sync::Arc;

use bitcoin::{BlockHash, hashes::Hash};

use super::{TestTx, at_height, block, commit, outpoint, reason};
use crate::{
    header::{ChainView, HeaderTree},
    network::Params,
    rules::{Ancestors, BlockContext, BlockError, check_block_in_context},
};

const BIP34: u32 = 227_931;
const CSV: u32 = 419_328;
const SEGWIT: u32 = 481_824;

fn check(height: u32, transactions: &[TestTx]) -> Result<(), BlockError> {
    at_height(height, |context| check_block_in_context(&block(transactions), context))
}

#[test]
fn from_its_height_on_the_coinbase_begins_with_the_height() {
    // BIP-0034.
    let wrong = |height| [TestTx::coinbase(height + 1, 0)];
    assert_eq!(check(BIP34 - 1, &wrong(BIP34 - 1)), Ok(()));
    assert_eq!(check(BIP34, &wrong(BIP34)), Err(BlockError::CoinbaseHeight { expected: BIP34 }));
    assert_eq!(reason(check(BIP34, &wrong(BIP34))), "bad-cb-height");
    assert_eq!(check(BIP34, &[TestTx::coinbase(BIP34, 0)]), Ok(()));
    // The same number with a byte too many is another push.
    let padded = TestTx::coinbase(BIP34, 0).script_sig(&[4, 0x5b, 0x7a, 0x03, 0x00]);
    assert_eq!(reason(check(BIP34, &[padded])), "bad-cb-height");
    let short = TestTx::coinbase(BIP34, 0).script_sig(&[3, 0x5b, 0x7a]);
    assert_eq!(reason(check(BIP34, &[short])), "bad-cb-height");
}

#[test]
fn lock_times_end_by_the_block_s_own_time_and_later_by_its_parent_s_median() {
    // BIP-0113. The blocks' time is 1,600,000,000, the median time a thousand times the height.
    let locked = |lock_time: u32| {
        let mut tx = TestTx::spending(outpoint(1), 0).sequence(1, 0);
        tx.lock_time = lock_time;
        tx
    };
    let with = |height, lock_time| {
        reason(check(height, &[TestTx::coinbase(height, 0), locked(lock_time)]))
    };
    assert_eq!(with(CSV - 1, 1_599_999_999), "");
    assert_eq!(with(CSV - 1, 1_600_000_000), "bad-txns-nonfinal");
    // 419,327,000 seconds is a height, not a time: a higher block shows the median.
    let height = 600_001;
    assert_eq!(with(height, 599_999_999), "");
    assert_eq!(with(height, 600_000_000), "bad-txns-nonfinal");
    assert_eq!(with(height, 600_000), "");
    assert_eq!(with(height, 600_001), "bad-txns-nonfinal");
}

#[test]
fn the_rules_of_a_block_follow_from_the_headers_below_it() {
    let tree = HeaderTree::new(Arc::new(Params::regtest()), 7);
    let below = ChainView::new(&tree, tree.best());
    let genesis = tree.params().genesis_hash();
    assert_eq!(below.hash(0), Some(genesis));
    assert_eq!(below.median_time_past(0), tree.time(tree.best()));
    assert_eq!((below.hash(1), below.median_time_past(1)), (None, 0));
    let context = BlockContext::new(tree.params(), BlockHash::all_zeros(), 1, &below);
    assert_eq!(context.median_time_past, tree.time(tree.best()));
    assert!(context.bip34_active() && context.csv_active() && context.segwit_active());
}

/// A block with a witness in its second transaction, and the commitment to it.
fn committed(height: u32) -> Vec<TestTx> {
    let spend = TestTx::spending(outpoint(1), 0).witness(&[&[1, 2, 3]]);
    let mut transactions = vec![TestTx::coinbase(height, 0), spend];
    commit(&mut transactions, &[5; 32]);
    transactions
}

#[test]
fn a_block_with_witnesses_commits_to_them() {
    // BIP-0141.
    assert_eq!(check(SEGWIT, &committed(SEGWIT)), Ok(()));
    let mut changed = committed(SEGWIT);
    changed[1] = changed[1].clone().witness(&[&[1, 2, 4]]);
    let error = check(SEGWIT, &changed).unwrap_err();
    assert_eq!(error.reject_reason(), "bad-witness-merkle-match");
    assert!(error.is_mutation());
}

#[test]
fn witnesses_nobody_committed_to_are_unexpected() {
    let mut bare = committed(SEGWIT);
    bare[0] = TestTx::coinbase(SEGWIT, 0);
    let error = check(SEGWIT, &bare).unwrap_err();
    assert_eq!(error, BlockError::UnexpectedWitness { txid: bare[1].txid() });
    assert_eq!(error.reject_reason(), "unexpected-witness");
    assert!(error.is_mutation());
    // Before the rule, a commitment is none.
    assert_eq!(reason(check(SEGWIT - 1, &committed(SEGWIT - 1))), "unexpected-witness");
    // Without witnesses nothing need be committed to.
    let plain = [TestTx::coinbase(SEGWIT, 0), TestTx::spending(outpoint(1), 0)];
    assert_eq!(check(SEGWIT, &plain), Ok(()));
}

#[test]
fn the_reserved_value_is_one_item_of_32_bytes() {
    for witness in [&[][..], &[&[5u8; 31][..]], &[&[5; 33]], &[&[5; 32], &[]]] {
        let mut transactions = committed(SEGWIT);
        transactions[0] = transactions[0].clone().witness(witness);
        let error = check(SEGWIT, &transactions).unwrap_err();
        assert_eq!(error, BlockError::WitnessNonceSize { items: witness.len() });
        assert_eq!(error.reject_reason(), "bad-witness-nonce-size");
        assert!(error.is_mutation());
    }
    let mut other = committed(SEGWIT);
    other[0] = other[0].clone().witness(&[&[6; 32]]);
    assert_eq!(reason(check(SEGWIT, &other)), "bad-witness-merkle-match");
}

#[test]
fn the_last_output_that_looks_like_a_commitment_is_it() {
    let decoy = [&[0x6a, 0x24, 0xaa, 0x21, 0xa9, 0xed][..], &[9; 32]].concat();
    let mut first = committed(SEGWIT);
    first[0].outputs.insert(0, (0, decoy.clone()));
    assert_eq!(check(SEGWIT, &first), Ok(()));
    // More bytes after the hash do not matter, fewer do.
    first[0].outputs.push((0, decoy[..37].to_vec()));
    assert_eq!(check(SEGWIT, &first), Ok(()));
    first[0].outputs.push((0, [&decoy[..], &[1]].concat()));
    assert_eq!(reason(check(SEGWIT, &first)), "bad-witness-merkle-match");
}

#[test]
fn a_block_of_four_million_weight_units_is_the_heaviest() {
    let filled = |len: usize| {
        let spend = TestTx::spending(outpoint(1), 0).witness(&[&vec![7; len]]);
        let mut transactions = vec![TestTx::coinbase(SEGWIT, 0), spend];
        commit(&mut transactions, &[0; 32]);
        transactions
    };
    let other = block(&filled(3_900_000)).weight() - 3_900_000;
    let most = filled(4_000_000 - other);
    assert_eq!(block(&most).weight(), 4_000_000);
    assert_eq!(check(SEGWIT, &most), Ok(()));
    let error = check(SEGWIT, &filled(4_000_001 - other)).unwrap_err();
    assert_eq!(error, BlockError::Weight { actual: 4_000_001 });
    assert_eq!((error.reject_reason().as_ref(), error.is_mutation()), ("bad-blk-weight", false));
    // A copy with a fat coinbase witness is a bad copy, not a heavy block.
    let mut fat = filled(3);
    fat[0] = fat[0].clone().witness(&[&[0; 32], &vec![0; 4_000_000]]);
    assert!(check(SEGWIT, &fat).unwrap_err().is_mutation());
}
