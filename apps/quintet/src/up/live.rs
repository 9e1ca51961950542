//! The network with its page, until somebody ends it.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::Context as _;
use quintet_actor::{
    bus::EventBus,
    supervisor::{Backoff, ChildSpec, RestartPolicy, Supervisor},
};
use quintet_dashboard::{Dashboard, DashboardConfig, DashboardError, DashboardHandle, Publisher};
use quintet_dht_node::DhtEvent;
use quintet_node::{
    config::BindAddr,
    datadir::DataDir,
    lifecycle::{NodeContext, RunningNode, Signals, run_until_shutdown},
    ops::{self, Health, OpsConfig, OpsServer},
    telemetry::{LogRecord, Logs, Metrics},
};
use rand::RngExt as _;
use tokio::{sync::broadcast::Receiver, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{
    STOP_DEADLINE, announce,
    bitcoin::{self, BitcoinNodes},
    feed::{self, Watched},
    kaspa::{self, KaspaNodes},
    lux::{self, Acquaintance, LuxNodes},
    network::{Home, LocalNode, Network},
    rollup::{self, RollupNodes},
    traffic, wants,
};
use crate::{cli::UpArgs, output, stop, telemetry};

/// Time the nodes have to get to know each other before what runs is told; they go on in any case.
const ACQUAINTANCE_MAX: Duration = Duration::from_secs(3);

/// Contacts each node should have by then.
const CONTACTS_WANTED: usize = 4;

/// Time one of the helpers has to end.
const HELPER_GRACE: Duration = Duration::from_secs(2);

/// What watches the network and keeps it busy, as a node of its own: started last, stopped first.
const INSTANCE: &str = "up";

/// Starts, tells what runs where, waits for the end.
pub(super) async fn run(args: UpArgs) -> anyhow::Result<()> {
    let begun = Instant::now();
    let logs = telemetry::for_a_network(args.log.as_deref())?;
    // Listened to before anything is started: the page shows that, too.
    let early = Arc::new(Mutex::new(Some(logs.records())));
    let metrics = Metrics::install()?;
    quintet_actor::describe_metrics();
    let signals = Signals::install().context("cannot listen for signals")?;
    let stopping = CancellationToken::new();
    let home = Home::new(args.data_dir.clone())?;
    let health = Health::new();
    let bus = EventBus::new("dht", super::EVENTS_KEPT);
    // Before the nodes: a port that is taken should be known before anything is started.
    let dashboard = serve_dashboard(args.dashboard, stopping.clone()).await?;
    let ops_config = OpsConfig { listen: BindAddr::loopback(0), ..OpsConfig::default() };
    let ops = ops::serve(&ops_config, metrics.clone(), health.clone()).await?;

    let nodes = if wants(&args, "dht") { args.nodes } else { 0 };
    let (mut chains, mut network) = tokio::try_join!(
        Box::pin(Chains::start(&args, &home, &health)),
        Network::start(nodes, home.path(), &bus, &health),
    )?;
    let others = network.nodes.len().saturating_sub(1);
    network.joined(others.min(CONTACTS_WANTED), Instant::now() + ACQUAINTANCE_MAX).await;
    if let Some(lux) = &mut chains.lux {
        lux.look_for_each_other(&network.clients());
    }
    let helpers = Helpers { logs, early, metrics, bus, publisher: dashboard.publisher() };
    let helpers = helpers.start((&network, &chains), args.no_traffic, (&home, &health))?;
    let places = announce::Places {
        dashboard: dashboard.url(),
        metrics: format!("http://{}/metrics", ops.local_addr()),
        home: &home,
        nodes: &network.nodes,
        bitcoin: wants(&args, "bitcoin").then(|| chains.bitcoins.places()).transpose()?,
        kaspa: wants(&args, "kaspa").then(|| chains.kaspas.places()).transpose()?,
        lux: chains.lux.as_ref().map(LuxNodes::places),
        rollup: chains.rollups.as_ref().map(RollupNodes::places),
        took: begun.elapsed(),
    };
    if args.json {
        places.print_json()?
    } else {
        places.print()?
    }

    // The last is stopped first: nothing loses what it stands on.
    let mut running = chains.running();
    running.append(&mut network.running);
    running.push(helpers);
    let report = run_until_shutdown(running, signals, &health, STOP_DEADLINE).await;
    if !report.forced {
        stopping.cancel();
        end_servers(dashboard, ops).await;
        chains.bitcoins.end_servers().await;
    }
    stop::judge(&report)?;
    if args.json { Ok(()) } else { output::line("stopped in order") }
}

async fn end_servers(dashboard: DashboardHandle, ops: OpsServer) {
    tokio::join!(dashboard.stopped(), ops.stop());
}

/// On the address asked for; else on the usual one, or where that is taken on a free port.
async fn serve_dashboard(
    listen: Option<SocketAddr>,
    stop: CancellationToken,
) -> anyhow::Result<DashboardHandle> {
    let at = |listen| DashboardConfig { listen, ..DashboardConfig::default() };
    let Some(listen) = listen else {
        let usual = DashboardConfig::default();
        let free = at(SocketAddr::new(usual.listen.ip(), 0));
        return match Dashboard::start(usual, stop.clone()).await {
            Err(DashboardError::Bind { .. }) => Ok(Dashboard::start(free, stop).await?),
            other => Ok(other?),
        };
    };
    Ok(Dashboard::start(at(listen), stop).await?)
}

/// The nodes of the kinds that have a chain, or a DAG.
struct Chains {
    bitcoins: BitcoinNodes,
    kaspas: KaspaNodes,
    lux: Option<LuxNodes>,
    rollups: Option<RollupNodes>,
}

impl Chains {
    /// Starts those that are wanted, side by side but for the rollup, which stands on lux.
    async fn start(args: &UpArgs, home: &Home, health: &Health) -> anyhow::Result<Self> {
        let wants = |kind: &str| wants(args, kind);
        let bitcoins = async {
            match wants("bitcoin") {
                true => BitcoinNodes::start(home.path(), true, health).await,
                false => Ok(BitcoinNodes::default()),
            }
        };
        let kaspas = async {
            match wants("kaspa") {
                true => KaspaNodes::start(home.path(), true, health).await,
                false => Ok(KaspaNodes::default()),
            }
        };
        let layers = async {
            let lux = match wants("lux") {
                true => {
                    let acquaintance = Acquaintance::of(args);
                    Some(LuxNodes::start(home.path(), true, acquaintance, health).await?)
                }
                false => None,
            };
            let rollups = match (lux.as_ref(), wants("rollup")) {
                (Some(l1), true) => Some(RollupNodes::start(home.path(), l1, true, health).await?),
                _ => None,
            };
            anyhow::Ok((lux, rollups))
        };
        let (bitcoins, kaspas, layers) =
            tokio::try_join!(Box::pin(bitcoins), Box::pin(kaspas), Box::pin(layers))?;
        let (lux, rollups) = layers;
        Ok(Self { bitcoins, kaspas, lux, rollups })
    }

    /// Hands out what runs, what others stand on before them.
    fn running(&mut self) -> Vec<RunningNode> {
        let Self { bitcoins, kaspas, lux, rollups } = self;
        let mut running = Vec::new();
        running.extend(lux.iter_mut().flat_map(|lux| lux.running.drain(..)));
        running.extend(rollups.iter_mut().flat_map(|rollups| rollups.running.drain(..)));
        running.append(&mut bitcoins.running);
        running.append(&mut kaspas.running);
        running
    }
}

/// What watches the network and keeps it busy.
struct Helpers {
    logs: Logs,
    /// Follows the logs since the start, for the first incarnation of whoever shows them.
    early: Arc<Mutex<Option<Receiver<LogRecord>>>>,
    metrics: Metrics,
    bus: EventBus<DhtEvent>,
    publisher: Publisher,
}

impl Helpers {
    /// Starts them under one supervisor. None of them is worth ending the network for: they are restarted.
    fn start(
        self,
        (network, chains): (&Network, &Chains),
        no_traffic: bool,
        (home, health): (&Home, &Health),
    ) -> anyhow::Result<RunningNode> {
        let Chains { bitcoins, kaspas, lux, rollups } = chains;
        let Self { logs, early, metrics, bus, publisher } = self;
        let ctx = NodeContext::new(INSTANCE, DataDir::open(home.path())?, health);
        let mut supervisor = Supervisor::new(INSTANCE);

        supervisor.spawn(restarted("metrics"), move |stop| {
            let metrics = metrics.clone();
            async move {
                metrics.upkeep(stop).await;
                Ok(())
            }
        });
        let page = publisher.clone();
        supervisor.spawn(restarted("logs"), move |stop| {
            let early = early.lock().unwrap_or_else(PoisonError::into_inner).take();
            let (records, page) = (early.unwrap_or_else(|| logs.records()), page.clone());
            async move {
                feed::forward_logs(records, page, stop).await;
                Ok(())
            }
        });
        let watched = |node: &LocalNode| Watched {
            name: Arc::clone(&node.name),
            client: node.client.clone(),
        };
        if let Some(lux) = lux {
            lux_helpers(&mut supervisor, lux, &publisher, no_traffic);
        }
        if let (Some(rollups), Some(lux)) = (rollups, lux) {
            rollup_helpers(&mut supervisor, (rollups, lux), &publisher, no_traffic);
        }
        if !bitcoins.nodes.is_empty() {
            bitcoin_helpers(&mut supervisor, bitcoins, &publisher, no_traffic);
        }
        if !kaspas.nodes.is_empty() {
            kaspa_helpers(&mut supervisor, kaspas, &publisher, no_traffic);
        }
        let nodes: Vec<Watched> = network.nodes.iter().map(watched).collect();
        if !nodes.is_empty() {
            supervisor.spawn(restarted("feed"), move |stop| {
                feed::run(nodes.clone(), bus.clone(), publisher.clone(), stop)
            });
        }
        if !no_traffic && !network.nodes.is_empty() {
            let clients: Vec<_> = network
                .nodes
                .iter()
                .map(|node| (Arc::clone(&node.name), node.client.clone()))
                .collect();
            supervisor.spawn(restarted("traffic"), move |stop| {
                traffic::run(clients.clone(), rand::rng().random(), stop)
            });
        }
        Ok(RunningNode::supervise(ctx, Vec::new(), supervisor))
    }
}

/// Shows the Bitcoin nodes, and keeps them busy.
fn bitcoin_helpers(
    supervisor: &mut Supervisor,
    bitcoins: &BitcoinNodes,
    publisher: &Publisher,
    no_traffic: bool,
) {
    let (nodes, publisher) = (bitcoins.nodes.clone(), publisher.clone());
    supervisor.spawn(restarted("bitcoin-feed"), move |stop| {
        bitcoin::feed(nodes.clone(), publisher.clone(), stop)
    });
    if !no_traffic {
        let nodes = bitcoins.nodes.clone();
        supervisor.spawn(restarted("bitcoin-traffic"), move |stop| {
            bitcoin::traffic(nodes.clone(), rand::rng().random(), stop)
        });
    }
}

/// Shows the Kaspa nodes, and keeps them busy: without traffic nobody mines.
fn kaspa_helpers(
    supervisor: &mut Supervisor,
    kaspas: &KaspaNodes,
    publisher: &Publisher,
    no_traffic: bool,
) {
    let (nodes, publisher) = (kaspas.nodes.clone(), publisher.clone());
    supervisor.spawn(restarted("kaspa-feed"), move |stop| {
        kaspa::feed(nodes.clone(), publisher.clone(), stop)
    });
    if !no_traffic {
        let nodes = kaspas.nodes.clone();
        supervisor.spawn(restarted("kaspa-miners"), move |stop| {
            kaspa::mine(nodes.clone(), rand::rng().random(), stop)
        });
        let nodes = kaspas.nodes.clone();
        supervisor.spawn(restarted("kaspa-traffic"), move |stop| {
            kaspa::traffic(nodes.clone(), rand::rng().random(), stop)
        });
    }
}

/// Shows the validators, and keeps them busy.
fn lux_helpers(
    supervisor: &mut Supervisor,
    lux: &LuxNodes,
    publisher: &Publisher,
    no_traffic: bool,
) {
    let (nodes, publisher) = (lux.nodes.clone(), publisher.clone());
    supervisor.spawn(restarted("lux-feed"), move |stop| {
        lux::feed(nodes.clone(), publisher.clone(), stop)
    });
    if !no_traffic {
        let (nodes, accounts) = (lux.nodes.clone(), lux.cast.busy.clone());
        supervisor.spawn(restarted("lux-traffic"), move |stop| {
            lux::traffic(nodes.clone(), accounts.clone(), rand::rng().random(), stop)
        });
    }
}

/// Shows the rollup, and keeps it busy.
fn rollup_helpers(
    supervisor: &mut Supervisor,
    (rollups, lux): (&RollupNodes, &LuxNodes),
    publisher: &Publisher,
    no_traffic: bool,
) {
    let (shown, publisher) = (rollups.shown(), publisher.clone());
    supervisor.spawn(restarted("rollup-feed"), move |stop| {
        rollup::feed(shown.clone(), publisher.clone(), stop)
    });
    let l1 = lux.nodes.last().map(|node| Arc::clone(&node.node));
    if let Some(l1) = l1.filter(|_| !no_traffic) {
        let (nodes, cast) = (rollups.nodes.clone(), lux.cast.clone());
        supervisor.spawn(restarted("rollup-traffic"), move |stop| {
            let seed = rand::rng().random();
            rollup::traffic(nodes.clone(), Arc::clone(&l1), cast.clone(), seed, stop)
        });
    }
}

fn restarted(name: &'static str) -> ChildSpec {
    let backoff = Backoff { first: Duration::from_millis(200), cap: Duration::from_secs(5) };
    let within = Duration::from_secs(60);
    ChildSpec::new(name, RestartPolicy::OnFault { max_restarts: 5, within, backoff }, HELPER_GRACE)
}
