//! What a block must satisfy by itself.

use bitcoin::hashes::Hash;

use super::{TestTx, block, block_with_root, commit, outpoint, reason};
use crate::{
    network::Params,
    rules::{BlockError, TxError, check_block, is_block_mutated},
};

const CHECKSIG: u8 = 0xac;

fn check(block: &crate::Block) -> Result<u64, BlockError> {
    check_block(block, &Params::main()).map(|checked| checked.legacy_sigops())
}

/// A coinbase and `count` other transactions.
fn transactions(count: u8) -> Vec<TestTx> {
    let others = (1..=count).map(|number| TestTx::spending(outpoint(number), 7));
    [TestTx::coinbase(300_000, 5)].into_iter().chain(others).collect()
}

#[test]
fn a_block_whose_header_commits_to_its_transactions_passes() {
    for count in [0, 1, 2, 3, 4, 7] {
        assert_eq!(check(&block(&transactions(count))), Ok(0));
    }
}

#[test]
fn a_block_whose_header_commits_to_others_is_a_bad_copy() {
    let error = check(&block_with_root(&transactions(3), [9; 32])).unwrap_err();
    assert_eq!(error.reject_reason(), "bad-txnmrklroot");
    assert!(error.is_mutation());
}

#[test]
fn a_signet_block_is_signed() {
    // BIP-0325. A challenge anybody satisfies needs no signature, only a place for it.
    let mut transactions = transactions(1);
    commit(&mut transactions, &[0; 32]);
    let check = |challenge: u8, transactions: &[TestTx]| {
        check_block(&block(transactions), &Params::signet_with(vec![challenge])).map(|_| ())
    };
    assert_eq!(check(0x51, &transactions), Ok(()));
    let error = check(0x00, &transactions).unwrap_err();
    assert_eq!((error.reject_reason().as_ref(), error.is_mutation()), ("bad-signet-blksig", false));
    assert_eq!(reason(check(0x51, &transactions[1..])), "bad-signet-blksig");
    let params = Params::signet();
    let genesis = crate::Block::decode(params.genesis.clone()).unwrap();
    assert!(check_block(&genesis, &params).is_ok());
}

#[test]
fn a_repeated_tail_keeps_the_root_and_is_a_bad_copy() {
    // CVE-2012-2459, at the leaves and one level up.
    for (others, repeated) in [(2, 1), (5, 2), (8, 1)] {
        let honest = transactions(others);
        let tail = honest.len() - repeated;
        let copy = [&honest[..], &honest[tail..]].concat();
        assert_eq!(block(&honest).header(), block(&copy).header());
        assert_eq!(check(&block(&honest)), Ok(0));
        let error = check(&block(&copy)).unwrap_err();
        assert_eq!(error.reject_reason(), "bad-txns-duplicate");
        assert!(error.is_mutation());
        assert!(
            is_block_mutated(&block(&copy), false) && !is_block_mutated(&block(&honest), false)
        );
    }
}

#[test]
fn a_block_holds_one_to_a_million_bytes_of_transactions() {
    let none = check(&block(&[])).unwrap_err();
    assert_eq!((none.reject_reason().as_ref(), none.is_mutation()), ("bad-blk-length", false));
    // Two outputs of half a block each: no single transaction is too large.
    let filled = |more: usize| {
        let half = TestTx::spending(outpoint(1), 0).output(0, &vec![0; 499_000]);
        let mut last = TestTx::spending(outpoint(2), 0).output(0, &vec![0; 499_000]);
        let all =
            |last: &TestTx| block(&[TestTx::coinbase(300_000, 0), half.clone(), last.clone()]);
        let missing = 1_000_000 - all(&last).base_size();
        last.outputs[1].1.resize(499_000 + missing + more, 0);
        all(&last)
    };
    assert_eq!(filled(0).base_size(), 1_000_000);
    assert_eq!(check(&filled(0)), Ok(0));
    let error = check(&filled(1)).unwrap_err();
    assert_eq!(error, BlockError::Length { transactions: 3, weight: 4_000_004 });
    assert_eq!(error.reject_reason(), "bad-blk-length");
}

#[test]
fn the_first_transaction_and_no_other_is_a_coinbase() {
    let others = &transactions(2)[1..];
    assert_eq!(reason(check(&block(others))), "bad-cb-missing");
    let two = [TestTx::coinbase(300_000, 5), TestTx::coinbase(300_001, 5)];
    let error = check(&block(&two)).unwrap_err();
    assert_eq!(error, BlockError::SecondCoinbase { transaction: 1 });
    assert_eq!(error.reject_reason(), "bad-cb-multiple");
}

#[test]
fn an_invalid_transaction_is_the_block_s_own_fault() {
    let twice = TestTx::spending(outpoint(1), 0).input(outpoint(1));
    let txid = twice.txid();
    let error = check(&block(&[TestTx::coinbase(300_000, 5), twice])).unwrap_err();
    let source = TxError::DuplicateInputs { previous: outpoint(1) };
    assert_eq!(error, BlockError::Transaction { txid, source });
    assert_eq!(error.reject_reason(), "bad-txns-inputs-duplicate");
    assert!(!error.is_mutation());
}

#[test]
fn twenty_thousand_signature_operations_are_the_most() {
    let with = |script: &[u8]| {
        let spend = TestTx::spending(outpoint(1), 0).output(0, script);
        check(&block(&[TestTx::coinbase(300_000, 0), spend]))
    };
    assert_eq!(with(&[CHECKSIG; 20_000]), Ok(20_000));
    let error = with(&[CHECKSIG; 20_001]).unwrap_err();
    assert_eq!(error, BlockError::Sigops { actual: 80_004 });
    assert_eq!(error.reject_reason(), "bad-blk-sigops");
    // What precedes a push that does not end counts, what follows is its data.
    let cut = [&[CHECKSIG; 20_000][..], &[0x4e, 0xff, 0xff, 0xff, 0xff], &[CHECKSIG; 9]].concat();
    assert_eq!(with(&cut), Ok(20_000));
    // A multisig counts 20, whatever number precedes it.
    assert_eq!(with(&[0x52, 0xae]), Ok(20));
    assert_eq!(with(&[0xae; 1_001]), Err(BlockError::Sigops { actual: 80_080 }));
}

#[test]
fn signature_operations_of_scripts_before_outputs_count_too() {
    let spend = TestTx::spending(outpoint(1), 0).script_sig(&[CHECKSIG; 20_001]);
    assert_eq!(reason(check(&block(&[TestTx::coinbase(300_000, 0), spend]))), "bad-blk-sigops");
}

#[test]
fn a_transaction_as_long_as_two_hashes_betrays_a_bad_copy() {
    let mut short = TestTx::spending(outpoint(1), 0);
    short.outputs[0].1 = vec![0; 4];
    assert_eq!(short.build().view().base_size(), 64);
    assert!(is_block_mutated(&block(&[short.clone()]), true));
    assert!(!is_block_mutated(&block(&[TestTx::coinbase(300_000, 0), short.clone()]), true));
    short.outputs[0].1.push(0);
    assert!(!is_block_mutated(&block(&[short]), true));
}

#[test]
fn spoilt_witnesses_betray_a_bad_copy() {
    let mut transactions = transactions(1);
    transactions[1] = transactions[1].clone().witness(&[&[1, 2, 3]]);
    assert!(is_block_mutated(&block(&transactions), true), "no commitment");
    commit(&mut transactions, &[0; 32]);
    assert!(!is_block_mutated(&block(&transactions), true));
    let header = *block(&transactions).header();
    transactions[1] = transactions[1].clone().witness(&[&[1, 2, 4]]);
    let copy = block(&transactions);
    assert_eq!(header.merkle_root.as_byte_array(), copy.header().merkle_root.as_byte_array());
    assert!(is_block_mutated(&copy, true));
}
