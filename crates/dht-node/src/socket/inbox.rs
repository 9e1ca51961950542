//! What the socket actor can be asked.

use std::{net::SocketAddr, num::NonZeroUsize};

use quintet_actor::inbox::{self, Client, Inbox, Reply};
use quintet_dht_protocol::{
    contact::Contact,
    dht::{Outcome, Wish},
};

use super::status::NodeStatus;
use crate::config::LimitsConfig;

/// Messages that may wait.
const CAPACITY: NonZeroUsize = NonZeroUsize::MIN.saturating_add(1_023);

#[derive(Debug)]
pub(crate) enum Message {
    /// Fulfil a wish; the answer comes when it is fulfilled or has failed.
    Start { wish: Wish, reply: Reply<Outcome> },
    /// How is it going?
    Status(Reply<Box<NodeStatus>>),
    /// Somebody recommends these contacts.
    Suggest(Vec<Contact>),
    /// Ask these when the table is empty.
    SetBootstrap(Vec<SocketAddr>),
    /// Let in no more than this.
    SetLimits(LimitsConfig),
}

/// Makes the inbox of one node's socket actor.
pub(crate) fn channel(instance: &str) -> (Client<Message>, Inbox<Message>) {
    inbox::channel_of("dht-socket", instance, CAPACITY)
}
