//! `bep5_*.json`: the messages of BEP 5, with what each says.

use std::path::Path;

use quintet_dht_protocol::{
    bencode::{self, KeyOrder},
    codec::{DecodeErrorKind, krpc},
    message::{Body, Message, Request, StoreValue},
};
use serde::Deserialize;

use super::tree;
use crate::{
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq, is_json_named},
};

pub(super) struct Bep5;

impl Suite for Bep5 {
    fn name(&self) -> &'static str {
        "bep5"
    }

    fn claims(&self, name: &Path) -> bool {
        is_json_named(name, "bep5_")
    }

    fn run(&self, file: &File, report: &mut Report) {
        report.json_cases(file, |case: Case| case.check());
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    message_text: String,
    bencoded: String,
    decodable_nodes: bool,
}

impl Case {
    fn check(&self) -> Result<(), Mismatch> {
        let input = self.bencoded.as_bytes();
        let value = bencode::parse(input, KeyOrder::Sorted)
            .map_err(|error| Mismatch::new("bencoded", "strict bencoding", error.to_string()))?;
        tree::check_rewritten(input, value)?;
        let says = serde_json::from_str(&self.message_text)
            .map_err(|error| Mismatch::new("message_text", "JSON", error.to_string()))?;
        tree::check_equal("message", &says, value)?;
        self.check_name(&says)?;
        match krpc::decode(input) {
            Ok(message) => {
                expect_eq("decodable_nodes", self.decodable_nodes, true)?;
                check_written(input, &message)
            }
            Err(error) => {
                let is_nodes =
                    matches!(error.kind, DecodeErrorKind::Length { field: "nodes" | "nodes6", .. });
                if self.decodable_nodes || !is_nodes {
                    return Err(Mismatch::new(&self.name, "a message", error.to_string()));
                }
                Ok(())
            }
        }
    }

    /// The name says what sort of message it is and, for a query, which: `announce_peers Query`.
    fn check_name(&self, says: &serde_json::Value) -> Result<(), Mismatch> {
        let words = self.name.to_lowercase();
        let fits = match says["y"].as_str() {
            Some("q") => {
                let method = says["q"].as_str().unwrap_or_default();
                words.contains("query") && !method.is_empty() && words.starts_with(method)
            }
            Some("r") => words.contains("response"),
            Some("e") => words.contains("error"),
            _ => false,
        };
        if fits { Ok(()) } else { Err(Mismatch::new("name", &self.name, says)) }
    }
}

/// Checks that the message is written as it came. The port beside `implied_port` means nothing and is
/// not kept: there, what is written is read and compared.
pub(super) fn check_written(input: &[u8], message: &Message) -> Result<(), Mismatch> {
    let mut written = Vec::new();
    krpc::encode(message, &mut written)
        .map_err(|error| Mismatch::new("encoding", "possible", error.to_string()))?;
    let has_implied_port = matches!(&message.body, Body::Query(query) if matches!(
        query.request,
        Request::Store { value: StoreValue::Peer { port: None, .. }, .. }
    ));
    if has_implied_port {
        expect_eq("message when read again", Some(message), krpc::decode(&written).ok().as_ref())?;
        let (input, written) = (without_port(input), without_port(&written));
        return expect_eq("bytes of the encoded message but its port", input, written);
    }
    let text = |bytes| String::from_utf8_lossy(bytes);
    expect_eq("text of the encoded message", text(input), text(&written))?;
    expect_eq("bytes of the encoded message", input, &written)
}

/// Returns the packet with the digits after `4:porti` taken out.
fn without_port(packet: &[u8]) -> Vec<u8> {
    let mark = b"4:porti";
    let Some(at) = packet.windows(mark.len()).position(|window| window == mark) else {
        return packet.to_vec();
    };
    let (before, after) = packet.split_at(at + mark.len());
    let digits = after.iter().take_while(|byte| byte.is_ascii_digit()).count();
    [before, &after[digits..]].concat()
}
