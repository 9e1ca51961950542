//! Sixteen hashes side by side in AVX-512.
//!
//! # Why there is `unsafe` here
//!
//! Every block's ids and trees are hashed when it arrives. Sixteen hashes side by side take a third of the time they
//! take one by one, even with the processor's own SHA instructions. Unsafe are the calls of functions
//! compiled for a processor with AVX-512, which need a [`Sixteen`], made only where the processor has
//! it, and the loads and stores of vectors, whose bounds are arrays'.
//!
//! # How
//!
//! Lane `n` of every vector belongs to message `n`. Three compressions make a double hash of 64 bytes:
//! the message, its padding (the same for all, so its schedule is a constant), the first digest.

use core::arch::x86_64::{
    __m512i, _mm512_add_epi32, _mm512_loadu_si512, _mm512_ror_epi32, _mm512_set_epi32,
    _mm512_set1_epi32, _mm512_setzero_si512, _mm512_shuffle_epi8, _mm512_shuffle_i32x4,
    _mm512_srli_epi32, _mm512_storeu_si512, _mm512_ternarylogic_epi32, _mm512_unpackhi_epi32,
    _mm512_unpackhi_epi64, _mm512_unpacklo_epi32, _mm512_unpacklo_epi64,
};

use super::{INITIAL, Lanes, PADDING, ROUND, Words};

/// Hashes side by side.
const LANES: usize = 16;

/// The right to call this module's functions: exists only where the processor has their features.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sixteen(());

impl Sixteen {
    pub(super) fn detect() -> Option<Self> {
        (is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512bw"))
            .then_some(Self(()))
    }
}

impl Lanes<LANES> for Sixteen {
    const WORTH_WHILE: usize = 8;

    fn compress(self, state: &mut Words<LANES>, blocks: [&[u8; 64]; LANES]) {
        #[expect(unsafe_code, reason = "the function is compiled for features that `self` proves")]
        // SAFETY: the processor has the target features: `detect` alone makes a `Sixteen`.
        unsafe {
            compress_words(state, blocks);
        }
    }

    fn sha256d_64(self, blocks: &[[u8; 64]; LANES]) -> [[u8; 32]; LANES] {
        #[expect(unsafe_code, reason = "the function is compiled for features that `self` proves")]
        // SAFETY: the processor has the target features: `detect` alone makes a `Sixteen`.
        unsafe {
            sha256d_64(blocks)
        }
    }
}

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
fn sha256d_64(blocks: &[[u8; 64]; LANES]) -> [[u8; 32]; LANES] {
    let mut state = initial();
    compress(&mut state, load_blocks(blocks.each_ref()));
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

/// One compression; the state lies in memory in between.
#[target_feature(enable = "avx512f,avx512bw")]
fn compress_words(words: &mut Words<LANES>, blocks: [&[u8; 64]; LANES]) {
    let mut state = [_mm512_setzero_si512(); 8];
    for (vector, row) in state.iter_mut().zip(&*words) {
        #[expect(unsafe_code, reason = "a load through a pointer")]
        // SAFETY: `row` is 16 initialised words, the 64 bytes read; no alignment is asked.
        let loaded = unsafe { _mm512_loadu_si512(row.as_ptr().cast()) };
        *vector = loaded;
    }
    compress(&mut state, load_blocks(blocks));
    for (vector, row) in state.into_iter().zip(words) {
        #[expect(unsafe_code, reason = "a store through a pointer")]
        // SAFETY: `row` is 16 words lent to us, the 64 bytes written; no alignment is asked.
        unsafe {
            _mm512_storeu_si512(row.as_mut_ptr().cast(), vector);
        }
    }
}

/// Returns the words of the blocks, a vector for each place in a block.
#[target_feature(enable = "avx512f,avx512bw")]
#[inline]
fn load_blocks(blocks: [&[u8; 64]; LANES]) -> Message {
    let mut message = [_mm512_setzero_si512(); LANES];
    for (row, block) in message.iter_mut().zip(blocks) {
        #[expect(unsafe_code, reason = "a load through a pointer")]
        // SAFETY: `block` is 64 initialised bytes, all that is read; no alignment is asked.
        let bytes = unsafe { _mm512_loadu_si512(block.as_ptr().cast()) };
        *row = swap(bytes);
    }
    transpose(&message)
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
    let s1 = xor(_mm512_ror_epi32::<6>(y), _mm512_ror_epi32::<11>(y), _mm512_ror_epi32::<25>(y));
    let choice = _mm512_ternarylogic_epi32::<CHOOSE>(y, state[f], state[g]);
    let sum = _mm512_add_epi32(_mm512_add_epi32(state[h], input), _mm512_add_epi32(s1, choice));
    let s0 = xor(_mm512_ror_epi32::<2>(x), _mm512_ror_epi32::<13>(x), _mm512_ror_epi32::<22>(x));
    let majority = _mm512_ternarylogic_epi32::<MAJORITY>(x, state[b], state[c]);
    state[d] = _mm512_add_epi32(state[d], sum);
    state[h] = _mm512_add_epi32(sum, _mm512_add_epi32(s0, majority));
}

/// Replaces a word of the schedule by the one sixteen places on.
#[target_feature(enable = "avx512f")]
#[inline]
fn extend<const AT: usize>(message: &mut Message) {
    let (x, y) = (message[(AT + 1) % 16], message[(AT + 14) % 16]);
    let s0 = xor(_mm512_ror_epi32::<7>(x), _mm512_ror_epi32::<18>(x), _mm512_srli_epi32::<3>(x));
    let s1 = xor(_mm512_ror_epi32::<17>(y), _mm512_ror_epi32::<19>(y), _mm512_srli_epi32::<10>(y));
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
