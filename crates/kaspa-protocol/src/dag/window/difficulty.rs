//! Difficulty bits from the difficulty window.

use ruint::{
    Uint,
    aliases::{U256, U320},
};

use super::{Sampling, WindowRules, Windows};
use crate::{
    dag::{BlockId, Dag, Ghostdag},
    target::{from_compact, to_compact},
};

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
                last = (bits, widened(from_compact(bits)));
            }
            sum += last.1;
        }
        sum -= widened(from_compact(self.bits(earliest)));
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
        let target = widened(from_compact(bits));
        scaled(target, earlier_target_time, rules.target_time, rules.max_target)
    }
}

/// Returns the target times `dividend` by `divisor`, at most `max`, in compact form.
fn scaled(target: U320, dividend: u64, divisor: u64, max: U256) -> u32 {
    let target = target.saturating_mul(U320::from(dividend)) / U320::from(divisor.max(1));
    let [a, b, c, d, _] = *target.min(widened(max)).as_limbs();
    to_compact(&U256::from_limbs([a, b, c, d]))
}

fn widened(target: U256) -> U320 {
    let [a, b, c, d] = *target.as_limbs();
    Uint::from_limbs([a, b, c, d, 0])
}
