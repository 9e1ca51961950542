//! The loop: awaits, hands messages to the state, applies what comes back.

use quintet_actor::{inbox::InboxSlot, supervisor::Fault};
use tokio_util::sync::CancellationToken;

use super::{Config, inbox::Message, state::State};

/// One incarnation of the counter, from its start to `stop`.
pub(crate) async fn run(
    config: Config,
    slot: InboxSlot<Message>,
    stop: CancellationToken,
) -> Result<(), Fault> {
    let mut inbox = slot.take()?;
    let mut state = State::new(config);
    loop {
        let message = tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(()),
            message = inbox.recv() => message,
        };
        match message {
            Some(Message::Add { amount, reply }) => reply.send(state.add(amount)),
            None => return Ok(()),
        }
    }
}
