//! Where coins lie in memory: cells of a few sizes, in large chunks, found by a handle of four bytes.
//!
//! A coin takes 27 to 44 bytes in compressed form. An allocation for each would cost half as much again,
//! so a coin lies in the smallest cell that holds it, and cells of one size share chunks of [`CHUNK_BYTES`]:
//!
//! ```text
//!   handle    class: 4 bits │ index: 28 bits
//!   chunk     cell cell cell cell …             all of one class
//!   cell      flags: 1 byte │ length: 3 bytes │ key: 36 bytes │ value, up to the class's capacity
//! ```
//!
//! # Invariants
//!
//! - A freed cell keeps its length and value until the next [`Slab::insert`]: a spent coin is handed to the caller from
//!   where it lay. Only its key is overwritten, with the free list.
//! - Handles stay valid until freed; nothing moves.

use super::{CacheError, Key};

/// Longest value, bytes. Bitcoin's longest spendable script has 10,000.
pub const VALUE_BYTES_MAX: usize = CAPACITIES[CAPACITIES.len() - 1];

/// Bytes of a chunk, at most.
pub(super) const CHUNK_BYTES: usize = 256 << 10;

/// Value bytes a cell of each class holds. Dense where coins are: 28 to 32 bytes for a key or script hash, about
/// 42 for a 32-byte witness program. The first holds nothing: it is for coins that are spent and not yet flushed.
const CAPACITIES: [usize; 16] =
    [0, 24, 28, 30, 32, 36, 40, 44, 48, 64, 96, 160, 320, 1280, 6400, 65_536];

const KEY_BYTES: usize = 36;
const HEAD_BYTES: usize = 4;
const VALUE_AT: usize = HEAD_BYTES + KEY_BYTES;

const INDEX_BITS: u32 = 28;
const INDEX_MASK: u32 = (1 << INDEX_BITS) - 1;

/// The end of a free list.
const NONE: u32 = u32::MAX;

/// What is known of a coin in the cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Flags(u8);

impl Flags {
    const FREE: Self = Self(0);
    /// As on disk.
    pub(super) const CLEAN: Self = Self(1);
    /// Differs from what is on disk, or may.
    pub(super) const DIRTY: Self = Self(1 | 2);
    /// Dirty, and the disk holds no coin under this key: if it is spent before the next flush, nobody need know.
    pub(super) const FRESH: Self = Self(1 | 2 | 4);
    /// Dirty, and spent: to be deleted from the disk.
    pub(super) const SPENT: Self = Self(1 | 2 | 8);

    pub(super) const fn is_dirty(self) -> bool {
        self.0 & 2 != 0
    }

    pub(super) const fn is_fresh(self) -> bool {
        self.0 & 4 != 0
    }

    pub(super) const fn is_spent(self) -> bool {
        self.0 & 8 != 0
    }
}

/// Names a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Handle(pub(super) u32);

impl Handle {
    const fn class(self) -> usize {
        (self.0 >> INDEX_BITS) as usize
    }

    const fn index(self) -> u32 {
        self.0 & INDEX_MASK
    }
}

/// All cells.
#[derive(Debug)]
pub(super) struct Slab {
    classes: [Class; CAPACITIES.len()],
}

#[derive(Debug)]
struct Class {
    chunks: Vec<Box<[u8]>>,
    cell_bytes: usize,
    /// Cells of a chunk, as a power of two.
    chunk_shift: u32,
    /// Cells used at least once.
    used: u32,
    /// The first free cell below `used`, or [`NONE`].
    free: u32,
}

impl Class {
    const fn new(capacity: usize) -> Self {
        let cell_bytes = VALUE_AT + capacity;
        let chunk_shift = (CHUNK_BYTES / cell_bytes).ilog2();
        Self { chunks: Vec::new(), cell_bytes, chunk_shift, used: 0, free: NONE }
    }

    const fn chunk_bytes(&self) -> usize {
        self.cell_bytes << self.chunk_shift
    }

    /// Returns the chunk and the place in it.
    const fn place(&self, index: u32) -> (usize, usize) {
        let within = index & ((1 << self.chunk_shift) - 1);
        ((index >> self.chunk_shift) as usize, within as usize * self.cell_bytes)
    }

    fn cell(&self, index: u32) -> &[u8] {
        let (chunk, at) = self.place(index);
        &self.chunks[chunk][at..at + self.cell_bytes]
    }

    fn cell_mut(&mut self, index: u32) -> &mut [u8] {
        let (chunk, at) = self.place(index);
        &mut self.chunks[chunk][at..at + self.cell_bytes]
    }

    /// Takes a free cell, or the next unused one, or `None` if the class has as many as a handle can name.
    fn take(&mut self) -> Option<u32> {
        if self.free != NONE {
            let index = self.free;
            let next = self.cell(index)[HEAD_BYTES..].first_chunk::<4>();
            self.free = next.map_or(NONE, |next| u32::from_le_bytes(*next));
            return Some(index);
        }
        let index = self.used;
        if index > INDEX_MASK {
            return None;
        }
        if (index >> self.chunk_shift) as usize == self.chunks.len() {
            self.chunks.push(vec![0; self.chunk_bytes()].into_boxed_slice());
        }
        self.used += 1;
        Some(index)
    }
}

impl Slab {
    pub(super) fn new() -> Self {
        Self { classes: CAPACITIES.map(Class::new) }
    }

    /// Puts a coin into a cell.
    ///
    /// # Errors
    ///
    /// [`CacheError::ValueLength`] if it is too long for every class, [`CacheError::Full`] if its class has no handle left.
    pub(super) fn insert(
        &mut self,
        key: &Key,
        value: &[u8],
        flags: Flags,
    ) -> Result<Handle, CacheError> {
        let class_at = CAPACITIES.partition_point(|&capacity| capacity < value.len());
        let (Some(class), Ok(number)) = (self.classes.get_mut(class_at), u32::try_from(class_at))
        else {
            let actual = value.len();
            return Err(CacheError::ValueLength { expected: VALUE_BYTES_MAX, actual });
        };
        let index = class.take().ok_or(CacheError::Full { coins: INDEX_MASK })?;
        let cell = class.cell_mut(index);
        // Class capacities are below 2^24, so the fourth byte of the length is zero.
        let length = u32::try_from(value.len()).unwrap_or(u32::MAX).to_le_bytes();
        cell[..HEAD_BYTES].copy_from_slice(&[flags.0, length[0], length[1], length[2]]);
        cell[HEAD_BYTES..VALUE_AT].copy_from_slice(key);
        cell[VALUE_AT..VALUE_AT + value.len()].copy_from_slice(value);
        Ok(Handle((number << INDEX_BITS) | index))
    }

    /// Gives a cell back. Its value stays readable until the next insertion.
    pub(super) fn free(&mut self, handle: Handle) {
        let class = &mut self.classes[handle.class()];
        let next = class.free.to_le_bytes();
        class.free = handle.index();
        let cell = class.cell_mut(handle.index());
        cell[0] = Flags::FREE.0;
        cell[HEAD_BYTES..HEAD_BYTES + 4].copy_from_slice(&next);
    }

    fn cell(&self, handle: Handle) -> &[u8] {
        self.classes[handle.class()].cell(handle.index())
    }

    pub(super) fn flags(&self, handle: Handle) -> Flags {
        Flags(self.cell(handle)[0])
    }

    /// Says that the disk holds the coin as it is.
    pub(super) fn set_clean(&mut self, handle: Handle) {
        self.classes[handle.class()].cell_mut(handle.index())[0] = Flags::CLEAN.0;
    }

    pub(super) fn key(&self, handle: Handle) -> Key {
        let mut key = [0; KEY_BYTES];
        key.copy_from_slice(&self.cell(handle)[HEAD_BYTES..VALUE_AT]);
        key
    }

    pub(super) fn has_key(&self, handle: Handle, key: &Key) -> bool {
        self.cell(handle)[HEAD_BYTES..VALUE_AT] == *key
    }

    pub(super) fn value(&self, handle: Handle) -> &[u8] {
        let cell = self.cell(handle);
        let length = u32::from_le_bytes([cell[1], cell[2], cell[3], 0]);
        &cell[VALUE_AT..VALUE_AT + length as usize]
    }

    /// Walks the cells that are not free, in the order they lie.
    pub(super) fn handles(&self) -> impl Iterator<Item = Handle> + '_ {
        (0_u32..).zip(&self.classes).flat_map(|(number, class)| {
            (0..class.used)
                .filter(|&index| class.cell(index)[0] != Flags::FREE.0)
                .map(move |index| Handle((number << INDEX_BITS) | index))
        })
    }

    /// Bytes allocated.
    pub(super) fn memory_bytes(&self) -> usize {
        let class = |class: &Class| {
            class.chunks.len() * class.chunk_bytes()
                + class.chunks.capacity() * size_of::<Box<[u8]>>()
        };
        self.classes.iter().map(class).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn key(n: u8) -> Key {
        let mut key = [n; KEY_BYTES];
        key[0] = 7;
        key
    }

    #[test]
    fn a_value_of_every_length_is_read_back_from_a_cell_that_holds_it() {
        let mut slab = Slab::new();
        let mut handles = Vec::new();
        for length in (0..=400).chain([1280, 1281, 6400, 6401, 10_050, VALUE_BYTES_MAX]) {
            let value = vec![length.to_le_bytes()[0]; length];
            let handle = slab.insert(&key(1), &value, Flags::DIRTY).unwrap();
            handles.push((handle, value));
        }
        for (handle, value) in &handles {
            assert_eq!(slab.value(*handle), value);
            assert!(slab.has_key(*handle, &key(1)));
        }
        assert_eq!(slab.handles().count(), handles.len());
        assert!(matches!(
            slab.insert(&key(1), &vec![0; VALUE_BYTES_MAX + 1], Flags::DIRTY),
            Err(CacheError::ValueLength { .. })
        ));
    }

    #[test]
    fn a_freed_cell_keeps_its_value_until_it_is_taken_again() {
        let mut slab = Slab::new();
        let first = slab.insert(&key(1), b"first", Flags::FRESH).unwrap();
        let second = slab.insert(&key(2), b"second", Flags::FRESH).unwrap();
        slab.free(first);
        slab.free(second);
        assert_eq!(slab.value(first), b"first");
        assert_eq!(slab.handles().count(), 0);
        assert_eq!(slab.insert(&key(3), b"third", Flags::CLEAN).unwrap(), second);
        assert_eq!(slab.insert(&key(4), b"fourth", Flags::CLEAN).unwrap(), first);
        assert_eq!(slab.value(first), b"fourth");
    }
}
