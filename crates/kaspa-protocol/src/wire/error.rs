//! Why bytes are no message.

use thiserror::Error;

use super::Kind;
use crate::header::LevelParentsError;

/// Why bytes from a peer are refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum WireError {
    /// The frame, or the outer fields of its payload, are no protobuf.
    #[error("expected a protobuf field at byte {offset}, got {actual}")]
    NoField {
        /// Where.
        offset: usize,
        /// What is there.
        actual: &'static str,
    },
    /// The payload's fields are no protobuf of its kind.
    #[error("expected the fields of {kind}: {reason}")]
    Undecodable {
        /// Which message.
        kind: Kind,
        /// What is wrong.
        reason: String,
    },
    /// A frame without payload, or with one of an unknown kind, comes from another protocol.
    #[error("expected a payload of a known kind, got none")]
    NoPayload,
    /// Two payloads in a frame: the second would replace the first.
    #[error("expected one payload, got {first} and {second}")]
    TwoPayloads {
        /// The first.
        first: Kind,
        /// The second.
        second: Kind,
    },
    /// A message is longer than any of its kind needs to be.
    #[error("expected at most {max} bytes of {kind}, got {actual}")]
    TooLong {
        /// Which message.
        kind: Kind,
        /// [`Limits::bytes`](super::Limits::bytes).
        max: usize,
        /// What came.
        actual: usize,
    },
    /// A message has more elements than any of its kind needs.
    #[error("expected at most {max} fields of {kind}, got more")]
    TooMany {
        /// Which message.
        kind: Kind,
        /// [`Limits::fields`](super::Limits::fields).
        max: usize,
    },
    /// A field that every such message has is not there.
    #[error("expected {what}, it is not there")]
    Absent {
        /// Which field.
        what: &'static str,
    },
    /// Bytes of another length than their meaning has.
    #[error("expected {expected} bytes of {what}, got {actual}")]
    Length {
        /// Which field.
        what: &'static str,
        /// Its length, or lengths.
        expected: &'static str,
        /// What came.
        actual: usize,
    },
    /// A number that its meaning does not have.
    #[error("expected {what} to be at most {max}, got {actual}")]
    TooLarge {
        /// Which field.
        what: &'static str,
        /// The greatest it may be.
        max: u64,
        /// What came.
        actual: u64,
    },
    /// A time before 1970.
    #[error("expected a time since 1970 in milliseconds, got {actual}")]
    NegativeTime {
        /// What came.
        actual: i64,
    },
    /// Parents by level that are not in their one form.
    #[error(transparent)]
    Parents(#[from] LevelParentsError),
    /// A tag of a lane's proof that has no meaning.
    #[error("expected an end of the proof of kind 0, 1 or 2, got {actual}")]
    ProofEnd {
        /// What came.
        actual: u8,
    },
}
