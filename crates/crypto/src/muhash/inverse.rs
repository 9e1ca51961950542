//! Inversion modulo the prime of 3072 bits, by Lehmer's form of Euclid's algorithm.
//!
//! Euclid's quotients depend on the leading bits alone. So they are found on two machine words, some
//! 37 at a time, kept as a matrix, and applied to the long numbers in one pass:
//!
//! ```text
//! (a, b) = (modulus, x), (0, 1) times x          remainder, cofactor
//!   │ leading 128 bits of both
//!   ├─ run on the upper 64 ─► matrix ┐
//!   ├─ apply, run again    ─► matrix ┴ product, entries below 2^64
//!   └─ a, b, cofactors := matrix * (…), about 62 bits shorter
//! until b = 0: then a = 1, and its cofactor is the inverse
//! ```
//!
//! # Why the quotients are right
//!
//! A run knows its numbers to within [`DOUBT`] units. After some steps a remainder is `±(u a - v b)`, so
//! it is known to within `DOUBT (u + v)`. A step is taken only where, whatever the truth within those
//! bounds, the new remainder is not negative and is below the one before: then it is Euclid's step
//! for the true numbers too (the condition of Collins and Jebelean, with room for the second run).
//!
//! **Spec:** Knuth, *The Art of Computer Programming*, volume 2, algorithm 4.5.2 L.

use super::num::{GAP, Num3072, WORDS, subtract};
use crate::words::{add_carry, multiply_add, subtract_borrow};

/// Units by which a run's numbers may differ from the true ones, less than this.
///
/// The first run cuts bits off: less than one. The second starts from numbers off by less than 2^32
/// (entries of the first matrix times one) and cuts the lower 32 bits off: less than two.
const DOUBT: u64 = 2;

/// Words of a remainder or cofactor: Euclid's never exceed the modulus.
type Long = [u64; WORDS];

/// A product of quotient matrices, signs apart: the new remainders are `±(u0 a - v0 b)` and
/// `±(v1 b - u1 a)`, the upper signs after an even number of steps.
#[derive(Clone, Copy)]
struct Matrix {
    u0: u64,
    v0: u64,
    u1: u64,
    v1: u64,
    odd: bool,
}

impl Matrix {
    const IDENTITY: Self = Self { u0: 1, v0: 0, u1: 0, v1: 1, odd: false };

    /// Finds steps that are right for all numbers near `a` and `b`, where `a >= b`.
    ///
    /// The entries stay below 2^31.5: an entry times the remainder before it is at most `a`, and that
    /// remainder is at least twice the entry.
    fn run(mut a: u64, mut b: u64) -> Self {
        let mut steps = Self::IDENTITY;
        while let (Some(quotient), Some(rest)) = (a.checked_div(b), a.checked_rem(b)) {
            // A quotient too large for an entry fails the conditions below; the sums saturate to show it.
            let u = steps.u0.saturating_add(quotient.saturating_mul(steps.u1));
            let v = steps.v0.saturating_add(quotient.saturating_mul(steps.v1));
            let doubt = u.saturating_add(v).saturating_mul(DOUBT);
            let both = doubt.saturating_add((steps.u1 + steps.v1) * DOUBT);
            if rest < doubt || b - rest < both {
                break;
            }
            steps = Self { u0: steps.u1, v0: steps.v1, u1: u, v1: v, odd: !steps.odd };
            (a, b) = (b, rest);
        }
        steps
    }

    /// Takes all steps for `a >= b` known exactly, until the second remainder is zero.
    fn finish(mut a: u64, mut b: u64) -> Self {
        let mut steps = Self::IDENTITY;
        while let (Some(quotient), Some(rest)) = (a.checked_div(b), a.checked_rem(b)) {
            let u = steps.u0.wrapping_add(quotient.wrapping_mul(steps.u1));
            let v = steps.v0.wrapping_add(quotient.wrapping_mul(steps.v1));
            steps = Self { u0: steps.u1, v0: steps.v1, u1: u, v1: v, odd: !steps.odd };
            (a, b) = (b, rest);
        }
        steps
    }

    /// Returns the matrix of `self`'s steps and then `next`'s; neither's entries exceed 2^31.5.
    const fn then(self, next: Self) -> Self {
        Self {
            u0: next.u0 * self.u0 + next.v0 * self.u1,
            v0: next.u0 * self.v0 + next.v0 * self.v1,
            u1: next.u1 * self.u0 + next.v1 * self.u1,
            v1: next.u1 * self.v0 + next.v1 * self.v1,
            odd: self.odd != next.odd,
        }
    }

    /// Applies the steps to leading bits.
    const fn apply(self, a: u128, b: u128) -> (u128, u128) {
        let first =
            (self.u0 as u128).wrapping_mul(a).wrapping_sub((self.v0 as u128).wrapping_mul(b));
        let second =
            (self.v1 as u128).wrapping_mul(b).wrapping_sub((self.u1 as u128).wrapping_mul(a));
        if self.odd { (first.wrapping_neg(), second.wrapping_neg()) } else { (first, second) }
    }
}

/// A remainder pair with its cofactors. Cofactors alternate in sign, so magnitudes are kept, and
/// whether the first is the negative one.
struct Euclid {
    a: Long,
    b: Long,
    cofactor_a: Long,
    cofactor_b: Long,
    a_negative: bool,
    /// Words of the remainders that may be other than zero.
    length: usize,
    /// Words of the cofactors that may be other than zero.
    cofactor_length: usize,
}

pub(super) fn invert(number: &Num3072) -> Num3072 {
    let reduced = number.to_reduced();
    let mut modulus = [u64::MAX; WORDS];
    modulus[0] = GAP.wrapping_neg();
    let mut euclid = Euclid {
        a: modulus,
        b: reduced.0,
        cofactor_a: [0; WORDS],
        cofactor_b: Num3072::ONE.0,
        a_negative: true,
        length: WORDS,
        cofactor_length: 1,
    };
    while euclid.b.iter().any(|&word| word != 0) {
        euclid.step();
    }
    // For zero the loop ends at once, with cofactor zero.
    let mut inverse = euclid.cofactor_a;
    if euclid.a_negative && inverse != [0; WORDS] {
        subtract(&mut modulus, &inverse);
        inverse = modulus;
    }
    Num3072(inverse)
}

impl Euclid {
    fn step(&mut self) {
        while self.length > 1 && self.a[self.length - 1] == 0 {
            self.length -= 1;
        }
        if self.length == 1 {
            self.take(Matrix::finish(self.a[0], self.b[0]));
            return;
        }
        let (a, b) = self.leading();
        let first = Matrix::run(upper(a), upper(b));
        let (a, b) = first.apply(a, b);
        // The lower 32 bits are in doubt; what is left of the upper ones fits a word.
        let steps = match (u64::try_from(a >> 32), u64::try_from(b >> 32)) {
            (Ok(a), Ok(b)) => first.then(Matrix::run(a, b)),
            (Err(_), _) | (_, Err(_)) => first,
        };
        if steps.v0 == 0 && steps.v1 == 1 {
            self.step_long();
        } else {
            self.take(steps);
        }
    }

    /// Returns the leading 128 bits of `a`, and the bits of `b` at the same place.
    fn leading(&self) -> (u128, u128) {
        let shift = self.a[self.length - 1].leading_zeros();
        let window = |words: &Long| {
            let word = |back| u128::from(self.length.checked_sub(back).map_or(0, |at| words[at]));
            let (top, rest) = (word(1) << 64 | word(2), word(3) << shift >> 64);
            top << shift | rest
        };
        (window(&self.a), window(&self.b))
    }

    /// Applies steps to remainders and cofactors.
    fn take(&mut self, steps: Matrix) {
        let Matrix { u0, v0, u1, v1, odd } = steps;
        let (p, q) = if odd { ((v0, u0), (u1, v1)) } else { ((u0, v0), (v1, u1)) };
        let mut chains = [0_u64; 4];
        let mut borrows = [false; 2];
        for (a, b) in self.a.iter_mut().zip(&mut self.b).take(self.length) {
            let (old_a, old_b) = (*a, *b);
            let (x, y) = if odd { (old_b, old_a) } else { (old_a, old_b) };
            let plus;
            let minus;
            (plus, chains[0]) = multiply_add(p.0, x, chains[0], 0);
            (minus, chains[1]) = multiply_add(p.1, y, chains[1], 0);
            (*a, borrows[0]) = subtract_borrow(plus, minus, borrows[0]);
            let plus;
            let minus;
            (plus, chains[2]) = multiply_add(q.0, y, chains[2], 0);
            (minus, chains[3]) = multiply_add(q.1, x, chains[3], 0);
            (*b, borrows[1]) = subtract_borrow(plus, minus, borrows[1]);
        }
        self.take_cofactors(steps);
    }

    fn take_cofactors(&mut self, Matrix { u0, v0, u1, v1, odd }: Matrix) {
        // Entries of 64 bits lengthen a cofactor by a word at most; the last word is a carry's place.
        self.cofactor_length = (self.cofactor_length + 1).min(WORDS);
        let mut chains = [0_u64; 4];
        let mut carries = [false; 2];
        let pairs = self.cofactor_a.iter_mut().zip(&mut self.cofactor_b);
        for (a, b) in pairs.take(self.cofactor_length) {
            let (old_a, old_b) = (*a, *b);
            let (first, second);
            (first, chains[0]) = multiply_add(u0, old_a, chains[0], 0);
            (second, chains[1]) = multiply_add(v0, old_b, chains[1], 0);
            (*a, carries[0]) = add_carry(first, second, carries[0]);
            let (first, second);
            (first, chains[2]) = multiply_add(u1, old_a, chains[2], 0);
            (second, chains[3]) = multiply_add(v1, old_b, chains[3], 0);
            (*b, carries[1]) = add_carry(first, second, carries[1]);
        }
        let last = self.cofactor_length - 1;
        if self.cofactor_a[last] == 0 && self.cofactor_b[last] == 0 {
            self.cofactor_length = self.cofactor_length.max(2) - 1;
        }
        self.a_negative ^= odd;
    }

    /// Takes one step of Euclid's on the long numbers, bit by bit: for a quotient of more than 31
    /// bits, which turns up once in some billion steps.
    fn step_long(&mut self) {
        let gap = bits(&self.a) - bits(&self.b);
        for shift in (0..=gap).rev() {
            let Some(shifted) = shift_up(&self.b, shift) else { continue };
            if self.a.iter().rev().ge(shifted.iter().rev()) {
                subtract(&mut self.a, &shifted);
                // A cofactor that would leave 3072 bits cannot be: it is below the modulus.
                if let Some(shifted) = shift_up(&self.cofactor_b, shift) {
                    let mut carry = false;
                    for (word, other) in self.cofactor_a.iter_mut().zip(shifted) {
                        (*word, carry) = add_carry(*word, other, carry);
                    }
                }
            }
        }
        core::mem::swap(&mut self.a, &mut self.b);
        core::mem::swap(&mut self.cofactor_a, &mut self.cofactor_b);
        self.a_negative = !self.a_negative;
        self.cofactor_length = bits(&self.cofactor_b).div_ceil(64).max(1);
    }
}

const fn upper(number: u128) -> u64 {
    (number >> 64) as u64
}

fn bits(words: &Long) -> usize {
    let top = words.iter().rposition(|&word| word != 0);
    top.map_or(0, |top| (top + 1) * 64 - words[top].leading_zeros() as usize)
}

/// Returns the number times 2^`shift`, or `None` if it exceeds 3072 bits.
fn shift_up(words: &Long, shift: usize) -> Option<Long> {
    if bits(words) + shift > WORDS * 64 {
        return None;
    }
    let (whole, part) = (shift / 64, shift % 64);
    let word = |at: usize| at.checked_sub(whole).map_or(0, |at| words[at]);
    Some(core::array::from_fn(|at| {
        let below = at.checked_sub(1).map_or(0, word);
        if part == 0 { word(at) } else { word(at) << part | below >> (64 - part) }
    }))
}
