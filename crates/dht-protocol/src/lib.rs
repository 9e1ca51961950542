//! Kademlia, sans-IO: what a DHT node knows and decides, without a socket, a clock or a disk.
//!
//! ```text
//!              bytes ──► codec ──► Message ──► (node state machine) ──► Message ──► codec ──► bytes
//!                                                 │
//!                    table · lookup · rpc · token · record · address vote
//! ```
//!
//! - [`key`], [`contact`], [`message`]: the nouns; every other module speaks in them.
//! - [`bencode`], [`codec`]: three encodings of one [`message::Message`]: KRPC (BEP 5), a compact
//!   binary form and JSON, told apart by their first byte.
//! - [`table`], [`lookup`], [`rpc`]: k-buckets, iterative lookups, matching answers to questions.
//! - [`record`], [`token`]: what may be stored, by whom, and for how long.
//! - [`secure_id`], [`vote`], [`bloom`]: BEP 42 ids, the address others see us at, BEP 33 filters.
//!
//! Time is [`quintet_primitives::time`]; randomness is a generator the caller seeds.

pub mod bencode;
pub mod bloom;
pub mod codec;
pub mod contact;
pub mod dht;
pub mod key;
pub mod lookup;
pub mod message;
pub mod record;
pub mod rpc;
pub mod secure_id;
pub mod table;
pub mod token;
pub mod vote;
