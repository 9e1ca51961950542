//! Hashes: each purpose its own domain, so that no value of one is a value of another.
//!
//! | family | construction | for |
//! |---|---|---|
//! | [`Blake2b`] | BLAKE2b-256 under the domain as key | ids, headers, Merkle branches, signature hashes |
//! | [`Sha256`] | SHA-256 that begins with the domain's SHA-256 | ECDSA signature hashes |
//! | [`Blake3`] | BLAKE3 under the domain, zero-padded, as key | version 1 ids, sequencing commitments (KIP-21) |
//!
//! ```text
//!   Domain::hasher() ──► put(bytes) … ──► finish() ──► Hash256
//! ```
//!
//! What is hashed of a noun is written through [`Put`], the little-endian codec the three share.
//!
//! **Spec:** rusty-kaspa's `crypto/hashes/src/hashers.rs`.

mod domain;
mod header;
mod merkle;
mod muhash;
pub mod seq_commit;
mod sighash;
mod transaction;

pub use domain::{Blake2b, Blake2bHasher, Blake3, Blake3Hasher, Put, Sha256, Sha256Hasher};
pub use merkle::{
    accepted_id_root_canonical, accepted_id_root_sorted, hash_merkle_root,
    hash_merkle_root_pre_crescendo, merkle_root,
};
pub use muhash::{Blake2bChaCha20, UtxoMuHash, utxo_element};
pub use sighash::{Sighash, SighashType, SighashTypeError};
pub use transaction::{payload_digest, rest_digest, rest_preimage, v0_id_preimage};
