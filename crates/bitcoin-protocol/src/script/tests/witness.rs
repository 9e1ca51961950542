//! Traps of witness programs of version 0.

use quintet_crypto::digest::{hash160, sha256};

use super::{
    CONSENSUS, Immediate, ScriptError, ScriptFlags, Unlock, context, key, push, transaction,
    verify, verify_input,
};

/// Returns a program of a key and a program of the script that says the same.
fn programs() -> (Vec<u8>, Vec<u8>, Vec<u8>) {
    let hash = hash160(&[&key(0).public_key()]);
    let script = [&[0x76, 0xa9, 20][..], hash.as_bytes(), &[0x88, 0xac]].concat();
    let of_key = [&[0, 20][..], hash.as_bytes()].concat();
    let of_script = [&[0, 32][..], sha256(&[&script]).as_bytes()].concat();
    (of_key, of_script, script)
}

/// Signs the only input, spending `script_pubkey`, with this script code.
fn sign(script_pubkey: &[u8], script_code: &[u8], hash_type: u8) -> Vec<u8> {
    let unsigned = transaction(&[Unlock::default()], 1, 0);
    let context = context(&unsigned, script_pubkey);
    let message = context.segwit_sighash(0, script_code, hash_type).unwrap();
    let mut signature = key(0).sign_ecdsa(&message);
    signature.push(hash_type);
    signature
}

#[test]
fn a_program_of_a_key_ends_as_the_script_it_stands_for() {
    let (of_key, of_script, script) = programs();
    let good = sign(&of_key, &script, 1);
    let mut spoiled = good.clone();
    spoiled[20] ^= 1;
    let public_key = key(0).public_key();
    let uncompressed = key(0).public_key_uncompressed();
    let huge = [7; 521];
    let witnesses: [[&[u8]; 2]; 6] = [
        [&good, &public_key],
        [&spoiled, &public_key],
        [&[], &public_key],
        [&good, &uncompressed],
        [&good, &key(1).public_key()],
        [&huge, &public_key],
    ];
    let policy = CONSENSUS
        | ScriptFlags::STRICTENC
        | ScriptFlags::NULLFAIL
        | ScriptFlags::WITNESS_PUBKEYTYPE
        | ScriptFlags::CLEANSTACK;
    let mut verdicts = Vec::new();
    for [signature, key] in witnesses {
        for flags in [CONSENSUS, policy] {
            let short = verify(Unlock::witness(&[signature, key]), &of_key, flags);
            let long = verify(Unlock::witness(&[signature, key, &script]), &of_script, flags);
            assert_eq!(short, long);
            verdicts.push(short);
        }
    }
    let differ = [
        (0, Ok(())),
        (2, Err(ScriptError::EvalFalse)),
        (3, Err(ScriptError::SigNullfail)),
        (5, Err(ScriptError::EvalFalse)),
        (6, Err(ScriptError::Equalverify)),
        (10, Err(ScriptError::PushSize)),
    ];
    for (index, verdict) in differ {
        assert_eq!(verdicts[index], verdict, "{index}");
    }
}

#[test]
fn a_signature_in_a_witness_script_is_not_deleted() {
    // Signed as if it were deleted, like before segwit.
    let rest = [&[0x75][..], &push(&key(0).public_key()), &[0xac]].concat();
    let script_of = |signature: &[u8]| [push(signature), rest.clone()].concat();
    let signature = sign(&[], &rest, 1);
    let script = script_of(&signature);
    let program = [&[0, 32][..], sha256(&[&script]).as_bytes()].concat();
    let verdict = verify(Unlock::witness(&[&signature, &script]), &program, CONSENSUS);
    assert_eq!(verdict, Err(ScriptError::EvalFalse));
}

#[test]
fn the_spent_amount_is_signed() {
    let (of_key, _, script) = programs();
    let unlock = Unlock::witness(&[&sign(&of_key, &script, 1), &key(0).public_key()]);
    let transaction = transaction(&[unlock], 1, 0);
    for (value, verdict) in
        [(super::VALUE, Ok(())), (super::VALUE + 1, Err(ScriptError::EvalFalse))]
    {
        let output = crate::transaction::Output { value, script_pubkey: &of_key };
        let context = crate::script::TxContext::new(transaction.view(), vec![output]);
        assert_eq!(verify_input(&context, 0, CONSENSUS, &mut Immediate), verdict);
    }
}
