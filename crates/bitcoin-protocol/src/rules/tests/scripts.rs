//! The script checks of a block: each soft fork's rule holds from its height on, and not before.

use std::str::FromStr;

use bitcoin::{
    Amount, BlockHash, EcdsaSighashType, Script, ScriptBuf,
    consensus::deserialize,
    hashes::Hash,
    secp256k1::{Message, Secp256k1, SecretKey},
    sighash::SighashCache,
    taproot::{LeafVersion, TaprootBuilder},
};
use quintet_crypto::digest::{hash160, sha256};

use super::{Chain, Coins, TRUE, TestTx, block, outpoint};
use crate::{
    network::Params,
    rules::{BlockContext, BlockError, ScriptJobs, connect_block},
    script::{Deferred, ScriptError, ScriptFlags},
};

const BIP66: u32 = 363_725;
const BIP65: u32 = 388_381;
const CSV: u32 = 419_328;
const SEGWIT: u32 = 481_824;

/// Runs the script checks of a block of this hash at `height` in which `spend` spends an output of `script`.
fn run_as(hash: BlockHash, height: u32, script: &[u8], spend: &TestTx) -> Result<(), ScriptError> {
    let (params, chain) = (Params::main(), Chain::default());
    let context = BlockContext::new(&params, hash, height, &chain);
    let block = block(&[TestTx::coinbase(height, 0), spend.clone()]);
    let mut coins = Coins::default().with(outpoint(1), 5, 1_000, script);
    let spent = connect_block(&block, &context, &mut coins).unwrap().spent;
    let jobs = ScriptJobs::new(&block, &spent, context.flags);
    assert_eq!(jobs.len(), 1);
    jobs.run(0).map_err(|error| match error {
        BlockError::Script { txid, input: 0, error } if txid == spend.txid() => error,
        other => panic!("{other}"),
    })
}

fn run(height: u32, script: &[u8], spend: &TestTx) -> Result<(), ScriptError> {
    run_as(BlockHash::all_zeros(), height, script, spend)
}

fn spend() -> TestTx {
    TestTx::spending(outpoint(1), 5)
}

/// An output that asks for the script with this hash.
fn p2sh(redeem: &[u8]) -> Vec<u8> {
    [&[0xa9, 20][..], hash160(&[redeem]).as_bytes(), &[0x87]].concat()
}

/// An output that asks, in the witness, for the script with this hash.
fn p2wsh(script: &[u8]) -> Vec<u8> {
    [&[0, 32][..], sha256(&[script]).as_bytes()].concat()
}

#[test]
fn redeem_scripts_are_run_in_every_block_but_one() {
    // BIP-0016.
    let fails = [0x00];
    let push = |redeem: &[u8]| spend().script_sig(&[&[1][..], redeem].concat());
    assert_eq!(run(1_000, &p2sh(TRUE), &push(TRUE)), Ok(()));
    assert_eq!(run(1_000, &p2sh(&fails), &push(&fails)), Err(ScriptError::EvalFalse));
    let hash = "00000000000002dc756eebf4f49723ed8d30cc28a5f108eb94b1ba88ac4f9c22";
    let exception = BlockHash::from_str(hash).unwrap();
    assert_eq!(run_as(exception, 170_060, &p2sh(&fails), &push(&fails)), Ok(()));
}

#[test]
fn signatures_are_strict_from_bip66_on() {
    // A signature of three bytes that is none, and a script that asks for a bad one.
    let key = [&[33][..], &[2; 33]].concat();
    let script = [&key[..], &[0xac, 0x91]].concat();
    let spend = spend().script_sig(&[3, 0x30, 0x00, 0x01]);
    assert_eq!(run(BIP66 - 1, &script, &spend), Ok(()));
    assert_eq!(run(BIP66, &script, &spend), Err(ScriptError::SigDer));
    let without = TestTx::spending(outpoint(1), 5).script_sig(&[0]);
    assert_eq!(run(BIP66, &script, &without), Ok(()), "an empty signature is just bad");
}

#[test]
fn lock_times_in_scripts_hold_from_bip65_on() {
    let script = [2, 0xe8, 0x03, 0xb1, 0x75, 0x51];
    let locked = |lock_time| {
        let mut spend = spend().sequence(1, 0);
        spend.lock_time = lock_time;
        spend
    };
    assert_eq!(run(BIP65 - 1, &script, &locked(999)), Ok(()));
    assert_eq!(run(BIP65, &script, &locked(999)), Err(ScriptError::UnsatisfiedLocktime));
    assert_eq!(run(BIP65, &script, &locked(1_000)), Ok(()));
}

#[test]
fn relative_locks_in_scripts_hold_from_bip112_on() {
    let script = [0x5a, 0xb2, 0x75, 0x51];
    assert_eq!(run(CSV - 1, &script, &spend().sequence(2, 9)), Ok(()));
    let early = run(CSV, &script, &spend().sequence(2, 9));
    assert_eq!(early, Err(ScriptError::UnsatisfiedLocktime));
    assert_eq!(run(CSV, &script, &spend().sequence(2, 10)), Ok(()));
}

#[test]
fn the_extra_item_of_a_multisignature_is_empty_from_bip147_on() {
    // None of no keys.
    let script = [0x00, 0x00, 0xae];
    assert_eq!(run(SEGWIT - 1, &script, &spend().script_sig(&[0x51])), Ok(()));
    assert_eq!(run(SEGWIT, &script, &spend().script_sig(&[0x51])), Err(ScriptError::SigNulldummy));
    assert_eq!(run(SEGWIT, &script, &spend().script_sig(&[0x00])), Ok(()));
}

#[test]
fn witness_programs_are_run_in_every_block() {
    // BIP-0141, also before the height from which witnesses are committed to.
    for height in [1_000, SEGWIT] {
        assert_eq!(run(height, &p2wsh(TRUE), &spend().witness(&[TRUE])), Ok(()));
        let other = run(height, &p2wsh(TRUE), &spend().witness(&[&[0x52]]));
        assert_eq!(other, Err(ScriptError::WitnessProgramMismatch));
        let none = run(height, &p2wsh(TRUE), &spend());
        assert_eq!(none, Err(ScriptError::WitnessProgramWitnessEmpty));
    }
}

#[test]
fn taproot_outputs_are_run_in_every_block_but_one() {
    // BIP-0341.
    let script = [&[0x51, 32][..], &[7; 32]].concat();
    let none = run(700_000, &script, &spend());
    assert_eq!(none, Err(ScriptError::WitnessProgramWitnessEmpty));
    let short = run(700_000, &script, &spend().witness(&[&[1; 63]]));
    assert_eq!(short, Err(ScriptError::SchnorrSigSize));
    let hash = "0000000000000000000f14c35b2d841e986ab5441de8c585d5ffe55ea1e395ad";
    let exception = BlockHash::from_str(hash).unwrap();
    assert_eq!(run_as(exception, 692_261, &script, &spend()), Ok(()));
}

/// An output that `leaf` may spend, and the spend: the script and the proof that it is in the tree.
fn tapscript(leaf: &[u8]) -> (Vec<u8>, TestTx) {
    let secp = Secp256k1::new();
    let key = SecretKey::from_slice(&[7; 32]).unwrap().x_only_public_key(&secp).0;
    let script = ScriptBuf::from_bytes(leaf.to_vec());
    let tree = TaprootBuilder::new().add_leaf(0, script.clone()).unwrap();
    let info = tree.finalize(&secp, key).unwrap();
    let proof = info.control_block(&(script, LeafVersion::TapScript)).unwrap().serialize();
    let output = [&[0x51, 32][..], &info.output_key().to_x_only_public_key().serialize()].concat();
    (output, spend().witness(&[leaf, &proof]))
}

#[test]
fn leaves_of_taproot_outputs_are_run_by_the_rules_of_tapscript() {
    // BIP-0342.
    let run_leaf = |leaf: &[u8]| {
        let (output, spend) = tapscript(leaf);
        run(710_000, &output, &spend)
    };
    assert_eq!(run_leaf(TRUE), Ok(()));
    assert_eq!(run_leaf(&[0x00]), Err(ScriptError::EvalFalse));
    assert_eq!(run_leaf(&[0x00, 0x50]), Ok(()), "kept for soft forks: succeeds");
    let multisig = run_leaf(&[0x00, 0x00, 0x00, 0xae]);
    assert_eq!(multisig, Err(ScriptError::TapscriptCheckmultisig));
    // A leaf of another tree.
    let (output, _) = tapscript(TRUE);
    let (_, other) = tapscript(&[0x52]);
    assert_eq!(run(710_000, &output, &other), Err(ScriptError::WitnessProgramMismatch));
}

#[test]
fn a_witness_signature_covers_the_value_spent() {
    // BIP-0143: a signer without the chain cannot be lied to about fees.
    let secp = Secp256k1::new();
    let key = SecretKey::from_slice(&[7; 32]).unwrap();
    let public = key.public_key(&secp).serialize();
    let script = [&[0, 20][..], hash160(&[&public]).as_bytes()].concat();
    let signed = |value| {
        let tx: bitcoin::Transaction = deserialize(&spend().bytes()).unwrap();
        let mut cache = SighashCache::new(&tx);
        let pubkey_script = Script::from_bytes(&script);
        let all = EcdsaSighashType::All;
        let value = Amount::from_sat(value);
        let hash = cache.p2wpkh_signature_hash(0, pubkey_script, value, all).unwrap();
        let signature = secp.sign_ecdsa(&Message::from_digest(hash.to_byte_array()), &key);
        spend().witness(&[&[&signature.serialize_der()[..], &[1]].concat(), &public])
    };
    assert_eq!(run(SEGWIT, &script, &signed(5)), Ok(()));
    assert!(run(SEGWIT, &script, &signed(6)).is_err());
}

#[test]
fn a_refusal_names_the_script_error_as_core_does() {
    let (txid, input) = (spend().txid(), 0);
    let error = BlockError::Script { txid, input, error: ScriptError::EvalFalse };
    let expected = "block-script-verify-flag-failed (Script evaluated without error but finished with a \
                    false/empty top stack element)";
    assert_eq!(error.reject_reason(), expected);
    assert!(!error.is_mutation());
}

#[test]
fn every_input_is_a_check_of_its_own_against_its_own_coin() {
    let first = TestTx::spending(outpoint(1), 1).input(outpoint(2));
    let second = TestTx::spending(outpoint(3), 1).input(first.at(0));
    let block = block(&[TestTx::coinbase(500_000, 0), first, second]);
    let coins = Coins::default().with(outpoint(1), 5, 1, TRUE);
    let mut coins = coins.with(outpoint(2), 5, 1, &[0x00]).with(outpoint(3), 5, 1, TRUE);
    let (params, chain) = (Params::main(), Chain::default());
    let context = BlockContext::new(&params, block.hash(), 500_000, &chain);
    let spent = connect_block(&block, &context, &mut coins).unwrap().spent;

    let jobs = ScriptJobs::new(&block, &spent, context.flags);
    // In any order, each as often as one likes.
    for (item, passes) in [(3, true), (1, false), (0, true), (2, true), (1, false)] {
        assert_eq!(jobs.run(item).is_ok(), passes, "{item}");
    }
    assert!(jobs.get(4).is_none() && jobs.run(4).is_ok());
    let job = jobs.get(3).unwrap();
    assert_eq!((job.input, job.context.spent().len()), (1, 2));
    let mut deferred = Deferred::default();
    assert!(deferred.verify(job.context, job.input, job.flags).is_ok());

    // Transactions known to pass are left out, and the others keep their coins.
    let bad = block.transactions().get(1).unwrap().wtxid();
    let rest = ScriptJobs::without(&block, &spent, context.flags, |tx| tx.wtxid() == bad);
    assert_eq!(rest.len(), 2);
    assert!((0..2).all(|item| rest.run(item).is_ok()));
    let none = ScriptJobs::without(&block, &spent, ScriptFlags::empty(), |_| true);
    assert!(none.is_empty());
}

#[test]
fn a_check_without_its_coin_fails() {
    let block = block(&[TestTx::coinbase(500_000, 0), spend()]);
    let nothing = crate::SpentCoins::default();
    assert!(ScriptJobs::new(&block, &nothing, ScriptFlags::P2SH).run(0).is_err());
}
