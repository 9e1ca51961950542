//! Why a header is refused.

use std::borrow::Cow;

use bitcoin::{BlockHash, CompactTarget};
use thiserror::Error;

use super::tree::HEADERS_MAX;

/// Why a header is refused. What is printed tells what was expected; [`Self::reject_reason`] is Core's word for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum HeaderError {
    /// The hash exceeds the target the header claims, or what it claims is no target.
    #[error("expected a hash that satisfies the bits {bits:08x}, got {hash}")]
    HighHash {
        /// Its hash.
        hash: BlockHash,
        /// The bits it claims.
        bits: u32,
    },
    /// A header of a message does not follow the one before.
    #[error("expected a header on top of {expected}, got one on top of {actual}")]
    NotContinuous {
        /// Hash of the header before.
        expected: BlockHash,
        /// What it says comes before.
        actual: BlockHash,
    },
    /// Nobody knows the header before.
    #[error("expected a header on top of a known one, got one on top of {parent}")]
    UnknownParent {
        /// The header before.
        parent: BlockHash,
    },
    /// The block before is invalid.
    #[error("expected a header on top of a valid block, got one on top of {parent}")]
    InvalidParent {
        /// The block before.
        parent: BlockHash,
    },
    /// The block is known, and known to be invalid.
    #[error("expected a valid block, got {hash}, which was found invalid before")]
    KnownInvalid {
        /// The block.
        hash: BlockHash,
    },
    /// The target does not follow from the chain.
    #[error("expected the bits {:08x}, got {:08x}", expected.to_consensus(), actual.to_consensus())]
    WrongBits {
        /// What follows from the chain.
        expected: CompactTarget,
        /// What the header claims.
        actual: CompactTarget,
    },
    /// The time is not after the median of the eleven headers before.
    #[error("expected a time after {median_time_past}, the median time past, got {actual}")]
    TimeTooOld {
        /// The median, Unix seconds.
        median_time_past: u32,
        /// The header's time, Unix seconds.
        actual: u32,
    },
    /// The first block of a period goes back behind the last of the period before.
    #[error(
        "expected a time of {least} or later at the beginning of a retarget period, got {actual}"
    )]
    TimeWarp {
        /// Ten minutes before the block before, Unix seconds.
        least: i64,
        /// The header's time, Unix seconds.
        actual: u32,
    },
    /// The time lies too far ahead. It may come true later.
    #[error("expected a time of {most} or earlier, got {actual}")]
    TimeTooNew {
        /// Two hours from now, Unix seconds.
        most: u64,
        /// The header's time, Unix seconds.
        actual: u32,
    },
    /// The version says the miner does not know a rule that holds.
    #[error("expected a version of {least} or more, got {actual}")]
    BadVersion {
        /// What the rules at this height need.
        least: i32,
        /// The header's version.
        actual: i32,
    },
    /// No more headers fit.
    #[error("expected at most {HEADERS_MAX} headers")]
    Full,
}

impl HeaderError {
    /// Returns Bitcoin Core's reject reason, word for word.
    ///
    /// [`Self::NotContinuous`] is what Core tells of a misbehaving peer; [`Self::Full`] is ours.
    #[must_use]
    pub fn reject_reason(&self) -> Cow<'static, str> {
        Cow::Borrowed(match self {
            Self::HighHash { .. } => "high-hash",
            Self::NotContinuous { .. } => "non-continuous headers sequence",
            Self::UnknownParent { .. } => "prev-blk-not-found",
            Self::InvalidParent { .. } => "bad-prevblk",
            Self::KnownInvalid { .. } => "duplicate-invalid",
            Self::WrongBits { .. } => "bad-diffbits",
            Self::TimeTooOld { .. } => "time-too-old",
            Self::TimeWarp { .. } => "time-timewarp-attack",
            Self::TimeTooNew { .. } => "time-too-new",
            Self::BadVersion { actual, .. } => {
                return Cow::Owned(format!("bad-version(0x{actual:08x})"));
            }
            Self::Full => "too-many-headers",
        })
    }
}
