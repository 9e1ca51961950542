//! The field of the curve's coordinates: numbers modulo 2^256 - 2^32 - 977.
//!
//! In variable time: everything here is public.
//!
//! # Invariants
//!
//! A number is kept below 2^256, not below the modulus; comparisons reduce first. Every operation
//! takes and gives such numbers, so there are no magnitudes to keep account of.

use core::ops::{Add, Mul, Neg, Sub};

#[cfg(target_arch = "x86_64")]
use super::ifma::{Eight, LANES};
use crate::words::{add, add_carry, from_be_bytes, multiply_add, subtract, subtract_borrow};

/// 2^256 less the modulus.
pub(crate) const GAP: u64 = 0x1_0000_03d1;

/// The modulus.
const MODULUS: [u64; 4] = [GAP.wrapping_neg(), u64::MAX, u64::MAX, u64::MAX];

/// Numbers from which lanes that are not all filled are faster than pairs.
#[cfg(target_arch = "x86_64")]
const LANES_WORTH_WHILE: usize = 3;

/// A coordinate. Words of 64 bits, the lowest first.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field([u64; 4]);

impl Field {
    pub(crate) const ZERO: Self = Self([0; 4]);
    pub(crate) const ONE: Self = Self([1, 0, 0, 0]);

    pub(crate) const fn from_words(words: [u64; 4]) -> Self {
        Self(words)
    }

    /// Returns words that stand for the number, not always the least ones.
    #[cfg(target_arch = "x86_64")]
    pub(crate) const fn to_words(self) -> [u64; 4] {
        self.0
    }

    /// Reads 32 big-endian bytes; `None` if they are not below the modulus.
    pub(crate) fn from_bytes(bytes: &[u8; 32]) -> Option<Self> {
        let words = from_be_bytes(bytes);
        let (_, below) = subtract(&words, &MODULUS);
        below.then_some(Self(words))
    }

    /// Returns the number as 32 big-endian bytes.
    pub(crate) fn to_bytes(self) -> [u8; 32] {
        let mut bytes = [0; 32];
        let (places, _) = bytes.as_chunks_mut::<8>();
        for (place, word) in places.iter_mut().rev().zip(self.reduced()) {
            *place = word.to_be_bytes();
        }
        bytes
    }

    pub(crate) fn is_zero(&self) -> bool {
        self.0 == [0; 4] || self.0 == MODULUS
    }

    pub(crate) fn is_odd(&self) -> bool {
        self.reduced()[0] & 1 == 1
    }

    #[inline(always)]
    pub(crate) fn square(&self) -> Self {
        let [a0, a1, a2, a3] = self.0;
        // The products of different words once, then doubled, then the squares.
        let (w1, c) = multiply_add(a0, a1, 0, 0);
        let (w2, c) = multiply_add(a0, a2, c, 0);
        let (w3, w4) = multiply_add(a0, a3, c, 0);
        let (w3, c) = multiply_add(a1, a2, w3, 0);
        let (w4, w5) = multiply_add(a1, a3, w4, c);
        let (w5, w6) = multiply_add(a2, a3, w5, 0);
        let w7 = w6 >> 63;
        let (w6, w5) = (w6 << 1 | w5 >> 63, w5 << 1 | w4 >> 63);
        let (w4, w3) = (w4 << 1 | w3 >> 63, w3 << 1 | w2 >> 63);
        let (w2, w1) = (w2 << 1 | w1 >> 63, w1 << 1);
        let (w0, c) = multiply_add(a0, a0, 0, 0);
        let (w1, o) = add_carry(w1, c, false);
        let (low, high) = multiply_add(a1, a1, 0, 0);
        let (w2, o) = add_carry(w2, low, o);
        let (w3, o) = add_carry(w3, high, o);
        let (low, high) = multiply_add(a2, a2, 0, 0);
        let (w4, o) = add_carry(w4, low, o);
        let (w5, o) = add_carry(w5, high, o);
        let (low, high) = multiply_add(a3, a3, 0, 0);
        let (w6, o) = add_carry(w6, low, o);
        let (w7, _) = add_carry(w7, high, o);
        fold([w0, w1, w2, w3, w4, w5, w6, w7])
    }

    /// Returns the inverse; zero for zero, which has none.
    pub(crate) fn invert(&self) -> Self {
        // The exponent p - 2 is 223 ones, a zero, 22 ones, then 0000101101.
        let one = [*self];
        let [x2, x22, x223] = powers_of_ones(one);
        let power = times(square_times(x223, 23), x22);
        let power = times(square_times(power, 5), one);
        let power = times(square_times(power, 3), x2);
        let [power] = times(square_times(power, 2), one);
        power
    }

    /// Returns the square root of each number that is a square.
    ///
    /// A root is a long chain of squares, each waiting for the one before; two chains side by side keep
    /// the processor's multiplier busy.
    pub(crate) fn sqrt<const N: usize>(numbers: [Self; N]) -> [Option<Self>; N] {
        // The exponent (p + 1) / 4 is 223 ones, a zero, 22 ones, then 00001100.
        let [x2, x22, x223] = powers_of_ones(numbers);
        let power = times(square_times(x223, 23), x22);
        let roots = square_times(times(square_times(power, 6), x2), 2);
        core::array::from_fn(|lane| (roots[lane].square() == numbers[lane]).then_some(roots[lane]))
    }

    /// Replaces each number by its square root; returns whether all of them have one.
    pub(crate) fn sqrt_all(numbers: &mut [Self]) -> bool {
        #[cfg(target_arch = "x86_64")]
        if let Some(eight) = Eight::detect() {
            return numbers.chunks_mut(2 * LANES).all(|numbers| {
                if numbers.len() < LANES_WORTH_WHILE {
                    Self::sqrt_in_pairs(numbers)
                } else if numbers.len() <= LANES {
                    Self::sqrt_in_lanes::<1>(eight, numbers)
                } else {
                    Self::sqrt_in_lanes::<2>(eight, numbers)
                }
            });
        }
        Self::sqrt_in_pairs(numbers)
    }

    fn sqrt_in_pairs(numbers: &mut [Self]) -> bool {
        numbers.chunks_mut(2).all(|numbers| {
            let roots = Self::sqrt([numbers[0], numbers.get(1).copied().unwrap_or(Self::ONE)]);
            numbers.iter_mut().zip(roots).all(|(number, root)| match root {
                Some(root) => {
                    *number = root;
                    true
                }
                None => false,
            })
        })
    }

    /// Finds the roots of at most `N` times eight numbers.
    #[cfg(target_arch = "x86_64")]
    fn sqrt_in_lanes<const N: usize>(eight: Eight, numbers: &mut [Self]) -> bool {
        let mut lanes = [[Self::ZERO; LANES]; N];
        lanes.as_flattened_mut()[..numbers.len()].copy_from_slice(numbers);
        let roots = eight.roots(&lanes);
        numbers.iter_mut().zip(roots.as_flattened()).all(|(number, root)| {
            let square = *number;
            *number = *root;
            root.square() == square
        })
    }

    fn reduced(&self) -> [u64; 4] {
        let (rest, below) = subtract(&self.0, &MODULUS);
        if below { self.0 } else { rest }
    }
}

/// Returns the powers whose exponents are 2, 22 and 223 binary ones.
fn powers_of_ones<const N: usize>(x: [Field; N]) -> [[Field; N]; 3] {
    let x2 = times(square_times(x, 1), x);
    let x3 = times(square_times(x2, 1), x);
    let x6 = times(square_times(x3, 3), x3);
    let x9 = times(square_times(x6, 3), x3);
    let x11 = times(square_times(x9, 2), x2);
    let x22 = times(square_times(x11, 11), x11);
    let x44 = times(square_times(x22, 22), x22);
    let x88 = times(square_times(x44, 44), x44);
    let x176 = times(square_times(x88, 88), x88);
    let x220 = times(square_times(x176, 44), x44);
    [x2, x22, times(square_times(x220, 3), x3)]
}

#[inline(always)]
fn times<const N: usize>(mut a: [Field; N], b: [Field; N]) -> [Field; N] {
    for (a, b) in a.iter_mut().zip(b) {
        *a = *a * b;
    }
    a
}

#[inline]
fn square_times<const N: usize>(mut numbers: [Field; N], times: u32) -> [Field; N] {
    for _ in 0..times {
        for number in &mut numbers {
            *number = number.square();
        }
    }
    numbers
}

impl PartialEq for Field {
    fn eq(&self, other: &Self) -> bool {
        self.reduced() == other.reduced()
    }
}

impl Mul for Field {
    type Output = Self;

    #[inline(always)]
    fn mul(self, other: Self) -> Self {
        let mut wide = [0; 8];
        for (shift, &factor) in other.0.iter().enumerate() {
            let mut carry = 0;
            for (place, &word) in self.0.iter().enumerate() {
                (wide[shift + place], carry) =
                    multiply_add(word, factor, wide[shift + place], carry);
            }
            wide[shift + 4] = carry;
        }
        fold(wide)
    }
}

impl Add for Field {
    type Output = Self;

    #[inline(always)]
    fn add(self, other: Self) -> Self {
        let (sum, carry) = add(&self.0, &other.0);
        // Twice, since the first may carry out again; then what is left is small.
        let (sum, carry) = add_word(sum, if carry { GAP } else { 0 });
        Self(add_word(sum, if carry { GAP } else { 0 }).0)
    }
}

impl Sub for Field {
    type Output = Self;

    #[inline(always)]
    fn sub(self, other: Self) -> Self {
        let (rest, borrow) = subtract(&self.0, &other.0);
        let (rest, borrow) = subtract_word(rest, if borrow { GAP } else { 0 });
        Self(subtract_word(rest, if borrow { GAP } else { 0 }).0)
    }
}

impl Neg for Field {
    type Output = Self;

    fn neg(self) -> Self {
        Self::ZERO - self
    }
}

/// Brings a product below 2^256: its upper half counts [`GAP`] times as much in the lower.
#[inline(always)]
fn fold(wide: [u64; 8]) -> Field {
    let mut words = [0; 4];
    let mut carry = 0;
    for word in 0..4 {
        (words[word], carry) = multiply_add(wide[word + 4], GAP, wide[word], carry);
    }
    // The carry is at most the gap, so its share fits two words.
    let (low, high) = multiply_add(carry, GAP, 0, 0);
    let (w0, carry) = add_carry(words[0], low, false);
    let (w1, carry) = add_carry(words[1], high, carry);
    let (w2, carry) = add_carry(words[2], 0, carry);
    let (w3, carry) = add_carry(words[3], 0, carry);
    Field(add_word([w0, w1, w2, w3], if carry { GAP } else { 0 }).0)
}

#[inline(always)]
fn add_word(words: [u64; 4], word: u64) -> ([u64; 4], bool) {
    let [w0, w1, w2, w3] = words;
    let (w0, carry) = add_carry(w0, word, false);
    let (w1, carry) = add_carry(w1, 0, carry);
    let (w2, carry) = add_carry(w2, 0, carry);
    let (w3, carry) = add_carry(w3, 0, carry);
    ([w0, w1, w2, w3], carry)
}

#[inline(always)]
fn subtract_word(words: [u64; 4], word: u64) -> ([u64; 4], bool) {
    let [w0, w1, w2, w3] = words;
    let (w0, borrow) = subtract_borrow(w0, word, false);
    let (w1, borrow) = subtract_borrow(w1, 0, borrow);
    let (w2, borrow) = subtract_borrow(w2, 0, borrow);
    let (w3, borrow) = subtract_borrow(w3, 0, borrow);
    ([w0, w1, w2, w3], borrow)
}

/// Inverts all numbers at once, none of them zero, for three products each and one inversion.
pub(crate) fn invert_all(numbers: &mut [Field], products: &mut Vec<Field>) {
    products.clear();
    let mut product = Field::ONE;
    for number in numbers.iter() {
        products.push(product);
        product = product * *number;
    }
    let mut inverse = product.invert();
    for (number, before) in numbers.iter_mut().zip(products.iter()).rev() {
        let next = inverse * *number;
        *number = inverse * *before;
        inverse = next;
    }
}

#[cfg(test)]
mod tests {
    use num_bigint::BigUint;
    use proptest::prelude::*;

    use super::*;

    fn big(number: Field) -> BigUint {
        number.0.iter().rev().fold(BigUint::from(0_u8), |sum, &word| (sum << 64_u32) + word)
    }

    fn modulus() -> BigUint {
        big(Field(MODULUS))
    }

    /// Any number below 2^256, with many near its ends and the modulus's.
    fn number() -> impl Strategy<Value = Field> {
        let word = prop_oneof![
            3 => any::<u64>(),
            1 => Just(0),
            1 => Just(u64::MAX),
            1 => Just(MODULUS[0]),
            1 => Just(GAP),
            1 => (MODULUS[0] - 3)..=u64::MAX,
            1 => 0_u64..4,
        ];
        [word.clone(), word.clone(), word.clone(), word].prop_map(Field)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]

        #[test]
        fn arithmetic_agrees_with_a_plain_big_integer(a in number(), b in number()) {
            let p = modulus();
            prop_assert_eq!(big(a * b) % &p, big(a) * big(b) % &p);
            prop_assert_eq!(big(a.square()) % &p, big(a) * big(a) % &p);
            prop_assert_eq!(big(a + b) % &p, (big(a) + big(b)) % &p);
            prop_assert_eq!(big(a - b) % &p, (big(a) + &p + &p - big(b)) % &p);
            prop_assert_eq!(a == b, big(a) % &p == big(b) % &p);
            prop_assert_eq!(a.is_odd(), (big(a) % &p).bit(0));
            prop_assert_eq!(a.is_zero(), big(a) % &p == BigUint::from(0_u8));
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(50))]

        #[test]
        fn inverses_and_roots_are_what_they_are_called(a in number(), b in number()) {
            let one = if a.is_zero() { Field::ZERO } else { Field::ONE };
            prop_assert!(a * a.invert() == one);
            let [root, none] = Field::sqrt([a.square(), -b.square()]);
            prop_assert!(root == Some(a) || root == Some(-a));
            prop_assert_eq!(none.is_some(), b.is_zero(), "-1 is no square");
            let mut squares = vec![a.square(); 1 + usize::try_from(b.0[0] % 40).unwrap()];
            squares[0] = b.square();
            let before = squares.clone();
            prop_assert!(Field::sqrt_all(&mut squares));
            prop_assert!(squares.iter().zip(&before).all(|(root, square)| root.square() == *square));
            let mut in_pairs = before.clone();
            prop_assert!(Field::sqrt_in_pairs(&mut in_pairs));
            prop_assert_eq!(&in_pairs, &squares, "lanes and pairs find the same of both roots");
            let mut spoilt = before;
            if !b.is_zero() {
                *spoilt.last_mut().unwrap() = -b.square();
                prop_assert!(!Field::sqrt_all(&mut spoilt));
            }
            let mut numbers = [a, b, Field::ONE, a].map(|n| if n.is_zero() { Field::ONE } else { n });
            let before = numbers;
            invert_all(&mut numbers, &mut Vec::new());
            prop_assert!(numbers.iter().zip(before).all(|(&n, m)| n * m == Field::ONE));
        }
    }
}
