//! Votes: once a slot every validator says which block is its head, and which checkpoint it knows two thirds to stand behind.
//!
//! A checkpoint is a block in a slot, its own or a later one. A vote is a link from a source, the newest justified checkpoint its voter
//! knows, to a target, the voter's head in the vote's slot. An honest validator's targets have ever later slots, and its sources never
//! earlier ones.
//!
//! **Spec:** Buterin et al., *Combining GHOST and Casper* (2020), sections 4 and 5, with slots in the place of epochs.

use alloy_primitives::{Address, B256};
use alloy_rlp::{RlpDecodable, RlpEncodable};
use quintet_crypto::secp;

use crate::{
    params::{Params, Purpose},
    signature::{self, Signature},
    validator::ValidatorSet,
};

/// A block in a slot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, RlpEncodable, RlpDecodable)]
pub struct Checkpoint {
    /// The slot: the block's own or a later one.
    pub slot: u64,
    /// The block.
    pub block: B256,
}

/// A link between two checkpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, RlpEncodable, RlpDecodable)]
pub struct Vote {
    /// The newest justified checkpoint the voter knows.
    pub source: Checkpoint,
    /// The voter's head in the vote's slot.
    pub target: Checkpoint,
}

impl Vote {
    /// Returns what is signed.
    #[must_use]
    pub fn digest(&self, params: &Params) -> B256 {
        let Self { source, target } = self;
        let parts: [&[u8]; 4] = [
            &source.slot.to_be_bytes(),
            &source.block[..],
            &target.slot.to_be_bytes(),
            &target.block[..],
        ];
        params.domain.digest(Purpose::Vote, &parts)
    }

    /// Signs the vote.
    #[must_use]
    pub fn sign(self, params: &Params, key: &secp::SecretKey) -> Option<SignedVote> {
        let signature = signature::sign(key, &self.digest(params))?;
        Some(SignedVote { vote: self, signature })
    }

    /// Returns whether this vote and another by the same validator may not both be.
    #[must_use]
    pub fn conflicts(&self, other: &Self) -> Option<Conflict> {
        if self == other {
            return None;
        }
        if self.target.slot == other.target.slot {
            return Some(Conflict::Double);
        }
        let surrounds =
            |a: &Self, b: &Self| a.source.slot < b.source.slot && b.target.slot < a.target.slot;
        (surrounds(self, other) || surrounds(other, self)).then_some(Conflict::Surround)
    }
}

/// How two votes conflict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conflict {
    /// Two votes in one slot.
    Double,
    /// One that spans over the other.
    Surround,
}

/// A vote with its signature, as it travels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, RlpEncodable, RlpDecodable)]
pub struct SignedVote {
    /// The vote.
    pub vote: Vote,
    /// Its validator's signature.
    pub signature: Signature,
}

/// Why a vote is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum VoteError {
    /// It does not lead forward.
    #[error("expected a source before the target in slot {target}, got one in slot {origin}")]
    Order {
        /// The source's slot.
        origin: u64,
        /// The target's slot.
        target: u64,
    },
    /// It is nobody's, or a stranger's.
    #[error("expected a validator's signature, got that of {actual:?}")]
    Signer {
        /// Who signed, if anybody did.
        actual: Option<Address>,
    },
}

/// A vote that a validator signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckedVote {
    signed: SignedVote,
    validator: usize,
}

impl SignedVote {
    /// Checks form and signature.
    ///
    /// # Errors
    ///
    /// [`VoteError`] if it does not lead forward or no validator signed it.
    pub fn check(self, params: &Params, set: &ValidatorSet) -> Result<CheckedVote, VoteError> {
        let (source, target) = (self.vote.source.slot, self.vote.target.slot);
        if source >= target {
            return Err(VoteError::Order { origin: source, target });
        }
        let actual = signature::recover(&self.signature, &self.vote.digest(params));
        let validator = actual.and_then(|address| set.index_of(address));
        let validator = validator.ok_or(VoteError::Signer { actual })?;
        Ok(CheckedVote { signed: self, validator })
    }
}

impl CheckedVote {
    /// The vote.
    #[must_use]
    pub const fn vote(&self) -> &Vote {
        &self.signed.vote
    }

    /// The vote with its signature.
    #[must_use]
    pub const fn signed(&self) -> &SignedVote {
        &self.signed
    }

    /// Index of its validator.
    #[must_use]
    pub const fn validator(&self) -> usize {
        self.validator
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vote(source: u64, target: u64, block: u8) -> Vote {
        Vote {
            source: Checkpoint { slot: source, block: B256::ZERO },
            target: Checkpoint { slot: target, block: B256::repeat_byte(block) },
        }
    }

    #[test]
    fn two_votes_of_a_slot_and_votes_around_each_other_conflict() {
        assert_eq!(vote(1, 5, 1).conflicts(&vote(1, 5, 2)), Some(Conflict::Double));
        assert_eq!(vote(1, 5, 1).conflicts(&vote(2, 5, 1)), Some(Conflict::Double));
        assert_eq!(vote(1, 5, 1).conflicts(&vote(2, 4, 1)), Some(Conflict::Surround));
        assert_eq!(vote(2, 4, 1).conflicts(&vote(1, 5, 1)), Some(Conflict::Surround));
        assert_eq!(vote(1, 5, 1).conflicts(&vote(1, 5, 1)), None);
        assert_eq!(vote(1, 4, 1).conflicts(&vote(1, 5, 2)), None);
        assert_eq!(vote(1, 4, 1).conflicts(&vote(2, 5, 2)), None);
    }
}
