//! `krpc_malformed*.json`: packets that broke other implementations. Ours reads or refuses them.

use std::{
    path::Path,
    time::{Duration, Instant},
};

use quintet_dht_protocol::{
    bencode::{self, KeyOrder},
    codec::{self, json, krpc, native},
};
use serde::Deserialize;

use super::{bytes, go_corpus, tree};
use crate::{
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq, is_json_named},
};

/// Longest a packet may keep the decoders busy, a thousand times what it should take.
const TIME_MAX: Duration = Duration::from_secs(1);

/// Digits of the ids that Go makes; others are not checked.
const GO_ID_LEN: usize = 16;

pub(super) struct Malformed;

impl Suite for Malformed {
    fn name(&self) -> &'static str {
        "malformed"
    }

    fn claims(&self, name: &Path) -> bool {
        is_json_named(name, "krpc_malformed")
    }

    fn run(&self, file: &File, report: &mut Report) {
        report.json_cases(file, |case: Case| case.check());
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    id: String,
    target: String,
    values: Vec<String>,
}

impl Case {
    fn check(&self) -> Result<(), Mismatch> {
        if !self.target.starts_with("Fuzz") {
            return Err(Mismatch::new("target", "a Go fuzz function", &self.target));
        }
        let arguments = self.values.iter().map(|text| argument(text));
        let arguments: Vec<_> = arguments.collect::<Result<_, _>>()?;
        let has_text = self.values.iter().any(|text| is_text(text));
        if let Some(name) = go_corpus::name(&arguments)
            && self.id.len() == GO_ID_LEN
            && !has_text
        {
            expect_eq("id of the corpus entry", self.id.as_str(), name.as_str())?;
        }
        let start = Instant::now();
        arguments.iter().try_for_each(|packet| check_packet(packet))?;
        let elapsed = start.elapsed();
        if elapsed > TIME_MAX {
            return Err(Mismatch::new("time", format!("less than {TIME_MAX:?}"), elapsed));
        }
        Ok(())
    }
}

/// Reads an argument. One that was not bytes is given as text, which is as good a packet as any.
fn argument(text: &str) -> Result<Vec<u8>, Mismatch> {
    if is_text(text) { Ok(text.as_bytes().to_vec()) } else { bytes("values", text) }
}

/// Returns whether an argument cannot be meant as hexadecimal digits, a changed one included.
fn is_text(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_hexdigit).count();
    !text.len().is_multiple_of(2) || digits * 2 < text.len()
}

/// Feeds a packet to every decoder; a panic is caught above. What is accepted must be sound.
fn check_packet(packet: &[u8]) -> Result<(), Mismatch> {
    let _ = bencode::parse(packet, KeyOrder::Any);
    if let Ok(value) = bencode::parse(packet, KeyOrder::Sorted) {
        tree::check_rewritten(packet, value)?;
    }
    let whole = codec::decode(packet).map(|(_, message)| message);
    for decoded in [krpc::decode(packet), json::decode(packet), native::decode(packet), whole] {
        let Ok(message) = decoded else { continue };
        let mut written = Vec::new();
        krpc::encode(&message, &mut written)
            .map_err(|error| Mismatch::new("encoding", "possible", error.to_string()))?;
        expect_eq("message when read again", Ok(message), krpc::decode(&written))?;
    }
    Ok(())
}
