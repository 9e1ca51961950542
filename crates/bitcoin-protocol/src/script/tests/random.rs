//! Scripts nobody would write: no bytes make a run panic, and what holds for all scripts holds for these.

use proptest::{collection::vec, prelude::*};

use super::{
    Deferred, Immediate, ScriptFlags, Unlock, context, key, push, transaction, verify_input,
};
use crate::script::{count_sigops, instruction::Instructions, opcode};

/// Returns pieces of scripts: any byte, opcodes, small numbers, pushes of small and of real things.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        1 => any::<u8>().prop_map(|byte| vec![byte]),
        6 => (opcode::OP_NOP..=opcode::OP_CHECKSIGADD).prop_map(|opcode| vec![opcode]),
        4 => (opcode::OP_1NEGATE..=opcode::OP_16).prop_map(|opcode| vec![opcode]),
        3 => vec(any::<u8>(), 0..6).prop_map(|data| push(&data)),
        1 => (0_u8..3).prop_map(|n| push(&key(n).public_key())),
        1 => Just(push(&[&key(0).sign_ecdsa(&[7; 32])[..], &[1]].concat())),
    ]
}

fn script() -> impl Strategy<Value = Vec<u8>> {
    vec(piece(), 0..24).prop_map(|pieces| pieces.concat())
}

/// Returns the flags without those whose condition is missing.
fn trimmed(mut flags: ScriptFlags) -> ScriptFlags {
    if !flags.contains(ScriptFlags::P2SH) {
        flags.remove(ScriptFlags::WITNESS);
    }
    if !flags.contains(ScriptFlags::WITNESS) {
        flags.remove(ScriptFlags::CLEANSTACK);
    }
    flags
}

fn flags() -> impl Strategy<Value = ScriptFlags> {
    any::<u32>().prop_map(|bits| trimmed(ScriptFlags::from_bits_truncate(bits)))
}

/// Wraps a script as each kind of output that runs it, with what unlocks it on these items.
fn wrapped(kind: u8, script: &[u8], items: &[Vec<u8>]) -> (Unlock, Vec<u8>) {
    let with_script = [items, &[script.to_vec()]].concat();
    match kind {
        0 => {
            let pushes: Vec<u8> = items.iter().flat_map(|item| push(item)).collect();
            (Unlock::script(&pushes), script.to_vec())
        }
        1 => {
            let pushes: Vec<u8> = with_script.iter().flat_map(|item| push(item)).collect();
            let hash = quintet_crypto::digest::hash160(&[script]);
            (Unlock::script(&pushes), [&[0xa9, 20][..], hash.as_bytes(), &[0x87]].concat())
        }
        2 => {
            let hash = quintet_crypto::digest::sha256(&[script]);
            let unlock = Unlock { script_sig: vec![], witness: with_script };
            (unlock, [&[0, 32][..], hash.as_bytes()].concat())
        }
        _ => {
            let (output, control) = super::taproot::single_leaf(0xc0, script);
            let witness = [with_script, vec![control]].concat();
            (Unlock { script_sig: vec![], witness }, output)
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn fewer_rules_never_make_a_valid_script_invalid_and_deferring_never_changes_the_verdict(
        kind in 0_u8..4,
        script in script(),
        items in vec(vec(any::<u8>(), 0..6), 0..5),
        flags in flags(),
        fewer in any::<u32>(),
    ) {
        let (unlock, output) = wrapped(kind, &script, &items);
        let transaction = transaction(&[unlock], 1, 0);
        let context = context(&transaction, &output);
        let verdict = verify_input(&context, 0, flags, &mut Immediate);
        if verdict.is_ok() {
            let fewer = trimmed(flags & ScriptFlags::from_bits_truncate(fewer));
            prop_assert_eq!(verify_input(&context, 0, fewer, &mut Immediate), Ok(()));
        }
        let mut deferred = Deferred::default();
        let mut later = deferred.verify(&context, 0, flags);
        if !deferred.take().iter().all(|check| check.verify()) {
            later = verify_input(&context, 0, flags, &mut Immediate);
        }
        prop_assert_eq!(later, verdict);
    }

    #[test]
    fn any_bytes_are_read_and_counted(script in vec(any::<u8>(), 0..600)) {
        let read: usize = Instructions::new(&script).map(|next| next.data.len() + 1).sum();
        prop_assert!(read <= script.len());
        prop_assert!(count_sigops(&script, true) <= count_sigops(&script, false));
    }
}
