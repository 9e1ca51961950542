//! The frame around each message of the unencrypted transport, and cutting a stream of bytes into frames.
//!
//! ```text
//!   magic 4 │ command 12, padded with zeros │ length u32 LE │ checksum 4: begin of sha256d(payload) │ payload
//! ```
//!
//! # Invariants
//!
//! - A length beyond [`MESSAGE_BYTES_MAX`] ends the connection before a byte of the payload is kept.
//! - Memory follows what has arrived, [`GROW_BYTES`] ahead at most; a claim reserves nothing.
//! - A wrong checksum or a malformed command costs the message, not the connection, as with Bitcoin Core.
//!
//! **Spec:** Bitcoin Core, `V1Transport::readHeader`, `GetReceivedMessage`, `CMessageHeader::IsMessageTypeValid`.

use std::fmt;

use bytes::{Bytes, BytesMut};
use quintet_crypto::digest::sha256d;
use thiserror::Error;

use super::MESSAGE_BYTES_MAX;

/// Bytes before a payload.
pub const HEADER_BYTES: usize = 24;
/// Bytes reserved ahead of what has arrived.
pub const GROW_BYTES: usize = 256 << 10;

const COMMAND_BYTES: usize = 12;

/// The name of a message: up to twelve printable ASCII characters.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Command([u8; COMMAND_BYTES]);

impl Command {
    /// Makes a command of a name; what is beyond twelve bytes is cut off.
    #[must_use]
    pub const fn new(name: &str) -> Self {
        let name = name.as_bytes();
        let mut bytes = [0; COMMAND_BYTES];
        let mut at = 0;
        while at < name.len() && at < COMMAND_BYTES {
            bytes[at] = name[at];
            at += 1;
        }
        Self(bytes)
    }

    /// Reads a command; `None` if a byte is not printable, or something follows the padding.
    #[must_use]
    pub fn parse(bytes: [u8; COMMAND_BYTES]) -> Option<Self> {
        let len = bytes.iter().position(|&byte| byte == 0).unwrap_or(COMMAND_BYTES);
        let printable = bytes[..len].iter().all(|byte| (0x20..=0x7e).contains(byte));
        let padded = bytes[len..].iter().all(|&byte| byte == 0);
        (printable && padded).then_some(Self(bytes))
    }

    /// Returns the name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let len = self.0.iter().position(|&byte| byte == 0).unwrap_or(COMMAND_BYTES);
        std::str::from_utf8(&self.0[..len]).unwrap_or_default()
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Command({:?})", self.as_str())
    }
}

/// One message of the stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// It is whole.
    Whole {
        /// Its name.
        command: Command,
        /// What it says.
        payload: Bytes,
    },
    /// It is to be passed over: the payload is not what its checksum says, or its name is none.
    Spoilt {
        /// Bytes it took.
        bytes: usize,
    },
}

/// The stream cannot be followed any further: the connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FrameError {
    /// It speaks another network's language, or none.
    #[error("expected the network's magic {expected:02x?}, got {actual:02x?}")]
    Magic {
        /// The network's.
        expected: [u8; 4],
        /// What came.
        actual: [u8; 4],
    },
    /// It announces a message larger than any.
    #[error("expected a message of at most {MESSAGE_BYTES_MAX} bytes, got {actual}")]
    TooLarge {
        /// Bytes it announces.
        actual: u32,
    },
}

/// Cuts a stream into frames.
#[derive(Debug)]
pub struct Framer {
    magic: [u8; 4],
    buffer: BytesMut,
}

impl Framer {
    /// Begins a stream of the network with this magic.
    #[must_use]
    pub fn new(magic: [u8; 4]) -> Self {
        Self { magic, buffer: BytesMut::new() }
    }

    /// Takes what arrived.
    pub fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// Returns the buffer to read into, with room for something.
    pub fn buffer(&mut self) -> &mut BytesMut {
        let wanted = self.wanted().clamp(1, GROW_BYTES);
        self.buffer.reserve(wanted);
        &mut self.buffer
    }

    /// Returns how many more bytes the frame that has begun takes.
    fn wanted(&self) -> usize {
        let whole = match self.length() {
            Some(length) => HEADER_BYTES.saturating_add(length as usize),
            None => HEADER_BYTES,
        };
        whole.saturating_sub(self.buffer.len())
    }

    fn length(&self) -> Option<u32> {
        self.buffer.get(16..20)?.first_chunk().copied().map(u32::from_le_bytes)
    }

    /// Returns the next frame, if it is there as a whole.
    ///
    /// # Errors
    ///
    /// [`FrameError`]: nothing that follows can be understood.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, FrameError> {
        if let Some(&actual) = self.buffer.first_chunk::<4>()
            && actual != self.magic
        {
            return Err(FrameError::Magic { expected: self.magic, actual });
        }
        let Some(length) = self.length() else { return Ok(None) };
        if length as usize > MESSAGE_BYTES_MAX {
            return Err(FrameError::TooLarge { actual: length });
        }
        let whole = HEADER_BYTES + length as usize;
        if self.buffer.len() < whole {
            return Ok(None);
        }
        let mut frame = self.buffer.split_to(whole);
        let payload = frame.split_off(HEADER_BYTES).freeze();
        let name = frame[4..].first_chunk().copied().and_then(Command::parse);
        let Some(command) = name.filter(|_| frame[20..24] == checksum(&payload)) else {
            return Ok(Some(Frame::Spoilt { bytes: whole }));
        };
        Ok(Some(Frame::Whole { command, payload }))
    }
}

fn checksum(payload: &[u8]) -> [u8; 4] {
    let [a, b, c, d, ..] = sha256d(&[payload]).into_bytes();
    [a, b, c, d]
}

/// Puts a frame around a payload.
#[must_use]
pub fn frame(magic: [u8; 4], command: Command, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEADER_BYTES + payload.len());
    out.extend_from_slice(&magic);
    out.extend_from_slice(&command.0);
    // Nobody sends 4 GiB; if somebody tried, the frame would be refused by its length.
    out.extend_from_slice(&u32::try_from(payload.len()).unwrap_or(u32::MAX).to_le_bytes());
    out.extend_from_slice(&checksum(payload));
    out.extend_from_slice(payload);
    out
}
