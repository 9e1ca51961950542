//! What scripts see of the transaction, and of lock times.

use super::*;

/// Opcodes of KIP-10, each with the number or bytes it leaves in [`Spend`].
fn kip10() -> Vec<(Vec<u8>, Vec<u8>)> {
    vec![
        (vec![OP_TX_INPUT_COUNT], vec![2]),
        (vec![OP_TX_OUTPUT_COUNT], vec![2]),
        (vec![OP_TX_INPUT_INDEX], vec![]),
        (vec![OP_FALSE, OP_TX_INPUT_AMOUNT], vec![150, 0]),
        (vec![OP_TRUE, OP_TX_INPUT_SPK], vec![0, 0, OP_TRUE]),
        (vec![OP_TRUE, OP_TX_OUTPUT_AMOUNT], vec![200, 0]),
        (vec![OP_TRUE, OP_TX_OUTPUT_SPK], vec![0, 3, OP_TRUE, OP_NOP]),
    ]
}

fn kip17() -> Vec<(Vec<u8>, Vec<u8>)> {
    vec![
        (vec![OP_TX_VERSION], vec![]),
        (vec![OP_TX_LOCK_TIME], vec![0xe8, 3]),
        (vec![OP_TX_SUBNET_ID], vec![0; 20]),
        (vec![OP_TX_GAS], vec![9]),
        (vec![OP_TRUE, OP_3, OP_TX_PAYLOAD_SUBSTR], b"ay".to_vec()),
        (vec![OP_TX_PAYLOAD_LEN], vec![7]),
        (vec![OP_TRUE, OP_OUTPOINT_TX_ID], vec![8; 32]),
        (vec![OP_TRUE, OP_OUTPOINT_INDEX], vec![8]),
        (vec![OP_TRUE, OP_FALSE, OP_2, OP_TX_INPUT_SCRIPT_SIG_SUBSTR], vec![OP_5, OP_6]),
        (vec![OP_TRUE, OP_TX_INPUT_SCRIPT_SIG_LEN], vec![3]),
        (vec![OP_TRUE, OP_TX_INPUT_SEQ], vec![13, 0, 0, 0, 0, 0, 0, 0]),
        (vec![OP_TRUE, OP_TX_INPUT_DAA_SCORE], vec![201, 0]),
        (vec![OP_TRUE, OP_TX_INPUT_IS_COINBASE], vec![1]),
        (vec![OP_FALSE, OP_TX_INPUT_IS_COINBASE], vec![]),
        (vec![OP_TRUE, OP_TX_INPUT_SPK_LEN], vec![3]),
        (vec![OP_TRUE, OP_2, OP_3, OP_TX_INPUT_SPK_SUBSTR], vec![OP_TRUE]),
        (vec![OP_TRUE, OP_TX_OUTPUT_SPK_LEN], vec![4]),
        (vec![OP_TRUE, OP_TRUE, OP_3, OP_TX_OUTPUT_SPK_SUBSTR], vec![3, OP_TRUE]),
    ]
}

fn spend() -> Spend {
    let mut spend = Spend::new(&[]);
    spend.tx.inputs[1].signature_script = vec![OP_5, OP_6, OP_7];
    spend
}

#[test]
fn kip10_shows_counts_amounts_and_scripts() {
    for (script, expected) in kip10() {
        for rules in [Rules::crescendo(), Rules::toccata()] {
            assert_leaves(&spend(), rules, &script, &expected);
        }
        let opcode = *script.last().unwrap();
        assert_eq!(run(Rules::legacy(), &script), Err(ScriptError::InvalidOpcode { opcode }));
    }
}

#[test]
fn a_script_shown_whole_may_be_longer_than_a_push() {
    let mut spend = spend();
    spend.entries[1].script_public_key = ScriptPublicKey::new(0, &[OP_NOP; 600]);
    let script = [OP_TRUE, OP_TX_INPUT_SPK, OP_SIZE, OP_NIP];
    for rules in [Rules::crescendo(), Rules::toccata()] {
        assert_leaves(&spend, rules, &script, &[0x5a, 2]);
    }
}

#[test]
fn toccata_shows_the_rest() {
    for (script, expected) in kip17() {
        assert_leaves(&spend(), Rules::toccata(), &script, &expected);
        let result = run(Rules::crescendo(), &script);
        assert!(matches!(
            result,
            Err(ScriptError::InvalidOpcode { .. } | ScriptError::ReservedOpcode { .. })
        ));
    }
}

#[test]
fn what_does_not_exist_cannot_be_looked_at() {
    let rules = Rules::toccata();
    let input = ScriptError::InvalidInputIndex { index: 2, inputs: 2 };
    for opcode in [OP_TX_INPUT_AMOUNT, OP_OUTPOINT_INDEX, OP_TX_INPUT_SPK_LEN, OP_TX_INPUT_SEQ] {
        assert_eq!(run(rules, &[OP_2, opcode]), Err(input));
    }
    let output = ScriptError::InvalidOutputIndex { index: 2, outputs: 2 };
    for opcode in [OP_TX_OUTPUT_AMOUNT, OP_TX_OUTPUT_SPK_LEN, OP_OUTPUT_COVENANT_ID] {
        assert_eq!(run(rules, &[OP_2, opcode]), Err(output));
    }
    let negative = ScriptError::InvalidInputIndex { index: -1, inputs: 2 };
    assert_eq!(run(rules, &[OP_1NEGATE, OP_TX_INPUT_AMOUNT]), Err(negative));
    let mut spend = Spend::new(&[OP_FALSE, OP_TX_INPUT_AMOUNT]);
    spend.entries[0].amount = u64::MAX;
    assert_eq!(spend.run(rules), Err(ScriptError::NumberTooBig { limit: 8 }));
}

#[test]
fn a_lock_time_is_met_by_one_of_its_kind_that_is_not_earlier() {
    let result = |required: &[u8], actual: u64, sequence: u64| {
        let script = join(&[&push(required), &[OP_CHECK_LOCK_TIME_VERIFY, OP_TRUE]]);
        let mut spend = Spend::new(&script);
        spend.tx.lock_time = actual;
        spend.tx.inputs[0].sequence = sequence;
        spend.run(Rules::crescendo()).map(drop)
    };
    let time: u64 = 500_000_000_000;
    assert_eq!(result(&[100], 100, 0), Ok(()));
    assert!(result(&[101], 100, 0).is_err());
    assert!(result(&[100], 100, u64::MAX).is_err());
    assert!(result(&[100], time, 0).is_err());
    assert_eq!(result(&time.to_le_bytes(), time, 0), Ok(()));
    assert!(result(&time.to_le_bytes(), time - 1, 0).is_err());
    // No sign, and no shortest form.
    assert_eq!(result(&[0xff, 0], 0xff, 0), Ok(()));
    assert_eq!(result(&[100; 9], 100, 0), Err(ScriptError::NumberTooBig { limit: 8 }));
}

#[test]
fn a_relative_lock_is_met_by_a_sequence_that_is_not_less() {
    let result = |required: u64, actual: u64| {
        let script = join(&[&push(&required.to_le_bytes()), &[OP_CHECK_SEQUENCE_VERIFY, OP_TRUE]]);
        let mut spend = Spend::new(&script);
        spend.tx.inputs[0].sequence = actual;
        spend.run(Rules::crescendo()).map(drop)
    };
    let disabled = 1 << 63;
    assert_eq!(result(100, 100), Ok(()));
    assert!(result(101, 100).is_err());
    assert_eq!(result(101 | disabled, 100), Ok(()));
    assert!(result(100, 100 | disabled).is_err());
    // Only 32 bits count.
    assert_eq!(result(100 | 1 << 40, 100), Ok(()));
}
