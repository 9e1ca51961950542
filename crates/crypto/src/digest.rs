//! Unkeyed hashes.

use quintet_primitives::{Hash160, Hash256};
use sha1::{Digest, Sha1};
use sha2::Sha256;

/// Returns the SHA-1 digest of the concatenation of `parts`.
///
/// SHA-1 is broken for collisions. It names things in protocols that fixed it long ago; nothing new
/// may rest on it.
///
/// **Spec:** FIPS 180-4.
#[must_use]
pub fn sha1(parts: &[&[u8]]) -> Hash160 {
    let mut hasher = Sha1::new();
    parts.iter().for_each(|part| hasher.update(part));
    Hash160::new(hasher.finalize().into())
}

/// Returns the SHA-256 digest of the concatenation of `parts`.
///
/// **Spec:** FIPS 180-4.
#[must_use]
pub fn sha256(parts: &[&[u8]]) -> Hash256 {
    let mut hasher = Sha256::new();
    parts.iter().for_each(|part| hasher.update(part));
    Hash256::new(hasher.finalize().into())
}

/// Returns the SHA-256 digest of the SHA-256 digest of the concatenation of `parts`: Bitcoin's hash for ids.
#[must_use]
pub fn sha256d(parts: &[&[u8]]) -> Hash256 {
    sha256(&[sha256(parts).as_bytes()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_agree_with_the_standard_and_ignore_where_parts_end() {
        assert_eq!(sha1(&[b"abc"]).to_string(), "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert_eq!(
            sha256(&[b"abc"]).to_string(),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
        assert_eq!(sha1(&[b"a", b"", b"bc"]), sha1(&[b"abc"]));
    }
}
