//! `quintet kaspa run`: a node in the foreground.

mod peers;

use std::{
    io::{self, IsTerminal as _},
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    time::Duration,
};

use anyhow::Context as _;
use quintet_kaspa_node::{
    mining::MinerOptions,
    node::{GrpcOptions, KaspaKind, NodeOptions},
    rpc::CoreOptions,
};
use quintet_kaspa_protocol::{
    address::Address,
    params::{Network, Params},
};
use quintet_node::{
    datadir::DataDir,
    lifecycle::{NodeContext, NodeKind as _, Signals, StopCause, StopOutcome, run_until_shutdown},
    ops::Health,
    telemetry::{self, LogConfig},
};
use serde_json::{Map, json};
use tracing_subscriber::{fmt::writer::BoxMakeWriter, util::SubscriberInitExt as _};

use super::overrides;
use crate::{
    cli::KaspaRunArgs,
    exit::UsageError,
    output::{self, Style, paint},
    runtime, settings, stop,
};

/// The instance's name, in logs and metrics.
const INSTANCE: &str = "kaspa";

/// Time the node has to stop in order; then it is aborted.
const STOP_DEADLINE: Duration = Duration::from_secs(120);

/// `--rpcmaxclients`, at most: each client is a connection.
const GRPC_CLIENTS_BOUND: usize = 10_000;

/// The text in the coinbase of blocks mined here.
const EXTRA_DATA: &[u8] = concat!("quintet-", env!("CARGO_PKG_VERSION")).as_bytes();

pub(super) fn run(args: &KaspaRunArgs) -> anyhow::Result<()> {
    // Nothing is opened before the arguments are known to be right.
    let options = options(args)?;
    init_log(args.loglevel.as_deref())?;
    runtime::many_threads()?.run(Box::pin(node(options, args.json)))
}

fn options(args: &KaspaRunArgs) -> anyhow::Result<NodeOptions> {
    let network = match (args.testnet, args.simnet, args.devnet) {
        (true, ..) if args.netsuffix != 10 => {
            return Err(UsageError::new(format!(
                "--netsuffix={}: expected 10, the only test network there is",
                args.netsuffix
            ))
            .into());
        }
        (true, ..) => Network::Testnet10,
        (_, true, _) => Network::Simnet,
        (.., true) => Network::Devnet,
        _ => Network::Mainnet,
    };
    let directory = settings::chain_dir("kaspa", args.appdir.as_deref(), network.name())?;
    let mut options = NodeOptions::new(params(args, network)?, directory);
    options.utxo_index = args.utxoindex;
    options.archival = args.archival;
    options.threads = args.threads;
    if !(0.1..=10.0).contains(&args.ram_scale) {
        return Err(UsageError::new("--ram-scale: expected 0.1 to 10").into());
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0.1 to 10")]
    let per_mille = (args.ram_scale * 1000.0) as usize;
    options.memory_per_mille = per_mille;
    options.coins_bytes = options.coins_bytes / 1000 * per_mille;
    let listen = |flag: &str, text: &Option<String>, port| {
        let Some(text) = text else { return Ok(None) };
        let address = KaspaRunArgs::listen(text, port).ok_or_else(|| {
            UsageError::new(format!("--{flag}={text}: expected a port, an IP address, or both"))
        })?;
        if !address.ip().is_loopback() {
            return Err(UsageError::new(format!(
                "--{flag}={text}: only addresses of this machine are served; forward the port with `ssh -L`"
            )));
        }
        Ok(Some(address))
    };
    options.rpc_grpc =
        grpc(args, listen("rpclisten", &args.rpclisten, network.grpc_port())?, network)?;
    options.rpc_borsh =
        listen("rpclisten-borsh", &args.rpclisten_borsh, network.wrpc_borsh_port())?;
    options.rpc_json = listen("rpclisten-json", &args.rpclisten_json, network.wrpc_json_port())?;
    let is_own = matches!(network, Network::Simnet | Network::Devnet);
    options.rpc = CoreOptions {
        unsafe_rpc: args.unsaferpc,
        unsynced_mining: args.enable_unsynced_mining || is_own,
        mainnet_mining: args.enable_mainnet_mining,
    };
    options.mine = miner(args, network, is_own)?;
    options.peers = Some(peers::settings(args, network, is_own, &options.directory)?);
    Ok(options)
}

/// Says where gRPC is served: on the network's port if nothing is said, as kaspad does it.
fn grpc(
    args: &KaspaRunArgs,
    named: Option<SocketAddr>,
    network: Network,
) -> Result<Option<GrpcOptions>, UsageError> {
    if args.nogrpc {
        return Ok(None);
    }
    if !(1..=GRPC_CLIENTS_BOUND).contains(&args.rpcmaxclients) {
        let words = format!("--rpcmaxclients: expected 1 to {GRPC_CLIENTS_BOUND}");
        return Err(UsageError::new(words));
    }
    let usual = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), network.grpc_port());
    Ok(Some(GrpcOptions {
        address: named.unwrap_or(usual),
        clients_max: args.rpcmaxclients,
        is_optional: named.is_none(),
    }))
}

fn params(args: &KaspaRunArgs, network: Network) -> anyhow::Result<Params> {
    let params = Params::of(network);
    let Some(file) = &args.override_params_file else { return Ok(params) };
    if network == Network::Mainnet {
        return Err(UsageError::new(
            "--override-params-file: expected another network: those of the main network stand",
        )
        .into());
    }
    overrides::apply(params, file)
}

fn miner(
    args: &KaspaRunArgs,
    network: Network,
    is_own: bool,
) -> Result<Option<MinerOptions>, UsageError> {
    let Some(text) = &args.mine else { return Ok(None) };
    if !is_own {
        return Err(UsageError::new(
            "--mine: expected --simnet or --devnet; elsewhere a processor finds no blocks",
        ));
    }
    let address: Address =
        text.parse().map_err(|error| UsageError::new(format!("--mine={text}: {error}")))?;
    if address.prefix() != network.address_prefix() {
        return Err(UsageError::new(format!(
            "--mine={text}: expected an address that begins with {}:",
            network.address_prefix().as_str()
        )));
    }
    if args.mine_rate.is_some_and(|rate| !(rate > 0.0 && rate <= 1000.0)) {
        return Err(UsageError::new("--mine-rate: expected more than 0 and at most 1000"));
    }
    let script = address.script();
    Ok(Some(MinerOptions { script, rate: args.mine_rate, extra_data: EXTRA_DATA.to_vec() }))
}

/// Logs go to standard error: warnings, unless more is asked for.
fn init_log(level: Option<&str>) -> anyhow::Result<()> {
    let level = level.unwrap_or("warn").to_owned();
    let config = LogConfig { level, ..LogConfig::default() };
    let colour = io::stderr().is_terminal();
    let (subscriber, _logs) =
        telemetry::subscriber(&config, BoxMakeWriter::new(io::stderr), colour)
            .map_err(|error| UsageError::new(format!("--loglevel: {error}")))?;
    Ok(subscriber.try_init()?)
}

async fn node(options: NodeOptions, as_json: bool) -> anyhow::Result<()> {
    let signals = Signals::install().context("cannot listen for signals")?;
    let health = Health::new();
    let data_dir = DataDir::open(&options.directory)?;
    let network = options.params.network;
    let ctx = NodeContext::new(INSTANCE, data_dir.clone(), &health);
    let running = Box::new(KaspaKind::new(options)).start(ctx).await?;
    let mut told = vec![("network", network.name().to_owned())];
    told.extend(running.endpoints().iter().map(|end| (end.label, end.address.clone())));
    told.push(("data", show(data_dir.path())));
    drop(data_dir);
    tell(&told, as_json)?;
    let report = run_until_shutdown(vec![running], signals, &health, STOP_DEADLINE).await;
    // A client may ask for the end, too.
    if let StopCause::Ended { outcome: StopOutcome::Stopped(stopped), .. } = &report.cause
        && stopped.is_clean()
        && !report.forced
    {
        return Ok(());
    }
    stop::judge(&report)
}

fn show(path: &Path) -> String {
    path.display().to_string()
}

fn tell(told: &[(&str, String)], as_json: bool) -> anyhow::Result<()> {
    if as_json {
        let fields = told.iter().map(|(name, value)| (name.replace('-', "_"), json!(value)));
        return output::json(&fields.collect::<Map<_, _>>());
    }
    for (name, value) in told {
        output::line(format!("{}  {value}", paint(Style::Heading, &format!("{name:<11}"))))?;
    }
    Ok(())
}
