//! From hash to header: an open-addressing table of numbers beside the array of hashes.
//!
//! A map that owns its keys would hold every hash twice. Where a hash goes is decided by a multiplication with a secret
//! odd number, so that nobody can mine headers (cheap on test networks) that all go to the same place.

use bitcoin::{BlockHash, hashes::Hash};

const EMPTY: u32 = u32::MAX;

/// Slots at the beginning; doubled whenever half of them are taken.
const SLOTS_MIN: usize = 1 << 10;

#[derive(Debug, Clone)]
pub(super) struct Index {
    slots: Vec<u32>,
    salt: u64,
}

impl Index {
    pub(super) fn new(salt: u64) -> Self {
        Self { slots: vec![EMPTY; SLOTS_MIN], salt: salt | 1 }
    }

    /// Returns the number of the header with this hash.
    pub(super) fn find(&self, hash: &BlockHash, hashes: &[BlockHash]) -> Option<u32> {
        // At least half of the slots are empty, so the search ends.
        let mut at = self.start(hash);
        loop {
            match self.slots[at] {
                EMPTY => return None,
                id if hashes[id as usize] == *hash => return Some(id),
                _ => at = (at + 1) & (self.slots.len() - 1),
            }
        }
    }

    /// Adds the last of `hashes`, which is not there yet.
    pub(super) fn push(&mut self, hashes: &[BlockHash]) {
        if hashes.len() * 2 > self.slots.len() {
            self.slots = vec![EMPTY; self.slots.len() * 2];
            for id in 0..hashes.len() {
                self.place(id, hashes);
            }
        } else if let Some(id) = hashes.len().checked_sub(1) {
            self.place(id, hashes);
        }
    }

    #[expect(clippy::cast_possible_truncation, reason = "a tree holds at most 2^31 headers")]
    fn place(&mut self, id: usize, hashes: &[BlockHash]) {
        let mut at = self.start(&hashes[id]);
        while self.slots[at] != EMPTY {
            at = (at + 1) & (self.slots.len() - 1);
        }
        self.slots[at] = id as u32;
    }

    /// Returns the slot to look at first: the upper bits of the product.
    #[expect(clippy::cast_possible_truncation, reason = "as many bits as there are slots")]
    fn start(&self, hash: &BlockHash) -> usize {
        let word = hash.as_byte_array().first_chunk().copied().map_or(0, u64::from_le_bytes);
        let bits = self.slots.len().trailing_zeros();
        (word.wrapping_mul(self.salt) >> (u64::BITS - bits)) as usize
    }

    pub(super) const fn heap_bytes(&self) -> usize {
        self.slots.capacity() * size_of::<u32>()
    }
}
