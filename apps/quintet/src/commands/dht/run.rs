//! `quintet dht`: one node in the foreground.

use std::time::Duration;

use anyhow::Context as _;
use quintet_dht_node::{DhtConfig, DhtNode};
use quintet_node::{
    config::{Config, ReloadHandle, Sources},
    datadir::DataDir,
    lifecycle::{NodeContext, Signals, run_until_shutdown},
    ops::{self, Health, OpsConfig, OpsServer},
    telemetry::{self, LogConfig, Metrics},
};
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use crate::{
    cli::RunArgs,
    endpoints::Endpoints,
    output::{self, Style, paint},
    runtime,
    settings::{self, data_dir},
    stop,
};

/// The instance's name, in logs and metrics.
const INSTANCE: &str = "dht";

/// Time the node has to stop in order; then it is aborted.
const STOP_DEADLINE: Duration = Duration::from_secs(25);

pub(super) fn run(args: RunArgs) -> anyhow::Result<()> {
    // Nothing is opened before the configuration is known to be right.
    let (config, sources) = settings::load(&args.config, args.flags.values())?;
    runtime::many_threads()?.run(Box::pin(node(args, config, sources)))
}

async fn node(args: RunArgs, config: Config, sources: Sources) -> anyhow::Result<()> {
    let logs = telemetry::init(&*config.section::<LogConfig>()?)?;
    let metrics = Metrics::install()?;
    quintet_actor::describe_metrics();
    let signals = Signals::install().context("cannot listen for signals")?;
    let stopping = CancellationToken::new();
    let health = Health::new();
    let data_dir = DataDir::open(data_dir("dht", args.data_dir.as_deref())?)?;

    let reloads = ReloadHandle::new(config.clone(), sources);
    let dht = (*config.section::<DhtConfig>()?).clone();
    let node = DhtNode::new(dht).with_reloads(reloads.subscribe());
    let _helpers = [
        tokio::spawn(logs.follow(reloads.subscribe())),
        tokio::spawn(
            reloads.reload_on_sighup(stopping.clone()).context("cannot listen for SIGHUP")?,
        ),
        tokio::spawn(metrics.clone().upkeep(stopping.clone())),
    ]
    .map(AbortOnDropHandle::new);

    let ops = serve_ops(&config, metrics, &health).await?;
    let ctx = NodeContext::new(INSTANCE, data_dir.clone(), &health);
    let (running, handle) = node.spawn(ctx).await?;
    let mut endpoints = Endpoints::of_dht(INSTANCE, &handle, data_dir.path()).await?;
    endpoints.metrics = ops.as_ref().map(|ops| format!("http://{}/metrics", ops.local_addr()));
    let published = endpoints.publish()?;
    if args.json {
        output::json(&endpoints)?
    } else {
        tell(&endpoints)?
    }

    let report = run_until_shutdown(vec![running], signals, &health, STOP_DEADLINE).await;
    stopping.cancel();
    drop(published);
    if let Some(ops) = ops.filter(|_| !report.forced) {
        ops.stop().await;
    }
    stop::judge(&report)
}

async fn serve_ops(
    config: &Config,
    metrics: Metrics,
    health: &Health,
) -> anyhow::Result<Option<OpsServer>> {
    let section = config.section::<OpsConfig>()?;
    if !section.enabled {
        return Ok(None);
    }
    Ok(Some(ops::serve(&section, metrics, health.clone()).await?))
}

fn tell(endpoints: &Endpoints) -> anyhow::Result<()> {
    let Endpoints { id, dht, rpc, metrics, data_dir, .. } = endpoints;
    let none = || "-".to_owned();
    let rows = [
        ("node", id.clone()),
        ("udp", dht.join(", ")),
        ("rpc", rpc.clone().unwrap_or_else(none)),
        ("metrics", metrics.clone().unwrap_or_else(none)),
        ("data", data_dir.display().to_string()),
    ];
    for (name, value) in rows {
        output::line(format!("{}  {value}", paint(Style::Heading, &format!("{name:<7}"))))?;
    }
    Ok(())
}
