//! The check scheduler: independent checks of many blocks at once, on every core.
//!
//! Scripts are nearly all of the work of a block, and each is checked on its own. Waiting for the last script
//! of one block before the next is begun leaves cores idle at the end of each; so the checks of blocks further on
//! are already in the queue:
//!
//! ```text
//!   submit(check, items) ──► room for the items? ──no──► the caller waits        backpressure
//!            │ yes
//!            ▼
//!   chunk chunk chunk …  of this group and of others ──► work-stealing pool
//!            │ each: skipped, if a lower item has failed or the group was cancelled
//!            ▼
//!   Group::wait ──► Ok │ the failure of the lowest item │ Cancelled
//! ```
//!
//! # Invariants
//!
//! - The verdict depends on the items alone: of several failures the one of the lowest index counts, in whatever order chunks
//!   complete. A chunk is skipped only if all its items come after a failure that is known.
//! - A panic in a check is a failure of its chunk, at the chunk's first item; it reaches whoever waits, and no one else.
//! - Room is given back when a chunk ends, however it ends. So nothing waits for ever.

use std::{
    any::Any,
    fmt,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use rayon::ThreadPool;

/// Most threads of a pool.
pub const THREADS_MAX: usize = 256;

/// Items a chunk holds at most, so that a long block is spread over all threads.
pub const CHUNK_ITEMS_MAX: usize = 4096;

/// Items of a chunk where there is so much to do that no thread will wait for the last. From about 256 Schnorr signatures on a batch
/// gains all it can.
pub const CHUNK_ITEMS_LARGE: usize = 512;

/// Chunks for each thread that a group is cut into when nothing else is queued: the last to be done are then short.
const CHUNKS_PER_THREAD: usize = 4;

/// Checks items, any number at a time.
pub trait Check: Send + Sync + 'static {
    /// What is checked: an input, say, with what it takes to check it.
    type Item: Send + Sync + 'static;
    /// Why an item is refused.
    type Error: Send + 'static;

    /// Checks `items`, which follow one another; they may share work, such as a signature batch.
    ///
    /// # Errors
    ///
    /// The **first** item that fails, as its index in `items`, and why. The verdict on a block is deterministic only if this is.
    fn run(&self, items: &[Self::Item]) -> Result<(), (usize, Self::Error)>;
}

/// Why a group did not pass.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Failure<E> {
    /// An item was refused.
    #[error("item {index}: {error}")]
    Refused {
        /// The lowest index that failed.
        index: usize,
        /// Why.
        error: E,
    },
    /// The check itself is broken: this says nothing about the items.
    #[error("the check of the items from {index} panicked: {reason}")]
    Panicked {
        /// First item of the chunk.
        index: usize,
        /// The panic's message.
        reason: String,
    },
    /// The group was cancelled before its verdict was known.
    #[error("the checks were cancelled")]
    Cancelled,
}

/// Why a pool could not be made.
#[derive(Debug, thiserror::Error)]
pub enum PoolError {
    /// An option is out of range.
    #[error("{option} is {actual}, expected 1 to {expected}")]
    Option {
        /// The option.
        option: &'static str,
        /// Its largest value.
        expected: usize,
        /// The value given.
        actual: usize,
    },
    /// Threads could not be started.
    #[error("could not start {threads} check threads: {source}")]
    Threads {
        /// Threads asked for.
        threads: usize,
        /// The reason.
        source: rayon::ThreadPoolBuildError,
    },
}

/// How a pool is sized.
#[derive(Debug, Clone, Copy)]
pub struct PoolOptions {
    /// Threads, 1 to [`THREADS_MAX`].
    pub threads: usize,
    /// Fewest items of a chunk, 1 to [`CHUNK_ITEMS_MAX`]; the last of a group may have less. Chunks grow up to [`CHUNK_ITEMS_LARGE`] where all
    /// threads are busy all the same: larger ones share more, smaller ones stop earlier and spread better.
    pub chunk_items: usize,
    /// Items submitted and not yet checked at which [`Pool::submit`] waits. A group larger than this is taken when nothing else is queued.
    pub queue_items_max: usize,
}

impl PoolOptions {
    /// Options with this many threads, chunks of 64 and a queue of 200,000 items, which is some tens of full blocks.
    #[must_use]
    pub const fn new(threads: usize) -> Self {
        Self { threads, chunk_items: 64, queue_items_max: 200_000 }
    }
}

/// Threads that run checks; cheap to clone. The threads end with the last clone and the last group.
#[derive(Debug, Clone)]
pub struct Pool {
    threads: Arc<ThreadPool>,
    chunk_items: usize,
    room: Arc<Room>,
}

impl Pool {
    /// Starts the threads.
    ///
    /// # Errors
    ///
    /// [`PoolError`] if an option is out of range or the system has no threads to give.
    pub fn new(options: &PoolOptions) -> Result<Self, PoolError> {
        let &PoolOptions { threads, chunk_items, queue_items_max } = options;
        for (option, expected, actual) in [
            ("threads", THREADS_MAX, threads),
            ("chunk_items", CHUNK_ITEMS_MAX, chunk_items),
            ("queue_items_max", usize::MAX, queue_items_max),
        ] {
            if !(1..=expected).contains(&actual) {
                return Err(PoolError::Option { option, expected, actual });
            }
        }
        let threads = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .thread_name(|at| format!("check-{at}"))
            .build()
            .map_err(|source| PoolError::Threads { threads, source })?;
        let room =
            Room { queued: Mutex::new(0), freed: Condvar::new(), items_max: queue_items_max };
        Ok(Self { threads: Arc::new(threads), chunk_items, room: Arc::new(room) })
    }

    /// Queues the checks of `items`, behind those queued before. Waits while the queue is full; never call it, or
    /// [`Group::wait`], from inside a check.
    pub fn submit<C: Check>(&self, check: C, items: Vec<C::Item>) -> Group<C::Error> {
        self.room.take(items.len());
        self.start(check, items)
    }

    /// Queues the checks of `items` unless the queue is full.
    ///
    /// # Errors
    ///
    /// [`QueueFull`] if there is no room, with what was to be checked.
    pub fn try_submit<C: Check>(
        &self,
        check: C,
        items: Vec<C::Item>,
    ) -> Result<Group<C::Error>, QueueFull<C>> {
        if self.room.try_take(items.len()) {
            Ok(self.start(check, items))
        } else {
            Err(QueueFull { check, items })
        }
    }

    /// Returns the items submitted and not yet checked.
    #[must_use]
    pub fn queued(&self) -> usize {
        *self.room.lock()
    }

    /// Returns how many items the chunks of a group of `items` have, which are counted as queued already.
    fn chunk_items(&self, items: usize) -> usize {
        let threads = self.threads.current_num_threads();
        let queued_before = self.queued().saturating_sub(items);
        let large = CHUNK_ITEMS_LARGE.max(self.chunk_items);
        if queued_before >= threads * large {
            // Others keep the threads busy while the last chunk of this group is run.
            return large;
        }
        items.div_ceil(threads * CHUNKS_PER_THREAD).clamp(self.chunk_items, large)
    }

    fn start<C: Check>(&self, check: C, items: Vec<C::Item>) -> Group<C::Error> {
        let chunk_items = self.chunk_items(items.len());
        let shared = Arc::new(Shared {
            lowest: AtomicUsize::new(usize::MAX),
            cancelled: AtomicBool::new(false),
            state: Mutex::new(State { left: items.len().div_ceil(chunk_items), failed: None }),
            done: Condvar::new(),
        });
        let work = Arc::new((check, items));
        let length = work.1.len();
        for start in (0..length).step_by(chunk_items) {
            let end = (start + chunk_items).min(length);
            let (work, shared) = (Arc::clone(&work), Arc::clone(&shared));
            let room = Arc::clone(&self.room);
            self.threads.spawn_fifo(move || {
                let failed = shared.run_chunk(&work.0, &work.1, start, end);
                // Items first: whoever is told that the group is done may count on their being gone.
                drop(work);
                room.give_back(end - start);
                shared.chunk_done(failed);
            });
        }
        Group { shared, _threads: Arc::clone(&self.threads) }
    }
}

/// There was no room: what was to be checked, given back.
pub struct QueueFull<C: Check> {
    /// The check.
    pub check: C,
    /// Its items.
    pub items: Vec<C::Item>,
}

impl<C: Check> fmt::Debug for QueueFull<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("QueueFull").field("items", &self.items.len()).finish_non_exhaustive()
    }
}

/// How many items are queued.
#[derive(Debug)]
struct Room {
    queued: Mutex<usize>,
    freed: Condvar,
    items_max: usize,
}

impl Room {
    fn lock(&self) -> MutexGuard<'_, usize> {
        self.queued.lock().unwrap_or_else(PoisonError::into_inner)
    }

    const fn fits(&self, queued: usize, items: usize) -> bool {
        queued == 0 || queued.saturating_add(items) <= self.items_max
    }

    fn take(&self, items: usize) {
        let mut queued = self.lock();
        while !self.fits(*queued, items) {
            queued = self.freed.wait(queued).unwrap_or_else(PoisonError::into_inner);
        }
        *queued += items;
    }

    fn try_take(&self, items: usize) -> bool {
        let mut queued = self.lock();
        let fits = self.fits(*queued, items);
        if fits {
            *queued += items;
        }
        fits
    }

    fn give_back(&self, items: usize) {
        *self.lock() -= items;
        self.freed.notify_all();
    }
}

/// What the chunks of a group share.
struct Shared<E> {
    /// The lowest index known to have failed.
    lowest: AtomicUsize,
    cancelled: AtomicBool,
    state: Mutex<State<E>>,
    done: Condvar,
}

struct State<E> {
    /// Chunks not yet done.
    left: usize,
    /// The failure of `lowest`.
    failed: Option<(usize, Failure<E>)>,
}

impl<E> Shared<E> {
    fn lock(&self) -> MutexGuard<'_, State<E>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run_chunk<C: Check<Error = E>>(
        &self,
        check: &C,
        items: &[C::Item],
        start: usize,
        end: usize,
    ) -> Option<(usize, Failure<E>)> {
        let skip =
            self.cancelled.load(Ordering::Acquire) || self.lowest.load(Ordering::Acquire) < start;
        let items = items.get(start..end).filter(|_| !skip)?;
        // The items are dropped after a panic, and the check is given shared references alone.
        let outcome = catch_unwind(AssertUnwindSafe(|| check.run(items)));
        let (index, failure) = match outcome {
            Ok(Ok(())) => return None,
            Ok(Err((at, error))) => {
                // An index beyond the chunk would be the check's mistake; it must not become another chunk's.
                let index = start + at.min(items.len() - 1);
                (index, Failure::Refused { index, error })
            }
            Err(panic) => {
                (start, Failure::Panicked { index: start, reason: message(panic.as_ref()) })
            }
        };
        self.lowest.fetch_min(index, Ordering::AcqRel);
        Some((index, failure))
    }

    fn chunk_done(&self, failed: Option<(usize, Failure<E>)>) {
        let mut state = self.lock();
        if let Some((index, failure)) = failed
            && state.failed.as_ref().is_none_or(|(lowest, _)| index < *lowest)
        {
            state.failed = Some((index, failure));
        }
        state.left -= 1;
        if state.left == 0 {
            self.done.notify_all();
        }
    }
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "a panic without a message".to_owned())
}

/// The checks of one block. Dropping it cancels them.
#[must_use = "dropping a group cancels its checks"]
pub struct Group<E> {
    shared: Arc<Shared<E>>,
    _threads: Arc<ThreadPool>,
}

impl<E> fmt::Debug for Group<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Group").field("chunks_left", &self.shared.lock().left).finish()
    }
}

impl<E> Group<E> {
    /// Waits for the verdict.
    ///
    /// # Errors
    ///
    /// [`Failure`] of the lowest item that failed, or [`Failure::Cancelled`].
    pub fn wait(self) -> Result<(), Failure<E>> {
        let mut state = self.shared.lock();
        while state.left > 0 {
            state = self.shared.done.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        // Before the failures: with chunks skipped, the failure known need not be the lowest.
        if self.shared.cancelled.load(Ordering::Acquire) {
            return Err(Failure::Cancelled);
        }
        state.failed.take().map_or(Ok(()), |(_, failure)| Err(failure))
    }

    /// Returns whether [`Group::wait`] would return at once.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.shared.lock().left == 0
    }

    /// Returns whether a failure is known already, though perhaps not yet the lowest: reason to stop preparing the next block.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.shared.lowest.load(Ordering::Acquire) != usize::MAX
    }

    /// Skips the chunks that have not begun. The verdict is [`Failure::Cancelled`] from then on.
    pub fn cancel(&self) {
        self.shared.cancelled.store(true, Ordering::Release);
    }
}

impl<E> Drop for Group<E> {
    fn drop(&mut self) {
        self.cancel();
    }
}
