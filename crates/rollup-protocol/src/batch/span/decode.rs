//! Reading a span: one walk over its columns.
//!
//! The reference reads all columns before it builds any transaction, so an error in a column comes before one in a transaction; what each
//! means for the channel differs, see [`BatchError::is_late`].

use core::ops::Range;

use alloy_primitives::Bytes;

use super::{
    SPAN_ELEMENTS_MAX, SpanBatch,
    bits::{Bits, bytes_of},
    columns::{ADDRESS_LEN, Block, Columns, SIGNATURE_LEN, Tx},
    tx,
};
use crate::{batch::BatchError, rlp::Header};

/// Reads a span batch without its type.
pub(super) fn decode(bytes: &Bytes) -> Result<SpanBatch, BatchError> {
    let mut reader = Reader { bytes, at: 0 };
    let rel_timestamp = reader.varint("rel_timestamp")?;
    let l1_origin_num = reader.varint("l1_origin_num")?;
    let parent_check = reader.array("parent_check")?;
    let l1_origin_check = reader.array("l1_origin_check")?;

    let block_count = match reader.varint("block_count")? {
        0 => return Err(BatchError::NoBlocks),
        actual => checked_count(actual)?,
    };
    let origin_bits = reader.bits("origin_bits", block_count)?;
    let (mut blocks, tx_count) = reader.blocks(block_count, &origin_bits)?;

    let creation_bits = reader.bits("contract_creation_bits", tx_count)?;
    let parity_bits = reader.bits("y_parity_bits", tx_count)?;
    let signatures = reader.column("signatures", tx_count.saturating_mul(SIGNATURE_LEN))?;
    let creations = Bits(&bytes[creation_bits.clone()]).count();
    let destinations = reader.column("destinations", (tx_count - creations) * ADDRESS_LEN)?;
    let mut txs = reader.tx_data(tx_count)?;
    for row in &mut txs {
        row.nonce = reader.varint("nonces")?;
    }
    for row in &mut txs {
        row.gas = reader.varint("gas limits")?;
    }
    let data_of = |row: &Tx| &bytes[row.data as usize..row.end as usize];
    let legacies = txs.iter().filter(|row| is_legacy_to_reference(data_of(row))).count();
    let protected_bits = reader.bits("protected_bits", legacies)?;

    // From here on the reference is past decoding.
    let creation = Bits(&bytes[creation_bits.clone()]);
    for row in &txs {
        let first = data_of(row)[0];
        if !tx::is_legacy(data_of(row)) && !matches!(first, 1 | 2 | 4) {
            return Err(BatchError::TxKind { actual: first });
        }
    }
    for (index, row) in txs.iter().enumerate() {
        tx::check(index, data_of(row), creation.get(index))?;
    }
    count_up(&mut blocks, &txs, creation, |row| tx::is_legacy(data_of(row)));
    let columns = Columns {
        bytes: bytes.clone(),
        origin_bits,
        creation_bits,
        parity_bits,
        signatures,
        destinations,
        protected_bits,
        blocks,
        txs,
    };
    Ok(SpanBatch { rel_timestamp, l1_origin_num, parent_check, l1_origin_check, columns })
}

/// The reference counts a transaction of type 0 as legacy, and refuses it later.
fn is_legacy_to_reference(data: &[u8]) -> bool {
    tx::is_legacy(data) || data.first() == Some(&0)
}

/// Notes in each block how many destinations and legacy transactions lie before it.
fn count_up(blocks: &mut [Block], txs: &[Tx], creation: Bits<'_>, is_legacy: impl Fn(&Tx) -> bool) {
    let (mut index, mut destinations, mut legacies) = (0, 0, 0);
    for block in blocks {
        while index < block.txs as usize {
            destinations += u32::from(!creation.get(index));
            legacies += u32::from(is_legacy(&txs[index]));
            index += 1;
        }
        (block.destinations, block.legacies) = (destinations, legacies);
    }
}

/// Refuses a count above the bound.
fn checked_count(actual: u64) -> Result<usize, BatchError> {
    let too_many = BatchError::TooMany { expected: SPAN_ELEMENTS_MAX, actual };
    if actual > SPAN_ELEMENTS_MAX {
        return Err(too_many);
    }
    usize::try_from(actual).map_err(|_| too_many)
}

/// A place in a span's bytes.
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn rest(&self) -> &[u8] {
        &self.bytes[self.at..]
    }

    /// Reads a column of a known length.
    fn column(
        &mut self,
        column: &'static str,
        expected: usize,
    ) -> Result<Range<usize>, BatchError> {
        let actual = self.rest().len();
        if expected > actual {
            return Err(BatchError::Column { column, expected, actual });
        }
        let start = self.at;
        self.at += expected;
        Ok(start..self.at)
    }

    fn array(&mut self, column: &'static str) -> Result<[u8; 20], BatchError> {
        let range = self.column(column, 20)?;
        let mut array = [0; 20];
        array.copy_from_slice(&self.bytes[range]);
        Ok(array)
    }

    /// Reads a list of `len` bits.
    fn bits(&mut self, column: &'static str, len: usize) -> Result<Range<usize>, BatchError> {
        let range = self.column(column, bytes_of(len))?;
        if Bits(&self.bytes[range.clone()]).exceeds(len) {
            return Err(BatchError::TrailingBits { column });
        }
        Ok(range)
    }

    /// Reads a varint as Go's `binary.ReadUvarint` does: at most ten bytes, longer forms than needed included.
    fn varint(&mut self, column: &'static str) -> Result<u64, BatchError> {
        let mut value = 0;
        for (index, byte) in self.rest().iter().take(10).enumerate() {
            if index == 9 && *byte > 1 {
                break;
            }
            value |= u64::from(byte & 0x7f) << (7 * index);
            if byte & 0x80 == 0 {
                self.at += index + 1;
                return Ok(value);
            }
        }
        Err(BatchError::Varint { column })
    }

    /// Reads the counts of transactions, and returns the blocks with the number of all transactions.
    fn blocks(
        &mut self,
        count: usize,
        origin_bits: &Range<usize>,
    ) -> Result<(Vec<Block>, usize), BatchError> {
        let column = "tx counts";
        if count > self.rest().len() {
            return Err(BatchError::Column { column, expected: count, actual: self.rest().len() });
        }
        let bytes = self.bytes;
        let advances_at = Bits(&bytes[origin_bits.clone()]);
        let mut blocks = Vec::with_capacity(count);
        let (mut total, mut advances) = (0_u64, 0);
        for index in 0..count {
            advances += u32::from(index > 0 && advances_at.get(index));
            let txs = u32::try_from(total).unwrap_or(u32::MAX);
            blocks.push(Block { txs, destinations: 0, legacies: 0, advances });
            let count = self.varint(column)?;
            checked_count(count)?;
            total = total.saturating_add(count);
        }
        Ok((blocks, checked_count(total)?))
    }

    /// Reads the data column: a type or none, and a list whose content is not looked at yet.
    fn tx_data(&mut self, count: usize) -> Result<Vec<Tx>, BatchError> {
        let column = "tx data";
        if count > self.rest().len() {
            return Err(BatchError::Column { column, expected: count, actual: self.rest().len() });
        }
        let mut txs = Vec::with_capacity(count);
        for _ in 0..count {
            let start = self.at;
            let typed = self.rest().first().is_some_and(|first| *first <= 0x7f);
            self.at += usize::from(typed);
            let header = Header::read(self.rest())?;
            if !header.list {
                return Err(crate::rlp::RlpError::Kind { expected: "a list" }.into());
            }
            if header.payload as u64 > SPAN_ELEMENTS_MAX {
                let actual = header.payload as u64;
                return Err(BatchError::TooMany { expected: SPAN_ELEMENTS_MAX, actual });
            }
            self.at += header.len();
            // A channel has at most 100 MB, so places in it have 32 bits.
            let place = |at: usize| {
                u32::try_from(at).map_err(|_| BatchError::Column {
                    column,
                    expected: 0,
                    actual: at,
                })
            };
            txs.push(Tx { data: place(start)?, end: place(self.at)?, nonce: 0, gas: 0 });
        }
        Ok(txs)
    }
}
