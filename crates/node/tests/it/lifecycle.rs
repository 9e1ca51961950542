//! Starting and stopping nodes, by signal, by fault and against a deadline.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use futures_util::future::BoxFuture;
use quintet_actor::supervisor::{ChildSpec, Fault, RestartPolicy, Supervisor};
use quintet_node::{
    datadir::DataDir,
    lifecycle::{
        Endpoint, LAST_GRACE, NodeContext, NodeError, NodeKind, RunningNode, Signals, StopCause,
        StopOutcome, run_until_shutdown,
    },
    ops::Health,
};
use tokio_util::sync::CancellationToken;

const DEADLINE: Duration = Duration::from_secs(30);

/// What the one actor of a test node does.
#[derive(Debug, Clone, Copy)]
enum Behaviour {
    /// Stops when told.
    Obedient,
    /// Does not stop when told.
    Deaf,
    /// Ends in a fault at once.
    Faulty,
}

struct Probe {
    behaviour: Behaviour,
    stopped: Arc<Mutex<Vec<String>>>,
}

impl NodeKind for Probe {
    fn name(&self) -> &'static str {
        "probe"
    }

    fn start(
        self: Box<Self>,
        ctx: NodeContext,
    ) -> BoxFuture<'static, Result<RunningNode, NodeError>> {
        Box::pin(async move {
            let Self { behaviour, stopped } = *self;
            let mut supervisor = Supervisor::new("probe");
            let instance = ctx.instance.clone();
            let grace = Duration::from_secs(3600);
            let spec = ChildSpec::new("actor", RestartPolicy::Never, grace);
            supervisor.spawn(spec, move |stop: CancellationToken| {
                let (stopped, instance) = (Arc::clone(&stopped), instance.clone());
                async move {
                    match behaviour {
                        Behaviour::Obedient => stop.cancelled().await,
                        Behaviour::Deaf => std::future::pending().await,
                        Behaviour::Faulty => return Err(Fault::new("the disk is gone")),
                    }
                    stopped.lock().unwrap().push(instance);
                    Ok(())
                }
            });
            let endpoints = vec![Endpoint::new("probe", "127.0.0.1:1")];
            Ok(RunningNode::supervise(ctx, endpoints, supervisor))
        })
    }
}

struct World {
    dir: tempfile::TempDir,
    health: Health,
    stopped: Arc<Mutex<Vec<String>>>,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self { dir, health: Health::new(), stopped: Arc::default() }
    }

    async fn start(&self, instance: &str, behaviour: Behaviour) -> RunningNode {
        let data_dir = DataDir::open(self.dir.path().join(instance)).unwrap();
        let ctx = NodeContext::new(instance, data_dir, &self.health);
        let kind: Box<dyn NodeKind> =
            Box::new(Probe { behaviour, stopped: Arc::clone(&self.stopped) });
        assert_eq!(kind.name(), "probe");
        kind.start(ctx).await.unwrap()
    }
}

#[tokio::test(start_paused = true)]
async fn a_signal_stops_the_nodes_last_started_first() {
    let world = World::new();
    let nodes = vec![
        world.start("a", Behaviour::Obedient).await,
        world.start("b", Behaviour::Obedient).await,
    ];
    assert_eq!(nodes[0].endpoints()[0].to_string(), "probe 127.0.0.1:1");
    let component = world.health.component("a");
    component.ready();
    let (sender, signals) = Signals::manual();
    sender.send("SIGTERM").await.unwrap();
    let report = run_until_shutdown(nodes, signals, &world.health, DEADLINE).await;
    assert!(report.is_clean(), "{report:?}");
    assert!(matches!(report.cause, StopCause::Signal { name: "SIGTERM" }));
    assert_eq!(*world.stopped.lock().unwrap(), ["b", "a"]);
    assert!(!world.health.is_ready());
    // The locks are free again.
    DataDir::open(world.dir.path().join("a")).unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_node_that_ends_by_itself_stops_the_others() {
    let world = World::new();
    let nodes = vec![
        world.start("a", Behaviour::Obedient).await,
        world.start("b", Behaviour::Faulty).await,
    ];
    let (_sender, signals) = Signals::manual();
    let report = run_until_shutdown(nodes, signals, &world.health, DEADLINE).await;
    assert!(!report.is_clean());
    let StopCause::Ended { instance, outcome } = &report.cause else { panic!("{report:?}") };
    assert_eq!(instance, "b");
    assert_eq!(outcome.to_string(), "b ended: actor of probe: the disk is gone");
    assert_eq!(*world.stopped.lock().unwrap(), ["a"]);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_hangs_does_not_outlive_the_deadline_nor_cost_the_others_their_end() {
    let world = World::new();
    let nodes =
        vec![world.start("a", Behaviour::Obedient).await, world.start("b", Behaviour::Deaf).await];
    let (sender, signals) = Signals::manual();
    sender.send("SIGTERM").await.unwrap();
    let begun = tokio::time::Instant::now();
    let report = run_until_shutdown(nodes, signals, &world.health, DEADLINE).await;
    assert!(begun.elapsed() <= DEADLINE + LAST_GRACE);
    assert!(matches!(report.nodes[0].outcome, StopOutcome::TimedOut), "{report:?}");
    assert!(report.nodes[1].outcome.is_clean(), "{report:?}");
    assert_eq!(*world.stopped.lock().unwrap(), ["a"]);
    assert!(!report.is_clean());
}

#[tokio::test(start_paused = true)]
async fn a_second_signal_returns_at_once() {
    let world = World::new();
    let nodes =
        vec![world.start("a", Behaviour::Deaf).await, world.start("b", Behaviour::Deaf).await];
    let (sender, signals) = Signals::manual();
    sender.send("SIGINT").await.unwrap();
    sender.send("SIGINT").await.unwrap();
    let begun = tokio::time::Instant::now();
    let report = run_until_shutdown(nodes, signals, &world.health, DEADLINE).await;
    assert!(report.forced && !report.is_clean());
    assert_eq!(begun.elapsed(), Duration::ZERO);
    assert!(report.nodes.iter().all(|n| matches!(n.outcome, StopOutcome::Abandoned)));
}

#[tokio::test(start_paused = true)]
async fn nothing_to_run_is_not_waited_for() {
    let (_sender, signals) = Signals::manual();
    let report = run_until_shutdown(Vec::new(), signals, &Health::new(), DEADLINE).await;
    assert!(matches!(report.cause, StopCause::Nothing));
}

#[cfg(unix)]
#[tokio::test]
async fn sigterm_is_a_request_to_stop() {
    let world = World::new();
    let nodes = vec![world.start("a", Behaviour::Obedient).await];
    let signals = Signals::install().unwrap();
    let pid = std::process::id().to_string();
    assert!(std::process::Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
    let report = run_until_shutdown(nodes, signals, &world.health, DEADLINE).await;
    assert!(matches!(report.cause, StopCause::Signal { name: "SIGTERM" }), "{report:?}");
}
