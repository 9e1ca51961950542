//! Life and death of actors: start, restart after a fault, ordered stop.
//!
//! ```text
//!              spawn                  fault, policy allows it
//!   factory ─────────► running ─────────────────────────► backing off ──┐
//!                      │  ▲  │                                          │
//!               Ok(()) │  └──┼──────────────────────────────────────────┘
//!                      ▼     │ fault, too many or Never
//!                  finished  ▼
//!                        escalation ─► every child is stopped ─► run() resolves with the fault
//! ```
//!
//! # Invariants
//!
//! - A child runs at most once at a time; its next incarnation starts after the last has ended.
//! - A panic is a fault like any other. It ends the child, never the process.
//! - Children stop in the reverse order of their start: each is told by its token, has its grace,
//!   and is then aborted. The next one is told only when it has ended, so a child may rely on those
//!   started before it until its own last line.
//! - [`Supervisor::run`] resolves: it waits for one child no longer than its grace and
//!   [`ABORT_GRACE`].
//! - Dropping a supervisor aborts its children.
//!
//! A supervisor can be a child of another one: [`Escalation`] becomes a [`Fault`] with `?`.

mod fault;
mod report;
mod spec;

use std::{fmt, future::Future, num::NonZeroUsize, pin::Pin, sync::Arc, time::Duration};

use tokio::{
    task::{AbortHandle, Id, JoinError, JoinSet},
    time::{Instant, sleep, timeout_at},
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

use self::spec::RestartLog;
pub use self::{
    fault::Fault,
    report::{ChildEvent, Ending, Escalation, ShutdownReport},
    spec::{Backoff, ChildSpec, RestartPolicy},
};
use crate::{
    bus::{EventBus, Subscription},
    meters::ChildMeters,
};

/// Events kept for a slow subscriber of [`Supervisor::events`].
pub const EVENTS_CAPACITY: NonZeroUsize = NonZeroUsize::MIN.saturating_add(255);

/// Time an aborted child has to reach its next await before it is given up as stuck.
pub const ABORT_GRACE: Duration = Duration::from_secs(1);

type Life = Pin<Box<dyn Future<Output = Result<(), Fault>> + Send>>;
type Factory = Arc<dyn Fn(CancellationToken) -> Life + Send + Sync>;

/// Starts children and answers for them.
pub struct Supervisor {
    name: &'static str,
    events: EventBus<ChildEvent>,
    /// In the order of their start; a child stays at its index.
    children: Vec<Child>,
    tasks: JoinSet<Result<(), Fault>>,
    report: ShutdownReport,
    /// The shutdown is under way: nothing is restarted and nothing escalates any more.
    stopping: bool,
}

struct Child {
    spec: ChildSpec,
    factory: Factory,
    token: CancellationToken,
    restarts: RestartLog,
    meters: ChildMeters,
    /// The running incarnation, also while it backs off; `None` once the child has ended for good.
    task: Option<AbortHandle>,
    /// When the child was told to stop.
    told: Option<Instant>,
}

impl Drop for Child {
    /// A supervisor that is dropped in the middle answers for nobody any more; a child with a thread of its own, which nothing can
    /// abort, would run for ever and keep the runtime from ending.
    fn drop(&mut self) {
        self.token.cancel();
    }
}

impl Supervisor {
    /// Makes a supervisor without children.
    #[must_use]
    pub fn new(name: &'static str) -> Self {
        Self {
            name,
            events: EventBus::new(name, EVENTS_CAPACITY),
            children: Vec::new(),
            tasks: JoinSet::new(),
            report: ShutdownReport::default(),
            stopping: false,
        }
    }

    /// Listens to what happens to the children from now on.
    #[must_use]
    pub fn events(&self) -> Subscription<ChildEvent> {
        self.events.subscribe()
    }

    /// Starts a child. `factory` is called once for every incarnation, inside its task, with the
    /// token that tells it to stop; it must be called from within a tokio runtime.
    ///
    /// What a child needs again after a restart (an [`InboxSlot`](crate::inbox::InboxSlot), clients
    /// of others) belongs into the factory; what a fault may have spoilt, into the future it makes.
    pub fn spawn<F, L>(&mut self, spec: ChildSpec, factory: F)
    where
        F: Fn(CancellationToken) -> L + Send + Sync + 'static,
        L: Future<Output = Result<(), Fault>> + Send + 'static,
    {
        let factory: Factory = Arc::new(move |token| Box::pin(factory(token)));
        let token = CancellationToken::new();
        let life = Arc::clone(&factory);
        let own = token.clone();
        let task = self.tasks.spawn(async move { life(own).await });
        let meters = ChildMeters::new(self.name, &spec.name);
        info!(supervisor = self.name, child = %spec.name, "child started");
        self.events.publish(ChildEvent::ChildStarted { child: Arc::clone(&spec.name) });
        self.children.push(Child {
            spec,
            factory,
            token,
            restarts: RestartLog::default(),
            meters,
            task: Some(task),
            told: None,
        });
    }

    /// Answers for the children until `shutdown` is cancelled, the last child has ended, or a fault
    /// escalates; then stops those that still run.
    ///
    /// # Errors
    ///
    /// [`Escalation`] carries the fault, and the report of the shutdown that followed it.
    pub async fn run(mut self, shutdown: CancellationToken) -> Result<ShutdownReport, Escalation> {
        let escalated = loop {
            let ended = tokio::select! {
                biased;
                () = shutdown.cancelled() => break None,
                ended = self.tasks.join_next_with_id() => ended,
            };
            match ended {
                None => break None,
                Some(ended) => {
                    if let Some(escalated) = self.on_end(ended) {
                        break Some(escalated);
                    }
                }
            }
        };
        self.stop_all().await;
        match escalated {
            None => Ok(self.report),
            Some((child, fault)) => {
                Err(Escalation { supervisor: self.name, child, fault, report: self.report })
            }
        }
    }

    /// Records that a task has ended, and restarts its child if its policy says so. Returns the
    /// child's name and fault if they escalate.
    fn on_end(
        &mut self,
        ended: Result<(Id, Result<(), Fault>), JoinError>,
    ) -> Option<(Arc<str>, Fault)> {
        let id = ended.as_ref().map_or_else(JoinError::id, |(id, _)| *id);
        let outcome = match ended {
            Ok((_, outcome)) => Some(outcome),
            Err(error) => {
                error.try_into_panic().ok().map(|payload| Err(Fault::from_panic(&*payload)))
            }
        };
        let is_it = |child: &Child| child.task.as_ref().is_some_and(|task| task.id() == id);
        let index = self.children.iter().position(is_it)?;
        let child = &mut self.children[index];
        match outcome {
            Some(Ok(())) => {
                let ending = child
                    .told
                    .map_or(Ending::Finished, |told| Ending::Stopped { took: told.elapsed() });
                self.settle(index, ending);
                None
            }
            Some(Err(fault)) => self.on_fault(index, fault),
            // Nobody but this supervisor and the runtime's own end aborts a task.
            None => {
                let grace = child.spec.stop_grace;
                self.settle(index, Ending::Aborted { grace });
                None
            }
        }
    }

    fn on_fault(&mut self, index: usize, fault: Fault) -> Option<(Arc<str>, Fault)> {
        let child = &mut self.children[index];
        let name = Arc::clone(&child.spec.name);
        child.meters.faults.increment(1);
        let restart_in = if self.stopping {
            None
        } else {
            child.restarts.on_fault(child.spec.restart, Instant::now())
        };
        error!(supervisor = self.name, child = %name, %fault, ?restart_in, "child faulted");
        self.events.publish(ChildEvent::ChildFaulted {
            child: Arc::clone(&name),
            fault: fault.clone(),
            restart_in,
        });
        if let Some(delay) = restart_in {
            self.restart(index, delay);
            return None;
        }
        self.settle(index, Ending::Faulted { fault: fault.clone() });
        (!self.stopping).then_some((name, fault))
    }

    fn restart(&mut self, index: usize, delay: Duration) {
        let child = &mut self.children[index];
        let factory = Arc::clone(&child.factory);
        let token = child.token.clone();
        let name = Arc::clone(&child.spec.name);
        let restarts = child.meters.restarts.clone();
        let events = self.events.clone();
        let supervisor = self.name;
        child.task = Some(self.tasks.spawn(async move {
            tokio::select! {
                () = token.cancelled() => return Ok(()),
                () = sleep(delay) => {}
            }
            info!(supervisor, child = %name, "child restarted");
            restarts.increment(1);
            events.publish(ChildEvent::ChildRestarted { child: name });
            factory(token).await
        }));
    }

    /// Writes down how a child ended for good.
    fn settle(&mut self, index: usize, ending: Ending) {
        let child = &mut self.children[index];
        child.task = None;
        let name = Arc::clone(&child.spec.name);
        if ending.is_clean() {
            debug!(supervisor = self.name, child = %name, %ending, "child ended");
        } else {
            warn!(supervisor = self.name, child = %name, %ending, "child ended");
        }
        self.events
            .publish(ChildEvent::ChildStopped { child: Arc::clone(&name), ending: ending.clone() });
        self.report.children.push((name, ending));
    }

    async fn stop_all(&mut self) {
        self.stopping = true;
        for index in (0..self.children.len()).rev() {
            self.stop(index).await;
        }
    }

    async fn stop(&mut self, index: usize) {
        let child = &mut self.children[index];
        if child.task.is_none() {
            return;
        }
        child.told = Some(Instant::now());
        child.token.cancel();
        let grace = child.spec.stop_grace;
        if self.ended_within(index, grace).await {
            return;
        }
        if let Some(task) = &self.children[index].task {
            task.abort();
        }
        if !self.ended_within(index, ABORT_GRACE).await {
            self.settle(index, Ending::Stuck);
        }
    }

    /// Waits until the child has ended, recording whatever else ends meanwhile.
    async fn ended_within(&mut self, index: usize, grace: Duration) -> bool {
        // A grace too long to add to the clock is no limit; a century stands in for it.
        const NO_LIMIT: Duration = Duration::from_secs(100 * 365 * 24 * 3600);
        let now = Instant::now();
        let deadline = now.checked_add(grace).unwrap_or(now + NO_LIMIT);
        while self.children[index].task.is_some() {
            match timeout_at(deadline, self.tasks.join_next_with_id()).await {
                Ok(Some(ended)) => drop(self.on_end(ended)),
                Ok(None) => return true,
                Err(_) => return false,
            }
        }
        true
    }
}

impl fmt::Debug for Supervisor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Supervisor")
            .field("name", &self.name)
            .field("children", &self.children.len())
            .finish_non_exhaustive()
    }
}
