//! Bencoding, strict and borrowed: the encoding of KRPC messages and of BEP 44 values.
//!
//! ```text
//!   bytes ──► parse(order) ──► Value ─┬─ as_int · as_bytes
//!              one pass,              ├─ as_list ─► List: Iterator<Item = Value>
//!              no recursion,          ├─ as_dict ─► Dict: get(key), Iterator<Item = (key, Value)>
//!              no allocation          └─ raw: the exact bytes of this value, for hashes and signatures
//!
//!   Writer: begin_dict · key · int · bytes · raw · end ──► bytes
//! ```
//!
//! A [`Value`] is a slice of the input that [`parse`] has walked from end to end; reading from it
//! walks again and copies nothing. Packets are small, so a second walk is cheaper than an index.
//!
//! # Invariants
//!
//! - At most [`DEPTH_MAX`] lists and dictionaries are open at once, at most [`ITEMS_MAX`] values are
//!   read, and a string's length is compared with what is left before anything else happens to it.
//! - Integers fit 64 bits and have one spelling: no leading zero, no `-0`. So have lengths.
//! - What [`validate`] accepts, and only that, is what a [`Writer`] would write for it.
//!
//! # Two degrees of strictness
//!
//! BEP 3 wants dictionary keys sorted and unique. Some peers send messages that are not, and the
//! messages are harmless: [`KeyOrder::Any`] takes them, the first of equal keys counting, as
//! libtorrent does. A BEP 44 value is hashed and signed as it is spelled, so there the order is part
//! of the value: [`KeyOrder::Sorted`]. Everything else is strict in both.
//!
//! **Spec:** BEP 3, "bencoding"; BEP 44.

mod error;
mod scan;
mod value;
mod write;

pub use error::{Error, Expected};
pub use scan::{DEPTH_MAX, ITEMS_MAX, KeyOrder, LENGTH_DIGITS_MAX, parse, parse_bounded, validate};
pub use value::{Dict, Kind, List, Value};
pub use write::Writer;

#[cfg(test)]
pub(crate) mod tests;
