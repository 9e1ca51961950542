//! Opcodes on values: branches, stack, bytes, numbers, hashes.

use quintet_crypto::digest::sha256;

use super::*;

const BAD_NUMBER: ScriptError = ScriptError::NumberTooBig { limit: 4 };

#[test]
fn before_toccata_a_condition_is_empty_or_one_and_since_then_any_value() {
    let script = |condition: &[u8]| {
        join(&[&push(condition), &[OP_IF, OP_TRUE, OP_ELSE, OP_RETURN, OP_ENDIF]])
    };
    for rules in eras() {
        assert_eq!(run(rules, &script(&[1])), Ok(()));
        assert_eq!(run(rules, &script(&[])), Err(ScriptError::EarlyReturn));
    }
    assert_eq!(run(Rules::crescendo(), &script(&[2])), Err(ScriptError::NotBoolean));
    assert_eq!(run(Rules::toccata(), &script(&[2])), Ok(()));
    assert_eq!(run(Rules::toccata(), &script(&[0, 0x80])), Err(ScriptError::EarlyReturn));
    assert_eq!(run(Rules::crescendo(), &[OP_IF]), Err(ScriptError::EmptyStack));
    let too_few = ScriptError::InvalidStackOperation { expected: 1, actual: 0 };
    assert_eq!(run(Rules::toccata(), &[OP_IF]), Err(too_few));
}

#[test]
fn a_branch_not_taken_may_hold_what_fails_when_executed_but_nothing_disabled() {
    let skipped = |opcode| [OP_FALSE, OP_IF, opcode, OP_ENDIF, OP_TRUE];
    for rules in eras() {
        for opcode in [OP_RETURN, OP_RESERVED, OP_VER, 0xff] {
            assert_eq!(run(rules, &skipped(opcode)), Ok(()));
            assert!(run(rules, &[opcode]).is_err());
        }
        let disabled = ScriptError::DisabledOpcode { opcode: OP_LEFT };
        assert_eq!(run(rules, &skipped(OP_LEFT)), Err(disabled));
        let reserved = ScriptError::ReservedOpcode { opcode: OP_VERIF };
        assert_eq!(run(rules, &skipped(OP_VERIF)), Err(reserved));
        assert_eq!(run(rules, &[OP_TRUE, OP_IF]), Err(ScriptError::UnbalancedConditional));
        assert_eq!(run(rules, &[OP_ENDIF]), Err(ScriptError::NoCondition));
    }
}

#[test]
fn values_are_moved_as_the_names_say() {
    let (a, b, c) = (OP_2, OP_3, OP_4);
    let cases: [(&[u8], &[u8]); 18] = [
        (&[a, OP_DUP], &[a, a]),
        (&[a, b, OP_2DUP], &[a, b, a, b]),
        (&[a, b, c, OP_3DUP], &[a, b, c, a, b, c]),
        (&[a, b, c, OP_5, OP_2OVER], &[a, b, c, OP_5, a, b]),
        (&[a, b, c, OP_5, OP_6, OP_7, OP_2ROT], &[c, OP_5, OP_6, OP_7, a, b]),
        (&[a, b, c, OP_5, OP_2SWAP], &[c, OP_5, a, b]),
        (&[a, OP_IFDUP], &[a, a]),
        (&[OP_FALSE, OP_IFDUP], &[OP_FALSE]),
        (&[a, b, OP_DEPTH], &[a, b, OP_2]),
        (&[a, b, OP_NIP], &[b]),
        (&[a, b, OP_OVER], &[a, b, a]),
        (&[a, b, c, OP_2, OP_PICK], &[a, b, c, a]),
        (&[a, b, c, OP_2, OP_ROLL], &[b, c, a]),
        (&[a, b, c, OP_ROT], &[b, c, a]),
        (&[a, b, OP_SWAP], &[b, a]),
        (&[a, b, OP_TUCK], &[b, a, b]),
        (&[a, b, OP_TOALTSTACK, OP_DUP, OP_FROMALTSTACK], &[a, a, b]),
        (&[a, OP_SIZE, b, OP_DROP], &[a, OP_TRUE]),
    ];
    for rules in eras() {
        for (moves, expected) in &cases {
            // Compares from the top down.
            let mut script = moves.to_vec();
            for value in expected.iter().rev() {
                script.extend([*value, OP_EQUALVERIFY]);
            }
            script.extend([OP_DEPTH, OP_NOT]);
            assert_eq!(run(rules, &script), Ok(()), "{moves:02x?}");
        }
        let error = ScriptError::InvalidDepth { depth: 1, len: 1 };
        assert_eq!(run(rules, &[OP_2, OP_TRUE, OP_PICK]), Err(error));
        assert_eq!(run(rules, &[OP_FROMALTSTACK]), Err(ScriptError::EmptyStack));
    }
}

#[test]
fn bytes_are_joined_cut_and_combined_since_toccata() {
    let rules = Rules::toccata();
    let spend = Spend::new(&[]);
    let cases: [(&[u8], &[u8]); 9] = [
        (&[2, b'a', b'b', 1, b'c', OP_CAT], b"abc"),
        (&[OP_FALSE, OP_FALSE, OP_CAT], b""),
        (&[3, b'a', b'b', b'c', OP_TRUE, OP_3, OP_SUBSTR], b"bc"),
        (&[2, 0x0f, 0xff, OP_INVERT], &[0xf0, 0]),
        (&[2, 0x0f, 0xff, 2, 0x3c, 0x55, OP_AND], &[0x0c, 0x55]),
        (&[2, 0x0f, 0xf0, 2, 0x3c, 0x05, OP_OR], &[0x3f, 0xf5]),
        (&[2, 0x0f, 0xf0, 2, 0x3c, 0x05, OP_XOR], &[0x33, 0xf5]),
        (&[OP_1NEGATE, OP_4, OP_NUM2BIN], &[1, 0, 0, 0x80]),
        (&[4, 1, 0, 0, 0x80, OP_BIN2NUM], &[0x81]),
    ];
    for (script, expected) in cases {
        assert_leaves(&spend, rules, script, expected);
        let early = join(&[script, &push(expected), &[OP_EQUAL]]);
        assert!(run(Rules::crescendo(), &early).is_err());
    }
    let part = |start, end| run(rules, &[2, 8, 8, start, end, OP_SUBSTR]);
    assert_eq!(part(OP_2, OP_TRUE), Err(ScriptError::InvalidRange { start: 2, end: 1 }));
    assert_eq!(part(OP_TRUE, OP_3), Err(ScriptError::OutOfBounds { start: 1, end: 3, len: 2 }));
    assert_eq!(part(OP_1NEGATE, OP_TRUE), Err(ScriptError::InvalidIndex { index: -1 }));
    let unequal = ScriptError::UnequalOperands { left: 2, right: 1 };
    assert_eq!(run(rules, &[2, 8, 8, 1, 8, OP_AND]), Err(unequal));
    assert_eq!(run(rules, &[OP_TRUE, 1, 9, OP_NUM2BIN]), Err(ScriptError::NotMinimal));
    let too_long = ScriptError::NumberTooLong { number: 128, limit: 1 };
    let script = join(&[&number(128), &[OP_TRUE, OP_NUM2BIN]]);
    assert_eq!(run(rules, &script), Err(too_long));
}

#[test]
fn numbers_have_four_bytes_and_since_kip10_eight() {
    let script = join(&[&number(1 << 31), &[OP_1SUB], &number((1 << 31) - 1), &[OP_NUMEQUAL]]);
    assert_eq!(run(Rules::legacy(), &script), Err(BAD_NUMBER));
    assert_eq!(run(Rules::crescendo(), &script), Ok(()));
    let most = number(i64::MAX);
    for rules in [Rules::crescendo(), Rules::toccata()] {
        let script = join(&[&most, &[OP_1ADD]]);
        assert_eq!(run(rules, &script), Err(ScriptError::NumberTooBig { limit: 8 }));
        let script = join(&[&most, &[OP_NEGATE, OP_1SUB]]);
        let least = ScriptError::NumberTooLong { number: i64::MIN, limit: 8 };
        assert_eq!(run(rules, &script), Err(least));
    }
    // A count has four bytes at most until Toccata lifts that, and 32 bits for ever.
    let script = join(&[&[OP_TRUE], &push(&[0, 0, 0, 0, 1]), &[OP_PICK]]);
    assert_eq!(run(Rules::crescendo(), &script), Err(BAD_NUMBER));
    assert_eq!(run(Rules::toccata(), &script), Err(ScriptError::NumberTooBig { limit: 8 }));
    let long_zero = join(&[&[OP_TRUE], &push(&[0, 0, 0, 0, 0]), &[OP_PICK, OP_NIP]]);
    assert_eq!(run(Rules::toccata(), &long_zero), Ok(()));
}

#[test]
fn numbers_are_computed_with_as_the_names_say() {
    let cases: [(&[i64], u8, i64); 24] = [
        (&[5], OP_1ADD, 6),
        (&[0], OP_1SUB, -1),
        (&[5], OP_NEGATE, -5),
        (&[-5], OP_ABS, 5),
        (&[0], OP_NOT, 1),
        (&[-3], OP_0NOTEQUAL, 1),
        (&[7, -9], OP_ADD, -2),
        (&[7, 9], OP_SUB, -2),
        (&[-7, 9], OP_MUL, -63),
        (&[-7, 2], OP_DIV, -3),
        (&[-7, 2], OP_MOD, -1),
        (&[7, 0], OP_BOOLAND, 0),
        (&[7, 0], OP_BOOLOR, 1),
        (&[7, 7], OP_NUMEQUAL, 1),
        (&[7, 7], OP_NUMNOTEQUAL, 0),
        (&[6, 7], OP_LESSTHAN, 1),
        (&[6, 7], OP_GREATERTHAN, 0),
        (&[7, 7], OP_LESSTHANOREQUAL, 1),
        (&[6, 7], OP_GREATERTHANOREQUAL, 0),
        (&[6, 7], OP_MIN, 6),
        (&[6, 7], OP_MAX, 7),
        (&[6, 6, 7], OP_WITHIN, 1),
        (&[7, 6, 7], OP_WITHIN, 0),
        (&[5, 7, 6], OP_WITHIN, 0),
    ];
    for rules in eras() {
        for (operands, opcode, expected) in cases {
            let mut script: Vec<u8> = operands.iter().flat_map(|value| number(*value)).collect();
            script.extend([opcode]);
            script.extend(number(expected));
            script.push(OP_EQUAL);
            let multiplies = matches!(opcode, OP_MUL..=OP_MOD);
            let result = run(rules, &script);
            if multiplies && !core::ptr::eq(rules, Rules::toccata()) {
                assert_eq!(result, Err(ScriptError::DisabledOpcode { opcode }));
            } else {
                assert_eq!(result, Ok(()), "{operands:?} {opcode:#x}");
            }
        }
    }
    for opcode in [OP_DIV, OP_MOD] {
        let script = [OP_TRUE, OP_FALSE, opcode];
        assert_eq!(run(Rules::toccata(), &script), Err(ScriptError::Division));
    }
}

#[test]
fn pushes_and_numbers_must_be_shortest_until_toccata() {
    let scripts: [&[u8]; 4] = [
        &[1, 5, OP_5, OP_EQUAL],
        &[OP_PUSHDATA1, 1, 99, 1, 99, OP_EQUAL],
        &[2, 5, 0, OP_5, OP_NUMEQUAL],
        &[OP_PUSHDATA2, 2, 0, 9, 9, 2, 9, 9, OP_EQUAL],
    ];
    for script in scripts {
        assert_eq!(run(Rules::legacy(), script), Err(ScriptError::NotMinimal));
        assert_eq!(run(Rules::crescendo(), script), Err(ScriptError::NotMinimal));
        assert_eq!(run(Rules::toccata(), script), Ok(()));
    }
}

#[test]
fn hashes_are_those_of_the_data_under_the_key() {
    let spend = Spend::new(&[]);
    let data = push(b"data");
    let blake2b = blake2b_simd::Params::new().hash_length(32).hash(b"data");
    for rules in eras() {
        assert_leaves(&spend, rules, &join(&[&data, &[OP_BLAKE2B]]), blake2b.as_bytes());
        let sha = sha256(&[b"data"]);
        assert_leaves(&spend, rules, &join(&[&data, &[OP_SHA256]]), sha.as_bytes());
    }
    let rules = Rules::toccata();
    let keyed = blake2b_simd::Params::new().hash_length(32).key(b"key").hash(b"data");
    let script = join(&[&data, &push(b"key"), &[OP_BLAKE2B_WITH_KEY]]);
    assert_leaves(&spend, rules, &script, keyed.as_bytes());
    let script = join(&[&data, &[OP_BLAKE3]]);
    assert_leaves(&spend, rules, &script, blake3::hash(b"data").as_bytes());
    let script = join(&[&data, &push(&[7; 32]), &[OP_BLAKE3_WITH_KEY]]);
    assert_leaves(&spend, rules, &script, blake3::keyed_hash(&[7; 32], b"data").as_bytes());
    let script = join(&[&data, &push(&[7; 31]), &[OP_BLAKE3_WITH_KEY]]);
    let error = ScriptError::MalformedPush { expected: 32, actual: 31 };
    assert_eq!(run(rules, &script), Err(error));
    let script = join(&[&data, &push(&[7; 65]), &[OP_BLAKE2B_WITH_KEY]]);
    assert_eq!(run(rules, &script), Err(ScriptError::ElementTooBig { actual: 65, limit: 64 }));
}
