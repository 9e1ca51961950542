//! Importing block files in Bitcoin Core's format.
//!
//! ```text
//!   files ──► reader thread ──► decode, hash, check without context ──► prefetch coins ──► store, connect
//!                                (other threads, blocks ahead)           (blocks ahead)    (this thread)
//! ```
//!
//! Blocks may lie in any order: one whose parent has not been read waits in its file. What is no block is stepped over and counted.
//!
//! **Spec:** Bitcoin Core, `LoadExternalBlockFile`.

use std::{
    collections::VecDeque,
    ops::ControlFlow,
    sync::{
        Arc,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
};

use bitcoin::BlockHash;
use quintet_bitcoin_protocol::{
    Block,
    block::{HEADER_BYTES, decode_header},
    coins::coin_key,
    header::HeaderError,
};
use quintet_store::StoreError;
use quintet_utxo::Prefetched;
use rayon::{ThreadPool, ThreadPoolBuilder};
use thiserror::Error;

use super::{AcceptError, Accepted, Chain, ChainError, accept::Examined, ahead::Ahead};
use crate::storage::blk::{BlkError, BlkFiles, BlkPlace, Orphanage};

/// Blocks read and not yet being decoded.
const RAW_MAX: usize = 8;

/// Blocks decoded, or being decoded, ahead of the one being connected.
const DECODED_MAX: usize = 32;

/// Blocks whose coins are being read ahead.
const PREFETCHED_MAX: usize = 8;

/// Why an import ended early. What was imported so far is kept.
#[derive(Debug, Error)]
pub enum ImportError {
    /// A block file cannot be read.
    #[error(transparent)]
    Files(#[from] BlkError),
    /// The chain cannot go on.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// Threads could not be started.
    #[error("could not start threads: {source}")]
    Threads {
        /// The reason.
        source: rayon::ThreadPoolBuildError,
    },
    /// A thread ended before its work did.
    #[error("a thread that {doing} ended early: report this")]
    Thread {
        /// What it did.
        doing: &'static str,
    },
}

/// How far an import has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ImportProgress {
    /// Bytes of the files that are done with.
    pub bytes: u64,
    /// Bytes of all files.
    pub bytes_total: u64,
    /// Blocks that were new.
    pub blocks: u64,
    /// Their transactions.
    pub transactions: u64,
    /// Height of the last connected block.
    pub height: u32,
}

/// What an import did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImportReport {
    /// How far it came.
    pub progress: ImportProgress,
    /// Blocks that were there already.
    pub known: u64,
    /// Records that are no blocks.
    pub malformed: u64,
    /// Blocks refused for a rule, with Bitcoin Core's reject reason; the first [`REFUSED_SHOWN_MAX`].
    pub refused: Vec<(BlockHash, String)>,
    /// Blocks refused for a rule, all.
    pub refused_count: u64,
    /// Blocks whose parents are in none of the files.
    pub orphans: u64,
    /// Whether it was stopped on request.
    pub stopped: bool,
}

/// Refused blocks a report names.
pub const REFUSED_SHOWN_MAX: usize = 20;

/// A record of a block file.
struct Raw {
    place: BlkPlace,
    bytes: Vec<u8>,
}

/// A block on its way to the chain.
struct Ready {
    place: BlkPlace,
    examined: Examined,
    coins: Option<Receiver<Result<Prefetched, StoreError>>>,
}

/// A record that was decoded: `None` if it is no block.
type Decoded = (BlkPlace, Option<Examined>);

impl Chain {
    /// Imports block files. `now` is the time, Unix seconds; `progress` is told after each block and may stop the import.
    ///
    /// When this returns, everything imported is on disk, its scripts checked.
    ///
    /// # Errors
    ///
    /// [`ImportError`]: a file cannot be read, or the chain cannot go on. A block that breaks a rule is in the report.
    pub fn import(
        &mut self,
        files: &BlkFiles,
        now: u64,
        progress: &mut dyn FnMut(&ImportProgress) -> ControlFlow<()>,
    ) -> Result<ImportReport, ImportError> {
        self.read_headers_first(files, now)?;
        let pool = ThreadPoolBuilder::new()
            .num_threads(self.options.check_threads.max(1))
            .thread_name(|at| format!("decode-{at}"))
            .build()
            .map_err(|source| ImportError::Threads { source })?;
        let mut report = ImportReport::default();
        report.progress.bytes_total = files.total_bytes()?;
        let outcome = thread::scope(|scope| {
            let (sender, receiver) = sync_channel(RAW_MAX);
            let reader = scope.spawn(move || read_records(files, &sender));
            let mut import = Import {
                chain: self,
                files,
                now,
                report,
                decoded: Ahead::new(Arc::new(pool)),
                ready: VecDeque::new(),
                orphans: Orphanage::default(),
            };
            let outcome = import.run(receiver, progress);
            let report = import.report;
            match reader.join() {
                Ok(read) => outcome.and(read).map(|()| report),
                Err(_) => Err(ImportError::Thread { doing: "reads block files" }),
            }
        });
        let mut report = outcome?;
        self.flush()?;
        for refused in self.take_refused() {
            report.refuse(refused.hash, refused.error.reject_reason().into_owned());
        }
        report.progress.height = self.height();
        Ok(report)
    }

    /// Reads the headers of all files, if there is a block to trust that is not known: what lies below it can only then be told.
    fn read_headers_first(&mut self, files: &BlkFiles, now: u64) -> Result<(), ImportError> {
        let Some(trusted) = self.options.assume_valid else { return Ok(()) };
        if self.headers().find(&trusted).is_some() {
            return Ok(());
        }
        let mut headers = Vec::new();
        let indexes = 0..u32::try_from(files.len()).unwrap_or(u32::MAX);
        for file in indexes {
            let mut reader = files.reader(file)?;
            while let Some(raw) = reader.next_block().map_err(|error| files.broken(file, error))? {
                headers.extend(raw.bytes.first_chunk::<HEADER_BYTES>().map(decode_header));
            }
        }
        // Blocks lie out of order by at most the window of a download, so few passes do; each takes in one header at least.
        loop {
            let before = headers.len();
            headers.retain(|header| {
                matches!(self.accept_header(header, now), Err(HeaderError::UnknownParent { .. }))
            });
            if headers.is_empty() || headers.len() == before {
                return Ok(());
            }
        }
    }
}

impl ImportReport {
    fn refuse(&mut self, hash: BlockHash, reason: String) {
        self.refused_count += 1;
        if self.refused.len() < REFUSED_SHOWN_MAX {
            self.refused.push((hash, reason));
        }
    }
}

/// Sends every record of the files, until nobody takes them.
fn read_records(files: &BlkFiles, sender: &SyncSender<Raw>) -> Result<(), ImportError> {
    for file in 0..u32::try_from(files.len()).unwrap_or(u32::MAX) {
        let mut reader = files.reader(file)?;
        while let Some(raw) = reader.next_block().map_err(|error| files.broken(file, error))? {
            let len = u32::try_from(raw.bytes.len()).unwrap_or(u32::MAX);
            let place = BlkPlace { file, offset: raw.offset, len };
            if sender.send(Raw { place, bytes: raw.bytes.to_vec() }).is_err() {
                return Ok(());
            }
        }
    }
    Ok(())
}

struct Import<'a> {
    chain: &'a mut Chain,
    files: &'a BlkFiles,
    now: u64,
    report: ImportReport,
    decoded: Ahead<Decoded>,
    ready: VecDeque<Ready>,
    orphans: Orphanage,
}

impl Import<'_> {
    fn run(
        &mut self,
        records: Receiver<Raw>,
        progress: &mut dyn FnMut(&ImportProgress) -> ControlFlow<()>,
    ) -> Result<(), ImportError> {
        let mut records = Some(records);
        loop {
            self.decode_ahead(&mut records);
            self.prefetch_ahead()?;
            let Some(next) = self.ready.pop_front() else {
                self.report.orphans = self.orphans.len() as u64;
                return Ok(());
            };
            self.take_in(next)?;
            self.report.progress.height = self.chain.height();
            if progress(&self.report.progress).is_break() {
                self.report.stopped = true;
                return Ok(());
            }
        }
    }

    /// Keeps the decoding threads busy. Waits for the reader only if nothing else is to do.
    fn decode_ahead(&mut self, records: &mut Option<Receiver<Raw>>) {
        while self.decoded.len() < DECODED_MAX {
            let Some(source) = records.as_ref() else { return };
            let idle = self.decoded.is_empty() && self.ready.is_empty();
            let raw = if idle { source.recv().ok() } else { source.try_recv().ok() };
            let Some(raw) = raw else {
                if idle {
                    *records = None;
                }
                return;
            };
            let params = Arc::clone(self.chain.params());
            self.decoded.push(move || {
                let block = Block::decode(raw.bytes).ok();
                (raw.place, block.map(|block| Examined::new(block, &params)))
            });
        }
    }

    /// Moves decoded blocks on, and has the coins they spend read.
    fn prefetch_ahead(&mut self) -> Result<(), ImportError> {
        while self.ready.len() < PREFETCHED_MAX && !self.decoded.is_empty() {
            let (place, examined) =
                self.decoded.pop().ok_or(ImportError::Thread { doing: "decodes blocks" })?;
            match examined {
                Some(examined) => {
                    let coins = self.chain.prefetch(&examined, self.decoded.pool());
                    self.ready.push_back(Ready { place, examined, coins });
                }
                None => self.report.malformed += 1,
            }
        }
        Ok(())
    }

    /// Takes in a block, and those that waited for it.
    fn take_in(&mut self, ready: Ready) -> Result<(), ImportError> {
        let Ready { place, examined, coins } = ready;
        if let Some(coins) = coins {
            self.chain.absorb(&coins)?;
        }
        self.report.progress.bytes += u64::from(place.len) + 8;
        let mut next = vec![(place, examined)];
        while let Some((place, examined)) = next.pop() {
            let block = Arc::clone(examined.block());
            let (hash, transactions) = (block.hash(), block.transactions().len() as u64);
            match self.chain.store_block(examined, None, self.now) {
                Ok(Accepted::Stored(_)) => {
                    self.report.progress.blocks += 1;
                    self.report.progress.transactions += transactions;
                    self.chain.activate(Some(&block))?;
                    self.chain.flush_if_full()?;
                }
                Ok(Accepted::Known(_)) => self.report.known += 1,
                Err(AcceptError::Header(HeaderError::UnknownParent { parent })) => {
                    self.orphans.insert(parent, place)?;
                    continue;
                }
                Err(AcceptError::Chain(error)) => return Err(error.into()),
                Err(error) => {
                    let reason = error.reject_reason().unwrap_or_default().into_owned();
                    self.report.refuse(hash, reason);
                }
            }
            for place in self.orphans.take_children(&hash) {
                match Block::decode(self.files.read(place)?) {
                    Ok(block) => next.push((place, Examined::new(block, self.chain.params()))),
                    Err(_) => self.report.malformed += 1,
                }
            }
        }
        Ok(())
    }
}

impl Chain {
    /// Has the coins that a block spends, and that the cache does not hold, read on another thread.
    fn prefetch(
        &self,
        examined: &Examined,
        pool: &ThreadPool,
    ) -> Option<Receiver<Result<Prefetched, StoreError>>> {
        let cache = self.coins.cache();
        if cache.head() == quintet_utxo::Head::Empty {
            return None;
        }
        let spenders = examined.block().transactions().iter().skip(1);
        let keys: Vec<_> =
            spenders.flat_map(|tx| tx.inputs().map(|input| coin_key(&input.previous))).collect();
        let missing = cache.missing(&keys);
        if missing.is_empty() {
            return None;
        }
        let (sender, receiver) = sync_channel(1);
        let reader = cache.reader();
        pool.spawn_fifo(move || {
            // Nobody waits if the import was given up.
            let _ = sender.send(reader.fetch(missing));
        });
        Some(receiver)
    }

    /// Takes coins that were read ahead.
    fn absorb(
        &mut self,
        coins: &Receiver<Result<Prefetched, StoreError>>,
    ) -> Result<(), ImportError> {
        let read = coins.recv().map_err(|_| ImportError::Thread { doing: "reads coins" })?;
        let prefetched = read.map_err(ChainError::from)?;
        self.coins.cache_mut().absorb(&prefetched).map_err(ChainError::from)?;
        Ok(())
    }
}
