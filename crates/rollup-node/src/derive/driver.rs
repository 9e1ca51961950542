//! The driver itself: one step at a time, so that whoever drives can print, stop or do something else between two.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use alloy_primitives::{Address, B256};
use quintet_rollup_protocol::{
    attributes::DerivedAttributes,
    config::RollupConfig,
    pipeline::{Pipeline, Reset, Start, Stats, Step},
    refs::{L1Ref, L2Ref, SafeBlock, SafeChain},
    view::Need,
};
use tokio::{runtime::Handle, sync::watch};

use super::{DriveError, SafeEntry, SafeHeads, StartAt, recover::Search, window::Window};
use crate::{
    engine::{Engine, Processed},
    l1::{
        L1Source,
        prefetch::{L1Event, Prefetch, PrefetchOptions},
    },
};

/// Entries kept back until they are written in one go.
const ENTRIES_AT_ONCE: usize = 32;
/// Resets without a block between them before the driver gives up.
const RESETS_MAX: u32 = 64;
/// Safe blocks kept for spans that overlap them.
const SAFE_BLOCKS_MAX: usize = 1_024;

/// How derivation is driven.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DriverOptions {
    /// How L1 is fetched.
    pub prefetch: PrefetchOptions,
    /// Longest time one step waits for L1 before it returns [`Progress::Waiting`].
    pub patience: Duration,
}

impl Default for DriverOptions {
    fn default() -> Self {
        Self { prefetch: PrefetchOptions::default(), patience: Duration::from_millis(200) }
    }
}

/// A block that was derived and is in the safe chain now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DerivedBlock {
    /// What it was built from.
    pub attributes: Arc<DerivedAttributes>,
    /// The block; its hash is zero if nobody executes.
    pub block: L2Ref,
    /// Whether the execution layer had the same block already.
    pub is_consolidated: bool,
}

/// What a step came to.
#[derive(Debug)]
pub enum Progress {
    /// A block.
    Block(DerivedBlock),
    /// A block that the execution layer does not take; what replaces it comes next.
    Invalid {
        /// Its number.
        number: u64,
        /// Why.
        reason: String,
    },
    /// Derivation stands at this L1 block now.
    Origin(L1Ref),
    /// All of L1 there is has been read.
    AtHead(L1Ref),
    /// Everything up to the last block asked for has been read.
    Done,
    /// L1 or L2 is not the chain it was; derivation goes on behind this safe head.
    Reset {
        /// Why.
        reason: String,
        /// The safe head.
        safe: L2Ref,
        /// The L1 block that is read first.
        base: L1Ref,
    },
    /// This L2 block is final.
    Finalized(L2Ref),
    /// Nothing happened yet.
    Waiting,
}

/// Safe blocks that spans overlap.
#[derive(Debug, Default)]
struct Overlapped(BTreeMap<u64, SafeBlock>);

impl SafeChain for Overlapped {
    fn safe_block(&self, number: u64) -> Option<SafeBlock> {
        self.0.get(&number).cloned()
    }
}

/// Drives derivation.
#[derive(Debug)]
pub struct Driver<E> {
    config: Arc<RollupConfig>,
    source: Arc<dyn L1Source>,
    engine: E,
    record: SafeHeads,
    options: DriverOptions,
    runtime: Handle,
    start: StartAt,
    pipeline: Pipeline,
    window: Window,
    overlapped: Overlapped,
    prefetch: Option<Prefetch>,
    batcher: watch::Sender<Address>,
    /// Not yet written.
    entries: Vec<SafeEntry>,
    written: L2Ref,
    /// L1's final block, until derivation has come to it.
    final_l1: Option<L1Ref>,
    finalized: L2Ref,
    at_head: bool,
    resets: u32,
}

impl<E: Engine> Driver<E> {
    /// Opens derivation: at what is written down, or else at `start`.
    ///
    /// Must be called, as everything here, from a thread that may block, not from one of the runtime's.
    ///
    /// # Errors
    ///
    /// [`DriveError`] if L1, the disk or the engine fail, or nothing written holds any more.
    pub fn open(
        config: Arc<RollupConfig>,
        source: Arc<dyn L1Source>,
        mut engine: E,
        record: SafeHeads,
        start: StartAt,
        options: DriverOptions,
        runtime: Handle,
    ) -> Result<Self, DriveError> {
        let mut search = Search {
            config: &config,
            source: &source,
            record: &record,
            runtime: &runtime,
            engine: &mut engine,
        };
        let (found, _) = search.find(&start)?;
        engine.reset(&found.safe)?;
        let pipeline = Pipeline::new(Arc::clone(&config), &found);
        let (batcher, _) = watch::channel(found.base_system.batcher);
        let mut driver = Self {
            config,
            source,
            engine,
            record,
            options,
            runtime,
            start,
            pipeline,
            window: Window::default(),
            overlapped: Overlapped::default(),
            prefetch: None,
            batcher,
            entries: Vec::new(),
            written: found.safe,
            final_l1: None,
            finalized: L2Ref::default(),
            at_head: false,
            resets: 0,
        };
        driver.fetch_from(&found);
        Ok(driver)
    }

    /// Returns the safe head.
    #[must_use]
    pub const fn safe_head(&self) -> &L2Ref {
        self.pipeline.safe_head()
    }

    /// Returns the L1 block derivation stands at.
    #[must_use]
    pub const fn origin(&self) -> &L1Ref {
        self.pipeline.origin()
    }

    /// Returns what went through the pipeline.
    #[must_use]
    pub const fn stats(&self) -> &Stats {
        self.pipeline.stats()
    }

    /// Returns the engine.
    #[must_use]
    pub const fn engine(&self) -> &E {
        &self.engine
    }

    /// Returns the safe heads written so far.
    #[must_use]
    pub const fn record(&self) -> &SafeHeads {
        &self.record
    }

    /// Goes on until there is something to tell.
    ///
    /// # Errors
    ///
    /// [`DriveError`] if derivation cannot go on. What is written stays; a new driver takes it up.
    pub fn step(&mut self) -> Result<Progress, DriveError> {
        loop {
            match self.pipeline.poll(&self.window, &self.overlapped)? {
                Step::Attributes(attributes) => return self.process(attributes),
                Step::Advanced { origin } => return self.advanced(origin),
                Step::NeedL2 { number } => self.fetch_safe(number)?,
                Step::NeedL1(Need::Header { number }) => {
                    if self.options.prefetch.last.is_some_and(|last| number > last) {
                        self.note(*self.pipeline.origin())?;
                        return Ok(Progress::Done);
                    }
                    if let Some(progress) = self.wait()? {
                        return Ok(progress);
                    }
                }
                Step::NeedL1(need) => self.fetch_now(&need)?,
                Step::Reset(reason) => return self.recover(&describe(&reason)),
                // Results are given in `process`, always.
                Step::AwaitingResult => return Ok(Progress::Waiting),
            }
        }
    }

    /// Writes down what there is, durably.
    ///
    /// # Errors
    ///
    /// [`DriveError::Store`] if the disk fails.
    pub fn close(mut self) -> Result<E, DriveError> {
        self.write()?;
        self.record.flush()?;
        Ok(self.engine)
    }

    fn process(&mut self, attributes: Arc<DerivedAttributes>) -> Result<Progress, DriveError> {
        let number = attributes.parent.number.saturating_add(1);
        match self.engine.process(&attributes)? {
            Processed::Valid { hash, is_consolidated } => {
                let block = self.pipeline.confirm(hash)?;
                self.resets = 0;
                Ok(Progress::Block(DerivedBlock { attributes, block, is_consolidated }))
            }
            Processed::Invalid { reason } => {
                tracing::warn!(number, reason, "derived block is invalid");
                self.pipeline.reject()?;
                Ok(Progress::Invalid { number, reason })
            }
        }
    }

    /// The pipeline went on to an L1 block: what was safe at the one before is written down.
    fn advanced(&mut self, origin: L1Ref) -> Result<Progress, DriveError> {
        let previous = self.window_ref(origin.number.saturating_sub(1));
        if let Some(previous) = previous {
            self.note(previous)?;
        }
        self.window.leave(origin.number);
        if self.overlapped.0.len() > SAFE_BLOCKS_MAX {
            self.overlapped.0.clear();
        }
        let batcher = self.pipeline.head_system().batcher;
        self.batcher.send_if_modified(|known| std::mem::replace(known, batcher) != batcher);
        Ok(self.finalize()?.unwrap_or(Progress::Origin(origin)))
    }

    fn window_ref(&self, number: u64) -> Option<L1Ref> {
        use quintet_rollup_protocol::view::L1View as _;
        self.window.header(number).map(|header| header.block)
    }

    /// Notes the safe head as that of an L1 block, if it moved.
    fn note(&mut self, l1: L1Ref) -> Result<(), DriveError> {
        let safe = *self.pipeline.safe_head();
        if safe != self.written && safe.number >= self.written.number {
            self.written = safe;
            self.entries.push(SafeEntry { l1, safe, system: *self.pipeline.safe_system() });
            self.engine.safe(&safe)?;
        }
        if self.entries.len() >= ENTRIES_AT_ONCE || self.at_head {
            self.write()?;
        }
        Ok(())
    }

    fn write(&mut self) -> Result<(), DriveError> {
        if !self.entries.is_empty() {
            // The engine first: what is written here must be there after a crash.
            self.engine.flush()?;
            self.record.write(&self.entries)?;
            self.entries.clear();
        }
        Ok(())
    }

    /// Waits for the next L1 block; `None` if it came.
    fn wait(&mut self) -> Result<Option<Progress>, DriveError> {
        let Some(prefetch) = &mut self.prefetch else { return Ok(Some(Progress::Waiting)) };
        let patience = self.options.patience;
        let event =
            self.runtime.block_on(async { tokio::time::timeout(patience, prefetch.next()).await });
        let Ok(event) = event else {
            // Time to write down what there is, so that little is lost.
            self.write()?;
            return Ok(Some(Progress::Waiting));
        };
        match event {
            Some(L1Event::Block(block)) => {
                self.at_head = false;
                self.window.push(*block);
                Ok(None)
            }
            Some(L1Event::AtHead(block)) => {
                self.at_head = true;
                self.note(*self.pipeline.origin())?;
                Ok(Some(Progress::AtHead(block)))
            }
            Some(L1Event::Finalized(block)) => {
                self.final_l1 = Some(block);
                self.finalize()
            }
            Some(L1Event::Reorged { expected, actual }) => {
                let reason = format!(
                    "L1 was reorganised: block {} {} is replaced by {actual}",
                    expected.number, expected.hash
                );
                self.recover(&reason).map(Some)
            }
            Some(L1Event::Failed(error)) => {
                self.write()?;
                Err(error.into())
            }
            None => Ok(Some(Progress::Waiting)),
        }
    }

    /// Takes L1's word for what is final, once derivation has come so far.
    fn finalize(&mut self) -> Result<Option<Progress>, DriveError> {
        let Some(l1) = self.final_l1.filter(|l1| l1.number <= self.pipeline.origin().number) else {
            return Ok(None);
        };
        self.final_l1 = None;
        self.write()?;
        let Some(entry) = self.record.at(l1.number)? else { return Ok(None) };
        if entry.l1.number == l1.number && entry.l1.hash != l1.hash {
            let reason =
                format!("L1 block {} {} is final and not the one derived from", l1.number, l1.hash);
            return self.recover(&reason).map(Some);
        }
        self.record.finalize(l1.number)?;
        if entry.safe.number <= self.finalized.number {
            return Ok(None);
        }
        self.finalized = entry.safe;
        self.engine.finalized(&entry.safe)?;
        Ok(Some(Progress::Finalized(entry.safe)))
    }

    /// Fetches what could not be foreseen.
    fn fetch_now(&mut self, need: &Need) -> Result<(), DriveError> {
        let source = Arc::clone(&self.source);
        match need {
            Need::Receipts(block) => {
                let root = self.window.of_mut(block).map(|found| found.block.receipts_root);
                let root = root.ok_or(DriveError::NoBase { number: block.number })?;
                let receipts = self.runtime.block_on(source.receipts(block, root))?;
                if let Some(found) = self.window.of_mut(block) {
                    found.receipts = Some(receipts);
                }
            }
            Need::Blobs { block, hashes } => {
                let blobs = self.runtime.block_on(source.blobs(block, hashes))?;
                if let Some(found) = self.window.of_mut(block) {
                    found.blobs.extend(hashes.iter().copied().zip(blobs));
                }
            }
            Need::Inbox(block) => return Err(DriveError::NoBase { number: block.number }),
            Need::Header { number } => return Err(DriveError::NoBase { number: *number }),
        }
        Ok(())
    }

    fn fetch_safe(&mut self, number: u64) -> Result<(), DriveError> {
        let block = self.engine.safe_block(number)?.ok_or(DriveError::NoSafeBlock { number })?;
        self.overlapped.0.insert(number, block);
        Ok(())
    }

    /// Begins again at a safe head that holds.
    fn recover(&mut self, reason: &str) -> Result<Progress, DriveError> {
        self.resets += 1;
        if self.resets > RESETS_MAX {
            return Err(DriveError::ResetLoop { resets: RESETS_MAX, reason: reason.to_owned() });
        }
        tracing::warn!(reason, "derivation begins again");
        self.prefetch = None;
        self.write()?;
        let mut search = Search {
            config: &self.config,
            source: &self.source,
            record: &self.record,
            runtime: &self.runtime,
            engine: &mut self.engine,
        };
        let (found, _) = search.find(&self.start)?;
        self.engine.reset(&found.safe)?;
        self.pipeline.reset(&found);
        self.written = found.safe;
        self.fetch_from(&found);
        Ok(Progress::Reset { reason: reason.to_owned(), safe: found.safe, base: found.base })
    }

    fn fetch_from(&mut self, start: &Start) {
        self.window.clear();
        self.overlapped.0.clear();
        self.at_head = false;
        self.batcher.send_replace(start.base_system.batcher);
        self.prefetch = Some(Prefetch::start(
            &self.runtime,
            Arc::clone(&self.source),
            Arc::clone(&self.config),
            self.batcher.subscribe(),
            start.base.number,
            self.options.prefetch,
        ));
    }
}

fn describe(reset: &Reset) -> String {
    let shown = |hash: &B256| hash.to_string();
    match reset {
        Reset::L1Reorg { expected, actual } => {
            format!(
                "L1 block {} {} is replaced by {}",
                expected.number,
                expected.hash,
                shown(actual)
            )
        }
        Reset::OriginMismatch { safe, epoch } => format!(
            "the L1 blocks at hand are not those of the safe head: expected {} {}, got {} {}",
            safe.number, safe.hash, epoch.number, epoch.hash
        ),
        Reset::UnknownEpoch { epoch } => {
            format!("a batch names epoch {} {}, which is not kept", epoch.number, epoch.hash)
        }
    }
}
