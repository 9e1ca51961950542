//! Keyed hashing: what an outsider without the key can neither predict nor collide.

use core::{fmt, hash::Hasher};

use siphasher::sip::SipHasher24;

/// A SipHash-2-4 key. Its `Debug` form does not show it.
///
/// **Spec:** Aumasson & Bernstein, *SipHash: a fast short-input PRF* (2012).
#[derive(Clone, Copy)]
pub struct SipKey([u8; 16]);

impl SipKey {
    /// Wraps 16 bytes, which should come from a cryptographic generator.
    #[must_use]
    pub const fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Returns the 64-bit hash of the concatenation of `parts`.
    ///
    /// The parts' boundaries are not hashed: give parts of fixed length, or say the length.
    #[must_use]
    pub fn hash(&self, parts: &[&[u8]]) -> u64 {
        let mut hasher = SipHasher24::new_with_key(&self.0);
        parts.iter().for_each(|part| hasher.write(part));
        hasher.finish()
    }
}

impl fmt::Debug for SipKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SipKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_the_vector_of_the_paper() {
        let key = SipKey::new(core::array::from_fn(|i| i.try_into().unwrap()));
        let input: [u8; 15] = core::array::from_fn(|i| i.try_into().unwrap());
        assert_eq!(key.hash(&[&input]), 0xa129_ca61_49be_45e5);
        assert_eq!(key.hash(&[&input[..7], &input[7..]]), 0xa129_ca61_49be_45e5);
    }
}
