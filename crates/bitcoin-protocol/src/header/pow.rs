//! Proof of work: targets, their compact form, what they are worth, and how they follow from each other.
//!
//! A target is a 256-bit number that a block's hash, read little-endian, may not exceed. A header holds it as
//! *bits*: an exponent in bytes and 23 bits of mantissa, a floating-point format that OpenSSL left behind, sign included.
//!
//! ```text
//!   bits 0x1b0404cb ──► 0x0404cb · 256^(0x1b - 3)        rounding down on the way back, always
//! ```
//!
//! **Spec:** Core's `pow.cpp`, `arith_uint256::SetCompact` and `GetCompact`, `GetBitsProof` of `chain.cpp`.

use bitcoin::{BlockHash, CompactTarget, hashes::Hash};
use ruint::aliases::U256;

use crate::network::Params;

const SIGN: u32 = 0x0080_0000;
const MANTISSA: u32 = 0x007f_ffff;

/// How far a retarget may go, either way.
const STEP_MAX: i64 = 4;

/// What bits say, sense or nonsense.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expanded {
    /// The number without its sign, its bits above 256 lost.
    pub value: U256,
    /// Whether the sign is set on a number that is not zero.
    pub negative: bool,
    /// Whether bits above 256 were lost.
    pub overflow: bool,
}

/// Expands bits, whatever they are.
///
/// **Spec:** Core's `arith_uint256::SetCompact`.
#[must_use]
pub fn expand(bits: CompactTarget) -> Expanded {
    let bits = bits.to_consensus();
    let size = bits >> 24;
    let word = bits & MANTISSA;
    let (word, value) = if size <= 3 {
        let word = word >> (8 * (3 - size));
        (word, U256::from(word))
    } else {
        (word, shifted(U256::from(word), 8 * (size - 3)))
    };
    Expanded {
        value,
        negative: word != 0 && bits & SIGN != 0,
        overflow: word != 0
            && (size > 34 || (word > 0xff && size > 33) || (word > 0xffff && size > 32)),
    }
}

fn shifted(value: U256, bits: u32) -> U256 {
    if bits < 256 { value << bits } else { U256::ZERO }
}

/// Returns the bits of the largest target with a compact form that does not exceed `target`.
///
/// **Spec:** Core's `arith_uint256::GetCompact`.
#[must_use]
#[expect(clippy::cast_possible_truncation, reason = "at most 32 bytes, at most three of them kept")]
pub fn compact(target: U256) -> CompactTarget {
    let mut size = target.bit_len().div_ceil(8) as u32;
    let word = if size <= 3 {
        target.as_limbs()[0] << (8 * (3 - size))
    } else {
        (target >> (8 * (size - 3))).as_limbs()[0]
    };
    let mut word = word as u32;
    // The highest bit of the mantissa is the sign: a number that needs it is written with an exponent one larger.
    if word & SIGN != 0 {
        word >>= 8;
        size += 1;
    }
    CompactTarget::from_consensus(word | size << 24)
}

/// Returns the target that bits stand for, if it is one: from 1 to `limit`.
///
/// **Spec:** Core's `DeriveTarget`.
#[must_use]
pub fn target(bits: CompactTarget, limit: U256) -> Option<U256> {
    let Expanded { value, negative, overflow } = expand(bits);
    let is_target = !negative && !overflow && value != U256::ZERO && value <= limit;
    is_target.then_some(value)
}

/// Returns whether a hash satisfies the target that its header claims.
///
/// **Spec:** Core's `CheckProofOfWork`.
#[must_use]
pub fn check(hash: &BlockHash, bits: CompactTarget, limit: U256) -> bool {
    target(bits, limit).is_some_and(|target| U256::from_le_bytes(*hash.as_byte_array()) <= target)
}

/// Returns how many hashes it takes on average to satisfy a target: `2^256 / (target + 1)`, zero for no target.
///
/// **Spec:** Core's `GetBitsProof`.
#[must_use]
pub fn work(bits: CompactTarget) -> U256 {
    let Expanded { value, negative, overflow } = expand(bits);
    if negative || overflow || value == U256::ZERO {
        return U256::ZERO;
    }
    // 2^256 does not fit; `(2^256 - target - 1) / (target + 1) + 1` is the same.
    match value.checked_add(U256::ONE) {
        Some(divisor) => !value / divisor + U256::ONE,
        None => U256::ONE,
    }
}

/// Returns how much harder a block is to find than with bits 1d00ffff: what answers call difficulty.
///
/// **Spec:** Core's `GetDifficulty`.
#[must_use]
pub fn difficulty(bits: CompactTarget) -> f64 {
    let bits = bits.to_consensus();
    let exponent = 8 * (29 - bits.to_be_bytes().map(i32::from)[0]);
    // Zero bits give infinity, as in Core.
    f64::from(0xffff) / f64::from(bits & 0x00ff_ffff) * 2f64.powi(exponent)
}

/// What a retarget looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Period {
    /// Unix seconds of its first block.
    pub first_time: u32,
    /// Bits of its first block: what counts with BIP-0094, where the last may be a minimum-difficulty block.
    pub first_bits: CompactTarget,
    /// Unix seconds of its last block.
    pub last_time: u32,
    /// Bits of its last block.
    pub last_bits: CompactTarget,
}

/// Returns the bits after a period.
///
/// From the first block of 2,016 to the last are 2,015 intervals, yet the time is compared with that of 2,016: the
/// network has been a twentieth of a percent slow since 2009, and the period's own first interval is nobody's, which is
/// what the time-warp attack lives on.
///
/// **Spec:** Core's `CalculateNextWorkRequired`; BIP-0094.
#[must_use]
pub fn retarget(params: &Params, period: &Period) -> CompactTarget {
    if params.no_retargeting {
        return period.last_bits;
    }
    let wanted = i64::from(params.pow_target_timespan);
    let actual = i64::from(period.last_time) - i64::from(period.first_time);
    let actual = actual.max(wanted / STEP_MAX).min(wanted * STEP_MAX);
    let old = if params.enforce_bip94 { period.first_bits } else { period.last_bits };
    compact(scaled(old, actual, params))
}

/// Multiplies what bits stand for with `seconds` and divides it by the wanted time; no more than the limit.
fn scaled(bits: CompactTarget, seconds: i64, params: &Params) -> U256 {
    let wanted = U256::from(params.pow_target_timespan.max(1));
    let seconds = U256::from(seconds.unsigned_abs());
    // Core's product wraps; on networks that retarget it never does.
    (expand(bits).value.wrapping_mul(seconds) / wanted).min(params.pow_limit)
}

/// Returns whether the bits at `height` may follow those before, whatever the times were.
///
/// **Spec:** Core's `PermittedDifficultyTransition`.
#[must_use]
pub fn permitted_transition(
    params: &Params,
    height: u32,
    old: CompactTarget,
    new: CompactTarget,
) -> bool {
    if params.allow_min_difficulty_blocks {
        return true;
    }
    if !height.is_multiple_of(params.retarget_interval()) {
        return old == new;
    }
    let wanted = i64::from(params.pow_target_timespan);
    // Rounded as the rule rounds, then compared.
    let rounded = |seconds| expand(compact(scaled(old, seconds, params))).value;
    let observed = expand(new).value;
    observed <= rounded(wanted * STEP_MAX) && observed >= rounded(wanted / STEP_MAX)
}

#[cfg(test)]
mod tests;
