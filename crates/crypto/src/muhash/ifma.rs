//! Products of 3072 bits by AVX-512 IFMA: eight products of 52 bits an instruction.
//!
//! # Why there is `unsafe` here
//!
//! A hash of the set of all coins multiplies twice for every coin that is made and spent; with this
//! instruction a product takes a fifth of the time the portable one takes. Unsafe are the call of a
//! function compiled for a processor with the instruction, right behind the check that this one has
//! it, and the loads and stores of vectors, whose bounds are slices'. Everything else is safe code;
//! a property test compares the two ways.
//!
//! # How
//!
//! ```text
//! 48 words ─split─► 60 limbs of 52 bits
//! position p of the product: Σ low(a[p-i] * b[i]) + Σ high(a[p-1-i] * b[i])
//! ```
//!
//! Eight neighbouring positions are one vector; `a` lies between zeros, so that `a[p-i ..]` is a load at
//! any `i`. A sum holds at most 120 numbers of 52 bits, so it fits 64.

use core::arch::x86_64::{
    __m512i, _mm512_loadu_si512, _mm512_madd52hi_epu64, _mm512_madd52lo_epu64, _mm512_set1_epi64,
    _mm512_setzero_si512, _mm512_storeu_si512,
};

use super::num::{WORDS, Wide};

/// Bits of a limb.
const BITS: usize = 52;
const MASK: u64 = (1 << BITS) - 1;

/// Limbs of a number, and the zeros on each side of it.
const LIMBS: usize = 60;
const PAD: usize = 64;

/// 16 limbs are 13 words; four times that holds a number.
const GROUP_LIMBS: usize = 16;
const GROUP_WORDS: usize = 13;

/// Limbs of a product, in whole groups.
const PRODUCT: usize = 128;

/// Lanes of a vector, and vectors summed at a time: enough to hide the latency of the sums.
const LANES: usize = 8;
const BLOCK: usize = 4;

/// Returns the product of two numbers of 48 words, or `None` if the processor cannot.
pub(super) fn multiply(a: &[u64; WORDS], b: &[u64; WORDS]) -> Option<Wide> {
    if !(is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512ifma")) {
        return None;
    }
    #[expect(unsafe_code, reason = "the function is compiled for the features checked above")]
    // SAFETY: the processor has the target features of `product`, by the checks above.
    let (low, high) = unsafe { product(&split(a), &split(b)) };
    Some(join(&low, &high))
}

#[target_feature(enable = "avx512f,avx512ifma")]
fn product(a: &[u64; PAD], b: &[u64; PAD]) -> ([u64; PRODUCT], [u64; PRODUCT]) {
    let mut padded = [0; 3 * PAD];
    padded[PAD..2 * PAD].copy_from_slice(a);
    let (mut low, mut high) = ([0; PRODUCT], [0; PRODUCT]);
    for start in (0..PRODUCT).step_by(BLOCK * LANES) {
        // Named one by one, so that all eight sums stay in registers.
        let [mut s0, mut s1, mut s2, mut s3] = [[_mm512_setzero_si512(); 2]; BLOCK];
        let first = start.saturating_sub(LIMBS - 1);
        let last = (start + BLOCK * LANES).min(LIMBS);
        for index in first..last {
            let factor = _mm512_set1_epi64(b[index].cast_signed());
            let row = &padded[PAD + start - index..][..BLOCK * LANES];
            s0 = add_products(s0, load(row, 0), factor);
            s1 = add_products(s1, load(row, LANES), factor);
            s2 = add_products(s2, load(row, 2 * LANES), factor);
            s3 = add_products(s3, load(row, 3 * LANES), factor);
        }
        for (vector, [lows, highs]) in [s0, s1, s2, s3].into_iter().enumerate() {
            store(&mut low, start + vector * LANES, lows);
            store(&mut high, start + vector * LANES, highs);
        }
    }
    (low, high)
}

/// Adds the lower and the upper halves of eight products to their sums.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn add_products([low, high]: [__m512i; 2], limbs: __m512i, factor: __m512i) -> [__m512i; 2] {
    [_mm512_madd52lo_epu64(low, limbs, factor), _mm512_madd52hi_epu64(high, limbs, factor)]
}

#[target_feature(enable = "avx512f")]
#[inline]
fn load(from: &[u64], at: usize) -> __m512i {
    let lanes = &from[at..at + LANES];
    #[expect(unsafe_code, reason = "a load through a pointer")]
    // SAFETY: `lanes` is eight initialised words, the 64 bytes read; the load asks no alignment.
    unsafe {
        _mm512_loadu_si512(lanes.as_ptr().cast())
    }
}

#[target_feature(enable = "avx512f")]
#[inline]
fn store(to: &mut [u64], at: usize, vector: __m512i) {
    let lanes = &mut to[at..at + LANES];
    #[expect(unsafe_code, reason = "a store through a pointer")]
    // SAFETY: `lanes` is eight words lent to us, the 64 bytes written; the store asks no alignment.
    unsafe {
        _mm512_storeu_si512(lanes.as_mut_ptr().cast(), vector);
    }
}

/// Cuts words into limbs.
fn split(words: &[u64; WORDS]) -> [u64; PAD] {
    let mut padded = [0; PAD / GROUP_LIMBS * GROUP_WORDS + 1];
    padded[..WORDS].copy_from_slice(words);
    let mut limbs = [0; PAD];
    let (groups, _) = limbs.as_chunks_mut::<GROUP_LIMBS>();
    for (index, group) in groups.iter_mut().enumerate() {
        let words = &padded[index * GROUP_WORDS..][..GROUP_WORDS + 1];
        for (index, limb) in group.iter_mut().enumerate() {
            let (word, shift) = (index * BITS / 64, index * BITS % 64);
            let above = if shift > 64 - BITS { words[word + 1] << (64 - shift) } else { 0 };
            *limb = (words[word] >> shift | above) & MASK;
        }
    }
    limbs
}

/// Carries the sums of a product through and packs its limbs into words.
fn join(low: &[u64; PRODUCT], high: &[u64; PRODUCT]) -> Wide {
    let mut limbs = [0; PRODUCT];
    let (mut carry, mut below) = (0, 0);
    for ((limb, &low), &high) in limbs.iter_mut().zip(low).zip(high) {
        let sum = low + below + carry;
        (*limb, carry, below) = (sum & MASK, sum >> BITS, high);
    }
    let mut words = [0; PRODUCT / GROUP_LIMBS * GROUP_WORDS];
    let (groups, _) = limbs.as_chunks::<GROUP_LIMBS>();
    let (packed, _) = words.as_chunks_mut::<GROUP_WORDS>();
    for (limbs, words) in groups.iter().zip(packed) {
        for (index, word) in words.iter_mut().enumerate() {
            let (limb, shift) = (index * 64 / BITS, index * 64 % BITS);
            let above =
                if shift > 2 * BITS - 64 { limbs[limb + 2] << (2 * BITS - shift) } else { 0 };
            *word = limbs[limb] >> shift | limbs[limb + 1] << (BITS - shift) | above;
        }
    }
    let mut wide = [0; 2 * WORDS];
    wide.copy_from_slice(&words[..2 * WORDS]);
    wide
}
