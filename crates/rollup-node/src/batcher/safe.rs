//! Whether the safe head has gone back: then what was posted behind it has to be posted again, and at once.
//!
//! ```text
//!   look ──► as high as ever: Forward
//!        └─► lower ──► for the first time, or moving still: Unsettled ──► the same as at the last look: Back
//! ```
//!
//! After a reorganisation of L1 derivation begins again some way behind, and reads again what L1 still has: for a moment the safe head is low, and
//! comes back by itself. To post again what it will find in L1 would be money lost, so it has to stand still from one look to the next.
//!
//! # Invariants
//!
//! - A head that went back is told once; from then on it is what is compared with.
//!
//! **Spec:** op-batcher's `computeSyncActions`, "safe chain reorg".

use alloy_primitives::B256;
use quintet_rollup_protocol::refs::L2Ref;

/// What a look at the safe head shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SafeMove {
    /// It is where it was, or further.
    Forward,
    /// It is lower than it was, and may be on its way back.
    Unsettled,
    /// It is lower than it was, and stays there.
    Back,
}

/// The safe head, look by look.
#[derive(Debug, Clone, Copy)]
pub struct SafeWatch {
    /// The highest since it last went back.
    highest: u64,
    /// What the last look showed, if that was lower.
    low: Option<B256>,
}

impl SafeWatch {
    /// Begins with a safe head.
    #[must_use]
    pub const fn new(safe: &L2Ref) -> Self {
        Self { highest: safe.number, low: None }
    }

    /// Takes a look.
    pub fn look(&mut self, safe: &L2Ref) -> SafeMove {
        if safe.number >= self.highest {
            *self = Self::new(safe);
            return SafeMove::Forward;
        }
        if self.low == Some(safe.hash) {
            *self = Self::new(safe);
            return SafeMove::Back;
        }
        self.low = Some(safe.hash);
        SafeMove::Unsettled
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(number: u64) -> L2Ref {
        let hash = B256::from(alloy_primitives::U256::from(number));
        L2Ref { number, hash, ..L2Ref::default() }
    }

    #[test]
    fn a_head_that_stands_still_below_where_it_was_has_gone_back() {
        let mut watch = SafeWatch::new(&block(10));
        assert_eq!(watch.look(&block(12)), SafeMove::Forward);
        assert_eq!(watch.look(&block(12)), SafeMove::Forward);
        assert_eq!(watch.look(&block(11)), SafeMove::Unsettled);
        assert_eq!(watch.look(&block(11)), SafeMove::Back);
        assert_eq!(watch.look(&block(11)), SafeMove::Forward, "told once");
    }

    #[test]
    fn a_head_that_is_derived_again_comes_back_by_itself() {
        let mut watch = SafeWatch::new(&block(10));
        for number in [3, 6, 9] {
            assert_eq!(watch.look(&block(number)), SafeMove::Unsettled);
        }
        assert_eq!(watch.look(&block(10)), SafeMove::Forward);
        assert_eq!(
            watch.look(&block(9)),
            SafeMove::Unsettled,
            "what was low before does not count"
        );
    }

    #[test]
    fn another_block_of_the_same_low_height_has_not_settled() {
        let mut watch = SafeWatch::new(&block(10));
        assert_eq!(watch.look(&block(9)), SafeMove::Unsettled);
        let other = L2Ref { hash: B256::repeat_byte(7), ..block(9) };
        assert_eq!(watch.look(&other), SafeMove::Unsettled);
        assert_eq!(watch.look(&other), SafeMove::Back);
    }
}
