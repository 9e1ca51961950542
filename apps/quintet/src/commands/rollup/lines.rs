//! The lines a derivation prints: one JSON object each.

use alloy_primitives::{B256, Bytes};
use quintet_rollup_node::derive::DerivedBlock;
use quintet_rollup_protocol::{pipeline::Stats, refs::L2Ref};
use serde::Serialize;

/// A block by number and hash; the hash is null where it is not known.
#[derive(Debug, Serialize)]
pub(super) struct Named {
    number: u64,
    hash: Option<B256>,
}

impl Named {
    pub(super) fn new(number: u64, hash: B256) -> Self {
        Self { number, hash: known(hash) }
    }

    pub(super) fn l2(block: &L2Ref) -> Self {
        Self::new(block.number, block.hash)
    }
}

fn known(hash: B256) -> Option<B256> {
    Some(hash).filter(|hash| !hash.is_zero())
}

/// A line.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub(super) enum Line<'a> {
    /// A block of the safe chain.
    Block {
        number: u64,
        hash: Option<B256>,
        parent_hash: Option<B256>,
        timestamp: u64,
        l1_origin: Named,
        sequence_number: u64,
        /// The L1 block that completed what it was derived from.
        derived_from: Named,
        gas_limit: u64,
        deposits: usize,
        transaction_count: usize,
        transactions_root: B256,
        #[serde(skip_serializing_if = "Option::is_none")]
        transactions: Option<&'a [Bytes]>,
        deposits_only: bool,
        consolidated: bool,
    },
    /// A block that cannot be.
    Invalid { number: u64, reason: &'a str },
    /// Blocks above the safe one are taken back.
    Reset { reason: &'a str, safe: Named, l1: Named },
    /// A block that is final.
    Finalized { number: u64, hash: Option<B256> },
    /// Nothing follows.
    End { safe: Named, l1: Named, blocks: u64, seconds: f64, stopped: bool, stats: Counters },
}

/// What went through.
#[derive(Debug, Serialize)]
pub(super) struct Counters {
    l1_blocks: u64,
    receipts: u64,
    batcher_transactions: u64,
    blobs: u64,
    frames: u64,
    channels: u64,
    batches: u64,
    dropped_batches: u64,
}

impl Counters {
    pub(super) fn new(stats: &Stats) -> Self {
        Self {
            l1_blocks: stats.l1_blocks,
            receipts: stats.receipts,
            batcher_transactions: stats.transactions,
            blobs: stats.blobs,
            frames: stats.frames,
            channels: stats.channels,
            batches: stats.batches,
            dropped_batches: stats.dropped_batches.values().sum(),
        }
    }
}

impl<'a> Line<'a> {
    /// Tells of a final block.
    pub(super) fn finalized(block: &L2Ref) -> Self {
        Self::Finalized { number: block.number, hash: known(block.hash) }
    }

    /// Tells of a block.
    pub(super) fn block(derived: &'a DerivedBlock, with_transactions: bool) -> Self {
        let DerivedBlock { attributes, block, is_consolidated } = derived;
        let transactions = &attributes.attributes.transactions;
        Self::Block {
            number: block.number,
            hash: known(block.hash),
            parent_hash: known(block.parent_hash),
            timestamp: block.timestamp,
            l1_origin: Named::new(block.l1_origin.number, block.l1_origin.hash),
            sequence_number: block.sequence_number,
            derived_from: Named::new(attributes.derived_from.number, attributes.derived_from.hash),
            gas_limit: attributes.attributes.gas_limit,
            deposits: attributes.deposits,
            transaction_count: transactions.len(),
            transactions_root: quintet_eth::trie::ordered_root(transactions),
            transactions: with_transactions.then_some(transactions),
            deposits_only: attributes.is_deposits_only,
            consolidated: *is_consolidated,
        }
    }
}
