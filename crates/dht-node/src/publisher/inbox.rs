//! What the publisher can be asked.

use std::num::NonZeroUsize;

use quintet_actor::inbox::{self, Client, Inbox, Reply};
use quintet_dht_protocol::record::{Content, RecordKey};

use super::schedule::ScheduleFull;

/// Messages that may wait.
const CAPACITY: NonZeroUsize = NonZeroUsize::MIN.saturating_add(255);

#[derive(Debug)]
pub(crate) enum Message {
    /// Keep this published from now on; it has been stored once. Answered when it is on disk.
    Keep { key: RecordKey, content: Content, reply: Reply<Result<(), ScheduleFull>> },
    /// Publish no more what has this key; it expires by itself. Answers how many records that were.
    Forget { key: quintet_dht_protocol::key::Key, reply: Reply<usize> },
    /// How many records are kept published?
    Count(Reply<usize>),
}

/// Makes the inbox of one node's publisher.
pub(crate) fn channel(instance: &str) -> (Client<Message>, Inbox<Message>) {
    inbox::channel_of("dht-publisher", instance, CAPACITY)
}
