//! `*blk.dat`, `blk*.dat`: block files, also damaged ones, of any network.
//!
//! A reader must find every whole block, stop at the end, and say what it left out. Nothing beside the file says how many that are, so
//! the blocks themselves do: each has its work and its Merkle root, they form one chain, and no byte that is not zero is left over unless a
//! record was cut short.

use std::{
    collections::{HashMap, HashSet},
    path::Path,
};

use bitcoin::{BlockHash, consensus::encode::deserialize};
use quintet_bitcoin_node::storage::blk::{
    BlkPlace, BlkReader, BlkReport, FRAME_BYTES, Mask, Orphanage,
};
use quintet_bitcoin_protocol::Block;

use crate::{
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq},
};

/// Any mask that leaves no byte as it is.
const MASK: Mask = Mask([0x51, 0xa7, 0x03, 0xfe, 0x80, 0x11, 0x6c, 0xd9]);

pub(super) struct Blk;

impl Suite for Blk {
    fn name(&self) -> &'static str {
        "blk"
    }

    fn claims(&self, name: &Path) -> bool {
        super::is_named(name, "blk", ".dat") || super::is_named(name, "", "blk.dat")
    }

    fn run(&self, file: &File, report: &mut Report) {
        let case = file.name.display().to_string();
        let Some(&magic) = file.bytes.first_chunk() else {
            report.unreadable = Some("expected a magic at the start".to_owned());
            return;
        };
        let mut found = None;
        report.case(format!("{case}: reading"), || {
            found = Some(read(&file.bytes, magic, Mask::default())?);
            Ok(())
        });
        let Some((blocks, summary)) = found else { return };
        report.case(format!("{case}: nothing left over"), || nothing_left(&blocks, &summary, file));
        for (offset, block) in &blocks {
            report.case(format!("{case}: block at {offset}"), || check_block(block));
        }
        report.case(format!("{case}: one chain"), || one_chain(&blocks));
        report.case(format!("{case}: cut inside each block"), || cuts(&blocks, file, magic));
        report.case(format!("{case}: masked"), || {
            let mut masked = file.bytes.clone();
            MASK.apply(&mut masked, 0);
            expect_eq("blocks", &blocks, &read(&masked, magic, MASK)?.0)
        });
    }
}

type Found = Vec<(u64, Vec<u8>)>;

fn read(bytes: &[u8], magic: [u8; 4], mask: Mask) -> Result<(Found, BlkReport), Mismatch> {
    let mut reader = BlkReader::new(bytes, magic, mask);
    let mut blocks = Vec::new();
    let failed = |error: std::io::Error| Mismatch::new("reading", "no error", error.to_string());
    while let Some(block) = reader.next_block().map_err(failed)? {
        blocks.push((block.offset, block.bytes.to_vec()));
    }
    Ok((blocks, *reader.report()))
}

fn nothing_left(blocks: &Found, summary: &BlkReport, file: &File) -> Result<(), Mismatch> {
    expect_eq("bytes looked at", file.bytes.len() as u64, summary.bytes)?;
    expect_eq("blocks counted", blocks.len() as u64, summary.blocks)?;
    if blocks.is_empty() {
        return Err(Mismatch::new("blocks", "at least one", 0));
    }
    if summary.cut_short.is_none() {
        expect_eq("bytes left over", 0, summary.skipped)?;
    }
    Ok(())
}

fn check_block(bytes: &[u8]) -> Result<(), Mismatch> {
    let block = Block::decode(bytes.to_vec())
        .map_err(|error| Mismatch::new("block", "a block", error.to_string()))?;
    let header = block.header();
    header
        .validate_pow(header.target())
        .map_err(|error| Mismatch::new("work", "enough for its target", error.to_string()))?;
    let theirs: bitcoin::Block =
        deserialize(bytes).map_err(|error| Mismatch::new("block", "a block", error.to_string()))?;
    expect_eq("hash", theirs.block_hash(), block.hash())?;
    expect_eq("Merkle root holds", true, theirs.check_merkle_root())
}

/// Accepts the blocks in the order of the file, those that come early when their parent has come.
fn one_chain(blocks: &Found) -> Result<(), Mismatch> {
    let mut hashes = HashMap::new();
    let mut known = HashSet::new();
    let mut orphans = Orphanage::default();
    for (index, (offset, bytes)) in blocks.iter().enumerate() {
        let block = Block::decode(bytes.clone())
            .map_err(|error| Mismatch::new("block", "a block", error.to_string()))?;
        let parent = block.header().prev_blockhash;
        hashes.insert(*offset, block.hash());
        if index > 0 && !known.contains(&parent) {
            let len = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
            orphans
                .insert(parent, BlkPlace { file: 0, offset: *offset, len })
                .map_err(|error| Mismatch::new("orphans", "room", error.to_string()))?;
            continue;
        }
        accept(block.hash(), &mut known, &mut orphans, &hashes);
    }
    expect_eq("blocks without a parent", 0, orphans.len())?;
    // A file may hold a block twice.
    let distinct: HashSet<_> = hashes.into_values().collect();
    expect_eq("blocks of one chain", distinct.len(), known.len())
}

fn accept(
    hash: BlockHash,
    known: &mut HashSet<BlockHash>,
    orphans: &mut Orphanage,
    hashes: &HashMap<u64, BlockHash>,
) {
    let mut accepted = vec![hash];
    while let Some(hash) = accepted.pop() {
        known.insert(hash);
        let children = orphans.take_children(&hash);
        accepted.extend(children.iter().filter_map(|place| hashes.get(&place.offset)));
    }
}

/// Cuts the file inside each block: those in front of it are found, and the cut one is named.
fn cuts(blocks: &Found, file: &File, magic: [u8; 4]) -> Result<(), Mismatch> {
    for (index, (offset, block)) in blocks.iter().enumerate() {
        let start = usize::try_from(*offset).unwrap_or(usize::MAX);
        let cut = file.bytes.get(..start + block.len() / 2).unwrap_or_default();
        let (found, summary) = read(cut, magic, Mask::default())?;
        expect_eq(format!("blocks in front of {offset}"), index, found.len())?;
        let frame = offset - FRAME_BYTES as u64;
        expect_eq("the block that was cut", Some(frame), summary.cut_short)?;
    }
    Ok(())
}
