//! Ranges of encoded keys.

use std::ops::{Bound, RangeBounds};

/// A range of encoded keys, owned so that it can be handed to an engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRange {
    /// Where it begins.
    pub start: Bound<Vec<u8>>,
    /// Where it ends.
    pub end: Bound<Vec<u8>>,
}

impl KeyRange {
    /// Returns the range of all keys.
    #[must_use]
    pub const fn all() -> Self {
        Self { start: Bound::Unbounded, end: Bound::Unbounded }
    }

    /// Returns the range of the keys that begin with `prefix`.
    #[must_use]
    pub fn prefix(prefix: Vec<u8>) -> Self {
        // The first key after all that begin with the prefix: its last byte below ff, plus one.
        let mut after = prefix.clone();
        while let Some(last) = after.pop() {
            if let Some(next) = last.checked_add(1) {
                after.push(next);
                return Self { start: Bound::Included(prefix), end: Bound::Excluded(after) };
            }
        }
        Self { start: Bound::Included(prefix), end: Bound::Unbounded }
    }

    /// Returns whether no key can be inside, as for a range whose bounds are crossed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match (&self.start, &self.end) {
            (Bound::Unbounded, _) | (_, Bound::Unbounded) => false,
            (Bound::Included(start), Bound::Included(end)) => start > end,
            (Bound::Included(start) | Bound::Excluded(start), Bound::Excluded(end))
            | (Bound::Excluded(start), Bound::Included(end)) => start >= end,
        }
    }

    /// Returns the bounds as slices.
    #[must_use]
    pub fn bounds(&self) -> (Bound<&[u8]>, Bound<&[u8]>) {
        (self.start.as_ref().map(Vec::as_slice), self.end.as_ref().map(Vec::as_slice))
    }
}

impl RangeBounds<Vec<u8>> for KeyRange {
    fn start_bound(&self) -> Bound<&Vec<u8>> {
        self.start.as_ref()
    }

    fn end_bound(&self) -> Bound<&Vec<u8>> {
        self.end.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_ends_where_its_last_byte_below_ff_is_counted_up() {
        let range = KeyRange::prefix(vec![1, 0xff, 0xff]);
        assert_eq!(range.end, Bound::Excluded(vec![2]));
        assert_eq!(KeyRange::prefix(vec![0xff]).end, Bound::Unbounded);
    }

    #[test]
    fn a_range_with_crossed_or_touching_open_bounds_is_empty() {
        let key = |byte: u8| vec![byte];
        let empty = [
            (Bound::Included(key(2)), Bound::Included(key(1))),
            (Bound::Included(key(1)), Bound::Excluded(key(1))),
            (Bound::Excluded(key(1)), Bound::Excluded(key(1))),
            (Bound::Excluded(key(1)), Bound::Included(key(1))),
        ];
        for (start, end) in empty {
            assert!(KeyRange { start, end }.is_empty());
        }
        assert!(
            !KeyRange { start: Bound::Included(key(1)), end: Bound::Included(key(1)) }.is_empty()
        );
        assert!(!KeyRange::all().is_empty());
    }
}
