//! Whether a matrix has full rank, in the words of the reference: by floating point.
//!
//! The reference eliminates in 64-bit floating point, takes the first row whose value in the column
//! exceeds 10⁻⁹ as the pivot, and calls the rank full if every column has one. Every node must decide
//! as it does. That differs from the rank of the integers: the last pivot of a random matrix is spread
//! over some units, so that about one matrix in 10¹⁰ of full rank has one within 10⁻⁹ of zero. Who
//! wants one can search for it; a node that computed the rank exactly, or modulo a prime, would then
//! draw another matrix than the others and leave the chain. No integer computation tells how the
//! rounded one ends, so the rounded one is done; but only what a decision depends on:
//!
//! - Rows that have been pivots are never asked again: the reference goes on eliminating in them.
//!   Without that a third of the work is gone.
//! - A row's values change in the same order and with the same roundings whether one pivot is
//!   eliminated at a time or several, so that pivots are taken in pairs: half the loads and stores.
//! - A multiplier within 10⁻⁹ of zero is skipped by the reference; here it is replaced by zero, which
//!   changes no value.
//!
//! **Spec:** rusty-kaspa's `Matrix::compute_rank`.

use super::matrix::SIDE;

/// Values this close to zero are taken for it.
const EPSILON: f64 = 1e-9;

type Row = [f64; SIDE];

/// Returns whether the reference's elimination finds a pivot in every column.
pub(super) fn has_full_rank(matrix: &[[u8; SIDE]; SIDE]) -> bool {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") {
        #[expect(unsafe_code, reason = "the function is compiled for the feature checked above")]
        // SAFETY: the processor has the target feature of `has_full_rank_avx2`, by the check above.
        return unsafe { has_full_rank_avx2(matrix) };
    }
    eliminates(matrix)
}

/// The same four values at a time; products are not fused with sums, so that every value is rounded as without.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2")]
fn has_full_rank_avx2(matrix: &[[u8; SIDE]; SIDE]) -> bool {
    eliminates(matrix)
}

#[inline(always)]
fn eliminates(matrix: &[[u8; SIDE]; SIDE]) -> bool {
    let mut rows: Box<[Row; SIDE]> = Box::new([[0.0; SIDE]; SIDE]);
    for (row, nibbles) in rows.iter_mut().zip(matrix) {
        row.iter_mut().zip(nibbles).for_each(|(value, nibble)| *value = f64::from(*nibble));
    }
    // Rows before `column` have been pivots; the rest keep their order, which decides on pivots.
    for column in (0..SIDE).step_by(2) {
        let Some(first) = take_pivot(&mut rows[column..], column) else { return false };
        for row in &mut rows[column + 1..] {
            // The second pivot is chosen by its column, which the first has to be eliminated from.
            let multiplier = multiplier(row[column]);
            row[column] = multiplier;
            row[column + 1] -= first[column + 1] * multiplier;
        }
        let next = column + 1;
        let Some(position) = pivot(&rows[next..], next) else { return false };
        let second = &mut rows[next + position];
        eliminate(second, &first, next + 1);
        let Some(second) = take(&mut rows[next..], position, next) else { return false };
        for row in &mut rows[next + 1..] {
            eliminate_both(row, &first, &second, column);
        }
    }
    true
}

/// Brings the first row with a pivot in `column` to the front, the others keeping their order, and
/// returns it divided by the pivot.
#[inline(always)]
fn take_pivot(rows: &mut [Row], column: usize) -> Option<Row> {
    let position = pivot(rows, column)?;
    take(rows, position, column)
}

#[inline(always)]
fn take(rows: &mut [Row], position: usize, column: usize) -> Option<Row> {
    rows.get_mut(..=position)?.rotate_right(1);
    let mut row = *rows.first()?;
    let pivot = row[column];
    row[column + 1..].iter_mut().for_each(|value| *value /= pivot);
    Some(row)
}

#[inline(always)]
fn pivot(rows: &[Row], column: usize) -> Option<usize> {
    rows.iter().position(|row| row[column].abs() > EPSILON)
}

#[inline(always)]
fn multiplier(value: f64) -> f64 {
    if value.abs() > EPSILON { value } else { 0.0 }
}

/// Takes the pivot row `first` out of what is right of `from`; the multiplier stands before it.
#[inline(always)]
fn eliminate(row: &mut Row, first: &Row, from: usize) {
    let multiplier = row[from - 2];
    for (value, first) in row[from..].iter_mut().zip(&first[from..]) {
        *value -= first * multiplier;
    }
}

/// Takes two pivot rows, of `column` and the next, out of what is right of them.
#[inline(always)]
fn eliminate_both(row: &mut Row, first: &Row, second: &Row, column: usize) {
    let (of_first, of_second) = (row[column], multiplier(row[column + 1]));
    let from = column + 2;
    let pivots = first[from..].iter().zip(&second[from..]);
    for (value, (first, second)) in row[from..].iter_mut().zip(pivots) {
        *value = *value - first * of_first - second * of_second;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The procedure as the reference states it, one column and all rows at a time.
    fn plain(matrix: &[[u8; SIDE]; SIDE]) -> bool {
        let mut rows = matrix.map(|row| row.map(f64::from));
        let mut taken = [false; SIDE];
        for column in 0..SIDE {
            let found = (0..SIDE).find(|row| !taken[*row] && rows[*row][column].abs() > EPSILON);
            let Some(pivot) = found else { return false };
            taken[pivot] = true;
            let by = rows[pivot][column];
            rows[pivot][column + 1..].iter_mut().for_each(|value| *value /= by);
            let pivot_row = rows[pivot];
            for (index, row) in rows.iter_mut().enumerate() {
                if index != pivot && row[column].abs() > EPSILON {
                    let by = row[column];
                    for at in column + 1..SIDE {
                        row[at] -= pivot_row[at] * by;
                    }
                }
            }
        }
        true
    }

    /// Sparse, small or repetitive matrices, of which a good part is singular.
    fn matrices() -> impl Strategy<Value = Box<[[u8; SIDE]; SIDE]>> {
        let nibbles = proptest::collection::vec(0_u8..16, SIDE * SIDE);
        (nibbles, 0_u8..16, 0_usize..4, any::<[u8; 2]>()).prop_map(|(nibbles, keep, copies, at)| {
            let mut rows = Box::new([[0; SIDE]; SIDE]);
            for (to, from) in rows.as_flattened_mut().iter_mut().zip(nibbles) {
                *to = if from <= keep { from } else { 0 };
            }
            for copy in 0..copies {
                // A sum of rows, cut to nibbles: dependent if nothing was cut.
                let (a, b) = (usize::from(at[0]) % SIDE, (usize::from(at[1]) + copy) % SIDE);
                let target = (a + b + copy) % SIDE;
                rows[target] =
                    core::array::from_fn(|column| (rows[a][column] + rows[b][column]) & 15);
            }
            rows
        })
    }

    proptest! {
        #[test]
        fn decides_as_the_plain_procedure_does(matrix in matrices()) {
            prop_assert_eq!(has_full_rank(&matrix), plain(&matrix));
            prop_assert_eq!(eliminates(&matrix), plain(&matrix));
        }
    }
}
