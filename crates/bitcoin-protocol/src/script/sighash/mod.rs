//! Signature hashes: what exactly a signature signs, in the three ways there have been.
//!
//! - [`legacy`]: the transaction with all input scripts but one blanked; hashed anew for every input.
//! - [`segwit`]: BIP-0143; three digests that all inputs share.
//! - [`taproot`]: BIP-0341 and BIP-0342; single hashes, and what is spent is covered too.
//!
//! Everything is hashed straight from where it lies in the buffer; no message is put together first.

mod cache;
mod legacy;
mod segwit;
mod taproot;
mod writer;

pub(super) use cache::SighashCache;
pub use legacy::legacy_sighash;
pub(super) use legacy::{Blank, SINGLE_BUG};
pub(super) use segwit::Bip143;
pub use taproot::TapscriptLeaf;
pub(super) use taproot::{Common, Spent, annex_digest, tapscript_or_key};
pub(super) use writer::Writer;

use super::TxContext;
use crate::transaction::{Output, Tx};

/// Signs all outputs.
pub(super) const ALL: u8 = 1;
/// Signs no output.
pub(super) const NONE: u8 = 2;
/// Signs the output at the input's own index.
pub(super) const SINGLE: u8 = 3;
/// Signs one input alone: a bit beside the others.
pub(super) const ANYONECANPAY: u8 = 0x80;

/// Which outputs a pre-taproot hash type signs. Whatever is neither `NONE` nor `SINGLE` signs all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outputs {
    All,
    None,
    Single,
}

impl Outputs {
    fn of(hash_type: u32) -> Self {
        match hash_type & 0x1f {
            kind if kind == u32::from(NONE) => Self::None,
            kind if kind == u32::from(SINGLE) => Self::Single,
            _ => Self::All,
        }
    }
}

fn is_anyone_can_pay(hash_type: u32) -> bool {
    hash_type & u32::from(ANYONECANPAY) != 0
}

/// Returns the message of a pre-taproot signature of `input`, whose last byte was `hash_type`.
///
/// `cache` is this input's own.
pub(super) fn ecdsa_message(
    context: &TxContext<'_>,
    input: usize,
    script_code: &[u8],
    hash_type: u8,
    segwit: bool,
    cache: &mut SighashCache,
) -> [u8; 32] {
    let hash_type = u32::from(hash_type);
    if !segwit && legacy::is_single_bug(context.tx(), input, hash_type) {
        return SINGLE_BUG;
    }
    let mut writer = cache.get_or_write(script_code, hash_type, || {
        if segwit {
            segwit::write(context, input, script_code, hash_type)
        } else {
            legacy::write(context, input, script_code, hash_type)
        }
    });
    writer.u32(hash_type);
    writer.finish_double()
}

/// Returns the outputs of a transaction as serialised, without their count: the end of its body.
pub(super) fn serialized_outputs(tx: Tx<'_>) -> &[u8] {
    let len: usize = tx
        .outputs()
        .map(|Output { script_pubkey, .. }| {
            8 + Writer::size_len(script_pubkey.len()) + script_pubkey.len()
        })
        .sum();
    let body = tx.body();
    &body[body.len().saturating_sub(len)..]
}
