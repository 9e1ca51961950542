//! Unkeyed hashes.

use core::fmt;

use quintet_primitives::{Hash160, Hash256};
use ripemd::Ripemd160;
use sha1::{Digest, Sha1};
use sha2::{Sha256, Sha512};
use sha3::Sha3_256;

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

/// Returns the SHA-512 digest of the concatenation of `parts`.
///
/// **Spec:** FIPS 180-4.
#[must_use]
pub fn sha512(parts: &[&[u8]]) -> [u8; 64] {
    let mut hasher = Sha512::new();
    parts.iter().for_each(|part| hasher.update(part));
    hasher.finalize().into()
}

/// Returns the SHA3-256 digest of the concatenation of `parts`; onion addresses end in bytes of it.
///
/// **Spec:** FIPS 202.
#[must_use]
pub fn sha3_256(parts: &[&[u8]]) -> Hash256 {
    let mut hasher = Sha3_256::new();
    parts.iter().for_each(|part| hasher.update(part));
    Hash256::new(hasher.finalize().into())
}

/// Returns the RIPEMD-160 digest of the concatenation of `parts`.
///
/// **Spec:** ISO/IEC 10118-3.
#[must_use]
pub fn ripemd160(parts: &[&[u8]]) -> Hash160 {
    let mut hasher = Ripemd160::new();
    parts.iter().for_each(|part| hasher.update(part));
    Hash160::new(hasher.finalize().into())
}

/// Returns the RIPEMD-160 digest of the SHA-256 digest of the concatenation of `parts`: Bitcoin's
/// hash for keys and scripts.
#[must_use]
pub fn hash160(parts: &[&[u8]]) -> Hash160 {
    ripemd160(&[sha256(parts).as_bytes()])
}

/// SHA-256 bound to one use by a tag: a hash made for one purpose is worth nothing in another.
///
/// Keeps the state after the tag's block, so that a hash costs what its parts cost.
///
/// **Spec:** BIP340, "Tagged Hashes".
#[derive(Clone)]
pub struct Tag(Sha256);

impl Tag {
    /// Prepares the hash of this name.
    #[must_use]
    pub fn new(name: &[u8]) -> Self {
        let name = sha256(&[name]);
        Self(Sha256::new().chain_update(name.as_bytes()).chain_update(name.as_bytes()))
    }

    /// Returns the tagged hash of the concatenation of `parts`.
    #[must_use]
    pub fn hash(&self, parts: &[&[u8]]) -> Hash256 {
        let mut hasher = self.0.clone();
        parts.iter().for_each(|part| hasher.update(part));
        Hash256::new(hasher.finalize().into())
    }
}

impl fmt::Debug for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tag(..)")
    }
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
    #[test]
    fn ripemd_agrees_with_its_authors() {
        assert_eq!(
            ripemd160(&[b"a", b"bc"]).to_string(),
            "8eb208f7e05d987a9b044a8e98c6b087f15a0bfc"
        );
        assert_eq!(hash160(&[b"abc"]), ripemd160(&[sha256(&[b"abc"]).as_bytes()]));
    }

    #[test]
    fn a_tag_is_hashed_twice_in_front() {
        let tag = sha256(&[b"TapLeaf"]);
        let plain = sha256(&[tag.as_bytes(), tag.as_bytes(), b"script"]);
        assert_eq!(Tag::new(b"TapLeaf").hash(&[b"scr", b"ipt"]), plain);
    }
}
