//! Factors in digits that are odd, so that each step of a multiplication adds a point and no lane stands still.
//!
//! ```text
//! k = k1 + k2 λ            by the endomorphism, each of about 128 bits and either sign
//! k1 = Σ (2 b_i - 1) 2^i   over 130 bits b_i: every bit adds or takes off its worth
//! ```
//!
//! A group of `w` bits is then an odd number between `-(2^w - 1)` and `2^w - 1`: a sign and which of `2^(w-1)` odd
//! multiples. Only odd `k1` can be written so, and the split knows nothing of parity. But the bits of `v` stand for
//! `2v - (2^130 - 1)`, so whoever splits not `k` but `(k + K) / 2`, with the `K` that makes up for the constants, gets `v` as the
//! halves plus 2^128 each, whatever their parity.
//!
//! **Spec:** the recoding of libsecp256k1's `ecmult_const`, whose source tells why.

use crate::group::scalar::{Half, Scalar};

/// Bits of a half's digits.
pub(super) const BITS: usize = 130;

/// Bits of a digit that goes with a point of a signature's own, and with the generator.
pub(super) const POINT_WIDTH: usize = 5;
pub(super) const GENERATOR_WIDTH: usize = 13;

/// `(1 + λ) (2^129 - 1) / 2`: what is added to half of a factor before it is split.
const OFFSET: Scalar = Scalar::from_words([
    0x3aca_9034_d766_ed0d,
    0x09a4_e297_6b01_6510,
    0x615e_eb5f_be08_c6b5,
    0xd274_453e_e589_81a7,
]);

/// The bits of one half of a factor: `v`, as its lower 128 bits and the one above.
#[derive(Debug, Clone, Copy, Default)]
struct Bits {
    low: u128,
    high: bool,
}

impl Bits {
    /// Returns 2^128 plus the half.
    const fn of(Half { magnitude, negative }: Half) -> Self {
        if negative && magnitude != 0 {
            Self { low: magnitude.wrapping_neg(), high: false }
        } else {
            Self { low: magnitude, high: true }
        }
    }

    /// Returns the digit of `WIDTH` bits at a bit.
    #[expect(clippy::cast_possible_truncation, reason = "masked to the width, below 16 bits")]
    fn digit<const WIDTH: usize>(self, bit: usize) -> Digit {
        const { assert!(BITS.is_multiple_of(WIDTH) && WIDTH < 16, "digits of whole 130 bits") }
        let mut bits = self.low >> bit;
        if bit + WIDTH > 128 {
            bits |= u128::from(self.high) << (128 - bit);
        }
        let bits = bits as u16;
        let negative = bits >> (WIDTH - 1) & 1 == 0;
        let place = if negative { !bits } else { bits } & ((1 << (WIDTH - 1)) - 1);
        Digit { place, negative }
    }
}

/// An odd number: twice the place and one, or its negation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Digit {
    place: u16,
    negative: bool,
}

/// A digit of each lane.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Lanes {
    /// Which odd multiple.
    pub(super) places: [u16; 8],
    /// The lanes whose digit is negative.
    pub(super) negative: u8,
}

/// The digits of eight factors: for each place two, of the point and of its image by the endomorphism.
#[derive(Debug, Clone, Copy)]
pub(super) struct Digits<const PLACES: usize>([[Lanes; 2]; PLACES]);

pub(super) type OfPoint = Digits<{ BITS / POINT_WIDTH }>;
pub(super) type OfGenerator = Digits<{ BITS / GENERATOR_WIDTH }>;

impl<const PLACES: usize> Digits<PLACES> {
    /// Writes half of each factor, doubled again, in digits of `WIDTH` bits.
    pub(super) fn of<const WIDTH: usize>(halved: &[Scalar; 8]) -> Self {
        const { assert!(WIDTH * PLACES == BITS, "all digits, and no more") }
        let mut digits = Self([[Lanes::default(); 2]; PLACES]);
        for (lane, factor) in halved.iter().enumerate() {
            let (k1, k2) = factor.plus(OFFSET).split();
            for (half, bits) in [k1, k2].map(Bits::of).into_iter().enumerate() {
                for (place, lanes) in digits.0.iter_mut().enumerate() {
                    let digit = bits.digit::<WIDTH>(place * WIDTH);
                    lanes[half].places[lane] = digit.place;
                    lanes[half].negative |= u8::from(digit.negative) << lane;
                }
            }
        }
        digits
    }

    /// Returns the digits at a place, the lowest at zero.
    pub(super) const fn at(&self, place: usize) -> &[Lanes; 2] {
        &self.0[place]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::group::scalar::LAMBDA;

    fn value<const PLACES: usize>(digits: &Digits<PLACES>, lane: usize) -> Scalar {
        let base = Scalar::from_u128(1 << (BITS / PLACES));
        let halves = [0, 1].map(|half| {
            (0..PLACES).rev().fold(Scalar::ZERO, |sum, place| {
                let lanes = &digits.at(place)[half];
                let digit = Scalar::from_u128(2 * u128::from(lanes.places[lane]) + 1);
                let negative = lanes.negative >> lane & 1 == 1;
                sum.times(base).plus(if negative { digit.negated() } else { digit })
            })
        });
        halves[0].plus(halves[1].times(LAMBDA))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]

        #[test]
        fn digits_put_together_are_twice_the_number(numbers: [[u8; 32]; 8], small: u128) {
            let mut numbers = numbers.map(|bytes| {
                Scalar::from_bytes(&bytes).unwrap_or(Scalar::ZERO)
            });
            numbers[3] = Scalar::from_u128(small % 5);
            numbers[6] = Scalar::from_u128(small % 5).negated();
            let of_point = OfPoint::of::<POINT_WIDTH>(&numbers);
            let of_generator = OfGenerator::of::<GENERATOR_WIDTH>(&numbers);
            for (lane, number) in numbers.into_iter().enumerate() {
                prop_assert_eq!(value(&of_point, lane), number.plus(number));
                prop_assert_eq!(value(&of_generator, lane), number.plus(number));
            }
        }
    }
}
