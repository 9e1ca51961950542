//! What to pay: fee history, and a tip from what the last blocks took.
//!
//! **Spec:** go-ethereum's `eth/gasprice/{gasprice,feehistory}.go`.

use std::sync::{Mutex, PoisonError};

use alloy_consensus::Header;
use alloy_eips::eip4844::DATA_GAS_PER_BLOB;
use alloy_primitives::B256;
use quintet_eth_chain::{BlockTag, ChainReader};
use quintet_evm::header::blobs::price_of;
use serde_json::{Value, json};

use crate::{
    args::BlockId,
    config::EthRpcConfig,
    error::{EthError, EthResult},
    json::quantity,
    node::Named as _,
    pool::next_block,
};

/// Blocks looked at for a tip.
const TIP_BLOCKS: u64 = 20;
/// Transactions taken of each, the cheapest first.
const TIP_SAMPLES: usize = 3;
/// Which of the samples is the tip, in percent.
const TIP_PERCENTILE: usize = 60;
/// Samples cheaper than this are no offers, in wei.
const TIP_IGNORED: u128 = 2;

/// Remembers the tip of the head.
#[derive(Debug, Default)]
pub(crate) struct TipOracle {
    last: Mutex<Option<(B256, u128)>>,
}

impl TipOracle {
    /// Returns a tip that the last blocks would have taken.
    pub(crate) fn suggest(&self, reader: &ChainReader, config: &EthRpcConfig) -> EthResult<u128> {
        let head = reader.head();
        let last = *self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let before = match last {
            Some((hash, tip)) if hash == head.hash => return Ok(tip),
            Some((_, tip)) => tip,
            None => u128::from(config.tip_default),
        };
        let mut samples = Vec::new();
        let first = head.number.saturating_sub(TIP_BLOCKS - 1).max(1);
        for number in (first..=head.number).rev() {
            let Some(hash) = reader.canonical_hash(number)? else { break };
            // A node that prunes has fewer to look at.
            let Ok(Some(block)) = reader.block(hash) else { break };
            let base_fee = block.header().base_fee_per_gas.unwrap_or_default();
            let beneficiary = block.header().beneficiary;
            let mut tips: Vec<_> = block
                .transactions()
                .iter()
                .zip(&block.senders)
                .filter(|(_, sender)| **sender != beneficiary)
                .filter_map(|(one, _)| one.as_transaction().effective_tip_per_gas(base_fee))
                .filter(|tip| *tip >= TIP_IGNORED)
                .collect();
            tips.sort_unstable();
            tips.truncate(TIP_SAMPLES);
            if tips.is_empty() {
                tips.push(before);
            }
            samples.append(&mut tips);
        }
        samples.sort_unstable();
        let at = samples.len().saturating_sub(1) * TIP_PERCENTILE / 100;
        let tip = samples.get(at).copied().unwrap_or(before).min(u128::from(config.tip_max));
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some((head.hash, tip));
        Ok(tip)
    }
}

/// Fees of the blocks up to one.
pub(crate) fn history(
    reader: &ChainReader,
    config: &EthRpcConfig,
    blocks: u64,
    newest: BlockId,
    percentiles: &[f64],
) -> EthResult<Value> {
    check_percentiles(config, percentiles)?;
    let at = match newest {
        BlockId::Number(number) if number > reader.head().number => {
            let head = reader.head().number;
            return Err(EthError::server(format!(
                "request beyond head block: requested {number}, head {head}"
            )));
        }
        other => reader.needed(other)?,
    };
    let blocks = blocks.min(config.fee_history_blocks_max).min(at.number + 1);
    if blocks == 0 {
        return Ok(json!({ "oldestBlock": "0x0", "gasUsedRatio": null }));
    }
    let oldest = at.number + 1 - blocks;
    let mut out = Columns::default();
    let mut last = None;
    for number in oldest..=at.number {
        let hash = reader.resolve(BlockTag::Number(number))?.hash;
        let header = reader.header(hash)?.ok_or_else(|| EthError::server("header not found"))?;
        out.add(reader, &header, hash, percentiles)?;
        last = Some(header);
    }
    if let Some(header) = last {
        let next = next_block(reader, &header)?;
        out.base_fees.push(quantity(next.base_fee.unwrap_or_default()));
        let blob_fee = if header.excess_blob_gas.is_some() { next.blob_fee } else { 0 };
        out.blob_fees.push(quantity(blob_fee));
    }
    let mut answer = crate::json::fields(json!({
        "oldestBlock": quantity(oldest),
        "baseFeePerGas": out.base_fees,
        "gasUsedRatio": out.gas_ratios,
        "baseFeePerBlobGas": out.blob_fees,
        "blobGasUsedRatio": out.blob_ratios,
    }));
    if !percentiles.is_empty() {
        answer.insert("reward".to_owned(), Value::Array(out.rewards));
    }
    Ok(Value::Object(answer))
}

fn check_percentiles(config: &EthRpcConfig, percentiles: &[f64]) -> EthResult<()> {
    if percentiles.len() > config.percentiles_max {
        let most = config.percentiles_max;
        return Err(EthError::server(format!(
            "invalid reward percentile: over the query limit {most}"
        )));
    }
    let mut before = None;
    for (index, one) in percentiles.iter().enumerate() {
        if !(0.0..=100.0).contains(one) {
            return Err(EthError::server(format!("invalid reward percentile: {one:.6}")));
        }
        if let Some(before) = before
            && *one <= before
        {
            let at = index - 1;
            return Err(EthError::server(format!(
                "invalid reward percentile: #{at}:{before:.6} >= #{index}:{one:.6}"
            )));
        }
        before = Some(*one);
    }
    Ok(())
}

/// A row for each block.
#[derive(Debug, Default)]
struct Columns {
    base_fees: Vec<Value>,
    gas_ratios: Vec<f64>,
    blob_fees: Vec<Value>,
    blob_ratios: Vec<f64>,
    rewards: Vec<Value>,
}

impl Columns {
    fn add(
        &mut self,
        reader: &ChainReader,
        header: &Header,
        hash: B256,
        percentiles: &[f64],
    ) -> EthResult<()> {
        self.base_fees.push(quantity(header.base_fee_per_gas.unwrap_or_default()));
        self.gas_ratios.push(ratio(header.gas_used, header.gas_limit));
        let blobs = reader.rules_of(header)?.blobs;
        let fee = match (&blobs, header.excess_blob_gas) {
            (Some(blobs), Some(excess)) => price_of(blobs, excess),
            _ => 0,
        };
        self.blob_fees.push(quantity(fee));
        let most = blobs.map_or(0, |blobs| blobs.max_blob_count * DATA_GAS_PER_BLOB);
        self.blob_ratios.push(ratio(header.blob_gas_used.unwrap_or_default(), most));
        if !percentiles.is_empty() {
            self.rewards.push(rewards(reader, hash, percentiles)?);
        }
        Ok(())
    }
}

#[expect(clippy::cast_precision_loss, reason = "a ratio for people to look at")]
fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// Tips that the given parts of a block's gas paid at most.
fn rewards(reader: &ChainReader, hash: B256, percentiles: &[f64]) -> EthResult<Value> {
    let Some((block, receipts)) = reader.block_with_receipts(hash)? else {
        return Err(EthError::server("header not found"));
    };
    let base_fee = block.header().base_fee_per_gas.unwrap_or_default();
    let mut tips: Vec<(u128, u64)> = block
        .transactions()
        .iter()
        .zip(receipts.iter())
        .map(|(one, receipt)| {
            let tip = one.as_transaction().effective_tip_per_gas(base_fee).unwrap_or_default();
            (tip, receipt.gas_used)
        })
        .collect();
    tips.sort_by_key(|(tip, _)| *tip);
    let gas_used = block.header().gas_used;
    let (mut at, mut sum) = (0, tips.first().map_or(0, |(_, gas)| *gas));
    let mut row = Vec::with_capacity(percentiles.len());
    for percentile in percentiles {
        let threshold = part_of(gas_used, *percentile);
        while sum < threshold && at + 1 < tips.len() {
            at += 1;
            sum += tips.get(at).map_or(0, |(_, gas)| *gas);
        }
        row.push(quantity(tips.get(at).map_or(0, |(tip, _)| *tip)));
    }
    Ok(Value::Array(row))
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a percentile is between 0 and 100, gas far below 2^52"
)]
fn part_of(whole: u64, percent: f64) -> u64 {
    (whole as f64 * percent / 100.0) as u64
}
