//! `codec/hildr`: columns of span batches, each put into a whole batch, read there and written back.

use std::path::Path;

use alloy_consensus::{Transaction, TxEnvelope};
use alloy_eips::eip2718::Decodable2718;
use alloy_primitives::{Bytes, U256};
use alloy_rlp::Header;
use quintet_rollup_protocol::batch::{Batch, BatchError, SpanBatch, span::SPAN_ELEMENTS_MAX};

use super::{is_in, own_name, transactions::chain};
use crate::{
    field::bytes,
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq},
};

pub(super) struct Columns;

/// Transactions in `spanbatchtxs.txt`, and those the three sets of signatures are of.
const SECTION_TXS: usize = 946;
const SET_TXS: usize = 37;

impl Suite for Columns {
    fn name(&self) -> &'static str {
        "columns"
    }

    fn claims(&self, name: &Path) -> bool {
        let name_of = own_name(name);
        is_in(name, "codec/hildr")
            && !["blob", "fulltx"].iter().any(|prefix| name_of.starts_with(prefix))
            && !name_of.contains("block")
    }

    fn run(&self, file: &File, report: &mut Report) {
        let name = own_name(&file.name).trim_end_matches(".txt").to_owned();
        report.case(&name, || {
            let text = String::from_utf8_lossy(&file.bytes);
            let content = bytes("file", text.trim().trim_start_matches("0x"))?;
            check(&name, content)
        });
    }
}

/// A span of one block whose columns can be set one by one.
struct Draft {
    creation: Vec<u8>,
    parity: Vec<u8>,
    signatures: Vec<u8>,
    destinations: Option<Vec<u8>>,
    data: Vec<u8>,
    nonces: Vec<u8>,
    gases: Vec<u8>,
    protected: Vec<u8>,
    count: usize,
}

impl Draft {
    /// `count` legacy transactions of nothing.
    fn new(count: usize) -> Self {
        let bits = vec![0; count.div_ceil(8)];
        Self {
            creation: bits.clone(),
            parity: bits.clone(),
            signatures: vec![1; 64 * count],
            destinations: None,
            data: [0xc3, 0x80, 0x80, 0x80].repeat(count),
            nonces: vec![0; count],
            gases: vec![0; count],
            protected: bits,
            count,
        }
    }

    fn section(&self) -> Vec<u8> {
        let creations: u32 = self.creation.iter().map(|byte| byte.count_ones()).sum();
        let default = vec![9; 20 * (self.count - creations as usize)];
        let destinations = self.destinations.as_ref().unwrap_or(&default);
        let columns = [
            &self.creation,
            &self.parity,
            &self.signatures,
            destinations,
            &self.data,
            &self.nonces,
            &self.gases,
            &self.protected,
        ];
        columns.into_iter().flatten().copied().collect()
    }
}

fn varint(mut value: usize) -> Vec<u8> {
    let mut out = Vec::new();
    while value > 0x7f {
        out.push(u8::try_from(value & 0x7f).unwrap_or_default() | 0x80);
        value >>= 7;
    }
    out.push(u8::try_from(value).unwrap_or_default());
    out
}

/// Puts a section of `count` transactions into a span of one block.
fn whole(section: &[u8], count: usize) -> Bytes {
    let mut out = vec![1, 0, 0];
    out.extend([7; 40]);
    out.extend([1, 0]);
    out.extend(varint(count));
    out.extend_from_slice(section);
    out.into()
}

fn decoded(section: &[u8], count: usize) -> Result<SpanBatch, Mismatch> {
    let bytes = whole(section, count);
    match Batch::decode(&bytes) {
        Ok(Batch::Span(span)) => {
            let mut again = Vec::new();
            span.encode(&mut again);
            expect_eq("encoded again", true, bytes == again)?;
            Ok(span)
        }
        other => Err(Mismatch::new("batch", "a span", other.map(|_| "another"))),
    }
}

/// Builds the transactions of a span's only block, and reads them with another library.
fn built(span: &SpanBatch) -> Result<Vec<TxEnvelope>, Mismatch> {
    let parse = |raw: &Bytes| {
        TxEnvelope::decode_2718_exact(raw)
            .map_err(|error| Mismatch::new("transaction", "read", error.to_string()))
    };
    span.transactions(0, &chain(10)?).iter().map(parse).collect()
}

/// Counts the varints of a column.
fn varints(column: &[u8]) -> usize {
    column.iter().filter(|byte| **byte < 0x80).count()
}

fn check(name: &str, content: Vec<u8>) -> Result<(), Mismatch> {
    match name {
        "spanbatchtxs" => {
            let span = decoded(&content, SECTION_TXS)?;
            expect_eq("transactions", SECTION_TXS, built(&span)?.len())
        }
        "spanbatchoriginbits" => origin_bits(&content),
        "contractcreationbits" => {
            let count = 8 * content.len();
            let span = decoded(
                &Draft { creation: content.clone(), ..Draft::new(count) }.section(),
                count,
            )?;
            let txs = built(&span)?;
            check_bits(&content, count, |index| txs[index].to().is_none())
        }
        "yparitybits" => {
            let count = 8 * content.len();
            let span =
                decoded(&Draft { parity: content.clone(), ..Draft::new(count) }.section(), count)?;
            let txs = built(&span)?;
            check_bits(&content, count, |index| txs[index].signature().v())
        }
        "protectedbits" => {
            let count = 8 * content.len();
            let draft = Draft { protected: content.clone(), ..Draft::new(count) };
            let txs = built(&decoded(&draft.section(), count)?)?;
            check_bits(&content, count, |index| txs[index].chain_id().is_some())
        }
        "txnonces" => {
            let count = varints(&content);
            let draft = Draft { nonces: content, ..Draft::new(count) };
            decoded(&draft.section(), count).map(|_| ())
        }
        "txgases" => {
            let count = varints(&content);
            let draft = Draft { gases: content, ..Draft::new(count) };
            decoded(&draft.section(), count).map(|_| ())
        }
        "txtos" => {
            let count = content.len() / 20;
            let draft = Draft { destinations: Some(content.clone()), ..Draft::new(count) };
            let txs = built(&decoded(&draft.section(), count)?)?;
            let tos: Vec<u8> = txs.iter().filter_map(Transaction::to).flatten().collect();
            expect_eq("destinations", true, tos == content)
        }
        "txdatas" => tx_data(content),
        _ => set(name, &content),
    }
}

fn check_bits(column: &[u8], count: usize, bit: impl Fn(usize) -> bool) -> Result<(), Mismatch> {
    (0..count).try_for_each(|index| {
        let byte = column[column.len() - 1 - index / 8];
        expect_eq(format!("bit {index}"), byte >> (index % 8) & 1 == 1, bit(index))
    })
}

/// Made before spans were bounded: more bits than a span may have blocks.
fn origin_bits(content: &[u8]) -> Result<(), Mismatch> {
    let count = 8 * content.len();
    let mut batch = vec![1, 0, 0];
    batch.extend([7; 40]);
    batch.extend(varint(count));
    batch.extend_from_slice(content);
    let too_many = BatchError::TooMany { expected: SPAN_ELEMENTS_MAX, actual: count as u64 };
    expect_eq("batch", Err(too_many), Batch::decode(&batch.into()).map(|_| ()))?;

    // The last bytes of it, within the bound, for as many empty blocks.
    let bits = &content[content.len() - 100_000..];
    let count = 8 * bits.len();
    let mut batch = vec![1, 0];
    batch.extend(varint(count));
    batch.extend([7; 40]);
    batch.extend(varint(count));
    batch.extend_from_slice(bits);
    batch.resize(batch.len() + count, 0);
    let Ok(Batch::Span(span)) = Batch::decode(&batch.into()) else {
        return Err(Mismatch::new("batch", "a span", "another"));
    };
    check_bits(bits, count, |index| {
        // The first block's bit says nothing of the blocks before the span.
        if index == 0 {
            bits[bits.len() - 1] & 1 == 1
        } else {
            span.epoch(index) > span.epoch(index - 1)
        }
    })
}

/// Returns the entries of a data column.
fn entries(mut column: &[u8]) -> Result<Vec<(u8, usize)>, Mismatch> {
    let mut entries = Vec::new();
    while let Some(first) = column.first() {
        let kind = if *first < 0x80 { *first } else { 0 };
        let mut rest = &column[usize::from(*first < 0x80)..];
        let header = Header::decode(&mut rest)
            .map_err(|error| Mismatch::new("tx data", "RLP", error.to_string()))?;
        entries.push((kind, header.payload_length));
        column = &rest[header.payload_length..];
    }
    Ok(entries)
}

fn tx_data(content: Vec<u8>) -> Result<(), Mismatch> {
    let entries = entries(&content)?;
    let legacies = entries.iter().filter(|(kind, _)| *kind == 0).count();
    let draft = Draft {
        data: content,
        protected: vec![0; legacies.div_ceil(8)],
        ..Draft::new(entries.len())
    };
    let txs = built(&decoded(&draft.section(), entries.len())?)?;
    let kinds: Vec<u8> = txs.iter().map(|tx| tx.tx_type() as u8).collect();
    expect_eq("types", entries.iter().map(|(kind, _)| *kind).collect(), kinds)
}

/// A column of 37 transactions of one type: `rec` · type · column.
fn set(name: &str, content: &[u8]) -> Result<(), Mismatch> {
    let (data, legacies): (&[u8], usize) = match name {
        _ if name.starts_with("recacc") => (&[1, 0xc4, 0x80, 0x80, 0x80, 0xc0], 0),
        _ if name.starts_with("rece1559") => (&[2, 0xc5, 0x80, 0x80, 0x80, 0x80, 0xc0], 0),
        _ if name.starts_with("reclegcy") => (&[0xc3, 0x80, 0x80, 0x80], SET_TXS),
        _ => return Err(Mismatch::new("column", "a known one", name)),
    };
    let mut draft = Draft {
        data: data.repeat(SET_TXS),
        protected: vec![0; legacies.div_ceil(8)],
        ..Draft::new(SET_TXS)
    };
    if name.ends_with("sigs") {
        draft.signatures = content.to_vec();
        let txs = built(&decoded(&draft.section(), SET_TXS)?)?;
        let again: Vec<u8> = txs
            .iter()
            .flat_map(|tx| [tx.signature().r(), tx.signature().s()])
            .flat_map(|number: U256| number.to_be_bytes::<32>())
            .collect();
        return expect_eq("signatures", true, again == content);
    }
    if name.ends_with("yparity") {
        draft.parity = content.to_vec();
        let txs = built(&decoded(&draft.section(), SET_TXS)?)?;
        return check_bits(content, SET_TXS, |index| txs[index].signature().v());
    }
    expect_eq("protected bits", legacies.div_ceil(8), content.len())?;
    draft.protected = content.to_vec();
    let txs = built(&decoded(&draft.section(), SET_TXS)?)?;
    check_bits(content, legacies, |index| txs[index].chain_id().is_some())
}
