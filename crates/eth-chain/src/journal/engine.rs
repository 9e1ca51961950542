//! The engine: commits to the journal, a thread that brings them to the tables.

use std::{
    borrow::Cow,
    fmt,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock},
    thread,
    time::Duration,
};

use quintet_store::{
    Direction, Durability, Engine, EngineSnapshot, KeyRange, Op, RawScan, Reader, StoreError,
    ValueCodec as _,
    segment::{Position, SegmentLog},
};

use super::{GENERATION_BYTES, generation::Generation, merge::Merge, record};

const NAME: &str = "journal";

/// The tables' own row: up to which record they hold everything. Its table is not shown.
const FLUSHED_TABLE: &str = "_journal";
const FLUSHED_KEY: &[u8] = b"flushed";

/// How long changes stay out of the tables when few come.
const FLUSH_EVERY: Duration = Duration::from_secs(2);

/// Rows of a commit from which syncing the journal and sorting the rows in go on side by side.
const SIDE_BY_SIDE_ROWS: usize = 512;

/// What there is to read, the newest first. A copy is a snapshot.
#[derive(Debug, Clone)]
struct Layers {
    active: Arc<Generation>,
    frozen: Option<Arc<Generation>>,
    below: Arc<dyn EngineSnapshot>,
    /// The last commit that may be seen.
    commit: u64,
}

impl Layers {
    fn generations(&self) -> impl Iterator<Item = &Arc<Generation>> {
        [&self.active].into_iter().chain(&self.frozen)
    }
}

/// What the thread is told, and what it tells.
#[derive(Debug, Default)]
struct Control {
    is_closing: bool,
    failed: Option<String>,
}

struct Shared {
    tables: Arc<dyn Engine>,
    log: SegmentLog,
    layers: RwLock<Layers>,
    /// Held by a commit, and by who freezes the active generation.
    commits: Mutex<()>,
    /// Held by who brings a generation to the tables.
    flushes: Mutex<()>,
    control: Mutex<Control>,
    changed: Condvar,
}

/// A journal in front of another engine.
pub(super) struct JournalEngine {
    shared: Arc<Shared>,
    flusher: Option<thread::JoinHandle<()>>,
}

impl fmt::Debug for JournalEngine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JournalEngine").field("tables", &self.shared.tables).finish_non_exhaustive()
    }
}

impl JournalEngine {
    /// Takes up what the journal holds and the tables do not.
    pub(super) fn recover(tables: Arc<dyn Engine>, log: SegmentLog) -> Result<Self, StoreError> {
        let flushed = tables.get(FLUSHED_TABLE, FLUSHED_KEY)?;
        let start = match flushed {
            Some(bytes) => {
                let mut reader = Reader::new(&bytes);
                let position = Position::decode_value(&mut reader);
                let position = position.and_then(|position| reader.finish().map(|()| position));
                position.map_err(|error| damaged(error.to_string()))?
            }
            None => log.first(),
        };
        let below = tables.snapshot()?.into();
        let layers = Layers { active: Arc::default(), frozen: None, below, commit: 0 };
        let shared = Shared {
            tables,
            log,
            layers: RwLock::new(layers),
            commits: Mutex::default(),
            flushes: Mutex::default(),
            control: Mutex::default(),
            changed: Condvar::new(),
        };
        for row in shared.log.iter_from(start)? {
            let (position, record) = row?;
            let ops = record::decode(&record).map_err(|error| damaged(error.to_string()))?;
            let mut layers = shared.layers_mut();
            layers.commit += 1;
            layers.active.insert(layers.commit, ops);
            layers.active.set_end(position.end());
            drop(layers);
            if shared.layers().active.bytes() >= GENERATION_BYTES {
                shared.freeze();
                shared.flush_frozen()?;
            }
        }
        let shared = Arc::new(shared);
        let of_thread = Arc::clone(&shared);
        let flusher = thread::Builder::new()
            .name("chain-tables".to_owned())
            .spawn(move || of_thread.keep_flushing())
            .map_err(|error| StoreError::Engine {
                engine: NAME,
                action: "start its thread",
                source: Box::new(error),
            })?;
        Ok(Self { shared, flusher: Some(flusher) })
    }
}

#[cfg(test)]
impl JournalEngine {
    /// Begins a generation, as when one is full.
    pub(super) fn freeze(&self) {
        let _none = self.shared.commits.lock().unwrap_or_else(PoisonError::into_inner);
        self.shared.freeze();
    }

    /// Brings the frozen generation to the tables, as the thread does.
    pub(super) fn flush_tables(&self) -> Result<(), StoreError> {
        self.shared.flush_frozen()
    }
}

impl Drop for JournalEngine {
    fn drop(&mut self) {
        self.shared.control().is_closing = true;
        self.shared.changed.notify_all();
        if let Some(flusher) = self.flusher.take()
            && flusher.join().is_err()
        {
            tracing::error!("the thread that writes the tables panicked; the journal has it all");
        }
        // What was not asked to be durable may be lost with the machine, but need not.
        if let Err(error) = self.shared.log.sync() {
            tracing::warn!(%error, "the journal was not synced at the end");
        }
    }
}

impl Shared {
    fn control(&self) -> MutexGuard<'_, Control> {
        self.control.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn layers(&self) -> Layers {
        self.layers.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn layers_mut(&self) -> std::sync::RwLockWriteGuard<'_, Layers> {
        self.layers.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a generation, if there is something in this one and the last one is in the tables. No commit is under way.
    fn freeze(&self) {
        let mut layers = self.layers_mut();
        if layers.frozen.is_none() && layers.active.end().is_some() {
            layers.frozen = Some(std::mem::take(&mut layers.active));
        }
    }

    /// Waits until there is room for a commit.
    fn wait_for_room(&self) -> Result<(), StoreError> {
        let mut control = self.control();
        loop {
            if let Some(reason) = &control.failed {
                return Err(StoreError::Poisoned { reason: reason.clone() });
            }
            let layers = self.layers();
            if layers.active.bytes() < GENERATION_BYTES || layers.frozen.is_none() {
                return Ok(());
            }
            control = self.changed.wait(control).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Freezes a generation that is full, and wakes the thread.
    fn freeze_if_full(&self) {
        let layers = self.layers();
        if layers.active.bytes() >= GENERATION_BYTES && layers.frozen.is_none() {
            self.freeze();
            drop(self.control());
            self.changed.notify_all();
        }
    }

    fn commit(&self, ops: Vec<Op>, durability: Durability) -> Result<(), StoreError> {
        let _one = self.commits.lock().unwrap_or_else(PoisonError::into_inner);
        self.wait_for_room()?;
        self.freeze_if_full();
        let position = self.log.append(&record::encode(&ops))?;
        let Layers { active, commit, .. } = self.layers();
        let commit = commit + 1;
        let sync = || match durability {
            Durability::Sync => self.log.sync(),
            Durability::Buffered => Ok(()),
        };
        let synced = if ops.len() >= SIDE_BY_SIDE_ROWS {
            rayon::join(sync, || active.insert(commit, ops)).0
        } else {
            let synced = sync();
            active.insert(commit, ops);
            synced
        };
        if let Err(error) = synced {
            // What is on disk is not known: the tables must not get what was not acknowledged.
            self.control().failed = Some(error.to_string());
            return Err(error);
        }
        active.set_end(position.end());
        self.layers_mut().commit = commit;
        self.freeze_if_full();
        Ok(())
    }

    /// Brings the frozen generation to the tables.
    fn flush_frozen(&self) -> Result<(), StoreError> {
        let _one = self.flushes.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(frozen) = self.layers().frozen else { return Ok(()) };
        let Some(end) = frozen.end() else { return Ok(()) };
        // The tables must never be ahead of the journal.
        self.log.sync()?;
        let mut position = Vec::new();
        end.encode_value(&mut position);
        let table = Cow::Borrowed(FLUSHED_TABLE);
        let flushed = Op { table, key: FLUSHED_KEY.to_vec(), value: Some(position) };
        let mut ops = frozen.newest();
        let at = ops.partition_point(|op| op.table.as_ref() < FLUSHED_TABLE);
        ops.insert(at, flushed);
        self.tables.commit(ops, Durability::Sync)?;
        let below = self.tables.snapshot()?.into();
        let mut layers = self.layers_mut();
        layers.below = below;
        layers.frozen = None;
        drop(layers);
        self.log.remove_segments_before(end.segment)?;
        Ok(())
    }

    /// The thread: flushes what is frozen, and freezes what was left alone for some time.
    fn keep_flushing(&self) {
        let _told = TellsPanic(self);
        loop {
            let mut control = self.control();
            while self.layers().frozen.is_none() {
                if control.is_closing {
                    return;
                }
                let waited = self.changed.wait_timeout(control, FLUSH_EVERY);
                let (held, timeout) = waited.unwrap_or_else(PoisonError::into_inner);
                control = held;
                if timeout.timed_out() && control.failed.is_none() {
                    drop(control);
                    // A commit under way freezes by itself if there is need.
                    if let Ok(_none) = self.commits.try_lock() {
                        self.freeze();
                    }
                    control = self.control();
                }
            }
            if control.failed.is_some() {
                return;
            }
            drop(control);
            let flushed = self.flush_frozen();
            if let Err(error) = &flushed {
                tracing::error!(%error, "the chain's tables take no more");
                self.control().failed = Some(error.to_string());
            } else {
                drop(self.control());
            }
            self.changed.notify_all();
            if flushed.is_err() {
                return;
            }
        }
    }
}

/// Tells commits that the thread panicked: they would wait for it for ever.
struct TellsPanic<'a>(&'a Shared);

impl Drop for TellsPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.control().failed = Some("the thread that writes the tables panicked".to_owned());
            self.0.changed.notify_all();
        }
    }
}

impl Engine for JournalEngine {
    fn name(&self) -> &'static str {
        NAME
    }

    fn get(&self, table: &str, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.shared.layers().get(table, key)
    }

    fn commit(&self, ops: Vec<Op>, durability: Durability) -> Result<(), StoreError> {
        self.shared.commit(ops, durability)
    }

    fn snapshot(&self) -> Result<Box<dyn EngineSnapshot>, StoreError> {
        Ok(Box::new(self.shared.layers()))
    }

    fn flush(&self) -> Result<(), StoreError> {
        self.shared.log.sync()
    }

    fn compact(&self) -> Result<(), StoreError> {
        self.shared.tables.compact()
    }

    fn disk_bytes(&self) -> Result<u64, StoreError> {
        Ok(self.shared.tables.disk_bytes()?.saturating_add(self.shared.log.total_bytes()))
    }
}

impl EngineSnapshot for Layers {
    fn tables(&self) -> Result<Vec<String>, StoreError> {
        let mut tables = self.below.tables()?;
        tables.extend(self.generations().flat_map(|generation| generation.tables()));
        tables.sort_unstable();
        tables.dedup();
        tables.retain(|name| name != FLUSHED_TABLE);
        Ok(tables)
    }

    fn get(&self, table: &str, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        for generation in self.generations() {
            if let Some(value) = generation.get(table, key, self.commit) {
                return Ok(value);
            }
        }
        self.below.get(table, key)
    }

    fn scan(
        &self,
        table: &str,
        range: KeyRange,
        direction: Direction,
    ) -> Result<RawScan<'_>, StoreError> {
        let below = self.below.scan(table, range.clone(), direction)?;
        let generations = self.generations();
        Ok(Box::new(Merge::new(generations, below, table, &range, direction, self.commit)))
    }
}

fn damaged(reason: String) -> StoreError {
    StoreError::Damaged { engine: NAME, reason }
}
