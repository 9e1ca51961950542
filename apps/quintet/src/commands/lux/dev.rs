//! `quintet lux dev`: a chain for one, in the foreground.
//!
//! ```text
//!   accounts, genesis ─► EthChain (a directory, or one that goes) ─► DevServing
//!                                                                    └─► Engine API, if somebody wants it
//! ```

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use alloy_primitives::{Address, U256};
use anyhow::Context as _;
use quintet_eth_chain::{ChainOptions, EthChain, Retention};
use quintet_lux_node::{
    dev::{DevAccount, DevOptions, Mining, accounts},
    genesis::LuxGenesis,
};
use quintet_node::datadir::DataDir;
use quintet_store::Durability;
use serde::Serialize;
use tempfile::TempDir;

use super::engine::{self, Engine};
use crate::{
    cli::LuxDevArgs,
    dev_chain::{ChainPlaces, DevServing, ETHER, Lasting, clock},
    exit::UsageError,
    output, runtime, telemetry,
};

/// Blocks whose state can be gone back to.
const STATES: u64 = 10_000;

/// The secret's file, if no other is named.
const JWT_FILE: &str = "jwt.hex";

pub(super) fn run(args: LuxDevArgs) -> anyhow::Result<()> {
    let _logs = telemetry::for_a_network(args.log.as_deref())?;
    let keys = accounts(&args.mnemonic, args.accounts)
        .map_err(|error| UsageError::new(format!("--mnemonic, --accounts: {error}")))?;
    let place = Place::open(args.data_dir.as_deref())?;
    let chain = open(&args, &keys, &place)?;
    runtime::many_threads()?.run(Box::pin(serve(args, keys, chain, place)))
}

/// Where the chain lies.
enum Place {
    /// Where somebody wants it to stay.
    Stays(DataDir),
    /// Until the end.
    Goes(TempDir),
}

impl Place {
    fn open(named: Option<&Path>) -> anyhow::Result<Self> {
        Ok(match named {
            Some(path) => Self::Stays(DataDir::open(std::path::absolute(path)?)?),
            None => {
                Self::Goes(tempfile::tempdir().context("cannot make a directory for the chain")?)
            }
        })
    }

    fn root(&self) -> &Path {
        match self {
            Self::Stays(directory) => directory.path(),
            Self::Goes(directory) => directory.path(),
        }
    }

    fn path(&self) -> PathBuf {
        self.root().join("chain")
    }
}

fn open(args: &LuxDevArgs, keys: &[DevAccount], place: &Place) -> anyhow::Result<EthChain> {
    let genesis = match &args.genesis {
        Some(file) => {
            let json =
                std::fs::read(file).with_context(|| format!("--genesis {}", file.display()))?;
            LuxGenesis::from_json(&json).map_err(|error| {
                UsageError::new(format!("--genesis {}: {error}", file.display()))
            })?
        }
        None => {
            // A chain that stays begins where it began.
            let timestamp = if args.data_dir.is_some() { 0 } else { clock() };
            let balance = U256::from(args.balance) * U256::from(ETHER);
            let funded = keys.iter().map(|key| key.address);
            LuxGenesis::development(args.chain_id, timestamp, args.gas_limit, funded, balance)?
        }
    };
    let retention = Retention { states: STATES, archive: args.archive, bodies: None };
    // A chain that goes at the end need not survive a power cut, and survives a killed process either way.
    let durability = if args.data_dir.is_some() { Durability::Sync } else { Durability::Buffered };
    let options = ChainOptions { retention, durability, ..ChainOptions::default() };
    let opening = || format!("cannot open the chain in {}", place.path().display());
    EthChain::open(&place.path(), genesis.spec, options).with_context(opening)
}

async fn serve(
    args: LuxDevArgs,
    keys: Vec<DevAccount>,
    chain: EthChain,
    place: Place,
) -> anyhow::Result<()> {
    let end = ended().context("cannot listen for signals")?;
    let mining = match (args.block_time, args.no_mining || args.engine_addr.is_some()) {
        (Some(seconds), _) => Mining::Interval { millis: seconds * 1_000 },
        (None, true) => Mining::Manual,
        (None, false) => Mining::Instant,
    };
    let coinbase = keys.first().map_or(Address::ZERO, |key| key.address);
    let options = DevOptions { mining, coinbase, accounts: keys };
    let listen = SocketAddr::new(args.host, args.port);
    let lasting = if args.data_dir.is_some() { Lasting::Stays } else { Lasting::Goes };
    let serving = DevServing::start(chain, options, listen, lasting).await?;
    let engine = match args.engine_addr {
        Some(listen) => {
            let secret = args.jwt_secret.clone().unwrap_or_else(|| place.root().join(JWT_FILE));
            Some(engine::start(listen, secret, &serving.dev, serving.stopping()).await?)
        }
        None => None,
    };
    tell(&args, &serving, engine.as_ref())?;
    end.await;
    if let Some(engine) = engine {
        engine.server.stop().await;
    }
    serving.stop().await?;
    drop(place);
    Ok(())
}

/// Waits until somebody wants an end.
#[cfg(unix)]
fn ended() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

/// Waits until somebody wants an end.
#[cfg(not(unix))]
fn ended() -> std::io::Result<impl Future<Output = ()>> {
    Ok(async { drop(tokio::signal::ctrl_c().await) })
}

/// What a script wants to know.
#[derive(Serialize)]
struct Told {
    #[serde(flatten)]
    places: ChainPlaces,
    #[serde(skip_serializing_if = "Option::is_none")]
    engine: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jwt_secret: Option<PathBuf>,
}

fn tell(args: &LuxDevArgs, serving: &DevServing, engine: Option<&Engine>) -> anyhow::Result<()> {
    let told = Told {
        places: serving.places(),
        engine: engine.map(|engine| format!("http://{}", engine.server.local_addr())),
        jwt_secret: engine.map(|engine| engine.secret.clone()),
    };
    if args.json {
        return output::json(&told);
    }
    let places = &told.places;
    let mut lines = vec![
        format!("chain {} at {} and {}", places.chain_id, places.http, places.ws),
        format!("{} ether each; keys everybody knows, of: {}", args.balance, args.mnemonic),
        String::new(),
    ];
    if let (Some(engine), Some(secret)) = (&told.engine, &told.jwt_secret) {
        lines.insert(1, format!("for a consensus client {engine}, secret in {}", secret.display()));
    }
    lines.extend(places.accounts.iter().map(|one| format!("{}  {}", one.address, one.private_key)));
    output::print(&format!("{}\n", lines.join("\n")))
}
