//! How the counter is reached: one message enum, one cloneable client with a method a message.

use std::{num::NonZeroUsize, time::Duration};

use quintet_actor::inbox::{self, AskError, Inbox, Reply};

use super::state::LimitError;

/// Additions that may wait.
const CAPACITY: NonZeroUsize = NonZeroUsize::MIN.saturating_add(63);

/// Time an addition may take, waiting included.
const DEADLINE: Duration = Duration::from_secs(1);

/// What can be asked of the counter.
#[derive(Debug)]
pub(crate) enum Message {
    /// Adds, and answers with the new total.
    Add {
        /// How much.
        amount: u64,
        /// Where the answer goes.
        reply: Reply<Result<u64, LimitError>>,
    },
}

/// An addition did not happen.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AddError {
    /// The counter refused it.
    #[error(transparent)]
    Limit(#[from] LimitError),
    /// The counter did not answer.
    #[error(transparent)]
    Ask(#[from] AskError),
}

/// A handle on the counter.
#[derive(Debug, Clone)]
pub(crate) struct Client(inbox::Client<Message>);

impl Client {
    pub(crate) async fn add(&self, amount: u64) -> Result<u64, AddError> {
        let answer = self.0.ask(DEADLINE, |reply| Message::Add { amount, reply }).await?;
        Ok(answer?)
    }
}

/// Makes the counter's inbox and its client.
pub(crate) fn channel() -> (Client, Inbox<Message>) {
    let (client, inbox) = inbox::channel("counter", CAPACITY);
    (Client(client), inbox)
}
