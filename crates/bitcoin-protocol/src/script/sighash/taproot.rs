//! The signature hash of taproot, for the key path and for tapscripts.
//!
//! It covers the amount and the script of **every** output the transaction spends, so none of them may be
//! unknown when a single input is checked.
//!
//! **Spec:** BIP-0341 (common signature message), BIP-0342 (extension).

use std::sync::LazyLock;

use super::{ALL, ANYONECANPAY, SINGLE, TxContext, Writer};
use crate::transaction::{Output, Tx};

/// What both segregated schemes hash of a transaction.
#[derive(Debug)]
pub(in crate::script) struct Common {
    pub(super) prevouts: [u8; 32],
    pub(super) sequences: [u8; 32],
    pub(super) outputs: [u8; 32],
}

impl Common {
    pub(in crate::script) fn new(tx: Tx<'_>, serialized_outputs: &[u8]) -> Self {
        let (mut prevouts, mut sequences) = (Writer::new(), Writer::new());
        for input in tx.inputs() {
            prevouts.bytes(input.previous.txid.as_ref());
            prevouts.u32(input.previous.vout);
            sequences.u32(input.sequence);
        }
        let mut outputs = Writer::new();
        outputs.bytes(serialized_outputs);
        Self {
            prevouts: prevouts.finish(),
            sequences: sequences.finish(),
            outputs: outputs.finish(),
        }
    }
}

/// What taproot hashes of the outputs that are spent.
#[derive(Debug)]
pub(in crate::script) struct Spent {
    amounts: [u8; 32],
    scripts: [u8; 32],
}

impl Spent {
    pub(in crate::script) fn new(spent: &[Output<'_>]) -> Self {
        let (mut amounts, mut scripts) = (Writer::new(), Writer::new());
        for output in spent {
            amounts.i64(output.value);
            scripts.sized(output.script_pubkey);
        }
        Self { amounts: amounts.finish(), scripts: scripts.finish() }
    }
}

/// What a tapscript's signatures sign besides (BIP-0342).
#[derive(Debug, Clone, Copy)]
pub struct TapscriptLeaf {
    /// The hash of the leaf.
    pub leaf: [u8; 32],
    /// The index of the last executed `OP_CODESEPARATOR` among the opcodes, or all ones.
    pub code_separator: u32,
}

/// Returns what of an annex is signed.
pub(in crate::script) fn annex_digest(annex: &[u8]) -> [u8; 32] {
    let mut writer = Writer::new();
    writer.sized(annex);
    writer.finish()
}

/// Returns whether the hash type is one taproot knows. 0 is the default, for which no byte is written.
const fn is_hash_type(hash_type: u8) -> bool {
    matches!(hash_type, 0..=3 | 0x81..=0x83)
}

/// Returns the message of a taproot signature, or `None` if the hash type is unknown or signs an output
/// that does not exist.
///
/// Bitcoin Core's `SignatureHashSchnorr`.
pub(in crate::script) fn tapscript_or_key(
    context: &TxContext<'_>,
    input: usize,
    hash_type: u8,
    annex: Option<&[u8; 32]>,
    extension: Option<&TapscriptLeaf>,
) -> Option<[u8; 32]> {
    static TAGGED: LazyLock<Writer> = LazyLock::new(|| Writer::tagged("TapSighash"));

    if !is_hash_type(hash_type) {
        return None;
    }
    let tx = context.tx();
    let (signed, spent) = (tx.input(input)?, context.spent().get(input)?);
    let outputs = if hash_type == 0 { ALL } else { hash_type & 3 };
    let is_alone = hash_type & ANYONECANPAY != 0;

    let mut writer = TAGGED.clone();
    writer.bytes(&[0, hash_type]);
    writer.u32(tx.version());
    writer.u32(tx.lock_time());
    if !is_alone {
        let (common, digests) = (context.common(), context.spent_digests());
        writer.bytes(&common.prevouts);
        writer.bytes(&digests.amounts);
        writer.bytes(&digests.scripts);
        writer.bytes(&common.sequences);
    }
    if outputs == ALL {
        writer.bytes(&context.common().outputs);
    }
    writer.byte(2 * u8::from(extension.is_some()) + u8::from(annex.is_some()));
    if is_alone {
        writer.bytes(signed.previous.txid.as_ref());
        writer.u32(signed.previous.vout);
        writer.i64(spent.value);
        writer.sized(spent.script_pubkey);
        writer.u32(signed.sequence);
    } else {
        writer.u32(u32::try_from(input).ok()?);
    }
    if let Some(digest) = annex {
        writer.bytes(digest);
    }
    if outputs == SINGLE {
        let output = tx.output(input)?;
        let mut single = Writer::new();
        single.i64(output.value);
        single.sized(output.script_pubkey);
        writer.bytes(&single.finish());
    }
    if let Some(extension) = extension {
        writer.bytes(&extension.leaf);
        // The version of the key: that of 32-byte keys.
        writer.byte(0);
        writer.u32(extension.code_separator);
    }
    Some(writer.finish())
}
