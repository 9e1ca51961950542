//! `krpc_messages*.json`: messages another implementation writes, some of them only fragments.

use std::path::Path;

use quintet_dht_protocol::{
    bencode::{self, Dict, KeyOrder},
    codec::krpc,
    message::code,
};
use serde::Deserialize;

use super::{bep5, bytes, tree};
use crate::{
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq, is_json_named},
};

pub(super) struct Krpc;

impl Suite for Krpc {
    fn name(&self) -> &'static str {
        "krpc"
    }

    fn claims(&self, name: &Path) -> bool {
        is_json_named(name, "krpc_messages")
    }

    fn run(&self, file: &File, report: &mut Report) {
        report.json_cases(file, |case: Case| case.check());
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    bencoded: String,
    keys: Vec<String>,
}

impl Case {
    fn check(&self) -> Result<(), Mismatch> {
        let input = bytes("bencoded", &self.bencoded)?;
        let strict = bencode::validate(&input);
        let value = bencode::parse(&input, KeyOrder::Any)
            .map_err(|error| Mismatch::new("bencoded", "bencoding", error.to_string()))?;
        if strict.is_ok() {
            tree::check_rewritten(&input, value)?;
        }
        let envelope = value
            .as_dict()
            .ok_or_else(|| Mismatch::new("message", "a dictionary", value.kind()))?;
        let mut keys = self.keys.clone();
        keys.sort();
        expect_eq("keys", keys, tree::keys(envelope.clone()))?;

        match krpc::decode(&input) {
            Ok(message) if strict.is_ok() && is_kept_whole(&envelope) => {
                bep5::check_written(&input, &message)
            }
            Ok(message) => {
                let mut written = Vec::new();
                krpc::encode(&message, &mut written)
                    .map_err(|error| Mismatch::new("encoding", "possible", error.to_string()))?;
                expect_eq("message when read again", Ok(message), krpc::decode(&written))
            }
            Err(error) if is_complete(&envelope) => {
                Err(Mismatch::new("message", "a complete message", error.to_string()))
            }
            // A query that lacks something is to be answered, if it can be.
            Err(error) if is(&envelope, b"y", b"q") && has_tid(&envelope) => {
                expect_eq("error code", Some(code::PROTOCOL), error.reply_code())
            }
            Err(error) => expect_eq("error code", None, error.reply_code()),
        }
    }
}

/// Returns whether the fragment has all that makes a message, its arguments perhaps aside.
fn is_complete(envelope: &Dict<'_>) -> bool {
    let has_id = |field: &[u8]| {
        let inner = envelope.get(field).and_then(bencode::Value::as_dict);
        inner.is_some_and(|inner| has_string(&inner, b"id", 20..=20))
    };
    let body = is(envelope, b"y", b"r") && has_id(b"r")
        || is(envelope, b"y", b"q") && is(envelope, b"q", b"ping") && has_id(b"a")
        || is(envelope, b"y", b"e") && envelope.get(b"e").is_some_and(|e| e.as_list().is_some());
    body && has_tid(envelope)
}

fn has_tid(envelope: &Dict<'_>) -> bool {
    has_string(envelope, b"t", 1..=16)
}

fn has_string(dict: &Dict<'_>, key: &[u8], lengths: core::ops::RangeInclusive<usize>) -> bool {
    let string = dict.get(key).and_then(bencode::Value::as_bytes);
    string.is_some_and(|bytes| lengths.contains(&bytes.len()))
}

fn is(dict: &Dict<'_>, key: &[u8], value: &[u8]) -> bool {
    dict.get(key).and_then(bencode::Value::as_bytes) == Some(value)
}

/// Returns whether everything the message holds has a place in ours; other keys are not kept.
fn is_kept_whole(envelope: &Dict<'_>) -> bool {
    const TOP: [&[u8]; 8] = [b"a", b"e", b"ip", b"q", b"r", b"t", b"v", b"y"];
    const INNER: [&[u8]; 11] = [
        b"id",
        b"info_hash",
        b"interval",
        b"nodes",
        b"nodes6",
        b"num",
        b"port",
        b"samples",
        b"target",
        b"token",
        b"values",
    ];
    let inner = [b"a", b"r"].into_iter().filter_map(|key| envelope.get(key)?.as_dict());
    envelope.clone().all(|(key, _)| TOP.contains(&key))
        && inner.flatten().all(|(key, _)| INNER.contains(&key))
        && (envelope.get(b"ip").is_none() || has_string(envelope, b"ip", 6..=6))
        && (envelope.get(b"v").is_none() || has_string(envelope, b"v", 4..=4))
}
