//! A request around its method's record, and what answers it.
//!
//! ```text
//!   KaspadRequest    101 id, M record                  M the method's number
//!   KaspadResponse   101 id, M + 1 { record or 1000 { 1 words } }
//!                    N record                          N a notification's number; no id
//! ```

use quintet_kaspa_protocol::{
    address::Address,
    wire::{Fields, Value},
};

use super::{
    super::{
        model::{Notification, Scope},
        wire::WireError,
    },
    Proto as _, Room, each_field, named, no_protobuf, put_bytes, put_message, put_tag, put_varint,
    settle,
};

/// The field of an id.
const ID: u32 = 101;

/// The field that says whether notifications begin or end.
const COMMAND: u32 = 101;

/// The first field that is a method's.
const METHODS: u32 = 1000;

/// Fields of a request, at most: an id, a record, and what may be added to them one day.
const FIELDS_MAX: usize = 16;

/// A request whose record is not read yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request<'a> {
    /// What the answer repeats.
    pub id: u64,
    /// The method's number.
    pub method: u32,
    /// The record.
    pub record: &'a [u8],
}

impl<'a> Request<'a> {
    /// Reads a request as far as to know whom it asks. What is no method's field is passed over.
    ///
    /// # Errors
    ///
    /// [`WireError`] if it is no protobuf or asks nothing: whoever sent it speaks another language.
    pub fn read(bytes: &'a [u8]) -> Result<Self, WireError> {
        let (mut id, mut asked) = (0, None);
        let mut fields = Fields::new(bytes);
        let mut count = 0;
        while let Some(field) = fields.next().map_err(|error| no_protobuf(&error))? {
            count += 1;
            if count > FIELDS_MAX {
                let expected = format!("at most {FIELDS_MAX} fields beside a request");
                return Err(WireError::new(expected, "more"));
            }
            match field.value {
                Value::Varint(number) if field.number == ID => id = number,
                Value::Bytes(record) if field.number > METHODS => {
                    asked = Some((field.number, record));
                }
                _ => {}
            }
        }
        let (method, record) = asked.ok_or_else(|| WireError::new("a request", "none"))?;
        Ok(Self { id, method, record })
    }

    /// Reads what is to be told or to be told no longer, and whether it begins; none if the method is another.
    ///
    /// # Errors
    ///
    /// [`WireError`].
    pub fn scopes(&self) -> Option<Result<(Vec<Scope>, bool), WireError>> {
        events(self.method).map(|events| self.read_scopes(events))
    }

    fn read_scopes(&self, events: &[u8]) -> Result<(Vec<Scope>, bool), WireError> {
        let mut room = Room::of(self.record.len());
        let (mut command, mut with_ids): (Option<u32>, Option<bool>) = (None, None);
        let mut addresses: Option<Vec<Address>> = None;
        let is_utxos = events == [4];
        each_field(self.record, |number, value| match number {
            1 if is_utxos => Vec::merge(&mut addresses, value, &mut room)
                .map_err(|error| named("addresses", error)),
            1 if events == [1] => bool::merge(&mut with_ids, value, &mut room),
            COMMAND => u32::merge(&mut command, value, &mut room),
            _ => Ok(()),
        })?;
        let begins = match settle("command", command)? {
            // The two older requests have no command: they end notifications.
            0 => !matches!(self.method, 1065 | 1070),
            1 => false,
            other => return Err(WireError::new("command: 0 or 1", other.to_string())),
        };
        let scope = |event: &u8| match *event {
            1 => Scope::VirtualChain { with_ids: with_ids.unwrap_or_default() },
            4 => Scope::Utxos { addresses: addresses.clone().unwrap_or_default() },
            other => Scope::Event(other),
        };
        Ok((events.iter().map(scope).collect(), begins))
    }
}

/// Returns the events that a request begins or ends to tell of; none if the method is another.
pub(in super::super) const fn events(method: u32) -> Option<&'static [u8]> {
    Some(match method {
        1007 => &[0],
        1022 => &[1],
        // One request for both.
        1039 => &[2, 3],
        1049 | 1065 => &[4],
        1056 => &[5],
        1074 => &[6],
        1067 | 1070 => &[7],
        1081 => &[8],
        _ => return None,
    })
}

fn response(id: u64, number: u32, record: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(record.len() + 24);
    if id != 0 {
        put_tag(ID, 0, &mut out);
        put_varint(id, &mut out);
    }
    put_bytes(number, record, &mut out);
    out
}

/// Returns the answer to a request.
pub(in super::super) fn answer(asked: &Request<'_>, record: &[u8]) -> Vec<u8> {
    response(asked.id, asked.method.saturating_add(1), record)
}

/// Returns the answer that says why there is none.
pub(in super::super) fn error_answer(asked: &Request<'_>, words: &str) -> Vec<u8> {
    let mut record = Vec::new();
    super::put_error(words, &mut record);
    answer(asked, &record)
}

/// Returns a notification.
pub(in super::super) fn notification(told: &Notification) -> Vec<u8> {
    let mut out = Vec::new();
    match told {
        Notification::BlockAdded(record) => put_message(&**record, 1009, &mut out),
        Notification::VirtualChainChanged(record) => put_message(record, 1024, &mut out),
        Notification::FinalityConflict(record) => put_message(record, 1041, &mut out),
        Notification::UtxosChanged(record) => put_message(record, 1051, &mut out),
        Notification::SinkBlueScoreChanged(record) => put_message(record, 1058, &mut out),
        Notification::PruningPointUtxoSetOverride(record) => put_message(record, 1069, &mut out),
        Notification::VirtualDaaScoreChanged(record) => put_message(record, 1076, &mut out),
        Notification::NewBlockTemplate(record) => put_message(record, 1083, &mut out),
    }
    out
}
