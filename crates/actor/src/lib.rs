//! Actors: a bounded inbox, a client handle, a supervisor and an event bus, on tokio.
//!
//! An actor is a task that owns its state and is reached through one bounded inbox. Everything that
//! concurrency makes hard is then in three places, and nowhere else:
//!
//! ```text
//!            Client::ask / tell                      Client::ask / tell
//!   anybody ───────────────────► Inbox ─► actor A ──────────────────────► Inbox ─► actor B
//!                                           │  ▲                                      │
//!                          EventBus::publish│  │ start, restart, stop                 │
//!                                           ▼  │                                      │
//!   anybody ◄── Subscription ◄─────────  EventBus   Supervisor ◄── fault or panic ────┘
//! ```
//!
//! - [`inbox`]: messages to one actor, bounded; asking has a deadline; depth, queueing time and
//!   handling time are metrics without the actor's help.
//! - [`bus`]: facts in the past tense to whoever listens, bounded; publishing never waits.
//! - [`supervisor`]: starts children, restarts them after a fault, and stops them in reverse order.
//!
//! # The shape of an actor
//!
//! A folder of four files, shown whole in this crate's `examples/counter`:
//!
//! | file | holds |
//! |---|---|
//! | `mod.rs` | what it owns, a diagram, its configuration |
//! | `state.rs` | the pure part: `handle(message, now) -> effects`, and most of the tests |
//! | `actor.rs` | the loop that awaits and applies effects |
//! | `inbox.rs` | one message enum, one cloneable client |
//!
//! In one breath:
//!
//! ```
//! use std::{num::NonZeroUsize, time::Duration};
//!
//! use quintet_actor::inbox::{self, Reply};
//! use quintet_actor::supervisor::{ChildSpec, RestartPolicy, Supervisor};
//! use tokio_util::sync::CancellationToken;
//!
//! enum Message {
//!     Add(u64),
//!     Total(Reply<u64>),
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let (client, inbox) = inbox::channel("counter", NonZeroUsize::new(64).ok_or("zero")?);
//! let slot = inbox.into_slot();
//!
//! let mut supervisor = Supervisor::new("example");
//! let spec = ChildSpec::new("counter", RestartPolicy::Never, Duration::from_secs(1));
//! supervisor.spawn(spec, move |stop: CancellationToken| {
//!     let slot = slot.clone();
//!     async move {
//!         let mut inbox = slot.take()?;
//!         let mut total = 0;
//!         loop {
//!             tokio::select! {
//!                 () = stop.cancelled() => return Ok(()),
//!                 message = inbox.recv() => match message {
//!                     Some(Message::Add(amount)) => total += amount,
//!                     Some(Message::Total(reply)) => reply.send(total),
//!                     None => return Ok(()),
//!                 },
//!             }
//!         }
//!     }
//! });
//!
//! let stop = CancellationToken::new();
//! let running = tokio::spawn(supervisor.run(stop.clone()));
//! client.tell(Message::Add(2)).await?;
//! client.tell(Message::Add(3)).await?;
//! assert_eq!(client.ask(Duration::from_secs(1), Message::Total).await?, 5);
//!
//! stop.cancel();
//! assert!(running.await??.is_clean());
//! # Ok(())
//! # }
//! ```

pub mod bus;
pub mod inbox;
pub mod supervisor;

mod meters;

pub use meters::describe_metrics;
