//! Square roots of many coordinates by AVX-512 IFMA: eight products of 52 bits an instruction.
//!
//! # Why there is `unsafe` here
//!
//! Half of what a batch does for a signature is to find the Y of two points, each a chain of 266 products, one waiting
//! for the other. Side by side in vectors a root takes a tenth of the time. Unsafe are the call of a function compiled
//! for a processor with the instructions, which needs an [`Eight`], made only where the processor
//! has them, and the loads and stores of vectors, whose bounds are arrays'. A property test compares the two ways.
//!
//! # How
//!
//! ```text
//! limbs       a number is five of 52 bits; vector n holds limb n of eight numbers
//! product     columns 0..10: Σ low(a[i] b[j]) at i + j, Σ high(a[i] b[j]) at i + j + 1
//! fold        2^260 counts as 16 times the gap: columns 5..10 go to 0..6
//!             2^256 counts as the gap: what is above it goes to 0..2
//! carry       once, upwards
//! ```
//!
//! # Invariants
//!
//! Between operations limbs 0..4 are below 2^52 and limb 4 is below 2^49, which the instructions ask for: they
//! read 52 bits and no more. So a column sums at most ten numbers of 52 bits, and fits 64.

use core::arch::x86_64::{
    __m512i, _mm512_add_epi64, _mm512_and_si512, _mm512_loadu_si512, _mm512_madd52hi_epu64,
    _mm512_madd52lo_epu64, _mm512_set1_epi64, _mm512_setzero_si512, _mm512_slli_epi64,
    _mm512_srli_epi64, _mm512_storeu_si512,
};

use super::field::GAP;

/// Numbers in a vector.
pub(super) const LANES: usize = 8;

const LIMBS: usize = 5;
const BITS: u32 = 52;
const MASK: u64 = (1 << BITS) - 1;

/// Bits of the upper limb that belong below 2^256.
const TOP_BITS: u32 = 48;
const TOP_MASK: u64 = (1 << TOP_BITS) - 1;

/// Numbers side by side: a vector for each limb.
type Numbers = [__m512i; LIMBS];

/// The right to call this module's functions: exists only where the processor has their features.
#[derive(Debug, Clone, Copy)]
pub(super) struct Eight(());

impl Eight {
    pub(super) fn detect() -> Option<Self> {
        (is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512ifma"))
            .then_some(Self(()))
    }

    /// Returns each number to the power of (p + 1) / 4: its root, if it has one.
    ///
    /// Numbers are words of 64 bits, the lowest first, `N` times eight of them.
    pub(super) fn roots<const N: usize>(
        self,
        numbers: &[[[u64; 4]; LANES]; N],
    ) -> [[[u64; 4]; LANES]; N] {
        #[expect(unsafe_code, reason = "the function is compiled for features that `self` proves")]
        // SAFETY: the processor has the target features: `detect` alone makes an `Eight`.
        unsafe {
            roots(numbers)
        }
    }
}

#[target_feature(enable = "avx512f,avx512ifma")]
fn roots<const N: usize>(numbers: &[[[u64; 4]; LANES]; N]) -> [[[u64; 4]; LANES]; N] {
    let mut x = [[_mm512_setzero_si512(); LIMBS]; N];
    for (vectors, numbers) in x.iter_mut().zip(numbers) {
        *vectors = load(numbers);
    }
    // The exponent is 223 ones, a zero, 22 ones, then 00001100; the names tell how many ones.
    let x2 = times(&square_times(&x, 1), &x);
    let x3 = times(&square_times(&x2, 1), &x);
    let x6 = times(&square_times(&x3, 3), &x3);
    let x9 = times(&square_times(&x6, 3), &x3);
    let x11 = times(&square_times(&x9, 2), &x2);
    let x22 = times(&square_times(&x11, 11), &x11);
    let x44 = times(&square_times(&x22, 22), &x22);
    let x88 = times(&square_times(&x44, 44), &x44);
    let x176 = times(&square_times(&x88, 88), &x88);
    let x220 = times(&square_times(&x176, 44), &x44);
    let x223 = times(&square_times(&x220, 3), &x3);
    let power = times(&square_times(&x223, 23), &x22);
    let power = times(&square_times(&power, 6), &x2);
    let roots = square_times(&power, 2);
    let mut words = [[[0; 4]; LANES]; N];
    for (words, vectors) in words.iter_mut().zip(&roots) {
        *words = store(vectors);
    }
    words
}

#[target_feature(enable = "avx512f,avx512ifma")]
fn times<const N: usize>(a: &[Numbers; N], b: &[Numbers; N]) -> [Numbers; N] {
    let mut products = *a;
    for (a, b) in products.iter_mut().zip(b) {
        *a = multiply(a, b);
    }
    products
}

#[target_feature(enable = "avx512f,avx512ifma")]
fn square_times<const N: usize>(numbers: &[Numbers; N], times: u32) -> [Numbers; N] {
    let mut numbers = *numbers;
    for _ in 0..times {
        for number in &mut numbers {
            *number = square(number);
        }
    }
    numbers
}

#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn multiply(a: &Numbers, b: &Numbers) -> Numbers {
    let mut columns = [_mm512_setzero_si512(); 2 * LIMBS];
    for i in 0..LIMBS {
        for j in 0..LIMBS {
            columns[i + j] = _mm512_madd52lo_epu64(columns[i + j], a[i], b[j]);
            columns[i + j + 1] = _mm512_madd52hi_epu64(columns[i + j + 1], a[i], b[j]);
        }
    }
    fold(&columns)
}

/// A product with itself: those of different limbs once, then doubled, then the squares.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn square(a: &Numbers) -> Numbers {
    let mut columns = [_mm512_setzero_si512(); 2 * LIMBS];
    for i in 0..LIMBS {
        for j in i + 1..LIMBS {
            columns[i + j] = _mm512_madd52lo_epu64(columns[i + j], a[i], a[j]);
            columns[i + j + 1] = _mm512_madd52hi_epu64(columns[i + j + 1], a[i], a[j]);
        }
    }
    for column in &mut columns {
        *column = _mm512_add_epi64(*column, *column);
    }
    for i in 0..LIMBS {
        columns[2 * i] = _mm512_madd52lo_epu64(columns[2 * i], a[i], a[i]);
        columns[2 * i + 1] = _mm512_madd52hi_epu64(columns[2 * i + 1], a[i], a[i]);
    }
    fold(&columns)
}

/// Brings the columns of a product back to limbs.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn fold(columns: &[__m512i; 2 * LIMBS]) -> Numbers {
    let (mask, top_mask) = (splat(MASK), splat(TOP_MASK));
    let (gap, sixteen_gaps) = (splat(GAP), splat(16 * GAP));
    let mut sums = [_mm512_setzero_si512(); LIMBS + 1];
    sums[..LIMBS].copy_from_slice(&columns[..LIMBS]);
    for (at, &column) in columns[LIMBS..].iter().enumerate() {
        // A column is longer than an instruction reads: its few upper bits count in the next place.
        let (lower, upper) = (_mm512_and_si512(column, mask), _mm512_srli_epi64::<BITS>(column));
        sums[at] = _mm512_madd52lo_epu64(sums[at], lower, sixteen_gaps);
        sums[at + 1] = _mm512_madd52hi_epu64(sums[at + 1], lower, sixteen_gaps);
        sums[at + 1] = _mm512_madd52lo_epu64(sums[at + 1], upper, sixteen_gaps);
    }
    let [mut s0, mut s1, mut s2, mut s3, mut s4, s5] = sums;
    let above = _mm512_add_epi64(_mm512_srli_epi64::<TOP_BITS>(s4), _mm512_slli_epi64::<4>(s5));
    s4 = _mm512_and_si512(s4, top_mask);
    s0 = _mm512_madd52lo_epu64(s0, above, gap);
    s1 = _mm512_madd52hi_epu64(s1, above, gap);

    s1 = _mm512_add_epi64(s1, _mm512_srli_epi64::<BITS>(s0));
    s2 = _mm512_add_epi64(s2, _mm512_srli_epi64::<BITS>(s1));
    s3 = _mm512_add_epi64(s3, _mm512_srli_epi64::<BITS>(s2));
    s4 = _mm512_add_epi64(s4, _mm512_srli_epi64::<BITS>(s3));
    s0 = _mm512_and_si512(s0, mask);
    s1 = _mm512_and_si512(s1, mask);
    s2 = _mm512_and_si512(s2, mask);
    s3 = _mm512_and_si512(s3, mask);
    [s0, s1, s2, s3, s4]
}

#[target_feature(enable = "avx512f")]
#[inline]
fn splat(word: u64) -> __m512i {
    _mm512_set1_epi64(word.cast_signed())
}

/// Cuts words into limbs, and puts equal limbs side by side.
#[target_feature(enable = "avx512f")]
fn load(numbers: &[[u64; 4]; LANES]) -> Numbers {
    let mut limbs = [[0; LANES]; LIMBS];
    for (lane, &[w0, w1, w2, w3]) in numbers.iter().enumerate() {
        limbs[0][lane] = w0 & MASK;
        limbs[1][lane] = (w0 >> 52 | w1 << 12) & MASK;
        limbs[2][lane] = (w1 >> 40 | w2 << 24) & MASK;
        limbs[3][lane] = (w2 >> 28 | w3 << 36) & MASK;
        limbs[4][lane] = w3 >> 16;
    }
    let mut vectors = [_mm512_setzero_si512(); LIMBS];
    for (vector, limbs) in vectors.iter_mut().zip(&limbs) {
        #[expect(unsafe_code, reason = "a load through a pointer")]
        // SAFETY: `limbs` is eight initialised words, the 64 bytes read; no alignment is asked.
        let loaded = unsafe { _mm512_loadu_si512(limbs.as_ptr().cast()) };
        *vector = loaded;
    }
    vectors
}

/// Undoes [`load`], and brings the numbers below 2^256.
#[target_feature(enable = "avx512f")]
fn store(vectors: &Numbers) -> [[u64; 4]; LANES] {
    let mut limbs = [[0; LANES]; LIMBS];
    for (limbs, &vector) in limbs.iter_mut().zip(vectors) {
        #[expect(unsafe_code, reason = "a store through a pointer")]
        // SAFETY: `limbs` is eight words lent to us, the 64 bytes written; no alignment is asked.
        unsafe {
            _mm512_storeu_si512(limbs.as_mut_ptr().cast(), vector);
        }
    }
    core::array::from_fn(|lane| {
        let [l0, l1, l2, l3, l4] = limbs.map(|limbs| limbs[lane]);
        let words = [l0 | l1 << 52, l1 >> 12 | l2 << 40, l2 >> 24 | l3 << 28, l3 >> 36 | l4 << 16];
        super::field::below(words, l4 >> TOP_BITS)
    })
}
