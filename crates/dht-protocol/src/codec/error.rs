//! Why a packet was refused, with what is needed to answer it; why a message cannot be written.

use std::borrow::Cow;

use thiserror::Error;

use super::{Codec, bounds};
use crate::{
    bencode,
    contact::Family,
    message::{self, Body, Message, NetworkId, RpcError, TransactionId, code},
};

/// A packet that is no message.
///
/// If the packet was a query whose transaction id could be read, [`reply`](Self::reply) makes the
/// answer it deserves.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{kind}")]
pub struct DecodeError {
    /// The codec the first byte names.
    pub codec: Option<Codec>,
    /// The transaction id, if it could be read.
    pub tid: Option<TransactionId>,
    /// The network the packet names; KRPC names none.
    pub network: NetworkId,
    /// The packet is a query: whoever sent it waits for an answer.
    pub is_query: bool,
    /// What is wrong with it.
    pub kind: DecodeErrorKind,
}

impl DecodeError {
    /// Returns the error code that the sender of the packet should get: none if the packet is no
    /// query or has no readable transaction id.
    #[must_use]
    pub const fn reply_code(&self) -> Option<i64> {
        if self.is_query && self.tid.is_some() { Some(self.kind.code()) } else { None }
    }

    /// Returns the error message that answers the packet, without version and observed address.
    #[must_use]
    pub fn reply(&self) -> Option<(Codec, Message)> {
        let (Some(codec), Some(code), Some(tid)) = (self.codec, self.reply_code(), &self.tid)
        else {
            return None;
        };
        let text = self.kind.to_string();
        let text = bounds::cut(&text, bounds::ERROR_TEXT_MAX).to_owned();
        let error = RpcError { code, message: text };
        let message = Message {
            tid: tid.clone(),
            network: self.network,
            version: None,
            read_only: false,
            observed: None,
            body: Body::Error(error),
        };
        Some((codec, message))
    }
}

/// What is wrong with a packet.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DecodeErrorKind {
    /// The first byte belongs to no codec.
    #[error(
        "expected a packet that begins with 'd' (KRPC), '{{' (JSON) or 0xf5 (native), got {}",
        first.map_or_else(|| "no byte".to_owned(), |byte| format!("0x{byte:02x}"))
    )]
    UnknownCodec {
        /// The first byte, if there is one.
        first: Option<u8>,
    },
    /// The packet is longer than its codec reads.
    #[error("expected at most {limit} bytes, got {actual}")]
    TooLong {
        /// The limit.
        limit: usize,
        /// Bytes of the packet.
        actual: usize,
    },
    /// The packet ends early.
    #[error("expected at least {expected} bytes, got {actual}")]
    Truncated {
        /// Bytes that should be there.
        expected: usize,
        /// Bytes that are there.
        actual: usize,
    },
    /// Something follows the message.
    #[error("expected the end of the packet, got {actual} more bytes")]
    Trailing {
        /// Bytes that follow.
        actual: usize,
    },
    /// A KRPC packet is not bencoded.
    #[error("not bencoded: {0}")]
    Bencode(bencode::Error),
    /// A JSON packet is no JSON object of the known fields.
    #[error("not a JSON message: {reason}")]
    Json {
        /// The parser's words.
        reason: String,
    },
    /// A field is not there.
    #[error("expected a field {field}, got none")]
    Missing {
        /// The field, as the codec names it.
        field: &'static str,
    },
    /// A field is there and has a wrong form.
    #[error("expected {expected} in {field}")]
    Malformed {
        /// The field, as the codec names it.
        field: &'static str,
        /// What it should hold.
        expected: &'static str,
    },
    /// A field has a wrong number of bytes.
    #[error("expected {expected} bytes in {field}, got {actual}")]
    Length {
        /// The field, as the codec names it.
        field: &'static str,
        /// How many bytes it should have, in words.
        expected: &'static str,
        /// How many it has.
        actual: usize,
    },
    /// A field has no business in this message.
    #[error("expected no field {field} in this message")]
    Unexpected {
        /// The field, as the codec names it.
        field: Cow<'static, str>,
    },
    /// A part of a native packet must be understood and is not.
    #[error("expected tags this version knows, got {tag}")]
    UnknownPart {
        /// The part's tag.
        tag: u8,
    },
    /// The value to store is too big.
    #[error("expected a value of at most {} bytes, got {actual}", message::VALUE_MAX)]
    ValueTooBig {
        /// Bytes of the value.
        actual: usize,
    },
    /// The salt is too big.
    #[error("expected a salt of at most {} bytes, got {actual}", message::SALT_MAX)]
    SaltTooBig {
        /// Bytes of the salt.
        actual: usize,
    },
    /// The value is not bencoded in the one form that can be hashed and signed.
    #[error("the value is not strictly bencoded: {0}")]
    Value(bencode::Error),
    /// The native codec's version is another.
    #[error("expected native version {expected}, got {actual}")]
    Version {
        /// Our version.
        expected: u8,
        /// The packet's.
        actual: u8,
    },
    /// The native codec's operation is none that this version knows.
    #[error("expected an operation this version knows, got {op}")]
    UnknownOp {
        /// Its number.
        op: u8,
    },
}

impl DecodeErrorKind {
    /// Returns the code with which a query is refused for this reason.
    #[must_use]
    pub const fn code(&self) -> i64 {
        match self {
            Self::ValueTooBig { .. } => code::VALUE_TOO_BIG,
            Self::SaltTooBig { .. } => code::SALT_TOO_BIG,
            Self::UnknownOp { .. } => code::METHOD_UNKNOWN,
            Self::UnknownCodec { .. }
            | Self::TooLong { .. }
            | Self::Truncated { .. }
            | Self::Trailing { .. }
            | Self::Bencode(_)
            | Self::Json { .. }
            | Self::Missing { .. }
            | Self::Malformed { .. }
            | Self::Length { .. }
            | Self::Unexpected { .. }
            | Self::UnknownPart { .. }
            | Self::Value(_)
            | Self::Version { .. } => code::PROTOCOL,
        }
    }
}

/// A message that a codec cannot say, or that no receiver would accept.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EncodeError {
    /// The codec has no place for it.
    #[error("{codec} has no place for {what}: use another codec")]
    NotExpressible {
        /// The codec.
        codec: Codec,
        /// What the message holds.
        what: &'static str,
    },
    /// The encoded message is longer than its receiver or the path would take.
    #[error(
        "expected a packet of at most {limit} bytes, got {actual}: send fewer contacts or peers"
    )]
    TooLong {
        /// The limit.
        limit: usize,
        /// Bytes of the packet.
        actual: usize,
    },
    /// A part of the message has more elements or bytes than receivers read.
    #[error("expected at most {limit} in {field}, got {actual}")]
    TooMany {
        /// The part.
        field: &'static str,
        /// The limit.
        limit: usize,
        /// How many there are.
        actual: usize,
    },
    /// A contact is in the list of the other address family.
    #[error("expected contacts of {expected:?} only")]
    WrongFamily {
        /// The list's family.
        expected: Family,
    },
    /// A number is outside what the protocol allows.
    #[error("expected {expected} in {field}")]
    OutOfRange {
        /// The part.
        field: &'static str,
        /// The range, in words.
        expected: &'static str,
    },
    /// The value of an item is not bencoded in the one form that can be hashed and signed.
    #[error("the value is not strictly bencoded: {0}")]
    Value(bencode::Error),
}
