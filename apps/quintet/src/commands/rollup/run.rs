//! `quintet rollup run`: a node in the foreground.

use std::{fs, net::SocketAddr, sync::Arc, time::Duration};

use anyhow::Context as _;
use quintet_node::{
    datadir::DataDir,
    lifecycle::{NodeContext, Signals, run_until_shutdown},
    ops::Health,
};
use quintet_rollup_node::{
    batcher::BatcherOptions,
    chains,
    derive::DriverOptions,
    engine::embedded::chain_options,
    l1::{L1Source, prefetch::PrefetchOptions, transport::Transport},
    node::{BatcherParts, RollupHandle, RollupNode, RollupOptions},
    p2p::P2pOptions,
    sequencer::SequencerOptions,
    wallet::Wallet,
};
use quintet_rollup_protocol::config::RollupConfig;
use serde::Serialize;

use super::sources::L1Nodes;
use crate::{
    cli::RollupRunArgs,
    exit::UsageError,
    listen,
    output::{self, Style, paint},
    runtime,
    settings::data_dir,
    stop, telemetry,
};

/// The instance's name, in logs.
const INSTANCE: &str = "rollup";

/// Time the node has to stop in order; then it is aborted.
const STOP_DEADLINE: Duration = Duration::from_secs(25);

pub(super) fn run(args: RollupRunArgs) -> anyhow::Result<()> {
    let _logs = telemetry::for_a_network(Some(&args.log_level))?;
    let options = options(&args)?;
    runtime::many_threads()?.run(Box::pin(node(args, options)))
}

/// The L1 that is asked for.
fn l1(args: &RollupRunArgs, config: &RollupConfig) -> anyhow::Result<Arc<dyn L1Source>> {
    let nodes = L1Nodes {
        addresses: &args.l1,
        beacon: &args.l1_beacon,
        slot_seconds: args.l1_slot_seconds,
        per_second: args.l1_rpc_rate_limit,
        in_flight: args.l1_max_concurrency,
        trust: args.l1_trustrpc,
        quorum: None,
    };
    nodes.open(config, &Transport::default())
}

/// Says how the node joins others, if it does.
fn p2p(args: &RollupRunArgs) -> anyhow::Result<Option<P2pOptions>> {
    let p2p = &args.p2p;
    if p2p.disable {
        return Ok(None);
    }
    let key = p2p.sequencer_key.as_deref().map(Wallet::read).transpose();
    let sequencer =
        key.map_err(|error| UsageError::new(format!("--p2p.sequencer.key: {error}")))?;
    Ok(Some(P2pOptions {
        peers: p2p.peers.clone(),
        identity: p2p.priv_path.clone(),
        sequencer,
        signer: p2p.unsafe_block_signer,
        ..P2pOptions::new(p2p.listen())
    }))
}

fn options(args: &RollupRunArgs) -> anyhow::Result<RollupOptions> {
    let config = chains::find(&args.rollup_config)
        .map_err(|error| UsageError::new(format!("--rollup.config: {error}")))?;
    let path = &args.genesis;
    let genesis = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let l1_poll = Duration::from_millis(args.l1_http_poll_interval);
    let prefetch = PrefetchOptions {
        in_flight: usize::try_from(args.l1_max_concurrency)?,
        poll: l1_poll,
        confirmations: args.verifier_l1_confs,
        last: None,
    };
    let sequencer = args.sequencer_enabled.then_some(SequencerOptions {
        l1_confirmations: args.sequencer_l1_confs,
        max_safe_lag: args.sequencer_max_safe_lag,
        is_stopped: args.sequencer_stopped,
    });
    let batcher = match (&args.batcher_key, args.l1.first()) {
        (Some(key), Some(l1)) => {
            let wallet = Wallet::read(key)
                .map_err(|error| UsageError::new(format!("--batcher-key: {error}")))?;
            let data = super::batch::data(&args.batch, config.l1_chain_id);
            let options = BatcherOptions { data, ..super::batch::options(&args.batch)? };
            Some(BatcherParts { wallet, l1: l1.clone(), options })
        }
        _ => None,
    };
    Ok(RollupOptions {
        source: l1(args, &config)?,
        config: Arc::new(config),
        genesis,
        chain: chain_options(),
        driver: DriverOptions { prefetch, ..DriverOptions::default() },
        l1_poll,
        rpc: Some(listen::for_the_owner(SocketAddr::new(args.rpc_addr, args.rpc_port))),
        admin: args.rpc_enable_admin,
        eth_rpc: Some(listen::for_the_owner(SocketAddr::new(args.http_addr, args.http_port))),
        sequencer,
        batcher,
        p2p: p2p(args)?,
    })
}

async fn node(args: RollupRunArgs, options: RollupOptions) -> anyhow::Result<()> {
    let signals = Signals::install().context("cannot listen for signals")?;
    let health = Health::new();
    let directory = DataDir::open(data_dir("rollup", args.data_dir.as_deref())?)?;
    let chain_id = options.config.l2_chain_id;
    let ctx = NodeContext::new(INSTANCE, directory.clone(), &health);
    let (running, handle) = RollupNode::new(options).spawn(ctx).await?;
    tell(&args, chain_id, &directory, &handle)?;
    drop(directory);
    let report = run_until_shutdown(vec![running], signals, &health, STOP_DEADLINE).await;
    stop::judge(&report)
}

/// What a script wants to know.
#[derive(Serialize)]
struct Told {
    event: &'static str,
    kind: &'static str,
    chain_id: u64,
    rpc: Option<String>,
    http: Option<String>,
    /// What other nodes name it by.
    p2p: Option<String>,
    data_dir: String,
}

fn tell(
    args: &RollupRunArgs,
    chain_id: u64,
    directory: &DataDir,
    handle: &RollupHandle,
) -> anyhow::Result<()> {
    let url = |address: Option<SocketAddr>| address.map(|address| format!("http://{address}"));
    let told = Told {
        event: "ready",
        kind: "rollup",
        chain_id,
        rpc: url(handle.rpc()),
        http: url(handle.eth_rpc()),
        p2p: handle.p2p().map(ToString::to_string),
        data_dir: directory.path().display().to_string(),
    };
    if args.json {
        return output::json(&told);
    }
    let none = || "-".to_owned();
    let rows = [
        ("chain", chain_id.to_string()),
        ("rpc", told.rpc.unwrap_or_else(none)),
        ("http", told.http.unwrap_or_else(none)),
        ("p2p", told.p2p.unwrap_or_else(none)),
        ("data", told.data_dir),
    ];
    for (name, value) in rows {
        output::line(format!("{}  {value}", paint(Style::Heading, &format!("{name:<7}"))))?;
    }
    Ok(())
}
