//! Writing a span: back from its columns, or from blocks.

use alloy_consensus::Transaction;
use alloy_eips::eip2718::Decodable2718;
use alloy_primitives::{B256, Bytes, U256};
use alloy_rlp::Encodable;
use op_alloy_consensus::OpTxEnvelope;
use thiserror::Error;

use super::{SpanBatch, bits, columns::Columns};
use crate::{
    batch::{SPAN_BATCH, SingularBatch},
    config::RollupConfig,
    rlp::write_list_header,
};

/// Why blocks make no span.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SpanError {
    /// There is no block.
    #[error("span: expected at least one block")]
    Empty,
    /// Times are not one block time apart, or before genesis.
    #[error("span: expected a block at time {expected}, got {actual}")]
    Timestamp {
        /// The time that comes next.
        expected: u64,
        /// The block's time.
        actual: u64,
    },
    /// Origins that do not advance by none or one.
    #[error("span: expected L1 origin {expected} or the next, got {actual}")]
    Origin {
        /// The origin of the block before.
        expected: u64,
        /// The block's origin.
        actual: u64,
    },
    /// A transaction that cannot be read, or of a type spans do not carry.
    #[error(
        "span, transaction {index}: expected a signed transaction of type 0, 1, 2 or 4: {reason}"
    )]
    Tx {
        /// Which transaction.
        index: usize,
        /// What is wrong.
        reason: String,
    },
    /// A transaction of another chain.
    #[error("span, transaction {index}: expected chain id {expected}, got {actual}")]
    ChainId {
        /// Which transaction.
        index: usize,
        /// This chain.
        expected: u64,
        /// The transaction's chain.
        actual: u64,
    },
}

fn write_varint(mut value: u64, out: &mut Vec<u8>) {
    loop {
        let low = u8::try_from(value & 0x7f).unwrap_or_default();
        value >>= 7;
        out.push(if value == 0 { low } else { low | 0x80 });
        if value == 0 {
            return;
        }
    }
}

/// Appends a span as it was decoded.
pub(super) fn encode(span: &SpanBatch, out: &mut Vec<u8>) {
    let Columns { bytes, origin_bits, creation_bits, parity_bits, signatures, .. } = &span.columns;
    out.push(SPAN_BATCH);
    write_varint(span.rel_timestamp, out);
    write_varint(span.l1_origin_num, out);
    out.extend_from_slice(&span.parent_check);
    out.extend_from_slice(&span.l1_origin_check);
    write_varint(span.block_count() as u64, out);
    out.extend_from_slice(&bytes[origin_bits.clone()]);
    (0..span.block_count()).for_each(|index| write_varint(span.block_tx_count(index) as u64, out));
    for column in [creation_bits, parity_bits, signatures, &span.columns.destinations] {
        out.extend_from_slice(&bytes[column.clone()]);
    }
    for tx in &span.columns.txs {
        out.extend_from_slice(&bytes[tx.data as usize..tx.end as usize]);
    }
    span.columns.txs.iter().for_each(|tx| write_varint(tx.nonce, out));
    span.columns.txs.iter().for_each(|tx| write_varint(tx.gas, out));
    out.extend_from_slice(&bytes[span.columns.protected_bits.clone()]);
}

/// Collects blocks and writes them as a span.
#[derive(Debug, Default)]
pub struct SpanBuilder {
    prefix: Option<(u64, B256)>,
    last: Option<(u64, u64, B256)>,
    origin_bits: Vec<bool>,
    tx_counts: Vec<u64>,
    creations: Vec<bool>,
    parities: Vec<bool>,
    protected: Vec<bool>,
    signatures: Vec<u8>,
    destinations: Vec<u8>,
    data: Vec<u8>,
    nonces: Vec<u64>,
    gases: Vec<u64>,
}

impl SpanBuilder {
    /// Adds a block. `first_of_epoch` counts for the first block alone: whether it begins its epoch.
    ///
    /// # Errors
    ///
    /// [`SpanError`] if it does not follow the block before it or holds what spans do not carry. The builder is then
    /// of no more use.
    pub fn push(
        &mut self,
        block: &SingularBatch,
        first_of_epoch: bool,
        config: &RollupConfig,
    ) -> Result<(), SpanError> {
        let bit = match self.last {
            None if block.timestamp < config.genesis.l2_time => {
                let (expected, actual) = (config.genesis.l2_time, block.timestamp);
                return Err(SpanError::Timestamp { expected, actual });
            }
            None => {
                self.prefix = Some((block.timestamp - config.genesis.l2_time, block.parent_hash));
                first_of_epoch
            }
            Some((time, origin, _)) => {
                let expected = time.saturating_add(config.block_time);
                if block.timestamp != expected {
                    return Err(SpanError::Timestamp { expected, actual: block.timestamp });
                }
                match block.epoch_number.checked_sub(origin) {
                    Some(step @ (0 | 1)) => step == 1,
                    _ => {
                        return Err(SpanError::Origin {
                            expected: origin,
                            actual: block.epoch_number,
                        });
                    }
                }
            }
        };
        self.last = Some((block.timestamp, block.epoch_number, block.epoch_hash));
        self.origin_bits.push(bit);
        self.tx_counts.push(block.transactions.len() as u64);
        block.transactions.iter().try_for_each(|tx| self.push_tx(tx, config.l2_chain_id))
    }

    fn push_tx(&mut self, raw: &Bytes, chain_id: u64) -> Result<(), SpanError> {
        let index = self.nonces.len();
        let unfit = |reason: &str| SpanError::Tx { index, reason: reason.to_owned() };
        let tx = OpTxEnvelope::decode_2718_exact(raw).map_err(|error| unfit(&error.to_string()))?;
        let signature = tx.signature().ok_or_else(|| unfit("a deposit is not signed"))?;
        if let Some(actual) = tx.chain_id().filter(|actual| *actual != chain_id) {
            return Err(SpanError::ChainId { index, expected: chain_id, actual });
        }
        let mut fields = Vec::new();
        let mut kind = None;
        tx.value().encode(&mut fields);
        match &tx {
            OpTxEnvelope::Legacy(signed) => {
                signed.tx().gas_price.encode(&mut fields);
                self.protected.push(signed.tx().chain_id.is_some());
            }
            OpTxEnvelope::Eip2930(signed) => {
                kind = Some(1);
                signed.tx().gas_price.encode(&mut fields);
            }
            OpTxEnvelope::Eip1559(signed) => {
                kind = Some(2);
                signed.tx().max_priority_fee_per_gas.encode(&mut fields);
                signed.tx().max_fee_per_gas.encode(&mut fields);
            }
            OpTxEnvelope::Eip7702(signed) => {
                kind = Some(4);
                signed.tx().max_priority_fee_per_gas.encode(&mut fields);
                signed.tx().max_fee_per_gas.encode(&mut fields);
            }
            _ => return Err(unfit("its type has no place in a span")),
        }
        tx.input().as_ref().encode(&mut fields);
        if let Some(list) = tx.access_list() {
            list.encode(&mut fields);
        }
        if let Some(list) = tx.authorization_list() {
            list.to_vec().encode(&mut fields);
        }
        self.data.extend(kind);
        write_list_header(fields.len(), &mut self.data);
        self.data.extend_from_slice(&fields);
        self.creations.push(tx.to().is_none());
        self.destinations.extend(tx.to().into_iter().flatten());
        self.parities.push(signature.v());
        let word = |number: U256| number.to_be_bytes::<32>();
        self.signatures.extend(word(signature.r()));
        self.signatures.extend(word(signature.s()));
        self.nonces.push(tx.nonce());
        self.gases.push(tx.gas_limit());
        Ok(())
    }

    /// Returns how many bytes the span has by now, give or take its bit lists.
    #[must_use]
    pub fn size(&self) -> usize {
        60 + self.data.len()
            + self.signatures.len()
            + self.destinations.len()
            + 8 * self.nonces.len()
            + 2 * self.tx_counts.len()
    }

    /// Appends type and content.
    ///
    /// # Errors
    ///
    /// [`SpanError::Empty`].
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), SpanError> {
        let (Some((rel_timestamp, parent)), Some((_, origin, origin_hash))) =
            (self.prefix, self.last)
        else {
            return Err(SpanError::Empty);
        };
        out.push(SPAN_BATCH);
        write_varint(rel_timestamp, out);
        write_varint(origin, out);
        out.extend_from_slice(&parent[..20]);
        out.extend_from_slice(&origin_hash[..20]);
        write_varint(self.tx_counts.len() as u64, out);
        bits::write(&self.origin_bits, out);
        self.tx_counts.iter().for_each(|count| write_varint(*count, out));
        bits::write(&self.creations, out);
        bits::write(&self.parities, out);
        out.extend_from_slice(&self.signatures);
        out.extend_from_slice(&self.destinations);
        out.extend_from_slice(&self.data);
        self.nonces.iter().for_each(|nonce| write_varint(*nonce, out));
        self.gases.iter().for_each(|gas| write_varint(*gas, out));
        bits::write(&self.protected, out);
        Ok(())
    }
}
