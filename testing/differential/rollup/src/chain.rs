//! The L1 both sides read, and the chain both derive.

use std::{collections::HashMap, sync::Arc};

use alloy_consensus_reference::{Eip658Value, Header, Receipt as ReferenceReceipt};
use alloy_primitives::{Address, B256, Bloom, BloomInput, Bytes, Log, LogData, U256, b256};
use quintet_rollup_protocol::{
    config::RollupConfig,
    inbox::{InboxPayload, InboxTx},
    refs::L1Ref,
    view::{L1Header, L1View},
};

/// Who may submit batches.
pub const BATCHER: Address = Address::repeat_byte(0xba);
/// Where deposits are logged.
pub const PORTAL: Address = Address::repeat_byte(0x11);
/// `TransactionDeposited`.
const DEPOSIT_TOPIC: B256 =
    b256!("b3813568d9991fc951961fcb4c784893574240a28925604d09fc577c55bb7c32");

/// An L1 block with what batchers sent.
#[derive(Debug, Clone)]
pub struct L1Block {
    /// Its hash.
    pub hash: B256,
    /// Its header, as the reference's library has it.
    pub header: Header,
    /// Data of batcher transactions, in their order.
    pub data: Vec<Bytes>,
    /// Logs of its one receipt.
    pub logs: Vec<Log>,
}

/// An L1.
#[derive(Debug, Clone, Default)]
pub struct L1 {
    /// Blocks from number zero.
    pub blocks: Arc<Vec<L1Block>>,
    headers: Vec<L1Header>,
    inbox: Vec<Vec<InboxTx>>,
    receipts: Vec<Vec<alloy_consensus::Receipt>>,
    by_hash: HashMap<B256, usize>,
}

impl L1 {
    /// Makes an L1 of blocks with these times, data and numbers of deposits.
    #[must_use]
    pub fn new(blocks: Vec<(u64, Vec<Bytes>, usize)>) -> Self {
        let mut l1 = Vec::new();
        let mut parent = B256::ZERO;
        for (number, (timestamp, data, deposits)) in (0..).zip(blocks) {
            let logs: Vec<Log> = (0..deposits).map(|index| deposit(number, index)).collect();
            let mut bloom = Bloom::ZERO;
            for log in &logs {
                bloom.accrue(BloomInput::Raw(log.address.as_slice()));
                bloom.accrue(BloomInput::Raw(log.topics()[0].as_slice()));
            }
            let header = Header {
                parent_hash: parent,
                number,
                timestamp,
                mix_hash: B256::from(U256::from(number * 7 + 1)),
                base_fee_per_gas: Some(1_000 + number),
                parent_beacon_block_root: Some(B256::from(U256::from(number + 5))),
                excess_blob_gas: Some(0),
                blob_gas_used: Some(0),
                logs_bloom: bloom,
                ..Header::default()
            };
            parent = header.hash_slow();
            l1.push(L1Block { hash: parent, header, data, logs });
        }
        let reference = |block: &L1Block| L1Ref {
            number: block.header.number,
            hash: block.hash,
            parent_hash: block.header.parent_hash,
            timestamp: block.header.timestamp,
        };
        let header = |block: &L1Block| L1Header {
            block: reference(block),
            base_fee: block.header.base_fee_per_gas.unwrap_or_default(),
            prev_randao: block.header.mix_hash,
            parent_beacon_root: block.header.parent_beacon_block_root,
            excess_blob_gas: block.header.excess_blob_gas,
            logs_bloom: block.header.logs_bloom,
        };
        let inbox = |block: &L1Block| {
            let tx = |data: &Bytes| InboxTx {
                sender: BATCHER,
                payload: InboxPayload::Calldata(data.clone()),
            };
            block.data.iter().map(tx).collect()
        };
        let receipt = |block: &L1Block| {
            vec![alloy_consensus::Receipt { logs: block.logs.clone(), ..Default::default() }]
        };
        Self {
            headers: l1.iter().map(header).collect(),
            inbox: l1.iter().map(inbox).collect(),
            receipts: l1.iter().map(receipt).collect(),
            by_hash: l1.iter().enumerate().map(|(index, block)| (block.hash, index)).collect(),
            blocks: Arc::new(l1),
        }
    }

    /// Returns the block of a hash.
    #[must_use]
    pub fn by_hash(&self, hash: &B256) -> Option<&L1Block> {
        self.blocks.get(*self.by_hash.get(hash)?)
    }

    /// Returns a block's receipts as the reference's library has them.
    #[must_use]
    pub fn reference_receipts(block: &L1Block) -> Vec<ReferenceReceipt> {
        let (status, logs) = (Eip658Value::Eip658(true), block.logs.clone());
        vec![ReferenceReceipt { status, cumulative_gas_used: 0, logs }]
    }
}

fn deposit(number: u64, index: usize) -> Log {
    let mut data = [U256::from(32), U256::from(75)].map(|word| word.to_be_bytes::<32>()).concat();
    data.resize(64 + 96, 0);
    data[64 + 72 - 1] = 200;
    data[64 + 73] = u8::try_from(index).unwrap_or_default();
    let word = |number: u64| B256::from(U256::from(number + 9));
    let topics = vec![DEPOSIT_TOPIC, word(number), word(number + 1), B256::ZERO];
    Log { address: PORTAL, data: LogData::new_unchecked(topics, data.into()) }
}

impl L1View for L1 {
    fn header(&self, number: u64) -> Option<&L1Header> {
        self.headers.get(usize::try_from(number).ok()?)
    }

    fn inbox(&self, block: &L1Ref) -> Option<&[InboxTx]> {
        self.inbox.get(usize::try_from(block.number).ok()?).map(Vec::as_slice)
    }

    fn receipts(&self, block: &L1Ref) -> Option<&[alloy_consensus::Receipt]> {
        self.receipts.get(usize::try_from(block.number).ok()?).map(Vec::as_slice)
    }

    fn blob(&self, _block: &L1Ref, _hash: &B256) -> Option<&[u8]> {
        None
    }
}

/// A chain in both libraries' words.
#[derive(Debug, Clone)]
pub struct Chain {
    /// Ours.
    pub ours: Arc<RollupConfig>,
    /// The reference's.
    pub kona: Arc<kona_genesis::RollupConfig>,
}

impl Chain {
    /// Reads `rollup.json` with both.
    ///
    /// # Errors
    ///
    /// What either says of it.
    pub fn read(json: &serde_json::Value) -> anyhow::Result<Self> {
        let ours = Arc::new(RollupConfig::from_json(&json.to_string())?);
        let kona = Arc::new(serde_json::from_value(json.clone())?);
        Ok(Self { ours, kona })
    }
}
