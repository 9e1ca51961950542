//! Blocks and headers read or written lately.

use std::{
    collections::VecDeque,
    ops::RangeInclusive,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use alloy_primitives::{
    B256,
    map::{B256Map, FbBuildHasher},
};
use quintet_evm::execute::Receipt;
use quintet_primitives::generations::Generations;

use crate::{block::SealedBlock, tables::HeaderRecord};

/// Headers remembered: one for each so many bytes that blocks may take, at least those that `BLOCKHASH` reaches, at most four times as many.
const BYTES_PER_HEADER: usize = 1 << 10;
const HEADERS: RangeInclusive<usize> = 256..=1_024;

/// What a transaction costs in memory beside its data, with its receipt, bytes; about.
const TRANSACTION_BYTES: usize = 640;

/// What a log costs beside its data, bytes; about.
const LOG_BYTES: usize = 192;

type Entry = (Arc<SealedBlock>, Arc<[Receipt]>);

/// Blocks and headers by their hashes: what they say never changes, so one that is not on the chain any more does no harm.
#[derive(Debug)]
pub(crate) struct BlockCache {
    held: Mutex<Held>,
    bytes_max: usize,
    headers: Mutex<Headers>,
}

type Headers = Generations<B256, Arc<HeaderRecord>, FbBuildHasher<32>>;

#[derive(Debug, Default)]
struct Held {
    blocks: B256Map<(Entry, usize)>,
    /// In the order of coming.
    order: VecDeque<B256>,
    bytes: usize,
}

fn weigh(block: &SealedBlock, receipts: &[Receipt]) -> usize {
    use alloy_consensus::Transaction as _;
    let data: usize =
        block.transactions().iter().map(|transaction| transaction.input().len()).sum();
    let logs = receipts.iter().flat_map(|receipt| &receipt.logs);
    let logs: usize = logs.map(|log| LOG_BYTES + log.data.data.len()).sum();
    size_of::<SealedBlock>() + block.transactions().len() * TRANSACTION_BYTES + data + logs
}

impl BlockCache {
    pub(crate) fn new(bytes_max: usize) -> Self {
        let headers_max = (bytes_max / BYTES_PER_HEADER).clamp(*HEADERS.start(), *HEADERS.end());
        Self { held: Mutex::default(), bytes_max, headers: Mutex::new(Headers::new(headers_max)) }
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn get(&self, hash: &B256) -> Option<Entry> {
        self.held().blocks.get(hash).map(|(entry, _)| entry.clone())
    }

    pub(crate) fn insert(&self, block: Arc<SealedBlock>, receipts: Arc<[Receipt]>) {
        let (hash, bytes) = (block.hash, weigh(&block, &receipts));
        if bytes > self.bytes_max {
            return;
        }
        let mut held = self.held();
        if held.blocks.insert(hash, ((block, receipts), bytes)).is_some() {
            return;
        }
        held.order.push_back(hash);
        held.bytes += bytes;
        while held.bytes > self.bytes_max {
            let Some(oldest) = held.order.pop_front() else { break };
            if let Some((_, bytes)) = held.blocks.remove(&oldest) {
                held.bytes -= bytes;
            }
        }
    }

    fn headers(&self) -> MutexGuard<'_, Headers> {
        self.headers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn header(&self, hash: &B256) -> Option<Arc<HeaderRecord>> {
        self.headers().get(hash).cloned()
    }

    pub(crate) fn insert_header(&self, hash: B256, record: Arc<HeaderRecord>) {
        self.headers().insert(hash, record, 1);
    }
}
