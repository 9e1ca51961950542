//! Arithmetic on eight numbers side by side, in limbs of 52 bits.
//!
//! ```text
//! limbs       a number is five of 52 bits; vector n holds limb n of eight numbers
//! product     columns 0..10: Σ low(a[i] b[j]) at i + j, Σ high(a[i] b[j]) at i + j + 1
//! fold        2^260 counts as 16 times the gap: columns 5..10 go to 0..6, each less what is above its 52 bits, which goes to the next
//!             2^256 counts as the gap: what is above it goes to 0..2
//! carry       once, upwards
//!
//! Sums and differences of products are taken of their columns, and of a number and a product too, before the fold: it is
//! half of the work.
//! ```
//!
//! # Invariants
//!
//! Between operations limbs 0..4 are below 2^52 and limb 4 is at most 2^48 and a little: the instructions read 52 bits
//! and no more. A column sums at most twenty numbers of 52 bits, a column of [`LARGE`] and a limb of [`SIXTEEN`]: it is below
//! 2^61.

use core::arch::x86_64::{
    __m512i, _mm512_add_epi64, _mm512_and_si512, _mm512_cmpeq_epi64_mask, _mm512_loadu_si512,
    _mm512_madd52hi_epu64, _mm512_madd52lo_epu64, _mm512_mask_blend_epi64, _mm512_mask_sub_epi64,
    _mm512_or_si512, _mm512_set1_epi64, _mm512_setzero_si512, _mm512_shuffle_i64x2,
    _mm512_slli_epi64, _mm512_srli_epi64, _mm512_storeu_si512, _mm512_sub_epi64,
    _mm512_test_epi64_mask, _mm512_unpackhi_epi64, _mm512_unpacklo_epi64, _mm512_xor_si512,
};

use super::LANES;
use crate::group::field::GAP;

const LIMBS: usize = 5;
const BITS: u32 = 52;
const MASK: u64 = (1 << BITS) - 1;

/// Bits of the upper limb that belong below 2^256.
const TOP_BITS: u32 = 48;
const TOP_MASK: u64 = (1 << TOP_BITS) - 1;

/// Sixteen times the modulus, in limbs each larger than two of a number's: what differences start from.
const SIXTEEN: [u64; LIMBS] =
    [(1 << 54) - 16 * GAP, (1 << 54) - 4, (1 << 54) - 4, (1 << 54) - 4, (1 << 52) - 4];

/// The modulus.
const MODULUS: [u64; LIMBS] = [MASK + 1 - GAP, MASK, MASK, MASK, TOP_MASK];

/// A multiple of the modulus, in columns larger than a product's: 2^60 each, and what is lacking.
const LARGE: [u64; 2 * LIMBS] = [
    (1 << 60) + 0xd_eff0_6f21_ec2f,
    (1 << 60) + 0xf_efff_efc2_ee85,
    (1 << 60) + 0xf_efff_ffc2_eeff,
    (1 << 60) + 0xf_efff_ffc2_eeff,
    (1 << 60) + 0xefff_ffc2_eeff,
    1 << 60,
    1 << 60,
    1 << 60,
    1 << 60,
    1 << 60,
];

/// Numbers side by side: a vector for each limb.
pub(crate) type Numbers = [__m512i; LIMBS];

/// A product before it is brought back to limbs.
pub(crate) type Columns = [__m512i; 2 * LIMBS];

#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
pub(crate) fn multiply(a: &Numbers, b: &Numbers) -> Numbers {
    fold(&products(a, b))
}

#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
pub(crate) fn square(a: &Numbers) -> Numbers {
    fold(&squares(a))
}

#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
pub(crate) fn products(a: &Numbers, b: &Numbers) -> Columns {
    let mut columns = [_mm512_setzero_si512(); 2 * LIMBS];
    for i in 0..LIMBS {
        for j in 0..LIMBS {
            columns[i + j] = _mm512_madd52lo_epu64(columns[i + j], a[i], b[j]);
            columns[i + j + 1] = _mm512_madd52hi_epu64(columns[i + j + 1], a[i], b[j]);
        }
    }
    columns
}

/// Products with itself: those of different limbs once, then doubled, then the squares.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
pub(crate) fn squares(a: &Numbers) -> Columns {
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
    columns
}

/// Brings the columns of a product back to limbs.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
pub(crate) fn fold(columns: &Columns) -> Numbers {
    fold_times::<1>(columns)
}

/// Brings columns below 2^61 back to the limbs of 1, 2, 3, 4 or 8 times their number; more than once, only those of one product.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
pub(crate) fn fold_times<const TIMES: u32>(columns: &Columns) -> Numbers {
    let sixteen_gaps = splat(16 * GAP);
    let [s0, s1, s2, s3, s4, upper @ ..] = *columns;
    let mut sums = [s0, s1, s2, s3, s4, _mm512_setzero_si512()];
    // A column is longer than the 52 bits an instruction reads: what is above counts in the next place.
    let mut above = _mm512_setzero_si512();
    for (at, &column) in upper.iter().enumerate() {
        let column = _mm512_add_epi64(column, above);
        sums[at] = _mm512_madd52lo_epu64(sums[at], column, sixteen_gaps);
        sums[at + 1] = _mm512_madd52hi_epu64(sums[at + 1], column, sixteen_gaps);
        above = _mm512_srli_epi64::<BITS>(column);
    }
    // At most ten bits, so the product is shorter than a limb.
    sums[LIMBS] = _mm512_madd52lo_epu64(sums[LIMBS], above, sixteen_gaps);
    let [s0, s1, s2, s3, s4, s5] = sums.map(|sum| times::<TIMES>(sum));
    // At most 52 bits: the last column is below 2^47.
    let above = _mm512_add_epi64(_mm512_srli_epi64::<TOP_BITS>(s4), _mm512_slli_epi64::<4>(s5));
    let s4 = _mm512_and_si512(s4, splat(TOP_MASK));
    let s0 = _mm512_madd52lo_epu64(s0, above, splat(GAP));
    let s1 = _mm512_madd52hi_epu64(s1, above, splat(GAP));
    carry([s0, s1, s2, s3, s4])
}

#[target_feature(enable = "avx512f")]
#[inline]
fn times<const TIMES: u32>(sum: __m512i) -> __m512i {
    const { assert!(matches!(TIMES, 1 | 2 | 3 | 4 | 8), "the factors written below") }
    match TIMES {
        2 => _mm512_add_epi64(sum, sum),
        3 => _mm512_add_epi64(sum, _mm512_add_epi64(sum, sum)),
        4 => _mm512_slli_epi64::<2>(sum),
        8 => _mm512_slli_epi64::<3>(sum),
        _ => sum,
    }
}

/// Adds a few bits to a product.
#[target_feature(enable = "avx512f")]
#[inline]
pub(crate) fn more(mut product: Columns, number: u64) -> Columns {
    product[0] = _mm512_add_epi64(product[0], splat(number));
    product
}

/// Takes at most three numbers off a product.
#[target_feature(enable = "avx512f")]
#[inline]
pub(crate) fn less<const N: usize>(mut product: Columns, numbers: [&Numbers; N]) -> Columns {
    const { assert!(N <= 3, "what the limbs of sixteen times the modulus hold") }
    for (limb, column) in product[..LIMBS].iter_mut().enumerate() {
        *column = _mm512_add_epi64(*column, splat(SIXTEEN[limb]));
        for number in numbers {
            *column = _mm512_sub_epi64(*column, number[limb]);
        }
    }
    product
}

/// Returns the difference of two products.
#[target_feature(enable = "avx512f")]
#[inline]
pub(crate) fn difference(mut a: Columns, b: &Columns) -> Columns {
    for (at, a) in a.iter_mut().enumerate() {
        *a = _mm512_add_epi64(*a, _mm512_sub_epi64(splat(LARGE[at]), b[at]));
    }
    a
}

/// Negates a product in the lanes of `mask`.
#[target_feature(enable = "avx512f")]
#[inline]
pub(crate) fn negated_in(mask: u8, mut product: Columns) -> Columns {
    for (at, column) in product.iter_mut().enumerate() {
        *column = _mm512_mask_sub_epi64(*column, mask, splat(LARGE[at]), *column);
    }
    product
}

/// Returns the second numbers in the lanes of `mask`, the first in the others.
#[target_feature(enable = "avx512f")]
#[inline]
pub(crate) fn choose(mask: u8, first: &Numbers, second: &Numbers) -> Numbers {
    let mut chosen = *first;
    for (chosen, second) in chosen.iter_mut().zip(second) {
        *chosen = _mm512_mask_blend_epi64(mask, *chosen, *second);
    }
    chosen
}

/// Returns in which lanes the number is zero modulo the modulus.
#[target_feature(enable = "avx512f")]
#[inline]
pub(crate) fn are_zero(numbers: &Numbers) -> u8 {
    // Below twice the modulus, and carried, so there are two ways to write it.
    let (mut zero, mut modulus) = (u8::MAX, u8::MAX);
    for (&limb, of_modulus) in numbers.iter().zip(MODULUS) {
        zero &= _mm512_cmpeq_epi64_mask(limb, _mm512_setzero_si512());
        modulus &= _mm512_cmpeq_epi64_mask(limb, splat(of_modulus));
    }
    zero | modulus
}

/// Returns in which lanes the number, brought below the modulus, is odd.
#[target_feature(enable = "avx512f")]
#[inline]
pub(crate) fn are_odd(numbers: &Numbers) -> u8 {
    // At or above the modulus exactly if the gap more is at or above 2^256. The modulus is odd.
    let [s0, s1, s2, s3, s4] = *numbers;
    let [.., top] = carry([_mm512_add_epi64(s0, splat(GAP)), s1, s2, s3, s4]);
    let above = _mm512_srli_epi64::<TOP_BITS>(top);
    _mm512_test_epi64_mask(_mm512_xor_si512(s0, above), splat(1))
}

/// Returns one number in all lanes.
#[target_feature(enable = "avx512f")]
#[inline]
pub(crate) fn everywhere(number: &[u64; LIMBS]) -> Numbers {
    let mut numbers = zeros();
    for (vector, &limb) in numbers.iter_mut().zip(number) {
        *vector = splat(limb);
    }
    numbers
}

#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
pub(crate) fn plus(a: &Numbers, b: &Numbers) -> Numbers {
    let mut sum = *a;
    for (sum, limb) in sum.iter_mut().zip(b) {
        *sum = _mm512_add_epi64(*sum, *limb);
    }
    fold_top(sum)
}

/// Returns `a - b - c`.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
pub(crate) fn minus(a: &Numbers, b: &Numbers, c: &Numbers) -> Numbers {
    let mut rest = *a;
    for (limb, rest) in rest.iter_mut().enumerate() {
        let sum = _mm512_add_epi64(*rest, splat(SIXTEEN[limb]));
        *rest = _mm512_sub_epi64(sum, _mm512_add_epi64(b[limb], c[limb]));
    }
    fold_top(rest)
}

/// Takes what is above 2^256 to the bottom, and carries.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn fold_top([s0, s1, s2, s3, s4]: Numbers) -> Numbers {
    // Few bits, so their product with the gap is shorter than a limb.
    let above = _mm512_srli_epi64::<TOP_BITS>(s4);
    let s0 = _mm512_madd52lo_epu64(s0, above, splat(GAP));
    carry([s0, s1, s2, s3, _mm512_and_si512(s4, splat(TOP_MASK))])
}

#[target_feature(enable = "avx512f")]
#[inline]
fn carry([s0, s1, s2, s3, s4]: Numbers) -> Numbers {
    let mask = splat(MASK);
    let s1 = _mm512_add_epi64(s1, _mm512_srli_epi64::<BITS>(s0));
    let s2 = _mm512_add_epi64(s2, _mm512_srli_epi64::<BITS>(s1));
    let s3 = _mm512_add_epi64(s3, _mm512_srli_epi64::<BITS>(s2));
    let s4 = _mm512_add_epi64(s4, _mm512_srli_epi64::<BITS>(s3));
    [
        _mm512_and_si512(s0, mask),
        _mm512_and_si512(s1, mask),
        _mm512_and_si512(s2, mask),
        _mm512_and_si512(s3, mask),
        s4,
    ]
}

#[target_feature(enable = "avx512f")]
#[inline]
pub(crate) fn splat(word: u64) -> __m512i {
    _mm512_set1_epi64(word.cast_signed())
}

/// Returns zeros.
#[target_feature(enable = "avx512f")]
#[inline]
pub(crate) fn zeros() -> Numbers {
    [_mm512_setzero_si512(); LIMBS]
}

/// Takes two numbers from each lane's eight words, the lowest first.
#[target_feature(enable = "avx512f")]
#[inline]
pub(crate) fn load(lanes: &[[u64; 8]; LANES]) -> [Numbers; 2] {
    load_from(lanes.each_ref())
}

/// [`load`] of words that lie apart.
#[target_feature(enable = "avx512f")]
#[inline]
pub(crate) fn load_from(lanes: [&[u64; 8]; LANES]) -> [Numbers; 2] {
    let mut rows = [_mm512_setzero_si512(); LANES];
    for (row, words) in rows.iter_mut().zip(lanes) {
        #[expect(unsafe_code, reason = "a load through a pointer")]
        // SAFETY: `words` is eight initialised words, the 64 bytes read; no alignment is asked.
        let loaded = unsafe { _mm512_loadu_si512(words.as_ptr().cast()) };
        *row = loaded;
    }
    let [x0, x1, x2, x3, y0, y1, y2, y3] = transpose(&rows);
    [limbs([x0, x1, x2, x3]), limbs([y0, y1, y2, y3])]
}

/// Undoes [`load`]; the numbers are brought below 2^256.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
pub(crate) fn store(x: &Numbers, y: &Numbers) -> [[u64; 8]; LANES] {
    let ([x0, x1, x2, x3], [y0, y1, y2, y3]) = (words(x), words(y));
    let mut lanes = [[0; 8]; LANES];
    for (words, row) in lanes.iter_mut().zip(transpose(&[x0, x1, x2, x3, y0, y1, y2, y3])) {
        #[expect(unsafe_code, reason = "a store through a pointer")]
        // SAFETY: `words` is eight words lent to us, the 64 bytes written; no alignment is asked.
        unsafe {
            _mm512_storeu_si512(words.as_mut_ptr().cast(), row);
        }
    }
    lanes
}

#[target_feature(enable = "avx512f")]
#[inline]
fn limbs([w0, w1, w2, w3]: [__m512i; 4]) -> Numbers {
    let mask = splat(MASK);
    let l1 = _mm512_or_si512(_mm512_srli_epi64::<52>(w0), _mm512_slli_epi64::<12>(w1));
    let l2 = _mm512_or_si512(_mm512_srli_epi64::<40>(w1), _mm512_slli_epi64::<24>(w2));
    let l3 = _mm512_or_si512(_mm512_srli_epi64::<28>(w2), _mm512_slli_epi64::<36>(w3));
    [
        _mm512_and_si512(w0, mask),
        _mm512_and_si512(l1, mask),
        _mm512_and_si512(l2, mask),
        _mm512_and_si512(l3, mask),
        _mm512_srli_epi64::<16>(w3),
    ]
}

#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn words(numbers: &Numbers) -> [__m512i; 4] {
    // A number is below 2^256 and a little, so once is enough: what was above leaves only a little.
    let [l0, l1, l2, l3, l4] = fold_top(*numbers);
    [
        _mm512_or_si512(l0, _mm512_slli_epi64::<52>(l1)),
        _mm512_or_si512(_mm512_srli_epi64::<12>(l1), _mm512_slli_epi64::<40>(l2)),
        _mm512_or_si512(_mm512_srli_epi64::<24>(l2), _mm512_slli_epi64::<28>(l3)),
        _mm512_or_si512(_mm512_srli_epi64::<36>(l3), _mm512_slli_epi64::<16>(l4)),
    ]
}

/// Exchanges rows and columns of eight times eight words: pairs, then 128-bit quarters twice.
#[target_feature(enable = "avx512f")]
#[inline]
fn transpose(rows: &[__m512i; 8]) -> [__m512i; 8] {
    let [r0, r1, r2, r3, r4, r5, r6, r7] = *rows;
    let even = [
        _mm512_unpacklo_epi64(r0, r1),
        _mm512_unpacklo_epi64(r2, r3),
        _mm512_unpacklo_epi64(r4, r5),
        _mm512_unpacklo_epi64(r6, r7),
    ];
    let odd = [
        _mm512_unpackhi_epi64(r0, r1),
        _mm512_unpackhi_epi64(r2, r3),
        _mm512_unpackhi_epi64(r4, r5),
        _mm512_unpackhi_epi64(r6, r7),
    ];
    let [c0, c2, c4, c6] = quarters(&even);
    let [c1, c3, c5, c7] = quarters(&odd);
    [c0, c1, c2, c3, c4, c5, c6, c7]
}

/// Returns the first quarters of four vectors in one, then the second, third and fourth.
#[target_feature(enable = "avx512f")]
#[inline]
fn quarters(&[a, b, c, d]: &[__m512i; 4]) -> [__m512i; 4] {
    let (p, q) = (_mm512_shuffle_i64x2::<0x88>(a, b), _mm512_shuffle_i64x2::<0x88>(c, d));
    let (r, s) = (_mm512_shuffle_i64x2::<0xdd>(a, b), _mm512_shuffle_i64x2::<0xdd>(c, d));
    [
        _mm512_shuffle_i64x2::<0x88>(p, q),
        _mm512_shuffle_i64x2::<0x88>(r, s),
        _mm512_shuffle_i64x2::<0xdd>(p, q),
        _mm512_shuffle_i64x2::<0xdd>(r, s),
    ]
}
