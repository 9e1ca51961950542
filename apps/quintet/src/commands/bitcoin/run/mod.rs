//! `quintet bitcoin run`: a node in the foreground, with Bitcoin Core's arguments, files and RPC.
//!
//! ```text
//!   arguments · bitcoin.conf ──► settings ──► lock · debug.log ──► node ──► RPC (.cookie)
//!                                                                   │
//!                                   SIGTERM, SIGINT, RPC `stop` ────┘──► everything on disk
//! ```
//!
//! With `-datadir` the folders are Bitcoin Core's: the network's folder below it holds `.cookie`, `debug.log` and `mempool.dat`, and the chain
//! lies in its `blocks/`. Without it, the node works on the chain that `quintet bitcoin import` and its siblings use.

mod arguments;
mod settings;

use std::{fs, sync::Arc};

use anyhow::Context as _;
use quintet_bitcoin_node::{node::BitcoinNode, rpc::BitcoinRpc};
use quintet_node::{
    datadir::DataDir,
    telemetry::{self, LogConfig},
};
use quintet_rpc::{AuthConfig, BasicUser, Secret};
use tokio_util::sync::CancellationToken;
use tracing_subscriber::{fmt::writer::BoxMakeWriter, util::SubscriberInitExt as _};

use self::settings::Settings;
use crate::{
    bitcoin_rpc,
    cli::BitcoinRunArgs,
    exit::{AlreadyTold, UsageError},
    output, runtime, stop,
};

const HELP: &str = "\
quintet bitcoin run [-regtest|-signet|-testnet|-testnet4|-chain=NAME] [-datadir=DIR] [-conf=FILE] [OPTION…]

A Bitcoin node in the foreground. Arguments are spelled as Bitcoin Core spells them: -name=value, -name, -noname;
DIR/bitcoin.conf is read as Bitcoin Core reads it. See docs/operations/bitcoin.md for every option and what is absent.";

pub(super) fn run(args: &BitcoinRunArgs) -> anyhow::Result<()> {
    let asked = |word: &String| matches!(word.as_str(), "-h" | "-help" | "--help" | "-?");
    if args.rest.iter().any(asked) {
        return output::line(HELP);
    }
    let ended = Settings::find(&args.rest)
        .map_err(anyhow::Error::from)
        .and_then(|settings| runtime::many_threads()?.run(Box::pin(node(settings))));
    ended.map_err(|error| complain(&error))
}

/// Tells why the node does not run the way Bitcoin Core does: what starts it reads these words.
fn complain(error: &anyhow::Error) -> anyhow::Error {
    output::complain_plainly(&format!("Error: {error:#}"));
    AlreadyTold { usage: error.is::<UsageError>() }.into()
}

async fn node(settings: Settings) -> anyhow::Result<()> {
    let Settings { mut options, folder, drop_in, rpc, log } = settings;
    let fresh = !folder.exists();
    let lock = DataDir::open(&folder)?;
    if fresh && drop_in {
        // There is no wallet; tools written for Bitcoin Core expect the folder of a new data directory all the same.
        fs::create_dir_all(folder.join("wallets"))
            .context("cannot create the folder of wallets")?;
    }
    init_log(&folder, log)?;
    let stop = CancellationToken::new();
    fs::create_dir_all(&options.chain.directory)
        .with_context(|| format!("cannot create {}", options.chain.directory.display()))?;
    let network = options.params.name.clone();
    options.state_directory.clone_from(&folder);
    let node = BitcoinNode::start(options).await?;
    let served = match rpc {
        None => None,
        Some(rpc) => {
            let basic = rpc
                .user
                .map(|(user, password)| BasicUser { user, password: Secret::new(password) });
            let cookie_file = basic.is_none().then_some(rpc.cookie_file);
            let auth = AuthConfig { cookie_file, basic, ..AuthConfig::default() };
            let calls = BitcoinRpc::new(node.kernel().clone(), stop.clone());
            // Ends after the node: who asks for the end is answered.
            Some(bitcoin_rpc::serve_for(calls, rpc.listen, auth, rpc.idle).await?)
        }
    };
    for address in node.addresses() {
        output::line(format!("p2p   {address}"))?;
    }
    if let Some(served) = &served {
        output::line(format!("rpc   http://{}", served.local_addr()))?;
    }
    output::line(format!("data  {} ({network})", folder.display()))?;
    let asked = stop.clone();
    tokio::spawn(async move {
        if stop::requested().await.is_ok() {
            asked.cancel();
        }
    });
    let ended = node.run(stop).await;
    if let Some(served) = served {
        served.stop().await;
    }
    drop(lock);
    ended?;
    Ok(())
}

/// Logs go to `debug.log`, and to standard output if wanted.
fn init_log(folder: &std::path::Path, log: settings::Log) -> anyhow::Result<()> {
    let path = folder.join("debug.log");
    let file = fs::OpenOptions::new().create(true).append(true).open(&path);
    let file = Arc::new(file.with_context(|| format!("cannot open {}", path.display()))?);
    let level = if log.debug { "info,quintet_bitcoin_node=debug" } else { "info" };
    let config = LogConfig { level: level.to_owned(), ..LogConfig::default() };
    let writer = BoxMakeWriter::new(file);
    let (subscriber, _logs) = telemetry::subscriber(&config, writer, false)
        .map_err(|error| UsageError::new(format!("-debug: {error}")))?;
    Ok(subscriber.try_init()?)
}
