//! From bytes to calls: every refusal a client can earn before a method is looked up.
//!
//! Parameters stay raw text; the method parses them. The nesting is checked on the bytes first, so that no parser behind
//! this one meets more levels than it can recurse into, and a batch is cut off at its limit while it is read.
//!
//! **Spec:** JSON-RPC 2.0 §4 (request), §4.1 (notification), §5.1 (errors), §6 (batch).

use std::borrow::Cow;
use std::fmt;

use jsonrpsee::types::{ErrorObjectOwned, Id, InvalidRequest};
use serde::Deserialize;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::error::Category;
use serde_json::value::RawValue;

use crate::error::code;

/// A request body.
#[derive(Debug)]
pub(crate) enum Message<'a> {
    Single(Call<'a>),
    /// Between one and `batch_items_max` items.
    Batch(Vec<Result<Call<'a>, Malformed<'a>>>),
}

/// One call or, without an id, one notification.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    /// `None` makes it a notification; `Some(Id::Null)` does not.
    pub(crate) id: Option<Id<'a>>,
    pub(crate) method: Cow<'a, str>,
    /// An array, an object or nothing.
    pub(crate) params: Option<&'a RawValue>,
}

/// Not a request.
#[derive(Debug)]
pub(crate) struct Malformed<'a> {
    /// The id, as far as one could be read.
    pub(crate) id: Id<'a>,
    pub(crate) error: ErrorObjectOwned,
}

/// What is read before it is checked.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(default)]
    jsonrpc: Option<String>,
    #[serde(default, borrow, deserialize_with = "present")]
    id: Option<Id<'a>>,
    #[serde(borrow)]
    method: Cow<'a, str>,
    #[serde(default, borrow)]
    params: Option<&'a RawValue>,
}

/// Keeps `"id": null` apart from no id at all.
fn present<'de: 'a, 'a, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Id<'a>>, D::Error> {
    Id::deserialize(deserializer).map(Some)
}

/// Reads a request body.
pub(crate) fn parse(
    body: &[u8],
    depth_max: usize,
    batch_items_max: usize,
) -> Result<Message<'_>, Malformed<'_>> {
    let text = std::str::from_utf8(body).map_err(|error| {
        parse_error(&format!(
            "expected UTF-8, got something else after byte {}",
            error.valid_up_to()
        ))
    })?;
    if exceeds_depth(body, depth_max) {
        return Err(invalid(Id::Null, &format!("nested deeper than {depth_max} levels")));
    }
    if text.trim_ascii_start().starts_with('[') {
        return parse_batch(text, batch_items_max).map(Message::Batch);
    }
    parse_call(text).map(Message::Single)
}

fn parse_call(text: &str) -> Result<Call<'_>, Malformed<'_>> {
    let envelope = match serde_json::from_str::<Envelope<'_>>(text) {
        Ok(envelope) => envelope,
        // A request with something wrong in it can still be cut short further on: that is no JSON at all.
        Err(error) => {
            return Err(serde_json::from_str::<IgnoredAny>(text).map_or_else(
                |syntax| parse_error(&syntax.to_string()),
                |_| invalid(id_of(text), &error.to_string()),
            ));
        }
    };
    let Envelope { jsonrpc, id, method, params } = envelope;
    if jsonrpc.as_deref() != Some("2.0") {
        let actual = jsonrpc.map_or_else(|| "nothing".to_owned(), |version| format!("{version:?}"));
        return Err(invalid(
            id.unwrap_or(Id::Null),
            &format!("jsonrpc: expected \"2.0\", got {actual}"),
        ));
    }
    if params.is_some_and(|params| !params.get().starts_with(['[', '{'])) {
        return Err(invalid(id.unwrap_or(Id::Null), "params: expected an array or an object"));
    }
    Ok(Call { id, method, params })
}

fn id_of(text: &str) -> Id<'_> {
    serde_json::from_str::<InvalidRequest<'_>>(text).map_or(Id::Null, |request| request.id)
}

fn parse_batch(
    text: &str,
    items_max: usize,
) -> Result<Vec<Result<Call<'_>, Malformed<'_>>>, Malformed<'_>> {
    let mut reader = serde_json::Deserializer::from_str(text);
    let items = BatchItems { items_max }
        .deserialize(&mut reader)
        .and_then(|items| reader.end().map(|()| items));
    let items = match items {
        Ok(items) => items,
        Err(error) if error.classify() == Category::Data => {
            let message = format!("batch too large: expected at most {items_max} calls");
            return Err(refused(Id::Null, code::BATCH_TOO_LARGE, &message, None));
        }
        Err(error) => return Err(parse_error(&error.to_string())),
    };
    if items.is_empty() {
        return Err(invalid(Id::Null, "the batch is empty"));
    }
    Ok(items.into_iter().map(|item| parse_call(item.get())).collect())
}

/// Reads an array of raw values and gives up as soon as it is too long, before it is held in memory.
struct BatchItems {
    items_max: usize,
}

impl<'de> DeserializeSeed<'de> for BatchItems {
    type Value = Vec<&'de RawValue>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for BatchItems {
    type Value = Vec<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at most {} calls", self.items_max)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = seq.next_element()? {
            if items.len() == self.items_max {
                return Err(serde::de::Error::invalid_length(items.len() + 1, &self));
            }
            items.push(item);
        }
        Ok(items)
    }
}

/// Whether brackets outside strings nest deeper than `depth_max`. Says nothing about whether they match.
pub(crate) fn exceeds_depth(body: &[u8], depth_max: usize) -> bool {
    let mut depth = 0_usize;
    let mut in_string = false;
    let mut bytes = body.iter();
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => in_string = !in_string,
            b'\\' if in_string => {
                bytes.next();
            }
            b'[' | b'{' if !in_string => {
                depth += 1;
                if depth > depth_max {
                    return true;
                }
            }
            b']' | b'}' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    false
}

fn parse_error(detail: &str) -> Malformed<'static> {
    refused(Id::Null, code::PARSE_ERROR, "parse error: the request is not JSON", Some(detail))
}

fn invalid<'a>(id: Id<'a>, detail: &str) -> Malformed<'a> {
    refused(id, code::INVALID_REQUEST, "invalid request", Some(detail))
}

fn refused<'a>(id: Id<'a>, code: i32, message: &str, detail: Option<&str>) -> Malformed<'a> {
    Malformed { id, error: ErrorObjectOwned::owned(code, message, detail) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(body: &str) -> (i32, String) {
        let malformed = match parse(body.as_bytes(), 8, 2) {
            Err(malformed) => malformed,
            Ok(message) => panic!("{body} was read as {message:?}"),
        };
        (
            malformed.error.code(),
            format!("{:?} {:?}", malformed.id, malformed.error.data().map(RawValue::get)),
        )
    }

    #[test]
    fn a_request_cut_short_at_any_byte_is_a_parse_error() {
        let whole = r#"{"jsonrpc":"2.0","id":7,"method":"a","params":[1,{"b":"\"]"}]}"#;
        assert!(parse(whole.as_bytes(), 8, 2).is_ok());
        for cut in 0..whole.len() {
            assert_eq!(refusal(&whole[..cut]).0, code::PARSE_ERROR, "cut at {cut}");
        }
        let batch = format!("[{whole}]");
        for cut in 0..batch.len() {
            assert_eq!(refusal(&batch[..cut]).0, code::PARSE_ERROR, "batch cut at {cut}");
        }
    }

    #[test]
    fn json_that_is_no_request_is_answered_with_its_id_and_the_reason() {
        for (body, id, reason) in [
            (r#"{"jsonrpc":"2.0","id":7}"#, "Number(7)", "missing field `method`"),
            (r#"{"jsonrpc":"2.0","id":7,"method":1}"#, "Number(7)", "string"),
            (r#"{"id":"x","method":"a"}"#, "Str(\"x\")", "got nothing"),
            (r#"{"jsonrpc":"1.0","id":7,"method":"a"}"#, "Number(7)", "1.0"),
            (
                r#"{"jsonrpc":"2.0","id":7,"method":"a","params":3}"#,
                "Number(7)",
                "array or an object",
            ),
            (r#"{"jsonrpc":"2.0","id":-1,"method":"a"}"#, "Null", ""),
            (r#"{"jsonrpc":"2.0","id":{},"method":"a"}"#, "Null", ""),
            ("3", "Null", ""),
            ("[]", "Null", "empty"),
        ] {
            let (code, detail) = refusal(body);
            assert_eq!(code, code::INVALID_REQUEST, "{body}");
            assert!(detail.contains(id) && detail.contains(reason), "{body}: {detail}");
        }
    }

    #[test]
    fn a_notification_has_no_id_and_a_null_id_is_one() {
        let id = |body: &str| match parse(body.as_bytes(), 8, 2) {
            Ok(Message::Single(call)) => call.id.map(Id::into_owned),
            other => panic!("{body}: {other:?}"),
        };
        assert_eq!(id(r#"{"jsonrpc":"2.0","method":"a"}"#), None);
        assert_eq!(id(r#"{"jsonrpc":"2.0","method":"a","id":null,"params":null}"#), Some(Id::Null));
    }

    #[test]
    fn a_batch_keeps_its_good_items_beside_its_bad_ones() {
        let body = r#" [{"jsonrpc":"2.0","id":1,"method":"a"}, 5] "#;
        let Ok(Message::Batch(items)) = parse(body.as_bytes(), 8, 2) else {
            panic!("not read as a batch")
        };
        assert_eq!(items.len(), 2);
        assert!(items[0].is_ok());
        assert_eq!(items[1].as_ref().unwrap_err().error.code(), code::INVALID_REQUEST);
        assert_eq!(refusal("[1,2,3]").0, code::BATCH_TOO_LARGE);
        assert_eq!(refusal("[1,2] 3").0, code::PARSE_ERROR);
    }

    #[test]
    fn nesting_is_counted_outside_strings_only() {
        assert!(!exceeds_depth(br#"["[[[[", "\"[[[[", {}]"#, 2));
        assert!(exceeds_depth(b"[[[", 2));
        assert!(!exceeds_depth(b"]]]][[", 2));
        assert_eq!(refusal(&"[".repeat(100_000)).0, code::INVALID_REQUEST);
    }

    #[test]
    fn bytes_that_are_not_utf8_are_a_parse_error() {
        let malformed = parse(b"{\"jsonrpc\":\"\xff\"}", 8, 2).unwrap_err();
        assert_eq!(malformed.error.code(), code::PARSE_ERROR);
    }
}
