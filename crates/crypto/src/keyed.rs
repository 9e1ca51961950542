//! Keyed hashing: what an outsider without the key can neither predict nor collide.
//!
//! | function | of | for |
//! |---|---|---|
//! | [`SipKey::hash`] | byte strings, SipHash-2-4 | tables of anything, short ids, permits |
//! | [`SipKey::hash_u256`], [`SipKey::hash_u256_u32`] | 32 bytes, 32 bytes and a number | the same values as above, unrolled |
//! | [`SipKey::hash13`] | byte strings, SipHash-1-3 | tables where speed matters more than margin |
//! | [`SipKey::hash13_jumbo`], [`SipKey::hash13_jumbo_u64`] | hashes, hashes and a number | the fastest: tables whose keys are hashes already |

use core::{fmt, hash::Hasher};

use siphasher::sip::{SipHasher13, SipHasher24};

/// Initial state before the key comes in: "somepseudorandomlygeneratedbytes".
const INITIAL: [u64; 4] =
    [0x736f_6d65_7073_6575, 0x646f_7261_6e64_6f6d, 0x6c79_6765_6e65_7261, 0x7465_6462_7974_6573];

/// Marks the end of padded input.
const FINALIZER: u64 = 0xff;

/// Marks the end of unpadded input: "unpadded", little-endian. Keeps the two families apart.
const FINALIZER_UNPADDED: u64 = 0x6465_6464_6170_6e75;

/// A SipHash key. Its `Debug` form does not show it.
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

    /// Takes the key as two numbers, the form in which compact blocks and filters derive it.
    #[must_use]
    pub const fn from_words(k0: u64, k1: u64) -> Self {
        Self(((k0 as u128) | (k1 as u128) << 64).to_le_bytes())
    }

    /// Returns the 64-bit SipHash-2-4 of the concatenation of `parts`.
    ///
    /// The parts' boundaries are not hashed: give parts of fixed length, or say the length.
    #[must_use]
    pub fn hash(&self, parts: &[&[u8]]) -> u64 {
        let mut hasher = SipHasher24::new_with_key(&self.0);
        parts.iter().for_each(|part| hasher.write(part));
        hasher.finish()
    }

    /// Returns the 64-bit SipHash-1-3 of the concatenation of `parts`.
    #[must_use]
    pub fn hash13(&self, parts: &[&[u8]]) -> u64 {
        let mut hasher = SipHasher13::new_with_key(&self.0);
        parts.iter().for_each(|part| hasher.write(part));
        hasher.finish()
    }

    /// Returns [`Self::hash`] of 32 bytes.
    #[must_use]
    pub fn hash_u256(&self, bytes: &[u8; 32]) -> u64 {
        let mut state = State::new(self);
        words(bytes).into_iter().for_each(|word| state.absorb::<2>(word));
        state.absorb::<2>(32 << 56);
        state.finish::<4>(FINALIZER)
    }

    /// Returns [`Self::hash`] of 32 bytes and a little-endian number: an outpoint, as a rule.
    #[must_use]
    pub fn hash_u256_u32(&self, bytes: &[u8; 32], extra: u32) -> u64 {
        let mut state = State::new(self);
        words(bytes).into_iter().for_each(|word| state.absorb::<2>(word));
        state.absorb::<2>(36 << 56 | u64::from(extra));
        state.finish::<4>(FINALIZER)
    }

    /// Returns the 64-bit hash of 32 bytes that are a cryptographic hash themselves.
    ///
    /// The 32 bytes go in as one block, with one round; there is no padding. This is sound only
    /// because nobody chooses a hash freely: four words that an attacker could choose would collide.
    ///
    /// **Spec:** SipHash-1-3-UJ, Bitcoin Core's `SipHasher13UJ`.
    #[must_use]
    pub fn hash13_jumbo(&self, hash: &[u8; 32]) -> u64 {
        self.jumbo().block(hash).finish()
    }

    /// Returns the 64-bit hash of a cryptographic hash and a number, as [`Self::hash13_jumbo`].
    #[must_use]
    pub fn hash13_jumbo_u64(&self, hash: &[u8; 32], extra: u64) -> u64 {
        self.jumbo().block(hash).word(extra).finish()
    }

    /// Begins a SipHash-1-3-UJ of several blocks, each a hash or a number.
    #[must_use]
    pub const fn jumbo(&self) -> JumboHasher {
        JumboHasher(State::new(self))
    }
}

impl fmt::Debug for SipKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SipKey(..)")
    }
}

/// A SipHash-1-3-UJ under way; see [`SipKey::hash13_jumbo`] for when it is sound.
///
/// There is no padding, so the sequence of block sizes must follow from the use.
#[derive(Clone, Copy)]
pub struct JumboHasher(State);

impl JumboHasher {
    /// Takes a hash as one block.
    #[must_use]
    pub const fn block(mut self, hash: &[u8; 32]) -> Self {
        let [d0, d1, d2, d3] = words(hash);
        let State([v0, v1, v2, v3]) = self.0;
        self.0 = State([v0 ^ d1, v1 ^ d2, v2 ^ d3, v3 ^ d0]);
        self.0.round();
        let State([v0, v1, v2, v3]) = self.0;
        self.0 = State([v0 ^ d0, v1 ^ d1, v2 ^ d2, v3 ^ d3]);
        self
    }

    /// Takes a number as one block.
    #[must_use]
    pub fn word(mut self, word: u64) -> Self {
        self.0.absorb::<1>(word);
        self
    }

    /// Returns the hash.
    #[must_use]
    pub fn finish(self) -> u64 {
        self.0.finish::<3>(FINALIZER_UNPADDED)
    }
}

impl fmt::Debug for JumboHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JumboHasher(..)")
    }
}

#[derive(Clone, Copy)]
struct State([u64; 4]);

impl State {
    const fn new(key: &SipKey) -> Self {
        let key = u128::from_le_bytes(key.0);
        #[expect(clippy::cast_possible_truncation, reason = "the lower and the upper half")]
        let (k0, k1) = (key as u64, (key >> 64) as u64);
        let [c0, c1, c2, c3] = INITIAL;
        Self([c0 ^ k0, c1 ^ k1, c2 ^ k0, c3 ^ k1])
    }

    const fn round(&mut self) {
        let [mut v0, mut v1, mut v2, mut v3] = self.0;
        v0 = v0.wrapping_add(v1);
        v1 = v1.rotate_left(13) ^ v0;
        v0 = v0.rotate_left(32);
        v2 = v2.wrapping_add(v3);
        v3 = v3.rotate_left(16) ^ v2;
        v0 = v0.wrapping_add(v3);
        v3 = v3.rotate_left(21) ^ v0;
        v2 = v2.wrapping_add(v1);
        v1 = v1.rotate_left(17) ^ v2;
        v2 = v2.rotate_left(32);
        self.0 = [v0, v1, v2, v3];
    }

    fn absorb<const ROUNDS: usize>(&mut self, word: u64) {
        self.0[3] ^= word;
        (0..ROUNDS).for_each(|_| self.round());
        self.0[0] ^= word;
    }

    fn finish<const ROUNDS: usize>(mut self, finalizer: u64) -> u64 {
        self.0[2] ^= finalizer;
        (0..ROUNDS).for_each(|_| self.round());
        let [v0, v1, v2, v3] = self.0;
        v0 ^ v1 ^ v2 ^ v3
    }
}

const fn words(bytes: &[u8; 32]) -> [u64; 4] {
    let mut words = [0; 4];
    let (chunks, _) = bytes.as_chunks::<8>();
    let mut index = 0;
    while index < 4 {
        words[index] = u64::from_le_bytes(chunks[index]);
        index += 1;
    }
    words
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn agrees_with_the_vector_of_the_paper() {
        let key = SipKey::new(core::array::from_fn(|i| i.try_into().unwrap()));
        let input: [u8; 15] = core::array::from_fn(|i| i.try_into().unwrap());
        assert_eq!(key.hash(&[&input]), 0xa129_ca61_49be_45e5);
        assert_eq!(key.hash(&[&input[..7], &input[7..]]), 0xa129_ca61_49be_45e5);
    }

    #[test]
    fn a_key_is_two_little_endian_words() {
        let key = SipKey::from_words(0x0706_0504_0302_0100, 0x0f0e_0d0c_0b0a_0908);
        assert_eq!(key.0, core::array::from_fn(|i| i.try_into().unwrap()));
    }

    proptest! {
        #[test]
        fn unrolled_forms_hash_as_the_general_one(key: [u8; 16], bytes: [u8; 32], extra: u32) {
            let key = SipKey::new(key);
            prop_assert_eq!(key.hash_u256(&bytes), key.hash(&[&bytes]));
            let both = key.hash(&[&bytes, &extra.to_le_bytes()]);
            prop_assert_eq!(key.hash_u256_u32(&bytes, extra), both);
        }

        #[test]
        fn a_number_is_a_jumbo_block_of_its_own_with_zeros(key: [u8; 16], word: u64) {
            let key = SipKey::new(key);
            let mut block = [0; 32];
            block[..8].copy_from_slice(&word.to_le_bytes());
            prop_assert_eq!(key.hash13_jumbo(&block), key.jumbo().word(word).finish());
        }
    }
}
