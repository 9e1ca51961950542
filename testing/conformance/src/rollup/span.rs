//! `derive/batch.hex` and `derive/raw_span_batch.hex`: a real channel of 143 blocks, and a span that comes back as it was.

use std::path::Path;

use alloy_consensus::TxEnvelope;
use alloy_eips::eip2718::Decodable2718;
use alloy_primitives::Bytes;
use quintet_rollup_protocol::{
    batch::{Batch, SingularBatch, SpanBatch},
    channel::{ChannelReader, ReadBatch},
    config::RollupConfig,
    encode::ChannelBuilder,
};

use super::{own_name, registry};
use crate::{
    field::bytes,
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq},
};

pub(super) struct Spans;

/// Blocks of the channel, and the L1 origin of the last.
const CHANNEL_BLOCKS: usize = 143;
const CHANNEL_ORIGIN: u64 = 20_089_770;
/// When the channel was included: between Ecotone and Fjord.
const CHANNEL_TIME: u64 = 1_718_352_000;

impl Suite for Spans {
    fn name(&self) -> &'static str {
        "span"
    }

    fn claims(&self, name: &Path) -> bool {
        matches!(own_name(name), "batch.hex" | "raw_span_batch.hex")
    }

    fn run(&self, file: &File, report: &mut Report) {
        report.case(own_name(&file.name), || {
            // One of the two is hexadecimal, and the other bytes in spite of its name.
            let text = std::str::from_utf8(&file.bytes).map(str::trim);
            let content = match text {
                Ok(text) if text.is_ascii() && !text.is_empty() => {
                    bytes("file", text.trim_start_matches("0x"))?.into()
                }
                // Without its type.
                _ => [&[1], file.bytes.as_slice()].concat().into(),
            };
            let config = file
                .other(|name| name == "registry/configs/mainnet/op.toml")
                .ok_or_else(|| Mismatch::new("configuration", "OP Mainnet's", "none"))?;
            let config = registry::chain(&config)?;
            if own_name(&file.name) == "batch.hex" {
                channel(&content, &config)
            } else {
                raw(&content, &config)
            }
        });
    }
}

fn raw(content: &Bytes, config: &RollupConfig) -> Result<(), Mismatch> {
    let Ok(Batch::Span(span)) = Batch::decode(content) else {
        return Err(Mismatch::new("batch", "a span", Batch::decode(content).map(|_| "another")));
    };
    let mut again = Vec::new();
    span.encode(&mut again);
    expect_eq("encoded again", true, content == &again)?;
    rebuilt(&span, content, config)
}

/// Takes a span apart into blocks, and makes the same span of them.
fn rebuilt(span: &SpanBatch, content: &Bytes, config: &RollupConfig) -> Result<(), Mismatch> {
    let mut config = config.clone();
    let txs = span.transactions(0, &config);
    let named = (0..span.block_count())
        .flat_map(|index| span.transactions(index, &config))
        .find_map(|raw| {
            let tx = TxEnvelope::decode_2718_exact(&raw).ok()?;
            alloy_consensus::Transaction::chain_id(&tx)
        });
    config.l2_chain_id = named.unwrap_or(config.l2_chain_id);
    drop(txs);
    let padded = |check: [u8; 20]| {
        let mut hash = [0; 32];
        hash[..20].copy_from_slice(&check);
        hash.into()
    };
    let blocks: Vec<_> = (0..span.block_count())
        .map(|index| SingularBatch {
            parent_hash: padded(span.parent_check),
            epoch_number: span.epoch(index),
            epoch_hash: padded(span.l1_origin_check),
            timestamp: span.timestamp(index, &config),
            transactions: span.transactions(index, &config),
        })
        .collect();
    // Whether the first block begins its epoch is the one thing a span's blocks do not say.
    let made = [true, false].into_iter().any(|first| {
        let mut builder = ChannelBuilder::default();
        builder.push_span(&blocks, first, &config).is_ok() && builder.content().ends_with(content)
    });
    expect_eq("made of its blocks again", true, made)
}

fn channel(content: &Bytes, config: &RollupConfig) -> Result<(), Mismatch> {
    let pieces: Vec<_> = content.chunks(100_000).map(Bytes::copy_from_slice).collect();
    let mut reader = ChannelReader::open(&pieces, config, CHANNEL_TIME)
        .map_err(|error| Mismatch::new("channel", "inflated", error.to_string()))?;
    let span = match reader.next_batch() {
        ReadBatch::Batch(Batch::Span(span)) => span,
        other => return Err(Mismatch::new("batch", "a span", other)),
    };
    expect_eq("end", true, matches!(reader.next_batch(), ReadBatch::End))?;
    expect_eq("blocks", CHANNEL_BLOCKS, span.block_count())?;
    expect_eq("last origin", CHANNEL_ORIGIN, span.last_epoch())?;
    let mut count = 0;
    for index in 0..span.block_count() {
        for raw in span.transactions(index, config) {
            let tx = TxEnvelope::decode_2718_exact(&raw)
                .map_err(|error| Mismatch::new("transaction", "read", error.to_string()))?;
            alloy_consensus::transaction::SignerRecoverable::recover_signer(&tx)
                .map_err(|error| Mismatch::new("sender", "recovered", error.to_string()))?;
            count += 1;
        }
    }
    expect_eq("transactions", span.tx_count(), count)?;
    let mut encoded = Vec::new();
    span.encode(&mut encoded);
    rebuilt(&span, &encoded.into(), config)
}
