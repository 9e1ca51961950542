//! The sum of many points, each times a factor: Pippenger's buckets.
//!
//! ```text
//! factor = d0 + d1 2^w + d2 2^2w + …        digits between -2^(w-1) and 2^(w-1)
//! window i: the point (negated for a negative digit) goes to the bucket |di|
//! bucket:   its points are added up in pairs, in rounds; all pairs of a round share one inversion
//! window:   sum of b * bucket b, from the top one down, without a product
//! sum:      windows from the top one down, doubled w times in between
//! ```
//!
//! Shared inversions make a sum of two affine points cost six products where a Jacobian one costs
//! eleven and more.

#[cfg(target_arch = "x86_64")]
use crate::group::ifma::{Eight, Group};
use crate::group::{
    curve::{Affine, Jacobian},
    field::{Field, invert_all},
    scalar::Half,
};

/// Bits of a factor, and one for the carry of its digits.
const BITS: usize = 129;

/// Points in buckets at a time: windows are taken together until they hold that many, so that small
/// sums share inversions and big ones stay in the cache.
const POINTS_AT_ONCE: usize = 8192;

/// A term of a sum: a point and a factor.
pub(super) type Term = (Affine, Half);

/// Returns the sum of all terms.
pub(super) fn sum(terms: &[Term]) -> Jacobian {
    sum_in(Buckets::new(), terms)
}

fn sum_in(mut buckets: Buckets, terms: &[Term]) -> Jacobian {
    buckets.width = width(terms.len(), buckets.has_lanes());
    let width = buckets.width;
    let windows = BITS.div_ceil(width);
    let together = (POINTS_AT_ONCE / terms.len().max(1)).clamp(1, windows);
    let mut total = Jacobian::NEUTRAL;
    let mut above = windows;
    while above > 0 {
        let first = above.saturating_sub(together);
        buckets.fill(terms, first..above);
        buckets.add_up();
        for window in (0..above - first).rev() {
            total = (0..width).fold(total, |total, _| total.doubled());
            total = total.plus(&buckets.window(window));
        }
        above = first;
    }
    total
}

/// Bits of a digit: the most buckets that a sum of that many points pays for.
///
/// A window's buckets are brought together one by one. Where points are added up eight at a time, that is the
/// larger part sooner.
const fn width(points: usize, lanes: bool) -> usize {
    match if lanes { points / 3 } else { points } {
        0..20 => 3,
        20..80 => 4,
        80..230 => 5,
        230..650 => 6,
        650..1_900 => 7,
        1_900..6_000 => 8,
        6_000..15_000 => 9,
        15_000..30_000 => 10,
        _ => 11,
    }
}

/// Buckets of some windows: for each, a run of places in one list of points.
struct Buckets {
    width: usize,
    points: Vec<Affine>,
    runs: Vec<Run>,
    // Working space, kept from round to round.
    digits: Vec<i16>,
    pairs: Vec<usize>,
    inverses: Vec<Field>,
    products: Vec<Field>,
    #[cfg(target_arch = "x86_64")]
    lanes: Option<Lanes>,
}

/// Pairs of points that differ in X, to be added up eight at a time, and how far their X are apart.
#[cfg(target_arch = "x86_64")]
struct Lanes {
    eight: Eight,
    pairs: Vec<usize>,
    runs: Vec<Field>,
    groups: Vec<Group>,
}

#[cfg(target_arch = "x86_64")]
impl Lanes {
    fn new() -> Option<Self> {
        let eight = Eight::detect()?;
        Some(Self { eight, pairs: Vec::new(), runs: Vec::new(), groups: Vec::new() })
    }

    /// Adds up the pairs taken since the last time.
    fn add_up(&mut self, points: &mut [Affine]) {
        let Self { eight, pairs, runs, groups } = self;
        eight.add_pairs(points, pairs, runs, groups);
        pairs.clear();
        runs.clear();
    }
}

/// A bucket's points.
#[derive(Clone, Copy, Default)]
struct Run {
    start: usize,
    length: usize,
}

impl Buckets {
    fn new() -> Self {
        Self {
            #[cfg(target_arch = "x86_64")]
            lanes: Lanes::new(),
            width: 0,
            points: Vec::new(),
            runs: Vec::new(),
            digits: Vec::new(),
            pairs: Vec::new(),
            inverses: Vec::new(),
            products: Vec::new(),
        }
    }

    #[cfg(target_arch = "x86_64")]
    const fn has_lanes(&self) -> bool {
        self.lanes.is_some()
    }

    #[cfg(not(target_arch = "x86_64"))]
    const fn has_lanes(&self) -> bool {
        false
    }

    /// What a processor without lanes has.
    #[cfg(test)]
    fn without_lanes(self) -> Self {
        Self {
            #[cfg(target_arch = "x86_64")]
            lanes: None,
            ..self
        }
    }

    /// Buckets of a window; digit zero has none.
    const fn per_window(&self) -> usize {
        1 << (self.width - 1)
    }

    /// Puts the points of all terms into the buckets of some windows.
    fn fill(&mut self, terms: &[Term], windows: core::ops::Range<usize>) {
        let per_window = self.per_window();
        self.runs.clear();
        self.runs.resize(windows.len() * per_window, Run::default());
        self.digits.clear();
        for (_, factor) in terms {
            for (place, window) in windows.clone().enumerate() {
                let digit = digit(factor, window * self.width, self.width);
                self.digits.push(digit);
                if let Some(bucket) = usize::from(digit.unsigned_abs()).checked_sub(1) {
                    self.runs[place * per_window + bucket].length += 1;
                }
            }
        }
        let mut start = 0;
        for run in &mut self.runs {
            run.start = start;
            start += run.length;
            run.length = 0;
        }
        let filler = Affine { x: Field::ZERO, y: Field::ZERO };
        self.points.clear();
        self.points.resize(start, filler);
        let mut digits = self.digits.iter();
        for (point, _) in terms {
            for (place, &digit) in digits.by_ref().take(windows.len()).enumerate() {
                if let Some(bucket) = usize::from(digit.unsigned_abs()).checked_sub(1) {
                    let run = &mut self.runs[place * per_window + bucket];
                    let point = if digit < 0 { point.negated() } else { *point };
                    self.points[run.start + run.length] = point;
                    run.length += 1;
                }
            }
        }
    }

    /// Adds each bucket's points up until it holds one at most.
    fn add_up(&mut self) {
        while self.runs.iter().any(|run| run.length > 1) {
            self.halve();
        }
    }

    /// Adds the points of each bucket in pairs.
    fn halve(&mut self) {
        self.pairs.clear();
        self.inverses.clear();
        for run in &mut self.runs {
            let Run { start, length } = *run;
            let mut left = 0;
            for pair in 0..length / 2 {
                // Sums gather at the run's start; pairs that cancel out leave no place behind.
                let at = start + 2 * pair;
                let (a, b) = (self.points[at], self.points[at + 1]);
                if let Some(denominator) = a.run_to(&b) {
                    let to = start + 2 * left;
                    (self.points[to], self.points[to + 1]) = (a, b);
                    left += 1;
                    #[cfg(target_arch = "x86_64")]
                    if let Some(lanes) = self.lanes.as_mut().filter(|_| a.x != b.x) {
                        lanes.pairs.push(to);
                        lanes.runs.push(denominator);
                        continue;
                    }
                    self.pairs.push(to);
                    self.inverses.push(denominator);
                }
            }
            if length % 2 == 1 {
                self.points[start + 2 * left] = self.points[start + length - 1];
            }
            run.length = left + length % 2;
        }
        #[cfg(target_arch = "x86_64")]
        if let Some(lanes) = &mut self.lanes {
            lanes.add_up(&mut self.points);
        }
        invert_all(&mut self.inverses, &mut self.products);
        for (&at, &inverse) in self.pairs.iter().zip(&self.inverses) {
            self.points[at] = self.points[at].plus(&self.points[at + 1], inverse);
        }
        for run in &self.runs {
            for place in 1..run.length {
                self.points[run.start + place] = self.points[run.start + 2 * place];
            }
        }
    }

    /// Returns the sum of a window: each bucket's point as often as its digit says.
    fn window(&self, window: usize) -> Jacobian {
        let runs = &self.runs[window * self.per_window()..][..self.per_window()];
        let (mut running, mut total) = (Jacobian::NEUTRAL, Jacobian::NEUTRAL);
        for run in runs.iter().rev() {
            if run.length == 1 {
                running = running.plus_affine(&self.points[run.start]);
            }
            total = total.plus(&running);
        }
        total
    }
}

/// Returns the digit of a factor at a bit, between `-2^(width-1)` and `2^(width-1)`.
///
/// Digits from `2^(width-1)` on become negative ones and carry into the next; whether there is a
/// carry from below is told by the bit below alone.
#[expect(clippy::cast_possible_truncation, reason = "masked to the width, below 16 bits")]
fn digit(factor: &Half, bit: usize, width: usize) -> i16 {
    let shifted = |by: usize| if by < 128 { factor.magnitude >> by } else { 0 };
    let mask = (1_u128 << width) - 1;
    let carry = bit.checked_sub(1).map_or(0, |below| shifted(below) & 1);
    let raw = (shifted(bit) & mask) as i16 + carry as i16;
    let borrowed = shifted(bit + width - 1) & 1 == 1;
    let digit = if borrowed { raw - (1 << width) } else { raw };
    if factor.negative { -digit } else { digit }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::group::curve::GENERATOR;

    fn slow_sum(terms: &[Term]) -> Jacobian {
        terms.iter().fold(Jacobian::NEUTRAL, |sum, (point, factor)| {
            let point = if factor.negative { point.negated() } else { *point };
            let product = (0..128).rev().fold(Jacobian::NEUTRAL, |product, bit| {
                let product = product.doubled();
                if factor.magnitude >> bit & 1 == 1 { product.plus_affine(&point) } else { product }
            });
            sum.plus(&product)
        })
    }

    /// Few different points and factors, so that buckets hold equal and opposite ones.
    fn terms(most: usize) -> impl Strategy<Value = Vec<Term>> {
        let point = (1_u32..6, any::<bool>()).prop_map(|(multiple, negative)| {
            let point = (1..multiple).fold(GENERATOR, |point, _| {
                point.run_to(&GENERATOR).map(|run| point.plus(&GENERATOR, run.invert())).unwrap()
            });
            if negative { point.negated() } else { point }
        });
        let magnitude = prop_oneof![
            any::<u128>(),
            0_u128..40,
            Just(u128::MAX),
            Just(1 << 127),
            Just(u128::MAX / 3)
        ];
        let half = (magnitude, any::<bool>())
            .prop_map(|(magnitude, negative)| Half { magnitude, negative });
        proptest::collection::vec((point, half), 0..most)
    }

    #[test]
    fn digits_put_together_are_the_factor() {
        for magnitude in [0, 1, 7, 8, 9, u128::MAX, u128::MAX / 3, u128::MAX / 5 * 2, 1 << 127] {
            for width in 3..=11 {
                let factor = Half { magnitude, negative: false };
                let mut value = 0_u128;
                for window in (0..BITS.div_ceil(width)).rev() {
                    let digit = digit(&factor, window * width, width);
                    assert!(digit.unsigned_abs() <= 1 << (width - 1));
                    value = value.wrapping_shl(width.try_into().unwrap());
                    value = value.wrapping_add_signed(digit.into());
                }
                assert_eq!(value, magnitude, "width {width}");
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20))]

        #[test]
        fn the_sum_is_that_of_single_products(terms in terms(100)) {
            let expected = slow_sum(&terms).to_affine();
            prop_assert_eq!(sum(&terms).to_affine(), expected);
            let portable = Buckets::new().without_lanes();
            prop_assert_eq!(sum_in(portable, &terms).to_affine(), expected);
        }
    }
}
