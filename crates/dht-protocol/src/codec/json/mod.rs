//! The JSON codec: one object, for people with a terminal and for scripts.
//!
//! ```json
//! {"type":"query","tid":"0000002a","sender":"…40 digits…","op":"FIND_NODE","target":"…40 digits…"}
//! ```
//!
//! Bytes are hexadecimal, numbers of 64 bits are strings (other languages round them), addresses are
//! `ip:port`. What is absent is left out, fields are written in one order and read in any.
//!
//! # Invariants
//!
//! - At most [`PACKET_MAX`] bytes, at most [`DEPTH_MAX`] open brackets, at most [`CONTACTS_MAX`]
//!   contacts of a family: a packet costs a parser little.
//! - Unknown, repeated and misplaced fields are refused: a typing error does not pass unnoticed.
//!
//! `docs/protocols/dht-wire.md` lists the fields with an example of each message.

mod read;
#[cfg(test)]
mod tests;
mod wire;
mod write;

pub use read::decode;
pub use write::encode;

/// Longest packet read and written, in bytes.
pub const PACKET_MAX: usize = 4_096;

/// Most brackets open at once; a contact inside a list inside the message needs three.
pub const DEPTH_MAX: usize = 4;

/// Most contacts of one family, read and written.
pub const CONTACTS_MAX: usize = 8;

/// The names of the operations.
mod op {
    pub(super) const PING: &str = "PING";
    pub(super) const FIND_NODE: &str = "FIND_NODE";
    pub(super) const FIND_VALUE: &str = "FIND_VALUE";
    pub(super) const STORE: &str = "STORE";
    pub(super) const SAMPLE: &str = "SAMPLE";

    pub(super) const ALL: [&str; 5] = [PING, FIND_NODE, FIND_VALUE, STORE, SAMPLE];
}

/// The names of the kinds of value.
mod kind {
    pub(super) const PEERS: &str = "peers";
    pub(super) const ITEM: &str = "item";
    pub(super) const RAW: &str = "raw";
    pub(super) const PEER: &str = "peer";
    pub(super) const IMMUTABLE: &str = "immutable";
    pub(super) const MUTABLE: &str = "mutable";
}
