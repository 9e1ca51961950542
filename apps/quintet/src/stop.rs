//! Work that takes long and can be asked to stop: once for an orderly end, twice for the end at once.
//!
//! ```text
//!   main thread    waits for the work or a signal ──1st──► Stop is set ──2nd──► gives up waiting: the process ends
//!   other thread   the work, which asks Stop now and then and ends as soon as it can do so in order
//! ```

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use anyhow::{Context as _, bail};
use quintet_node::lifecycle::{RunReport, RunningNode, StopCause};

use crate::runtime;

/// What an end at once is called.
const FORCED: &str = "stopped at once by a second signal";

/// Whether somebody wants an end.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Returns whether the work should come to its end.
    pub(crate) fn is_requested(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn request(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Does the work on a thread of its own, with SIGTERM and SIGINT (elsewhere: Ctrl-C) turned into [`Stop`].
///
/// # Errors
///
/// The work's; or if a second signal came before the work had ended.
pub(crate) fn stoppable<T: Send + 'static>(
    work: impl FnOnce(&Stop) -> anyhow::Result<T> + Send + 'static,
) -> anyhow::Result<T> {
    runtime::one_thread()?.run(async {
        let mut requests = Requests::install().context("cannot listen for signals")?;
        let stop = Stop::default();
        let asked = stop.clone();
        let mut work = tokio::task::spawn_blocking(move || work(&asked));
        tokio::select! {
            ended = &mut work => return ended.context("the work ended early: report this")?,
            () = requests.next() => stop.request(),
        }
        tokio::select! {
            ended = &mut work => ended.context("the work ended early: report this")?,
            () = requests.next() => bail!(FORCED),
        }
    })
}

/// Waits until somebody wants an end.
///
/// # Errors
///
/// If signals cannot be listened for.
pub(crate) async fn requested() -> io::Result<()> {
    Requests::install()?.next().await;
    Ok(())
}

/// Judges how nodes came to their end: told to stop, and stopped in order, is a success.
///
/// # Errors
///
/// What kept them from it: a second signal, a node that ended by itself, one that did not stop in order.
pub(crate) fn judge(report: &RunReport) -> anyhow::Result<()> {
    if report.is_clean() {
        return Ok(());
    }
    if report.forced {
        bail!(FORCED);
    }
    if let StopCause::Ended { instance, outcome } = &report.cause {
        bail!("{instance} ended by itself: {outcome}");
    }
    let faults = report.nodes.iter().filter(|node| !node.outcome.is_clean());
    let faults: Vec<String> =
        faults.map(|node| format!("{}: {}", node.instance, node.outcome)).collect();
    bail!("not everything stopped in order: {}", faults.join("; "))
}

/// Stops nodes, the last started first; what keeps one from an orderly end is logged.
pub(crate) async fn stop_all(running: &mut Vec<RunningNode>) {
    while let Some(node) = running.pop() {
        let instance = node.instance().to_owned();
        if let Err(error) = node.stop().await {
            tracing::error!(instance, "{error}");
        }
    }
}

#[cfg(unix)]
struct Requests {
    terminate: tokio::signal::unix::Signal,
    interrupt: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Requests {
    fn install() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let terminate = signal(SignalKind::terminate())?;
        Ok(Self { terminate, interrupt: signal(SignalKind::interrupt())? })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.terminate.recv() => {}
            _ = self.interrupt.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Requests;

#[cfg(not(unix))]
#[expect(
    clippy::unnecessary_wraps,
    clippy::needless_pass_by_ref_mut,
    reason = "one signature on every system"
)]
impl Requests {
    fn install() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            core::future::pending::<()>().await;
        }
    }
}
