//! Blocks of the unsafe chain between nodes: how they are named, packed and signed, which are passed on, and how those that were missed are
//! asked for.
//!
//! ```text
//!   Envelope ──► ssz ──► message: sign, snappy ──► topic of its version ──► peers
//!                                                                             │
//!   GossipBlock ◄── Verdict::Accept ◄── Gate::judge(now, signer) ◄── message ◄┘
//!        ▲
//!        └────────── request: payload_by_number, asked where the next block's parent is missing
//! ```
//!
//! - [`message`]: bytes on the wire, and their ids.
//! - [`gate`]: the rules by which a message is accepted, ignored or rejected, in the order of the specification.
//! - [`request`]: blocks by their numbers.
//!
//! # Invariants
//!
//! - Nothing is decompressed beyond [`message::CONTENT_BYTES_MAX`], nor before the length it claims is one that its compressed form can have.
//! - A [`GossipBlock`] has the hash it names; nothing else makes one.
//!
//! **Spec:** `rollup-node-p2p.md`.

pub mod gate;
pub mod message;
pub mod request;

use alloy_primitives::{B256, Bytes};

pub use self::{
    gate::{Gate, Refusal, Verdict},
    message::MessageError,
};
use crate::payload::{Envelope, PayloadError, PayloadVersion};

/// Returns the topic on which blocks of a version are told.
///
/// **Spec:** `rollup-node-p2p.md`, "Gossip Topics".
#[must_use]
pub fn topic(chain_id: u64, version: PayloadVersion) -> String {
    let number = match version {
        PayloadVersion::V1 => 0,
        PayloadVersion::V2 => 1,
        PayloadVersion::V3 => 2,
        PayloadVersion::V4 => 3,
    };
    format!("/optimism/{chain_id}/{number}/blocks")
}

/// A block that has the hash it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GossipBlock {
    /// Its number.
    pub number: u64,
    /// Its hash.
    pub hash: B256,
    /// Hash of the block before it.
    pub parent_hash: B256,
    /// Its time.
    pub timestamp: u64,
    /// The block, in RLP.
    pub block: Bytes,
}

impl GossipBlock {
    /// Makes the block of a payload.
    ///
    /// # Errors
    ///
    /// [`PayloadError`] if it is not the block whose hash it names.
    pub fn new(version: PayloadVersion, envelope: &Envelope) -> Result<Self, PayloadError> {
        let block = envelope.block_rlp(version)?;
        let payload = &envelope.payload;
        Ok(Self {
            number: payload.number,
            hash: payload.block_hash,
            parent_hash: payload.parent_hash,
            timestamp: payload.timestamp,
            block,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_version_has_a_topic_of_its_own() {
        let names = PayloadVersion::ALL.map(|version| topic(10, version));
        assert_eq!(
            names,
            [
                "/optimism/10/0/blocks",
                "/optimism/10/1/blocks",
                "/optimism/10/2/blocks",
                "/optimism/10/3/blocks"
            ]
        );
    }
}
