//! The peer-to-peer messages: from bytes to our nouns and back.
//!
//! ```text
//!   gRPC stream of frames ──► decode ──► Frame { request_id, response_id, message } ──► flows
//!                               │
//!                               ├ scan: one payload, of a known kind, within that kind's Limits
//!                               ├ protobuf
//!                               └ conversion: lengths, ranges, one form of parents
//! ```
//!
//! A frame is a `KaspadMessage` of the reference's protobuf. Who asks sets `request_id`, who answers sets `response_id` to it, so that one
//! peer can be asked several things at a time. Headers have their parents in runs of levels, as since protocol 9.
//!
//! # Invariants
//!
//! - Nothing of a message is decoded before its length and the number of its outer fields are known to be within the [`Limits`] of its kind.
//! - What decodes has hashes of 32 bytes, parents in their one form, and numbers within the ranges of their types. Rules are not checked here.
//! - `decode(encode(frame)) == frame`.
//!
//! **Spec:** the reference's `protocol/p2p/proto/{p2p,messages}.proto` and `protocol/p2p/src/convert`; protocol 10 of its `master`,
//! protocol 11 of its 2.1.0, which cuts proofs and trusted data into chunks.

mod convert;
mod error;
mod fields;
mod kind;
mod lane_proof;
mod message;
mod proto;
mod scan;

#[cfg(test)]
mod tests;

pub use error::WireError;
pub use fields::{Field, Fields, Value};
pub use kind::{
    ADDRESSES_MAX, BODY_BYTES_MAX, HEADER_BYTES_MAX, Kind, LOCATOR_MAX, Limits, TRANSACTION_IDS_MAX,
};
pub use message::{Message, SentLane, Version};

use prost::Message as _;

/// The protocol this node speaks.
pub const PROTOCOL_VERSION: u32 = 11;

/// The oldest protocol a peer may speak: the one that Toccata's networks began with.
pub const PROTOCOL_VERSION_MIN: u32 = 10;

/// Most bytes of any frame, unpacked.
pub const FRAME_BYTES_MAX: usize = (128 << 20) + 64;

/// Most bytes of a user agent; a longer one is cut.
///
/// Reference: `MAX_USER_AGENT_LEN`.
pub const USER_AGENT_BYTES_MAX: usize = 256;

/// The name of the gRPC method that carries the frames both ways.
pub const METHOD: &str = "/protowire.P2P/MessageStream";

/// A message on its way.
#[derive(Debug, Clone, PartialEq)]
pub struct Frame {
    /// What the sender wants answers to name; 0 if it does not care.
    pub request_id: u32,
    /// The `request_id` that this answers; 0 if it answers none.
    pub response_id: u32,
    /// The message.
    pub message: Message,
}

impl Frame {
    /// A message that neither asks nor answers by number.
    #[must_use]
    pub const fn new(message: Message) -> Self {
        Self { request_id: 0, response_id: 0, message }
    }

    /// A question whose answers shall name `id`.
    #[must_use]
    pub const fn request(message: Message, id: u32) -> Self {
        Self { request_id: id, response_id: 0, message }
    }

    /// An answer to the question `id`.
    #[must_use]
    pub const fn response(message: Message, id: u32) -> Self {
        Self { request_id: 0, response_id: id, message }
    }

    /// Reads a frame.
    ///
    /// # Errors
    ///
    /// [`WireError`]; the connection is of no use any more.
    pub fn decode(bytes: &[u8]) -> Result<Self, WireError> {
        let kind = scan::check(bytes)?;
        let frame = proto::KaspadMessage::decode(bytes)
            .map_err(|error| WireError::Undecodable { kind, reason: error.to_string() })?;
        let payload = frame.payload.ok_or(WireError::NoPayload)?;
        Ok(Self {
            request_id: frame.request_id,
            response_id: frame.response_id,
            message: convert::from_proto(payload)?,
        })
    }

    /// Writes a frame.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let frame = proto::KaspadMessage {
            response_id: self.response_id,
            request_id: self.request_id,
            payload: Some(convert::to_proto(&self.message)),
        };
        frame.encode_to_vec()
    }
}

/// Returns how many bytes a header takes in a message, about and not less: for filling messages up to a size.
///
/// Reference: `estimated_header_size`.
#[must_use]
pub fn header_bytes(header: &crate::header::Header) -> usize {
    /// All but the parents, each field at its longest.
    const FIXED: usize = 300;
    /// A hash with its two tags and lengths.
    const HASH: usize = 36;
    let runs = header.parents.runs().map(|(_, hashes)| 12 + HASH * hashes.len());
    runs.sum::<usize>() + FIXED
}
