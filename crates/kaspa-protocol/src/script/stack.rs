//! The stack: values without a copy each.
//!
//! A value is a part of a script or of the transaction, borrowed from there; or it was computed and is
//! short, then it lies inline; or it was computed and is long (`OP_CAT` and its kin, since Toccata), then
//! copies of the value share it. Duplicating a value moves 40 bytes, however long it is.
//!
//! The stack counts the bytes pushed, which Toccata charges for.

use std::rc::Rc;

use super::{ScriptError, number};

/// Most values on stack and alternative stack together.
pub const STACK_ITEMS_MAX: usize = 244;

/// Longest value that lies inline, bytes.
const INLINE_MAX: usize = 32;

/// A value.
#[derive(Debug, Clone)]
pub(super) enum Item<'s> {
    Borrowed(&'s [u8]),
    Inline { len: u8, bytes: [u8; INLINE_MAX] },
    Shared(Rc<Vec<u8>>),
}

impl<'s> Item<'s> {
    pub(super) const EMPTY: Self = Self::Borrowed(&[]);
    pub(super) const TRUE: Self = Self::Borrowed(&[1]);

    pub(super) const fn boolean(value: bool) -> Self {
        if value { Self::TRUE } else { Self::EMPTY }
    }

    pub(super) fn number(value: i64) -> Result<Self, ScriptError> {
        let mut bytes = [0; INLINE_MAX];
        let len = number::encode(value, &mut bytes)?;
        Ok(Self::Inline { len, bytes })
    }

    pub(super) const fn hash(bytes: [u8; INLINE_MAX]) -> Self {
        Self::Inline { len: 32, bytes }
    }

    /// Makes a value of bytes computed.
    pub(super) fn owned(value: Vec<u8>) -> Self {
        Self::short(&value).unwrap_or_else(|| Self::Shared(Rc::new(value)))
    }

    /// Makes a copy of bytes, if they fit inline.
    fn short(value: &[u8]) -> Option<Self> {
        let mut bytes = [0; INLINE_MAX];
        bytes.get_mut(..value.len())?.copy_from_slice(value);
        Some(Self::Inline { len: u8::try_from(value.len()).ok()?, bytes })
    }

    /// Makes a copy of bytes.
    pub(super) fn copy_of(value: &[u8]) -> Self {
        Self::short(value).unwrap_or_else(|| Self::Shared(Rc::new(value.to_vec())))
    }

    /// Appends bytes. Where no other value shares these, only the new ones are copied.
    pub(super) fn append(self, tail: &[u8]) -> Self {
        match self {
            Self::Shared(mut shared) => {
                Rc::make_mut(&mut shared).extend_from_slice(tail);
                Self::Shared(shared)
            }
            head @ (Self::Borrowed(_) | Self::Inline { .. }) => {
                Self::owned([head.as_bytes(), tail].concat())
            }
        }
    }

    /// Returns the part from `start` to `end`; borrowed if the value is.
    pub(super) fn part(&self, start: usize, end: usize) -> Option<Self> {
        match self {
            Self::Borrowed(bytes) => bytes.get(start..end).map(Self::Borrowed),
            Self::Inline { .. } | Self::Shared(_) => {
                self.as_bytes().get(start..end).map(Self::copy_of)
            }
        }
    }

    #[inline]
    pub(super) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Borrowed(bytes) => bytes,
            Self::Inline { len, bytes } => &bytes[..usize::from(*len)],
            Self::Shared(bytes) => bytes,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.as_bytes().len()
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
    /// Bytes pushed and not yet charged.
    pushed: u64,
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

    /// Returns the bytes pushed since it was asked last.
    pub(super) const fn take_pushed(&mut self) -> u64 {
        core::mem::replace(&mut self.pushed, 0)
    }

    const fn count(&mut self, bytes: usize) {
        // Lossless: a length fits 64 bits.
        self.pushed = self.pushed.saturating_add(bytes as u64);
    }

    /// Pushes a value that has cost its bytes already: in the script, or on the other stack.
    #[inline]
    pub(super) fn push_free(&mut self, item: Item<'s>) {
        self.items.push(item);
    }

    #[inline]
    pub(super) fn push(&mut self, item: Item<'s>) {
        self.count(item.len());
        self.items.push(item);
    }

    #[inline]
    pub(super) fn pop(&mut self) -> Result<Item<'s>, ScriptError> {
        self.items.pop().ok_or(ScriptError::EmptyStack)
    }

    /// Takes the `N` values on top, the top last; none if there are fewer.
    #[inline]
    pub(super) fn pop_array<const N: usize>(&mut self) -> Result<[Item<'s>; N], ScriptError> {
        self.require(N)?;
        let mut taken = [const { Item::EMPTY }; N];
        for place in taken.iter_mut().rev() {
            *place = self.pop()?;
        }
        Ok(taken)
    }

    /// Takes the `count` values on top, the top last.
    pub(super) fn pop_many(&mut self, count: usize) -> Result<Vec<Item<'s>>, ScriptError> {
        self.require(count)?;
        Ok(self.items.split_off(self.items.len() - count))
    }

    /// Returns the value at `depth`, 0 for the top.
    #[inline]
    pub(super) fn peek(&self, depth: usize) -> Option<&Item<'s>> {
        let index = self.items.len().checked_sub(depth.saturating_add(1))?;
        self.items.get(index)
    }

    /// Takes out the value at `depth`.
    pub(super) fn remove(&mut self, depth: usize) -> Result<Item<'s>, ScriptError> {
        self.require(depth + 1)?;
        Ok(self.items.remove(self.items.len() - depth - 1))
    }

    /// Puts a value below the `depth` values on top.
    pub(super) fn insert(&mut self, depth: usize, item: Item<'s>) -> Result<(), ScriptError> {
        self.require(depth)?;
        self.count(item.len());
        self.items.insert(self.items.len() - depth, item);
        Ok(())
    }

    /// Moves the lower `by` of the `count` values on top above the others.
    pub(super) fn rotate(&mut self, count: usize, by: usize) -> Result<(), ScriptError> {
        self.require(count)?;
        let start = self.items.len() - count;
        self.items[start..].rotate_left(by);
        Ok(())
    }

    /// Pushes copies of the lower `copied` of the `count` values on top, in their order.
    pub(super) fn copy_up(&mut self, count: usize, copied: usize) -> Result<(), ScriptError> {
        self.require(count)?;
        let start = self.items.len() - count;
        let bytes = self.items[start..start + copied].iter().map(Item::len).sum();
        self.count(bytes);
        self.items.extend_from_within(start..start + copied);
        Ok(())
    }

    /// Drops the `count` values on top.
    pub(super) fn drop_top(&mut self, count: usize) -> Result<(), ScriptError> {
        self.require(count)?;
        self.items.truncate(self.items.len() - count);
        Ok(())
    }

    /// Fails if there are fewer than `count` values.
    pub(super) const fn require(&self, count: usize) -> Result<(), ScriptError> {
        let actual = self.items.len();
        if actual < count {
            return Err(ScriptError::InvalidStackOperation { expected: count, actual });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack(values: &[&'static [u8]]) -> Stack<'static> {
        let mut stack = Stack::default();
        for value in values {
            stack.push_free(Item::Borrowed(value));
        }
        stack
    }

    #[test]
    fn a_value_is_true_if_any_bit_but_the_sign_is_set() {
        for value in [&[1_u8][..], &[0, 1], &[0x80, 0], &[0, 0x81]] {
            assert!(Item::Borrowed(value).is_true(), "{value:?}");
        }
        for value in [&[][..], &[0], &[0, 0], &[0x80], &[0, 0x80]] {
            assert!(!Item::Borrowed(value).is_true(), "{value:?}");
        }
    }

    #[test]
    fn appending_to_a_value_leaves_its_copies_as_they_were() {
        let long = Item::owned(vec![7; 40]);
        let copy = long.clone();
        assert_eq!(long.append(&[8]).len(), 41);
        assert_eq!(copy.as_bytes(), [7; 40]);
        assert_eq!(Item::Borrowed(b"ab").append(b"c").as_bytes(), b"abc");
    }

    #[test]
    fn bytes_are_counted_when_copied_or_computed_and_not_when_moved() {
        let mut stack = stack(&[b"aaa", b"bb", b"c"]);
        stack.rotate(3, 1).unwrap();
        assert_eq!(stack.take_pushed(), 0);
        stack.copy_up(2, 1).unwrap();
        assert_eq!(stack.iter().next_back(), Some(&b"c"[..]));
        assert_eq!(stack.take_pushed(), 1);
        stack.push(Item::hash([0; 32]));
        stack.insert(1, Item::TRUE).unwrap();
        assert_eq!((stack.take_pushed(), stack.take_pushed()), (33, 0));
    }

    #[test]
    fn an_operation_on_too_few_values_leaves_them() {
        let mut stack = stack(&[b"a"]);
        assert!(stack.pop_array::<2>().is_err());
        assert!(stack.rotate(2, 1).is_err());
        assert!(stack.copy_up(2, 2).is_err());
        assert!(stack.remove(1).is_err());
        assert_eq!(stack.len(), 1);
    }
}
