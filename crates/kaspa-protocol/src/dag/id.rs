//! The dense number of a block.

/// A block's place in every column of the DAG: what all of `dag` counts by instead of hashes.
///
/// Numbers are given in order of insertion and are never given twice, so one that was deleted names nothing ever after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
#[repr(transparent)]
pub struct BlockId(u32);

impl BlockId {
    /// The root below every block: no block itself, parent of genesis and of whatever lost its parents to pruning.
    pub const ORIGIN: Self = Self(0);

    /// Wraps a number.
    #[must_use]
    pub const fn new(number: u32) -> Self {
        Self(number)
    }

    /// Returns the number.
    #[must_use]
    pub const fn number(self) -> u32 {
        self.0
    }

    /// Returns whether this is [`Self::ORIGIN`].
    #[must_use]
    pub const fn is_origin(self) -> bool {
        self.0 == 0
    }

    /// Returns its row in a column.
    #[must_use]
    pub const fn row(self) -> usize {
        self.0 as usize
    }

    /// Returns the number of a row, for tests.
    #[cfg(test)]
    pub(crate) fn at(row: usize) -> Self {
        Self(u32::try_from(row).expect("fewer than 2^32 rows"))
    }
}
