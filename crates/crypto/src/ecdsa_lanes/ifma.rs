//! Sums `a G + b P` of eight lanes side by side, by AVX-512 IFMA.
//!
//! # Why there is `unsafe` here
//!
//! As in [`group::ifma`](crate::group::ifma): the call of functions compiled for a processor with the instructions, which needs
//! a [`Sums`], made only where the processor has them. Loads and stores are that module's.
//!
//! # How
//!
//! ```text
//! P ──► 2P, P with one Z ──► 3P, 5P … 31P by additions of 2P that leave both terms with one Z
//!                            └─► all brought to the last one's Z: a table as if affine, on an isomorphic curve
//! from the highest bit down:   double; every 5 bits add ±dP and ±d'λP; every 13 bits ±eG and ±e'λG
//! ```
//!
//! On the isomorphic curve a point `(X, Y, Z)` is `(X, Y, Z · common)` on the true one; only the generator's multiples, which
//! are truly affine, and the result need the true Z.
//!
//! # Why a sum is right
//!
//! The formula for a sum fails where both X are equal; then it gives a Z of zero, and nothing later makes it another, for both
//! formulas multiply it. So **a result whose Z is not zero met no such case**. Doubling and the table never do: the group's order is a
//! prime far above 31. Lanes whose point is not on the curve are told apart by `on_curve`.

use std::sync::LazyLock;

use super::digits::{BITS, GENERATOR_WIDTH, Lanes, OfGenerator, OfPoint, POINT_WIDTH};
use crate::group::{
    curve::{GENERATOR, Jacobian},
    field::Field,
    ifma::{
        LANES, give,
        numbers::{
            Numbers, are_odd, are_zero, choose, difference, everywhere, fold, fold_times, less,
            load, load_from, minus, more, multiply, negated_in, plus, products, square, squares,
            store, zeros,
        },
        roots_of,
    },
};

/// Odd multiples of a point for digits of a width.
const POINT_MULTIPLES: usize = 1 << (POINT_WIDTH - 1);
const GENERATOR_MULTIPLES: usize = 1 << (GENERATOR_WIDTH - 1);

/// A point's X and Y, in words.
pub(super) type Row = [u64; 8];

/// For each odd multiple the lanes' points.
type Table = [[Row; LANES]; POINT_MULTIPLES];

const ONE: [u64; 5] = [1, 0, 0, 0, 0];
/// What a point of the curve's y² is more than its x³.
const SEVEN: u64 = 7;

/// A cube root of one: `(x, y) -> (βx, y)` multiplies by λ.
const BETA: [u64; 5] = [
    0x9_6c28_7195_01ee,
    0x7_512f_5899_5c13,
    0xc_3434_e99c_f049,
    0x7106_e644_79ea,
    0x7ae9_6a2b_657c,
];

/// G, 3G, 5G and so on.
static GENERATORS: LazyLock<Box<[Row; GENERATOR_MULTIPLES]>> = LazyLock::new(|| {
    let once = Jacobian { x: GENERATOR.x, y: GENERATOR.y, z: Field::ONE };
    let twice = Jacobian::all_to_affine(&[once.doubled()]);
    let mut multiples = Vec::with_capacity(GENERATOR_MULTIPLES);
    let mut multiple = once;
    for _ in 0..GENERATOR_MULTIPLES {
        multiples.push(multiple);
        multiple = twice.iter().fold(multiple, |multiple, twice| multiple.plus_affine(twice));
    }
    let mut rows = Box::new([[0; 8]; GENERATOR_MULTIPLES]);
    for (row, point) in rows.iter_mut().zip(Jacobian::all_to_affine(&multiples)) {
        *row = point.to_words();
    }
    rows
});

/// The right to call this module's functions: exists only where the processor has their features.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sums(());

/// Eight points and what they and the generator are multiplied with.
#[derive(Debug)]
pub(super) struct Terms {
    /// X and Y of each lane's point; Y is not looked at in the lanes of `lift`.
    pub(super) points: [Row; LANES],
    /// The lanes whose Y is to be found, and those of them where it is odd.
    pub(super) lift: u8,
    pub(super) odd: u8,
    pub(super) of_point: OfPoint,
    pub(super) of_generator: OfGenerator,
}

/// What [`Sums::points`] gives for a lane: the sum, if it was found.
pub(super) type Found = Option<Jacobian>;

impl Sums {
    pub(super) fn detect() -> Option<Self> {
        (is_x86_feature_detected!("avx512f") && is_x86_feature_detected!("avx512ifma"))
            .then_some(Self(()))
    }

    /// Returns the lanes whose point is on the curve and whose sum has the X told, modulo the field's modulus.
    ///
    /// A lane missing may be right all the same: its sum may have met an exception.
    pub(super) fn have_x<const N: usize>(
        self,
        terms: &[Terms; N],
        xs: &[[Row; LANES]; N],
    ) -> [u8; N] {
        #[expect(unsafe_code, reason = "the function is compiled for features that `self` proves")]
        // SAFETY: the processor has the target features: `detect` alone makes a `Sums`.
        unsafe {
            have_x(terms, xs)
        }
    }

    /// Returns the sum of each lane, unless its point is not on the curve or its sum met an exception.
    pub(super) fn points<const N: usize>(self, terms: &[Terms; N]) -> [[Found; LANES]; N] {
        #[expect(unsafe_code, reason = "the function is compiled for features that `self` proves")]
        // SAFETY: the processor has the target features: `detect` alone makes a `Sums`.
        unsafe {
            points(terms)
        }
    }
}

/// A sum so far, with the Z of the isomorphic curve.
#[derive(Clone, Copy)]
struct Point {
    x: Numbers,
    y: Numbers,
    z: Numbers,
}

/// Sums with their true Z, and the lanes where they are sums.
struct Total {
    point: Point,
    valid: u8,
}

#[target_feature(enable = "avx512f,avx512ifma")]
fn have_x<const N: usize>(terms: &[Terms; N], xs: &[[Row; LANES]; N]) -> [u8; N] {
    let mut valid = [0; N];
    for ((valid, total), x) in valid.iter_mut().zip(totals(terms)).zip(xs) {
        let [x, _] = load(x);
        // x = X / Z², without a division.
        let scaled = products(&x, &square(&total.point.z));
        *valid = total.valid & are_zero(&fold(&less(scaled, [&total.point.x])));
    }
    valid
}

#[target_feature(enable = "avx512f,avx512ifma")]
fn points<const N: usize>(terms: &[Terms; N]) -> [[Found; LANES]; N] {
    totals(terms).map(|Total { point, valid }| {
        let (x, y, z) = (give(&point.x), give(&point.y), give(&point.z));
        core::array::from_fn(|lane| {
            (valid >> lane & 1 == 1).then_some(Jacobian { x: x[lane], y: y[lane], z: z[lane] })
        })
    })
}

#[target_feature(enable = "avx512f,avx512ifma")]
fn totals<const N: usize>(terms: &[Terms; N]) -> [Total; N] {
    let lifted = lift(terms);
    let mut tables: [Table; N] = [[[[0; 8]; LANES]; POINT_MULTIPLES]; N];
    let mut common = [zeros(); N];
    let mut sums = [Point { x: zeros(), y: zeros(), z: everywhere(&ONE) }; N];
    for n in 0..N {
        common[n] = tabulate(&lifted[n].x, &lifted[n].y, &mut tables[n]);
        let [first, second] = terms[n].of_point.at(BITS / POINT_WIDTH - 1);
        let (x, y) = point_of(&tables[n], first);
        // The sign of the very first is taken by Y itself.
        sums[n].x = x;
        sums[n].y = choose(first.negative, &y, &minus(&zeros(), &y, &zeros()));
        add_point(&mut sums[n], &tables[n], second, true);
    }
    for bit in (0..BITS - POINT_WIDTH).rev() {
        for sum in &mut sums {
            double(sum);
        }
        if bit.is_multiple_of(POINT_WIDTH) {
            for n in 0..N {
                let digits = terms[n].of_point.at(bit / POINT_WIDTH);
                add_point(&mut sums[n], &tables[n], &digits[0], false);
                add_point(&mut sums[n], &tables[n], &digits[1], true);
            }
        }
        if bit.is_multiple_of(GENERATOR_WIDTH) {
            for n in 0..N {
                let digits = terms[n].of_generator.at(bit / GENERATOR_WIDTH);
                add_generator(&mut sums[n], &common[n], &digits[0], false);
                add_generator(&mut sums[n], &common[n], &digits[1], true);
            }
        }
    }
    core::array::from_fn(|n| {
        let Point { x, y, z } = sums[n];
        let z = multiply(&z, &common[n]);
        Total { point: Point { x, y, z }, valid: lifted[n].on_curve & !are_zero(&z) }
    })
}

/// Points of the lanes, and which of them are.
#[derive(Clone, Copy)]
struct Lifted {
    x: Numbers,
    y: Numbers,
    on_curve: u8,
}

/// Finds the Y of the lanes that lack it, and looks whether each point is on the curve.
#[target_feature(enable = "avx512f,avx512ifma")]
fn lift<const N: usize>(terms: &[Terms; N]) -> [Lifted; N] {
    let mut lifted = [Lifted { x: zeros(), y: zeros(), on_curve: 0 }; N];
    let mut squares_of_y = [zeros(); N];
    for n in 0..N {
        let [x, y] = load(&terms[n].points);
        (lifted[n].x, lifted[n].y) = (x, y);
        squares_of_y[n] = fold(&more(products(&x, &square(&x)), SEVEN));
    }
    if terms.iter().any(|terms| terms.lift != 0) {
        let roots = roots_of(&squares_of_y);
        for n in 0..N {
            let other = are_odd(&roots[n]) ^ terms[n].odd;
            let root = choose(other, &roots[n], &minus(&zeros(), &roots[n], &zeros()));
            lifted[n].y = choose(terms[n].lift, &lifted[n].y, &root);
        }
    }
    for (lifted, square_of_y) in lifted.iter_mut().zip(&squares_of_y) {
        lifted.on_curve = are_zero(&fold(&less(squares(&lifted.y), [square_of_y])));
    }
    lifted
}

/// Fills a table with the odd multiples of a point, all with one Z, and returns that.
#[target_feature(enable = "avx512f,avx512ifma")]
fn tabulate(x: &Numbers, y: &Numbers, table: &mut Table) -> Numbers {
    let none = zeros();
    let yy = square(y);
    let slope = fold_times::<3>(&squares(x));
    // The point and its double, both with a Z of 2y.
    let mut points = [(none, none); POINT_MULTIPLES];
    points[0] = (fold_times::<4>(&products(x, &yy)), fold_times::<8>(&squares(&yy)));
    let (x1, y1) = points[0];
    let mut x2 = fold(&less(squares(&slope), [&x1, &x1]));
    let mut y2 = fold(&less(products(&slope, &minus(&x1, &x2, &none)), [&y1]));
    let mut runs = [none; POINT_MULTIPLES];
    for place in 1..POINT_MULTIPLES {
        let (x1, y1) = points[place - 1];
        let (run, rise) = (minus(&x2, &x1, &none), minus(&y2, &y1, &none));
        let run_squared = square(&run);
        let (w1, w2) = (multiply(&x1, &run_squared), multiply(&x2, &run_squared));
        let taken = multiply(&y2, &minus(&w2, &w1, &none));
        let x = fold(&less(squares(&rise), [&w1, &w2]));
        let y = fold(&less(products(&rise, &minus(&w2, &x, &none)), [&taken]));
        points[place] = (x, y);
        runs[place] = run;
        // The double once more, with the sum's Z.
        (x2, y2) = (w2, taken);
    }
    let mut scale = everywhere(&ONE);
    for place in (0..POINT_MULTIPLES).rev() {
        let (x, y) = points[place];
        let squared = square(&scale);
        let y = multiply(&y, &multiply(&squared, &scale));
        table[place] = store(&multiply(&x, &squared), &y);
        if place > 0 {
            scale = multiply(&scale, &runs[place]);
        }
    }
    multiply(&scale, &plus(y, y))
}

/// Returns the multiples that digits name, all with their positive sign.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn point_of(table: &Table, digits: &Lanes) -> (Numbers, Numbers) {
    let mut rows = [&table[0][0]; LANES];
    for (lane, row) in rows.iter_mut().enumerate() {
        *row = &table[usize::from(digits.places[lane]) % POINT_MULTIPLES][lane];
    }
    let [x, y] = load_from(rows);
    (x, y)
}

/// Adds a multiple of the lanes' own points, or of their images by the endomorphism.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn add_point(sum: &mut Point, table: &Table, digits: &Lanes, image: bool) {
    let (x, y) = point_of(table, digits);
    let z = sum.z;
    add(sum, &z, &x, &y, digits.negative, image);
}

/// Adds a multiple of the generator, or of its image.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline]
fn add_generator(sum: &mut Point, common: &Numbers, digits: &Lanes, image: bool) {
    let generators = &**GENERATORS;
    let mut rows = [&generators[0]; LANES];
    for (row, &place) in rows.iter_mut().zip(&digits.places) {
        *row = &generators[usize::from(place) % GENERATOR_MULTIPLES];
    }
    let [x, y] = load_from(rows);
    let z = multiply(&sum.z, common);
    add(sum, &z, &x, &y, digits.negative, image);
}

/// Adds an affine point, negated in some lanes; `z` is the sum's Z on the curve where the point is affine.
///
/// Gives a Z of zero where both X are equal.
#[target_feature(enable = "avx512f,avx512ifma")]
#[inline(never)]
fn add(sum: &mut Point, z: &Numbers, x: &Numbers, y: &Numbers, negative: u8, image: bool) {
    let x = if image { multiply(x, &everywhere(&BETA)) } else { *x };
    let zz = square(z);
    let y = negated_in(negative, products(y, &multiply(&zz, z)));
    let rise = fold(&less(y, [&sum.y]));
    let run = fold(&less(products(&x, &zz), [&sum.x]));
    let run_squared = square(&run);
    let cube = multiply(&run, &run_squared);
    let v = multiply(&sum.x, &run_squared);
    let x = fold(&less(squares(&rise), [&cube, &v, &v]));
    let right = products(&rise, &minus(&v, &x, &zeros()));
    *sum = Point {
        x,
        y: fold(&difference(right, &products(&sum.y, &cube))),
        z: multiply(&sum.z, &run),
    };
}

#[target_feature(enable = "avx512f,avx512ifma")]
#[inline(never)]
fn double(sum: &mut Point) {
    let Point { x, y, z } = sum;
    let yy = square(y);
    let slope = fold_times::<3>(&squares(x));
    let s = fold_times::<4>(&products(x, &yy));
    let yyyy = fold_times::<8>(&squares(&yy));
    let x = fold(&less(squares(&slope), [&s, &s]));
    let right = products(&slope, &minus(&s, &x, &zeros()));
    *sum = Point { x, y: fold(&less(right, [&yyyy])), z: fold_times::<2>(&products(y, z)) };
}
