//! From bytes to lanes and back: numbers read and inverted together, eight items to a group, two groups at a time.

use super::{
    EcdsaItem, RecoverItem,
    digits::{GENERATOR_WIDTH, OfGenerator, OfPoint, POINT_WIDTH},
    ifma::{Row, Sums, Terms},
};
use crate::{
    group::{
        curve::{GENERATOR, Jacobian},
        field::Field,
        ifma::LANES,
        scalar::Scalar,
    },
    secp::{halves, reduce},
};

/// Items from which on lanes that are not all filled are faster than one by one.
const WORTH_WHILE: usize = 4;

/// Groups under way at a time, so that the processor has other work while a chain of products waits.
const TOGETHER: usize = 2;

/// The right to use lanes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lanes(Sums);

/// What a lane computes, `2 (generator · G + factor · P)`, and for which item.
#[derive(Debug, Clone, Copy)]
struct Lane {
    item: usize,
    point: Point,
    factor: Scalar,
    generator: Scalar,
    /// The X its sum should have, if one is known.
    x: Scalar,
}

/// A point of a signature's own: X and Y, or X and the parity of a Y to be found.
#[derive(Debug, Clone, Copy)]
struct Point {
    row: Row,
    lift: bool,
    odd: bool,
}

impl Lanes {
    /// Returns the lanes, if the processor has them and they are faster for so many items.
    pub(super) fn for_items(items: usize) -> Option<Self> {
        if items < WORTH_WHILE { None } else { Sums::detect().map(Self) }
    }

    /// Sets the places of those items whose signature is proven to be valid.
    pub(super) fn verify(self, items: &[EcdsaItem<'_>], valid: &mut [bool]) {
        let mut lanes = Vec::with_capacity(items.len());
        let mut divisors = Vec::with_capacity(items.len());
        for (item, EcdsaItem { signature, public_key, message }) in items.iter().enumerate() {
            let Some((r, s)) = numbers(signature) else { continue };
            let Some(point) = Point::of_key(public_key) else { continue };
            let Some(generator) = Scalar::from_bytes(&reduce(**message)) else { continue };
            lanes.push(Lane { item, point, factor: r, generator, x: r });
            divisors.push(s);
        }
        divide(&mut lanes, divisors);
        for lanes in lanes.chunks(TOGETHER * LANES) {
            if lanes.len() > LANES {
                self.verify_groups::<TOGETHER>(lanes, valid);
            } else {
                self.verify_groups::<1>(lanes, valid);
            }
        }
    }

    fn verify_groups<const N: usize>(self, lanes: &[Lane], valid: &mut [bool]) {
        let groups = groups::<N>(lanes);
        let proven = self.0.have_x(&groups.map(terms), &groups.map(xs));
        for (group, proven) in groups.into_iter().zip(proven) {
            for (at, lane) in group.iter().enumerate() {
                valid[lane.item] = proven >> at & 1 == 1;
            }
        }
    }

    /// Sets the places of those items whose key is found.
    pub(super) fn recover(self, items: &[RecoverItem], keys: &mut [Option<[u8; 64]>]) {
        let mut lanes = Vec::with_capacity(items.len());
        let mut divisors = Vec::with_capacity(items.len());
        for (item, &RecoverItem { signature, odd, message }) in items.iter().enumerate() {
            let Some((r, s)) = numbers(&signature) else { continue };
            let Some(message) = Scalar::from_bytes(&reduce(message)) else { continue };
            let point = Point::lifted(r.to_words(), odd);
            lanes.push(Lane { item, point, factor: s, generator: message.negated(), x: r });
            divisors.push(r);
        }
        divide(&mut lanes, divisors);
        let mut found = Vec::with_capacity(lanes.len());
        let mut of_items = Vec::with_capacity(lanes.len());
        for lanes in lanes.chunks(TOGETHER * LANES) {
            let points = if lanes.len() > LANES {
                self.0.points(&groups::<TOGETHER>(lanes).map(terms)).to_vec()
            } else {
                self.0.points(&groups::<1>(lanes).map(terms)).to_vec()
            };
            let points = lanes.iter().zip(points.into_iter().flatten());
            for (lane, point) in points.filter_map(|(lane, point)| Some((lane, point?))) {
                of_items.push(lane.item);
                found.push(point);
            }
        }
        for (item, point) in of_items.into_iter().zip(Jacobian::all_to_affine(&found)) {
            let mut key = [0; 64];
            key[..32].copy_from_slice(&point.x.to_bytes());
            key[32..].copy_from_slice(&point.y.to_bytes());
            keys[item] = Some(key);
        }
    }
}

impl Point {
    const fn lifted([x0, x1, x2, x3]: [u64; 4], odd: bool) -> Self {
        Self { row: [x0, x1, x2, x3, 0, 0, 0, 0], lift: true, odd }
    }

    /// Reads a key; `None` where the lanes cannot say whether it is one.
    fn of_key(key: &[u8]) -> Option<Self> {
        let (&form, coordinates) = key.split_first()?;
        let (x, y) = coordinates.split_first_chunk()?;
        let x = Field::from_bytes(x)?;
        match form {
            2 | 3 if y.is_empty() => Some(Self::lifted(x.to_words(), form == 3)),
            4 | 6 | 7 => {
                let y = Field::from_bytes(y.try_into().ok()?)?;
                if form != 4 && y.is_odd() != (form == 7) {
                    return None;
                }
                let ([x0, x1, x2, x3], [y0, y1, y2, y3]) = (x.to_words(), y.to_words());
                Some(Self { row: [x0, x1, x2, x3, y0, y1, y2, y3], lift: false, odd: false })
            }
            _ => None,
        }
    }
}

/// Reads r and s, if both are between one and the order.
fn numbers(signature: &[u8; 64]) -> Option<(Scalar, Scalar)> {
    let (r, s) = halves(signature);
    let (r, s) = (Scalar::from_bytes(&r)?, Scalar::from_bytes(&s)?);
    (!r.is_zero() && !s.is_zero()).then_some((r, s))
}

/// Divides each lane's factors by twice its divisor, which is not zero.
fn divide(lanes: &mut [Lane], mut divisors: Vec<Scalar>) {
    for divisor in &mut divisors {
        *divisor = divisor.plus(*divisor);
    }
    Scalar::invert_all(&mut divisors);
    for (lane, inverse) in lanes.iter_mut().zip(divisors) {
        lane.factor = lane.factor.times(inverse);
        lane.generator = lane.generator.times(inverse);
    }
}

/// Returns the first eight lanes, the next eight and so on.
fn groups<const N: usize>(lanes: &[Lane]) -> [&[Lane]; N] {
    let mut groups = lanes.chunks(LANES);
    core::array::from_fn(|_| groups.next().unwrap_or_default())
}

/// Returns what at most eight lanes compute; lanes left over compute something.
fn terms(lanes: &[Lane]) -> Terms {
    let mut points = [GENERATOR.to_words(); LANES];
    let (mut factors, mut generators) = ([Scalar::ZERO; LANES], [Scalar::ZERO; LANES]);
    let (mut lift, mut odd) = (0, 0);
    for (at, lane) in lanes.iter().enumerate() {
        points[at] = lane.point.row;
        lift |= u8::from(lane.point.lift) << at;
        odd |= u8::from(lane.point.odd) << at;
        (factors[at], generators[at]) = (lane.factor, lane.generator);
    }
    Terms {
        points,
        lift,
        odd,
        of_point: OfPoint::of::<POINT_WIDTH>(&factors),
        of_generator: OfGenerator::of::<GENERATOR_WIDTH>(&generators),
    }
}

fn xs(lanes: &[Lane]) -> [Row; LANES] {
    let mut rows = [[0; 8]; LANES];
    for (row, lane) in rows.iter_mut().zip(lanes) {
        row[..4].copy_from_slice(&lane.x.to_words());
    }
    rows
}
