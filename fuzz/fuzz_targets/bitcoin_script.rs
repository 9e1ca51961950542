#![no_main]
//! Any script ends, without a panic, and signatures set aside give the verdict signatures checked at once give.
//!
//! The input: flags (4 bytes, little-endian), the length of the output's script (2), that script, and the spending
//! transaction. Every input of it spends such an output.

use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use quintet_bitcoin_protocol::{
    Transaction,
    script::{Deferred, Immediate, ScriptFlags, TxContext, are_all_valid, verify_input},
    transaction::Output,
};

/// What one input may take under a sanitizer: 20,000 signature operations would be a block's.
const INPUT_TIME_MAX: Duration = Duration::from_secs(10);
/// Inputs run at most.
const INPUTS_MAX: usize = 4;

fuzz_target!(|bytes: &[u8]| {
    let Some((flags, rest)) = bytes.split_first_chunk() else { return };
    let Some((len, rest)) = rest.split_first_chunk() else { return };
    let Some((script_pubkey, rest)) = rest.split_at_checked(u16::from_le_bytes(*len).into()) else {
        return;
    };
    let Ok(transaction) = Transaction::decode(rest.to_vec()) else { return };
    let tx = transaction.view();
    let flags = closed(ScriptFlags::from_bits_truncate(u32::from_le_bytes(*flags)));
    let context = || {
        TxContext::new(tx, tx.inputs().map(|_| Output { value: 1_000, script_pubkey }).collect())
    };
    for input in 0..tx.inputs().len().min(INPUTS_MAX) {
        let started = Instant::now();
        let at_once = verify_input(&context(), input, flags, &mut Immediate);
        let context = context();
        let mut deferred = Deferred::default();
        let later = deferred.verify(&context, input, flags).and_then(|()| {
            if are_all_valid(deferred.checks()) {
                return Ok(());
            }
            verify_input(&context, input, flags, &mut Immediate)
        });
        assert_eq!(at_once.is_ok(), later.is_ok(), "{at_once:?} at once, {later:?} later");
        assert!(started.elapsed() < INPUT_TIME_MAX, "input {input} took {:?}", started.elapsed());
    }
});

/// Adds the flags that others need, as every caller does.
fn closed(mut flags: ScriptFlags) -> ScriptFlags {
    if flags.intersects(ScriptFlags::TAPROOT | ScriptFlags::CLEANSTACK) {
        flags |= ScriptFlags::WITNESS;
    }
    if flags.contains(ScriptFlags::WITNESS) {
        flags |= ScriptFlags::P2SH;
    }
    flags
}
