//! Rows: the columns of a block, its references as distances.
//!
//! Most references go to blocks of the last second, so a distance is one byte where a number would be four. Nothing is written that
//! follows from the rest: heads of windows from the rows before, work from the bits (on every block a network accepted).

use quintet_kaspa_protocol::{
    dag::{AnticoneSize, BlockId, Expected, ExpectedDepths, ExpectedPruning, Ghostdag, Sampling},
    target,
};
use quintet_primitives::Hash256;
use quintet_store::{DecodeError, Reader, ValueCodec as _, put_varint, segment::Position};

use super::{Serial, hash, len, put_hash, put_len, put_work, small, work};
use crate::ports::HeaderRow;

const SAMPLED: u8 = 1;
const BITS_FROM_WINDOW: u8 = 1 << 1;
/// The block's work is not that of its bits, and follows.
const OWN_WORK: u8 = 1 << 2;
/// The bits expected are not those of the header, and follow.
const OTHER_BITS: u8 = 1 << 3;
const KNOWN: u8 = SAMPLED | BITS_FROM_WINDOW | OWN_WORK | OTHER_BITS;

/// What a row begins with: whose it is, and where its header lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct RowHead {
    pub(in super::super) serial: Serial,
    pub(in super::super) header: Position,
    pub(in super::super) hash: Hash256,
}

/// Writes references of one row.
struct Refs<'a, F> {
    serial: Serial,
    serial_of: &'a F,
    /// The first reference that is no earlier block.
    wrong: Option<BlockId>,
}

impl<F: Fn(BlockId) -> Serial> Refs<'_, F> {
    fn put(&mut self, block: BlockId, out: &mut Vec<u8>) {
        if block.is_origin() {
            return put_varint(0, out);
        }
        let Some(distance) = self.serial.checked_sub((self.serial_of)(block)) else {
            self.wrong.get_or_insert(block);
            return;
        };
        put_varint(distance + 1, out);
    }

    fn put_all(&mut self, blocks: &[BlockId], out: &mut Vec<u8>) {
        put_len(blocks.len(), out);
        blocks.iter().for_each(|&block| self.put(block, out));
    }
}

/// Appends a row. `Err` names a reference that is not to an earlier block.
pub(in super::super) fn encode_row(
    head: &RowHead,
    row: &HeaderRow,
    serial_of: &impl Fn(BlockId) -> Serial,
    out: &mut Vec<u8>,
) -> Result<(), BlockId> {
    let HeaderRow { ghostdag, expected, .. } = row;
    put_varint(head.serial, out);
    head.header.encode_value(out);
    put_hash(&row.hash, out);
    let own_work = row.work != target::work(row.bits);
    let other_bits = expected.bits != row.bits;
    let flag = |set, flag| if set { flag } else { 0 };
    out.push(
        flag(row.sampling != Sampling::Full, SAMPLED)
            | flag(expected.bits_from_window, BITS_FROM_WINDOW)
            | flag(own_work, OWN_WORK)
            | flag(other_bits, OTHER_BITS),
    );
    out.push(row.level);
    put_varint(row.timestamp, out);
    out.extend_from_slice(&row.bits.to_be_bytes());
    if own_work {
        put_work(&row.work, out);
    }
    if other_bits {
        out.extend_from_slice(&expected.bits.to_be_bytes());
    }
    if let Sampling::Sampled { since, earlier_target_time } = row.sampling {
        put_varint(since, out);
        put_varint(earlier_target_time, out);
    }
    put_varint(expected.daa_score, out);
    put_varint(expected.past_median_time, out);
    put_varint(ghostdag.blue_score, out);
    put_work(&ghostdag.blue_work, out);

    let mut refs = Refs { serial: head.serial, serial_of, wrong: None };
    refs.put(ghostdag.selected_parent, out);
    refs.put_all(&row.parents, out);
    refs.put_all(&ghostdag.blues, out);
    refs.put_all(&ghostdag.reds, out);
    put_len(ghostdag.anticone_sizes.len(), out);
    for size in &ghostdag.anticone_sizes {
        refs.put(size.block, out);
        put_varint(size.size.into(), out);
    }
    refs.put_all(&expected.non_daa, out);
    let [difficulty, median] = &expected.samples;
    refs.put_all(difficulty, out);
    refs.put_all(median, out);
    refs.put(row.depths.merge_root, out);
    refs.put(row.depths.finality_point, out);
    refs.put(row.pruning.sample, out);
    refs.put(row.pruning.point, out);
    refs.wrong.map_or(Ok(()), Err)
}

/// Takes what a row begins with.
pub(in super::super) fn decode_row_head(bytes: &[u8]) -> Result<RowHead, DecodeError> {
    head(&mut Reader::new(bytes))
}

fn head(reader: &mut Reader<'_>) -> Result<RowHead, DecodeError> {
    Ok(RowHead {
        serial: reader.varint()?,
        header: Position::decode_value(reader)?,
        hash: hash(reader)?,
    })
}

/// Reads references of one row.
struct Targets<F> {
    serial: Serial,
    block_of: F,
}

impl<F: Fn(Serial) -> Option<BlockId>> Targets<F> {
    /// Takes a reference; the root where what it names is gone.
    fn one(&self, reader: &mut Reader<'_>) -> Result<BlockId, DecodeError> {
        let Some(distance) = reader.varint()?.checked_sub(1) else { return Ok(BlockId::ORIGIN) };
        let serial = self
            .serial
            .checked_sub(distance)
            .filter(|&serial| serial > 0)
            .ok_or_else(|| DecodeError::invalid("a distance to an earlier block", distance))?;
        Ok((self.block_of)(serial).unwrap_or(BlockId::ORIGIN))
    }

    fn all(&self, reader: &mut Reader<'_>) -> Result<Vec<BlockId>, DecodeError> {
        let count = len(reader, 1)?;
        let mut blocks = Vec::with_capacity(count);
        for _ in 0..count {
            blocks.push(self.one(reader)?);
        }
        Ok(blocks)
    }

    /// Takes references, leaving out what is gone.
    fn there(&self, reader: &mut Reader<'_>) -> Result<Vec<BlockId>, DecodeError> {
        let mut blocks = self.all(reader)?;
        blocks.retain(|block| !block.is_origin());
        Ok(blocks)
    }

    fn sizes(&self, reader: &mut Reader<'_>) -> Result<Vec<AnticoneSize>, DecodeError> {
        let count = len(reader, 2)?;
        let mut sizes = Vec::with_capacity(count);
        for _ in 0..count {
            let block = self.one(reader)?;
            let size = small(reader, "an anticone size of 16 bits")?;
            if !block.is_origin() {
                sizes.push(AnticoneSize { block, size });
            }
        }
        Ok(sizes)
    }
}

/// Takes a row. `block_of` says which block a number on disk is; none if it is gone. Heads of windows are left at zero.
pub(in super::super) fn decode_row(
    bytes: &[u8],
    block_of: impl Fn(Serial) -> Option<BlockId>,
) -> Result<(RowHead, HeaderRow), DecodeError> {
    let mut reader = Reader::new(bytes);
    let head = head(&mut reader)?;
    let reader = &mut reader;
    let flags = reader.u8()?;
    if flags & !KNOWN != 0 {
        return Err(DecodeError::invalid("flags of a row, 0 to 15", flags));
    }
    let level = reader.u8()?;
    let timestamp = reader.varint()?;
    let bits = reader.u32()?;
    let own_work = if flags & OWN_WORK == 0 { target::work(bits) } else { work(reader)? };
    let expected_bits = if flags & OTHER_BITS == 0 { bits } else { reader.u32()? };
    let sampling = match flags & SAMPLED {
        0 => Sampling::Full,
        _ => Sampling::Sampled { since: reader.varint()?, earlier_target_time: reader.varint()? },
    };
    let daa_score = reader.varint()?;
    let past_median_time = reader.varint()?;
    let blue_score = reader.varint()?;
    let blue_work = work(reader)?;
    let targets = Targets { serial: head.serial, block_of };
    let selected_parent = targets.one(reader)?;
    let parents = targets.all(reader)?;
    let ghostdag = Ghostdag {
        selected_parent,
        blues: targets.there(reader)?,
        reds: targets.there(reader)?,
        anticone_sizes: targets.sizes(reader)?,
        blue_score,
        blue_work,
    };
    let expected = Expected {
        daa_score,
        bits: expected_bits,
        past_median_time,
        non_daa: targets.there(reader)?,
        samples: [targets.there(reader)?, targets.there(reader)?],
        before: [0; 2],
        bits_from_window: flags & BITS_FROM_WINDOW != 0,
    };
    let depths =
        ExpectedDepths { merge_root: targets.one(reader)?, finality_point: targets.one(reader)? };
    let pruning = ExpectedPruning { sample: targets.one(reader)?, point: targets.one(reader)? };
    reader.clone().finish()?;
    let row = HeaderRow {
        hash: head.hash,
        parents,
        work: own_work,
        level,
        ghostdag,
        expected,
        sampling,
        timestamp,
        bits,
        depths,
        pruning,
    };
    Ok((head, row))
}
