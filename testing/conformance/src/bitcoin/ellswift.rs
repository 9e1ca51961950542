//! `bip324_ellswift*.csv`, `bip324_xswiftec*.csv`: public keys that look like random bytes.
//!
//! Decoding is the curve library's. Its encoder draws a random pre-image and does not say which ones there
//! are, so the eight inverses are computed here, over the field, for these vectors alone.

use std::path::Path;

use bitcoin::secp256k1::{PublicKey, ellswift::ElligatorSwift};
use quintet_primitives::hex;
use ruint::{aliases::U256, uint};

use super::array;
use crate::{
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq},
};

/// The order of the field.
const P: U256 = uint!(0xfffffffffffffffffffffffffffffffffffffffffffffffffffffffefffffc2f_U256);

pub(super) struct EllSwift;

impl Suite for EllSwift {
    fn name(&self) -> &'static str {
        "ellswift"
    }

    fn claims(&self, name: &Path) -> bool {
        ["bip324_ellswift", "bip324_xswiftec"]
            .iter()
            .any(|begin| super::is_named(name, begin, ".csv"))
    }

    fn run(&self, file: &File, report: &mut Report) {
        let is_inverse = file.own_name().starts_with("bip324_xswiftec");
        let (columns, check): (_, fn(&[&str]) -> _) = if is_inverse {
            (
                "u,x,case0_t,case1_t,case2_t,case3_t,case4_t,case5_t,case6_t,case7_t,comment",
                check_inverse,
            )
        } else {
            ("ellswift,x,comment", check_decoding)
        };
        super::csv_rows(file, report, columns, check);
    }
}

/// The x coordinate an encoding stands for.
fn decode(u: &[u8; 32], t: &[u8; 32]) -> String {
    let mut encoding = [0; 64];
    encoding[..32].copy_from_slice(u);
    encoding[32..].copy_from_slice(t);
    let key = PublicKey::from_ellswift(ElligatorSwift::from_array(encoding));
    hex::encode(&key.x_only_public_key().0.serialize())
}

fn check_decoding(row: &[&str]) -> Result<(), Mismatch> {
    let [encoding, x, comment] = row else { return Err(Mismatch::new("columns", 3, row.len())) };
    let whole: [u8; 64] = array("ellswift", encoding)?;
    let (u, t) = whole.split_at(32);
    let half = |half: &[u8]| half.first_chunk().copied().unwrap_or([0; 32]);
    expect_eq("x", *x, decode(&half(u), &half(t)).as_str())?;
    // Remarks about a part of the encoding that is zero in the field.
    for (part, remark) in [(u, "u%p=0"), (t, "t%p=0")] {
        let is_zero = U256::from_be_slice(part).reduce_mod(P) == U256::ZERO;
        if comment.split(';').any(|other| other == remark) {
            expect_eq(remark, true, is_zero)?;
        }
    }
    Ok(())
}

fn check_inverse(row: &[&str]) -> Result<(), Mismatch> {
    let (Some((u, x)), Some(cases)) = (row.first().zip(row.get(1)), row.get(2..10)) else {
        return Err(Mismatch::new("columns", 11, row.len()));
    };
    let (u, raw_x): ([u8; 32], [u8; 32]) = (array("u", u)?, array("x", x)?);
    for (case, expected) in cases.iter().enumerate() {
        let inverse = inverse(Field::read(&raw_x), Field::read(&u), case);
        let actual = inverse.map(|t| format!("{:064x}", t.0)).unwrap_or_default();
        expect_eq(format!("case {case}"), *expected, actual.as_str())?;
        if !expected.is_empty() {
            let t = array("t", expected)?;
            expect_eq(format!("x of case {case}"), *x, decode(&u, &t).as_str())?;
        }
    }
    Ok(())
}

/// A number modulo [`P`].
#[derive(Clone, Copy, PartialEq, Eq)]
struct Field(U256);

impl Field {
    fn read(bytes: &[u8; 32]) -> Self {
        Self(U256::from_be_bytes(*bytes).reduce_mod(P))
    }

    fn small(number: u64) -> Self {
        Self(U256::from(number))
    }

    fn add(self, other: Self) -> Self {
        Self(self.0.add_mod(other.0, P))
    }

    fn negate(self) -> Self {
        Self((P - self.0).reduce_mod(P))
    }

    fn sub(self, other: Self) -> Self {
        self.add(other.negate())
    }

    fn mul(self, other: Self) -> Self {
        Self(self.0.mul_mod(other.0, P))
    }

    fn pow(self, exponent: U256) -> Self {
        Self(self.0.pow_mod(exponent, P))
    }

    /// Divides; by zero gives zero.
    fn div(self, other: Self) -> Self {
        self.mul(other.pow(P - U256::from(2)))
    }

    /// The square root that is itself a square.
    fn sqrt(self) -> Option<Self> {
        let root = self.pow((P >> 2) + U256::from(1));
        (root.mul(root) == self).then_some(root)
    }

    /// Right side of the curve's equation, x³ + 7.
    fn curve(self) -> Self {
        self.mul(self).mul(self).add(Self::small(7))
    }
}

/// The inverse of the map in one of its eight branches (BIP-0324, `xswiftec_inv`).
fn inverse(x: Field, u: Field, case: usize) -> Option<Field> {
    let u2 = u.mul(u);
    let (s, v) = if case & 2 == 0 {
        if x.add(u).negate().curve().sqrt().is_some() {
            return None;
        }
        let below = u2.add(u.mul(x)).add(x.mul(x));
        (u.curve().negate().div(below), x)
    } else {
        let s = x.sub(u);
        if s == Field::small(0) {
            return None;
        }
        let inner = Field::small(4).mul(u.curve()).add(Field::small(3).mul(s).mul(u2));
        let r = s.negate().mul(inner).sqrt()?;
        if case & 1 == 1 && r == Field::small(0) {
            return None;
        }
        (s, r.div(s).sub(u).div(Field::small(2)))
    };
    let w = s.sqrt()?;
    let root = Field::small(3).negate().sqrt()?;
    let one = Field::small(1);
    let factor = if case & 1 == 0 { one.sub(root) } else { one.add(root) };
    let t = w.mul(u.mul(factor).div(Field::small(2)).add(v));
    Some(if matches!(case & 5, 0 | 5) { t.negate() } else { t })
}
