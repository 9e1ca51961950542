//! The native codec: a header of 32 bytes, fixed fields, then tagged parts.
//!
//! ```text
//!    0        1        2        3        4 ─────── 8 ─────── 12 ──────────── 32
//!    0xf5   ver·flags op·kind  parts    tid        network    sender id        fields…  parts…
//!
//!    part:   tag u8   length u16   bytes          tags ascend; all numbers are big-endian
//! ```
//!
//! A ping has 32 bytes, a find-node query 52, its answer with eight IPv4 contacts 243.
//!
//! # Invariants
//!
//! - The header counts the parts, so no beginning of a packet is a packet, and nothing may follow.
//! - A part whose tag is unknown is skipped if the tag is [`TAG_OPTIONAL`] or above, and refused
//!   below: later versions can add both sorts.
//! - A part that the message has no use for is refused.
//!
//! # Absent
//!
//! Signed hellos (flag 8), cookies (tag 2), PUNCH (operation 6) and values in several packets have
//! their numbers reserved and are refused. An item of nearly [`VALUE_MAX`](crate::message::VALUE_MAX)
//! with all its extras does not fit [`PACKET_MAX`]; it is said in KRPC then.
//!
//! `docs/protocols/dht-wire.md` has the whole layout with an example of each message.

mod parts;
mod read;
#[cfg(test)]
mod tests;
mod write;

pub use parts::TAG_OPTIONAL;
pub use read::decode;
pub use write::encode;

/// First byte of every packet.
pub const MAGIC: u8 = 0xf5;

/// The version this module reads and writes.
pub const VERSION: u8 = 1;

/// Bytes of the header.
pub const HEADER_LEN: usize = 32;

/// Longest packet read and written, in bytes: it passes every path of IPv6's least packet size.
pub const PACKET_MAX: usize = 1_200;

/// Flags in the low half of byte 1.
mod flag {
    pub(super) const READ_ONLY: u8 = 1;
    pub(super) const WANT_V4: u8 = 2;
    pub(super) const WANT_V6: u8 = 4;
    pub(super) const SIGNED: u8 = 8;
}

/// Operations in the high five bits of byte 2.
mod op {
    pub(super) const PING: u8 = 0;
    pub(super) const FIND_NODE: u8 = 1;
    pub(super) const FIND_VALUE: u8 = 2;
    pub(super) const STORE: u8 = 3;
    pub(super) const ERROR: u8 = 4;
    pub(super) const SAMPLE: u8 = 5;
    pub(super) const RESPONSE: u8 = 7;
}

/// Kinds of value in the low three bits of byte 2. A question for an item says [`IMMUTABLE`](kind::IMMUTABLE),
/// whichever sort of item it is.
mod kind {
    pub(super) const NONE: u8 = 0;
    pub(super) const PEER: u8 = 0;
    pub(super) const IMMUTABLE: u8 = 1;
    pub(super) const MUTABLE: u8 = 2;
    pub(super) const RAW: u8 = 3;
}
