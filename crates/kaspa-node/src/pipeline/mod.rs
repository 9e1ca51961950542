//! The pipeline: the stages of consensus as threads with bounded queues between them.
//!
//! ```text
//!   submit ─► Waiting (headers) ─► header threads ─► Waiting (bodies) ─► body threads ─► virtual thread ─► pruning
//!                 ▲ parents' headers                    ▲ parents' bodies     │ scripts run ahead
//!                 └── settled ──────────────────────────┴── settled ──────────┘
//! ```
//!
//! Blocks may be submitted in any order: one whose parents are not there waits for them, up to a number of blocks; the one that waited
//! longest is then refused for its missing parents.
//!
//! # Invariants
//!
//! - What is decided does not depend on the order of submission, nor on how stages interleave: a row follows from the block's past, a body's verdict
//!   from the block and its past, the virtual block from the bodies that are there.
//! - No stage waits for an earlier one, so that nothing waits for ever. Each ticket is answered once.
//! - After a failure of the ledger every ticket is answered with it and no block is taken.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
};

use quintet_kaspa_protocol::{block::Block, header::Header, validation::RuleError};
use quintet_node::memory;
use quintet_primitives::Hash256;

use crate::{
    consensus::{Consensus, ConsensusError, Outcome},
    ports::BlockStatus,
};

mod queue;
mod ticket;
mod waiting;

use queue::Queue;
use ticket::{Responder, ticket};
use waiting::{Admitted, Waiting};

pub use ticket::Ticket;

/// Blocks resolved at once, at most: what one step into the ledger may hold.
const RESOLVE_MAX: usize = 512;

/// How many threads and how long queues.
#[derive(Debug, Clone, Copy)]
pub struct PipelineOptions {
    /// Threads of the header stage.
    pub header_threads: usize,
    /// Threads of the body stage.
    pub body_threads: usize,
    /// Blocks in each queue.
    pub queue_max: usize,
    /// Blocks that may wait for parents, in each stage.
    pub waiting_max: usize,
}

impl Default for PipelineOptions {
    /// Threads for the cores there are; 256 blocks a queue, 4,096 that wait.
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let (header_threads, body_threads) = (cores.div_ceil(2), cores);
        Self { header_threads, body_threads, queue_max: 256, waiting_max: 4096 }
    }
}

/// A block on its way.
#[derive(Debug)]
struct Job {
    hash: Hash256,
    header: Arc<Header>,
    /// None where only the header was submitted, or the body went on.
    block: Option<Block>,
    responder: Responder,
}

impl Job {
    fn missing(self, missing: Vec<Hash256>) {
        self.responder.answer(Ok(Outcome::Refused(RuleError::MissingParents { missing })));
    }
}

#[derive(Debug)]
struct Shared {
    consensus: Arc<Consensus>,
    headers: Queue<Job>,
    bodies: Queue<Job>,
    resolved: Queue<Job>,
    waiting_headers: Mutex<Waiting<Job>>,
    waiting_bodies: Mutex<Waiting<Job>>,
    broken: Mutex<Option<ConsensusError>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The running stages. Dropping it finishes what is in the queues and ends the threads.
#[derive(Debug)]
pub struct Pipeline {
    shared: Arc<Shared>,
    header_threads: Vec<JoinHandle<()>>,
    body_threads: Vec<JoinHandle<()>>,
    virtual_thread: Option<JoinHandle<()>>,
}

impl Pipeline {
    /// Starts the stages over a consensus.
    ///
    /// # Errors
    ///
    /// [`ConsensusError::Threads`] if the system has no threads to give.
    pub fn start(
        consensus: Arc<Consensus>,
        options: &PipelineOptions,
    ) -> Result<Self, ConsensusError> {
        let queue_max = options.queue_max.max(1);
        let shared = Arc::new(Shared {
            consensus,
            headers: Queue::new(queue_max),
            bodies: Queue::new(queue_max),
            resolved: Queue::new(queue_max),
            waiting_headers: Mutex::new(Waiting::new(options.waiting_max)),
            waiting_bodies: Mutex::new(Waiting::new(options.waiting_max)),
            broken: Mutex::default(),
        });
        let mut pipeline = Self {
            shared,
            header_threads: Vec::new(),
            body_threads: Vec::new(),
            virtual_thread: None,
        };
        for _ in 0..options.header_threads.max(1) {
            let thread = pipeline.spawn("kaspa-header", Shared::run_headers)?;
            pipeline.header_threads.push(thread);
        }
        for _ in 0..options.body_threads.max(1) {
            let thread = pipeline.spawn("kaspa-body", Shared::run_bodies)?;
            pipeline.body_threads.push(thread);
        }
        pipeline.virtual_thread = Some(pipeline.spawn("kaspa-virtual", Shared::run_virtual)?);
        Ok(pipeline)
    }

    fn spawn(&self, name: &str, run: fn(&Shared)) -> Result<JoinHandle<()>, ConsensusError> {
        let shared = Arc::clone(&self.shared);
        let builder = std::thread::Builder::new().name(name.to_owned());
        builder
            .spawn(move || run(&shared))
            .map_err(|error| ConsensusError::Threads { threads: 1, reason: error.to_string() })
    }

    /// Returns the consensus below.
    #[must_use]
    pub fn consensus(&self) -> &Arc<Consensus> {
        &self.shared.consensus
    }

    /// Returns how many blocks wait for parents' headers, and for their bodies.
    #[must_use]
    pub fn waiting(&self) -> (usize, usize) {
        (lock(&self.shared.waiting_headers).len(), lock(&self.shared.waiting_bodies).len())
    }

    /// Refuses the blocks that wait for parents now, for those that are missing: for whoever knows that nothing will bring them.
    pub fn refuse_waiting(&self) {
        self.shared.refuse_waiting();
    }

    /// Submits a block; waits while the queue is full.
    pub fn submit_block(&self, block: Block) -> Ticket {
        let header = Arc::new(block.header.clone());
        self.submit(header, Some(block))
    }

    /// Submits a block of somebody who has what it was made of, a miner: it is refused for parents whose bodies are not there, where another
    /// block would wait for them. Waits while the queue is full.
    pub fn submit_attached(&self, block: Block) -> Ticket {
        let missing = self.shared.missing_bodies(&block.header);
        let known = self.shared.consensus.status(&block.header.hash());
        // The parents of one that is known may be gone.
        if missing.is_empty() || known.is_some_and(BlockStatus::has_body) {
            return self.submit_block(block);
        }
        let (ticket, responder) = ticket();
        responder.answer(Ok(Outcome::Refused(RuleError::MissingParents { missing })));
        ticket
    }

    /// Submits a header alone; waits while the queue is full.
    pub fn submit_header(&self, header: Arc<Header>) -> Ticket {
        self.submit(header, None)
    }

    fn submit(&self, header: Arc<Header>, block: Option<Block>) -> Ticket {
        let (ticket, responder) = ticket();
        let job = Job { hash: header.hash(), header, block, responder };
        let shared = &self.shared;
        if let Some(error) = lock(&shared.broken).clone() {
            job.responder.answer(Err(error));
            return ticket;
        }
        // Its parents may be gone since: what is known must not wait for them.
        if let Some(status) = shared.known(&job) {
            job.responder.answer(Ok(Outcome::Known(status)));
            return ticket;
        }
        let admitted = {
            let mut waiting = lock(&shared.waiting_headers);
            let missing = shared.missing_headers(&job.header);
            waiting.admit(job, missing)
        };
        match admitted {
            Admitted::Ready(job) => {
                if let Err(job) = shared.headers.push(job) {
                    job.missing(Vec::new());
                }
            }
            Admitted::Held => {}
            Admitted::Displaced(job) => {
                let missing = shared.missing_headers(&job.header);
                job.missing(missing);
            }
        }
        ticket
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        let shared = &self.shared;
        let join = |threads: &mut Vec<JoinHandle<()>>| {
            for thread in threads.drain(..) {
                // A thread that panicked has nothing more to finish.
                let _ = thread.join();
            }
        };
        shared.headers.close();
        join(&mut self.header_threads);
        shared.bodies.close();
        join(&mut self.body_threads);
        shared.resolved.close();
        if let Some(thread) = self.virtual_thread.take() {
            let _ = thread.join();
        }
        shared.refuse_waiting();
    }
}

impl Shared {
    /// Returns what is said of a block that needs no work: there is nothing to add to what is known of it.
    fn known(&self, job: &Job) -> Option<BlockStatus> {
        let status = self.consensus.status(&job.hash)?;
        let is_all = status.has_body() || status == BlockStatus::HeaderOnly && job.block.is_none();
        is_all.then_some(status)
    }

    fn refuse_waiting(&self) {
        let left = [lock(&self.waiting_headers).drain(), lock(&self.waiting_bodies).drain()];
        for job in left.into_iter().flatten() {
            let missing = self.missing_bodies(&job.header);
            job.missing(missing);
        }
    }

    fn missing_headers(&self, header: &Header) -> Vec<Hash256> {
        let parents = header.direct_parents().iter();
        parents.filter(|parent| !self.consensus.is_settled_header(parent)).copied().collect()
    }

    fn missing_bodies(&self, header: &Header) -> Vec<Hash256> {
        let parents = header.direct_parents().iter();
        parents.filter(|parent| !self.consensus.is_settled_body(parent)).copied().collect()
    }

    fn break_down(&self, error: &ConsensusError) {
        lock(&self.broken).get_or_insert_with(|| error.clone());
        let left = [lock(&self.waiting_headers).drain(), lock(&self.waiting_bodies).drain()];
        for job in left.into_iter().flatten() {
            job.responder.answer(Err(error.clone()));
        }
    }

    fn run_headers(&self) {
        while let Some(job) = self.headers.pop() {
            let outcome = self.consensus.submit_header(&job.header);
            let hash = job.hash;
            match outcome {
                Ok(outcome) if outcome.is_present() && job.block.is_some() => self.to_bodies(job),
                Err(error) => {
                    self.break_down(&error);
                    job.responder.answer(Err(error));
                }
                outcome => job.responder.answer(outcome),
            }
            // Whoever waits for a refused block is refused for it, or for what is missing.
            let ready = lock(&self.waiting_headers).settled(&hash);
            for job in ready {
                if let Err(job) = self.headers.push_over(job) {
                    let missing = self.missing_headers(&job.header);
                    job.missing(missing);
                }
            }
        }
    }

    fn to_bodies(&self, job: Job) {
        let admitted = {
            let mut waiting = lock(&self.waiting_bodies);
            let missing = self.missing_bodies(&job.header);
            waiting.admit(job, missing)
        };
        match admitted {
            Admitted::Ready(job) => {
                if let Err(job) = self.bodies.push(job) {
                    job.missing(Vec::new());
                }
            }
            Admitted::Held => {}
            Admitted::Displaced(job) => {
                let missing = self.missing_bodies(&job.header);
                job.missing(missing);
            }
        }
    }

    fn run_bodies(&self) {
        while let Some(mut job) = self.bodies.pop() {
            let hash = job.hash;
            let Some(block) = job.block.take() else {
                job.missing(Vec::new());
                continue;
            };
            let outcome = self.consensus.submit_body(block);
            let ready = lock(&self.waiting_bodies).settled(&hash);
            for job in ready {
                if let Err(job) = self.bodies.push_over(job) {
                    let missing = self.missing_bodies(&job.header);
                    job.missing(missing);
                }
            }
            let outcome = match outcome {
                Ok(Outcome::Accepted(_)) => self.consensus.verify_ahead(&hash).map(|()| None),
                other => other.map(Some),
            };
            match outcome {
                Ok(None) => {
                    if let Err(job) = self.resolved.push(job) {
                        job.missing(Vec::new());
                    }
                }
                Ok(Some(outcome)) => job.responder.answer(Ok(outcome)),
                Err(error) => {
                    self.break_down(&error);
                    job.responder.answer(Err(error));
                }
            }
        }
    }

    /// Brings the virtual block up to the bodies, and the pruning point up to the virtual block.
    fn resolve(&self) -> Result<(), ConsensusError> {
        self.consensus.resolve_virtual()?;
        if self.consensus.advance_pruning_point()?.is_some() {
            // The proof and the columns that were numbered anew were large, and are not needed again before the next move.
            memory::give_back();
        }
        Ok(())
    }

    fn run_virtual(&self) {
        loop {
            let jobs = self.resolved.pop_many(RESOLVE_MAX);
            if jobs.is_empty() {
                return;
            }
            let broken = lock(&self.broken).clone();
            let result = match broken {
                Some(error) => Err(error),
                None => self.resolve(),
            };
            if let Err(error) = &result {
                self.break_down(error);
            }
            for job in jobs {
                // Where pruning is shallow it may have come and gone within this one step.
                let status = self.consensus.status(&job.hash).unwrap_or(BlockStatus::Deleted);
                let outcome = Outcome::Accepted(status);
                job.responder.answer(result.clone().map(|()| outcome));
            }
        }
    }
}
