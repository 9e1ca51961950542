//! The chain a command works on: where it lies, who may work on it, and what it may take.

use std::{
    fs,
    ops::ControlFlow,
    path::PathBuf,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context as _, bail};
use bitcoin::{BlockHash, hashes::Hash as _};
use quintet_bitcoin_node::chain::{Chain, ChainOptions, OpenProgress};
use quintet_bitcoin_protocol::network::Params;
use quintet_node::datadir::DataDir;
use quintet_utxo::Head;

use super::{network, pace::Pace};
use crate::{
    cli::ChainArgs,
    output::{Progress, thousands},
    settings::chain_dir,
    stop::Stop,
    telemetry,
};

/// A mebibyte.
const MIB: u64 = 1 << 20;

/// Memory for coins unless somebody says otherwise, MiB; Bitcoin Core's default.
const CACHE_MIB: u64 = 450;

/// Size of one commit of coins where their memory was given in bytes, bytes: so small that a flush takes several.
const COINS_BATCH_BYTES: usize = 4096;

/// Least memory for coins, MiB.
const CACHE_MIB_MIN: u64 = 4;

/// What is done before the chain is opened.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct How {
    /// Begin a chain if there is none.
    pub(super) create: bool,
    pub(super) reindex: bool,
    pub(super) reindex_chainstate: bool,
}

/// Which chain a command is about. Nothing is open yet.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) params: Arc<Params>,
    pub(super) directory: PathBuf,
}

impl Place {
    /// Finds out.
    ///
    /// # Errors
    ///
    /// A usage error if the network is unknown; or if there is no home directory.
    pub(super) fn find(args: &ChainArgs) -> anyhow::Result<Self> {
        let params = network::find(&args.network)?;
        let directory = chain_dir("bitcoin", args.data_dir.as_deref(), &params.data_folder)?;
        Ok(Self { params: Arc::new(params), directory })
    }
}

/// A chain that is ours until this is dropped.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) chain: Chain,
    pub(super) place: Place,
    /// Held until the chain is closed.
    pub(super) lock: DataDir,
}

/// Progress on standard error, and logs beside it.
///
/// # Errors
///
/// A usage error if the log level is wrong.
pub(super) fn progress(args: &ChainArgs) -> anyhow::Result<Progress> {
    let progress = Progress::new(args.quiet);
    telemetry::for_a_command(args.log.as_deref(), progress.beside())?;
    Ok(progress)
}

/// The time, Unix seconds.
pub(super) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Opens the chain. If `stop` asks for an end meanwhile, it is as far as it came.
///
/// # Errors
///
/// If there is none and none is to be begun, if somebody else works on it, or if it is damaged.
pub(super) fn open(
    place: Place,
    args: &ChainArgs,
    how: How,
    progress: &mut Progress,
    stop: &Stop,
) -> anyhow::Result<Opened> {
    let directory = place.directory.display();
    if !how.create && !place.directory.join("chain").is_dir() {
        bail!(
            "there is no chain of {} in {directory}: import one with `quintet bitcoin import`, or name its directory with --data-dir",
            place.params.name
        );
    }
    progress.busy(&format!("opening the chain of {} in {directory}", place.params.name));
    let lock = DataDir::open(&place.directory)?;
    let options = options(&place, args, how)?;
    let mut watch = Watch { progress, stop, phase: None };
    let opened =
        Chain::open_with(Arc::clone(&place.params), options, now(), &mut |at| watch.on(at));
    let chain = opened.with_context(|| format!("cannot open the chain in {directory}"))?;
    Ok(Opened { chain, place, lock })
}

/// Opens the chain for a command that cannot do with less than all of it.
///
/// # Errors
///
/// As [`open`]; and if `stop` asked for an end.
pub(super) fn open_whole(
    place: Place,
    args: &ChainArgs,
    progress: &mut Progress,
    stop: &Stop,
) -> anyhow::Result<Opened> {
    let opened = open(place, args, How::default(), progress, stop)?;
    if stop.is_requested() {
        bail!("stopped while the chain was being opened; nothing is lost");
    }
    Ok(opened)
}

fn options(place: &Place, args: &ChainArgs, how: How) -> anyhow::Result<ChainOptions> {
    let mut salt = [0; 32];
    getrandom::fill(&mut salt).context("the system gives no randomness")?;
    let mut options = ChainOptions::new(place.directory.clone(), &place.params, salt);
    share_out(&mut options, args.cache.unwrap_or_else(default_cache));
    if let Some(bytes) = args.coins_bytes {
        options.coins_bytes = bytes;
        options.coins_batch_bytes = COINS_BATCH_BYTES;
    }
    options.check_threads = match args.threads {
        Some(threads) => usize::try_from(threads)?,
        None => std::thread::available_parallelism().map_or(1, usize::from),
    };
    if let Some(assumed) = args.assume_valid {
        options.assume_valid = assumed.0;
    }
    options.reindex = how.reindex;
    options.reindex_chainstate = how.reindex_chainstate;
    Ok(options)
}

/// What an opening is busy with.
enum Phase {
    Indexing(Pace),
    Connecting,
}

/// Tells how far an opening has come: after a crash it has to do again what was not written, and a reindex is an opening.
struct Watch<'a> {
    progress: &'a mut Progress,
    stop: &'a Stop,
    phase: Option<Phase>,
}

impl Watch<'_> {
    fn on(&mut self, at: &OpenProgress) -> ControlFlow<()> {
        match at {
            OpenProgress::Indexing(at) => {
                if !matches!(self.phase, Some(Phase::Indexing(_))) {
                    self.progress.begin(at.bytes_total);
                    self.phase = Some(Phase::Indexing(Pace::new()));
                }
                if let Some(Phase::Indexing(pace)) = &mut self.phase {
                    pace.sample(at);
                    self.progress.update(at.bytes, || format!("indexing, {}", pace.line(at)));
                }
            }
            OpenProgress::Connecting { height, target } => {
                if !matches!(self.phase, Some(Phase::Connecting)) {
                    self.progress.begin(u64::from(*target));
                    self.phase = Some(Phase::Connecting);
                }
                let height = u64::from(*height);
                self.progress
                    .update(height, || format!("connecting, height {}", thousands(height)));
            }
        }
        if self.stop.is_requested() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// Returns the block the coins on disk are those of; none before the first flush.
///
/// # Errors
///
/// If the store cannot be read.
pub(super) fn coins_head(chain: &Chain) -> anyhow::Result<Option<String>> {
    let hash = |bytes| BlockHash::from_byte_array(bytes).to_string();
    Ok(match chain.storage().coins_head()? {
        Head::Empty => None,
        Head::At(block) => Some(hash(block)),
        Head::Between { new, .. } => Some(hash(new)),
    })
}

/// Shares the memory out: nearly all of it is for coins, since blocks are read and signatures checked but once.
fn share_out(options: &mut ChainOptions, mib: u64) {
    let bytes = usize::try_from(mib.saturating_mul(MIB)).unwrap_or(usize::MAX);
    options.store_bytes = (bytes / 14).clamp(1 << 20, 64 << 20);
    options.verified_bytes = (bytes / 28).clamp(1 << 18, 16 << 20);
    options.coins_bytes = bytes.saturating_sub(options.store_bytes + options.verified_bytes);
}

/// Bitcoin Core's default, or a quarter of the memory if that is less.
fn default_cache() -> u64 {
    let quarter = memory_bytes().map_or(CACHE_MIB, |bytes| bytes / 4 / MIB);
    quarter.clamp(CACHE_MIB_MIN, CACHE_MIB)
}

/// The memory of the machine, or of the control group if that is less; unknown where there is no `/proc`.
fn memory_bytes() -> Option<u64> {
    let group = fs::read_to_string("/sys/fs/cgroup/memory.max").ok();
    let group = group.and_then(|text| text.trim().parse::<u64>().ok());
    let machine = fs::read_to_string("/proc/meminfo").ok();
    let machine = machine.and_then(|text| total_bytes(&text));
    [group, machine].into_iter().flatten().min()
}

/// Reads `MemTotal: 16316412 kB`.
fn total_bytes(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kilobytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_total_of_meminfo_is_read() {
        assert_eq!(
            total_bytes("MemTotal:       16316412 kB\nMemFree: 1 kB"),
            Some(16_316_412 << 10)
        );
        assert_eq!(total_bytes("MemFree: 1 kB"), None);
    }

    #[test]
    fn memory_is_shared_out_without_a_byte_too_many() {
        let mut options = ChainOptions::new(PathBuf::new(), &Params::regtest(), [0; 32]);
        for mib in [4, 450, 16_000] {
            share_out(&mut options, mib);
            let sum = options.coins_bytes + options.store_bytes + options.verified_bytes;
            assert_eq!(sum as u64, mib * MIB);
            assert!(options.coins_bytes * 10 > sum * 6, "{options:?}");
        }
    }
}
