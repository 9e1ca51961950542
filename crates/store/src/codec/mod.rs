//! How keys and values become bytes: push encoding, checked decoding.
//!
//! Encoders append to a buffer the caller owns; decoders take from a [`Reader`] and never index past its end.
//! [`KeyCodec`] keeps order (comparing encodings compares keys), [`ValueCodec`] keeps size.

mod key;
mod reader;
mod value;

pub use key::{BytesPrefix, KeyCodec, KeyPrefix};
pub use reader::{DecodeError, Reader, put_varint};
pub use value::ValueCodec;
