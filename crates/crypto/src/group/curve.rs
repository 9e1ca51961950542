//! Points of the curve `y² = x³ + 7`, in variable time: everything here is public.

use super::field::{Field, invert_all};

/// A cube root of one: `(x, y) -> (βx, y)` is the curve's endomorphism.
const BETA: Field = Field::from_words([
    0xc139_6c28_7195_01ee,
    0x9cf0_4975_12f5_8995,
    0x6e64_479e_ac34_34e9,
    0x7ae9_6a2b_657c_0710,
]);

const SEVEN: Field = Field::from_words([7, 0, 0, 0]);

/// The generator.
pub(crate) const GENERATOR: Affine = Affine {
    x: Field::from_words([
        0x59f2_815b_16f8_1798,
        0x029b_fcdb_2dce_28d9,
        0x55a0_6295_ce87_0b07,
        0x79be_667e_f9dc_bbac,
    ]),
    y: Field::from_words([
        0x9c47_d08f_fb10_d4b8,
        0xfd17_b448_a685_5419,
        0x5da4_fbfc_0e11_08a8,
        0x483a_da77_26a3_c465,
    ]),
};

/// A point other than the neutral one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Affine {
    pub(crate) x: Field,
    pub(crate) y: Field,
}

impl Affine {
    /// Returns the words of X and Y.
    #[cfg(target_arch = "x86_64")]
    pub(crate) const fn to_words(self) -> [u64; 8] {
        let ([x0, x1, x2, x3], [y0, y1, y2, y3]) = (self.x.to_words(), self.y.to_words());
        [x0, x1, x2, x3, y0, y1, y2, y3]
    }

    #[cfg(target_arch = "x86_64")]
    pub(crate) const fn from_words([x0, x1, x2, x3, y0, y1, y2, y3]: [u64; 8]) -> Self {
        Self { x: Field::from_words([x0, x1, x2, x3]), y: Field::from_words([y0, y1, y2, y3]) }
    }

    /// Returns the points with these X and a Y of the parity told (`true` for odd); `None` if the curve
    /// lacks one of them.
    ///
    /// **Spec:** BIP340, `lift_x`.
    pub(crate) fn lift_all(points: &[(&[u8; 32], bool)]) -> Option<Vec<Self>> {
        let xs = points.iter().map(|(x, _)| Field::from_bytes(x)).collect::<Option<Vec<_>>>()?;
        let mut ys: Vec<_> = xs.iter().map(|&x| x.square() * x + SEVEN).collect();
        if !Field::sqrt_all(&mut ys) {
            return None;
        }
        let lifted = xs
            .into_iter()
            .zip(ys)
            .zip(points)
            .map(|((x, y), &(_, odd))| Self { x, y: if y.is_odd() == odd { y } else { -y } });
        Some(lifted.collect())
    }

    pub(crate) fn negated(self) -> Self {
        Self { y: -self.y, ..self }
    }

    /// Returns λ times the point.
    pub(crate) fn endomorphism(self) -> Self {
        Self { x: self.x * BETA, ..self }
    }

    /// Returns the denominator of the slope through both points, the tangent's if they are one;
    /// `None` if their sum is the neutral point.
    #[inline]
    pub(crate) fn run_to(&self, other: &Self) -> Option<Field> {
        let run = other.x - self.x;
        if !run.is_zero() {
            Some(run)
        } else if self.y == other.y {
            // There is no point of order two, so this is not zero.
            Some(self.y + self.y)
        } else {
            None
        }
    }

    /// Returns the sum, given the inverse of [`Self::run_to`].
    #[inline]
    pub(crate) fn plus(&self, other: &Self, inverse_run: Field) -> Self {
        let rise = other.y - self.y;
        let slope = if rise.is_zero() && self.x == other.x {
            let square = self.x.square();
            (square + square + square) * inverse_run
        } else {
            rise * inverse_run
        };
        let x = slope.square() - self.x - other.x;
        Self { x, y: slope * (self.x - x) - self.y }
    }
}

/// A point as `(x / z², y / z³)`; the neutral one has `z = 0`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Jacobian {
    pub(crate) x: Field,
    pub(crate) y: Field,
    pub(crate) z: Field,
}

impl Jacobian {
    pub(crate) const NEUTRAL: Self = Self { x: Field::ONE, y: Field::ONE, z: Field::ZERO };

    pub(crate) fn is_neutral(&self) -> bool {
        self.z.is_zero()
    }

    /// Returns twice the point.
    pub(crate) fn doubled(&self) -> Self {
        if self.is_neutral() {
            return *self;
        }
        let a = self.x.square();
        let b = self.y.square();
        let c = b.square();
        let d = (self.x + b).square() - a - c;
        let d = d + d;
        let e = a + a + a;
        let x = e.square() - d - d;
        let c = c + c;
        let c = c + c;
        let yz = self.y * self.z;
        Self { x, y: e * (d - x) - c - c, z: yz + yz }
    }

    pub(crate) fn plus_affine(&self, other: &Affine) -> Self {
        if self.is_neutral() {
            return Self { x: other.x, y: other.y, z: Field::ONE };
        }
        let zz = self.z.square();
        let run = other.x * zz - self.x;
        let rise = other.y * zz * self.z - self.y;
        self.plus_by(run, rise, self.x, self.y, self.z)
    }

    pub(crate) fn plus(&self, other: &Self) -> Self {
        if self.is_neutral() {
            return *other;
        }
        if other.is_neutral() {
            return *self;
        }
        let (zz1, zz2) = (self.z.square(), other.z.square());
        let (x1, x2) = (self.x * zz2, other.x * zz1);
        let (y1, y2) = (self.y * zz2 * other.z, other.y * zz1 * self.z);
        self.plus_by(x2 - x1, y2 - y1, x1, y1, self.z * other.z)
    }

    /// Finishes a sum: coordinates brought to one denominator, their differences, and that
    /// denominator.
    fn plus_by(&self, run: Field, rise: Field, x1: Field, y1: Field, z: Field) -> Self {
        if run.is_zero() {
            return if rise.is_zero() { self.doubled() } else { Self::NEUTRAL };
        }
        let square = run.square();
        let cube = square * run;
        let v = x1 * square;
        let x = rise.square() - cube - v - v;
        Self { x, y: rise * (v - x) - y1 * cube, z: z * run }
    }

    /// Brings points, none of them neutral, to affine form with one inversion.
    pub(crate) fn all_to_affine(points: &[Self]) -> Vec<Affine> {
        let mut inverses: Vec<_> = points.iter().map(|point| point.z).collect();
        invert_all(&mut inverses, &mut Vec::with_capacity(points.len()));
        let affine = points.iter().zip(inverses).map(|(point, inverse)| {
            let square = inverse.square();
            Affine { x: point.x * square, y: point.y * square * inverse }
        });
        affine.collect()
    }

    #[cfg(test)]
    pub(crate) fn to_affine(self) -> Option<Affine> {
        let inverse = self.z.invert();
        let square = inverse.square();
        (!self.is_neutral()).then(|| Affine { x: self.x * square, y: self.y * square * inverse })
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::scalar::{LAMBDA, Scalar},
        *,
    };

    fn times(point: &Affine, factor: u128) -> Jacobian {
        (0..128).rev().fold(Jacobian::NEUTRAL, |sum, bit| {
            let sum = sum.doubled();
            if factor >> bit & 1 == 1 { sum.plus_affine(point) } else { sum }
        })
    }

    fn plus(a: &Affine, b: &Affine) -> Option<Affine> {
        a.run_to(b).map(|run| a.plus(b, run.invert()))
    }

    #[test]
    fn all_ways_to_add_agree() {
        let mut multiples = vec![GENERATOR];
        for _ in 1..20 {
            multiples.push(plus(multiples.last().unwrap(), &GENERATOR).unwrap());
        }
        for (i, a) in multiples.iter().enumerate() {
            assert_eq!(times(&GENERATOR, i as u128 + 1).to_affine(), Some(*a));
            assert_eq!(a.y.square(), a.x.square() * a.x + SEVEN);
            for (j, b) in multiples.iter().enumerate().take(19 - i) {
                let sum = Some(multiples[i + j + 1]);
                assert_eq!(plus(a, b), sum);
                let (first, second) =
                    (times(&GENERATOR, i as u128 + 1), times(&GENERATOR, j as u128 + 1));
                assert_eq!(first.plus_affine(b).to_affine(), sum);
                assert_eq!(first.plus(&second).to_affine(), sum);
                assert_eq!(
                    first.doubled().plus(&second.doubled()).to_affine(),
                    sum.map(|sum| plus(&sum, &sum).unwrap())
                );
            }
            assert_eq!(plus(a, &a.negated()), None);
            assert!(times(&GENERATOR, i as u128 + 1).plus_affine(&a.negated()).is_neutral());
        }
    }

    #[test]
    fn the_endomorphism_multiplies_by_lambda() {
        let (k1, k2) = LAMBDA.split();
        assert_eq!((k1.magnitude, k2.magnitude), (0, 1));
        // λ² + λ + 1 = 0, and so for the points.
        let once = GENERATOR.endomorphism();
        let sum = plus(&GENERATOR, &once).unwrap();
        assert_eq!(sum, once.endomorphism().negated());
        // The root must be λ itself and not λ², which satisfies the same equation.
        let (k1, k2) = Scalar::from_u128(u128::MAX).times(LAMBDA).times(LAMBDA).split();
        let part = |half: super::super::scalar::Half, point: Affine| {
            times(&if half.negative { point.negated() } else { point }, half.magnitude)
        };
        let split = part(k1, GENERATOR).plus(&part(k2, once));
        let direct = times(&once.endomorphism(), u128::MAX);
        assert_eq!(split.to_affine(), direct.to_affine());
    }
}
