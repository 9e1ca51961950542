//! Whatever a script is, it ends, without a panic, and signatures set aside change nothing.

use proptest::prelude::*;

use super::*;
use crate::script::{Deferred, static_sigops};

/// Words scripts are made of: opcodes of any sort, numbers, and values some opcodes want.
fn word() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => any::<u8>().prop_map(|opcode| vec![opcode]),
        4 => (OP_FALSE..=0xda).prop_map(|opcode| match opcode {
            1..=75 => vec![OP_TRUE],
            OP_RETURN | OP_VERIF | OP_VERNOTIF => vec![OP_DUP],
            _ => vec![opcode],
        }),
        2 => (-20_i64..20).prop_map(number),
        1 => any::<i64>().prop_map(|value| number(value.max(-i64::MAX))),
        1 => prop::collection::vec(any::<u8>(), 0..70).prop_map(|data| push(&data)),
        1 => Just(push(&[1; 65])),
        1 => Just(push(&[0x02; 33])),
    ]
}

fn script() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(word(), 0..60).prop_map(|words| words.concat())
}

proptest! {
    #[test]
    fn a_random_script_ends_alike_with_signatures_now_or_later(
        signature_script in script(), script in script(),
    ) {
        let budget = ComputeCommit::ComputeBudget(100);
        for rules in eras() {
            let spend = Spend::new(&script)
                .with_signature_script(&signature_script)
                .with_commitment(budget);
            let context = spend.context(rules);
            let at_once = verify_input(&context, 0, &mut Immediate);
            let mut deferred = Deferred::default();
            let later = deferred.verify(&context, 0).and_then(|spent| {
                if deferred.settle() {
                    Ok(spent)
                } else {
                    verify_input(&context, 0, &mut Immediate)
                }
            });
            prop_assert_eq!(at_once, later);
            if let Ok(spent) = at_once {
                prop_assert!(spent.script_units <= crate::script::script_units(budget));
            }
        }
        let _ = static_sigops(&signature_script, &script);
    }

    #[test]
    fn random_bytes_behind_deep_stacks_end_too(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let deep: Vec<u8> = (0..30).flat_map(|value| number(value % 7)).collect();
        for rules in eras() {
            let spend = Spend::new(&join(&[&deep, &bytes]));
            let _ = spend.run(rules);
        }
    }
}
