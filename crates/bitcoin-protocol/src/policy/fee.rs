//! Rates of fees.
//!
//! **Spec:** Bitcoin Core, `CFeeRate`, `FeeFrac`.

use std::cmp::Ordering;

/// Virtual bytes that a rate is given for.
const KILO: u64 = 1_000;

/// Satoshis for 1,000 virtual bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct FeeRate(pub u64);

impl FeeRate {
    /// Returns what so many virtual bytes cost at this rate, satoshis, rounded up.
    #[must_use]
    pub const fn fee(self, vsize: u64) -> u64 {
        self.0.saturating_mul(vsize).div_ceil(KILO)
    }
}

/// A fee and the size it is paid for. Ordered by their ratio, exactly.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct FeeFraction {
    /// Satoshis; negative where an operator has made it so.
    pub fee: i64,
    /// Virtual bytes.
    pub size: u64,
}

impl FeeFraction {
    /// Puts two together.
    #[must_use]
    pub const fn plus(self, other: Self) -> Self {
        Self { fee: self.fee.saturating_add(other.fee), size: self.size.saturating_add(other.size) }
    }

    /// Compares the ratios.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Ordering {
        let left = i128::from(self.fee) * i128::from(other.size);
        let right = i128::from(other.fee) * i128::from(self.size);
        left.cmp(&right)
    }

    /// Returns satoshis for 1,000 virtual bytes, rounded down.
    #[must_use]
    pub fn per_kilo(&self) -> i64 {
        let rate = i128::from(self.fee) * i128::from(KILO) / i128::from(self.size.max(1));
        i64::try_from(rate).unwrap_or(i64::MAX)
    }
}
