//! KRPC: bencoded dictionaries over UDP, understood by every BitTorrent DHT node.
//!
//! ```text
//!   query     d 1:a d 2:id … e 1:q 9:find_node [2:ro i1e] 1:t 4:…. [1:v 4:QT..] 1:y 1:q e
//!   response  d [2:ip 6:……] 1:r d 2:id … e 1:t 4:…. [1:v 4:QT..] 1:y 1:r e
//!   error     d 1:e l i203e 9:bad token e [2:ip 6:……] 1:t 4:…. [1:v 4:QT..] 1:y 1:e e
//! ```
//!
//! What we write is strict; what we read is what the implementations in the field write:
//!
//! | met in the field | read as |
//! |---|---|
//! | keys unsorted or repeated | accepted, the first counts; inside a BEP 44 `v` refused |
//! | transaction ids of 1 to 16 bytes | echoed as they are; ours have 4, which mainline needs |
//! | `v` (version) of another length than 4, `ip` of another than 6 or 18 | not said |
//! | `ro` in answers, `ip` in queries, keys we do not know | ignored |
//! | `put` without `target` | the target is computed from the item; we always send it |
//! | an error with `r` beside it, or without any `id` | an error: `y` alone decides |
//! | `values` entries of another length than 6 or 18 | skipped |
//! | a token longer than [`TOKEN_MAX`](crate::message::TOKEN_MAX) | none: still a valid hop |
//! | an unknown method | [`Request::Unknown`](crate::message::Request::Unknown), its `target` or `info_hash` kept |
//! | `nodes` whose length is no multiple of 26 | the message is refused, as jech and mainline do |
//!
//! The last row deserves its reason: a datagram arrives whole or not at all, so such a list is not
//! cut short but written by broken software; its entries cannot be told from shifted ones.
//!
//! A query that cannot be read is answered ([`DecodeError::reply`](super::DecodeError::reply)): 203 for
//! what is missing or malformed, 205 and 207 for values and salts above their bounds.
//!
//! **Spec:** BEP 5, 32, 33, 42, 43, 44, 51.

mod read;
mod read_query;
mod read_response;
#[cfg(test)]
mod tests;
mod write;
mod write_response;

pub use read::decode;
pub use write::encode;

/// Longest packet read, in bytes. Replies of other implementations reach about 2,000.
pub const INPUT_MAX: usize = 4_096;

/// Longest packet written that carries no item, in bytes (BEP 32).
pub const REPLY_MAX: usize = 1_024;

/// Longest packet written that carries an item, in bytes: what Ethernet takes in one piece.
pub const ITEM_MAX: usize = 1_472;

/// Port written beside `implied_port`, where receivers ignore it and some still want a valid one.
pub const IMPLIED_PORT: u16 = 1;

/// The names of the methods.
mod method {
    pub(super) const PING: &str = "ping";
    pub(super) const FIND_NODE: &str = "find_node";
    pub(super) const GET_PEERS: &str = "get_peers";
    pub(super) const ANNOUNCE_PEER: &str = "announce_peer";
    pub(super) const GET: &str = "get";
    pub(super) const PUT: &str = "put";
    pub(super) const SAMPLE: &str = "sample_infohashes";

    pub(super) const ALL: [&str; 7] = [PING, FIND_NODE, GET_PEERS, ANNOUNCE_PEER, GET, PUT, SAMPLE];
}
