//! Rows of different lengths in one buffer each: no allocation per block.
//!
//! [`Rows`] only grow at their end (parents, mergesets); the entries of [`Lists`] change in place (tree children, covering sets).

use super::{BlockId, DagError};

/// Entries a buffer of rows may hold: what a `u32` can point at, with room for one more row.
const ENTRIES_MAX: usize = (u32::MAX - (1 << 20)) as usize;

/// Rows that never change, one after another. 4 bytes a row and the entries.
#[derive(Debug, Clone)]
pub(crate) struct Rows<T> {
    ends: Vec<u32>,
    data: Vec<T>,
}

impl<T> Default for Rows<T> {
    fn default() -> Self {
        Self { ends: Vec::new(), data: Vec::new() }
    }
}

impl<T: Copy> Rows<T> {
    pub(crate) fn get(&self, row: usize) -> &[T] {
        let start = if row == 0 { 0 } else { self.ends[row - 1] as usize };
        &self.data[start..self.ends[row] as usize]
    }

    /// Appends a row of the given parts, one after another.
    pub(crate) fn push(&mut self, parts: [&[T]; 2]) -> Result<(), DagError> {
        let entries = self.data.len() + parts[0].len() + parts[1].len();
        if entries > ENTRIES_MAX {
            return Err(DagError::Full);
        }
        let end = u32::try_from(entries).map_err(|_| DagError::Full)?;
        self.data.extend_from_slice(parts[0]);
        self.data.extend_from_slice(parts[1]);
        self.ends.push(end);
        Ok(())
    }

    /// Takes the last row off again.
    pub(crate) fn pop(&mut self) {
        self.ends.pop();
        self.data.truncate(self.ends.last().map_or(0, |&end| end as usize));
    }

    pub(crate) fn has_room(&self) -> bool {
        self.data.len() < ENTRIES_MAX
    }

    pub(crate) const fn bytes(&self) -> usize {
        self.ends.len() * size_of::<u32>() + self.data.len() * size_of::<T>()
    }
}

/// Where a list lies. Its capacity is nothing for class 0 and 2^(class - 1) above.
#[derive(Debug, Clone, Copy, Default)]
struct Head {
    offset: u32,
    len: u32,
    class: u8,
}

impl Head {
    const fn capacity(self) -> usize {
        if self.class == 0 { 0 } else { 1 << (self.class - 1) }
    }

    const fn range(self) -> core::ops::Range<usize> {
        self.offset as usize..self.offset as usize + self.len as usize
    }
}

/// Lists of blocks that grow and shrink, in one buffer with free places by size. 12 bytes a list and up to twice its entries.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lists {
    heads: Vec<Head>,
    data: Vec<BlockId>,
    free: [Vec<u32>; 32],
}

impl Lists {
    pub(crate) fn push_list(&mut self) {
        self.heads.push(Head::default());
    }

    pub(crate) fn get(&self, list: BlockId) -> &[BlockId] {
        &self.data[self.heads[list.row()].range()]
    }

    pub(crate) fn has_room(&self) -> bool {
        self.data.len() < ENTRIES_MAX / 2
    }

    /// Puts `with` in place of `removed` entries at `at`.
    pub(crate) fn splice(&mut self, list: BlockId, at: usize, removed: usize, with: &[BlockId]) {
        let head = self.heads[list.row()];
        let old_len = head.len as usize;
        let new_len = old_len - removed + with.len();
        let head = if new_len > head.capacity() { self.moved(head, new_len) } else { head };
        let start = head.offset as usize;
        let tail = start + at + removed..start + old_len;
        self.data.copy_within(tail, start + at + with.len());
        self.data[start + at..start + at + with.len()].copy_from_slice(with);
        let len = u32::try_from(new_len).unwrap_or(u32::MAX);
        self.heads[list.row()] = Head { len, ..head };
    }

    /// Empties a list and frees its place.
    pub(crate) fn clear(&mut self, list: BlockId) {
        let head = core::mem::take(&mut self.heads[list.row()]);
        if head.class > 0 {
            self.free[usize::from(head.class) - 1].push(head.offset);
        }
    }

    /// Copies a list to a place for `len` entries.
    fn moved(&mut self, head: Head, len: usize) -> Head {
        let capacity = len.next_power_of_two();
        let class = capacity.trailing_zeros() as usize;
        let offset = self.free[class].pop().unwrap_or_else(|| {
            let offset = self.data.len();
            self.data.resize(offset + capacity, BlockId::ORIGIN);
            // The door refuses blocks before the buffer is half of what a `u32` reaches.
            u32::try_from(offset).unwrap_or(u32::MAX)
        });
        self.data.copy_within(head.range(), offset as usize);
        if head.class > 0 {
            self.free[usize::from(head.class) - 1].push(head.offset);
        }
        let class = u8::try_from(class + 1).unwrap_or(u8::MAX);
        Head { offset, len: head.len, class }
    }

    pub(crate) const fn bytes(&self) -> usize {
        self.heads.len() * size_of::<Head>() + self.data.len() * size_of::<BlockId>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_keep_their_entries_through_moves_and_reuse_freed_places() {
        let mut lists = Lists::default();
        let mut model = vec![Vec::new(); 4];
        (0..4).for_each(|_| lists.push_list());
        for step in 0..200_u32 {
            let list = (step * 7 % 4) as usize;
            let id = BlockId::at(list);
            if step % 11 == 10 {
                lists.clear(id);
                model[list].clear();
                continue;
            }
            let len = model[list].len();
            let at = (step as usize * 5) % (len + 1);
            let removed = usize::from(step % 5 == 4 && at < len);
            let with = [BlockId::new(step), BlockId::new(step + 1)];
            lists.splice(id, at, removed, &with);
            model[list].splice(at..at + removed, with);
            for (row, expected) in model.iter().enumerate() {
                assert_eq!(lists.get(BlockId::at(row)), expected);
            }
        }
        assert!(lists.data.len() < 400, "freed places are used again");
    }
}
