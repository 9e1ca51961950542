//! `quintet lux run`: a node of a network, in the foreground.
//!
//! ```text
//!   genesis, key ─► lock ─► LuxServing: peers, clients
//! ```

use std::{fs, net::SocketAddr, path::Path};

use anyhow::Context as _;
use libp2p_address::peers;
use quintet_eth_chain::{ChainOptions, Retention};
use quintet_eth_pool::PoolConfig;
use quintet_eth_rpc::EthRpcConfig;
use quintet_lux_node::{
    genesis::LuxGenesis,
    p2p::StaticPeers,
    validator::{ValidatorKeys, ValidatorOptions},
};
use quintet_node::datadir::DataDir;
use quintet_primitives::hex;
use serde::Serialize;

use super::serving::{LuxServing, client_version};
use crate::{cli::LuxRunArgs, exit::UsageError, output, runtime, stop, telemetry};

/// Blocks whose state can be gone back to: without finality for longer, no reorganisation is deeper.
const STATES: u64 = 10_000;

pub(super) fn run(args: LuxRunArgs) -> anyhow::Result<()> {
    let _logs = telemetry::for_a_network(args.log.as_deref())?;
    let genesis = genesis(&args.genesis)?;
    let keys = args.validator_key.as_deref().map(key).transpose()?;
    let directory = DataDir::open(std::path::absolute(&args.data_dir)?)?;
    runtime::many_threads()?.run(Box::pin(serve(args, genesis, keys, directory)))
}

fn genesis(path: &Path) -> anyhow::Result<LuxGenesis> {
    let place = path.display();
    let json = fs::read(path).with_context(|| format!("--genesis {place}"))?;
    let wrong = |error| UsageError::new(format!("--genesis {place}: {error}"));
    let genesis = LuxGenesis::from_json(&json).map_err(wrong)?;
    genesis.validators().map_err(wrong)?;
    genesis.params().map_err(wrong)?;
    Ok(genesis)
}

fn key(path: &Path) -> anyhow::Result<ValidatorKeys> {
    let place = path.display();
    let text = fs::read_to_string(path).with_context(|| format!("--validator-key {place}"))?;
    // The content is a secret: an error may tell its shape, never its digits.
    let secret = hex::decode_array(text.trim()).map_err(|_| {
        UsageError::new(format!(
            "--validator-key {place}: expected 64 hexadecimal digits, as `quintet lux new` writes them"
        ))
    })?;
    Ok(ValidatorKeys::from_secret(&secret)?)
}

mod libp2p_address {
    //! Addresses as people write them.

    use std::net::SocketAddr;

    use quintet_lux_node::p2p::{Multiaddr, multiaddr};

    use crate::exit::UsageError;

    /// Reads addresses: `IP:PORT`, or libp2p's own form.
    pub(super) fn peers(texts: &[String]) -> Result<Vec<Multiaddr>, UsageError> {
        let read = |text: &String| {
            let socket = text.parse::<SocketAddr>().ok().map(multiaddr);
            socket.or_else(|| text.parse().ok()).ok_or_else(|| {
                UsageError::new(format!(
                    "--peers: expected ADDRESS:PORT or /ip4/…/tcp/…, got {text}"
                ))
            })
        };
        texts.iter().filter(|text| !text.is_empty()).map(read).collect()
    }
}

/// What a script wants to know.
#[derive(Serialize)]
struct Told {
    http: String,
    ws: String,
    p2p: String,
    peer: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    validator: Option<String>,
    chain_id: u64,
}

async fn serve(
    args: LuxRunArgs,
    genesis: LuxGenesis,
    keys: Option<ValidatorKeys>,
    directory: DataDir,
) -> anyhow::Result<()> {
    let (chain_id, validator) =
        (genesis.spec.chain_id(), keys.as_ref().map(|keys| keys.address().to_string()));
    let retention = Retention { states: STATES, archive: args.archive, bodies: None };
    let options = ValidatorOptions {
        genesis,
        directory: directory.path().to_owned(),
        keys,
        listen: args.listen,
        peers: Box::new(StaticPeers::new(peers(&args.peers)?)),
        chain: ChainOptions { retention, ..ChainOptions::default() },
        rpc: EthRpcConfig::default(),
        pool: PoolConfig::default(),
        client_version: client_version(),
    };
    let serving = LuxServing::start(options, SocketAddr::new(args.host, args.port)).await?;
    let (at, node) = (serving.address(), &serving.node);
    let told = Told {
        http: format!("http://{at}"),
        ws: format!("ws://{at}"),
        p2p: node.address().to_string(),
        peer: node.peer().to_string(),
        validator,
        chain_id,
    };
    if args.json {
        output::json(&told)?;
    } else {
        let who = told.validator.as_deref().unwrap_or("none: this node follows");
        output::line(format!("chain {chain_id} at {} and {}", told.http, told.ws))?;
        output::line(format!("peers reach it at {}/p2p/{}", told.p2p, told.peer))?;
        output::line(format!("validator {who}"))?;
    }
    stop::requested().await?;
    serving.stop().await?;
    drop(directory);
    Ok(())
}
