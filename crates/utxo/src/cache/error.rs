//! What can go wrong with the cache: the disk, or a caller that broke a rule. Never a bad block.

use quintet_store::StoreError;

use super::Tip;

/// An error of the coins cache.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// The store below.
    #[error(transparent)]
    Store(#[from] StoreError),

    /// A coin was created where an unspent one is, by a caller that had ruled this out.
    #[error("coin {key} exists: expected none where the caller ruled out an overwrite")]
    Exists {
        /// The key, hexadecimal.
        key: String,
    },

    /// A value over the limit.
    #[error("coin has {actual} bytes, expected at most {expected}")]
    ValueLength {
        /// Longest value, bytes.
        expected: usize,
        /// Length found, bytes.
        actual: usize,
    },

    /// One size of coins has used every handle.
    #[error("the cache holds {coins} coins of one size, the most it can: flush it")]
    Full {
        /// The most coins of one size.
        coins: u32,
    },

    /// A journal was begun twice, or the cache was flushed inside of one.
    #[error("a journal is open: commit or roll back before you {wanted}")]
    JournalOpen {
        /// What the caller wanted.
        wanted: &'static str,
    },

    /// A journal was ended that had not begun.
    #[error("no journal is open: begin one before you {wanted}")]
    JournalClosed {
        /// What the caller wanted.
        wanted: &'static str,
    },

    /// A flush was interrupted, and another target was named before it was completed.
    #[error(
        "the coins are between two blocks after an interrupted flush: replay to {} and flush there, not at {}",
        hex(expected),
        hex(actual)
    )]
    Recovering {
        /// The tip the interrupted flush was for.
        expected: Tip,
        /// The tip named.
        actual: Tip,
    },

    /// Coins were spilled although no interrupted flush is being completed.
    #[error("nothing is being recovered: expected a flush with a tip, not a spill")]
    NotRecovering,

    /// An option is out of range.
    #[error("{option} is {actual}, expected {expected}")]
    Option {
        /// The option.
        option: &'static str,
        /// Its range.
        expected: &'static str,
        /// The value given.
        actual: usize,
    },

    /// Threads could not be started.
    #[error("could not start {threads} reading threads: {source}")]
    Threads {
        /// Threads asked for.
        threads: usize,
        /// The reason.
        source: rayon::ThreadPoolBuildError,
    },
}

/// Returns bytes as lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a string does not fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
