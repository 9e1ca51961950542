//! Traps of taproot and tapscript.

use quintet_crypto::{digest::Tag, secp};

use super::{
    CONSENSUS, Deferred, Immediate, ScriptError, ScriptFlags, Unlock, context, key, push,
    transaction, verify, verify_input,
};
use crate::script::{TapscriptLeaf, leaf_hash};

/// Returns the output that commits to one leaf, and the control block.
fn single_leaf(version: u8, script: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let (internal, _) = key(0).x_only_public_key();
    let leaf = leaf_hash(version, script);
    let tweak = Tag::new(b"TapTweak").hash(&[&internal, &leaf]);
    let (output, is_odd) = secp::tweak_add(&internal, tweak.as_bytes()).unwrap();
    let control = [&[version | u8::from(is_odd)][..], &internal].concat();
    ([&[0x51, 32][..], &output].concat(), control)
}

/// Verifies a tapscript on these items.
fn run(script: &[u8], items: &[&[u8]], flags: ScriptFlags) -> Result<(), ScriptError> {
    let (output, control) = single_leaf(0xc0, script);
    verify(Unlock::witness(&[items, &[script, &control]].concat()), &output, flags)
}

#[test]
fn a_tapscript_has_no_limit_of_size_or_operations() {
    let script = [vec![0x61; 300_000], vec![0x51]].concat();
    assert_eq!(run(&script, &[], CONSENSUS), Ok(()));
    // As a witness script of version 0 it is too long, and a shorter one does too much.
    for (script, error) in
        [(script, ScriptError::ScriptSize), (vec![0x61; 202], ScriptError::OpCount)]
    {
        let hash = quintet_crypto::digest::sha256(&[&script]);
        let program = [&[0, 32][..], hash.as_bytes()].concat();
        assert_eq!(verify(Unlock::witness(&[&script]), &program, CONSENSUS), Err(error));
    }
}

#[test]
fn signatures_beyond_the_witness_weight_fail_and_a_heavier_witness_pays_for_them() {
    // A key of unknown version takes any signature, but it is paid for: 50 of 4 bytes.
    let script = [&[0x51, 1, 2, 0xad][..], &[0x51, 1, 2, 0xad], &[0x51]].concat();
    let (output, control) = single_leaf(0xc0, &script);
    let verdict =
        |annex: &[u8]| verify(Unlock::witness(&[&script, &control, annex]), &output, CONSENSUS);
    assert_eq!(run(&script[4..], &[], CONSENSUS), Ok(()));
    assert_eq!(run(&script, &[], CONSENSUS), Err(ScriptError::TapscriptValidationWeight));
    // 50 free and 45 of the witness without an annex, whose length is a byte too: it must bring five.
    assert_eq!(verdict(&[0x50, 0, 0]), Err(ScriptError::TapscriptValidationWeight));
    assert_eq!(verdict(&[0x50, 0, 0, 0]), Ok(()));
    // An empty signature is a no that costs nothing.
    let unsigned = [[0, 1, 2, 0xac, 0x75].repeat(40), vec![0x51]].concat();
    assert_eq!(run(&unsigned, &[], CONSENSUS), Ok(()));
}

#[test]
fn a_success_opcode_overrides_everything_but_a_cut_off_push_before_it() {
    assert_eq!(run(&[0x6a, 0x50, 5], &[&[7; 521]], CONSENSUS), Ok(()));
    assert_eq!(run(&[5, 0x50], &[], CONSENSUS), Err(ScriptError::BadOpcode));
    let flags = CONSENSUS | ScriptFlags::DISCOURAGE_OP_SUCCESS;
    assert_eq!(run(&[0x50], &[], flags), Err(ScriptError::DiscourageOpSuccess));
    assert_eq!(run(&[0x51], &[&[7; 521]], CONSENSUS), Err(ScriptError::PushSize));
}

#[test]
fn a_leaf_of_unknown_version_is_anyones_but_must_be_committed_to() {
    let (output, mut control) = single_leaf(0xc2, &[0x6a]);
    let spend = |control: &[u8]| Unlock::witness(&[&[0x6a], control]);
    assert_eq!(verify(spend(&control), &output, CONSENSUS), Ok(()));
    let flags = CONSENSUS | ScriptFlags::DISCOURAGE_UPGRADABLE_TAPROOT_VERSION;
    let error = Err(ScriptError::DiscourageUpgradableTaprootVersion);
    assert_eq!(verify(spend(&control), &output, flags), error);
    control[0] ^= 1;
    let error = Err(ScriptError::WitnessProgramMismatch);
    assert_eq!(verify(spend(&control), &output, CONSENSUS), error);
}

/// Signs the only input of a transaction, by the key path or in a leaf.
fn sign(
    output: &[u8],
    outputs: u8,
    hash_type: u8,
    annex: Option<&[u8]>,
    leaf: Option<&TapscriptLeaf>,
) -> Option<[u8; 64]> {
    let unsigned = transaction(&[Unlock::default()], outputs, 0);
    let context = context(&unsigned, output);
    let message = context.taproot_sighash(0, hash_type, annex, leaf)?;
    Some(key(0).sign_schnorr(&message, &[0; 32]))
}

#[test]
fn a_key_path_signature_signs_the_annex_and_writes_no_default_hash_type() {
    let output = [&[0x51, 32][..], &key(0).x_only_public_key().0].concat();
    let annex: &[u8] = &[0x50, 1, 2];
    let signature = sign(&output, 1, 0, None, None).unwrap();
    let with_annex = sign(&output, 1, 0, Some(annex), None).unwrap();
    let written = [&signature[..], &[0]].concat();
    let invalid = Err(ScriptError::SchnorrSig);
    type Verdict = Result<(), ScriptError>;
    let cases: [(&[&[u8]], Verdict); 7] = [
        (&[&signature], Ok(())),
        (&[&with_annex, annex], Ok(())),
        (&[&signature, annex], invalid),
        (&[&with_annex], invalid),
        (&[&written], Err(ScriptError::SchnorrSigHashtype)),
        (&[&signature[1..]], Err(ScriptError::SchnorrSigSize)),
        // Alone, what looks like an annex is the signature.
        (&[annex], Err(ScriptError::SchnorrSigSize)),
    ];
    for (witness, verdict) in cases {
        assert_eq!(verify(Unlock::witness(witness), &output, CONSENSUS), verdict);
    }
}

#[test]
fn single_without_an_output_signs_nothing_in_taproot() {
    let output = [&[0x51, 32][..], &key(0).x_only_public_key().0].concat();
    for hash_type in [0x03, 0x83] {
        assert_eq!(sign(&output, 0, hash_type, None, None), None);
        let signature = [&sign(&output, 1, hash_type, None, None).unwrap()[..], &[hash_type]];
        let unlock = Unlock::witness(&[&signature.concat()]);
        assert_eq!(verify(unlock.clone(), &output, CONSENSUS), Ok(()));
        let transaction = transaction(&[Unlock::default(), unlock], 1, 0);
        let verdict = verify_input(&context(&transaction, &output), 1, CONSENSUS, &mut Immediate);
        assert_eq!(verdict, Err(ScriptError::SchnorrSigHashtype));
    }
}

#[test]
fn a_tapscript_signature_signs_its_leaf_and_where_the_last_code_separator_was() {
    let script = [&[0x61, 0xab][..], &push(&key(0).x_only_public_key().0), &[0xac]].concat();
    let (output, control) = single_leaf(0xc0, &script);
    let leaf = leaf_hash(0xc0, &script);
    for (leaf, code_separator, verdict) in [
        (leaf, 1, Ok(())),
        (leaf, u32::MAX, Err(ScriptError::SchnorrSig)),
        ([7; 32], 1, Err(ScriptError::SchnorrSig)),
    ] {
        let extension = TapscriptLeaf { leaf, code_separator };
        let signature = sign(&output, 1, 0, None, Some(&extension)).unwrap();
        let unlock = Unlock::witness(&[&signature, &script, &control]);
        assert_eq!(verify(unlock, &output, CONSENSUS), verdict);
    }
}

#[test]
fn deferred_checks_of_a_script_path_are_its_commitment_and_its_signatures() {
    let script = [push(&key(0).x_only_public_key().0), vec![0xac]].concat();
    let (output, control) = single_leaf(0xc0, &script);
    let extension = TapscriptLeaf { leaf: leaf_hash(0xc0, &script), code_separator: u32::MAX };
    let mut signature = sign(&output, 1, 0, None, Some(&extension)).unwrap();
    for expected in [[true, true], [true, false]] {
        let unlock = Unlock::witness(&[&signature, &script, &control]);
        let transaction = transaction(&[unlock], 1, 0);
        let mut deferred = Deferred::default();
        deferred.verify(&context(&transaction, &output), 0, CONSENSUS).unwrap();
        let answers: Vec<_> = deferred.checks().iter().map(|check| check.verify()).collect();
        assert_eq!(answers, expected);
        signature[0] ^= 1;
    }
}
