//! Where a node's ledger lies, and where another one is made that takes its place.
//!
//! ```text
//!   stage()    start-<n>/ is made and filled                a crash leaves a directory that nobody names: removed at the next start
//!   promote()  it is closed ─► CURRENT names it             written beside, synced, renamed: before it or after it, never between
//!              ─► calls go to it ─► what was before goes    a crash leaves files that nobody names: removed at the next start
//! ```

use std::{
    fmt, fs,
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock},
};

use quintet_kaspa_protocol::{
    dag::BlockId,
    header::Header,
    tx::{Outpoint, UtxoEntry},
};
use quintet_primitives::Hash256;
use tracing::{info, warn};

use super::{DiskLedger, STATE_DIRECTORY, StorageError, StorageOptions, Usage};
use crate::ports::{
    Body, ChainRecord, Committed, HeaderRow, Ledger, LedgerError, LoadedBlock, PruneStep,
    StartStep, VirtualStep,
};

/// Names the directory of the ledger, if that is not the home itself.
const CURRENT: &str = "CURRENT";

/// What the names of directories of other beginnings start with.
const START: &str = "start-";

/// Directories of a ledger that lies in the home itself.
const PARTS: [&str; 6] = ["headers", "rows", "bodies", "records", "events", STATE_DIRECTORY];

/// A ledger that was made and not promoted.
struct Staged {
    name: String,
    ledger: Arc<DiskLedger>,
}

/// A [`Ledger`] on disk with a place for another beside it.
pub struct LedgerHome {
    root: PathBuf,
    genesis: Hash256,
    options: StorageOptions,
    current: RwLock<Arc<DiskLedger>>,
    staged: Mutex<Option<Staged>>,
}

impl fmt::Debug for LedgerHome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let current = self.current();
        f.debug_struct("LedgerHome").field("root", &self.root).field("current", &current).finish()
    }
}

impl LedgerHome {
    /// Opens the ledger whose home `root` is, and removes what a crash left of others.
    ///
    /// # Errors
    ///
    /// As for [`DiskLedger::open`]; also if `CURRENT` cannot be read or names nothing.
    pub fn open(
        root: &Path,
        genesis: &Hash256,
        options: &StorageOptions,
    ) -> Result<Self, StorageError> {
        let named = named(root)?;
        let directory = named.as_ref().map_or_else(|| root.to_path_buf(), |name| root.join(name));
        if named.is_some() && !directory.is_dir() {
            return Err(StorageError::Ledger(LedgerError::Damaged {
                expected: format!("the directory that {CURRENT} names, {}", directory.display()),
                actual: "none".to_owned(),
            }));
        }
        let ledger = DiskLedger::open(&directory, genesis, options)?;
        clear(root, named.as_deref());
        Ok(Self {
            root: root.to_path_buf(),
            genesis: *genesis,
            options: options.clone(),
            current: RwLock::new(Arc::new(ledger)),
            staged: Mutex::default(),
        })
    }

    fn current(&self) -> Arc<DiskLedger> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Closes the ledger ([`DiskLedger::close`]).
    ///
    /// # Errors
    ///
    /// [`LedgerError`].
    pub fn close(&self) -> Result<(), LedgerError> {
        self.current().close()
    }

    /// Returns what the ledger takes ([`DiskLedger::usage`]).
    ///
    /// # Errors
    ///
    /// [`LedgerError`].
    pub fn usage(&self) -> Result<Usage, LedgerError> {
        self.current().usage()
    }
}

fn failed(action: &str, path: &Path, source: io::Error) -> LedgerError {
    let action = format!("{action} {}", path.display());
    LedgerError::Io { action, source: Arc::new(source) }
}

/// Returns the number of a directory of another beginning.
fn number(name: &str) -> Option<u64> {
    name.strip_prefix(START)?.parse().ok()
}

/// Reads which directory holds the ledger.
fn named(root: &Path) -> Result<Option<String>, LedgerError> {
    let path = root.join(CURRENT);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("read", &path, error)),
    };
    let name = text.trim();
    if number(name).is_none() {
        return Err(LedgerError::Damaged {
            expected: format!("{START} and a number in {}", path.display()),
            actual: name.chars().take(64).collect(),
        });
    }
    Ok(Some(name.to_owned()))
}

/// Returns the directories of other beginnings.
fn starts(root: &Path) -> Vec<String> {
    let entries = fs::read_dir(root).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names.filter(|name| number(name).is_some()).collect()
}

/// Removes what is not the ledger.
fn clear(root: &Path, current: Option<&str>) {
    let others = starts(root).into_iter().filter(|name| Some(name.as_str()) != current);
    let own = PARTS.iter().map(|part| (*part).to_owned()).filter(|_| current.is_some());
    for path in others.chain(own).map(|name| root.join(name)).filter(|path| path.is_dir()) {
        if let Err(error) = fs::remove_dir_all(&path) {
            warn!(path = %path.display(), %error, "what is of no more use could not be removed");
        }
    }
}

/// Writes which directory holds the ledger.
fn name(root: &Path, name: &str) -> Result<(), LedgerError> {
    let (path, partial) = (root.join(CURRENT), root.join("CURRENT.partial"));
    let write = || -> io::Result<()> {
        let mut file = fs::File::create(&partial)?;
        writeln!(file, "{name}")?;
        file.sync_all()?;
        fs::rename(&partial, &path)?;
        fs::File::open(root)?.sync_all()
    };
    write().map_err(|error| failed("write", &path, error))
}

impl Ledger for LedgerHome {
    fn numbers_anew(&self) -> bool {
        true
    }

    fn load(
        &self,
        visit: &mut dyn FnMut(LoadedBlock) -> Result<(), LedgerError>,
    ) -> Result<Option<Committed>, LedgerError> {
        self.current().load(visit)
    }

    fn append_header(
        &self,
        block: BlockId,
        header: &Arc<Header>,
        row: &HeaderRow,
    ) -> Result<(), LedgerError> {
        self.current().append_header(block, header, row)
    }

    fn append_body(&self, block: BlockId, body: &Body) -> Result<(), LedgerError> {
        self.current().append_body(block, body)
    }

    fn append_invalid(&self, block: BlockId) -> Result<(), LedgerError> {
        self.current().append_invalid(block)
    }

    fn header(&self, block: BlockId) -> Result<Option<Arc<Header>>, LedgerError> {
        self.current().header(block)
    }

    fn body(&self, block: BlockId) -> Result<Option<Body>, LedgerError> {
        self.current().body(block)
    }

    fn chain_record(&self, block: BlockId) -> Result<Option<Arc<ChainRecord>>, LedgerError> {
        self.current().chain_record(block)
    }

    fn utxos(&self, outpoints: &[Outpoint]) -> Result<Vec<Option<UtxoEntry>>, LedgerError> {
        self.current().utxos(outpoints)
    }

    fn commit(&self, step: &VirtualStep<'_>) -> Result<(), LedgerError> {
        self.current().commit(step)
    }

    fn prune(&self, step: &PruneStep<'_>) -> Result<(), LedgerError> {
        self.current().prune(step)
    }

    fn pruning_utxos(
        &self,
        after: Option<Outpoint>,
        limit: usize,
    ) -> Result<Vec<(Outpoint, UtxoEntry)>, LedgerError> {
        self.current().pruning_utxos(after, limit)
    }

    fn import_utxos(&self, entries: &[(Outpoint, UtxoEntry)]) -> Result<(), LedgerError> {
        self.current().import_utxos(entries)
    }

    fn begin(&self, step: &StartStep<'_>) -> Result<(), LedgerError> {
        self.current().begin(step)
    }

    fn stage(&self) -> Result<Arc<dyn Ledger>, LedgerError> {
        let mut staged = self.staged.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(Staged { name, .. }) = staged.take() {
            let path = self.root.join(name);
            fs::remove_dir_all(&path).map_err(|error| failed("remove", &path, error))?;
        }
        let highest = starts(&self.root).iter().filter_map(|name| number(name)).max();
        let name = format!("{START}{}", highest.unwrap_or(0).saturating_add(1));
        let ledger = DiskLedger::open(&self.root.join(&name), &self.genesis, &self.options);
        let ledger = Arc::new(ledger.map_err(|error| match error {
            StorageError::Ledger(error) => error,
            error => LedgerError::Store { reason: error.to_string() },
        })?);
        *staged = Some(Staged { name, ledger: Arc::clone(&ledger) });
        Ok(ledger)
    }

    fn promote(&self) -> Result<(), LedgerError> {
        let staged = self.staged.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(Staged { name: directory, ledger }) = staged else {
            return Err(LedgerError::Damaged {
                expected: "a ledger that was staged".to_owned(),
                actual: "none".to_owned(),
            });
        };
        ledger.close()?;
        name(&self.root, &directory)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = ledger;
        clear(&self.root, Some(&directory));
        info!(%directory, "the ledger begins at another pruning point now");
        Ok(())
    }

    fn write_out(&self) -> Result<(), LedgerError> {
        self.current().write_out()
    }

    fn flush(&self) -> Result<(), LedgerError> {
        self.current().flush()
    }
}
