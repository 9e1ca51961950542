//! The kernel's life: inputs in, one after the other, on a thread of its own.

use std::{
    fmt,
    time::{Duration, Instant},
};

use quintet_actor::inbox::{AskError, Client, Inbox, Reply, TellError};
use quintet_bitcoin_protocol::p2p::{Message, MessageError};
use thiserror::Error;
use tokio::{runtime::Handle, sync::OwnedSemaphorePermit, time::timeout};
use tokio_util::sync::CancellationToken;

use super::Kernel;
use crate::{
    chain::ChainError,
    peers::{Arrival, PeerId},
};

/// How often timers are looked at.
const TICK: Duration = Duration::from_millis(100);

/// Time a call may take: longer than the slowest of them.
const CALL_DEADLINE: Duration = Duration::from_secs(600);

/// Time after which what changed goes to disk, seconds of the machine.
const FLUSH_EVERY: Duration = Duration::from_secs(600);

/// Work on the kernel's thread.
pub struct Call(Work);

type Work = Box<dyn FnOnce(&mut Kernel) -> Result<(), ChainError> + Send>;

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Call")
    }
}

/// What happens to a kernel.
#[derive(Debug)]
pub enum Input {
    /// A connection was made.
    Connected(Box<Arrival>),
    /// A peer said something.
    Received {
        /// Who.
        peer: PeerId,
        /// What, or why it is nothing.
        message: Result<Box<Message>, MessageError>,
        /// Returned when it has been dealt with: a peer has only so many messages under way.
        place: OwnedSemaphorePermit,
    },
    /// A peer has taken what was sent to it: there is room for more.
    Drained(PeerId),
    /// A connection has ended.
    Closed(PeerId),
    /// Somebody asks.
    Call(Call),
}

/// A question was not answered.
#[derive(Debug, Error)]
pub enum KernelError {
    /// The kernel is busy or gone.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// The chain cannot go on.
    #[error(transparent)]
    Chain(#[from] ChainError),
}

/// Asks a kernel.
#[derive(Debug, Clone)]
pub struct KernelClient {
    inbox: Client<Input>,
}

impl KernelClient {
    /// Makes a client that fills `inbox`.
    #[must_use]
    pub const fn new(inbox: Client<Input>) -> Self {
        Self { inbox }
    }

    /// Tells the kernel what happened, waiting for a place in its inbox.
    ///
    /// # Errors
    ///
    /// [`TellError::Closed`] if it is gone.
    pub async fn tell(&self, input: Input) -> Result<(), TellError> {
        self.inbox.tell(input).await
    }

    /// Tells the kernel what happened if it has a place for it now.
    pub fn try_tell(&self, input: Input) {
        // What is told this way is told again with the next tick.
        if let Err(error) = self.inbox.try_tell(input) {
            tracing::trace!(%error, "told later");
        }
    }

    /// Runs `work` on the kernel's thread and returns what it returns. Every block connected before is settled.
    ///
    /// # Errors
    ///
    /// [`KernelError`] if the kernel is gone.
    pub async fn call<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Kernel) -> Result<T, ChainError> + Send + 'static,
    ) -> Result<T, KernelError> {
        let question = |reply: Reply<Result<T, ChainError>>| {
            Input::Call(Call(Box::new(move |kernel| {
                let done = work(kernel);
                // The error goes to who asked; the chain itself remembers that it has stopped.
                reply.send(done);
                Ok(())
            })))
        };
        Ok(self.inbox.ask(CALL_DEADLINE, question).await??)
    }
}

/// A kernel with its inbox.
#[derive(Debug)]
pub struct Life {
    kernel: Kernel,
    inbox: Inbox<Input>,
}

impl Life {
    /// Gives a kernel its inbox.
    #[must_use]
    pub const fn new(kernel: Kernel, inbox: Inbox<Input>) -> Self {
        Self { kernel, inbox }
    }

    /// Runs until `stop` is cancelled, then puts everything on disk. Blocks its thread.
    ///
    /// # Errors
    ///
    /// [`ChainError`] if the chain cannot go on.
    pub fn run(self, runtime: &Handle, stop: &CancellationToken) -> Result<(), ChainError> {
        let Self { mut kernel, mut inbox } = self;
        let (mut next_tick, mut next_flush) = (Instant::now(), Instant::now() + FLUSH_EVERY);
        while !stop.is_cancelled() {
            let input = runtime.block_on(async {
                let left = next_tick.saturating_duration_since(Instant::now());
                tokio::select! {
                    biased;
                    () = stop.cancelled() => None,
                    input = timeout(left, inbox.recv()) => input.ok().flatten(),
                }
            });
            if let Some(input) = input {
                kernel.handle(input)?;
            }
            if inbox.is_empty() {
                kernel.settle()?;
            }
            if Instant::now() >= next_tick {
                kernel.tick()?;
                next_tick = Instant::now() + TICK;
            }
            if Instant::now() >= next_flush {
                kernel.flush()?;
                next_flush = Instant::now() + FLUSH_EVERY;
            }
        }
        kernel.peers.disconnect_all();
        kernel.save_mempool();
        kernel.flush()
    }
}

impl Kernel {
    /// Deals with one input.
    pub(crate) fn handle(&mut self, input: Input) -> Result<(), ChainError> {
        match input {
            Input::Connected(arrival) => self.peer_connected(*arrival),
            Input::Received { peer, message, place } => {
                self.peer_said(peer, message.map(|message| *message))?;
                drop(place);
                self.attend(peer)?;
            }
            Input::Drained(peer) => self.attend(peer)?,
            Input::Closed(peer) => self.peer_closed(peer),
            Input::Call(Call(work)) => {
                self.settle()?;
                work(self)?;
                self.settle()?;
                self.attend_all()?;
            }
        }
        Ok(())
    }

    /// Looks at every timer.
    fn tick(&mut self) -> Result<(), ChainError> {
        self.redial();
        self.attend_all()
    }
}
