//! A bounded queue between two stages.

use std::{
    collections::VecDeque,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
};

/// First in, first out, up to a number of items; any number of threads on both sides.
#[derive(Debug)]
pub(super) struct Queue<T> {
    inner: Mutex<Inner<T>>,
    added: Condvar,
    taken: Condvar,
    max: usize,
}

#[derive(Debug)]
struct Inner<T> {
    items: VecDeque<T>,
    is_closed: bool,
}

impl<T> Queue<T> {
    pub(super) fn new(max: usize) -> Self {
        let inner = Inner { items: VecDeque::new(), is_closed: false };
        Self { inner: Mutex::new(inner), added: Condvar::new(), taken: Condvar::new(), max }
    }

    fn lock(&self) -> MutexGuard<'_, Inner<T>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds an item, waiting for room. Gives it back if the queue is closed.
    pub(super) fn push(&self, item: T) -> Result<(), T> {
        let mut inner = self.lock();
        while inner.items.len() >= self.max && !inner.is_closed {
            inner = self.taken.wait(inner).unwrap_or_else(PoisonError::into_inner);
        }
        if inner.is_closed {
            return Err(item);
        }
        inner.items.push_back(item);
        self.added.notify_one();
        Ok(())
    }

    /// Adds an item whether there is room or not: for what a stage gives itself, which must not wait for itself.
    pub(super) fn push_over(&self, item: T) -> Result<(), T> {
        let mut inner = self.lock();
        if inner.is_closed {
            return Err(item);
        }
        inner.items.push_back(item);
        self.added.notify_one();
        Ok(())
    }

    /// Takes the oldest item, waiting for one; `None` if the queue is closed and empty.
    pub(super) fn pop(&self) -> Option<T> {
        let mut inner = self.lock();
        loop {
            if let Some(item) = inner.items.pop_front() {
                self.taken.notify_one();
                return Some(item);
            }
            if inner.is_closed {
                return None;
            }
            inner = self.added.wait(inner).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Takes up to `max` items at once, waiting for the first; nothing if the queue is closed and empty.
    pub(super) fn pop_many(&self, max: usize) -> Vec<T> {
        let Some(first) = self.pop() else { return Vec::new() };
        let mut many = vec![first];
        let mut inner = self.lock();
        while many.len() < max
            && let Some(item) = inner.items.pop_front()
        {
            many.push(item);
        }
        self.taken.notify_all();
        many
    }

    /// Takes no more items; what is there can still be taken.
    pub(super) fn close(&self) {
        self.lock().is_closed = true;
        self.added.notify_all();
        self.taken.notify_all();
    }
}
