//! The hash of the UTXO set: how an entry becomes an element of it.
//!
//! **Spec:** rusty-kaspa's `crypto/muhash/src/lib.rs`, `consensus/core/src/muhash.rs`.

use quintet_crypto::muhash::{ElementHash, MuHash, Num3072, from_chacha20};
use quintet_primitives::Hash256;

use super::{Blake2b, Put};
use crate::tx::{Outpoint, UtxoEntry};

/// The hash of a UTXO set.
pub type UtxoMuHash = MuHash<Blake2bChaCha20>;

/// BLAKE2b of the element as a ChaCha20 key, whose first 384 bytes are the number; BLAKE2b at the end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Blake2bChaCha20;

impl ElementHash for Blake2bChaCha20 {
    fn element(parts: &[&[u8]]) -> Num3072 {
        from_chacha20(&Blake2b::MUHASH_ELEMENT.hash(parts))
    }

    fn finish(number: &[u8; Num3072::LEN]) -> Hash256 {
        Blake2b::MUHASH_FINALIZE.hash(&[number])
    }
}

/// Returns the bytes of an entry as an element: outpoint, DAA score, amount, whether of a coinbase,
/// script, and the covenant if it has one.
#[must_use]
pub fn utxo_element(outpoint: &Outpoint, entry: &UtxoEntry) -> Vec<u8> {
    let script = &entry.script_public_key;
    let mut bytes = Vec::with_capacity(32 + 4 + 8 + 8 + 1 + 2 + 8 + script.script.len() + 33);
    bytes
        .hash(&outpoint.transaction_id)
        .u32(outpoint.index)
        .u64(entry.block_daa_score)
        .u64(entry.amount)
        .bool(entry.is_coinbase)
        .u16(script.version)
        .var_bytes(&script.script);
    if let Some(covenant) = &entry.covenant_id {
        bytes.hash(covenant);
    }
    bytes
}
