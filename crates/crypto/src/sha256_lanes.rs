//! Double SHA-256 of many blocks of 64 bytes: what a Merkle tree is made of.
//!
//! # Why there is `unsafe` here
//!
//! Every block's tree is hashed when it arrives. Sixteen hashes side by side in AVX-512 take less than
//! half the time they take one by one, even with the processor's own SHA instructions. Unsafe are the
//! call of a function compiled for a processor with AVX-512, right behind the check that this one has
//! it, and the loads and stores of vectors, whose bounds are arrays'. A property test compares the
//! two ways; without AVX-512 the hashes are made one by one.
//!
//! # How
//!
//! Lane `n` of every vector belongs to message `n`. Three compressions make a double hash of 64 bytes:
//! the message, its padding (the same for all, so its schedule is a constant), the first digest.

use crate::digest::sha256d;

/// Returns the double SHA-256 of each block.
///
/// **Spec:** FIPS 180-4, twice; Bitcoin Core's `SHA256D64`.
#[must_use]
pub fn sha256d_64_many(blocks: &[[u8; 64]]) -> Vec<[u8; 32]> {
    let mut digests = vec![[0; 32]; blocks.len()];
    sha256d_64_into(blocks, &mut digests);
    digests
}

/// Writes the double SHA-256 of each block to the digest at its place; the shorter list decides.
pub(crate) fn sha256d_64_into(blocks: &[[u8; 64]], digests: &mut [[u8; 32]]) {
    let done = wide(blocks, digests);
    for (block, digest) in blocks.iter().zip(digests).skip(done) {
        *digest = sha256d(&[block]).into_bytes();
    }
}

#[cfg(not(target_arch = "x86_64"))]
fn wide(_: &[[u8; 64]], _: &mut [[u8; 32]]) -> usize {
    0
}

/// Hashes as many blocks as is worth while side by side, and returns how many those were.
#[cfg(target_arch = "x86_64")]
fn wide(blocks: &[[u8; 64]], digests: &mut [[u8; 32]]) -> usize {
    use avx512::{LANES, WORTH_WHILE};

    if !(is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw")) {
        return 0;
    }
    let mut done = 0;
    for (blocks, digests) in blocks.chunks(LANES).zip(digests.chunks_mut(LANES)) {
        if blocks.len().min(digests.len()) < WORTH_WHILE {
            break;
        }
        let mut lanes = [[0; 64]; LANES];
        let input = blocks.try_into().unwrap_or_else(|_| {
            lanes[..blocks.len()].copy_from_slice(blocks);
            &lanes
        });
        #[expect(unsafe_code, reason = "the function is compiled for the features checked above")]
        // SAFETY: the processor has the target features of `sha256d_64`, by the checks above.
        let output = unsafe { avx512::sha256d_64(input) };
        digests.iter_mut().zip(output).for_each(|(digest, lane)| *digest = lane);
        done += blocks.len();
    }
    done
}

#[cfg(target_arch = "x86_64")]
mod avx512 {
    //! Sixteen hashes side by side.

    use core::arch::x86_64::{
        __m512i, _mm512_add_epi32, _mm512_loadu_si512, _mm512_ror_epi32, _mm512_set_epi32,
        _mm512_set1_epi32, _mm512_setzero_si512, _mm512_shuffle_epi8, _mm512_shuffle_i32x4,
        _mm512_srli_epi32, _mm512_storeu_si512, _mm512_ternarylogic_epi32, _mm512_unpackhi_epi32,
        _mm512_unpackhi_epi64, _mm512_unpacklo_epi32, _mm512_unpacklo_epi64,
    };

    /// Hashes side by side.
    pub(super) const LANES: usize = 16;

    /// Hashes from which a vector that is not full is faster than one by one.
    pub(super) const WORTH_WHILE: usize = 7;

    const INITIAL: [u32; 8] = [
        0x6a09_e667,
        0xbb67_ae85,
        0x3c6e_f372,
        0xa54f_f53a,
        0x510e_527f,
        0x9b05_688c,
        0x1f83_d9ab,
        0x5be0_cd19,
    ];

    const ROUND: [u32; 64] = [
        0x428a_2f98,
        0x7137_4491,
        0xb5c0_fbcf,
        0xe9b5_dba5,
        0x3956_c25b,
        0x59f1_11f1,
        0x923f_82a4,
        0xab1c_5ed5,
        0xd807_aa98,
        0x1283_5b01,
        0x2431_85be,
        0x550c_7dc3,
        0x72be_5d74,
        0x80de_b1fe,
        0x9bdc_06a7,
        0xc19b_f174,
        0xe49b_69c1,
        0xefbe_4786,
        0x0fc1_9dc6,
        0x240c_a1cc,
        0x2de9_2c6f,
        0x4a74_84aa,
        0x5cb0_a9dc,
        0x76f9_88da,
        0x983e_5152,
        0xa831_c66d,
        0xb003_27c8,
        0xbf59_7fc7,
        0xc6e0_0bf3,
        0xd5a7_9147,
        0x06ca_6351,
        0x1429_2967,
        0x27b7_0a85,
        0x2e1b_2138,
        0x4d2c_6dfc,
        0x5338_0d13,
        0x650a_7354,
        0x766a_0abb,
        0x81c2_c92e,
        0x9272_2c85,
        0xa2bf_e8a1,
        0xa81a_664b,
        0xc24b_8b70,
        0xc76c_51a3,
        0xd192_e819,
        0xd699_0624,
        0xf40e_3585,
        0x106a_a070,
        0x19a4_c116,
        0x1e37_6c08,
        0x2748_774c,
        0x34b0_bcb5,
        0x391c_0cb3,
        0x4ed8_aa4a,
        0x5b9c_ca4f,
        0x682e_6ff3,
        0x748f_82ee,
        0x78a5_636f,
        0x84c8_7814,
        0x8cc7_0208,
        0x90be_fffa,
        0xa450_6ceb,
        0xbef9_a3f7,
        0xc671_78f2,
    ];

    /// Round constants plus the schedule of the block that pads 64 bytes.
    const PADDING: [u32; 64] = {
        let mut schedule = [0_u32; 64];
        schedule[0] = 1 << 31;
        schedule[15] = 512;
        let mut at = 16;
        while at < 64 {
            let (x, y) = (schedule[at - 15], schedule[at - 2]);
            let s0 = x.rotate_right(7) ^ x.rotate_right(18) ^ (x >> 3);
            let s1 = y.rotate_right(17) ^ y.rotate_right(19) ^ (y >> 10);
            let sum = schedule[at - 16].wrapping_add(s0).wrapping_add(schedule[at - 7]);
            schedule[at] = sum.wrapping_add(s1);
            at += 1;
        }
        let mut at = 0;
        while at < 64 {
            schedule[at] = schedule[at].wrapping_add(ROUND[at]);
            at += 1;
        }
        schedule
    };

    type State = [__m512i; 8];
    type Message = [__m512i; LANES];

    /// `x ^ y ^ z`, `x ? y : z` and the majority, as truth tables of three inputs.
    const XOR: i32 = 0x96;
    const CHOOSE: i32 = 0xca;
    const MAJORITY: i32 = 0xe8;

    /// Calls a macro for the rounds of a group, so that every index is a constant.
    macro_rules! sixteen {
        ($each:ident) => {
            $each!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15)
        };
    }

    #[target_feature(enable = "avx512f,avx512bw")]
    pub(super) fn sha256d_64(blocks: &[[u8; 64]; LANES]) -> [[u8; 32]; LANES] {
        let mut message = [_mm512_setzero_si512(); LANES];
        for (row, block) in message.iter_mut().zip(blocks) {
            #[expect(unsafe_code, reason = "a load through a pointer")]
            // SAFETY: `block` is 64 initialised bytes, all that is read; no alignment is asked.
            let bytes = unsafe { _mm512_loadu_si512(block.as_ptr().cast()) };
            *row = swap(bytes);
        }
        let mut state = initial();
        compress(&mut state, transpose(&message));
        compress_padding(&mut state);

        let mut message = [_mm512_setzero_si512(); LANES];
        message[..8].copy_from_slice(&state);
        message[8] = splat(1 << 31);
        message[15] = splat(256);
        let mut state = initial();
        compress(&mut state, message);

        let mut rows = [_mm512_setzero_si512(); LANES];
        rows[..8].copy_from_slice(&state);
        let mut digests = [[0; 32]; LANES];
        for (digest, row) in digests.iter_mut().zip(transpose(&rows)) {
            let mut bytes = [0_u8; 64];
            #[expect(unsafe_code, reason = "a store through a pointer")]
            // SAFETY: `bytes` is the 64 bytes written; no alignment is asked.
            unsafe {
                _mm512_storeu_si512(bytes.as_mut_ptr().cast(), swap(row));
            }
            digest.copy_from_slice(&bytes[..32]);
        }
        digests
    }

    #[target_feature(enable = "avx512f")]
    #[inline]
    fn splat(word: u32) -> __m512i {
        _mm512_set1_epi32(word.cast_signed())
    }

    #[target_feature(enable = "avx512f")]
    fn initial() -> State {
        let mut state = [_mm512_setzero_si512(); 8];
        for (vector, word) in state.iter_mut().zip(INITIAL) {
            *vector = splat(word);
        }
        state
    }

    /// Turns the bytes of each word around.
    #[target_feature(enable = "avx512f,avx512bw")]
    #[inline]
    fn swap(words: __m512i) -> __m512i {
        const A: i32 = 0x0001_0203;
        const B: i32 = 0x0405_0607;
        const C: i32 = 0x0809_0a0b;
        const D: i32 = 0x0c0d_0e0f;
        let order = _mm512_set_epi32(D, C, B, A, D, C, B, A, D, C, B, A, D, C, B, A);
        _mm512_shuffle_epi8(words, order)
    }

    #[target_feature(enable = "avx512f")]
    #[inline]
    fn xor(x: __m512i, y: __m512i, z: __m512i) -> __m512i {
        _mm512_ternarylogic_epi32::<XOR>(x, y, z)
    }

    /// One round; instead of moving the eight words along, their places move back by `AT`.
    #[target_feature(enable = "avx512f")]
    #[inline]
    fn round<const AT: usize>(state: &mut State, input: __m512i) {
        let [a, b, c, d, e, f, g, h] = core::array::from_fn(|word| (word + 8 - AT % 8) % 8);
        let (x, y) = (state[a], state[e]);
        let s1 =
            xor(_mm512_ror_epi32::<6>(y), _mm512_ror_epi32::<11>(y), _mm512_ror_epi32::<25>(y));
        let choice = _mm512_ternarylogic_epi32::<CHOOSE>(y, state[f], state[g]);
        let sum = _mm512_add_epi32(_mm512_add_epi32(state[h], input), _mm512_add_epi32(s1, choice));
        let s0 =
            xor(_mm512_ror_epi32::<2>(x), _mm512_ror_epi32::<13>(x), _mm512_ror_epi32::<22>(x));
        let majority = _mm512_ternarylogic_epi32::<MAJORITY>(x, state[b], state[c]);
        state[d] = _mm512_add_epi32(state[d], sum);
        state[h] = _mm512_add_epi32(sum, _mm512_add_epi32(s0, majority));
    }

    /// Replaces a word of the schedule by the one sixteen places on.
    #[target_feature(enable = "avx512f")]
    #[inline]
    fn extend<const AT: usize>(message: &mut Message) {
        let (x, y) = (message[(AT + 1) % 16], message[(AT + 14) % 16]);
        let s0 =
            xor(_mm512_ror_epi32::<7>(x), _mm512_ror_epi32::<18>(x), _mm512_srli_epi32::<3>(x));
        let s1 =
            xor(_mm512_ror_epi32::<17>(y), _mm512_ror_epi32::<19>(y), _mm512_srli_epi32::<10>(y));
        let sum = _mm512_add_epi32(message[AT], message[(AT + 9) % 16]);
        message[AT] = _mm512_add_epi32(sum, _mm512_add_epi32(s0, s1));
    }

    #[target_feature(enable = "avx512f")]
    fn compress(state: &mut State, mut message: Message) {
        let before = *state;
        let (groups, _) = ROUND.as_chunks::<16>();
        for (index, constants) in groups.iter().enumerate() {
            macro_rules! rounds {
                ($($at:literal)*) => {$(
                    if index > 0 {
                        extend::<$at>(&mut message);
                    }
                    round::<$at>(state, _mm512_add_epi32(message[$at], splat(constants[$at])));
                )*};
            }
            sixteen!(rounds);
        }
        add(state, &before);
    }

    #[target_feature(enable = "avx512f")]
    fn compress_padding(state: &mut State) {
        let before = *state;
        let (groups, _) = PADDING.as_chunks::<16>();
        for inputs in groups {
            macro_rules! rounds {
                ($($at:literal)*) => {$( round::<$at>(state, splat(inputs[$at])); )*};
            }
            sixteen!(rounds);
        }
        add(state, &before);
    }

    #[target_feature(enable = "avx512f")]
    fn add(state: &mut State, before: &State) {
        for (word, before) in state.iter_mut().zip(before) {
            *word = _mm512_add_epi32(*word, *before);
        }
    }

    /// Exchanges rows and columns of 16 times 16 words: pairs, fours, and 128-bit quarters twice.
    #[target_feature(enable = "avx512f")]
    fn transpose(rows: &Message) -> Message {
        let (mut from, mut to) = (*rows, *rows);
        for at in (0..16).step_by(2) {
            to[at] = _mm512_unpacklo_epi32(from[at], from[at + 1]);
            to[at + 1] = _mm512_unpackhi_epi32(from[at], from[at + 1]);
        }
        for at in (0..16).step_by(4) {
            from[at] = _mm512_unpacklo_epi64(to[at], to[at + 2]);
            from[at + 1] = _mm512_unpackhi_epi64(to[at], to[at + 2]);
            from[at + 2] = _mm512_unpacklo_epi64(to[at + 1], to[at + 3]);
            from[at + 3] = _mm512_unpackhi_epi64(to[at + 1], to[at + 3]);
        }
        for at in [0, 1, 2, 3, 8, 9, 10, 11] {
            to[at] = _mm512_shuffle_i32x4::<0x88>(from[at], from[at + 4]);
            to[at + 4] = _mm512_shuffle_i32x4::<0xdd>(from[at], from[at + 4]);
        }
        for at in 0..8 {
            from[at] = _mm512_shuffle_i32x4::<0x88>(to[at], to[at + 8]);
            from[at + 8] = _mm512_shuffle_i32x4::<0xdd>(to[at], to[at + 8]);
        }
        from
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn side_by_side_and_one_by_one_agree(seeds in proptest::collection::vec(any::<[u8; 32]>(), 0..70)) {
            let blocks: Vec<[u8; 64]> =
                seeds.iter().map(|seed| core::array::from_fn(|at| seed[at % 32] ^ u8::from(at > 31))).collect();
            let expected: Vec<[u8; 32]> =
                blocks.iter().map(|block| sha256d(&[block]).into_bytes()).collect();
            prop_assert_eq!(sha256d_64_many(&blocks), expected);
        }
    }
}
