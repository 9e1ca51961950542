//! Square roots of coordinates and sums of points, eight at a time, by AVX-512 IFMA.
//!
//! # Why there is `unsafe` here
//!
//! Nearly all that a batch does is to find the Y of points, each a chain of 266 products, one waiting for the
//! other, and to add points up in pairs. Side by side in vectors a root takes a tenth of the time, and a sum a third.
//! Unsafe are the calls of functions compiled for a processor with the instructions, which need an
//! [`Eight`], made only where the processor has them, and the loads and stores of vectors, whose bounds are
//! arrays'. Property tests compare both with the portable way.

use super::{curve::Affine, field::Field};
use numbers::{Numbers, load, minus, multiply, square, store, zeros};

pub(crate) mod numbers;

/// Numbers in a vector.
pub(crate) const LANES: usize = 8;

/// The right to call this module's functions: exists only where the processor has their features.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Eight(());

/// What [`Eight::add_pairs`] keeps of a group of eight: the runs, and the product of those before.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Group {
    runs: Numbers,
    before: Numbers,
}

impl Eight {
    pub(crate) fn detect() -> Option<Self> {
        (is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512ifma"))
            .then_some(Self(()))
    }

    /// Returns each number to the power of (p + 1) / 4: its root, if it has one.
    pub(crate) fn roots<const N: usize>(
        self,
        numbers: &[[Field; LANES]; N],
    ) -> [[Field; LANES]; N] {
        #[expect(unsafe_code, reason = "the function is compiled for features that `self` proves")]
        // SAFETY: the processor has the target features: `detect` alone makes an `Eight`.
        unsafe {
            roots(numbers)
        }
    }

    /// Replaces the point at each place by its sum with the next, given how far their X are apart, which is not zero.
    ///
    /// `groups` is working space.
    pub(crate) fn add_pairs(
        self,
        points: &mut [Affine],
        places: &[usize],
        runs: &[Field],
        groups: &mut Vec<Group>,
    ) {
        #[expect(unsafe_code, reason = "the function is compiled for features that `self` proves")]
        // SAFETY: the processor has the target features: `detect` alone makes an `Eight`.
        unsafe {
            add_pairs(points, places, runs, groups);
        }
    }
}

#[target_feature(enable = "avx512f,avx512ifma")]
fn roots<const N: usize>(numbers: &[[Field; LANES]; N]) -> [[Field; LANES]; N] {
    let mut x = [zeros(); N];
    for (x, numbers) in x.iter_mut().zip(numbers) {
        *x = take(numbers);
    }
    let mut found = [[Field::ZERO; LANES]; N];
    for (found, roots) in found.iter_mut().zip(&roots_of(&x)) {
        *found = give(roots);
    }
    found
}

/// Returns the root of each number that has one. Two chains side by side keep the processor's multipliers busy.
#[target_feature(enable = "avx512f,avx512ifma")]
pub(crate) fn roots_of<const N: usize>(x: &[Numbers; N]) -> [Numbers; N] {
    let x = *x;
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
    square_times(&power, 2)
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

/// One inversion for each of the eight lanes' products, and those eight together share one.
#[target_feature(enable = "avx512f,avx512ifma")]
fn add_pairs(points: &mut [Affine], places: &[usize], runs: &[Field], groups: &mut Vec<Group>) {
    groups.clear();
    let mut product = take(&[Field::ONE; LANES]);
    for chunk in runs.chunks(LANES) {
        let mut lanes = [Field::ONE; LANES];
        lanes[..chunk.len()].copy_from_slice(chunk);
        let runs = take(&lanes);
        groups.push(Group { runs, before: product });
        product = multiply(&product, &runs);
    }
    let mut lanes = give(&product);
    super::field::invert_all(&mut lanes, &mut Vec::new());
    let mut inverse = take(&lanes);
    for (places, group) in places.chunks(LANES).zip(&*groups).rev() {
        let inverse_runs = multiply(&inverse, &group.before);
        inverse = multiply(&inverse, &group.runs);
        let (mut first, mut second) = ([[0; 8]; LANES], [[0; 8]; LANES]);
        for ((first, second), &place) in first.iter_mut().zip(&mut second).zip(places) {
            (*first, *second) = (points[place].to_words(), points[place + 1].to_words());
        }
        let [x1, y1] = load(&first);
        let [x2, y2] = load(&second);
        let slope = multiply(&minus(&y2, &y1, &zeros()), &inverse_runs);
        let x = minus(&square(&slope), &x1, &x2);
        let y = minus(&multiply(&slope, &minus(&x1, &x, &zeros())), &y1, &zeros());
        for (&place, words) in places.iter().zip(store(&x, &y)) {
            points[place] = Affine::from_words(words);
        }
    }
}

#[target_feature(enable = "avx512f")]
pub(crate) fn take(fields: &[Field; LANES]) -> Numbers {
    let [numbers, _] = load(&fields.map(|field| {
        let [w0, w1, w2, w3] = field.to_words();
        [w0, w1, w2, w3, 0, 0, 0, 0]
    }));
    numbers
}

#[target_feature(enable = "avx512f,avx512ifma")]
pub(crate) fn give(numbers: &Numbers) -> [Field; LANES] {
    store(numbers, &zeros()).map(|[w0, w1, w2, w3, ..]| Field::from_words([w0, w1, w2, w3]))
}
