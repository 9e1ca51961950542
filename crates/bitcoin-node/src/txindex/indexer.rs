//! The thread that fills the index: always a step behind the chain, never in its way.

use bitcoin::{BlockHash, hashes::Hash as _};
use quintet_bitcoin_protocol::Block;
use quintet_store::{Batch, Durability, Store, StoreError, segment::Position};
use thiserror::Error;
use tokio::{runtime::Handle, sync::watch};
use tokio_util::sync::CancellationToken;

use super::{BLOCKS, IndexState, TRANSACTIONS, block_at, forget_above};
use crate::{
    chain::{Chain, ChainError},
    kernel::{Kernel, KernelClient, KernelError, Tip},
    storage::BlockFiles,
};

/// Blocks the kernel is asked for at a time, blocks.
pub const LOOK_AHEAD: usize = 256;

/// Size of a batch from which on it is committed, bytes.
const BATCH_BYTES: usize = 16 << 20;

/// Blocks between two lines of the log while there is much to do, blocks.
const TELL_EVERY: u32 = 10_000;

/// The index cannot go on.
#[derive(Debug, Error)]
pub enum IndexError {
    /// Its store is broken.
    #[error("the index of transactions: {0}")]
    Store(#[from] StoreError),
    /// A block of the chain cannot be read.
    #[error("the index of transactions: {0}")]
    Chain(#[from] ChainError),
}

/// Where the index and the chain part, and what follows.
struct Next {
    fork: u32,
    blocks: Vec<(u32, BlockHash, Position)>,
    files: BlockFiles,
}

/// Fills an index.
#[derive(Debug)]
pub(crate) struct Indexer {
    store: Store,
    told: watch::Sender<IndexState>,
}

impl Indexer {
    pub(super) const fn new(store: Store, told: watch::Sender<IndexState>) -> Self {
        Self { store, told }
    }

    /// Follows the chain until `stop` is cancelled or the kernel is gone. Blocks its thread.
    ///
    /// # Errors
    ///
    /// [`IndexError`] if the store or the chain's files are broken.
    pub(crate) fn run(
        self,
        runtime: &Handle,
        kernel: &KernelClient,
        mut tip: watch::Receiver<Tip>,
        stop: &CancellationToken,
    ) -> Result<(), IndexError> {
        while !stop.is_cancelled() {
            // Seen before the question: what comes after it wakes us.
            tip.borrow_and_update();
            let store = self.store.clone();
            let asked = async {
                let question = kernel.call(move |kernel| Ok(next(kernel, &store)));
                tokio::select! {
                    biased;
                    () = stop.cancelled() => None,
                    answer = question => Some(answer),
                }
            };
            let next = match runtime.block_on(asked) {
                Some(Ok(next)) => next?,
                Some(Err(KernelError::Chain(error))) => return Err(error.into()),
                // It ends, and so do we.
                Some(Err(KernelError::Ask(_))) | None => return Ok(()),
            };
            if !next.blocks.is_empty() || next.fork < self.told.borrow().height {
                self.take_in(&next, stop)?;
                continue;
            }
            if !self.told.borrow().synced {
                tracing::info!(height = next.fork, "txindex is enabled and has reached the tip");
                self.told.send_modify(|state| state.synced = true);
            }
            let changed = async {
                tokio::select! {
                    () = stop.cancelled() => false,
                    changed = tip.changed() => changed.is_ok(),
                }
            };
            if !runtime.block_on(changed) {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Indexes blocks, after forgetting those that left the chain.
    fn take_in(&self, next: &Next, stop: &CancellationToken) -> Result<(), IndexError> {
        forget_above(&self.store, next.fork)?;
        let hash = block_at(&self.store, next.fork)?;
        self.told.send_modify(|state| (state.height, state.hash) = (next.fork, hash));
        let mut batch = Batch::new();
        for (height, hash, position) in &next.blocks {
            if stop.is_cancelled() {
                break;
            }
            let block = Chain::read_block_at(&next.files, *hash, *position)?;
            put_block(&mut batch, *height, *hash, &block);
            if batch.bytes() >= BATCH_BYTES {
                self.commit(&mut batch, *height, *hash)?;
            }
            if height % TELL_EVERY == 0 {
                tracing::info!(height, "indexing transactions");
            }
            if Some(height) == next.blocks.last().map(|(last, ..)| last) {
                self.commit(&mut batch, *height, *hash)?;
            }
        }
        Ok(())
    }

    fn commit(&self, batch: &mut Batch, height: u32, hash: BlockHash) -> Result<(), StoreError> {
        if batch.is_empty() {
            return Ok(());
        }
        self.store.commit(std::mem::take(batch), Durability::Sync)?;
        self.told.send_modify(|state| (state.height, state.hash) = (height, Some(hash)));
        Ok(())
    }
}

fn put_block(batch: &mut Batch, height: u32, hash: BlockHash, block: &Block) {
    batch.put(&BLOCKS, &height, &hash.to_byte_array());
    for (place, tx) in (0_u32..).zip(block.transactions().iter()) {
        batch.put(&TRANSACTIONS, &tx.txid().to_byte_array(), &(height, place));
    }
}

/// Finds where the index and the connected chain part, and the next blocks of the chain.
fn next(kernel: &Kernel, store: &Store) -> Result<Next, IndexError> {
    let chain = kernel.chain();
    let mut fork = super::last_height(store)?.min(chain.height());
    let agrees = |height| -> Result<bool, StoreError> {
        let indexed = block_at(store, height)?;
        let connected = chain.active().at(height).map(|id| chain.headers().hash(id));
        Ok(indexed.is_some() && indexed == connected)
    };
    while fork > 0 && !agrees(fork)? {
        fork -= 1;
    }
    let mut blocks = Vec::new();
    for &id in chain.active().from(fork + 1).iter().take(LOOK_AHEAD) {
        let (hash, position) = chain.locate_block(id)?;
        blocks.push((chain.headers().height(id), hash, position));
    }
    Ok(Next { fork, blocks, files: chain.storage().files().clone() })
}
