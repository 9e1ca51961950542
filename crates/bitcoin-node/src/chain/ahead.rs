//! Work done ahead on other threads, with results in the order in which it was asked for.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        mpsc::{Receiver, sync_channel},
    },
};

use rayon::ThreadPool;

/// Jobs in the order of their results.
#[derive(Debug)]
pub(super) struct Ahead<T> {
    pool: Arc<ThreadPool>,
    results: VecDeque<Receiver<T>>,
}

impl<T: Send + 'static> Ahead<T> {
    pub(super) const fn new(pool: Arc<ThreadPool>) -> Self {
        Self { pool, results: VecDeque::new() }
    }

    /// Queues a job. The caller bounds how many wait, by [`Ahead::len`].
    pub(super) fn push(&mut self, job: impl FnOnce() -> T + Send + 'static) {
        let (sender, receiver) = sync_channel(1);
        self.results.push_back(receiver);
        self.pool.spawn_fifo(move || {
            // Nobody waits if the import was given up.
            let _ = sender.send(job());
        });
    }

    /// Waits for the result of the oldest job: `None` if there is no job, or it panicked.
    pub(super) fn pop(&mut self) -> Option<T> {
        self.results.pop_front()?.recv().ok()
    }

    pub(super) fn pool(&self) -> &ThreadPool {
        &self.pool
    }

    pub(super) fn len(&self) -> usize {
        self.results.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.results.is_empty()
    }
}
