//! The queue between two tasks: pushers that wait for room, one popper that waits for messages.

use std::{
    fmt,
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::sync::Notify;

use super::{Class, PriorityQueue, PushError, QueueConfig, QueueConfigError, Refused};

struct Shared<T> {
    state: Mutex<State<T>>,
    /// Wakes the popper.
    filled: Notify,
    /// Wakes the pushers.
    room: Notify,
    senders: AtomicUsize,
}

struct State<T> {
    queue: PriorityQueue<T>,
    /// The receiver is gone.
    closed: bool,
}

impl<T> Shared<T> {
    /// No code that can panic runs under the lock; even so, a poisoned queue is still a queue.
    fn lock(&self) -> MutexGuard<'_, State<T>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes a queue between tasks.
///
/// # Errors
///
/// [`QueueConfigError`] if it has no class or too many.
pub fn channel<T>(config: QueueConfig) -> Result<(Sender<T>, Receiver<T>), QueueConfigError> {
    let shared = Arc::new(Shared {
        state: Mutex::new(State { queue: PriorityQueue::new(config)?, closed: false }),
        filled: Notify::new(),
        room: Notify::new(),
        senders: AtomicUsize::new(1),
    });
    Ok((Sender { shared: Arc::clone(&shared) }, Receiver { shared }))
}

/// The end that fills the queue.
pub struct Sender<T> {
    shared: Arc<Shared<T>>,
}

impl<T> Sender<T> {
    /// Takes `message` of `size` bytes in if there is room, or room can be made by dropping less
    /// urgent messages, which are returned.
    ///
    /// # Errors
    ///
    /// [`Refused`] carries the message back.
    pub fn try_push(&self, class: Class, message: T, size: usize) -> Result<Vec<T>, Refused<T>> {
        let mut state = self.shared.lock();
        if state.closed {
            return Err(Refused { reason: PushError::Closed, message });
        }
        let pushed = state.queue.push(class, message, size);
        drop(state);
        if pushed.is_ok() {
            self.shared.filled.notify_one();
        }
        pushed
    }

    /// Like [`Sender::try_push`], but waits while the queue is full: back-pressure.
    ///
    /// Dropping the future before it completes drops the message. Of several tasks that wait, the
    /// first whose message fits goes on.
    ///
    /// # Errors
    ///
    /// [`Refused`] carries the message back if it can never be taken; never for a full queue.
    pub async fn push(&self, class: Class, message: T, size: usize) -> Result<Vec<T>, Refused<T>> {
        let mut message = message;
        loop {
            // Listen before looking, or room made in between would go unnoticed.
            let mut room = pin!(self.shared.room.notified());
            room.as_mut().enable();
            match self.try_push(class, message, size) {
                Err(Refused { reason: PushError::Full { .. }, message: back }) => message = back,
                settled => return settled,
            }
            room.await;
        }
    }

    /// Returns the number of messages waiting.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shared.lock().queue.len()
    }

    /// Returns whether no message waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.shared.lock().queue.is_empty()
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        self.shared.senders.fetch_add(1, Ordering::Relaxed);
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<T> Drop for Sender<T> {
    fn drop(&mut self) {
        if self.shared.senders.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.shared.filled.notify_one();
        }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("waiting", &self.len()).finish_non_exhaustive()
    }
}

/// The end that empties the queue. Dropping it closes the queue and drops what waits.
pub struct Receiver<T> {
    shared: Arc<Shared<T>>,
}

impl<T> Receiver<T> {
    /// Waits for the next message; `None` when every sender is gone and nothing waits any more.
    /// Cancel safe: a dropped future loses no message.
    pub async fn pop(&mut self) -> Option<T> {
        loop {
            // One popper and a stored permit: a push between the look and the wait is not missed.
            let gone = self.shared.senders.load(Ordering::Acquire) == 0;
            if let Some(message) = self.try_pop() {
                return Some(message);
            }
            if gone {
                return None;
            }
            self.shared.filled.notified().await;
        }
    }

    /// Takes the next message if one waits.
    pub fn try_pop(&mut self) -> Option<T> {
        let message = self.shared.lock().queue.pop()?;
        self.shared.room.notify_waiters();
        Some(message)
    }
}

impl<T> Drop for Receiver<T> {
    fn drop(&mut self) {
        let mut state = self.shared.lock();
        state.closed = true;
        let left: Vec<T> = std::iter::from_fn(|| state.queue.pop()).collect();
        drop(state);
        self.shared.room.notify_waiters();
        drop(left);
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waiting = self.shared.lock().queue.len();
        f.debug_struct("Receiver").field("waiting", &waiting).finish_non_exhaustive()
    }
}
