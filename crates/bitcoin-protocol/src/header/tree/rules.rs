//! What a header must satisfy on top of its chain.

use bitcoin::{CompactTarget, block::Header};

use super::{HeaderId, HeaderTree};
use crate::header::{
    HeaderError,
    pow::{self, Period},
};

/// Seconds a header's time may lie ahead of ours (Core's `MAX_FUTURE_BLOCK_TIME`).
pub const FUTURE_MAX: u64 = 2 * 60 * 60;

/// Seconds a period may begin before the last block of the period before (Core's `MAX_TIMEWARP`, BIP-0094).
pub const TIMEWARP_MAX: i64 = 600;

/// Spacings after which a test network lets a block have the largest target.
const LATE_SPACINGS: i64 = 2;

impl HeaderTree {
    /// Checks all rules of a header but its proof of work and what is known of its parent's block.
    ///
    /// # Errors
    ///
    /// [`HeaderError`] for the first rule broken, in Core's order.
    ///
    /// **Spec:** Core's `ContextualCheckBlockHeader`.
    pub fn check_in_context(
        &self,
        header: &Header,
        parent: HeaderId,
        now: u64,
    ) -> Result<(), HeaderError> {
        let params = self.params();
        let height = self.height(parent) + 1;
        let actual = header.time;
        let expected = self.next_bits(parent, actual);
        if header.bits != expected {
            return Err(HeaderError::WrongBits { expected, actual: header.bits });
        }
        let median_time_past = self.median_time_past(parent);
        if actual <= median_time_past {
            return Err(HeaderError::TimeTooOld { median_time_past, actual });
        }
        // The last block of a period and the first of the next are in no period together. Who mines most blocks could
        // set the last ones ahead and the first ones back, over and over, until difficulty is 1: the time-warp attack.
        if params.enforce_bip94 && height.is_multiple_of(params.retarget_interval()) {
            let least = i64::from(self.time(parent)) - TIMEWARP_MAX;
            if i64::from(actual) < least {
                return Err(HeaderError::TimeWarp { least, actual });
            }
        }
        let most = now.saturating_add(FUTURE_MAX);
        if u64::from(actual) > most {
            return Err(HeaderError::TimeTooNew { most, actual });
        }
        self.check_version(header.version.to_consensus(), height)
    }

    /// Refuses versions whose miners did not know a rule: each soft fork of its time raised the least version by one.
    fn check_version(&self, actual: i32, height: u32) -> Result<(), HeaderError> {
        let params = self.params();
        for (from, least) in
            [(params.bip34_height, 2), (params.bip66_height, 3), (params.bip65_height, 4)]
        {
            if actual < least && height >= from {
                return Err(HeaderError::BadVersion { least, actual });
            }
        }
        Ok(())
    }

    /// Returns the bits of a header on top of `parent` with this time.
    ///
    /// Test networks let a block that is twenty minutes late have the largest target. The block after it is measured
    /// by the last one that was not late, so the search walks back, but never over the beginning of the period.
    ///
    /// **Spec:** Core's `GetNextWorkRequired`.
    #[must_use]
    pub fn next_bits(&self, parent: HeaderId, time: u32) -> CompactTarget {
        let params = self.params();
        let interval = params.retarget_interval();
        let height = self.height(parent) + 1;
        if height.is_multiple_of(interval) {
            return self.bits_after_period(parent, interval);
        }
        if !params.allow_min_difficulty_blocks {
            return self.bits(parent);
        }
        let largest = pow::compact(params.pow_limit);
        let late = i64::from(params.pow_target_spacing) * LATE_SPACINGS;
        if i64::from(time) > i64::from(self.time(parent)) + late {
            return largest;
        }
        let mut last = parent;
        while !self.height(last).is_multiple_of(interval)
            && self.bits(last) == largest
            && let Some(before) = self.parent(last)
        {
            last = before;
        }
        self.bits(last)
    }

    fn bits_after_period(&self, last: HeaderId, interval: u32) -> CompactTarget {
        // `interval - 1` blocks back, not `interval`: see `pow::retarget`.
        let first = self.height(last).saturating_sub(interval - 1);
        let first = self.ancestor(last, first).unwrap_or(last);
        let period = Period {
            first_time: self.time(first),
            first_bits: self.bits(first),
            last_time: self.time(last),
            last_bits: self.bits(last),
        };
        pow::retarget(self.params(), &period)
    }
}
