//! The engine on a thread of its own, so that derivation, gossip and a sequencer can share one execution layer.
//!
//! ```text
//!   EngineClient (cheap to clone) ── task, place for the answer ──► TaskQueue ──► thread ──► Box<dyn Engine>
//!        ▲                                                                          │
//!        └──────────────── answer: put down without waiting ◄───────────────────────┘
//! ```
//!
//! # Invariants
//!
//! - The thread waits for tasks and for the execution layer, never for whoever asked: a place for one answer is made with each task, and a caller
//!   that has gone away costs nothing.
//! - A client that asks waits for its answer and for nothing else. [`EngineClient`] is itself an [`Engine`], so derivation needs not know.
//! - The thread ends with the last client.

use std::{
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        mpsc::{SyncSender, sync_channel},
    },
    thread,
};

use quintet_rollup_protocol::{
    attributes::{DerivedAttributes, PayloadAttributes},
    refs::{L2Ref, SafeBlock},
};

use super::{
    Engine, EngineError, Processed, UnsafeBlock,
    queue::{Lane, TaskQueue},
};

/// What the thread is asked to do; each answers through a channel for one answer.
type Task = Box<dyn FnOnce(&mut dyn Engine) + Send>;

#[derive(Default)]
struct State {
    queue: TaskQueue<Task>,
    clients: usize,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Asks an engine that runs on a thread of its own.
pub struct EngineClient {
    shared: Arc<Shared>,
}

impl std::fmt::Debug for EngineClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EngineClient").field("waiting", &self.shared.lock().queue.len()).finish()
    }
}

impl Clone for EngineClient {
    fn clone(&self) -> Self {
        self.shared.lock().clients += 1;
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl Drop for EngineClient {
    fn drop(&mut self) {
        self.shared.lock().clients -= 1;
        self.shared.changed.notify_all();
    }
}

/// Starts an engine's thread.
///
/// # Errors
///
/// [`EngineError::Failed`] if the system gives none.
pub fn start(engine: impl Engine + Send + 'static) -> Result<EngineClient, EngineError> {
    let shared = Arc::new(Shared::default());
    shared.lock().clients = 1;
    let serving = Arc::clone(&shared);
    thread::Builder::new()
        .name("rollup-engine".to_owned())
        .spawn(move || serve(&serving, engine))
        .map_err(|error| EngineError::Failed { reason: error.to_string() })?;
    Ok(EngineClient { shared })
}

fn serve(shared: &Shared, mut engine: impl Engine) {
    let mut state = shared.lock();
    loop {
        if let Some((_, task)) = state.queue.pop() {
            drop(state);
            task(&mut engine);
            state = shared.lock();
        } else if state.clients == 0 {
            return;
        } else {
            state = shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl EngineClient {
    /// Hands a task over and waits for its answer.
    fn ask<T: Send + 'static>(
        &self,
        lane: Lane,
        work: impl FnOnce(&mut dyn Engine) -> Result<T, EngineError> + Send + 'static,
    ) -> Result<T, EngineError> {
        let (sender, answer): (SyncSender<_>, _) = sync_channel(1);
        let task: Task = Box::new(move |engine| {
            // There is space for this one answer; whoever asked may have gone.
            let _put = sender.try_send(work(engine));
        });
        let replaced = self.shared.lock().queue.push(lane, task)?;
        self.shared.changed.notify_all();
        // The one whose place was taken hears so when its channel closes.
        drop(replaced);
        answer.recv().unwrap_or(Err(EngineError::Superseded))
    }
}

impl Engine for EngineClient {
    fn process(&mut self, attributes: &DerivedAttributes) -> Result<Processed, EngineError> {
        let attributes = attributes.clone();
        self.ask(Lane::Consolidate, move |engine| engine.process(&attributes))
    }

    fn insert(&mut self, block: &UnsafeBlock) -> Result<Processed, EngineError> {
        let block = block.clone();
        self.ask(Lane::Insert, move |engine| engine.insert(&block))
    }

    fn build(&mut self, parent: &L2Ref, attributes: &PayloadAttributes) -> Result<(), EngineError> {
        let (parent, attributes) = (*parent, attributes.clone());
        self.ask(Lane::Build, move |engine| engine.build(&parent, &attributes))
    }

    fn seal(&mut self) -> Result<UnsafeBlock, EngineError> {
        self.ask(Lane::Seal, |engine| engine.seal())
    }

    fn retreat(&mut self, to: &L2Ref) -> Result<(), EngineError> {
        let to = *to;
        self.ask(Lane::Build, move |engine| engine.retreat(&to))
    }

    fn knows(&mut self, block: &L2Ref) -> Result<bool, EngineError> {
        let block = *block;
        self.ask(Lane::Consolidate, move |engine| engine.knows(&block))
    }

    fn safe_block(&mut self, number: u64) -> Result<Option<SafeBlock>, EngineError> {
        self.ask(Lane::Consolidate, move |engine| engine.safe_block(number))
    }

    fn reset(&mut self, safe: &L2Ref) -> Result<(), EngineError> {
        let safe = *safe;
        self.ask(Lane::Consolidate, move |engine| engine.reset(&safe))
    }

    fn safe(&mut self, block: &L2Ref) -> Result<(), EngineError> {
        let block = *block;
        superseded(self.ask(Lane::Finalise, move |engine| engine.safe(&block)))
    }

    fn finalized(&mut self, block: &L2Ref) -> Result<(), EngineError> {
        let block = *block;
        superseded(self.ask(Lane::Finalise, move |engine| engine.finalized(&block)))
    }

    fn flush(&mut self) -> Result<(), EngineError> {
        self.ask(Lane::Consolidate, |engine| engine.flush())
    }
}

/// That something newer is to be final is as good as having been told.
fn superseded(answer: Result<(), EngineError>) -> Result<(), EngineError> {
    match answer {
        Err(EngineError::Superseded) => Ok(()),
        other => other,
    }
}
