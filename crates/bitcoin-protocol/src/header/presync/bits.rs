//! A queue of bits: 64 commitments in eight bytes.

use std::collections::VecDeque;

/// Bits, first in, first out.
#[derive(Debug, Clone, Default)]
pub(super) struct BitQueue {
    words: VecDeque<u64>,
    /// Bits of the first word that were taken already, below 64.
    taken: usize,
    len: usize,
}

impl BitQueue {
    pub(super) const fn len(&self) -> usize {
        self.len
    }

    pub(super) fn push(&mut self, bit: bool) {
        let at = self.taken + self.len;
        if at / 64 == self.words.len() {
            self.words.push_back(0);
        }
        if let Some(word) = self.words.get_mut(at / 64) {
            *word |= u64::from(bit) << (at % 64);
        }
        self.len += 1;
    }

    pub(super) fn pop(&mut self) -> Option<bool> {
        if self.len == 0 {
            return None;
        }
        let bit = self.words.front()? >> self.taken & 1 == 1;
        self.len -= 1;
        self.taken += 1;
        if self.taken == 64 {
            self.words.pop_front();
            self.taken = 0;
        }
        Some(bit)
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.words.capacity() * size_of::<u64>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_come_out_in_the_order_they_went_in() {
        let mut queue = BitQueue::default();
        let bit = |index: u32| index.wrapping_mul(0x9e37_79b9) >> 31 == 1;
        let mut taken = 0;
        for index in 0..1000 {
            queue.push(bit(index));
            if index % 3 != 0 {
                assert_eq!(queue.pop(), Some(bit(taken)));
                taken += 1;
            }
        }
        assert_eq!(queue.len(), (1000 - taken) as usize);
        for index in taken..1000 {
            assert_eq!(queue.pop(), Some(bit(index)));
        }
        assert_eq!(queue.pop(), None);
    }
}
