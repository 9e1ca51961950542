//! Difficulty bits from the difficulty window, and the compact form of targets.

use ruint::{
    Uint,
    aliases::{U192, U256, U320},
};

use super::{Sampling, WindowRules, Windows};
use crate::dag::{BlockId, Dag, Ghostdag};

/// Returns the target that compact bits stand for: a 23-bit mantissa and a power of 256, as Bitcoin writes them. A mantissa with
/// the sign bit is zero; bits beyond 256 are lost.
#[must_use]
pub fn target_of_bits(bits: u32) -> U256 {
    let (mantissa, exponent) = (bits & 0x00ff_ffff, bits >> 24);
    if mantissa > 0x007f_ffff {
        return U256::ZERO;
    }
    let mantissa = U256::from(mantissa);
    if exponent <= 3 {
        mantissa >> (8 * (3 - exponent as usize))
    } else {
        mantissa << (8 * (exponent as usize - 3))
    }
}

/// Returns the compact bits of a target, rounded down.
#[must_use]
pub fn bits_of_target(target: U256) -> u32 {
    let mut size = target.byte_len();
    let mantissa = if size <= 3 { target << (8 * (3 - size)) } else { target >> (8 * (size - 3)) };
    // Three bytes at most.
    let mut mantissa = u32::try_from(mantissa).unwrap_or(u32::MAX);
    if mantissa & 0x0080_0000 != 0 {
        mantissa >>= 8;
        size += 1;
    }
    mantissa | u32::try_from(size).unwrap_or(0) << 24
}

/// Returns the hashes expected to be tried for these bits, 2^256 / (target + 1); the most there is if that is beyond 192 bits, as
/// no valid header's is.
///
/// Reference: `processes::difficulty::calc_work`.
#[must_use]
pub fn work_of_bits(bits: u32) -> U192 {
    let target = target_of_bits(bits);
    let Some(divisor) = target.checked_add(U256::ONE) else { return U192::ONE };
    let work = (!target / divisor).saturating_add(U256::ONE);
    let [low, middle, high, top] = *work.as_limbs();
    if top == 0 { U192::from_limbs([low, middle, high]) } else { U192::MAX }
}

impl Windows {
    /// Returns the bits a block of this window must have.
    ///
    /// The average target of the window without its earliest block, scaled by how long the window took against how long it should
    /// have. Spec: KIP-4; the reference's `calculate_difficulty_bits`.
    pub(in crate::dag) fn bits_after(
        &self,
        dag: &Dag,
        ghostdag: &Ghostdag,
        window: &[BlockId],
        rules: &WindowRules,
    ) -> u32 {
        let by_time = |&a: &BlockId, &b: &BlockId| {
            let time = |block| self.timestamp(block);
            time(a).cmp(&time(b)).then_with(|| dag.rank(a).cmp(&dag.rank(b)))
        };
        let others = window.len().saturating_sub(1) as u64;
        let earliest = window.iter().copied().min_by(by_time);
        let latest = window.iter().map(|&block| self.timestamp(block)).max();
        let (Some(earliest), Some(latest)) = (earliest, latest) else {
            return self.bits_unchanged(dag, ghostdag.selected_parent, rules);
        };
        if window.len() < rules.difficulty_min || others == 0 {
            return self.bits_unchanged(dag, ghostdag.selected_parent, rules);
        }
        let mut sum = U320::ZERO;
        let mut last = (0, U320::ZERO);
        for &block in window {
            let bits = self.bits(block);
            if last.0 != bits {
                last = (bits, widened(target_of_bits(bits)));
            }
            sum += last.1;
        }
        sum -= widened(target_of_bits(self.bits(earliest)));
        let measured = (latest - self.timestamp(earliest)).max(1);
        let due = rules.target_time.saturating_mul(rules.difficulty.rate).saturating_mul(others);
        scaled(sum / U320::from(others), measured, due, rules.max_target)
    }

    /// Returns the bits where the window is too short: genesis' before Crescendo, the selected parent's since, scaled once when
    /// the block rate changed.
    fn bits_unchanged(&self, dag: &Dag, parent: BlockId, rules: &WindowRules) -> u32 {
        let Sampling::Sampled { since, earlier_target_time } = rules.sampling else {
            return self.bits(self.genesis);
        };
        let bits = self.bits(parent);
        if parent == self.genesis || since == 0 {
            return bits;
        }
        if self.daa_score(dag.selected_parent(parent)) >= since {
            return bits;
        }
        let target = widened(target_of_bits(bits));
        scaled(target, earlier_target_time, rules.target_time, rules.max_target)
    }
}

/// Returns the target times `dividend` by `divisor`, at most `max`, in compact form.
fn scaled(target: U320, dividend: u64, divisor: u64, max: U256) -> u32 {
    let target = target.saturating_mul(U320::from(dividend)) / U320::from(divisor.max(1));
    let [a, b, c, d, _] = *target.min(widened(max)).as_limbs();
    bits_of_target(U256::from_limbs([a, b, c, d]))
}

fn widened(target: U256) -> U320 {
    let [a, b, c, d] = *target.as_limbs();
    Uint::from_limbs([a, b, c, d, 0])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compact_bits_and_targets_are_each_others_inverse() {
        for bits in [0x1d00_ffff, 0x207f_ffff, 0x1e7f_ffff, 0x1b00_8000, 0x0300_1234, 0x0200_1200] {
            let target = target_of_bits(bits);
            assert_eq!(target_of_bits(bits_of_target(target)), target, "{bits:08x}");
        }
        assert_eq!(bits_of_target(target_of_bits(0x207f_ffff)), 0x207f_ffff);
        assert_eq!(target_of_bits(0x0080_0000), U256::ZERO, "a sign bit");
        assert_eq!(bits_of_target(U256::from(0x80)), 0x0200_8000, "no sign bit");
        assert_eq!(target_of_bits(u32::MAX), U256::ZERO);
    }

    #[test]
    fn work_is_two_to_the_256_by_the_target() {
        assert_eq!(work_of_bits(0x207f_ffff), U192::from(2));
        assert_eq!(work_of_bits(0x1d00_ffff), U192::from(0x1_0001_0001_u64));
        assert_eq!(work_of_bits(0), U192::MAX, "no valid header has it");
    }
}
