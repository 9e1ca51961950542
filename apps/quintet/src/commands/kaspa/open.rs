//! The DAG a command works on: where it lies, and what it was made under.

use std::{fs, path::PathBuf, sync::Arc};

use anyhow::{Context as _, bail};
use quintet_kaspa_node::{
    consensus::{Consensus, Options},
    storage::{DiskLedger, StorageOptions},
};
use quintet_kaspa_protocol::params::Params;
use quintet_node::datadir::DataDir;

use crate::{cli::ReplayArgs, output::Progress, settings::chain_dir};

/// A mebibyte.
const MIB: u64 = 1 << 20;

/// Size of one commit of coins where their memory was given in bytes, bytes: so small that it takes several.
const COINS_BATCH_BYTES: usize = 4096;

/// Memory for the coins of a simulation, bytes: it has few.
const SIMULATED_COINS_BYTES: usize = 32 << 20;

/// Where a new file of a simulation begins, bytes: small, so that pruning shows soon.
const SIMULATED_SEGMENT_BYTES: u32 = 32 << 20;

/// Names the parameters in a data directory, for people and for the next start.
const PARAMETERS: &str = "parameters.txt";

/// A DAG that is ours until this is dropped.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) consensus: Arc<Consensus>,
    pub(super) ledger: Arc<DiskLedger>,
    pub(super) directory: PathBuf,
    /// Held until the DAG is closed.
    pub(super) lock: DataDir,
}

/// Opens the DAG, or begins one.
///
/// # Errors
///
/// If somebody else works on it, if it was made under other parameters, or if it is damaged.
pub(super) fn open(
    params: &Params,
    args: &ReplayArgs,
    progress: &mut Progress,
) -> anyhow::Result<Opened> {
    let folder = match args.data_dir {
        Some(_) => String::new(),
        None => format!("{}-replay", params.network.name()),
    };
    let directory = chain_dir("kaspa", args.data_dir.as_deref(), &folder)?;
    progress.busy(&format!("opening the DAG in {}", directory.display()));
    let lock = DataDir::open(&directory)?;
    check_parameters(params, &directory)?;

    let mut salt = [0; 32];
    getrandom::fill(&mut salt).context("the system gives no randomness")?;
    let half = |at: usize| {
        let bytes = salt.get(at..at + 8).and_then(|bytes| bytes.first_chunk());
        bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes))
    };
    let mut storage = StorageOptions::new([half(0), half(8)]);
    storage.coins_bytes = usize::try_from(args.cache.saturating_mul(MIB)).unwrap_or(usize::MAX);
    if let Some(bytes) = args.coins_bytes {
        storage.coins_bytes = bytes;
        storage.coins_batch_bytes = COINS_BATCH_BYTES;
    }
    let genesis = params.genesis.header().hash();
    let opening = || format!("cannot open the DAG in {}", directory.display());
    let ledger = DiskLedger::open(&directory, &genesis, &storage).with_context(opening)?;
    let ledger = Arc::new(ledger);
    // Blocks were in time when they were made: the clock stands far ahead of them.
    let mut options = Options { clock: Arc::new(|| u64::MAX / 2), ..Options::default() };
    if let Some(threads) = args.threads {
        options.threads = usize::try_from(threads)?;
    }
    let consensus =
        Consensus::open(params.clone(), options, Arc::clone(&ledger) as _).with_context(opening)?;
    Ok(Opened { consensus: Arc::new(consensus), ledger, directory, lock })
}

/// Begins the DAG of a simulation, which must be the first in its directory.
///
/// # Errors
///
/// If there is something in the directory, or it cannot be used.
pub(super) fn begin(
    params: &Params,
    directory: &std::path::Path,
    seed: u64,
) -> anyhow::Result<(Arc<DiskLedger>, DataDir)> {
    let taken = fs::read_dir(directory).is_ok_and(|mut entries| entries.next().is_some());
    if taken {
        bail!(
            "expected {} to be empty: a simulation begins with the genesis; remove it or name another",
            directory.display()
        );
    }
    let lock = DataDir::open(directory)?;
    check_parameters(params, directory)?;
    let mut storage = StorageOptions::new([seed, !seed]);
    storage.coins_bytes = SIMULATED_COINS_BYTES;
    storage.segment_bytes_max = SIMULATED_SEGMENT_BYTES;
    let genesis = params.genesis.header().hash();
    let opening = || format!("cannot begin a DAG in {}", directory.display());
    let ledger = DiskLedger::open(directory, &genesis, &storage).with_context(opening)?;
    Ok((Arc::new(ledger), lock))
}

/// Compares the parameters with those the directory was begun under.
fn check_parameters(params: &Params, directory: &std::path::Path) -> anyhow::Result<()> {
    let path = directory.join(PARAMETERS);
    let text = format!("{params:#?}\n");
    match fs::read_to_string(&path) {
        Ok(found) if found == text => Ok(()),
        Ok(_) => bail!(
            "the DAG in {} was made under other parameters ({}): name another directory with --data-dir",
            directory.display(),
            path.display()
        ),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let partial = path.with_extension("partial");
            fs::write(&partial, text)
                .and_then(|()| fs::rename(&partial, &path))
                .with_context(|| format!("cannot write {}", path.display()))
        }
        Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
    }
}
