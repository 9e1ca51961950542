//! The stack: values without an allocation each.
//!
//! A value is either a part of a script or witness, and borrowed from there, or was computed. No opcode
//! computes more than 32 bytes (hashes; numbers and booleans are shorter), so computed values lie inline
//! and a whole value is a small copyable item. Duplicating one moves 40 bytes, however long it is.

use super::{ScriptError, number};

/// Most items on stack and alternative stack together (BIP-0342 keeps it).
pub const STACK_ITEMS_MAX: usize = 1_000;

/// Longest value that is pushed or begins on a witness stack, bytes.
pub const ELEMENT_SIZE_MAX: usize = 520;

/// Longest computed value, bytes.
const COMPUTED_MAX: usize = 32;

/// A value.
#[derive(Debug, Clone, Copy)]
pub(super) enum Item<'s> {
    Borrowed(&'s [u8]),
    Computed { len: u8, bytes: [u8; COMPUTED_MAX] },
}

impl Item<'_> {
    pub(super) const EMPTY: Self = Self::Borrowed(&[]);
    pub(super) const TRUE: Self = Self::Borrowed(&[1]);

    pub(super) const fn boolean(value: bool) -> Self {
        if value { Self::TRUE } else { Self::EMPTY }
    }

    pub(super) fn number(value: i64) -> Self {
        let mut bytes = [0; COMPUTED_MAX];
        let len = number::encode(value, &mut bytes);
        Self::Computed { len, bytes }
    }

    pub(super) const fn hash32(bytes: [u8; COMPUTED_MAX]) -> Self {
        Self::Computed { len: 32, bytes }
    }

    pub(super) fn hash20(hash: [u8; 20]) -> Self {
        let mut bytes = [0; COMPUTED_MAX];
        bytes[..20].copy_from_slice(&hash);
        Self::Computed { len: 20, bytes }
    }

    #[inline]
    pub(super) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Borrowed(bytes) => bytes,
            Self::Computed { len, bytes } => &bytes[..usize::from(*len)],
        }
    }

    /// Returns whether it counts as true: any byte is set, a sign bit alone aside (negative zero).
    pub(super) fn is_true(&self) -> bool {
        match self.as_bytes().split_last() {
            None => false,
            Some((last, rest)) => last & 0x7f != 0 || rest.iter().any(|byte| *byte != 0),
        }
    }
}

/// A stack of values, its top last.
#[derive(Debug, Clone, Default)]
pub struct Stack<'s> {
    items: Vec<Item<'s>>,
}

impl<'s> Stack<'s> {
    /// Returns how many values there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.items.len()
    }

    /// Returns whether there is none.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Returns the values, bottom first.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> + DoubleEndedIterator {
        self.items.iter().map(Item::as_bytes)
    }

    pub(super) fn from_items(items: impl Iterator<Item = &'s [u8]>) -> Self {
        Self { items: items.map(Item::Borrowed).collect() }
    }

    #[inline]
    pub(super) fn push(&mut self, item: Item<'s>) {
        self.items.push(item);
    }

    #[inline]
    pub(super) fn pop(&mut self) -> Result<Item<'s>, ScriptError> {
        self.items.pop().ok_or(ScriptError::InvalidStackOperation)
    }

    /// Returns a copy of the item at `depth`, 0 for the top.
    #[inline]
    pub(super) fn peek(&self, depth: usize) -> Result<Item<'s>, ScriptError> {
        let index = self.index(depth)?;
        Ok(self.items[index])
    }

    /// Takes out the item at `depth`.
    pub(super) fn remove(&mut self, depth: usize) -> Result<Item<'s>, ScriptError> {
        let index = self.index(depth)?;
        Ok(self.items.remove(index))
    }

    /// Puts an item below the `depth` items on top.
    pub(super) fn insert(&mut self, depth: usize, item: Item<'s>) -> Result<(), ScriptError> {
        self.require(depth)?;
        self.items.insert(self.items.len() - depth, item);
        Ok(())
    }

    /// Moves the lower `by` of the `count` items on top above the others.
    pub(super) fn rotate(&mut self, count: usize, by: usize) -> Result<(), ScriptError> {
        self.require(count)?;
        let start = self.items.len() - count;
        self.items[start..].rotate_left(by);
        Ok(())
    }

    /// Pushes copies of the `count` items that begin at `depth`, in their order.
    pub(super) fn copy_up(&mut self, depth: usize, count: usize) -> Result<(), ScriptError> {
        let start = self.index(depth)?;
        self.items.extend_from_within(start..start + count.min(depth + 1));
        Ok(())
    }

    /// Drops the `count` items on top.
    pub(super) fn drop_top(&mut self, count: usize) -> Result<(), ScriptError> {
        self.require(count)?;
        self.truncate(self.items.len() - count);
        Ok(())
    }

    pub(super) fn truncate(&mut self, len: usize) {
        self.items.truncate(len);
    }

    /// Fails if there are fewer than `count` items.
    pub(super) const fn require(&self, count: usize) -> Result<(), ScriptError> {
        if self.items.len() < count {
            return Err(ScriptError::InvalidStackOperation);
        }
        Ok(())
    }

    const fn index(&self, depth: usize) -> Result<usize, ScriptError> {
        match self.items.len().checked_sub(depth.saturating_add(1)) {
            Some(index) => Ok(index),
            None => Err(ScriptError::InvalidStackOperation),
        }
    }

    /// Returns whether there is a top and it counts as true.
    pub(super) fn is_top_true(&self) -> bool {
        self.items.last().is_some_and(Item::is_true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_of_any_length_and_sign_is_false() {
        let falses: [&[u8]; 5] = [&[], &[0], &[0, 0], &[0x80], &[0, 0, 0x80]];
        for bytes in falses {
            assert!(!Item::Borrowed(bytes).is_true(), "{bytes:?}");
        }
        let trues: [&[u8]; 5] = [&[1], &[0, 1], &[0x80, 0], &[0x81], &[0x80, 0x80]];
        for bytes in trues {
            assert!(Item::Borrowed(bytes).is_true(), "{bytes:?}");
        }
    }

    #[test]
    fn reaching_below_the_bottom_is_an_error_and_changes_nothing() {
        let mut stack = Stack::from_items([&[1][..], &[2]].into_iter());
        let error = ScriptError::InvalidStackOperation;
        assert_eq!(stack.remove(2).unwrap_err(), error);
        assert_eq!(stack.insert(3, Item::TRUE).unwrap_err(), error);
        assert_eq!(stack.rotate(3, 1).unwrap_err(), error);
        assert_eq!(stack.copy_up(2, 1).unwrap_err(), error);
        assert_eq!(stack.drop_top(3).unwrap_err(), error);
        assert_eq!(stack.peek(usize::MAX).unwrap_err(), error);
        assert!(stack.iter().eq([&[1][..], &[2]]));
    }
}
