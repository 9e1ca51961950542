//! Two hashes side by side by the processor's SHA instructions.
//!
//! # Why there is `unsafe` here
//!
//! Two rounds of one hash are one instruction, which the next two wait for; a second hash fills the wait, and both take
//! little longer than one. Unsafe are the calls of functions compiled for a processor with the instructions,
//! which need a [`Two`], made only where the processor has them, and the loads and stores of
//! vectors, whose bounds are arrays'.
//!
//! # How
//!
//! The instructions want the state as two vectors: words `f e b a` and `h g d c`, the lowest first.

use core::arch::x86_64::{
    __m128i, _mm_add_epi32, _mm_alignr_epi8, _mm_castps_si128, _mm_castsi128_ps, _mm_loadu_si128,
    _mm_set_epi32, _mm_set_epi64x, _mm_setzero_si128, _mm_sha256msg1_epu32, _mm_sha256msg2_epu32,
    _mm_sha256rnds2_epu32, _mm_shuffle_epi8, _mm_shuffle_epi32, _mm_shuffle_ps, _mm_storeu_si128,
    _mm_unpackhi_epi32, _mm_unpacklo_epi32,
};

use super::{INITIAL, Lanes, PADDING, ROUND, Words, column, digest_of};

/// Hashes side by side.
const LANES: usize = 2;

/// The right to call this module's functions: exists only where the processor has their features.
#[derive(Debug, Clone, Copy)]
pub(super) struct Two(());

impl Two {
    pub(super) fn detect() -> Option<Self> {
        (is_x86_feature_detected!("sha")
            && is_x86_feature_detected!("sse4.1")
            && is_x86_feature_detected!("ssse3"))
        .then_some(Self(()))
    }
}

impl Lanes<LANES> for Two {
    const WORTH_WHILE: usize = 1;

    fn compress(self, state: &mut Words<LANES>, blocks: [&[u8; 64]; LANES]) {
        #[expect(unsafe_code, reason = "the function is compiled for features that `self` proves")]
        // SAFETY: the processor has the target features: `detect` alone makes a `Two`.
        unsafe {
            compress(state, blocks);
        }
    }

    fn sha256d_64(self, blocks: &[[u8; 64]; LANES]) -> [[u8; 32]; LANES] {
        let mut state = INITIAL.map(|word| [word; LANES]);
        #[expect(
            unsafe_code,
            reason = "the functions are compiled for features that `self` proves"
        )]
        // SAFETY: the processor has the target features: `detect` alone makes a `Two`.
        unsafe {
            compress(&mut state, blocks.each_ref());
            compress_padding(&mut state);
        }
        let mut digests = [0, 1].map(|lane| digest_of(&column(&state, lane)));
        self.hash_digests(&mut digests);
        digests
    }
}

/// The state of one lane: words `f e b a` and `h g d c`.
type Halves = [__m128i; 2];

/// Calls a macro for four times four rounds, so that every index is a constant.
macro_rules! four {
    ($each:ident) => {
        $each!(0 1 2 3)
    };
}

#[target_feature(enable = "sha,sse4.1,ssse3")]
fn compress(words: &mut Words<LANES>, blocks: [&[u8; 64]; LANES]) {
    let [mut x, mut y] = split(words);
    let before = [x, y];
    let [mut v, mut w] = [message(blocks[0]), message(blocks[1])];
    let (groups, _) = ROUND.as_chunks::<16>();
    for (index, constants) in groups.iter().enumerate() {
        macro_rules! rounds {
            ($($at:literal)*) => {$(
                if index > 0 {
                    extend::<$at>(&mut v);
                    extend::<$at>(&mut w);
                }
                let four = vector(constants, 4 * $at);
                x = four_rounds(x, _mm_add_epi32(v[$at], four));
                y = four_rounds(y, _mm_add_epi32(w[$at], four));
            )*};
        }
        four!(rounds);
    }
    join(words, add(x, before[0]), add(y, before[1]));
}

#[target_feature(enable = "sha,sse4.1,ssse3")]
fn compress_padding(words: &mut Words<LANES>) {
    let [mut x, mut y] = split(words);
    let before = [x, y];
    let (groups, _) = PADDING.as_chunks::<4>();
    for inputs in groups {
        let inputs = vector(inputs, 0);
        x = four_rounds(x, inputs);
        y = four_rounds(y, inputs);
    }
    join(words, add(x, before[0]), add(y, before[1]));
}

#[target_feature(enable = "sha,sse4.1,ssse3")]
#[inline]
fn four_rounds([feba, hgdc]: Halves, inputs: __m128i) -> Halves {
    // Two rounds make the old `feba` the new `hgdc`.
    let after_two = _mm_sha256rnds2_epu32(hgdc, feba, inputs);
    let upper = _mm_shuffle_epi32::<0x0e>(inputs);
    [_mm_sha256rnds2_epu32(feba, after_two, upper), after_two]
}

/// Replaces four words of the schedule by those sixteen places on.
#[target_feature(enable = "sha,sse4.1,ssse3")]
#[inline]
fn extend<const AT: usize>(message: &mut [__m128i; 4]) {
    let [w0, w4, w8, w12] = core::array::from_fn(|back| message[(AT + back) % 4]);
    let sum = _mm_add_epi32(_mm_sha256msg1_epu32(w0, w4), _mm_alignr_epi8::<4>(w12, w8));
    message[AT] = _mm_sha256msg2_epu32(sum, w12);
}

#[target_feature(enable = "sha,sse4.1,ssse3")]
#[inline]
fn message(block: &[u8; 64]) -> [__m128i; 4] {
    let order = _mm_set_epi64x(0x0c0d_0e0f_0809_0a0b, 0x0405_0607_0001_0203);
    let mut words = [_mm_setzero_si128(); 4];
    let (chunks, _) = block.as_chunks::<16>();
    for (words, chunk) in words.iter_mut().zip(chunks) {
        #[expect(unsafe_code, reason = "a load through a pointer")]
        // SAFETY: `chunk` is 16 initialised bytes, all that is read; no alignment is asked.
        let bytes = unsafe { _mm_loadu_si128(chunk.as_ptr().cast()) };
        *words = _mm_shuffle_epi8(bytes, order);
    }
    words
}

/// Returns four words from `at` on.
#[target_feature(enable = "sha,sse4.1,ssse3")]
#[inline]
fn vector<const N: usize>(words: &[u32; N], at: usize) -> __m128i {
    let word = |index: usize| words[at + index].cast_signed();
    _mm_set_epi32(word(3), word(2), word(1), word(0))
}

#[target_feature(enable = "sha,sse4.1,ssse3")]
#[inline]
fn add([a, b]: Halves, [c, d]: Halves) -> Halves {
    [_mm_add_epi32(a, c), _mm_add_epi32(b, d)]
}

/// Returns the states of both lanes.
#[target_feature(enable = "sha,sse4.1,ssse3")]
#[inline]
fn split(words: &Words<LANES>) -> [Halves; 2] {
    let (quarters, _) = words.as_flattened().as_chunks::<4>();
    // Vectors of `a a b b`, `c c d d` and so on, a word of each lane in turn.
    let [ab, cd, ef, gh] = [0, 1, 2, 3].map(|index| {
        let quarter: &[u32; 4] = &quarters[index];
        #[expect(unsafe_code, reason = "a load through a pointer")]
        // SAFETY: `quarter` is four initialised words, the 16 bytes read; no alignment is asked.
        let loaded = unsafe { _mm_loadu_si128(quarter.as_ptr().cast()) };
        _mm_castsi128_ps(loaded)
    });
    let first = [_mm_shuffle_ps::<0x22>(ef, ab), _mm_shuffle_ps::<0x22>(gh, cd)];
    let second = [_mm_shuffle_ps::<0x77>(ef, ab), _mm_shuffle_ps::<0x77>(gh, cd)];
    [first, second].map(|halves| halves.map(|half| _mm_castps_si128(half)))
}

/// Writes the states of both lanes back.
#[target_feature(enable = "sha,sse4.1,ssse3")]
#[inline]
fn join(words: &mut Words<LANES>, [feba0, hgdc0]: Halves, [feba1, hgdc1]: Halves) {
    // The upper words of two vectors in turn, exchanged: `b b a a` becomes `a a b b`.
    let vectors = [
        _mm_unpackhi_epi32(feba0, feba1),
        _mm_unpackhi_epi32(hgdc0, hgdc1),
        _mm_unpacklo_epi32(feba0, feba1),
        _mm_unpacklo_epi32(hgdc0, hgdc1),
    ];
    let (quarters, _) = words.as_flattened_mut().as_chunks_mut::<4>();
    for (quarter, vector) in quarters.iter_mut().zip(vectors) {
        #[expect(unsafe_code, reason = "a store through a pointer")]
        // SAFETY: `quarter` is four words lent to us, the 16 bytes written; no alignment is asked.
        unsafe {
            _mm_storeu_si128(quarter.as_mut_ptr().cast(), _mm_shuffle_epi32::<0x4e>(vector));
        }
    }
}
