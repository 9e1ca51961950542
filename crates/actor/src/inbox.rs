//! One actor's inbox: a bounded queue, the client that fills it, and replies with a deadline.
//!
//! ```text
//!   Client ── tell ──────────► ┌───────────┐
//!   Client ── try_tell ──────► │  queue    │ ── Inbox::recv ──► actor ── Reply::send ──┐
//!   Client ── ask(deadline) ─► │ ≤capacity │                                           │
//!      ▲                       └───────────┘                                           │
//!      └───────────────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! # Invariants
//!
//! - At most `capacity` messages wait. Who tells waits for a place, or is refused at once
//!   ([`Client::try_tell`]), so a slow actor slows its callers down and never the memory up.
//! - An asker always learns what became of its question: the answer, or one of the four
//!   [`AskError`]s, no later than its deadline.
//! - An actor's handling time is the time from one [`Inbox::recv`] returning a message to the next
//!   call of it (or the inbox being dropped), so no actor can forget to measure it.
//! - Messages waiting in an inbox survive a restart of its actor ([`InboxSlot`]); the message that
//!   was being handled does not.

use std::{fmt, future::Future, num::NonZeroUsize, pin::pin, sync::Arc, time::Duration};

use thiserror::Error;
use tokio::{
    sync::{Mutex, OwnedMutexGuard, mpsc, oneshot},
    time::{Instant, sleep},
};

use crate::meters::InboxMeters;

/// Messages an inbox can be made for; a larger capacity is cut to this.
pub const CAPACITY_MAX: usize = 1 << 24;

/// Makes an inbox for at most `capacity` messages. `name` labels its metrics and its errors.
#[must_use]
pub fn channel<M>(name: &'static str, capacity: NonZeroUsize) -> (Client<M>, Inbox<M>) {
    build(name, None, capacity)
}

/// Makes an inbox of which a process has several under one `name`: `instance` (a node's name, say)
/// becomes a second label of its metrics.
#[must_use]
pub fn channel_of<M>(
    name: &'static str,
    instance: &str,
    capacity: NonZeroUsize,
) -> (Client<M>, Inbox<M>) {
    build(name, Some(instance), capacity)
}

fn build<M>(
    name: &'static str,
    instance: Option<&str>,
    capacity: NonZeroUsize,
) -> (Client<M>, Inbox<M>) {
    let (sender, receiver) = mpsc::channel(capacity.get().min(CAPACITY_MAX));
    let meters = Arc::new(InboxMeters::new(name, instance));
    let client = Client { name, sender, meters: Arc::clone(&meters) };
    (client, Inbox { name, receiver, meters, handling_since: None })
}

/// A message was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TellError {
    /// The inbox holds as many messages as it may.
    #[error("inbox of {actor} is full with {capacity} messages: try again later")]
    Full {
        /// The actor's name.
        actor: &'static str,
        /// Messages the inbox holds at most.
        capacity: usize,
    },
    /// The actor has ended for good.
    #[error("{actor} has stopped and accepts no messages")]
    Closed {
        /// The actor's name.
        actor: &'static str,
    },
}

/// A question was not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AskError {
    /// The inbox had no place for the question until the deadline; the actor never saw it.
    #[error("inbox of {actor} stayed full for {deadline:?}: the question was not delivered")]
    Full {
        /// The actor's name.
        actor: &'static str,
        /// Time the asker was ready to wait.
        deadline: Duration,
    },
    /// The actor has ended for good; it never saw the question.
    #[error("{actor} has stopped and answers no questions")]
    Closed {
        /// The actor's name.
        actor: &'static str,
    },
    /// The question was delivered, the answer did not come in time; it may still take effect.
    #[error("{actor} did not answer within {deadline:?}")]
    Deadline {
        /// The actor's name.
        actor: &'static str,
        /// Time the asker was ready to wait.
        deadline: Duration,
    },
    /// The actor took the question and dropped it unanswered, most likely by a fault.
    #[error("{actor} dropped the question unanswered")]
    Dropped {
        /// The actor's name.
        actor: &'static str,
    },
}

/// The sending side of an inbox: cheap to clone, usable from any task.
pub struct Client<M> {
    name: &'static str,
    sender: mpsc::Sender<Queued<M>>,
    meters: Arc<InboxMeters>,
}

impl<M> Client<M> {
    /// Delivers `message`, waiting for a place in the inbox as long as it takes.
    ///
    /// Dropping the future before it completes leaves the message undelivered.
    ///
    /// # Errors
    ///
    /// [`TellError::Closed`] if the actor has ended for good.
    pub async fn tell(&self, message: M) -> Result<(), TellError> {
        let place = self.sender.reserve().await;
        let place = place.map_err(|_| TellError::Closed { actor: self.name })?;
        place.send(Queued::new(message, &self.meters));
        Ok(())
    }

    /// Delivers `message` if there is a place for it right now; otherwise drops it and counts that.
    ///
    /// # Errors
    ///
    /// [`TellError`] says whether the inbox is full or closed.
    pub fn try_tell(&self, message: M) -> Result<(), TellError> {
        match self.sender.try_reserve() {
            Ok(place) => {
                place.send(Queued::new(message, &self.meters));
                Ok(())
            }
            Err(mpsc::error::TrySendError::Full(())) => {
                self.meters.refused();
                Err(TellError::Full { actor: self.name, capacity: self.capacity() })
            }
            Err(mpsc::error::TrySendError::Closed(())) => {
                Err(TellError::Closed { actor: self.name })
            }
        }
    }

    /// Delivers the message `question` builds around a [`Reply`] and waits for the answer, both
    /// within `deadline`.
    ///
    /// # Errors
    ///
    /// [`AskError`] says how far the question came.
    pub async fn ask<T>(
        &self,
        deadline: Duration,
        question: impl FnOnce(Reply<T>) -> M,
    ) -> Result<T, AskError> {
        let actor = self.name;
        let mut expired = pin!(sleep(deadline));
        let place = tokio::select! {
            biased;
            place = self.sender.reserve() => place.map_err(|_| AskError::Closed { actor })?,
            () = &mut expired => {
                self.meters.refused();
                return Err(AskError::Full { actor, deadline });
            }
        };
        let (sender, answer) = oneshot::channel();
        place.send(Queued::new(question(Reply { sender }), &self.meters));
        tokio::select! {
            biased;
            answer = answer => answer.map_err(|_| AskError::Dropped { actor }),
            () = expired => Err(AskError::Deadline { actor, deadline }),
        }
    }

    /// Returns the actor's name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Returns the number of messages the inbox holds at most.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.sender.max_capacity()
    }

    /// Returns whether the actor has ended for good.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// Completes when the actor has ended for good.
    pub async fn closed(&self) {
        self.sender.closed().await;
    }
}

impl<M> Clone for Client<M> {
    fn clone(&self) -> Self {
        Self { name: self.name, sender: self.sender.clone(), meters: Arc::clone(&self.meters) }
    }
}

impl<M> fmt::Debug for Client<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("actor", &self.name).finish_non_exhaustive()
    }
}

/// The place an answer goes to. Dropping it unused tells the asker [`AskError::Dropped`].
pub struct Reply<T> {
    sender: oneshot::Sender<T>,
}

impl<T> Reply<T> {
    /// Answers. An asker that has given up is no error: the answer is dropped.
    pub fn send(self, answer: T) {
        drop(self.sender.send(answer));
    }

    /// Returns whether anybody still waits for the answer; ask before costly work.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        !self.sender.is_closed()
    }

    /// Completes when the asker has given up.
    pub async fn abandoned(&mut self) {
        self.sender.closed().await;
    }
}

impl<T> fmt::Debug for Reply<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reply").field("wanted", &self.is_wanted()).finish_non_exhaustive()
    }
}

/// The receiving side of an inbox, owned by its actor.
pub struct Inbox<M> {
    name: &'static str,
    receiver: mpsc::Receiver<Queued<M>>,
    meters: Arc<InboxMeters>,
    handling_since: Option<Instant>,
}

impl<M> Inbox<M> {
    /// Waits for the next message; `None` when every client is gone, or after [`Inbox::close`] when
    /// the last message has been taken.
    ///
    /// Calling it also ends the handling time of the message before. Cancel safe: a dropped future
    /// loses no message, so it may stand in a `select!`.
    pub fn recv(&mut self) -> impl Future<Output = Option<M>> + '_ {
        self.end_handling();
        async move {
            let queued = self.receiver.recv().await?;
            Some(self.begin_handling(queued))
        }
    }

    /// Takes the next message if one waits; `None` says nothing about clients still being there.
    pub fn try_recv(&mut self) -> Option<M> {
        self.end_handling();
        let queued = self.receiver.try_recv().ok()?;
        Some(self.begin_handling(queued))
    }

    /// Accepts no further messages; those that wait can still be received.
    pub fn close(&mut self) {
        self.receiver.close();
    }

    /// Returns the number of messages waiting.
    #[must_use]
    pub fn len(&self) -> usize {
        self.receiver.len()
    }

    /// Returns whether no message waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.receiver.is_empty()
    }

    /// Returns the actor's name.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Puts the inbox where each incarnation of a restarted actor can take it from.
    #[must_use]
    pub fn into_slot(self) -> InboxSlot<M> {
        InboxSlot { name: self.name, inbox: Arc::new(Mutex::new(self)) }
    }

    fn begin_handling(&mut self, queued: Queued<M>) -> M {
        let now = Instant::now();
        self.meters.queued_for(now.saturating_duration_since(queued.since));
        self.handling_since = Some(now);
        queued.message
    }

    fn end_handling(&mut self) {
        if let Some(since) = self.handling_since.take() {
            self.meters.handled_in(since.elapsed());
        }
    }
}

impl<M> Drop for Inbox<M> {
    fn drop(&mut self) {
        self.end_handling();
    }
}

impl<M> fmt::Debug for Inbox<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbox")
            .field("actor", &self.name)
            .field("waiting", &self.len())
            .finish_non_exhaustive()
    }
}

/// The inbox is in use by another incarnation of its actor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("inbox of {actor} is taken: end its earlier incarnation before starting another")]
pub struct InboxTakenError {
    /// The actor's name.
    pub actor: &'static str,
}

/// Where an inbox stays while its actor is being restarted: clients keep their handle, messages
/// keep waiting. When the last clone of the slot is dropped the inbox is closed.
pub struct InboxSlot<M> {
    name: &'static str,
    inbox: Arc<Mutex<Inbox<M>>>,
}

impl<M> InboxSlot<M> {
    /// Takes the inbox; dropping the lease, also by a panic, puts it back.
    ///
    /// # Errors
    ///
    /// [`InboxTakenError`] if it has been taken and not been put back.
    pub fn take(&self) -> Result<LeasedInbox<M>, InboxTakenError> {
        let inbox = Arc::clone(&self.inbox).try_lock_owned();
        let mut inbox = inbox.map_err(|_| InboxTakenError { actor: self.name })?;
        // The message a fault interrupted was not handled; its time would include the back-off.
        inbox.handling_since = None;
        Ok(inbox)
    }
}

/// An inbox on loan from its [`InboxSlot`]; give `&mut` of it to the actor's loop.
pub type LeasedInbox<M> = OwnedMutexGuard<Inbox<M>>;

impl<M> Clone for InboxSlot<M> {
    fn clone(&self) -> Self {
        Self { name: self.name, inbox: Arc::clone(&self.inbox) }
    }
}

impl<M> fmt::Debug for InboxSlot<M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InboxSlot").field("actor", &self.name).finish_non_exhaustive()
    }
}

/// A message in the queue, with what its metrics need.
struct Queued<M> {
    message: M,
    since: Instant,
    _place: Place,
}

impl<M> Queued<M> {
    fn new(message: M, meters: &Arc<InboxMeters>) -> Self {
        meters.depth.increment(1.0);
        Self { message, since: Instant::now(), _place: Place(Arc::clone(meters)) }
    }
}

/// Counts one waiting message for as long as it lives, however the message leaves the queue.
struct Place(Arc<InboxMeters>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.depth.decrement(1.0);
    }
}
