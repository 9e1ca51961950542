//! An L1 in memory: blocks with true hashes and roots, reorganised at will.

use std::collections::BTreeMap;

use alloy_consensus::{
    Eip658Value, Header, Receipt, TxReceipt as _,
    constants::{EMPTY_OMMER_ROOT_HASH, EMPTY_WITHDRAWALS},
    proofs::ordered_trie_root_with_encoder,
};
use alloy_primitives::{B256, Bytes, Log, U256};

use crate::l1::raw::{EncodedReceipt, encode_receipt};

/// Time of the first block, where none is asked for.
pub(super) const GENESIS_TIME: u64 = 1_000_000;
/// Seconds between blocks.
pub(super) const BLOCK_SECONDS: u64 = 6;

/// A block.
#[derive(Debug, Clone)]
pub struct MadeBlock {
    /// Its header.
    pub header: Header,
    /// Its hash.
    pub hash: B256,
    /// Its transactions, encoded.
    pub transactions: Vec<Bytes>,
    /// Its receipts, one a transaction.
    pub receipts: Vec<Receipt>,
    /// Its receipts, encoded.
    pub raw_receipts: Vec<Bytes>,
    /// Its blobs, by their versioned hashes.
    pub blobs: BTreeMap<B256, Bytes>,
}

/// An L1.
#[derive(Debug, Clone)]
pub struct MadeL1 {
    blocks: Vec<MadeBlock>,
    genesis_time: u64,
    /// What tells branches apart.
    branch: u64,
    /// How many blocks behind the newest one is final.
    finality: u64,
}

impl Default for MadeL1 {
    fn default() -> Self {
        Self::beginning_at(GENESIS_TIME)
    }
}

fn root(values: &[Bytes]) -> B256 {
    ordered_trie_root_with_encoder(values, |value, out| out.extend_from_slice(value))
}

impl MadeL1 {
    /// Makes an L1 whose first block has this time.
    #[must_use]
    pub fn beginning_at(genesis_time: u64) -> Self {
        let mut l1 = Self { blocks: Vec::new(), genesis_time, branch: 0, finality: 64 };
        l1.mine(Vec::new(), Vec::new(), BTreeMap::new());
        l1
    }

    /// Adds a block with these transactions, the logs of the first of them, and blobs.
    pub fn mine(
        &mut self,
        transactions: Vec<Bytes>,
        logs: Vec<Log>,
        blobs: BTreeMap<B256, Bytes>,
    ) -> &MadeBlock {
        let number = self.blocks.len() as u64;
        let mut logs = Some(logs);
        let receipts: Vec<_> = transactions
            .iter()
            .zip(1..)
            .map(|(_, count)| Receipt {
                status: Eip658Value::Eip658(true),
                cumulative_gas_used: 21_000 * count,
                logs: logs.take().unwrap_or_default(),
            })
            .collect();
        let kind = |tx: &Bytes| tx.first().copied().filter(|first| *first < 0xc0).unwrap_or(0);
        let raw_receipts: Vec<_> = receipts
            .iter()
            .zip(&transactions)
            .map(|(receipt, tx)| {
                encode_receipt(receipt, EncodedReceipt { kind: kind(tx), ..Default::default() })
            })
            .collect();
        let header = Header {
            parent_hash: self.blocks.last().map(|block| block.hash).unwrap_or_default(),
            ommers_hash: EMPTY_OMMER_ROOT_HASH,
            transactions_root: root(&transactions),
            receipts_root: root(&raw_receipts),
            logs_bloom: receipts.iter().fold(Default::default(), |all, one| all | one.bloom()),
            number,
            gas_limit: 30_000_000,
            timestamp: self.genesis_time + number * BLOCK_SECONDS,
            mix_hash: B256::from(U256::from(number + 7 + self.branch * 1_000_000)),
            base_fee_per_gas: Some(7),
            withdrawals_root: Some(EMPTY_WITHDRAWALS),
            blob_gas_used: Some(0),
            excess_blob_gas: Some(0),
            parent_beacon_block_root: Some(B256::repeat_byte(5)),
            ..Header::default()
        };
        let hash = header.hash_slow();
        self.blocks.push(MadeBlock { header, hash, transactions, receipts, raw_receipts, blobs });
        &self.blocks[self.blocks.len() - 1]
    }

    /// Adds empty blocks.
    pub fn mine_empty(&mut self, count: u64) {
        for _ in 0..count {
            self.mine(Vec::new(), Vec::new(), BTreeMap::new());
        }
    }

    /// Takes the newest blocks away; what is mined next is another branch.
    pub fn reorganise(&mut self, depth: usize) {
        let kept = self.blocks.len().saturating_sub(depth).max(1);
        self.blocks.truncate(kept);
        self.branch += 1;
    }

    /// Says how many blocks behind the newest one is final.
    pub const fn set_finality(&mut self, blocks: u64) {
        self.finality = blocks;
    }

    /// Returns a block by its number.
    #[must_use]
    pub fn block(&self, number: u64) -> Option<&MadeBlock> {
        self.blocks.get(usize::try_from(number).ok()?)
    }

    /// Returns a block by its hash.
    #[must_use]
    pub fn by_hash(&self, hash: B256) -> Option<&MadeBlock> {
        self.blocks.iter().rev().find(|block| block.hash == hash)
    }

    /// Returns the newest block.
    #[must_use]
    pub fn newest(&self) -> &MadeBlock {
        &self.blocks[self.blocks.len() - 1]
    }

    /// Returns the block of a label or number of JSON-RPC.
    pub(super) fn labelled(&self, label: &str) -> Option<&MadeBlock> {
        let newest = self.newest().header.number;
        match label {
            "latest" => Some(self.newest()),
            "safe" | "finalized" => self.block(newest.saturating_sub(self.finality)),
            number => self.block(u64::from_str_radix(number.trim_start_matches("0x"), 16).ok()?),
        }
    }

    /// Returns the block of a time, for the beacon side.
    pub(super) fn at_slot(&self, slot: u64) -> Option<&MadeBlock> {
        self.block(slot)
    }

    /// Returns the time of the first block.
    #[must_use]
    pub const fn genesis_time(&self) -> u64 {
        self.genesis_time
    }
}
