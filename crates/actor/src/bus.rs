//! An event bus: facts in the past tense, from one place to whoever listens.
//!
//! ```text
//!   publish ──► ring of `capacity` events ──► Subscription A (at its own pace)
//!                                         └─► Subscription B (too slow: Lagged { missed })
//! ```
//!
//! An event says what has happened (`BlockConnected { .. }`); it asks for nothing, and nobody may
//! need to receive it: what must arrive goes through an [`inbox`](crate::inbox).
//!
//! # Invariants
//!
//! - Publishing never waits and never fails, with no subscriber and with slow ones alike.
//! - At most `capacity` events are kept, rounded up to a power of two; a subscriber that falls
//!   further behind is told how many it missed and goes on with the oldest that is left.
//! - Every subscriber sees the events it did not miss in the order of publication.

use std::{fmt, num::NonZeroUsize, sync::Arc};

use tokio::sync::broadcast;

use crate::meters::BusMeters;

/// Events a bus can be made for; a larger capacity is cut to this.
pub const CAPACITY_MAX: usize = 1 << 20;

/// The publishing side: cheap to clone. The bus closes when the last clone is dropped.
pub struct EventBus<E> {
    name: &'static str,
    sender: broadcast::Sender<E>,
    meters: Arc<BusMeters>,
}

impl<E: Clone> EventBus<E> {
    /// Makes a bus that keeps `capacity` events for slow subscribers; `name` labels its metrics.
    #[must_use]
    pub fn new(name: &'static str, capacity: NonZeroUsize) -> Self {
        let sender = broadcast::Sender::new(capacity.get().min(CAPACITY_MAX));
        Self { name, sender, meters: Arc::new(BusMeters::new(name)) }
    }

    /// Tells every subscriber that `event` has happened.
    pub fn publish(&self, event: E) {
        self.meters.published();
        // The only error is that nobody listens, which is no error here.
        drop(self.sender.send(event));
    }

    /// Listens to what is published from now on.
    #[must_use]
    pub fn subscribe(&self) -> Subscription<E> {
        Subscription { receiver: self.sender.subscribe(), meters: Arc::clone(&self.meters) }
    }

    /// Returns the number of subscribers; with none, costly events need not be built.
    #[must_use]
    pub fn subscribers(&self) -> usize {
        self.sender.receiver_count()
    }
}

impl<E> Clone for EventBus<E> {
    fn clone(&self) -> Self {
        Self { name: self.name, sender: self.sender.clone(), meters: Arc::clone(&self.meters) }
    }
}

impl<E> fmt::Debug for EventBus<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventBus")
            .field("name", &self.name)
            .field("subscribers", &self.sender.receiver_count())
            .finish_non_exhaustive()
    }
}

/// What a subscription delivers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Delivery<E> {
    /// This has happened.
    Event(E),
    /// The subscriber was too slow and lost events; read the state anew if every one counts.
    Lagged {
        /// Events lost.
        missed: u64,
    },
    /// The last publisher is gone; nothing will come any more.
    Closed,
}

/// The listening side of a bus.
pub struct Subscription<E> {
    receiver: broadcast::Receiver<E>,
    meters: Arc<BusMeters>,
}

impl<E: Clone> Subscription<E> {
    /// Waits for the next delivery. Cancel safe: a dropped future loses no event.
    pub async fn next(&mut self) -> Delivery<E> {
        match self.receiver.recv().await {
            Ok(event) => Delivery::Event(event),
            Err(broadcast::error::RecvError::Lagged(missed)) => self.lagged(missed),
            Err(broadcast::error::RecvError::Closed) => Delivery::Closed,
        }
    }

    /// Takes the next delivery if there is one now.
    pub fn try_next(&mut self) -> Option<Delivery<E>> {
        match self.receiver.try_recv() {
            Ok(event) => Some(Delivery::Event(event)),
            Err(broadcast::error::TryRecvError::Lagged(missed)) => Some(self.lagged(missed)),
            Err(broadcast::error::TryRecvError::Closed) => Some(Delivery::Closed),
            Err(broadcast::error::TryRecvError::Empty) => None,
        }
    }

    fn lagged(&self, missed: u64) -> Delivery<E> {
        self.meters.lagged(missed);
        Delivery::Lagged { missed }
    }
}

impl<E> fmt::Debug for Subscription<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscription").finish_non_exhaustive()
    }
}
