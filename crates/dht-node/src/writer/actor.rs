//! The writer's loop.

use std::{sync::Arc, time::Instant};

use metrics::{Histogram, Label, Unit, histogram};
use quintet_actor::{
    inbox::{Inbox, InboxSlot},
    supervisor::Fault,
};
use quintet_node::ops::Component;
use quintet_store::{Durability, Store, StoreError};
use thiserror::Error;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error};

use super::{
    Message,
    group::{Group, Waiting},
};
use crate::socket::Sockets;

/// What the writer needs.
#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) store: Store,
    /// Replies leave by the sockets that the queries came in by.
    pub(crate) sockets: Arc<Sockets>,
    pub(crate) health: Component,
    meters: Meters,
}

#[derive(Debug, Error)]
enum WriteError {
    #[error("the store cannot be written, so nothing more can be acknowledged: {0}")]
    Store(#[from] StoreError),
    #[error("the commit did not come to an end: {0}")]
    Task(#[from] tokio::task::JoinError),
}

struct Meters {
    seconds: Histogram,
    writes: Histogram,
}

impl core::fmt::Debug for Meters {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Meters").finish_non_exhaustive()
    }
}

impl Writer {
    pub(crate) fn new(
        store: Store,
        sockets: Arc<Sockets>,
        health: Component,
        instance: &str,
    ) -> Self {
        let label = || vec![Label::new("instance", instance.to_owned())];
        let meters = Meters {
            seconds: histogram!("quintet_dht_commit_seconds", label()),
            writes: histogram!("quintet_dht_commit_writes", label()),
        };
        Self { store, sockets, health, meters }
    }

    /// Gathers what waits behind `first` into a group and commits it.
    async fn write(&self, first: Message, inbox: &mut Inbox<Message>) -> Result<(), WriteError> {
        let mut group = Group::default();
        group.add(first);
        while !group.is_full()
            && let Some(message) = inbox.try_recv()
        {
            group.add(message);
        }
        let Group { batch, waiting, writes } = group;
        let begun = Instant::now();
        let store = self.store.clone();
        let committed =
            tokio::task::spawn_blocking(move || store.commit(batch, Durability::Sync)).await;
        let committed = committed.map_err(WriteError::from).and_then(|done| Ok(done?));
        self.meters.seconds.record(begun.elapsed().as_secs_f64());
        #[expect(clippy::cast_precision_loss, reason = "a group has at most a thousand writes")]
        self.meters.writes.record(writes as f64);
        debug!(writes, took = ?begun.elapsed(), "committed");
        self.tell(waiting, committed.is_ok()).await;
        committed
    }

    async fn tell(&self, waiting: Vec<Waiting>, durable: bool) {
        for one in waiting {
            match one {
                Waiting::Peer(write) => {
                    let packet = if durable { &write.reply } else { &write.refusal };
                    if let Some(packet) = packet {
                        self.sockets.send(packet).await;
                    }
                }
                Waiting::Caller(done) if durable => done.send(()),
                // Dropping the reply is the refusal.
                Waiting::Caller(_) => {}
            }
        }
    }

    /// Refuses all that still waits.
    async fn refuse_all(&self, inbox: &mut Inbox<Message>) {
        inbox.close();
        let mut group = Group::default();
        while let Some(message) = inbox.recv().await {
            group.add(message);
        }
        self.tell(group.waiting, false).await;
    }
}

pub(crate) fn describe_metrics() {
    metrics::describe_histogram!(
        "quintet_dht_commit_seconds",
        Unit::Seconds,
        "Time from handing a group of writes to the store until it was durable."
    );
    metrics::describe_histogram!(
        "quintet_dht_commit_writes",
        Unit::Count,
        "Writes that shared one commit."
    );
}

/// Writes until told to stop, and then what still waits.
///
/// # Errors
///
/// A fault when a commit fails; it cannot be cured by another incarnation.
pub(crate) async fn run(
    writer: Arc<Writer>,
    slot: InboxSlot<Message>,
    stop: CancellationToken,
) -> Result<(), Fault> {
    let mut inbox = slot.take()?;
    let mut told = false;
    loop {
        let message = tokio::select! {
            biased;
            () = stop.cancelled(), if !told => {
                // The last messages are written; nobody can send another.
                told = true;
                inbox.close();
                continue;
            }
            message = inbox.recv() => message,
        };
        let Some(message) = message else { return Ok(()) };
        if let Err(failure) = writer.write(message, &mut inbox).await {
            error!(%failure, "nothing more can be stored");
            writer.health.failed(failure.to_string());
            writer.refuse_all(&mut inbox).await;
            return Err(failure.into());
        }
    }
}
