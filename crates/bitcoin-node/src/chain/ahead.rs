//! Blocks on their way to the chain: decoded on other threads, then waiting while the coins they spend are read.
//!
//! ```text
//!   push(job) ──► decoding …… ──► ready …… ──► next
//!                 (pool)           (coins are being read from the disk)
//! ```
//!
//! What comes out is in the order of what went in.
//!
//! # Invariants
//!
//! - At most [`AHEAD_MAX`] blocks and about [`AHEAD_BYTES_PER_THREAD`] for each thread of serialised blocks are held, and one block more.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        mpsc::{Receiver, sync_channel},
    },
};

use quintet_bitcoin_protocol::{Block, coins::coin_key};
use quintet_store::StoreError;
use quintet_utxo::{Cache, Head, Prefetched};
use rayon::ThreadPool;

use super::ChainError;

/// Blocks that are held, blocks.
const AHEAD_MAX: usize = 64;

/// Serialised size of the blocks that are held, bytes for each thread that decodes. Decoded they take about twice that.
const AHEAD_BYTES_PER_THREAD: usize = 4 << 20;

/// Blocks whose coins are being read ahead, blocks. What is read too early is dropped if a flush comes between.
const PREFETCHED_MAX: usize = 8;

/// Something that holds a block, or else what became of it.
pub(super) trait HasBlock: Send + 'static {
    /// Returns the block whose coins will be needed.
    fn block(&self) -> Option<&Arc<Block>>;
}

/// Blocks on their way.
#[derive(Debug)]
pub(super) struct Ahead<T> {
    pool: Arc<ThreadPool>,
    decoding: VecDeque<(usize, Receiver<T>)>,
    ready: VecDeque<Ready<T>>,
    bytes: usize,
}

/// A block whose coins are being read.
#[derive(Debug)]
struct Ready<T> {
    item: T,
    bytes: usize,
    coins: Option<Receiver<Result<Prefetched, StoreError>>>,
}

/// Waits for what is under way: it holds the files and the store open, and whoever gave up may want to open them again.
impl<T> Drop for Ahead<T> {
    fn drop(&mut self) {
        for (_, receiver) in self.decoding.drain(..) {
            // An answer, or the end of a job that panicked.
            let _ = receiver.recv();
        }
        for receiver in self.ready.drain(..).filter_map(|ready| ready.coins) {
            let _ = receiver.recv();
        }
    }
}

impl<T: HasBlock> Ahead<T> {
    pub(super) const fn new(pool: Arc<ThreadPool>) -> Self {
        Self { pool, decoding: VecDeque::new(), ready: VecDeque::new(), bytes: 0 }
    }

    fn bytes_max(&self) -> usize {
        self.pool.current_num_threads().saturating_mul(AHEAD_BYTES_PER_THREAD)
    }

    pub(super) fn has_room(&self) -> bool {
        self.decoding.len() + self.ready.len() < AHEAD_MAX && self.bytes < self.bytes_max()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.decoding.is_empty() && self.ready.is_empty()
    }

    /// Queues the decoding of a block of `bytes`. The caller asks for room first.
    pub(super) fn push(&mut self, bytes: usize, job: impl FnOnce() -> T + Send + 'static) {
        let (sender, receiver) = sync_channel(1);
        self.decoding.push_back((bytes, receiver));
        self.bytes += bytes;
        self.pool.spawn_fifo(move || {
            // Nobody waits if the work was given up.
            let _ = sender.send(job());
        });
    }

    /// Waits for the oldest block, with the coins it spends in the cache; `None` if there is none.
    pub(super) fn next(&mut self, cache: &mut Cache) -> Result<Option<T>, ChainError> {
        self.advance(cache)?;
        let Some(Ready { item, bytes, coins }) = self.ready.pop_front() else { return Ok(None) };
        self.bytes -= bytes;
        if let Some(coins) = coins {
            let read = coins.recv().map_err(|_| ChainError::ThreadLost { doing: "reads coins" })?;
            cache.absorb(&read?)?;
        }
        Ok(Some(item))
    }

    /// Moves decoded blocks on, and has their coins read. Waits only if no block is ready.
    fn advance(&mut self, cache: &Cache) -> Result<(), ChainError> {
        use std::sync::mpsc::TryRecvError;
        let lost = || ChainError::ThreadLost { doing: "decodes blocks" };
        while self.ready.len() < PREFETCHED_MAX
            && let Some((bytes, receiver)) = self.decoding.front()
        {
            let item = if self.ready.is_empty() {
                receiver.recv().map_err(|_| lost())?
            } else {
                match receiver.try_recv() {
                    Ok(item) => item,
                    Err(TryRecvError::Empty) => return Ok(()),
                    Err(TryRecvError::Disconnected) => return Err(lost()),
                }
            };
            let bytes = *bytes;
            self.decoding.pop_front();
            let coins = item.block().and_then(|block| self.prefetch(block, cache));
            self.ready.push_back(Ready { item, bytes, coins });
        }
        Ok(())
    }

    /// Has the coins that a block spends, and that the cache does not hold, read on another thread.
    fn prefetch(
        &self,
        block: &Block,
        cache: &Cache,
    ) -> Option<Receiver<Result<Prefetched, StoreError>>> {
        if cache.head() == Head::Empty {
            return None;
        }
        let spenders = block.transactions().iter().skip(1);
        let keys: Vec<_> =
            spenders.flat_map(|tx| tx.inputs().map(|input| coin_key(&input.previous))).collect();
        let missing = cache.missing(&keys);
        if missing.is_empty() {
            return None;
        }
        let (sender, receiver) = sync_channel(1);
        let reader = cache.reader();
        self.pool.spawn_fifo(move || {
            let coins = reader.fetch(missing);
            // Before it is sent: whoever has the answer may count on the store's being let go.
            drop(reader);
            // Nobody waits if the work was given up.
            let _ = sender.send(coins);
        });
        Some(receiver)
    }
}
