//! The queue of messages on their way to one peer: bounded, in classes, none of which starves.
//!
//! ```text
//!   try_push / push ──► class 0 (weight 16) ──┐
//!                       class 1 (weight 4)  ──┼─ weighted round robin ──► pop
//!                       class 2 (weight 1)  ──┘
//!                       ▲
//!                       └─ a full queue drops the oldest of the lowest droppable classes below
//!                          the newcomer's; if that is not enough, the newcomer waits or is refused
//! ```
//!
//! Class 0 is the most urgent. [`PriorityQueue`] is the queue without waiting, for whoever drives it
//! by hand; [`channel`] is the same queue between two tasks.
//!
//! # Invariants
//!
//! - At most `messages_max` messages and `bytes_max` bytes wait; a message larger than `bytes_max` is
//!   refused for good.
//! - Within a class, messages leave in the order in which they came.
//! - A class with something waiting is served at least `weight` times, or until it is empty, while
//!   every other class is served at most twice its own weight.
//! - A message is dropped only for one of a more urgent class, only if its class allows it, and only
//!   if the newcomer then fits.

mod handle;
mod priority;

pub use handle::{Receiver, Sender, channel};
pub use priority::{
    CLASSES_MAX, Class, ClassConfig, PriorityQueue, PushError, QueueConfig, QueueConfigError,
    Refused,
};
