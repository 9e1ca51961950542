//! Signatures: of one key, of several, from the stack; counted, set aside, remembered.

use std::{collections::HashSet, sync::Mutex};

use quintet_crypto::secp::SecretKey;

use super::*;
use crate::{
    hashing::SighashType,
    script::{
        Cached, Deferred, ScriptClass, SignatureCache, SignatureCheck, Spent, Verdict,
        measure_input,
    },
};

fn key(number: u8) -> SecretKey {
    SecretKey::from_bytes(&[number; 32]).unwrap()
}

fn x_only(number: u8) -> [u8; 32] {
    key(number).x_only_public_key().0
}

/// Returns R and S of an ECDSA signature over `message`.
fn ecdsa(number: u8, message: &[u8; 32]) -> Vec<u8> {
    let der = key(number).sign_ecdsa(message);
    let r_len = usize::from(der[3]);
    let number = |bytes: &[u8]| {
        let mut padded = [0; 32];
        let bytes = &bytes[bytes.iter().position(|byte| *byte != 0).unwrap()..];
        padded[32 - bytes.len()..].copy_from_slice(bytes);
        padded
    };
    [number(&der[4..4 + r_len]), number(&der[6 + r_len..])].concat()
}

/// Signs input 0 with a Schnorr signature, its hash type behind it.
fn schnorr(spend: &Spend, number: u8, hash_type: SighashType) -> Vec<u8> {
    let context = spend.context(Rules::toccata());
    let message = context.sighash().schnorr(0, hash_type).unwrap();
    let mut signature = key(number).sign_schnorr(message.as_bytes(), &[0; 32]).to_vec();
    signature.push(hash_type.to_byte());
    signature
}

/// An output of a key, and the spend that signs for it.
fn signed() -> Spend {
    let script = ScriptClass::PublicKey(&x_only(1)).to_script().unwrap();
    let spend = Spend::new(&script);
    let signature = schnorr(&spend, 1, SighashType::ALL);
    spend.with_signature_script(&push(&signature))
}

/// A multisignature of `required` of keys 1 to 3, signed by `signers`.
fn multisig(required: u8, signers: &[u8]) -> Spend {
    multisig_of(required, signers, 20)
}

/// The same, of an input that commits to so many signature operations.
fn multisig_of(required: u8, signers: &[u8], sigops: u8) -> Spend {
    let mut script = vec![OP_TRUE - 1 + required];
    for number in 1..=3 {
        script.extend(push(&x_only(number)));
    }
    script.extend([OP_3, OP_CHECK_MULTISIG]);
    let spend = Spend::new(&script).with_commitment(ComputeCommit::SigOpCount(sigops));
    let signatures: Vec<u8> = signers
        .iter()
        .flat_map(|number| match number {
            0 => vec![OP_FALSE],
            number => push(&schnorr(&spend, *number, SighashType::ALL)),
        })
        .collect();
    spend.with_signature_script(&signatures)
}

#[test]
fn a_key_is_spent_from_with_its_schnorr_signature() {
    for rules in eras() {
        assert_eq!(signed().run(rules).unwrap().sigops, 1);
        for at in [1, 33, 64] {
            let mut spend = signed();
            spend.tx.inputs[0].signature_script[at] ^= 1;
            assert_eq!(spend.run(rules), Err(ScriptError::EvalFalse), "byte {at}");
        }
        let mut spend = signed();
        spend.tx.outputs[0].value += 1;
        assert_eq!(spend.run(rules), Err(ScriptError::EvalFalse));
        let mut spend = signed();
        *spend.tx.inputs[0].signature_script.last_mut().unwrap() = 3;
        assert_eq!(spend.run(rules), Err(ScriptError::SigHashType { actual: 3 }));
        let empty = signed().with_signature_script(&[OP_FALSE]);
        assert_eq!(empty.run(rules), Err(ScriptError::EvalFalse));
    }
}

#[test]
fn a_hash_type_says_what_may_still_change() {
    let script = ScriptClass::PublicKey(&x_only(1)).to_script().unwrap();
    let spend = Spend::new(&script);
    let with =
        |hash_type| spend.clone().with_signature_script(&push(&schnorr(&spend, 1, hash_type)));
    let mut none = with(SighashType::NONE);
    none.tx.outputs[0].value += 1;
    assert!(none.run(Rules::crescendo()).is_ok());
    let mut any = with(SighashType::ALL.anyone_can_pay());
    any.tx.inputs[1].previous_outpoint.index += 1;
    assert!(any.run(Rules::crescendo()).is_ok());
    any.tx.outputs[0].value += 1;
    assert!(any.run(Rules::crescendo()).is_err());
}

#[test]
fn an_ecdsa_key_is_spent_from_with_its_ecdsa_signature() {
    let script = ScriptClass::PublicKeyEcdsa(&key(1).public_key()).to_script().unwrap();
    let spend = Spend::new(&script);
    let context = spend.context(Rules::crescendo());
    let message = context.sighash().ecdsa(0, SighashType::ALL).unwrap();
    let mut signature = ecdsa(1, message.as_bytes());
    signature.push(1);
    for rules in eras() {
        assert!(spend.clone().with_signature_script(&push(&signature)).run(rules).is_ok());
        let mut other = signature.clone();
        other[40] ^= 1;
        let result = spend.clone().with_signature_script(&push(&other)).run(rules);
        assert_eq!(result, Err(ScriptError::EvalFalse));
        // R above the group order.
        other[..32].fill(0xff);
        let result = spend.clone().with_signature_script(&push(&other)).run(rules);
        assert_eq!(result, Err(ScriptError::InvalidSignature));
    }
}

#[test]
fn a_malformed_key_or_signature_fails_the_script() {
    let result = |rules, signature: &[u8], key: &[u8]| {
        let script = join(&[&push(signature), &push(key), &[OP_CHECKSIG, OP_NOT]]);
        run(rules, &script)
    };
    let long = [&[9; 64][..], &[1]].concat();
    for rules in eras() {
        // No point has this X.
        let off = [&[0; 31][..], &[5]].concat();
        assert_eq!(result(rules, &long, &off), Err(ScriptError::InvalidPublicKey));
        let size = ScriptError::PublicKeySize { expected: 32, actual: 33 };
        assert_eq!(result(rules, &long, &[2; 33]), Err(size));
        let size = ScriptError::SignatureSize { actual: 63 };
        assert_eq!(result(rules, &long[1..], &x_only(1)), Err(size));
        assert_eq!(result(rules, &long, &x_only(1)), Ok(()));
        assert_eq!(result(rules, &[], &off), Ok(()));
    }
    // Of two things wrong, eras name different ones.
    let signature = ScriptError::SignatureSize { actual: 1 };
    assert_eq!(result(Rules::crescendo(), &[9, 1], &[7]), Err(signature));
    let key = ScriptError::PublicKeySize { expected: 32, actual: 1 };
    assert_eq!(result(Rules::crescendo_key_first(), &[9, 1], &[7]), Err(key));
    assert_eq!(result(Rules::toccata(), &[9, 1], &[7]), Err(key));
}

#[test]
fn a_multisignature_takes_signatures_in_the_order_of_their_keys() {
    for rules in eras() {
        for (signers, tries) in [(&[1, 2], 2), (&[1, 3], 3), (&[2, 3], 3)] {
            assert_eq!(multisig(2, signers).run(rules).unwrap().sigops, tries);
        }
        for signers in [&[2, 1], &[3, 1], &[1, 1], &[1, 4]] {
            assert_eq!(multisig(2, signers).run(rules), Err(ScriptError::NullFail));
        }
        assert_eq!(multisig(2, &[0, 0]).run(rules), Err(ScriptError::EvalFalse));
        assert_eq!(multisig(2, &[1, 0]).run(rules), Err(ScriptError::NullFail));
        assert!(multisig(3, &[1, 2, 3]).run(rules).is_ok());
    }
}

#[test]
fn a_multisignature_has_at_most_twenty_keys_and_no_more_signatures_than_keys() {
    for rules in eras() {
        let keys = ScriptError::PublicKeyCount { actual: 21, limit: 20 };
        assert_eq!(run(rules, &[1, 21, OP_CHECK_MULTISIG]), Err(keys));
        let negative = ScriptError::PublicKeyCount { actual: -1, limit: 20 };
        assert_eq!(run(rules, &[OP_1NEGATE, OP_CHECK_MULTISIG]), Err(negative));
        let signatures = ScriptError::SignatureCount { actual: 2, keys: 1 };
        assert_eq!(run(rules, &[OP_2, OP_5, OP_TRUE, OP_CHECK_MULTISIG]), Err(signatures));
        assert_eq!(run(rules, &[OP_FALSE, OP_FALSE, OP_CHECK_MULTISIG]), Ok(()));
    }
}

#[test]
fn a_message_on_the_stack_may_be_signed_since_toccata() {
    let message = [7; 32];
    let schnorr = key(1).sign_schnorr(&message, &[0; 32]);
    let script = |signature: &[u8], message: &[u8], key: &[u8], opcode| {
        join(&[&push(signature), &push(message), &push(key), &[opcode]])
    };
    let rules = Rules::toccata();
    let valid = script(&schnorr, &message, &x_only(1), OP_CHECKSIG_FROM_STACK);
    // Input 0 commits to twenty signature operations.
    assert_eq!(run(rules, &valid), Ok(()));
    assert!(run(Rules::crescendo(), &valid).is_err());
    let ecdsa = ecdsa(1, &message);
    let key = key(1).public_key();
    let valid = script(&ecdsa, &message, &key, OP_CHECKSIG_FROM_STACK_ECDSA);
    assert_eq!(run(rules, &valid), Ok(()));
    let other = script(&schnorr, &[8; 32], &x_only(1), OP_CHECKSIG_FROM_STACK);
    assert_eq!(run(rules, &other), Err(ScriptError::EvalFalse));
    let short = script(&schnorr, &message[1..], &x_only(1), OP_CHECKSIG_FROM_STACK);
    assert_eq!(run(rules, &short), Err(ScriptError::MessageSize { actual: 31 }));
}

#[test]
fn executed_signature_operations_are_counted_since_crescendo() {
    let with = |count| multisig_of(2, &[1, 3], count);
    assert!(with(0).run(Rules::legacy()).is_ok());
    for rules in [Rules::crescendo(), Rules::crescendo_key_first()] {
        // Key 2 is tried in vain, and counts.
        assert_eq!(with(3).run(rules).unwrap().sigops, 3);
        assert_eq!(with(2).run(rules), Err(ScriptError::SigOpLimit { limit: 2 }));
    }
    let script = join(&[&[OP_FALSE, OP_IF], &[OP_CHECKSIG; 30], &[OP_ENDIF, OP_TRUE]]);
    let spend = Spend::new(&script).with_commitment(ComputeCommit::SigOpCount(0));
    assert_eq!(spend.run(Rules::crescendo()).unwrap().sigops, 0);
}

#[test]
fn signature_operations_are_paid_for_in_script_units_since_toccata() {
    let rules = Rules::toccata();
    // The outcome of the check is a byte pushed.
    let spent = Spent { sigops: 1, script_units: 100_001 };
    assert_eq!(signed().run(rules), Ok(spent));
    let context = signed();
    assert_eq!(measure_input(&context.context(rules), 0, &mut Immediate), Ok(spent));
    let mut poor = signed();
    poor.tx.version = 1;
    poor.tx.inputs[0].compute_commit = ComputeCommit::ComputeBudget(9);
    let error = ScriptError::ScriptUnits { used: 100_000, limit: 99_999 };
    assert_eq!(poor.run(rules), Err(error));
}

#[test]
fn signatures_set_aside_give_the_verdict_of_signatures_verified_at_once() {
    let mut forged = signed();
    forged.tx.inputs[0].signature_script[9] ^= 1;
    let script = [&ScriptClass::PublicKey(&x_only(1)).to_script().unwrap()[..], &[OP_NOT]].concat();
    let mut denied = forged.clone();
    denied.entries[0].script_public_key = ScriptPublicKey::new(0, &script);
    let spends = [signed(), forged, denied, multisig(2, &[1, 3]), multisig(2, &[2, 1])];
    let spends = spends.into_iter().chain([multisig(3, &[1, 2, 3]), multisig(3, &[1, 3, 2])]);
    for spend in spends {
        let context = spend.context(Rules::toccata());
        let at_once = verify_input(&context, 0, &mut Immediate);
        let mut deferred = Deferred::default();
        let later = deferred.verify(&context, 0).and_then(|spent| {
            if deferred.settle() { Ok(spent) } else { verify_input(&context, 0, &mut Immediate) }
        });
        assert_eq!(at_once, later);
    }
}

#[test]
fn many_signatures_are_settled_together_and_one_forged_is_noticed() {
    let mut deferred = Deferred::default();
    let spend = signed();
    let context = spend.context(Rules::crescendo());
    for _ in 0..12 {
        deferred.verify(&context, 0).unwrap();
    }
    assert_eq!(deferred.checks().len(), 12);
    let mut forged = signed();
    forged.tx.inputs[0].signature_script[9] ^= 1;
    let mut both = deferred.clone();
    assert!(deferred.settle());
    assert!(deferred.checks().is_empty());
    both.verify(&forged.context(Rules::crescendo()), 0).unwrap();
    assert!(!both.settle());
    assert_eq!(both.take().iter().filter(|check| check.verify() != Verdict::Valid).count(), 1);
}

#[derive(Default)]
struct Remembered(Mutex<HashSet<SignatureCheck>>);

impl SignatureCache for Remembered {
    fn contains(&self, check: &SignatureCheck) -> bool {
        self.0.lock().unwrap().contains(check)
    }

    fn insert(&self, check: &SignatureCheck) {
        self.0.lock().unwrap().insert(check.clone());
    }
}

#[test]
fn a_signature_found_valid_is_not_verified_again_and_a_forged_one_is_never_remembered() {
    let cache = Remembered::default();
    let spend = signed();
    let context = spend.context(Rules::crescendo());
    let mut deferred = Deferred::with_cache(&cache);
    deferred.verify(&context, 0).unwrap();
    assert_eq!(deferred.checks().len(), 1);
    assert!(deferred.settle());
    deferred.verify(&context, 0).unwrap();
    assert!(deferred.checks().is_empty());
    assert!(verify_input(&context, 0, &mut Cached(&cache)).is_ok());
    let mut forged = signed();
    forged.tx.inputs[0].signature_script[9] ^= 1;
    assert!(verify_input(&forged.context(Rules::crescendo()), 0, &mut Cached(&cache)).is_err());
    assert_eq!(cache.0.lock().unwrap().len(), 1);
}
