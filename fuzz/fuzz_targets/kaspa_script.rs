#![no_main]
//! Any script of any era ends, without a panic, and signatures set aside give the verdict of signatures checked at once.
//!
//! The input: the era (1 byte), what the input commits to (2 bytes, little-endian), the length of the signature
//! script (2), that script, and the output's script.

use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use quintet_kaspa_protocol::{
    script::{Deferred, Immediate, Rules, TxContext, script_units, static_sigops, verify_input},
    tx::{
        ComputeCommit, Outpoint, PopulatedTransaction, ScriptPublicKey, SubnetworkId, Transaction,
        TransactionInput, TransactionOutput, UtxoEntry,
    },
};
use quintet_primitives::Hash256;

/// What one input may take under a sanitizer.
const INPUT_TIME_MAX: Duration = Duration::from_secs(10);

fuzz_target!(|bytes: &[u8]| {
    let Some((&[era], rest)) = bytes.split_first_chunk() else { return };
    let Some((commitment, rest)) = rest.split_first_chunk() else { return };
    let Some((len, rest)) = rest.split_first_chunk() else { return };
    let Some((signature_script, script)) = rest.split_at_checked(u16::from_le_bytes(*len).into())
    else {
        return;
    };
    let rules = match era % 4 {
        0 => Rules::legacy(),
        1 => Rules::crescendo(),
        2 => Rules::crescendo_key_first(),
        _ => Rules::toccata(),
    };
    let compute_commit = ComputeCommit::ComputeBudget(u16::from_le_bytes(*commitment));
    let tx = transaction(signature_script, compute_commit);
    let entries = [UtxoEntry {
        amount: 1_000,
        script_public_key: ScriptPublicKey::new(0, script),
        block_daa_score: 7,
        is_coinbase: false,
        covenant_id: None,
    }];
    let Ok(populated) = PopulatedTransaction::new(&tx, &entries) else { return };
    let context = TxContext::new(populated, rules);
    let started = Instant::now();
    let at_once = verify_input(&context, 0, &mut Immediate);
    let mut deferred = Deferred::default();
    let later = deferred.verify(&context, 0).and_then(|spent| {
        if deferred.settle() { Ok(spent) } else { verify_input(&context, 0, &mut Immediate) }
    });
    assert_eq!(at_once, later, "at once and later");
    if let Ok(spent) = at_once {
        assert!(spent.script_units <= script_units(compute_commit), "{spent:?}");
    }
    let _ = static_sigops(signature_script, script);
    assert!(started.elapsed() < INPUT_TIME_MAX, "took {:?}", started.elapsed());
});

fn transaction(signature_script: &[u8], compute_commit: ComputeCommit) -> Transaction {
    Transaction {
        version: 1,
        inputs: vec![TransactionInput {
            previous_outpoint: Outpoint::new(Hash256::new([7; 32]), 1),
            signature_script: signature_script.to_vec(),
            sequence: 5,
            compute_commit,
        }],
        outputs: vec![TransactionOutput::new(900, ScriptPublicKey::new(0, &[0x51]))],
        lock_time: 1_000,
        subnetwork_id: SubnetworkId::NATIVE,
        gas: 0,
        payload: b"payload".to_vec(),
        storage_mass: 0,
    }
}
