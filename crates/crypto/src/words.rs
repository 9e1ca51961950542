//! Steps of arithmetic on numbers of several 64-bit words.

/// Returns the lower and upper word of `a * b + c + d`, which fits two words.
#[inline(always)]
#[expect(clippy::cast_possible_truncation, reason = "the lower and the upper half")]
pub(crate) const fn multiply_add(a: u64, b: u64, c: u64, d: u64) -> (u64, u64) {
    let sum = a as u128 * b as u128 + c as u128 + d as u128;
    (sum as u64, (sum >> 64) as u64)
}

/// Returns `a + b + carry` and whether it exceeds a word.
#[inline(always)]
pub(crate) const fn add_carry(a: u64, b: u64, carry: bool) -> (u64, bool) {
    let (sum, first) = a.overflowing_add(b);
    let (sum, second) = sum.overflowing_add(carry as u64);
    (sum, first | second)
}

/// Returns `a - b - borrow` and whether it is below zero.
#[inline(always)]
pub(crate) const fn subtract_borrow(a: u64, b: u64, borrow: bool) -> (u64, bool) {
    let (rest, first) = a.overflowing_sub(b);
    let (rest, second) = rest.overflowing_sub(borrow as u64);
    (rest, first | second)
}

/// Reads 32 big-endian bytes, the lowest word first.
pub(crate) fn from_be_bytes(bytes: &[u8; 32]) -> [u64; 4] {
    let (chunks, _) = bytes.as_chunks::<8>();
    core::array::from_fn(|word| u64::from_be_bytes(chunks[3 - word]))
}

/// Returns `a + b` and whether it exceeds four words.
#[inline(always)]
pub(crate) fn add(a: &[u64; 4], b: &[u64; 4]) -> ([u64; 4], bool) {
    let (w0, carry) = add_carry(a[0], b[0], false);
    let (w1, carry) = add_carry(a[1], b[1], carry);
    let (w2, carry) = add_carry(a[2], b[2], carry);
    let (w3, carry) = add_carry(a[3], b[3], carry);
    ([w0, w1, w2, w3], carry)
}

/// Returns `a - b` and whether it is below zero.
#[inline(always)]
pub(crate) fn subtract(a: &[u64; 4], b: &[u64; 4]) -> ([u64; 4], bool) {
    let (w0, borrow) = subtract_borrow(a[0], b[0], false);
    let (w1, borrow) = subtract_borrow(a[1], b[1], borrow);
    let (w2, borrow) = subtract_borrow(a[2], b[2], borrow);
    let (w3, borrow) = subtract_borrow(a[3], b[3], borrow);
    ([w0, w1, w2, w3], borrow)
}
