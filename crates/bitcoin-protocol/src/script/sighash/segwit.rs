//! The signature hash of version 0 witness programs.
//!
//! Three digests cover all inputs and outputs, so that an input costs a few hundred bytes of hashing however
//! large the transaction, and the spent amount is signed.
//!
//! **Spec:** BIP-0143.

use super::{Common, Outputs, TxContext, Writer, is_anyone_can_pay};

/// The digests all inputs share: the hashes of [`Common`], hashed again.
#[derive(Debug)]
pub(in crate::script) struct Bip143 {
    prevouts: [u8; 32],
    sequences: [u8; 32],
    outputs: [u8; 32],
}

impl Bip143 {
    pub(in crate::script) fn new(common: &Common) -> Self {
        let again = |hash: &[u8; 32]| {
            let mut writer = Writer::new();
            writer.bytes(hash);
            writer.finish()
        };
        Self {
            prevouts: again(&common.prevouts),
            sequences: again(&common.sequences),
            outputs: again(&common.outputs),
        }
    }
}

const ZERO: [u8; 32] = [0; 32];

/// Hashes everything before the hash type.
pub(super) fn write(
    context: &TxContext<'_>,
    input: usize,
    script_code: &[u8],
    hash_type: u32,
) -> Writer {
    let (tx, shared) = (context.tx(), context.bip143());
    let outputs = Outputs::of(hash_type);
    let is_alone = is_anyone_can_pay(hash_type);
    let signs_sequences = !is_alone && outputs == Outputs::All;

    let mut writer = Writer::new();
    writer.u32(tx.version());
    writer.bytes(if is_alone { &ZERO } else { &shared.prevouts });
    writer.bytes(if signs_sequences { &shared.sequences } else { &ZERO });
    // An input that does not exist is refused before any script runs.
    if let (Some(signed), Some(spent)) = (tx.input(input), context.spent().get(input)) {
        writer.bytes(signed.previous.txid.as_ref());
        writer.u32(signed.previous.vout);
        writer.sized(script_code);
        writer.i64(spent.value);
        writer.u32(signed.sequence);
    }
    match (outputs, tx.output(input)) {
        (Outputs::All, _) => writer.bytes(&shared.outputs),
        (Outputs::Single, Some(output)) => {
            let mut single = Writer::new();
            single.i64(output.value);
            single.sized(output.script_pubkey);
            writer.bytes(&single.finish_double());
        }
        // Unlike the legacy hash, `SINGLE` without an output signs none.
        (Outputs::Single, None) | (Outputs::None, _) => writer.bytes(&ZERO),
    }
    writer.u32(tx.lock_time());
    writer
}
