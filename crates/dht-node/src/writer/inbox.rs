//! What can be written, and the client that asks for it.

use std::{num::NonZeroUsize, sync::Arc, time::Duration};

use quintet_actor::inbox::{self, AskError, Client, Inbox, Reply, TellError};
use quintet_dht_protocol::{
    contact::Contact,
    dht::Packet,
    record::{Change, Record, RecordKey},
};

use super::INBOX_CAPACITY;
use crate::persistence::Identity;

/// Time a write has to become durable before whoever asked for it gives up.
const DEADLINE: Duration = Duration::from_secs(10);

/// Changes of records, and what to send when they are durable.
#[derive(Debug)]
pub(crate) struct RecordWrite {
    pub(crate) changes: Vec<Change>,
    /// The acknowledgement.
    pub(crate) reply: Option<Packet>,
    /// What to send instead when the disk fails.
    pub(crate) refusal: Option<Packet>,
}

/// A row of one of the node's own tables.
#[derive(Debug)]
pub(crate) enum Row {
    Contacts(Vec<Contact>),
    Identity(Identity),
    /// None removes it.
    Publication(RecordKey, Option<Record>),
}

#[derive(Debug)]
pub(crate) enum Message {
    /// Shared, so that who could not deliver it still has it.
    Records(Arc<RecordWrite>),
    Rows {
        rows: Vec<Row>,
        done: Option<Reply<()>>,
    },
}

/// The writer's client.
#[derive(Debug, Clone)]
pub(crate) struct WriterClient(Client<Message>);

/// Makes the inbox of one node's writer.
pub(crate) fn channel(instance: &str) -> (WriterClient, Inbox<Message>) {
    let capacity = NonZeroUsize::MIN.saturating_add(INBOX_CAPACITY - 1);
    let (client, inbox) = inbox::channel_of("dht-writer", instance, capacity);
    (WriterClient(client), inbox)
}

impl WriterClient {
    /// Queues record changes, or gives them back when the queue is full or the writer has ended.
    pub(crate) fn try_write(&self, write: RecordWrite) -> Result<(), Arc<RecordWrite>> {
        let write = Arc::new(write);
        self.0.try_tell(Message::Records(Arc::clone(&write))).map_err(|_| write)
    }

    /// Queues record changes, waiting for a place.
    pub(crate) async fn write(&self, write: RecordWrite) -> Result<(), TellError> {
        self.0.tell(Message::Records(Arc::new(write))).await
    }

    /// Queues rows that nobody waits for; returns whether there was a place.
    pub(crate) fn try_put(&self, rows: Vec<Row>) -> bool {
        self.0.try_tell(Message::Rows { rows, done: None }).is_ok()
    }

    /// Writes rows, and returns when they are durable.
    pub(crate) async fn put(&self, rows: Vec<Row>) -> Result<(), AskError> {
        self.0.ask(DEADLINE, |done| Message::Rows { rows, done: Some(done) }).await
    }
}
