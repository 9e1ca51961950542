//! Numbers modulo the order of the curve's group, and their split by the endomorphism.
//!
//! The curve has an endomorphism that costs one product, `(x, y) -> (βx, y)`, and multiplies by a
//! constant λ. So a factor of 256 bits becomes two of 128: `k = k1 + k2 λ`.
//!
//! **Spec:** Gallant, Lambert & Vanstone, *Faster Point Multiplication on Elliptic Curves with
//! Efficient Endomorphisms* (2001).

use crate::{
    secp::ORDER,
    words::{add, from_be_bytes, multiply_add, subtract},
};

/// The order of the group.
const N: [u64; 4] = [0xbfd2_5e8c_d036_4141, 0xbaae_dce6_af48_a03b, 0xffff_ffff_ffff_fffe, u64::MAX];

/// 2^256 less the order.
const GAP: [u64; 3] = [0x402d_a173_2fc9_bebf, 0x4551_2319_50b7_5fc4, 1];

/// Multiplies as the endomorphism does.
pub(crate) const LAMBDA: Scalar = Scalar([
    0xdf02_967c_1b23_bd72,
    0x122e_22ea_2081_6678,
    0xa526_1c02_8812_645a,
    0x5363_ad4c_c05c_30e0,
]);

/// A short vector of the lattice of all `(k1, k2)` that stand for zero: `-b1` and `-b2`; and what
/// finds the nearest multiples, `2^384 b2 / n` and `-2^384 b1 / n`.
const MINUS_B1: Scalar = Scalar([0x6f54_7fa9_0abf_e4c3, 0xe443_7ed6_010e_8828, 0, 0]);
const MINUS_B2: Scalar =
    Scalar([0xd765_cda8_3db1_562c, 0x8a28_0ac5_0774_346d, 0xffff_ffff_ffff_fffe, u64::MAX]);
const G1: [u64; 4] =
    [0xe893_209a_45db_b031, 0x3daa_8a14_71e8_ca7f, 0xe86c_90e4_9284_eb15, 0x3086_d221_a7d4_6bcd];
const G2: [u64; 4] =
    [0x1571_b4ae_8ac4_7f71, 0x2212_08ac_9df5_06c6, 0x6f54_7fa9_0abf_e4c4, 0xe443_7ed6_010e_8828];

/// A number below the order. Words of 64 bits, the lowest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scalar([u64; 4]);

/// A factor of at most 128 bits and its sign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Half {
    pub(crate) magnitude: u128,
    pub(crate) negative: bool,
}

impl Scalar {
    pub(crate) const ZERO: Self = Self([0; 4]);
    const ONE: Self = Self([1, 0, 0, 0]);

    pub(crate) const fn from_words(words: [u64; 4]) -> Self {
        Self(words)
    }

    /// Returns the number as a coordinate: it is below the field's modulus too.
    pub(crate) const fn to_words(self) -> [u64; 4] {
        self.0
    }

    /// Reads 32 big-endian bytes; `None` if they are not below the order.
    pub(crate) fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        (*bytes < ORDER).then(|| Self(from_be_bytes(bytes)))
    }

    /// Takes a number of 128 bits.
    #[expect(clippy::cast_possible_truncation, reason = "the lower and the upper half")]
    pub(crate) const fn from_u128(number: u128) -> Self {
        Self([number as u64, (number >> 64) as u64, 0, 0])
    }

    pub(crate) fn plus(self, other: Self) -> Self {
        let ([w0, w1, w2, w3], carry) = add(&self.0, &other.0);
        reduce([w0, w1, w2, w3, u64::from(carry), 0, 0, 0])
    }

    pub(crate) fn times(self, other: Self) -> Self {
        reduce(multiply(&self.0, &other.0))
    }

    pub(crate) fn is_zero(&self) -> bool {
        self.0 == [0; 4]
    }

    /// Returns the inverse; zero for zero, which has none.
    fn invert(self) -> Self {
        let mut powers = [Self::ONE; 16];
        for exponent in 1..powers.len() {
            powers[exponent] = powers[exponent - 1].times(self);
        }
        // The exponent is n - 2, four bits at a time.
        let [low, rest @ ..] = N;
        let exponent = [low - 2, rest[0], rest[1], rest[2]];
        let digits = exponent
            .into_iter()
            .rev()
            .flat_map(|word| (0..16).rev().map(move |digit| (word >> (4 * digit) & 15) as usize));
        digits.fold(Self::ONE, |power, digit| {
            let power = (0..4).fold(power, |power, _| power.times(power));
            power.times(powers[digit])
        })
    }

    /// Inverts all numbers at once, none of them zero, for three products each and one inversion.
    pub(crate) fn invert_all(numbers: &mut [Self]) {
        let mut products = Vec::with_capacity(numbers.len());
        let mut product = Self::ONE;
        for &number in &*numbers {
            products.push(product);
            product = product.times(number);
        }
        let mut inverse = product.invert();
        for (number, before) in numbers.iter_mut().zip(products).rev() {
            let next = inverse.times(*number);
            *number = inverse.times(before);
            inverse = next;
        }
    }

    pub(crate) fn negated(self) -> Self {
        if self == Self::ZERO { self } else { Self(subtract(&N, &self.0).0) }
    }

    /// Returns the two short factors that together are this one.
    pub(crate) fn split(self) -> (Half, Half) {
        let (c1, c2) = (nearest(&self.0, &G1), nearest(&self.0, &G2));
        let k2 = c1.times(MINUS_B1).plus(c2.times(MINUS_B2));
        let k1 = self.plus(k2.times(LAMBDA).negated());
        (k1.half(), k2.half())
    }

    /// Returns a number that is, or whose negation is, below 2^128.
    fn half(self) -> Half {
        let negative = self.0[2..] != [0; 2];
        let [low, high, ..] = if negative { self.negated().0 } else { self.0 };
        Half { magnitude: u128::from(high) << 64 | u128::from(low), negative }
    }
}

/// Returns `k g / 2^384`, rounded.
fn nearest(k: &[u64; 4], g: &[u64; 4]) -> Scalar {
    let wide = multiply(k, g);
    let (low, carry) = wide[6].overflowing_add(wide[5] >> 63);
    Scalar([low, wide[7] + u64::from(carry), 0, 0])
}

fn multiply(a: &[u64; 4], b: &[u64; 4]) -> [u64; 8] {
    let mut wide = [0; 8];
    for (shift, &factor) in b.iter().enumerate() {
        let mut carry = 0;
        for (place, &word) in a.iter().enumerate() {
            (wide[shift + place], carry) = multiply_add(word, factor, wide[shift + place], carry);
        }
        wide[shift + 4] = carry;
    }
    wide
}

/// Reduces: the upper half counts [`GAP`] times as much in the lower, until there is none.
fn reduce(mut wide: [u64; 8]) -> Scalar {
    while wide[4..] != [0; 4] {
        let mut next = [0; 8];
        next[..4].copy_from_slice(&wide[..4]);
        for (shift, &factor) in GAP.iter().enumerate() {
            let mut carry = 0;
            for (place, &word) in wide[4..].iter().enumerate() {
                (next[shift + place], carry) =
                    multiply_add(word, factor, next[shift + place], carry);
            }
            for word in &mut next[shift + 4..] {
                let over;
                (*word, over) = word.overflowing_add(carry);
                carry = u64::from(over);
            }
        }
        wide = next;
    }
    let words = [wide[0], wide[1], wide[2], wide[3]];
    let (rest, below) = subtract(&words, &N);
    Scalar(if below { words } else { rest })
}

#[cfg(test)]
mod tests {
    use num_bigint::BigUint;
    use proptest::prelude::*;

    use super::*;

    fn big(words: &[u64]) -> BigUint {
        words.iter().rev().fold(BigUint::from(0_u8), |sum, &word| (sum << 64_u32) + word)
    }

    fn number() -> impl Strategy<Value = Scalar> {
        let word =
            prop_oneof![3 => any::<u64>(), 1 => Just(0), 1 => Just(u64::MAX), 1 => Just(N[0] - 1)];
        [word.clone(), word.clone(), word.clone(), word]
            .prop_map(|[a, b, c, d]| reduce([a, b, c, d, 0, 0, 0, 0]))
    }

    #[test]
    fn the_order_is_refused_and_reduced_to_zero() {
        assert_eq!(from_be_bytes(&ORDER), N);
        assert_eq!(Scalar::from_bytes(&ORDER), None);
        assert_eq!(reduce([N[0], N[1], N[2], N[3], 0, 0, 0, 0]), Scalar::ZERO);
        let cube = LAMBDA.times(LAMBDA).times(LAMBDA);
        assert_eq!(cube, Scalar::from_u128(1), "the endomorphism is of order three");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn arithmetic_agrees_with_a_plain_big_integer(a in number(), b in number(), wide: [u64; 8]) {
            let n = big(&N);
            prop_assert_eq!(big(&a.times(b).0), big(&a.0) * big(&b.0) % &n);
            prop_assert_eq!(big(&a.plus(b).0), (big(&a.0) + big(&b.0)) % &n);
            prop_assert_eq!(big(&a.negated().0), (&n - big(&a.0)) % &n);
            prop_assert_eq!(big(&reduce(wide).0), big(&wide) % &n);
        }

        #[test]
        fn halves_put_together_are_the_number(k in number()) {
            let (k1, k2) = k.split();
            let value = |half: Half| {
                let magnitude = Scalar::from_u128(half.magnitude);
                if half.negative { magnitude.negated() } else { magnitude }
            };
            prop_assert_eq!(value(k1).plus(value(k2).times(LAMBDA)), k);
        }
    }
}
