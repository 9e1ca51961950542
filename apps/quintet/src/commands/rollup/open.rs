//! Puts together what derives: chain, L1, execution, directory.

use std::{fs, sync::Arc};

use anyhow::Context as _;
use quintet_node::datadir::DataDir;
use quintet_rollup_node::{
    chains,
    derive::{Driver, DriverOptions, SafeHeads},
    engine::{Embedded, Engine, Remote, Unexecuted, remote::Secret},
    l1::{prefetch::PrefetchOptions, transport::Transport},
};
use quintet_rollup_protocol::config::RollupConfig;
use tokio::runtime::{Builder, Runtime};

use super::sources;
use crate::{cli::DeriveArgs, exit::UsageError, settings::data_dir};

/// Folder of the safe heads in a data directory.
const HEADS: &str = "safe-heads";
/// Folder of the executed chain in a data directory.
const CHAIN: &str = "chain";

/// What derives.
#[derive(Debug)]
pub(super) struct Opened {
    pub(super) driver: Driver<Box<dyn Engine>>,
    pub(super) last: Option<u64>,
    /// Held until the end.
    pub(super) _lock: Option<DataDir>,
    /// Fetches beside the driver.
    pub(super) _runtime: Runtime,
}

/// Opens what is asked for.
pub(super) fn open(args: &DeriveArgs) -> anyhow::Result<Opened> {
    let config =
        chains::find(&args.chain).map_err(|error| UsageError::new(format!("--chain: {error}")))?;
    let config = Arc::new(config);
    let start = sources::start(args, &config)?;
    let runtime = Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.context("cannot start the async runtime")?;
    let transport = Transport::default();
    let l1 = sources::l1(args, &config, &transport)?;
    let directory =
        args.data_dir.as_deref().map(|path| data_dir("rollup", Some(path))).transpose()?;
    let lock = directory.as_deref().map(DataDir::open).transpose()?;
    let record = match &directory {
        Some(directory) => SafeHeads::open(&directory.join(HEADS), &config)?,
        None => SafeHeads::memory(&config)?,
    };
    let engine = engine(args, &config, directory.as_deref(), transport, &runtime)?;
    let last = sources::last(args, &l1, runtime.handle())?;
    let prefetch = PrefetchOptions {
        in_flight: usize::try_from(args.in_flight)?,
        poll: l1.poll,
        confirmations: args.confirmations,
        last,
    };
    let options = DriverOptions { prefetch, ..DriverOptions::default() };
    let handle = runtime.handle().clone();
    let driver = Driver::open(config, l1.source, engine, record, start, options, handle)?;
    Ok(Opened { driver, last, _lock: lock, _runtime: runtime })
}

fn engine(
    args: &DeriveArgs,
    config: &Arc<RollupConfig>,
    directory: Option<&std::path::Path>,
    transport: Transport,
    runtime: &Runtime,
) -> anyhow::Result<Box<dyn Engine>> {
    if let Some(path) = &args.genesis {
        let genesis = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
        let spec = Embedded::spec(&genesis, config)?;
        let engine = match directory {
            Some(directory) => Embedded::open(&directory.join(CHAIN), spec, Arc::clone(config))?,
            None => Embedded::in_memory(spec, Arc::clone(config))?,
        };
        return Ok(Box::new(engine));
    }
    if let (Some(address), Some(path)) = (&args.engine, &args.jwt_secret) {
        let secret = Secret::read(path)?;
        let handle = runtime.handle().clone();
        return Ok(Box::new(Remote::connect(
            address,
            secret,
            Arc::clone(config),
            transport,
            handle,
        )?));
    }
    Ok(Box::new(Unexecuted::default()))
}
