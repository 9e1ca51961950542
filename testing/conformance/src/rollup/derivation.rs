//! `derive/op-mainnet-*`: real L1 blocks, derived to the real L2 blocks; and the blocks themselves.
//!
//! The singular batches of the two channels carry the hashes of their parents, so each derived block's hash is known from the batch after
//! it. A pipeline that is told a wrong hash stops: 122 of the 123 hashes are checked by derivation itself.

use std::{cell::RefCell, collections::BTreeMap, path::Path, sync::Arc};

use alloy_consensus::Receipt;
use alloy_eips::BlockNumHash;
use alloy_primitives::{B256, Bytes, Log};
use quintet_rollup_protocol::{
    attributes::DerivedAttributes,
    batch::{Batch, SingularBatch},
    channel::{ChannelAssembler, ChannelLimits, ChannelReader, ReadBatch},
    config::RollupConfig,
    frame::parse_frames,
    inbox::{InboxPayload, InboxTx, scan::scan},
    l1_info::{L1Info, L2Header, read_block},
    pipeline::{Pipeline, Start, Step},
    refs::{L1Ref, L2Ref, NoBlocks},
    system::SystemConfig,
    verify,
    view::{L1Header, L1View, Need},
};
use serde::Deserialize;
use serde_json::Value;

use super::{is_in, l1_json::BlockJson, own_name, registry};
use crate::{
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq},
};

pub(super) struct Mainnet;

/// Real L2 blocks.
pub(super) const L2_FILE: &str = "derive/op-mainnet-l2-109279674-109279685.json";
const BLOCKS: usize = 123;
const TRANSACTIONS: usize = 1_183;

impl Suite for Mainnet {
    fn name(&self) -> &'static str {
        "derivation"
    }

    fn claims(&self, name: &Path) -> bool {
        is_in(name, "derive")
            && own_name(name).starts_with("op-mainnet-")
            && !is_in(name, "derive/witness")
    }

    fn run(&self, file: &File, report: &mut Report) {
        let Some(value) = report.json(file) else { return };
        if own_name(&file.name).starts_with("op-mainnet-l2") {
            let blocks = value.get("l2").and_then(Value::as_array).cloned().unwrap_or_default();
            for block in blocks {
                let block = block.get("block").cloned().unwrap_or_default();
                let number = block.get("number").cloned().unwrap_or_default();
                report.case(format!("L2 block {number}"), || L2Block::read(&block).map(|_| ()));
            }
            return;
        }
        report.case("every L1 block is what its hash names", || L1::read(&value).map(|_| ()));
        report.case("123 L2 blocks", || derive(file, &value));
    }
}

fn unread(what: &str, error: &dyn std::fmt::Display) -> Mismatch {
    Mismatch::new(what, "read", error.to_string())
}

/// The L1 blocks of the file.
struct L1 {
    blocks: BTreeMap<u64, L1Block>,
    /// Numbers of the blocks whose receipts were asked for.
    asked: RefCell<Vec<u64>>,
}

struct L1Block {
    header: L1Header,
    inbox: Vec<InboxTx>,
    receipts: Option<Vec<Receipt>>,
}

impl L1 {
    fn read(value: &Value) -> Result<Self, Mismatch> {
        let list = value.get("l1").and_then(Value::as_array).cloned().unwrap_or_default();
        let mut blocks = BTreeMap::new();
        for item in &list {
            let block = BlockJson::read(item.get("block").unwrap_or(&Value::Null))?;
            let raw = block.transactions.unwrap_or_default();
            verify::header(&block.header, block.hash).map_err(|error| unread("header", &error))?;
            verify::transactions(&raw, block.header.transactions_root)
                .map_err(|error| unread("transactions", &error))?;
            verify::withdrawals(block.withdrawals.as_deref(), block.header.withdrawals_root)
                .map_err(|error| unread("withdrawals", &error))?;
            let inbox = "0xff00000000000000000000000000000000000010".parse().unwrap_or_default();
            let receipts =
                item.get("receipts").and_then(Value::as_array).map(|list| receipts(list));
            let known = L1Block {
                header: L1Header::new(block.hash, &block.header),
                inbox: scan(&raw, inbox),
                receipts: receipts.transpose()?,
            };
            blocks.insert(block.header.number, known);
        }
        expect_eq("L1 blocks", 14, blocks.len())?;
        Ok(Self { blocks, asked: RefCell::default() })
    }
}

fn receipts(list: &[Value]) -> Result<Vec<Receipt>, Mismatch> {
    list.iter()
        .map(|receipt| {
            let logs = receipt.get("logs").and_then(Value::as_array).cloned().unwrap_or_default();
            let logs: Vec<Log> = logs
                .iter()
                .map(|log| Log::deserialize(log).map_err(|error| unread("log", &error)))
                .collect::<Result<_, _>>()?;
            Ok(Receipt { logs, ..Receipt::default() })
        })
        .collect()
}

impl L1View for L1 {
    fn header(&self, number: u64) -> Option<&L1Header> {
        self.blocks.get(&number).map(|block| &block.header)
    }

    fn inbox(&self, block: &L1Ref) -> Option<&[InboxTx]> {
        self.blocks.get(&block.number).map(|block| block.inbox.as_slice())
    }

    fn receipts(&self, block: &L1Ref) -> Option<&[Receipt]> {
        self.asked.borrow_mut().push(block.number);
        self.blocks.get(&block.number)?.receipts.as_deref()
    }

    fn blob(&self, _block: &L1Ref, _hash: &B256) -> Option<&[u8]> {
        None
    }
}

/// A real L2 block.
struct L2Block {
    block: L2Ref,
    system: SystemConfig,
    mix_hash: B256,
    gas_limit: u64,
    transactions: Vec<Bytes>,
}

impl L2Block {
    /// Reads a block, and checks it against its own hash.
    fn read(value: &Value) -> Result<Self, Mismatch> {
        let json = BlockJson::read(value)?;
        verify::header(&json.header, json.hash).map_err(|error| unread("header", &error))?;
        let transactions = json.transactions.unwrap_or_default();
        verify::transactions(&transactions, json.header.transactions_root)
            .map_err(|error| unread("transactions", &error))?;
        let header = L2Header {
            number: json.header.number,
            hash: json.hash,
            parent_hash: json.header.parent_hash,
            timestamp: json.header.timestamp,
            gas_limit: json.header.gas_limit,
            extra_data: &json.header.extra_data,
        };
        let first = transactions.first().cloned().unwrap_or_default();
        let (block, system) =
            read_block(&header, &first).map_err(|error| unread("L1 info", &error))?;
        let (mix_hash, gas_limit) = (json.header.mix_hash, json.header.gas_limit);
        Ok(Self { block, system, mix_hash, gas_limit, transactions })
    }

    fn matches(&self, derived: &DerivedAttributes) -> Result<(), Mismatch> {
        let attributes = &derived.attributes;
        expect_eq("transactions", &self.transactions, &attributes.transactions)?;
        expect_eq("time", self.block.timestamp, attributes.timestamp)?;
        expect_eq("randomness", self.mix_hash, attributes.prev_randao)?;
        expect_eq("gas limit", self.gas_limit, attributes.gas_limit)?;
        expect_eq("block", self.block, derived.block(self.block.hash))
    }
}

/// Reads the batches of the two channels by themselves: they say which hash each block has.
fn batches(l1: &L1, config: &RollupConfig) -> Result<Vec<SingularBatch>, Mismatch> {
    let mut assembler = ChannelAssembler::default();
    let mut batches = Vec::new();
    for block in l1.blocks.values() {
        let header = &block.header.block;
        let limits = ChannelLimits {
            l1_number: header.number,
            timeout: 300,
            bank_max: u64::MAX,
            channel_max: u64::MAX,
            out_of_order: true,
        };
        for tx in &block.inbox {
            let InboxPayload::Calldata(data) = &tx.payload else { continue };
            for frame in parse_frames(data).map_err(|error| unread("frames", &error))? {
                let Ok(Some(pieces)) = assembler.ingest(frame, &limits) else { continue };
                let mut reader = ChannelReader::open(&pieces, config, header.timestamp)
                    .map_err(|error| unread("channel", &error))?;
                while let ReadBatch::Batch(Batch::Singular(batch)) = reader.next_batch() {
                    batches.push(batch);
                }
            }
        }
    }
    Ok(batches)
}

fn derive(file: &File, value: &Value) -> Result<(), Mismatch> {
    let missing = |name: &str| Mismatch::new("file beside", name, "none");
    let config_file = file
        .other(|name| name == "registry/configs/mainnet/op.toml")
        .ok_or_else(|| missing("op.toml"))?;
    let config = registry::chain(&config_file)?;
    let mut l1 = L1::read(value)?;
    let l2_file = file.other(|name| name == L2_FILE).ok_or_else(|| missing(L2_FILE))?;
    let l2: Value =
        serde_json::from_slice(&l2_file.bytes).map_err(|error| unread(L2_FILE, &error))?;
    let blocks = l2.get("l2").and_then(Value::as_array).cloned().unwrap_or_default();
    let blocks: Vec<L2Block> = blocks
        .iter()
        .map(|item| L2Block::read(item.get("block").unwrap_or(&Value::Null)))
        .collect::<Result<_, _>>()?;

    let batches = batches(&l1, &config)?;
    expect_eq("batches", BLOCKS, batches.len())?;
    let start = begin(&mut l1, &batches, &blocks)?;
    let known: BTreeMap<u64, &L2Block> =
        blocks.iter().map(|block| (block.block.timestamp, block)).collect();
    let derived = run(Pipeline::new(Arc::new(config), &start), &l1, &batches)?;
    expect_eq("derived blocks", BLOCKS, derived.len())?;
    let mut real = 0;
    for attributes in &derived {
        if let Some(block) = known.get(&attributes.attributes.timestamp) {
            block.matches(attributes)?;
            real += 1;
        }
    }
    expect_eq("real blocks compared", blocks.len(), real)?;
    let users: usize = derived.iter().map(|d| d.attributes.transactions.len() - d.deposits).sum();
    expect_eq("user transactions", TRANSACTIONS, users)?;
    for (attributes, batch) in derived.iter().zip(&batches) {
        let info = L1Info::of_tx(&attributes.attributes.transactions[0])
            .map_err(|error| unread("L1 info", &error))?;
        let epoch = BlockNumHash { number: batch.epoch_number, hash: batch.epoch_hash };
        expect_eq("epoch", epoch, info.origin)?;
    }
    Ok(())
}

/// Begins before the first batch. The epochs of the first blocks lie before the file's L1 blocks: of those what the batches say, number
/// and hash, is all there is, and all that is compared behind them.
fn begin(l1: &mut L1, batches: &[SingularBatch], blocks: &[L2Block]) -> Result<Start, Mismatch> {
    let missing = || Mismatch::new("start", "a batch and a real block", "none");
    let (first, real) = (batches.first().ok_or_else(missing)?, blocks.first().ok_or_else(missing)?);
    let known = *l1.blocks.keys().next().ok_or_else(missing)?;
    let mut parent_hash = B256::ZERO;
    for batch in batches.iter().filter(|batch| batch.epoch_number < known) {
        let (number, hash) = (batch.epoch_number, batch.epoch_hash);
        if l1.blocks.contains_key(&number) {
            continue;
        }
        let block = L1Ref { number, hash, parent_hash, timestamp: batch.timestamp };
        let header = L1Header { block, ..L1Header::default() };
        l1.blocks.insert(number, L1Block { header, inbox: Vec::new(), receipts: None });
        parent_hash = hash;
    }
    let base = l1.blocks.values().next().map(|block| block.header.block).ok_or_else(missing)?;
    let back = (real.block.timestamp - first.timestamp) / 2 + 1;
    let safe = L2Ref {
        number: real.block.number - back,
        hash: first.parent_hash,
        parent_hash: B256::ZERO,
        timestamp: first.timestamp - 2,
        l1_origin: base.id(),
        sequence_number: 0,
    };
    Ok(Start { base, base_system: real.system, safe, safe_system: real.system })
}

/// Drives a pipeline to the end of the L1 blocks, telling it the hashes that the batches say.
fn run(
    mut pipeline: Pipeline,
    l1: &L1,
    batches: &[SingularBatch],
) -> Result<Vec<DerivedAttributes>, Mismatch> {
    let mut derived = Vec::new();
    let hash_of =
        |index: usize| batches.get(index + 1).map_or(B256::repeat_byte(1), |next| next.parent_hash);
    let last = l1.blocks.keys().last().copied().unwrap_or_default();
    loop {
        match pipeline.poll(l1, &NoBlocks).map_err(|error| unread("derivation", &error))? {
            Step::Attributes(attributes) => {
                pipeline
                    .confirm(hash_of(derived.len()))
                    .map_err(|error| unread("confirm", &error))?;
                derived.push(Arc::unwrap_or_clone(attributes));
            }
            Step::Advanced { .. } => {}
            Step::NeedL1(Need::Header { number }) if number == last + 1 => {
                let stats = pipeline.stats();
                expect_eq("batches dropped", 0, stats.dropped_batches.len())?;
                let asked = l1.asked.borrow();
                expect_eq("blocks whose receipts were asked for", true, asked.len() <= 3)?;
                return Ok(derived);
            }
            other => return Err(Mismatch::new("step", "attributes or the end", other)),
        }
    }
}
