//! Traps of scripts before segwit, and of guessing their signatures.

use super::{
    CONSENSUS, Deferred, Immediate, ScriptError, ScriptFlags, SignatureChecker, Unlock, context,
    key, push, transaction, verify, verify_input,
};
use crate::script::{SignatureCheck, legacy_sighash};

const CHECKSIG: u8 = 0xac;

/// Signs a message and appends the hash type.
fn sign(n: u8, message: &[u8; 32], hash_type: u8) -> Vec<u8> {
    let mut signature = key(n).sign_ecdsa(message);
    signature.push(hash_type);
    signature
}

/// Returns `<key> CHECKSIG`.
fn pay_to_key(n: u8) -> Vec<u8> {
    [push(&key(n).public_key()), vec![CHECKSIG]].concat()
}

/// Returns the hash the only input of a transaction of one output signs.
fn message(script_code: &[u8], hash_type: u8) -> [u8; 32] {
    let unsigned = transaction(&[Unlock::default()], 1, 0);
    legacy_sighash(unsigned.view(), 0, script_code, u32::from(hash_type))
}

#[test]
fn a_signature_of_the_number_one_spends_any_input_without_an_output_by_single() {
    let mut one = [0; 32];
    one[0] = 1;
    let script = pay_to_key(0);
    for hash_type in [0x03, 0x83] {
        let unlock = Unlock::script(&push(&sign(0, &one, hash_type)));
        for salt in [0, 1] {
            let transaction = transaction(&[Unlock::default(), unlock.clone()], 1, salt);
            let context = context(&transaction, &script);
            assert_eq!(verify_input(&context, 1, CONSENSUS, &mut Immediate), Ok(()));
        }
        // With an output at its index the same signature is worth nothing.
        let transaction = transaction(&[Unlock::default(), unlock], 2, 0);
        let verdict = verify_input(&context(&transaction, &script), 1, CONSENSUS, &mut Immediate);
        assert_eq!(verdict, Err(ScriptError::EvalFalse));
    }
}

#[test]
fn a_signature_found_in_its_script_is_deleted_before_it_is_hashed() {
    let rest = [&[0x75][..], &pay_to_key(0)].concat();
    let signature = sign(0, &message(&rest, 1), 1);
    let script = [push(&signature), rest].concat();
    let unlock = Unlock::script(&push(&signature));
    assert_eq!(verify(unlock.clone(), &script, CONSENSUS), Ok(()));
    let strict = CONSENSUS | ScriptFlags::CONST_SCRIPTCODE;
    assert_eq!(verify(unlock, &script, strict), Err(ScriptError::SigFindanddelete));
    // A push that merely contains it stays, and is signed: deleting it was CVE-2024-38365.
    let longer = [&signature[..], &[0]].concat();
    let containing = [push(&longer), vec![0x75], pay_to_key(0)].concat();
    let unlock = Unlock::script(&push(&signature));
    assert_eq!(verify(unlock, &containing, CONSENSUS), Err(ScriptError::EvalFalse));
}

#[test]
fn what_lies_before_a_code_separator_is_not_signed() {
    let script = [&[0x61, 0xab][..], &pay_to_key(0)].concat();
    let unlock = Unlock::script(&push(&sign(0, &message(&pay_to_key(0), 1), 1)));
    assert_eq!(verify(unlock.clone(), &script, CONSENSUS), Ok(()));
    let strict = CONSENSUS | ScriptFlags::CONST_SCRIPTCODE;
    assert_eq!(verify(unlock, &script, strict), Err(ScriptError::OpCodeseparator));
}

#[test]
fn a_guess_that_fails_the_script_is_made_good_at_once() {
    // Valid because the signature is not: a deferred yes fails it, so it runs again.
    let script = [pay_to_key(0), vec![0x91]].concat();
    let unlock = Unlock::script(&push(&sign(0, &[7; 32], 1)));
    let transaction = transaction(&[unlock], 1, 0);
    let context = context(&transaction, &script);
    assert_eq!(verify_input(&context, 0, CONSENSUS, &mut Immediate), Ok(()));
    let mut deferred = Deferred::default();
    assert_eq!(deferred.verify(&context, 0, CONSENSUS), Ok(()));
    assert!(deferred.checks().is_empty());
}

#[test]
fn a_guess_that_proves_wrong_shows_in_the_kept_check() {
    let unlock = Unlock::script(&push(&sign(0, &[7; 32], 1)));
    let transaction = transaction(&[unlock], 1, 0);
    let script = pay_to_key(0);
    let context = context(&transaction, &script);
    let mut deferred = Deferred::default();
    assert_eq!(deferred.verify(&context, 0, CONSENSUS), Ok(()));
    assert_eq!(deferred.take().iter().map(SignatureCheck::verify).collect::<Vec<_>>(), [false]);
    let verdict = verify_input(&context, 0, CONSENSUS, &mut Immediate);
    assert_eq!(verdict, Err(ScriptError::EvalFalse));
}

/// Returns `m <keys> n CHECKMULTISIG` and the script that unlocks it with the keys of these numbers.
fn multisig(signers: &[u8], n: u8) -> (Vec<u8>, Unlock) {
    let m = u8::try_from(signers.len()).unwrap();
    let keys: Vec<_> = (0..n).flat_map(|n| push(&key(n).public_key())).collect();
    let script = [&[0x50 + m][..], &keys, &[0x50 + n, 0xae]].concat();
    let message = message(&script, 1);
    let signatures = signers.iter().flat_map(|signer| push(&sign(*signer, &message, 1)));
    let script_sig: Vec<_> = [0].into_iter().chain(signatures).collect();
    (script, Unlock::script(&script_sig))
}

/// Counts what is asked, by whether a guess will do.
#[derive(Default)]
struct Counting {
    guessed: usize,
    exact: usize,
}

impl SignatureChecker for Counting {
    fn check(&mut self, check: SignatureCheck) -> bool {
        self.guessed += 1;
        check.verify()
    }

    fn check_exact(&mut self, check: SignatureCheck) -> bool {
        self.exact += 1;
        check.verify()
    }
}

#[test]
fn a_multisignature_may_be_guessed_only_if_every_key_signs() {
    for (signers, n, guessed, exact) in
        [(&[0, 1][..], 2, 2, 0), (&[0, 1], 3, 0, 3), (&[1, 2], 3, 0, 2), (&[2, 1], 3, 0, 3)]
    {
        let (script, unlock) = multisig(signers, n);
        let transaction = transaction(&[unlock], 1, 0);
        let mut counting = Counting::default();
        let verdict = verify_input(&context(&transaction, &script), 0, CONSENSUS, &mut counting);
        assert_eq!(verdict.is_ok(), signers.is_sorted(), "{signers:?}");
        assert_eq!((counting.guessed, counting.exact), (guessed, exact), "{signers:?} of {n}");
    }
}

#[test]
fn a_number_may_be_a_redeem_script() {
    // HASH160 of the byte 01: a redeem script of one push of one byte that is cut off.
    let hash = quintet_crypto::digest::hash160(&[&[1]]);
    let script = [&[0xa9, 20][..], hash.as_bytes(), &[0x87]].concat();
    let verdict = verify(Unlock::script(&[0x51]), &script, CONSENSUS);
    assert_eq!(verdict, Err(ScriptError::BadOpcode));
    assert_eq!(verify(Unlock::script(&[0x51]), &script, ScriptFlags::empty()), Ok(()));
}
