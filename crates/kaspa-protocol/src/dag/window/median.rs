//! The past median time: what a header's time must exceed.

use super::{Sampling, Windows};
use crate::dag::BlockId;

/// Times around the middle that are averaged since Crescendo.
const FRAME: usize = 11;

impl Windows {
    /// Returns the past median time of a window.
    ///
    /// Before Crescendo the median; since then the rounded average of the 11 middle times, the later half where they are uneven
    /// (KIP-4). Reference: `past_median_time::calc_past_median_time`.
    pub(in crate::dag) fn median_time(
        &self,
        window: &[BlockId],
        selected_parent: BlockId,
        sampling: Sampling,
    ) -> u64 {
        let mut times: Vec<u64> = window.iter().map(|&block| self.timestamp(block)).collect();
        times.sort_unstable();
        match sampling {
            Sampling::Full if times.is_empty() => self.timestamp(self.genesis),
            Sampling::Full => times[times.len() / 2],
            Sampling::Sampled { .. } if times.is_empty() => self.timestamp(selected_parent),
            Sampling::Sampled { .. } => {
                let frame = times.len().min(FRAME);
                let end = (times.len() + frame).div_ceil(2);
                let wide = |&time: &u64| u128::from(time);
                let sum: u128 = times[end - frame..end].iter().map(wide).sum();
                let average = (sum + frame as u128 / 2) / frame as u128;
                u64::try_from(average).unwrap_or(u64::MAX)
            }
        }
    }
}
