//! Which L2 block is final: that derived from an L1 block that is final, whatever its origin.
//!
//! **Spec:** `protocol/derivation.md`, "Finalization Guarantees"; op-node's `Finalizer`.

use std::collections::VecDeque;

use crate::refs::{L1Ref, L2Ref};

/// L1 blocks remembered: what can be between the head and what is final, with room for a bad day.
pub const FINALITY_ENTRIES_MAX: usize = 4_096;

/// The last safe block of each L1 block, until it is final.
#[derive(Debug, Default)]
pub struct Finality {
    entries: VecDeque<(L1Ref, L2Ref)>,
}

impl Finality {
    /// Notes that `block` is safe by what was read up to and with `derived_from`.
    ///
    /// Of more than [`FINALITY_ENTRIES_MAX`] L1 blocks the oldest are forgotten: finality then comes later, never wrongly.
    pub fn on_safe(&mut self, derived_from: L1Ref, block: L2Ref) {
        match self.entries.back_mut() {
            Some((last, safe)) if last.number == derived_from.number => {
                (*last, *safe) = (derived_from, block);
            }
            _ => self.entries.push_back((derived_from, block)),
        }
        if self.entries.len() > FINALITY_ENTRIES_MAX {
            self.entries.pop_front();
        }
    }

    /// Takes the number of a final L1 block, and returns the L2 block that became final by it, if one did. The caller has made sure
    /// that derivation stands on the same branch.
    pub fn on_final(&mut self, l1_number: u64) -> Option<L2Ref> {
        let mut found = None;
        while self.entries.front().is_some_and(|(l1, _)| l1.number <= l1_number) {
            found = self.entries.pop_front().map(|(_, block)| block);
        }
        found
    }

    /// Forgets what was derived from L1 blocks above `number`: they are of another branch.
    pub fn rewind(&mut self, number: u64) {
        while self.entries.back().is_some_and(|(l1, _)| l1.number > number) {
            self.entries.pop_back();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn l1(number: u64) -> L1Ref {
        L1Ref { number, ..L1Ref::default() }
    }

    fn l2(number: u64) -> L2Ref {
        L2Ref { number, ..L2Ref::default() }
    }

    #[test]
    fn a_block_is_final_with_the_l1_block_it_was_derived_from() {
        let mut finality = Finality::default();
        for (from, block) in [(10, 1), (10, 2), (12, 3)] {
            finality.on_safe(l1(from), l2(block));
        }
        assert_eq!(finality.on_final(9), None);
        assert_eq!(finality.on_final(11), Some(l2(2)));
        assert_eq!(finality.on_final(11), None);
        finality.rewind(11);
        assert_eq!(finality.on_final(20), None);
    }

    #[test]
    fn the_oldest_are_forgotten_beyond_the_bound() {
        let mut finality = Finality::default();
        let count = FINALITY_ENTRIES_MAX as u64 + 5;
        (0..count).for_each(|number| finality.on_safe(l1(number), l2(number)));
        assert_eq!(finality.entries.len(), FINALITY_ENTRIES_MAX);
        assert_eq!(finality.on_final(4), None);
    }
}
