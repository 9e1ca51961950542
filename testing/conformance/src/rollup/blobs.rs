//! `codec/hildr/blob*`: data in blobs, and one that is a channel's frame.

use std::path::Path;

use alloy_primitives::Bytes;
use quintet_rollup_protocol::{
    batch::Batch, channel::inflate::inflate, frame::parse_frames, inbox::blob,
};

use super::{is_in, own_name};
use crate::{
    field::bytes,
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq},
};

pub(super) struct Blobs;

impl Suite for Blobs {
    fn name(&self) -> &'static str {
        "blobs"
    }

    fn claims(&self, name: &Path) -> bool {
        is_in(name, "codec/hildr") && own_name(name).starts_with("blob")
    }

    fn run(&self, file: &File, report: &mut Report) {
        report.case(own_name(&file.name), || match own_name(&file.name) {
            "blob9_decode.txt" => channel(&content(file)?),
            _ => blob(file),
        });
    }
}

fn content(file: &File) -> Result<Bytes, Mismatch> {
    let text = String::from_utf8_lossy(&file.bytes);
    bytes("file", text.trim().trim_start_matches("0x")).map(Bytes::from)
}

fn blob(file: &File) -> Result<(), Mismatch> {
    let content = content(file)?;
    let data =
        blob::decode(&content).map_err(|error| Mismatch::new("blob", "data", error.to_string()))?;
    expect_eq("encoded again", Ok(true), blob::encode(&data).map(|again| again == content))?;
    let decoded = own_name(&file.name).replace(".txt", "_decode.txt");
    match file.other(|name| name.ends_with(&decoded)) {
        Some(other) => expect_eq("data", self::content(&other)?, data),
        None => Ok(()),
    }
}

/// A frame, the whole of a channel whose stream ends in a flush: one span batch, and nothing behind it.
fn channel(data: &Bytes) -> Result<(), Mismatch> {
    let frames =
        parse_frames(data).map_err(|error| Mismatch::new("frames", "one", error.to_string()))?;
    expect_eq("frames", 1, frames.len())?;
    expect_eq("last", true, frames[0].is_last)?;
    let content = inflate(&[frames[0].data.clone()], 10_000_000, false)
        .map_err(|error| Mismatch::new("channel", "a zlib stream", error.to_string()))?;
    let mut rest = &content[..];
    let batch = alloy_rlp::Header::decode_bytes(&mut rest, false)
        .map_err(|error| Mismatch::new("RLP", "a string", error.to_string()))?;
    expect_eq("bytes behind the batch", 0, rest.len())?;
    match Batch::decode(&content.slice_ref(batch)) {
        Ok(Batch::Span(_)) => Ok(()),
        other => Err(Mismatch::new("batch", "a span", other)),
    }
}
