//! Three encodings of one [`Message`], told apart by the first byte of a packet.
//!
//! ```text
//!                  'd'  ──► krpc   ─┐                  ┌─► krpc    BEP 5 and its kin: every BitTorrent node
//!   packet ──► byte '{'  ──► json   ─┼──► Message ──►───┼─► json    for people and scripts
//!                 0xf5 ──► native ─┘                  └─► native  short, for our own kind
//! ```
//!
//! A node answers in the codec of the question. The first bytes clash with none of uTP, STUN, DTLS,
//! so those could share the port.
//!
//! # Invariants
//!
//! - Decoding after encoding gives the message back, in every codec that can say it. What one cannot
//!   say is refused ([`EncodeError`]); what has no meaning is left out: [`Message::read_only`] outside
//!   queries, [`Message::observed`] in queries, the salt in answers.
//! - No proper beginning of a message is a message.
//! - Lists are bounded by the constants of [`crate::message`]: encoders refuse longer ones. Decoders
//!   of KRPC, where others write, read the first elements; the others refuse.
//! - A refused packet says who waits for an answer: [`DecodeError::reply`].
//!
//! `docs/protocols/dht-wire.md` describes the native and JSON forms byte by byte.

pub mod json;
pub mod krpc;
pub mod native;

mod bounds;
mod compact;
mod error;
#[cfg(test)]
pub(crate) mod strategy;
#[cfg(test)]
mod tests;

use core::fmt;

pub use error::{DecodeError, DecodeErrorKind, EncodeError};

use crate::message::{Message, NetworkId};

/// The encodings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Codec {
    /// Bencoded dictionaries, as all BitTorrent nodes speak them.
    Krpc,
    /// One JSON object, for people.
    Json,
    /// Fixed fields and tagged parts, for our own kind.
    Native,
}

impl Codec {
    /// All codecs.
    pub const ALL: [Self; 3] = [Self::Krpc, Self::Json, Self::Native];

    /// Returns the codec whose packets begin with `byte`.
    #[must_use]
    pub const fn of_first_byte(byte: u8) -> Option<Self> {
        match byte {
            b'd' => Some(Self::Krpc),
            b'{' => Some(Self::Json),
            native::MAGIC => Some(Self::Native),
            _ => None,
        }
    }

    /// Returns the codec's name: `krpc`, `json` or `native`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Krpc => "krpc",
            Self::Json => "json",
            Self::Native => "native",
        }
    }
}

impl fmt::Display for Codec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Reads a packet in the codec its first byte names.
///
/// # Errors
///
/// [`DecodeError`] says what was expected and whether an answer is due.
pub fn decode(packet: &[u8]) -> Result<(Codec, Message), DecodeError> {
    let first = packet.first().copied();
    let Some(codec) = first.and_then(Codec::of_first_byte) else {
        let kind = DecodeErrorKind::UnknownCodec { first };
        let network = NetworkId::BITTORRENT;
        return Err(DecodeError { codec: None, tid: None, network, is_query: false, kind });
    };
    let message = match codec {
        Codec::Krpc => krpc::decode(packet),
        Codec::Json => json::decode(packet),
        Codec::Native => native::decode(packet),
    }?;
    Ok((codec, message))
}

/// Appends `message` to `out` in the given codec.
///
/// # Errors
///
/// [`EncodeError`]; `out` is then as it was.
pub fn encode(codec: Codec, message: &Message, out: &mut Vec<u8>) -> Result<(), EncodeError> {
    match codec {
        Codec::Krpc => krpc::encode(message, out),
        Codec::Json => json::encode(message, out),
        Codec::Native => native::encode(message, out),
    }
}
