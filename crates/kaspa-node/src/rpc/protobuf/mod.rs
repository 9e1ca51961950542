//! The third encoding of the records: protobuf, as clients of gRPC speak it.
//!
//! ```text
//!   KaspadRequest   ─► frame: id, method ─► table ─► record ─► call
//!   KaspadResponse  ◄─ frame: id, method + 1, or a notification's number ◄─ record
//! ```
//!
//! A record says which field has which number in `records`; a type says how it lies in a field in `parts`. Hashes, scripts, addresses and blue
//! work are texts there. What a field's type writes when it has its default is nothing, and what is not there reads as the default, or is an
//! error where the record cannot be without it.
//!
//! # Invariants
//!
//! - Lists that are read take at most [`Room`]'s bytes, whatever the message says: a few times its length.
//! - Fields that are not known are passed over; of a field that comes twice the later one counts.
//!
//! **Spec:** rusty-kaspa's `rpc/grpc/core/proto/{messages,rpc}.proto` and `rpc/grpc/core/src/convert`.

mod frame;
mod parts;
mod records;

pub use frame::Request;
pub(super) use frame::{answer, error_answer, events, notification};

use quintet_kaspa_protocol::wire::{Fields, Value};

use super::wire::WireError;

/// Bytes of lists for each byte of the message they are read from. The items of a real message are shorter than their texts.
const ROOM_FACTOR: usize = 8;

/// Bytes of lists for the shortest message.
const ROOM_MIN: usize = 64 << 10;

/// Bytes that lists may take while a message is read.
///
/// Two bytes may stand for an empty output, which takes a hundred times as much: so a message within its limit could fill the memory.
#[derive(Debug)]
pub struct Room(usize);

impl Room {
    /// Returns the room for a message of `len` bytes.
    #[must_use]
    pub const fn of(len: usize) -> Self {
        Self(len.saturating_mul(ROOM_FACTOR).saturating_add(ROOM_MIN))
    }

    /// Takes the room of one item.
    fn charge<T>(&mut self) -> Result<(), WireError> {
        let Some(left) = self.0.checked_sub(size_of::<T>()) else {
            return Err(WireError::new("lists with something in their items", "too many items"));
        };
        self.0 = left;
        Ok(())
    }
}

/// What can lie in a field.
pub trait Proto: Sized {
    /// Takes what came in a field of that number.
    ///
    /// # Errors
    ///
    /// [`WireError`] if it is none of this type.
    fn merge(slot: &mut Option<Self>, value: Value<'_>, room: &mut Room) -> Result<(), WireError>;

    /// Returns what it is where no such field came.
    ///
    /// # Errors
    ///
    /// [`WireError`] if there is no default.
    fn absent() -> Result<Self, WireError>;

    /// Appends it as a field.
    fn put_field(&self, number: u32, out: &mut Vec<u8>);

    /// Returns whether nothing is written in its place.
    fn is_default(&self) -> bool {
        false
    }

    /// Returns whether what came stands for nothing where something may be left out.
    fn is_blank(_: &Value<'_>) -> bool {
        false
    }

    /// Takes what came in a field of a list.
    ///
    /// # Errors
    ///
    /// [`WireError`].
    fn merge_item(
        list: &mut Vec<Self>,
        value: Value<'_>,
        room: &mut Room,
    ) -> Result<(), WireError> {
        room.charge::<Self>()?;
        let mut slot = None;
        Self::merge(&mut slot, value, room)?;
        list.extend(slot);
        Ok(())
    }

    /// Appends a list.
    fn put_list(list: &[Self], number: u32, out: &mut Vec<u8>) {
        list.iter().for_each(|item| item.put_field(number, out));
    }
}

/// A record with numbered fields.
pub trait Message: Sized {
    /// Appends its fields.
    fn put_fields(&self, out: &mut Vec<u8>);

    /// Reads it from its fields.
    ///
    /// # Errors
    ///
    /// [`WireError`].
    fn of_fields(bytes: &[u8], room: &mut Room) -> Result<Self, WireError>;

    /// Reads it from a whole payload.
    ///
    /// # Errors
    ///
    /// [`WireError`].
    fn of_bytes(bytes: &[u8]) -> Result<Self, WireError> {
        Self::of_fields(bytes, &mut Room::of(bytes.len()))
    }
}

/// Reads a message's fields one by one.
fn each_field(
    bytes: &[u8],
    mut take: impl FnMut(u32, Value<'_>) -> Result<(), WireError>,
) -> Result<(), WireError> {
    let mut fields = Fields::new(bytes);
    while let Some(field) = fields.next().map_err(|error| no_protobuf(&error))? {
        take(field.number, field.value)?;
    }
    Ok(())
}

fn no_protobuf(error: &quintet_kaspa_protocol::wire::WireError) -> WireError {
    WireError::new("protobuf", error.to_string())
}

/// Takes a field's value out of its slot, and names the field if that is wrong.
fn settle<T: Proto>(name: &str, slot: Option<T>) -> Result<T, WireError> {
    slot.map_or_else(|| T::absent().map_err(|error| named(name, error)), Ok)
}

fn named(name: &str, mut error: WireError) -> WireError {
    error.expected = format!("{name}: {}", error.expected);
    error
}

fn put_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value.to_le_bytes()[0] | 0x80);
        value >>= 7;
    }
    out.push(value.to_le_bytes()[0]);
}

fn put_tag(number: u32, wire_type: u8, out: &mut Vec<u8>) {
    put_varint(u64::from(number) << 3 | u64::from(wire_type), out);
}

fn put_bytes(number: u32, bytes: &[u8], out: &mut Vec<u8>) {
    put_tag(number, 2, out);
    put_varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

/// The field of an answer that says why there is none: an `RPCError`.
const ERROR: u32 = 1000;

/// Appends an error to an answer's fields.
fn put_error(words: &str, out: &mut Vec<u8>) {
    let mut error = Vec::new();
    put_bytes(1, words.as_bytes(), &mut error);
    put_bytes(ERROR, &error, out);
}

/// Appends a message as a field.
fn put_message(message: &impl Message, number: u32, out: &mut Vec<u8>) {
    put_tag(number, 2, out);
    let at = out.len();
    message.put_fields(out);
    let mut count = Vec::new();
    put_varint((out.len() - at) as u64, &mut count);
    out.splice(at..at, count);
}

#[cfg(test)]
pub(super) mod tests;
