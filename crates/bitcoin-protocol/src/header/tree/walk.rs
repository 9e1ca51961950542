//! Walking along chains: ancestors by skipping, forks, locators.
//!
//! Every header has, beside its parent, one ancestor further back. Its height is the header's with the lowest set bit
//! cleared (for odd heights, two bits), so that a walk over a million headers takes about a hundred steps.
//!
//! **Spec:** Core's `chain.cpp`.

use bitcoin::BlockHash;
use ruint::aliases::U256;

use super::{HeaderId, HeaderTree};
use crate::header::pow;

/// Hashes of a locator that are one apart; after them the steps double.
const LOCATOR_DENSE: usize = 10;

/// Returns the height of the ancestor that a header at `height` skips to.
///
/// **Spec:** Core's `GetSkipHeight`.
pub(super) const fn skip_height(height: u32) -> u32 {
    const fn without_lowest_bit(number: u32) -> u32 {
        number & number.wrapping_sub(1)
    }
    match height {
        0 | 1 => 0,
        odd if odd & 1 == 1 => without_lowest_bit(without_lowest_bit(odd - 1)) + 1,
        even => without_lowest_bit(even),
    }
}

impl HeaderTree {
    /// Returns the header at `height` on the chain that ends with `id`, none above it.
    ///
    /// Cost: about `2 log2(distance)` steps, seldom more than a hundred.
    #[must_use]
    pub fn ancestor(&self, id: HeaderId, height: u32) -> Option<HeaderId> {
        let mut at = id;
        let mut reached = self.height(id);
        if height > reached {
            return None;
        }
        while reached > height {
            let skip = skip_height(reached);
            let skip_before = skip_height(reached - 1);
            // Skip, unless one step back gives a longer skip that does not go too far either.
            let parent_skips_better = skip_before + 2 < skip && skip_before >= height;
            if skip == height || (skip > height && !parent_skips_better) {
                at = HeaderId(self.links[at.index()].skip);
                reached = skip;
            } else {
                at = HeaderId(self.links[at.index()].parent);
                reached -= 1;
            }
        }
        Some(at)
    }

    /// Returns whether `ancestor` lies on the chain that ends with `id`, or is `id`.
    #[must_use]
    pub fn is_ancestor(&self, ancestor: HeaderId, id: HeaderId) -> bool {
        self.ancestor(id, self.height(ancestor)) == Some(ancestor)
    }

    /// Returns the last header two chains have in common.
    ///
    /// **Spec:** Core's `LastCommonAncestor`.
    #[must_use]
    pub fn last_common_ancestor(&self, a: HeaderId, b: HeaderId) -> HeaderId {
        let height = self.height(a).min(self.height(b));
        let mut a = self.ancestor(a, height).unwrap_or(a);
        let mut b = self.ancestor(b, height).unwrap_or(b);
        // Both skip to the same height: while they land apart, the fork lies further back.
        while a != b {
            let (skip_a, skip_b) = (self.links[a.index()].skip, self.links[b.index()].skip);
            let (step_a, step_b) = if skip_a == skip_b {
                (self.links[a.index()].parent, self.links[b.index()].parent)
            } else {
                (skip_a, skip_b)
            };
            (a, b) = (HeaderId(step_a), HeaderId(step_b));
        }
        a
    }

    /// Returns hashes of a chain for a peer to find what it has in common: dense at the end, ever sparser, genesis last.
    ///
    /// **Spec:** Core's `LocatorEntries`.
    #[must_use]
    pub fn locator(&self, id: HeaderId) -> Vec<BlockHash> {
        let mut hashes = Vec::with_capacity(32);
        let mut at = id;
        let mut step = 1u32;
        loop {
            hashes.push(self.hash(at));
            let height = self.height(at);
            if height == 0 {
                return hashes;
            }
            at = self.ancestor(at, height.saturating_sub(step)).unwrap_or(HeaderId::GENESIS);
            if hashes.len() > LOCATOR_DENSE {
                step = step.saturating_mul(2);
            }
        }
    }

    /// Returns how long the network at the pace of `tip` takes for the work between two headers, seconds;
    /// negative if `to` has less than `from`.
    ///
    /// **Spec:** Core's `GetBlockProofEquivalentTime`.
    #[must_use]
    pub fn equivalent_time(&self, to: HeaderId, from: HeaderId, tip: HeaderId) -> i64 {
        let (to, from) = (self.work(to), self.work(from));
        let spacing = U256::from(self.params().pow_target_spacing);
        let seconds = to
            .abs_diff(from)
            .wrapping_mul(spacing)
            .checked_div(pow::work(self.bits(tip)))
            .map_or(i64::MAX, |seconds| i64::try_from(seconds).unwrap_or(i64::MAX));
        if to > from { seconds } else { -seconds }
    }
}
