//! Taking in blocks out of files: Bitcoin Core's, or those of the chain itself that the index does not cover.
//!
//! ```text
//!   files ──► reader thread ──► decode, hash, check without context ──► read coins ahead ──► store, connect
//!                                (other threads, blocks ahead)           (blocks ahead)      (this thread)
//! ```
//!
//! Blocks may lie in any order: one whose parent has not been read waits in its file. What is no block is stepped over and counted.
//!
//! The chain's own blocks are only put into the index here; connecting them comes after, when all headers are known and with them what may be
//! taken to be valid. As long as one of them waits for its parent, the index claims to cover what lies in front of it alone, so that a
//! crash does not lose it.
//!
//! **Spec:** Bitcoin Core, `LoadExternalBlockFile`, `ImportBlocks`.

use std::{
    ops::ControlFlow,
    sync::{
        Arc,
        mpsc::{Receiver, SyncSender, sync_channel},
    },
    thread,
};

use bitcoin::BlockHash;
use quintet_bitcoin_protocol::{Block, header::HeaderError};
use thiserror::Error;

use super::{
    AcceptError, Accepted, Chain, ChainError,
    accept::Examined,
    ahead::Ahead,
    source::{Decoded, Source, header_of},
};
use crate::storage::blk::{BlkError, BlkFiles, Orphanage};

/// Blocks read and not yet being decoded, blocks: at most 32 MB.
const RAW_MAX: usize = 8;

/// Why an import ended early. What was imported so far is kept.
#[derive(Debug, Error)]
pub enum ImportError {
    /// A block file cannot be read.
    #[error(transparent)]
    Files(#[from] BlkError),
    /// The chain cannot go on.
    #[error(transparent)]
    Chain(#[from] ChainError),
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

/// A record of a file.
struct Raw<P> {
    place: P,
    bytes: Vec<u8>,
}

/// Told after each block; may stop the import.
pub type TellImport<'a> = &'a mut dyn FnMut(&ImportProgress) -> ControlFlow<()>;

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
        progress: TellImport<'_>,
    ) -> Result<ImportReport, ImportError> {
        self.check_sound()?;
        self.read_headers_first(files, now)?;
        let mut report = self.take_in_all(files, true, now, progress)?;
        self.flush()?;
        for refused in self.take_refused() {
            report.refuse(refused.hash, refused.error.reject_reason().into_owned());
        }
        report.progress.height = self.height();
        Ok(report)
    }

    /// Takes in every block of a source, and connects it at once if it `connects`.
    pub(super) fn take_in_all<S: Source>(
        &mut self,
        source: &S,
        connects: bool,
        now: u64,
        progress: TellImport<'_>,
    ) -> Result<ImportReport, ImportError> {
        let mut report = ImportReport::default();
        report.progress.bytes_total = source.total_bytes()?;
        thread::scope(|scope| {
            let (sender, receiver) = sync_channel(RAW_MAX);
            let reader = scope.spawn(move || read_records(source, &sender));
            let ahead = Ahead::new(Arc::clone(&self.decoders));
            let orphans = Orphanage::default();
            let mut import = Import { chain: self, source, connects, now, report, ahead, orphans };
            let outcome = import.run(receiver, progress);
            import.end();
            let report = import.report;
            match reader.join() {
                Ok(read) => outcome.and(read).map(|()| report),
                Err(_) => Err(ChainError::ThreadLost { doing: "reads block files" }.into()),
            }
        })
    }

    /// Reads the headers of all files, if there is a block to trust that is not known: what lies below it can only then be told.
    fn read_headers_first<S: Source>(&mut self, source: &S, now: u64) -> Result<(), ImportError> {
        let Some(trusted) = self.options.assume_valid else { return Ok(()) };
        if self.headers().find(&trusted).is_some() {
            return Ok(());
        }
        let mut headers = Vec::new();
        source.each(&mut |_, record| {
            headers.extend(header_of(record));
            true
        })?;
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
fn read_records<S: Source>(
    source: &S,
    sender: &SyncSender<Raw<S::Place>>,
) -> Result<(), ImportError> {
    source.each(&mut |place, record| sender.send(Raw { place, bytes: record.to_vec() }).is_ok())
}

struct Import<'a, S: Source> {
    chain: &'a mut Chain,
    source: &'a S,
    connects: bool,
    now: u64,
    report: ImportReport,
    ahead: Ahead<Decoded<S::Place>>,
    orphans: Orphanage<S::Place>,
}

impl<S: Source> Import<'_, S> {
    fn run(
        &mut self,
        records: Receiver<Raw<S::Place>>,
        progress: TellImport<'_>,
    ) -> Result<(), ImportError> {
        let mut records = Some(records);
        loop {
            self.decode_ahead(&mut records);
            let Some(next) = self.ahead.next(self.chain.coins.cache_mut())? else {
                self.report.orphans = self.orphans.len() as u64;
                return Ok(());
            };
            self.report.progress.bytes += next.bytes;
            match next.examined {
                Some(examined) => self.take_in(next.place, examined)?,
                None => self.report.malformed += 1,
            }
            self.report.progress.height = self.chain.height();
            if progress(&self.report.progress).is_break() {
                self.report.stopped = true;
                return Ok(());
            }
        }
    }

    /// At the end, what waits in vain is given up. If the work was stopped, the rest is looked at again.
    fn end(&mut self) {
        if !self.report.stopped {
            self.chain.indexed_to = None;
        }
    }

    /// Keeps the decoding threads busy. Waits for the reader only if nothing else is to do.
    fn decode_ahead(&mut self, records: &mut Option<Receiver<Raw<S::Place>>>) {
        while self.ahead.has_room() {
            let Some(source) = records.as_ref() else { return };
            let idle = self.ahead.is_empty();
            let raw = if idle { source.recv().ok() } else { source.try_recv().ok() };
            let Some(Raw { place, bytes }) = raw else {
                if idle {
                    *records = None;
                }
                return;
            };
            let (params, connects) = (Arc::clone(self.chain.params()), self.connects);
            self.ahead.push(bytes.len(), move || {
                let length = bytes.len() as u64;
                let block = Block::decode(bytes).ok();
                let examined = block.map(|block| Examined::new(block, &params));
                Decoded { place, bytes: length, examined, connects }
            });
        }
    }

    /// Takes in a block, and those that waited for it.
    fn take_in(&mut self, place: S::Place, examined: Examined) -> Result<(), ImportError> {
        // What lies in front of this and does not wait is in the index, or will be with its next flush.
        let first = self.orphans.first().map_or(place, |first| first.min(place));
        self.chain.indexed_to = S::stored_at(first);
        let mut next = vec![(place, examined)];
        while let Some((place, examined)) = next.pop() {
            let block = Arc::clone(examined.block());
            let (hash, transactions) = (block.hash(), block.transactions().len() as u64);
            match self.chain.store_block(examined, S::stored_at(place), self.now) {
                Ok(Accepted::Stored(_)) => {
                    self.report.progress.blocks += 1;
                    self.report.progress.transactions += transactions;
                    if self.connects {
                        self.chain.activate(Some(&block))?;
                        self.chain.flush_if_full()?;
                    }
                }
                Ok(Accepted::Known(_)) => self.report.known += 1,
                Err(AcceptError::Header(HeaderError::UnknownParent { parent })) => {
                    self.orphans.insert(parent, place)?;
                    continue;
                }
                Err(AcceptError::Chain(error)) => return Err(error.into()),
                Err(error) => {
                    tracing::warn!(%error, "a block of the files is refused");
                    let reason = error.reject_reason().unwrap_or_default().into_owned();
                    self.report.refuse(hash, reason);
                }
            }
            for place in self.orphans.take_children(&hash) {
                match Block::decode(self.source.read(place)?) {
                    Ok(block) => next.push((place, Examined::new(block, self.chain.params()))),
                    Err(_) => self.report.malformed += 1,
                }
            }
        }
        Ok(())
    }
}
