//! What a validator has signed, so far as it must know to never sign what conflicts with it.
//!
//! Three numbers are enough, and they only rise. Whoever signs writes them to disk first and waits until they are there: a validator
//! that is killed between the two loses a vote, never its stake.

/// Length on disk, in bytes.
pub const WATERMARK_LEN: usize = 24;

/// What was signed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Watermark {
    /// Slot of the newest block.
    pub proposed: u64,
    /// Slot of the newest vote's target.
    pub voted: u64,
    /// Newest slot of a vote's source.
    pub sourced: u64,
}

/// Why something may not be signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WatermarkError {
    /// A block of this slot or a later one was signed.
    #[error("a block of slot {signed} is signed already, one of slot {actual} may not be")]
    Proposed {
        /// The newest slot.
        signed: u64,
        /// The slot asked for.
        actual: u64,
    },
    /// A vote of this slot or a later one was signed.
    #[error("a vote of slot {signed} is signed already, one of slot {actual} may not be")]
    Voted {
        /// The newest slot.
        signed: u64,
        /// The slot asked for.
        actual: u64,
    },
    /// A vote with a later source was signed: this node does not know yet what it knew then.
    #[error(
        "a vote from source slot {signed} is signed already, one from slot {actual} may not be: wait until this node has caught up"
    )]
    Sourced {
        /// The newest source's slot.
        signed: u64,
        /// The slot asked for.
        actual: u64,
    },
}

impl Watermark {
    /// Returns the watermark after a block of `slot`.
    ///
    /// # Errors
    ///
    /// [`WatermarkError::Proposed`] if none may be signed.
    pub const fn propose(self, slot: u64) -> Result<Self, WatermarkError> {
        if slot <= self.proposed {
            return Err(WatermarkError::Proposed { signed: self.proposed, actual: slot });
        }
        Ok(Self { proposed: slot, ..self })
    }

    /// Returns the watermark after a vote from a source's slot to a target's.
    ///
    /// # Errors
    ///
    /// [`WatermarkError`] if it may not be signed.
    pub const fn vote(self, source: u64, target: u64) -> Result<Self, WatermarkError> {
        if target <= self.voted {
            return Err(WatermarkError::Voted { signed: self.voted, actual: target });
        }
        if source < self.sourced {
            return Err(WatermarkError::Sourced { signed: self.sourced, actual: source });
        }
        Ok(Self { voted: target, sourced: source, ..self })
    }

    /// Writes it: three numbers of 8 bytes, big-endian.
    #[must_use]
    pub fn encode(&self) -> [u8; WATERMARK_LEN] {
        let mut bytes = [0; WATERMARK_LEN];
        let numbers = [self.proposed, self.voted, self.sourced].map(u64::to_be_bytes);
        for (to, from) in bytes.iter_mut().zip(numbers.concat()) {
            *to = from;
        }
        bytes
    }

    /// Reads it; nothing if the bytes are of another length.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let bytes: &[u8; WATERMARK_LEN] = bytes.try_into().ok()?;
        let mut numbers = bytes.as_chunks::<8>().0.iter().map(|chunk| u64::from_be_bytes(*chunk));
        Some(Self { proposed: numbers.next()?, voted: numbers.next()?, sourced: numbers.next()? })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::vote::{Checkpoint, Vote};

    proptest! {
        /// Whatever a validator is asked to sign, what it signs never conflicts.
        #[test]
        fn votes_that_pass_never_conflict(asked in prop::collection::vec((0_u64..20, 0_u64..20, any::<u8>()), 0..60)) {
            let mut watermark = Watermark::default();
            let mut signed: Vec<Vote> = Vec::new();
            for (source, target, block) in asked {
                if source >= target {
                    continue;
                }
                let Ok(after) = watermark.vote(source, target) else { continue };
                watermark = Watermark::decode(&after.encode()).unwrap();
                let at = |slot| Checkpoint { slot, block: alloy_primitives::B256::repeat_byte(block) };
                let vote = Vote { source: at(source), target: at(target) };
                for before in &signed {
                    prop_assert_eq!(before.conflicts(&vote), None);
                }
                signed.push(vote);
            }
        }
    }

    #[test]
    fn a_slot_is_proposed_in_once() {
        let after = Watermark::default().propose(5).unwrap();
        assert_eq!(after.propose(5), Err(WatermarkError::Proposed { signed: 5, actual: 5 }));
        assert!(after.propose(6).is_ok());
    }
}
