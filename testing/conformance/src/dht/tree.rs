//! A bencoded value as a tree, to compare it with what a vector says and to write it again.

use quintet_dht_protocol::bencode::{Dict, Value, Writer};
use serde_json::Value as Json;

use crate::suite::{Mismatch, expect_eq};

/// Writes `value` again from what the cursors say, entries in the order of the input.
pub(super) fn rewritten(value: Value<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    rewrite(value, &mut Writer::new(&mut out));
    out
}

/// Checks that writing what was read gives the same bytes.
pub(super) fn check_rewritten(input: &[u8], value: Value<'_>) -> Result<(), Mismatch> {
    let written = rewritten(value);
    expect_eq(
        "bytes when written again",
        String::from_utf8_lossy(input),
        String::from_utf8_lossy(&written),
    )?;
    expect_eq("bytes when written again", input, &written)
}

/// As deep as the decoder lets values nest, so the recursion is bounded.
fn rewrite(value: Value<'_>, writer: &mut Writer<'_>) {
    if let Some(number) = value.as_int() {
        writer.int(number);
    } else if let Some(list) = value.as_list() {
        writer.begin_list();
        list.for_each(|value| rewrite(value, writer));
        writer.end();
    } else if let Some(dict) = value.as_dict() {
        writer.begin_dict();
        for (key, value) in dict {
            writer.key(key);
            rewrite(value, writer);
        }
        writer.end();
    } else {
        writer.bytes(value.as_bytes().unwrap_or_default());
    }
}

/// Checks that `value` says what `json` says: objects are dictionaries, texts are strings.
pub(super) fn check_equal(path: &str, json: &Json, value: Value<'_>) -> Result<(), Mismatch> {
    match json {
        Json::Object(object) => {
            let dict = expected(path, json, value.as_dict())?;
            expect_eq(format!("number of keys in {path}"), object.len(), dict.clone().count())?;
            for (key, json) in object {
                let path = format!("{path}.{key}");
                let value = dict.get(key.as_bytes());
                check_equal(&path, json, expected(&path, json, value)?)?;
            }
            Ok(())
        }
        Json::Array(values) => {
            let list: Vec<_> = expected(path, json, value.as_list())?.collect();
            expect_eq(format!("number of values in {path}"), values.len(), list.len())?;
            values.iter().zip(list).try_for_each(|(json, value)| check_equal(path, json, value))
        }
        Json::String(text) => {
            let bytes = expected(path, json, value.as_bytes())?;
            expect_eq(path, text.as_str(), &String::from_utf8_lossy(bytes))
        }
        Json::Number(number) => {
            let actual = expected(path, json, value.as_int())?;
            expect_eq(path, number.as_i64(), Some(actual))
        }
        Json::Bool(_) | Json::Null => Err(Mismatch::new(path, json, "nothing bencoded is that")),
    }
}

fn expected<T>(path: &str, json: &Json, value: Option<T>) -> Result<T, Mismatch> {
    value.ok_or_else(|| Mismatch::new(path, json, "nothing of that sort"))
}

/// Returns the keys of a dictionary as text, sorted.
pub(super) fn keys(dict: Dict<'_>) -> Vec<String> {
    let mut keys: Vec<_> = dict.map(|(key, _)| String::from_utf8_lossy(key).into_owned()).collect();
    keys.sort();
    keys
}
