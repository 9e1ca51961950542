//! Targets in their compact form, and the work they stand for.
//!
//! The compact form is Bitcoin's, mantissa and exponent of base 256, with two differences from
//! Bitcoin's reading of it: a negative mantissa is a target of zero, and what is shifted out above
//! 256 bits is lost without a word, until the shift itself starts anew at 256. No header on the chain depends on either.
//!
//! **Spec:** rusty-kaspa's `Uint256::from_compact_target_bits`, `compact_target_bits`, and `calc_work`,
//! `level_work` in `consensus/src/processes/difficulty.rs`.

use ruint::aliases::U256;

use crate::header::BlueWork;

/// What the value of a proof of work must not exceed.
pub type Target = U256;

/// Highest target of any network: 2^255 - 1.
pub const TARGET_MAX: Target = U256::from_limbs([u64::MAX, u64::MAX, u64::MAX, u64::MAX >> 1]);

/// [`TARGET_MAX`] as the reference rounds it for people.
pub const TARGET_MAX_F64: f64 = 5.789_604_461_865_81e76;

/// Highest power of two that the work of a level is taken for.
pub const LEVEL_WORK_BITS_MAX: u32 = 128;

/// Reads a target.
///
/// A size above 34 bytes shifts the mantissa out of the number. The reference's release build takes the
/// shift modulo 256 instead, so that some such bits are an easy target; a header that claims them is
/// refused all the same, for its difficulty and not for its work.
#[must_use]
pub fn from_compact(bits: u32) -> Target {
    let (size, mantissa) = (bits >> 24, bits & 0x00ff_ffff);
    let (mantissa, shift) = match size.checked_sub(3) {
        Some(above) => (mantissa, 8 * above as usize % U256::BITS),
        None => (mantissa >> (8 * (3 - size)), 0),
    };
    if mantissa > 0x007f_ffff { U256::ZERO } else { U256::from(mantissa) << shift }
}

/// Writes a target, rounded down to what the form can say.
#[must_use]
pub fn to_compact(target: &Target) -> u32 {
    let low = |number: &U256| u32::try_from(number & U256::from(u32::MAX)).unwrap_or(0);
    let mut size = target.bit_len().div_ceil(8);
    let mut mantissa = match size.checked_sub(3) {
        Some(above) => low(&(*target >> (8 * above))),
        None => low(target) << (8 * (3 - size)),
    };
    // The sign of the mantissa stays clear.
    if mantissa & 0x0080_0000 != 0 {
        mantissa >>= 8;
        size += 1;
    }
    mantissa | u32::try_from(size).unwrap_or(0) << 24
}

/// Returns the expected hashes a target stands for: 2^256 / (target + 1).
///
/// Targets below 2^64, which no network comes near, would need more than [`BlueWork`] holds and count
/// as its maximum.
#[must_use]
pub fn work(bits: u32) -> BlueWork {
    let target = from_compact(bits);
    let Some(divisor) = target.checked_add(U256::from(1)) else { return BlueWork::from(1) };
    let quotient = (!target / divisor).saturating_add(U256::from(1));
    match quotient.into_limbs() {
        [low, middle, high, 0] => BlueWork::from_limbs([low, middle, high]),
        _ => BlueWork::MAX,
    }
}

/// Returns the work a block of a level counts for at least; level 0 counts for none.
#[must_use]
pub fn level_work(level: u8, max_level: u8) -> BlueWork {
    if level == 0 {
        return BlueWork::ZERO;
    }
    let exponent = (u32::from(level) + 256).saturating_sub(max_level.into());
    BlueWork::from(1) << exponent.min(LEVEL_WORK_BITS_MAX) as usize
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn reads_the_corners_of_the_form() {
        assert_eq!(from_compact(0), U256::ZERO);
        assert_eq!(from_compact(0x0112_3456), U256::from(0x12));
        assert_eq!(from_compact(0x0212_3456), U256::from(0x1234));
        assert_eq!(from_compact(0x0412_3456), U256::from(0x1234_5600));
        assert_eq!(from_compact(0x0492_3456), U256::ZERO, "negative");
        assert_eq!(from_compact(0x2212_3456), U256::from(0x56) << 248);
        assert_eq!(from_compact(0x2312_3456), U256::from(0x0012_3456), "shifts start anew");
        assert_eq!(from_compact(0x207f_ffff), U256::from(0x007f_ffff) << 232);
        assert_eq!(to_compact(&U256::from(0x80)), 0x0200_8000);
        assert_eq!(to_compact(&TARGET_MAX), 0x207f_ffff);
    }

    #[test]
    fn work_halves_the_target() {
        assert_eq!(work(0x207f_ffff), BlueWork::from(2));
        assert_eq!(work(0), BlueWork::MAX, "a target nobody meets");
        assert_eq!(level_work(0, 225), BlueWork::ZERO);
        assert_eq!(level_work(1, 225), BlueWork::from(1) << 32);
        assert_eq!(level_work(225, 225), BlueWork::from(1) << 128);
    }

    proptest! {
        #[test]
        fn a_target_written_is_read_back_rounded_down(bytes: [u8; 32], shift in 0_usize..256) {
            let target = U256::from_be_bytes(bytes) >> shift;
            let read = from_compact(to_compact(&target));
            prop_assert!(read <= target);
            prop_assert!(target - read <= target >> 15);
            prop_assert_eq!(to_compact(&read), to_compact(&target));
        }
    }
}
