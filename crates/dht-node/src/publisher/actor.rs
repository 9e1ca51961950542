//! The publisher's loop.

use quintet_actor::{
    inbox::{Client, InboxSlot},
    supervisor::Fault,
};
use quintet_dht_protocol::{
    dht::Outcome,
    record::{Record, RecordKey},
};
use rand::{SeedableRng, rngs::StdRng};
use std::time::Duration;
use tokio::{select, task::JoinSet, time::sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::{debug, info, warn};

use super::{
    IN_FLIGHT_MAX, Message,
    schedule::{Schedule, Settled},
};
use crate::{
    clock::RuntimeClock,
    socket,
    writer::{Row, WriterClient},
};

/// Time a publication may take.
const DEADLINE: Duration = Duration::from_secs(60);

/// What the publisher needs.
#[derive(Debug)]
pub(crate) struct Publisher {
    pub(crate) clock: RuntimeClock,
    pub(crate) interval: Duration,
    pub(crate) socket: Client<socket::Message>,
    pub(crate) writer: WriterClient,
    /// What was on disk.
    pub(crate) rows: Vec<(RecordKey, Record)>,
    pub(crate) seed: [u8; 32],
}

struct Running {
    clock: RuntimeClock,
    socket: Client<socket::Message>,
    writer: WriterClient,
    rng: StdRng,
    schedule: Schedule,
    under_way: JoinSet<(RecordKey, Option<Outcome>)>,
}

/// Publishes until told to stop.
///
/// # Errors
///
/// A fault if its inbox is taken.
pub(crate) async fn run(
    publisher: Publisher,
    slot: InboxSlot<Message>,
    stop: CancellationToken,
) -> Result<(), Fault> {
    let mut inbox = slot.take()?;
    let Publisher { clock, interval, socket, writer, rows, seed } = publisher;
    let mut schedule = Schedule::new(interval, clock.now());
    schedule.restore(rows, clock.read());
    let rng = StdRng::from_seed(seed);
    let under_way = JoinSet::new();
    let mut running = Running { clock, socket, writer, rng, schedule, under_way };
    loop {
        let wake = running.schedule.next_wake();
        let due = wake.map(|at| running.clock.deadline(at));
        select! {
            () = stop.cancelled() => return Ok(()),
            message = inbox.recv() => match message {
                Some(message) => running.on_message(message).await,
                None => return Ok(()),
            },
            Some(ended) = running.under_way.join_next() => match ended {
                Ok((key, outcome)) => running.on_published(key, outcome.as_ref()),
                // Only a panic or the end of the runtime gets here.
                Err(error) => return Err(error.into()),
            },
            () = async { match due {
                Some(due) => sleep_until(due).await,
                None => core::future::pending().await,
            } } => running.publish_due(),
        }
    }
}

impl Running {
    async fn on_message(&mut self, message: Message) {
        match message {
            Message::Keep { key, content, reply } => {
                let clock = self.clock.read();
                match self.schedule.keep(key, content, clock, &mut self.rng) {
                    // Unanswered, if it cannot be made durable: the asker learns that it is not kept.
                    Ok(record) => {
                        match self.writer.put(vec![Row::Publication(key, Some(record))]).await {
                            Ok(()) => reply.send(Ok(())),
                            Err(error) => warn!(%error, "a publication is not on disk"),
                        }
                    }
                    Err(full) => reply.send(Err(full)),
                }
            }
            Message::Forget { key, reply } => {
                let keys = self.schedule.forget(key);
                let rows = keys.iter().map(|key| Row::Publication(*key, None)).collect();
                match self.writer.put(rows).await {
                    Ok(()) => reply.send(keys.len()),
                    Err(error) => warn!(%error, "a publication is still on disk"),
                }
            }
            Message::Count(reply) => reply.send(self.schedule.len()),
        }
    }

    fn publish_due(&mut self) {
        while self.under_way.len() < IN_FLIGHT_MAX
            && let Some((key, wish)) = self.schedule.due(self.clock.now())
        {
            let socket = self.socket.clone();
            self.under_way.spawn(async move {
                let outcome =
                    socket.ask(DEADLINE, |reply| socket::Message::Start { wish, reply }).await;
                (key, outcome.ok())
            });
        }
    }

    fn on_published(&mut self, key: RecordKey, outcome: Option<&Outcome>) {
        let row = match self.schedule.settle(key, outcome, self.clock.read(), &mut self.rng) {
            Settled::Again(record) => {
                debug!(key = %key.key(), ?outcome, "published again");
                Row::Publication(key, Some(record))
            }
            Settled::Superseded => {
                info!(key = %key.key(), "others hold a newer version: not published any more");
                Row::Publication(key, None)
            }
            Settled::Gone => return,
        };
        // If there is no room, the disk keeps the old time, and a restart publishes once too often.
        self.writer.try_put(vec![row]);
    }
}
