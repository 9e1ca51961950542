//! What a transaction must satisfy by itself.

use bitcoin::{OutPoint, Txid, hashes::Hash};

use super::{TestTx, outpoint};
use crate::rules::{MONEY_MAX, TxError, check_transaction, is_final};

const MONEY: i64 = MONEY_MAX.cast_signed();

fn check(tx: &TestTx) -> Result<(), TxError> {
    check_transaction(tx.build().view())
}

fn reason(tx: &TestTx) -> &'static str {
    check(tx).map_or_else(|error| error.reject_reason(), |()| "")
}

#[test]
fn a_transaction_spends_and_pays_something() {
    assert_eq!(reason(&TestTx::spending(outpoint(1), 0)), "");
    assert_eq!(reason(&TestTx::empty()), "bad-txns-vin-empty");
    assert_eq!(reason(&TestTx::empty().input(outpoint(1))), "bad-txns-vout-empty");
}

#[test]
fn a_transaction_of_a_million_bytes_without_witnesses_is_the_largest() {
    let mut tx = TestTx::empty().input(outpoint(1)).output(0, &[0; 70_000]);
    let other = tx.build().view().base_size() - 70_000;
    tx.outputs[0].1 = vec![0; 1_000_000 - other];
    let tx = tx.witness(&[&[7; 5_000]]);
    assert_eq!(tx.build().view().base_size(), 1_000_000);
    assert_eq!(reason(&tx), "");
    let mut longer = tx;
    longer.outputs[0].1.push(0);
    assert_eq!(check(&longer), Err(TxError::TooLarge { actual: 4_000_004 }));
    assert_eq!(reason(&longer), "bad-txns-oversize");
}

#[test]
fn values_and_their_sum_stay_in_range() {
    let tx = |values: &[i64]| {
        let none = TestTx::empty().input(outpoint(1));
        values.iter().fold(none, |tx, value| tx.output(*value, &[]))
    };
    assert_eq!(reason(&tx(&[0, MONEY - 1, 1])), "");
    assert_eq!(check(&tx(&[5, -1])), Err(TxError::NegativeOutput { output: 1, actual: -1 }));
    assert_eq!(reason(&tx(&[-1])), "bad-txns-vout-negative");
    assert_eq!(reason(&tx(&[MONEY + 1])), "bad-txns-vout-toolarge");
    assert_eq!(reason(&tx(&[MONEY, 1])), "bad-txns-txouttotal-toolarge");
    // A sum that is in range again later was out of it all the same.
    assert_eq!(reason(&tx(&[MONEY, 1, -1])), "bad-txns-txouttotal-toolarge");
}

#[test]
fn the_outputs_of_block_74638_are_refused() {
    // CVE-2010-5139: twice 92,233,720,368.54277039 bitcoins, whose sum was negative.
    let value = 9_223_372_036_854_277_039;
    let tx = TestTx::spending(outpoint(1), value).output(value, &[]);
    assert_eq!(reason(&tx), "bad-txns-vout-toolarge");
}

#[test]
fn an_output_is_spent_once_however_many_inputs_there_are() {
    // CVE-2018-17144.
    for inputs in [2, 3, 15, 16, 17, 18, 200] {
        let txid = Txid::from_byte_array([9; 32]);
        let tx = (0..inputs)
            .fold(TestTx::spending(outpoint(1), 0), |tx, vout| tx.input(OutPoint { txid, vout }));
        assert_eq!(reason(&tx), "", "{inputs}");
        for repeated in [0, inputs - 1] {
            let previous = OutPoint { txid, vout: repeated };
            let twice = tx.clone().input(previous);
            assert_eq!(check(&twice), Err(TxError::DuplicateInputs { previous }), "{inputs}");
            assert_eq!(reason(&twice), "bad-txns-inputs-duplicate");
        }
    }
}

#[test]
fn outputs_that_only_look_alike_are_not_duplicates() {
    // Ids chosen so that the short keys the search goes by are equal.
    let alike = |vout: u32, tail: u8| {
        let mut id = [tail; 32];
        let step = u64::from(vout).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        id[..8].copy_from_slice(&5u64.wrapping_sub(step).to_le_bytes());
        OutPoint { txid: Txid::from_byte_array(id), vout }
    };
    for inputs in [2, 16, 17, 40] {
        let none = TestTx::empty().output(0, &[]);
        let tx = (0..inputs).fold(none, |tx, vout| tx.input(alike(vout, 1)));
        assert_eq!(reason(&tx), "");
        assert_eq!(reason(&tx.input(alike(1, 1))), "bad-txns-inputs-duplicate");
    }
}

#[test]
fn the_script_of_a_coinbase_has_2_to_100_bytes() {
    for (len, expected) in [(1, "bad-cb-length"), (2, ""), (100, ""), (101, "bad-cb-length")] {
        assert_eq!(reason(&TestTx::coinbase(1, 0).script_sig(&vec![1; len])), expected, "{len}");
        // Others are bound by the size of a block.
        assert_eq!(reason(&TestTx::spending(outpoint(1), 0).script_sig(&vec![1; len])), "");
    }
}

#[test]
fn only_a_coinbase_spends_nothing() {
    let tx = TestTx::spending(outpoint(1), 0).input(OutPoint::null());
    assert_eq!(check(&tx), Err(TxError::NoPrevious { input: 1 }));
    assert_eq!(reason(&tx), "bad-txns-prevout-null");
    // An id of zero with an index is an output like any other, and no coinbase.
    let zero = OutPoint { txid: Txid::all_zeros(), vout: 0 };
    assert_eq!(reason(&TestTx::spending(zero, 0)), "");
    assert!(!TestTx::spending(zero, 0).build().view().is_coinbase());
}

#[test]
fn a_lock_time_is_over_one_block_or_second_later() {
    let locked = |lock_time, sequence| {
        let mut tx = TestTx::spending(outpoint(1), 0).sequence(1, sequence);
        tx.lock_time = lock_time;
        tx.build()
    };
    let height = |lock_time| is_final(locked(lock_time, 0).view(), 100, 2_000_000_000);
    assert!(height(0) && height(99) && !height(100) && !height(499_999_999));
    let time = |lock_time| is_final(locked(lock_time, 0).view(), 100, 1_500_000_000);
    assert!(time(500_000_000) && time(1_499_999_999) && !time(1_500_000_000));
    // Every input may give up on it.
    assert!(is_final(locked(u32::MAX, 0xffff_ffff).view(), 100, 0));
    let mut mixed = TestTx::spending(outpoint(1), 0).input(outpoint(2)).sequence(1, 0xffff_fffe);
    mixed.lock_time = 100;
    assert!(!is_final(mixed.build().view(), 100, 0));
}
