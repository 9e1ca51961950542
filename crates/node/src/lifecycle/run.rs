//! Waiting for the end, and making it orderly.

use core::{fmt, time::Duration};

use futures_util::future::select_all;
use quintet_actor::supervisor::ShutdownReport;
use tokio::time::{Instant, timeout_at};

use super::{
    kind::{NodeError, RunningNode},
    signals::Signals,
};
use crate::ops::Health;

/// Time the remaining nodes have together once the deadline has passed: they are told to stop all
/// at once, so that one that hangs does not cost the others their last write.
pub const LAST_GRACE: Duration = Duration::from_secs(2);

/// A longer deadline is taken for this one; the clock cannot hold every duration.
const DEADLINE_MAX: Duration = Duration::from_secs(24 * 3600);

/// Why the nodes were stopped.
#[derive(Debug)]
pub enum StopCause {
    /// Somebody asked.
    Signal {
        /// The signal, such as `SIGTERM`.
        name: &'static str,
    },
    /// A node ended that should have gone on.
    Ended {
        /// The instance.
        instance: String,
        /// How.
        outcome: StopOutcome,
    },
    /// There was no node to run.
    Nothing,
}

/// How a node ended.
#[derive(Debug)]
pub enum StopOutcome {
    /// Its actors ended; the report says how each did.
    Stopped(ShutdownReport),
    /// A fault ended it.
    Faulted(NodeError),
    /// It did not end before the deadline and was aborted.
    TimedOut,
    /// A second signal cut its shutdown short.
    Abandoned,
}

impl StopOutcome {
    fn of(ended: Result<ShutdownReport, NodeError>) -> Self {
        ended.map_or_else(Self::Faulted, Self::Stopped)
    }

    /// Whether every actor ended well and in time.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        matches!(self, Self::Stopped(report) if report.is_clean())
    }
}

impl fmt::Display for StopOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopped(report) if report.is_clean() => f.write_str("stopped"),
            Self::Stopped(report) => write!(f, "stopped, but not cleanly: {report}"),
            Self::Faulted(error) => error.fmt(f),
            Self::TimedOut => f.write_str("did not stop before the deadline; aborted"),
            Self::Abandoned => f.write_str("abandoned at the second signal"),
        }
    }
}

/// How one node stopped.
#[derive(Debug)]
pub struct NodeStop {
    /// The instance.
    pub instance: String,
    /// How.
    pub outcome: StopOutcome,
    /// Time from being told to its end.
    pub took: Duration,
}

/// How a run ended.
#[derive(Debug)]
pub struct RunReport {
    /// Why.
    pub cause: StopCause,
    /// The nodes that were stopped, in the order in which they were.
    pub nodes: Vec<NodeStop>,
    /// Whether a second signal cut it short: exit at once, without waiting for anything.
    pub forced: bool,
}

impl RunReport {
    /// Whether a signal was the cause and every node ended well: exit with status 0.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        matches!(self.cause, StopCause::Signal { .. })
            && !self.forced
            && self.nodes.iter().all(|node| node.outcome.is_clean())
    }
}

/// Runs the nodes until a signal or until one of them ends, then stops the others, last started
/// first, all within `deadline` and [`LAST_GRACE`]. What happened is logged and returned.
pub async fn run_until_shutdown(
    mut nodes: Vec<RunningNode>,
    mut signals: Signals,
    health: &Health,
    deadline: Duration,
) -> RunReport {
    let cause = wait(&mut nodes, &mut signals).await;
    health.drain();
    match &cause {
        StopCause::Signal { name } => {
            tracing::info!("{name}: stopping; once more stops at once");
        }
        StopCause::Ended { instance, outcome } => {
            tracing::error!(instance, "a node ended by itself ({outcome}): stopping the others");
        }
        StopCause::Nothing => tracing::warn!("there is no node to run"),
    }
    let mut report = RunReport { cause, nodes: Vec::new(), forced: false };
    let mut until = Instant::now() + deadline.min(DEADLINE_MAX);
    let mut late = false;
    while let Some(node) = nodes.pop() {
        let (instance, begun) = (node.instance().to_owned(), Instant::now());
        let outcome = if report.forced {
            StopOutcome::Abandoned
        } else {
            stop_one(node, &mut signals, until).await
        };
        match &outcome {
            StopOutcome::Abandoned => report.forced = true,
            StopOutcome::TimedOut if !late => {
                late = true;
                until = Instant::now() + LAST_GRACE;
                nodes.iter().for_each(|node| node.shutdown().cancel());
            }
            StopOutcome::TimedOut | StopOutcome::Stopped(_) | StopOutcome::Faulted(_) => {}
        }
        let took = begun.elapsed();
        if outcome.is_clean() {
            tracing::info!(instance, ?took, "{outcome}");
        } else {
            tracing::error!(instance, ?took, "{outcome}");
        }
        report.nodes.push(NodeStop { instance, outcome, took });
    }
    report
}

/// Stops one node, unless a signal or the deadline comes first; then its tasks are aborted.
async fn stop_one(node: RunningNode, signals: &mut Signals, until: Instant) -> StopOutcome {
    tokio::select! {
        biased;
        name = signals.next() => {
            tracing::warn!("{name} again: stopping at once");
            StopOutcome::Abandoned
        }
        ended = timeout_at(until, node.stop()) => ended.map_or(StopOutcome::TimedOut, StopOutcome::of),
    }
}

/// Waits for the first reason to stop; a node that ended is removed.
async fn wait(nodes: &mut Vec<RunningNode>, signals: &mut Signals) -> StopCause {
    if nodes.is_empty() {
        return StopCause::Nothing;
    }
    let (ended, index) = tokio::select! {
        name = signals.next() => return StopCause::Signal { name },
        (ended, index, _) = select_all(nodes.iter_mut().map(|node| Box::pin(node.ended()))) => {
            (ended, index)
        }
    };
    let instance = nodes.remove(index).instance().to_owned();
    StopCause::Ended { instance, outcome: StopOutcome::of(ended) }
}
