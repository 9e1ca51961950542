//! Proof that a validator said two things: two votes, or two blocks, that an honest one never signs both of.
//!
//! Evidence stands alone: whoever knows the chain's parameters and validators checks it, and a contract can, with `ecrecover`.

use alloy_consensus::Header;
use alloy_primitives::Address;
use alloy_rlp::{Decodable, Encodable, RlpDecodable, RlpEncodable};

use crate::{
    header::signer,
    params::Params,
    seal,
    validator::ValidatorSet,
    vote::{Conflict, SignedVote},
};

/// Two votes.
#[derive(Debug, Clone, PartialEq, Eq, RlpEncodable, RlpDecodable)]
pub struct TwoVotes {
    /// The one that came first.
    pub first: SignedVote,
    /// The other.
    pub second: SignedVote,
}

/// Two blocks' headers.
#[derive(Debug, Clone, PartialEq, Eq, RlpEncodable, RlpDecodable)]
pub struct TwoBlocks {
    /// The one that came first.
    pub first: Header,
    /// The other.
    pub second: Header,
}

/// Proof that a validator said two things.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Evidence {
    /// Two votes that conflict.
    Votes(Box<TwoVotes>),
    /// Two blocks of one slot.
    Blocks(Box<TwoBlocks>),
}

/// What a validator did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offence {
    /// Two votes of one slot.
    DoubleVote,
    /// A vote that spans over another.
    SurroundVote,
    /// Two blocks of one slot.
    DoubleBlock,
}

impl Offence {
    /// Its name, as RPC tells it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::DoubleVote => "doubleVote",
            Self::SurroundVote => "surroundVote",
            Self::DoubleBlock => "doubleBlock",
        }
    }
}

/// Why evidence proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EvidenceError {
    /// The two go together.
    #[error(
        "the two do not conflict: expected two different ones of a slot, or one vote around the other"
    )]
    NoConflict,
    /// Two validators said them, or one that is none.
    #[error("expected one validator's signature on both, got those of {first:?} and {second:?}")]
    Signers {
        /// Who signed the first, if anybody did.
        first: Option<Address>,
        /// Who signed the second, if anybody did.
        second: Option<Address>,
    },
}

/// Evidence that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedEvidence {
    evidence: Evidence,
    validator: usize,
    offence: Offence,
    slot: u64,
}

impl Evidence {
    /// Checks that one validator signed two things that conflict.
    ///
    /// # Errors
    ///
    /// [`EvidenceError`] if it proves nothing.
    pub fn check(
        self,
        params: &Params,
        set: &ValidatorSet,
    ) -> Result<CheckedEvidence, EvidenceError> {
        let (first, second, offence, slot) = match &self {
            Self::Votes(both) => {
                let conflict = both.first.vote.conflicts(&both.second.vote);
                let offence = match conflict.ok_or(EvidenceError::NoConflict)? {
                    Conflict::Double => Offence::DoubleVote,
                    Conflict::Surround => Offence::SurroundVote,
                };
                let who = |signed: &SignedVote| {
                    crate::signature::recover(&signed.signature, &signed.vote.digest(params))
                };
                let slot = both.second.vote.target.slot;
                (who(&both.first), who(&both.second), offence, slot)
            }
            Self::Blocks(both) => {
                let read = |header| signer(params, header).map_err(|_| EvidenceError::NoConflict);
                let (slot, first) = read(&both.first)?;
                let (other, second) = read(&both.second)?;
                let digest = |header| seal::digest(&params.domain, header);
                if slot != other || digest(&both.first) == digest(&both.second) {
                    return Err(EvidenceError::NoConflict);
                }
                (first, second, Offence::DoubleBlock, slot)
            }
        };
        let validator = first.filter(|_| first == second).and_then(|one| set.index_of(one));
        let validator = validator.ok_or(EvidenceError::Signers { first, second })?;
        Ok(CheckedEvidence { evidence: self, validator, offence, slot })
    }
}

impl CheckedEvidence {
    /// The evidence.
    #[must_use]
    pub const fn evidence(&self) -> &Evidence {
        &self.evidence
    }

    /// Index of the validator that said two things.
    #[must_use]
    pub const fn validator(&self) -> usize {
        self.validator
    }

    /// What it did.
    #[must_use]
    pub const fn offence(&self) -> Offence {
        self.offence
    }

    /// Slot of what it said last.
    #[must_use]
    pub const fn slot(&self) -> u64 {
        self.slot
    }
}

/// First byte of evidence of votes, and of blocks.
const VOTES: u8 = 0;
const BLOCKS: u8 = 1;

impl Evidence {
    /// Writes it: a byte for its kind, and a list of two.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Votes(both) => {
                out.push(VOTES);
                both.encode(out);
            }
            Self::Blocks(both) => {
                out.push(BLOCKS);
                both.encode(out);
            }
        }
    }

    /// Reads it from all of the bytes.
    ///
    /// # Errors
    ///
    /// [`alloy_rlp::Error`] if they are none.
    pub fn decode(bytes: &[u8]) -> alloy_rlp::Result<Self> {
        let (kind, rest) = bytes.split_first().ok_or(alloy_rlp::Error::InputTooShort)?;
        match *kind {
            VOTES => Ok(Self::Votes(Box::new(exact(rest)?))),
            BLOCKS => Ok(Self::Blocks(Box::new(exact(rest)?))),
            _ => Err(alloy_rlp::Error::Custom("evidence begins with 0 or 1")),
        }
    }
}

fn exact<T: Decodable>(bytes: &[u8]) -> alloy_rlp::Result<T> {
    alloy_rlp::decode_exact(bytes)
}
