//! A lane's proof in bytes.
//!
//! ```text
//!   empty: 32 bytes │ 0                                    │ siblings: 32 bytes each
//!                   │ 1 │ depth: 1 byte                    │
//!                   │ 2 │ depth: 1 │ key: 32 │ leaf: 32    │
//! ```
//!
//! **Spec:** the reference's `OwnedSmtProof::{to_bytes, from_bytes}`.

use quintet_primitives::Hash256;

use super::WireError;
use crate::lanes::{LaneProof, ProofEnd};

const FULL: u8 = 0;
const ALONE: u8 = 1;
const OTHER: u8 = 2;

/// Most bytes of a proof.
const BYTES_MAX: usize = 32 + 66 + 256 * 32;

const fn length(actual: usize) -> WireError {
    WireError::Length {
        what: "a lane's proof",
        expected: "33 or more, and as many more as it says",
        actual,
    }
}

/// Reads a proof. That it has as many siblings as it needs is found when its root is worked out.
pub(super) fn decode(bytes: &[u8]) -> Result<LaneProof, WireError> {
    let too_short = || length(bytes.len());
    if bytes.len() > BYTES_MAX {
        return Err(too_short());
    }
    let (empty, rest) = bytes.split_first_chunk::<32>().ok_or_else(too_short)?;
    let (tag, rest) = rest.split_first().ok_or_else(too_short)?;
    let (end, siblings) = match *tag {
        FULL => (ProofEnd::Full, rest),
        ALONE => {
            let (depth, rest) = rest.split_first().ok_or_else(too_short)?;
            (ProofEnd::Alone { depth: *depth }, rest)
        }
        OTHER => {
            let (depth, rest) = rest.split_first().ok_or_else(too_short)?;
            let (key, rest) = rest.split_first_chunk::<32>().ok_or_else(too_short)?;
            let (leaf, rest) = rest.split_first_chunk::<32>().ok_or_else(too_short)?;
            let (key, leaf) = (Hash256::new(*key), Hash256::new(*leaf));
            (ProofEnd::Other { depth: *depth, key, leaf }, rest)
        }
        actual => return Err(WireError::ProofEnd { actual }),
    };
    let (siblings, rest) = siblings.as_chunks::<32>();
    if !rest.is_empty() {
        return Err(too_short());
    }
    let siblings = siblings.iter().copied().map(Hash256::new).collect();
    Ok(LaneProof { empty: *empty, siblings, end })
}

/// Writes a proof.
pub(super) fn encode(proof: &LaneProof) -> Vec<u8> {
    let mut bytes = proof.empty.to_vec();
    match &proof.end {
        ProofEnd::Full => bytes.push(FULL),
        ProofEnd::Alone { depth } => bytes.extend_from_slice(&[ALONE, *depth]),
        ProofEnd::Other { depth, key, leaf } => {
            bytes.extend_from_slice(&[OTHER, *depth]);
            bytes.extend_from_slice(key.as_bytes());
            bytes.extend_from_slice(leaf.as_bytes());
        }
    }
    proof.siblings.iter().for_each(|sibling| bytes.extend_from_slice(sibling.as_bytes()));
    bytes
}
