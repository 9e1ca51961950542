//! Who wants to hear of what happened to the chain.
//!
//! No channel and no thread: an observer is called by the thread that wrote, after the write is durable and before the next one. It
//! takes what it needs and returns at once; it may read the chain, but not write to it.

use std::sync::{Arc, Mutex, PoisonError, Weak};

use quintet_evm::execute::Receipt;

use crate::{
    block::{BlockRef, SealedBlock},
    reader::Forkchoice,
};

/// What happened.
#[derive(Debug, Clone)]
pub enum ChainEvent {
    /// Blocks left the head's chain, the newest first. They and their receipts are still read by hash.
    Disconnected(Arc<[BlockRef]>),
    /// A block joined the head's chain.
    Connected {
        /// The block.
        block: Arc<SealedBlock>,
        /// What its transactions did.
        receipts: Arc<[Receipt]>,
    },
    /// The head, the safe or the finalised block changed; comes after all blocks that left and joined.
    Forkchoice(Forkchoice),
}

/// Wants to hear of what happened.
pub trait Observer: Send + Sync {
    /// Something happened.
    fn on_event(&self, event: &ChainEvent);
}

impl<F: Fn(&ChainEvent) + Send + Sync> Observer for F {
    fn on_event(&self, event: &ChainEvent) {
        self(event);
    }
}

type Listeners = Mutex<Vec<(u64, Arc<dyn Observer>)>>;

/// Observers, in the order in which they came.
#[derive(Default)]
pub(crate) struct Observers {
    listeners: Arc<Listeners>,
    next: Mutex<u64>,
}

impl std::fmt::Debug for Observers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Observers").finish_non_exhaustive()
    }
}

impl Observers {
    pub(crate) fn add(&self, observer: Arc<dyn Observer>) -> Subscription {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let id = *next;
        *next += 1;
        self.listeners.lock().unwrap_or_else(PoisonError::into_inner).push((id, observer));
        Subscription { id, listeners: Arc::downgrade(&self.listeners) }
    }

    pub(crate) fn tell(&self, event: &ChainEvent) {
        // A copy, so that an observer may end its own subscription.
        let listeners = self.listeners.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for (_, listener) in listeners {
            listener.on_event(event);
        }
    }
}

/// Ends the subscription when dropped.
#[must_use = "dropping it ends the subscription"]
pub struct Subscription {
    id: u64,
    listeners: Weak<Listeners>,
}

impl std::fmt::Debug for Subscription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Subscription").field(&self.id).finish()
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if let Some(listeners) = self.listeners.upgrade() {
            listeners
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .retain(|(id, _)| *id != self.id);
        }
    }
}
