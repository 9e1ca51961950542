//! Blocks by their numbers: what a node asks that has missed some.
//!
//! ```text
//!   request   number, u64 LE
//!   answer    result 1 │ version, u32 LE │ snappy frames ( from V3: beacon root 32 │ payload, SSZ ) to the end
//!             0 there it is · 1 not there · 2 bad request · 3 and more: something else
//! ```
//!
//! The version says little: 0 is a payload, 1 one with the root of a beacon block before it. For Isthmus the specification has a 2, which op-node
//! never writes; both are read here, and 1 is written. Which fields the payload has follows from the time a block of that number has.
//!
//! The protocol's name ends with a slash in the specification and without one in op-node; both are offered, op-node's first.
//!
//! # Invariants
//!
//! - Neither an answer nor what it decompresses to is longer than [`ANSWER_BYTES_MAX`].
//! - A block that was read has the number that was asked for and the hash it names. That it is of our chain its child says, whose parent it must
//!   be.
//!
//! **Spec:** `rollup-node-p2p.md`, "`payload_by_number`"; op-node's `p2p/sync.go`.

use std::io::{Read as _, Write as _};

use thiserror::Error;

use super::GossipBlock;
use crate::{
    config::RollupConfig,
    payload::{Envelope, PayloadError, PayloadVersion, ssz},
};

/// Bytes of a request.
pub const REQUEST_BYTES: usize = 8;
/// Most bytes of an answer, compressed or not: 10 MiB.
pub const ANSWER_BYTES_MAX: usize = 10 * 1024 * 1024;
/// Bytes before the payload: result and version.
const HEAD_BYTES: usize = 5;

/// Returns the names of the protocol, the one to prefer first.
#[must_use]
pub fn protocols(chain_id: u64) -> [String; 2] {
    let name = format!("/opstack/req/payload_by_number/{chain_id}/0");
    let specified = format!("{name}/");
    [name, specified]
}

/// Why there is no block instead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absence {
    /// We do not have it.
    Unavailable,
    /// No block can have that number.
    Invalid,
    /// Something went wrong, or too much is asked.
    Other,
}

impl Absence {
    /// Returns the answer.
    #[must_use]
    pub fn encode(self) -> Vec<u8> {
        let result = match self {
            Self::Unavailable => 1,
            Self::Invalid => 2,
            Self::Other => 3,
        };
        vec![result]
    }
}

/// Why an answer is no block.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum AnswerError {
    /// Whoever was asked has none.
    #[error("answer: expected block {number}, got result {result}")]
    Absent {
        /// The number.
        number: u64,
        /// The result: 1 not there, 2 bad request.
        result: u8,
    },
    /// It is cut off.
    #[error("answer: expected at least {expected} bytes, got {actual}")]
    Short {
        /// How many there must be.
        expected: usize,
        /// How many there are.
        actual: usize,
    },
    /// It is longer than allowed.
    #[error("answer: expected at most {expected} bytes, got more")]
    Long {
        /// The bound.
        expected: usize,
    },
    /// It is not compressed as it should be.
    #[error("answer: expected snappy frames, {reason}")]
    Compression {
        /// What is wrong.
        reason: String,
    },
    /// Its version is not that of a block of this number.
    #[error("answer: expected version {expected} of block {number}, got {actual}")]
    Version {
        /// The number.
        number: u64,
        /// The version of such blocks.
        expected: u32,
        /// The answer's.
        actual: u32,
    },
    /// It is no payload, or not the block whose hash it names.
    #[error(transparent)]
    Payload(#[from] PayloadError),
    /// It is another block.
    #[error("answer: expected block {expected}, got block {actual}")]
    Number {
        /// The number asked for.
        expected: u64,
        /// The block's.
        actual: u64,
    },
}

/// Returns the time of the block of a number.
fn time_of(config: &RollupConfig, number: u64) -> u64 {
    let genesis = &config.genesis;
    let behind = number.saturating_sub(genesis.l2.number);
    genesis.l2_time.saturating_add(behind.saturating_mul(config.block_time))
}

/// Returns whether a block of this number can be there at a time, seconds.
#[must_use]
pub fn may_exist(config: &RollupConfig, number: u64, now: u64) -> bool {
    number >= config.genesis.l2.number && time_of(config, number) <= now
}

const fn version_on_the_wire(version: PayloadVersion) -> u32 {
    match version {
        PayloadVersion::V1 | PayloadVersion::V2 => 0,
        PayloadVersion::V3 | PayloadVersion::V4 => 1,
    }
}

/// Writes an answer.
///
/// # Errors
///
/// [`AnswerError`] if the block's fields are not those of its version, or it is too long.
pub fn encode(version: PayloadVersion, envelope: &Envelope) -> Result<Vec<u8>, AnswerError> {
    let payload = ssz::encode(version, envelope)?;
    let bad = |reason: String| AnswerError::Compression { reason };
    let mut out = vec![0];
    out.extend_from_slice(&version_on_the_wire(version).to_le_bytes());
    let mut frames = snap::write::FrameEncoder::new(out);
    frames.write_all(&payload).map_err(|error| bad(error.to_string()))?;
    let out = frames.into_inner().map_err(|error| bad(error.to_string()))?;
    if out.len() > ANSWER_BYTES_MAX {
        return Err(AnswerError::Long { expected: ANSWER_BYTES_MAX });
    }
    Ok(out)
}

/// Reads the answer to the question for a number.
///
/// # Errors
///
/// [`AnswerError`] unless it is a block of that number with the hash it names.
pub fn decode(
    config: &RollupConfig,
    number: u64,
    answer: &[u8],
) -> Result<GossipBlock, AnswerError> {
    if answer.len() > ANSWER_BYTES_MAX {
        return Err(AnswerError::Long { expected: ANSWER_BYTES_MAX });
    }
    if let Some(&result) = answer.first()
        && result != 0
    {
        return Err(AnswerError::Absent { number, result });
    }
    let short = || AnswerError::Short { expected: HEAD_BYTES, actual: answer.len() };
    let (head, frames) = answer.split_first_chunk::<HEAD_BYTES>().ok_or_else(short)?;
    let [_, a, b, c, d] = *head;
    let actual = u32::from_le_bytes([a, b, c, d]);
    let version = PayloadVersion::of_block(config, time_of(config, number));
    let expected = version_on_the_wire(version);
    if actual != expected && (version, actual) != (PayloadVersion::V4, 2) {
        return Err(AnswerError::Version { number, expected, actual });
    }
    let mut payload = Vec::new();
    let limit = u64::try_from(ANSWER_BYTES_MAX).unwrap_or(u64::MAX).saturating_add(1);
    snap::read::FrameDecoder::new(frames)
        .take(limit)
        .read_to_end(&mut payload)
        .map_err(|error| AnswerError::Compression { reason: error.to_string() })?;
    if payload.len() > ANSWER_BYTES_MAX {
        return Err(AnswerError::Long { expected: ANSWER_BYTES_MAX });
    }
    let envelope = ssz::decode(version, &payload.into())?;
    let actual = envelope.payload.number;
    if actual != number {
        return Err(AnswerError::Number { expected: number, actual });
    }
    Ok(GossipBlock::new(version, &envelope)?)
}

#[cfg(test)]
mod tests {
    use alloy_primitives::B256;

    use super::*;
    use crate::{config::Fork, payload::tests::envelope as sample, testing::config_at};

    /// Number of the sample's block.
    const NUMBER: u64 = 7;

    /// A fork that has blocks of each version.
    const FORKS: [(Fork, PayloadVersion); 4] = [
        (Fork::Regolith, PayloadVersion::V1),
        (Fork::Canyon, PayloadVersion::V2),
        (Fork::Ecotone, PayloadVersion::V3),
        (Fork::Isthmus, PayloadVersion::V4),
    ];

    #[test]
    fn a_block_of_every_version_comes_back() {
        for (fork, version) in FORKS {
            let (config, envelope) = (config_at(fork), sample(version));
            let answer = encode(version, &envelope).unwrap();
            let block = GossipBlock::new(version, &envelope).unwrap();
            assert_eq!(decode(&config, NUMBER, &answer), Ok(block));
            let refused = decode(&config, NUMBER + 1, &answer);
            assert_eq!(refused, Err(AnswerError::Number { expected: 8, actual: 7 }));
        }
    }

    #[test]
    fn an_answer_cut_anywhere_is_refused() {
        let config = config_at(Fork::Isthmus);
        let answer = encode(PayloadVersion::V4, &sample(PayloadVersion::V4)).unwrap();
        for length in 0..answer.len() {
            assert!(decode(&config, NUMBER, &answer[..length]).is_err(), "{length}");
        }
    }

    #[test]
    fn the_version_must_be_that_of_the_blocks_time() {
        let config = config_at(Fork::Isthmus);
        let mut answer = encode(PayloadVersion::V4, &sample(PayloadVersion::V4)).unwrap();
        answer[1] = 2;
        assert!(decode(&config, NUMBER, &answer).is_ok(), "as the specification has it");
        answer[1] = 0;
        let refused = decode(&config, NUMBER, &answer);
        let number = NUMBER;
        assert_eq!(refused, Err(AnswerError::Version { number, expected: 1, actual: 0 }));
    }

    #[test]
    fn who_has_no_block_says_so() {
        let config = config_at(Fork::Isthmus);
        for (absence, result) in
            [(Absence::Unavailable, 1), (Absence::Invalid, 2), (Absence::Other, 3)]
        {
            let refused = decode(&config, NUMBER, &absence.encode());
            assert_eq!(refused, Err(AnswerError::Absent { number: NUMBER, result }));
        }
    }

    #[test]
    fn another_hash_and_an_answer_that_unfolds_are_refused() {
        let config = config_at(Fork::Isthmus);
        let mut envelope = sample(PayloadVersion::V4);
        envelope.payload.block_hash = B256::ZERO;
        let answer = encode(PayloadVersion::V4, &envelope).unwrap();
        let refused = decode(&config, NUMBER, &answer).unwrap_err();
        assert!(matches!(refused, AnswerError::Payload(PayloadError::Hash { .. })), "{refused}");
        // Eleven mebibytes of zeros are half a mebibyte of frames.
        let mut bomb = vec![0, 1, 0, 0, 0];
        let mut frames = snap::write::FrameEncoder::new(&mut bomb);
        frames.write_all(&vec![0; ANSWER_BYTES_MAX + (1 << 20)]).unwrap();
        drop(frames);
        assert!(bomb.len() < 1 << 20);
        let refused = decode(&config, NUMBER, &bomb);
        assert_eq!(refused, Err(AnswerError::Long { expected: ANSWER_BYTES_MAX }));
    }

    #[test]
    fn only_blocks_whose_time_has_come_can_be_there() {
        let config = config_at(Fork::Isthmus);
        assert!(may_exist(&config, 0, 100));
        assert!(may_exist(&config, 3, 106));
        assert!(!may_exist(&config, 4, 106));
        assert!(!may_exist(&config, u64::MAX, 106));
    }

    #[test]
    fn both_names_are_offered() {
        let [first, second] = protocols(10);
        assert_eq!(first, "/opstack/req/payload_by_number/10/0");
        assert_eq!(second, "/opstack/req/payload_by_number/10/0/");
    }
}
