//! Blob fees of L1 over time: part of what L1 information says from Ecotone.
//!
//! **Spec:** EIP-4844, EIP-7691 (Prague), EIP-7892 (schedules), and each L1's own fork times.

use alloy_eips::eip7840::BlobParams;

/// Steps kept of a schedule.
const STEPS_MAX: usize = 32;

/// Blob parameters of L1, each with the time from which it holds; before the first, Cancun's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobSchedule {
    /// Sorted by time.
    steps: Vec<(u64, BlobParams)>,
    /// When Prague began, for chains that followed its schedule late.
    prague: Option<u64>,
}

impl BlobSchedule {
    /// Returns the schedule of a public L1, or that of a chain that has every fork from genesis but keeps Prague's
    /// parameters, as development chains do.
    #[must_use]
    pub fn of_chain(l1_chain_id: u64) -> Self {
        let [prague, osaka, bpo1, bpo2] = match l1_chain_id {
            1 => [1_746_612_311, 1_764_798_551, 1_765_290_071, 1_767_747_671],
            11_155_111 => [1_741_159_776, 1_760_427_360, 1_761_017_184, 1_761_607_008],
            17_000 => [1_740_434_112, 1_759_308_480, 1_759_800_000, 1_760_389_824],
            560_048 => [1_742_999_832, 1_761_677_592, 1_762_365_720, 1_762_955_544],
            _ => return Self { steps: vec![(0, BlobParams::prague())], prague: Some(0) },
        };
        let steps = vec![
            (prague, BlobParams::prague()),
            (osaka, BlobParams::osaka()),
            (bpo1, BlobParams::bpo1()),
            (bpo2, BlobParams::bpo2()),
        ];
        Self { steps, prague: Some(prague) }
    }

    /// Makes a schedule from steps in any order; of more than 32, the first count. `prague` is when Prague began.
    #[must_use]
    pub fn new(mut steps: Vec<(u64, BlobParams)>, prague: Option<u64>) -> Self {
        steps.truncate(STEPS_MAX);
        steps.sort_by_key(|(time, _)| *time);
        Self { steps, prague }
    }

    /// Returns the blob base fee of an L1 block in wei. `late` is when this L2 began to follow Prague's schedule, if late.
    #[must_use]
    pub fn blob_base_fee(&self, l1_time: u64, excess_blob_gas: u64, late: Option<u64>) -> u128 {
        let step = self.steps.iter().rev().find(|(time, _)| l1_time >= *time);
        let params = match step {
            // Prague's own step is the one that may have come late.
            Some((time, _))
                if Some(*time) == self.prague && late.is_some_and(|at| l1_time < at) =>
            {
                BlobParams::cancun()
            }
            Some((_, params)) => *params,
            None => BlobParams::cancun(),
        };
        params.calc_blob_fee(excess_blob_gas)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sepolia_went_on_with_cancun_where_a_chain_says_so() {
        let schedule = BlobSchedule::of_chain(11_155_111);
        let (time, excess) = (1_741_159_776, 50_000_000);
        let cancun = BlobParams::cancun().calc_blob_fee(excess);
        let prague = BlobParams::prague().calc_blob_fee(excess);
        assert_ne!(cancun, prague);
        assert_eq!(schedule.blob_base_fee(time - 1, excess, None), cancun);
        assert_eq!(schedule.blob_base_fee(time, excess, None), prague);
        assert_eq!(schedule.blob_base_fee(time, excess, Some(time + 12)), cancun);
        assert_eq!(schedule.blob_base_fee(time + 12, excess, Some(time + 12)), prague);
    }
}
