//! `*ShortMsg.rsp`: NIST's messages for SHA-1, SHA-2 and SHA-3.

use std::path::Path;

use quintet_crypto::digest::{sha1, sha3_256, sha256, sha512};

use super::bytes;
use crate::{
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq},
};

pub(super) struct Nist;

impl Suite for Nist {
    fn name(&self) -> &'static str {
        "nist"
    }

    fn claims(&self, name: &Path) -> bool {
        name.extension().is_some_and(|extension| extension == "rsp")
    }

    fn run(&self, file: &File, report: &mut Report) {
        let name = file.name.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let Some(digest) = digest_of(name) else {
            report.unreadable = Some(format!("expected a file of a known digest, got {name}"));
            return;
        };
        let text = String::from_utf8_lossy(&file.bytes);
        let (mut length, mut message) = ("", "");
        for line in text.lines() {
            match line.split_once(" = ") {
                Some(("Len", value)) => length = value,
                Some(("Msg", value)) => message = value,
                Some(("MD", expected)) => {
                    report.case(format!("{}, {length} bits", file.name.display()), || {
                        check(digest, length, message, expected)
                    });
                }
                Some(_) | None => {}
            }
        }
    }
}

type Digest = fn(&[u8]) -> Vec<u8>;

fn digest_of(name: &str) -> Option<Digest> {
    match name {
        "SHA1ShortMsg.rsp" => Some(|message| sha1(&[message]).as_bytes().to_vec()),
        "SHA256ShortMsg.rsp" => Some(|message| sha256(&[message]).as_bytes().to_vec()),
        "SHA512ShortMsg.rsp" => Some(|message| sha512(&[message]).to_vec()),
        "SHA3_256ShortMsg.rsp" => Some(|message| sha3_256(&[message]).as_bytes().to_vec()),
        _ => None,
    }
}

/// The empty message is written `00`, so the length decides how much of it counts.
fn check(digest: Digest, bits: &str, message: &str, expected: &str) -> Result<(), Mismatch> {
    let length = bits.parse().map(|bits: usize| bits / 8);
    let length = length.map_err(|error| Mismatch::new("Len", "bits", error.to_string()))?;
    let message = bytes("Msg", message)?;
    let message = message.get(..length);
    let message = message.ok_or_else(|| Mismatch::new("Msg", length, "fewer bytes"))?;
    expect_eq("MD", bytes("MD", expected)?, digest(message))
}
