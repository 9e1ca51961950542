//! What a script may have and spend, by era.

use super::*;
use crate::script::{FREE_UNITS, measure_input};

#[test]
fn the_stacks_hold_at_most_244_values() {
    for rules in eras() {
        let script = |count| join(&[&vec![OP_TRUE; count], &[OP_RETURN]]);
        assert_eq!(run(rules, &script(244)), Err(ScriptError::EarlyReturn));
        let error = ScriptError::StackSize { actual: 245, limit: 244 };
        assert_eq!(run(rules, &script(245)), Err(error));
        let shared = join(&[&[OP_TRUE, OP_TOALTSTACK], &vec![OP_TRUE; 244]]);
        assert_eq!(run(rules, &shared), Err(error));
    }
}

#[test]
fn a_script_has_at_most_201_operations_until_toccata() {
    let script = |count| join(&[&vec![OP_NOP; count], &[OP_TRUE]]);
    for rules in [Rules::legacy(), Rules::crescendo()] {
        assert_eq!(run(rules, &script(201)), Ok(()));
        let error = ScriptError::TooManyOperations { limit: 201 };
        assert_eq!(run(rules, &script(202)), Err(error));
    }
    assert_eq!(run(Rules::toccata(), &script(202)), Ok(()));
}

#[test]
fn values_and_scripts_are_longer_since_toccata() {
    let script = |size: usize| join(&[&push(&vec![7; size]), &[OP_DROP, OP_TRUE]]);
    for rules in [Rules::legacy(), Rules::crescendo()] {
        assert_eq!(run(rules, &script(520)), Ok(()));
        let error = ScriptError::ElementTooBig { actual: 521, limit: 520 };
        assert_eq!(run(rules, &script(521)), Err(error));
        let error = ScriptError::ScriptSize { actual: 10_006, limit: 10_000 };
        assert_eq!(run(rules, &script(10_001)), Err(error));
    }
    let rules = Rules::toccata();
    let mut spend = Spend::new(&[OP_DROP, OP_TRUE]);
    spend.tx.inputs[0].signature_script = push(&vec![7; 999_995]);
    assert!(spend.run(rules).is_ok());
    spend.tx.inputs[0].signature_script = push(&vec![7; 999_996]);
    let error = ScriptError::ScriptSize { actual: 1_000_001, limit: 1_000_000 };
    assert_eq!(spend.run(rules), Err(error));
}

#[test]
fn a_value_cannot_be_made_longer_than_a_megabyte() {
    let mut script = push(&[7; 500]);
    for _ in 0..11 {
        script.extend([OP_DUP, OP_CAT]);
    }
    let spend = Spend::new(&script).with_commitment(ComputeCommit::ComputeBudget(u16::MAX));
    let error = ScriptError::ElementTooBig { actual: 1_024_000, limit: 1_000_000 };
    assert_eq!(spend.run(Rules::toccata()), Err(error));
}

#[test]
fn what_opcodes_push_is_paid_for_and_what_the_script_holds_is_not() {
    let units = |script: &[u8]| {
        let spend = Spend::new(script);
        measure_input(&spend.context(Rules::toccata()), 0, &mut Immediate).unwrap().script_units
    };
    assert_eq!(units(&[OP_TRUE]), 0);
    assert_eq!(units(&[OP_TRUE, OP_TOALTSTACK, OP_FROMALTSTACK]), 0);
    assert_eq!(units(&[4, 1, 2, 3, 4, OP_DUP, OP_EQUAL]), 4 + 1);
    assert_eq!(units(&[OP_5, OP_DUP, OP_EQUALVERIFY, OP_TRUE]), 1);
    // Two units a byte hashed, and the hash.
    assert_eq!(units(&[4, 1, 2, 3, 4, OP_BLAKE2B]), 8 + 32);
    assert_eq!(units(&[4, 1, 2, 3, 4, OP_SHA256]), 4 + 32);
    // What is longer than a standard script pays a gram for each byte.
    assert_eq!(units(&join(&[&[OP_NOP; 34], &[OP_TRUE]])), 0);
    assert_eq!(units(&join(&[&[OP_NOP; 36], &[OP_TRUE]])), 200);
}

#[test]
fn an_input_spends_no_more_than_it_commits_to_since_toccata() {
    // Each round pushes 1,001 bytes.
    let round = [OP_DUP, OP_SIZE, OP_2DROP];
    let script = |rounds| join(&[&push(&[7; 1_000]), &round.repeat(rounds)]);
    let spend = |rounds| {
        let script = script(rounds);
        Spend::new(&[]).with_signature_script(&[]).tap(|spend| {
            spend.entries[0].script_public_key = ScriptPublicKey::new(0, &script);
            spend.tx.inputs[0].compute_commit = ComputeCommit::ComputeBudget(20);
        })
    };
    let needed = |rounds: usize| {
        let spend = spend(rounds);
        let context = spend.context(Rules::toccata());
        measure_input(&context, 0, &mut Immediate).unwrap().script_units
    };
    let limit = 20 * 10_000 + FREE_UNITS;
    let rounds = (1..).find(|rounds| needed(*rounds) > limit).unwrap();
    assert!(spend(rounds - 1).run(Rules::toccata()).is_ok());
    let result = spend(rounds).run(Rules::toccata());
    assert!(matches!(result, Err(ScriptError::ScriptUnits { used, limit: most })
        if used > limit && most == limit));
    assert!(spend(rounds).run(Rules::toccata()).is_err());
}

impl Spend {
    /// Changes it in place.
    fn tap(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }
}
