//! Real channels of OP Mainnet, in memory, for both sides.

use std::{collections::HashMap, fs, io::Read, path::Path, sync::Arc};

use alloy_consensus_reference::{Eip658Value, Header, Receipt, TxEnvelope};
use alloy_eips_reference::eip2718::Encodable2718;
use alloy_primitives::{B256, Bytes, Log, hex};
use anyhow::{Context, Result};
use quintet_rollup_protocol::{
    batch::{Batch, SingularBatch, SpanBatch},
    channel::{ChannelAssembler, ChannelLimits, ChannelReader, ReadBatch},
    config::RollupConfig,
    encode::{frames_of, transaction_of},
    frame::{ChannelId, parse_frames},
    inbox::{InboxPayload, scan::scan},
    refs::{L1Ref, L2Ref},
    system::SystemConfig,
    view::L1Header,
};
use serde::Deserialize;
use serde_json::Value;

use crate::chain::Chain;

/// An L1 block in both libraries' words.
#[derive(Debug, Clone)]
pub struct FixtureBlock {
    /// The block.
    pub block: L1Ref,
    /// The reference's header.
    pub header: Header,
    /// Our header.
    pub ours: L1Header,
    /// Transactions, decoded.
    pub decoded: Vec<TxEnvelope>,
    /// Transactions, as they lie in the block.
    pub raw: Vec<Bytes>,
    /// The reference's receipts.
    pub receipts: Vec<Receipt>,
    /// Our receipts.
    pub our_receipts: Vec<alloy_consensus::Receipt>,
    /// Data handed over without a transaction, where the fixture has no transactions.
    pub data: Vec<Bytes>,
}

/// Channels with what surrounds them.
#[derive(Debug, Clone)]
pub struct Fixture {
    /// OP Mainnet.
    pub chain: Chain,
    /// L1 blocks, consecutive.
    pub blocks: Vec<FixtureBlock>,
    /// Places of the blocks by hash.
    pub by_hash: HashMap<B256, usize>,
    /// The block before the first derived one.
    pub safe: L2Ref,
    /// What it records.
    pub system: SystemConfig,
    /// Hashes of the blocks that are derived, in their order.
    pub hashes: Vec<B256>,
}

fn text(path: &Path) -> Result<String> {
    let file = fs::File::open(path).with_context(|| format!("{}", path.display()))?;
    let mut text = String::new();
    if path.extension().is_some_and(|extension| extension == "gz") {
        flate2::read::GzDecoder::new(file).read_to_string(&mut text)?;
    } else {
        std::io::BufReader::new(file).read_to_string(&mut text)?;
    }
    Ok(text)
}

/// OP Mainnet as both sides read it.
fn mainnet() -> Result<Chain> {
    Chain::read(&serde_json::json!({
        "genesis": {
            "l1": { "number": 17_422_590, "hash": "0x438335a20d98863a4c0c97999eb2481921ccd28553eac6f913af7c12aec04108" },
            "l2": { "number": 105_235_063, "hash": "0xdbf6a80fef073de06add9b0d14026d6e5a86c85f6d102c36d3d8e9cf89c2afd3" },
            "l2_time": 1_686_068_903,
            "system_config": {
                "batcherAddr": "0x6887246668a3b87F54DeB3b94Ba47a6f63F32985",
                "overhead": "0xbc", "scalar": "0xa6fe0", "gasLimit": 30_000_000,
            },
        },
        "block_time": 2, "max_sequencer_drift": 600, "seq_window_size": 3600, "channel_timeout": 300,
        "l1_chain_id": 1, "l2_chain_id": 10, "regolith_time": 0, "canyon_time": 1_704_992_401,
        "delta_time": 1_708_560_000, "ecotone_time": 1_710_374_401, "fjord_time": 1_720_627_201,
        "batch_inbox_address": "0xFF00000000000000000000000000000000000010",
        "deposit_contract_address": "0xbEb5Fc579115071764c7423A4f12eDde41f106Ed",
        "l1_system_config_address": "0x229047fed2591dbec1eF1118d64F7aF3dB9EB290",
        "protocol_versions_address": "0x8062AbC286f5e7D9428a0Ccb9AbD71e50d93b935",
    }))
}

fn finish(chain: Chain, blocks: Vec<FixtureBlock>, safe: L2Ref, hashes: Vec<B256>) -> Fixture {
    let by_hash = blocks.iter().enumerate().map(|(index, b)| (b.block.hash, index)).collect();
    let system = chain.ours.genesis.system_config;
    Fixture { chain, blocks, by_hash, safe, system, hashes }
}

/// Returns the 14 real L1 blocks as they were recorded, with their transactions.
///
/// # Errors
///
/// If the vectors are not there or not what they were.
pub fn recorded_blocks(vectors: &Path) -> Result<Vec<Value>> {
    let json = text(&vectors.join("derive/op-mainnet-l1-18090205-18090218.json.gz"))?;
    let json: Value = serde_json::from_str(&json)?;
    let list = json["l1"].as_array().context("a list of L1 blocks")?;
    Ok(list.iter().map(|item| item["block"].clone()).collect())
}

/// Two channels of singular batches: 123 blocks, from 14 real L1 blocks.
///
/// # Errors
///
/// If the vectors are not there or not what they were.
pub fn singular(vectors: &Path) -> Result<Fixture> {
    let chain = mainnet()?;
    let json = text(&vectors.join("derive/op-mainnet-l1-18090205-18090218.json.gz"))?;
    let json: Value = serde_json::from_str(&json)?;
    let list = json["l1"].as_array().context("a list of L1 blocks")?;
    let blocks = list.iter().map(real_block).collect::<Result<Vec<_>>>()?;
    let batches = batches(&chain.ours, &blocks)?;
    let first = batches.first().context("a batch")?;
    let blocks = with_epochs(blocks, &batches);
    let safe = L2Ref {
        number: (first.timestamp - 2 - 1_686_068_903) / 2 + 105_235_063,
        hash: first.parent_hash,
        parent_hash: B256::ZERO,
        timestamp: first.timestamp - 2,
        l1_origin: blocks[0].block.id(),
        sequence_number: 0,
    };
    let mut hashes: Vec<_> = batches.iter().skip(1).map(|batch| batch.parent_hash).collect();
    hashes.push(B256::repeat_byte(1));
    Ok(finish(chain, blocks, safe, hashes))
}

/// Puts before the real blocks those epochs of which the batches say number and hash.
fn with_epochs(real: Vec<FixtureBlock>, batches: &[SingularBatch]) -> Vec<FixtureBlock> {
    let known = real.first().map_or(0, |block| block.block.number);
    let mut blocks: Vec<FixtureBlock> = Vec::new();
    for batch in batches.iter().filter(|batch| batch.epoch_number < known) {
        if blocks.last().is_some_and(|last| last.block.number == batch.epoch_number) {
            continue;
        }
        let header = Header {
            number: batch.epoch_number,
            parent_hash: blocks.last().map(|last| last.block.hash).unwrap_or_default(),
            timestamp: batch.timestamp,
            base_fee_per_gas: Some(7),
            ..Header::default()
        };
        blocks.push(block(header, batch.epoch_hash, vec![], vec![], vec![], vec![]));
    }
    blocks.extend(real);
    blocks
}

fn real_block(item: &Value) -> Result<FixtureBlock> {
    let json = &item["block"];
    let header = Header::deserialize(json)?;
    let hash = B256::deserialize(&json["hash"])?;
    let list = json["transactions"].as_array().context("transactions")?;
    let decoded = list.iter().map(TxEnvelope::deserialize).collect::<Result<Vec<_>, _>>()?;
    let raw = decoded.iter().map(|tx| tx.encoded_2718().into()).collect();
    let receipts = item["receipts"].as_array().cloned().unwrap_or_default();
    let logs = |receipt: &Value| -> Result<Vec<Log>> {
        let logs = receipt["logs"].as_array().cloned().unwrap_or_default();
        Ok(logs.iter().map(Log::deserialize).collect::<Result<_, _>>()?)
    };
    let logs = receipts.iter().map(logs).collect::<Result<Vec<_>>>()?;
    Ok(block(header, hash, decoded, raw, logs, Vec::new()))
}

fn block(
    header: Header,
    hash: B256,
    decoded: Vec<TxEnvelope>,
    raw: Vec<Bytes>,
    logs: Vec<Vec<Log>>,
    data: Vec<Bytes>,
) -> FixtureBlock {
    let block = L1Ref {
        number: header.number,
        hash,
        parent_hash: header.parent_hash,
        timestamp: header.timestamp,
    };
    let ours = L1Header {
        block,
        base_fee: header.base_fee_per_gas.unwrap_or_default(),
        prev_randao: header.mix_hash,
        parent_beacon_root: header.parent_beacon_block_root,
        excess_blob_gas: header.excess_blob_gas,
        logs_bloom: header.logs_bloom,
    };
    let status = Eip658Value::Eip658(true);
    let receipts = logs
        .iter()
        .map(|logs| Receipt { status, cumulative_gas_used: 0, logs: logs.clone() })
        .collect();
    let our_receipts = logs
        .into_iter()
        .map(|logs| alloy_consensus::Receipt { logs, ..Default::default() })
        .collect();
    FixtureBlock { block, header, ours, decoded, raw, receipts, our_receipts, data }
}

fn batches(config: &RollupConfig, blocks: &[FixtureBlock]) -> Result<Vec<SingularBatch>> {
    let mut assembler = ChannelAssembler::default();
    let mut batches = Vec::new();
    for block in blocks {
        let limits = ChannelLimits {
            l1_number: block.block.number,
            timeout: 300,
            bank_max: u64::MAX,
            channel_max: u64::MAX,
            out_of_order: true,
        };
        for tx in scan(&block.raw, config.batch_inbox) {
            let InboxPayload::Calldata(data) = tx.payload else { continue };
            for frame in parse_frames(&data)? {
                let Ok(Some(pieces)) = assembler.ingest(frame, &limits) else { continue };
                let mut reader = ChannelReader::open(&pieces, config, block.block.timestamp)?;
                while let ReadBatch::Batch(Batch::Singular(batch)) = reader.next_batch() {
                    batches.push(batch);
                }
            }
        }
    }
    Ok(batches)
}

/// One channel with a span of 143 blocks, on an L1 made for it: its real one is not among the vectors.
///
/// # Errors
///
/// If the vectors are not there or not what they were.
pub fn span(vectors: &Path) -> Result<Fixture> {
    let chain = mainnet()?;
    let channel = Bytes::from(hex::decode(text(&vectors.join("derive/batch.hex.gz"))?.trim())?);
    let mut reader = ChannelReader::open(&[channel.clone()], &chain.ours, 1_718_352_000)?;
    let ReadBatch::Batch(Batch::Span(span)) = reader.next_batch() else {
        anyhow::bail!("expected a span");
    };
    let padded = |check: [u8; 20]| {
        let mut hash = B256::ZERO;
        hash[..20].copy_from_slice(&check);
        hash
    };
    let first = span.epoch(0) - 1;
    let last = span.last_epoch();
    let hash = |number: u64| {
        if number == last {
            padded(span.l1_origin_check)
        } else {
            B256::from(alloy_primitives::U256::from(number))
        }
    };
    let start = span.timestamp(0, &chain.ours);
    let time = |number: u64| time_of(&span, &chain.ours, number, start);
    let frames = frames_of(channel, ChannelId([7; 16]), 130_000);
    let made = (first..=last + 1).map(|number| {
        let header = Header {
            number,
            parent_hash: hash(number - 1),
            timestamp: time(number),
            base_fee_per_gas: Some(7),
            excess_blob_gas: Some(0),
            parent_beacon_block_root: Some(B256::repeat_byte(5)),
            ..Header::default()
        };
        // As five blobs would carry it, but for their packing.
        let data = frames.iter().filter(|_| number == last + 1);
        let data = data.map(|frame| transaction_of(std::slice::from_ref(frame))).collect();
        block(header, hash(number), vec![], vec![], vec![], data)
    });
    let blocks: Vec<_> = made.collect();
    let safe = L2Ref {
        number: (start - 2 - 1_686_068_903) / 2 + 105_235_063,
        hash: padded(span.parent_check),
        parent_hash: B256::ZERO,
        timestamp: start - 2,
        l1_origin: blocks[usize::from(span.epoch(0) != first + 1)].block.id(),
        sequence_number: 0,
    };
    let hashes =
        (0..span.block_count()).map(|i| B256::from(alloy_primitives::U256::from(i + 1))).collect();
    Ok(finish(chain, blocks, safe, hashes))
}

fn time_of(span: &SpanBatch, config: &RollupConfig, number: u64, start: u64) -> u64 {
    let block = (0..span.block_count()).find(|index| span.epoch(*index) == number);
    match block {
        Some(index) => span.timestamp(index, config),
        None if number < span.epoch(0) => start - 12,
        None => span.timestamp(span.block_count() - 1, config) + 12,
    }
}

impl Fixture {
    /// Returns the block of a hash.
    #[must_use]
    pub fn by_hash(&self, hash: &B256) -> Option<&FixtureBlock> {
        self.blocks.get(*self.by_hash.get(hash)?)
    }

    /// Returns the block of a number.
    #[must_use]
    pub fn by_number(&self, number: u64) -> Option<&FixtureBlock> {
        let first = self.blocks.first()?.block.number;
        self.blocks.get(usize::try_from(number.checked_sub(first)?).ok()?)
    }

    /// Shares it.
    #[must_use]
    pub fn shared(self) -> Arc<Self> {
        Arc::new(self)
    }
}
