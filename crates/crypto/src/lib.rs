//! Hashes, checksums and signatures that more than one node kind uses.
//!
//! Thin, typed doors to audited crates: the algorithms are theirs, the types are ours, so that no
//! other crate chooses an implementation. What one kind alone needs stays with that kind.
//!
//! - [`digest`]: SHA-1, SHA-2, SHA-3, RIPEMD-160, their compositions and tagged hashes, over the
//!   concatenation of parts.
//! - [`keyed`]: SipHash, the keyed hash for tables and permits.
//! - [`merkle`]: roots and branches of double SHA-256; [`sha256d_64_many`], what they are made of, and
//!   [`sha256d_many`], for messages of any lengths.
//! - [`muhash`]: the hash of a set, which elements join and leave in any order.
//! - [`secp`]: ECDSA and Schnorr signatures over secp256k1, one by one.
//! - [`ecdsa_lanes`]: ECDSA signatures and the keys recovered from them, eight side by side.
//! - [`schnorr_batch`]: Schnorr signatures and tweaks of keys, many at once.
//! - [`ed25519`]: signatures, strict verification, keys from seeds or in expanded form.
//! - [`vrf`]: outputs of a key that nobody can foretell and everybody can check.
//! - [`crc32c`]: the Castagnoli checksum.

pub mod digest;
pub mod ecdsa_lanes;
pub mod ed25519;
mod group;
pub mod keyed;
pub mod merkle;
pub mod muhash;
pub mod schnorr_batch;
pub mod secp;
mod sha256_lanes;
pub mod vrf;
mod words;

pub use sha256_lanes::{sha256d_64_many, sha256d_many};

use crc::{CRC_32_ISCSI, Crc, Table};

/// Returns the CRC-32C (Castagnoli, iSCSI) of `bytes`.
///
/// **Spec:** RFC 3720, appendix B.4.
#[must_use]
pub fn crc32c(bytes: &[u8]) -> u32 {
    const CASTAGNOLI: Crc<u32, Table<16>> = Crc::<u32, Table<16>>::new(&CRC_32_ISCSI);
    CASTAGNOLI.checksum(bytes)
}

/// Returns whether two byte strings are equal, in time that depends on their lengths alone.
#[must_use]
pub fn constant_time_eq(a: &[u8], b: &[u8]) -> bool {
    subtle::ConstantTimeEq::ct_eq(a, b).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crc32c_agrees_with_the_check_value_of_its_definition() {
        assert_eq!(crc32c(b"123456789"), 0xe306_9283);
        assert_eq!(crc32c(&[0; 32]), 0x8a91_36aa);
    }

    #[test]
    fn byte_strings_of_unequal_length_differ() {
        assert!(constant_time_eq(b"ab", b"ab"));
        assert!(!constant_time_eq(b"ab", b"abc"));
    }
}
