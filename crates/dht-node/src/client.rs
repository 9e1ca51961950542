//! The handle on a running node: what an embedding program, the RPC and the tests ask it.

use std::{fmt, net::SocketAddr, sync::Arc, time::Duration};

use quintet_actor::inbox::{AskError, Client, TellError};
use quintet_dht_protocol::{
    contact::Contact,
    dht::{BucketStatus, Failure, LookupReport, Outcome, Wish},
    key::Key,
    message::Item,
    record::{Content, RecordKey},
};
use thiserror::Error;

use crate::{
    publisher,
    publisher::announcement,
    socket::{self, NodeStatus},
};

/// Time an operation may take. A lookup in a network of millions takes a few seconds; one that loses
/// every second packet, some more.
const OPERATION_DEADLINE: Duration = Duration::from_secs(25);

/// Time an answer from the node itself may take.
const OWN_DEADLINE: Duration = Duration::from_secs(5);

/// Why the node did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DhtError {
    /// It tried, or saw that it cannot be done.
    #[error(transparent)]
    Failed(#[from] Failure),
    /// It is busy, or has ended.
    #[error(transparent)]
    Unanswered(#[from] AskError),
    /// It has ended.
    #[error(transparent)]
    Undelivered(#[from] TellError),
    /// The record is stored, but not kept published: as many as may be are already.
    #[error(
        "the record is stored, but not kept published: {limit} records are already; stop publishing one first"
    )]
    PublicationsFull {
        /// Records kept published at most.
        limit: usize,
    },
    /// The record is stored, but whether it is kept published is not known.
    #[error("the record is stored, but not known to be kept published: {source}")]
    NotPublished {
        /// Why.
        source: AskError,
    },
    /// The outcome is not one of the wish: a fault of the protocol core.
    #[error("the outcome does not fit what was asked; please report this")]
    Mismatch,
}

/// A node answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pong {
    /// Its id.
    pub id: Key,
    /// How long the answer took.
    pub round_trip: Duration,
}

/// What a lookup found, and how it went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found<T> {
    /// What was found.
    pub value: T,
    /// How it went.
    pub report: LookupReport,
}

/// How a store went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The key it is stored under.
    pub key: Key,
    /// Nodes that hold it now.
    pub acknowledged: usize,
    /// Nodes that did not want it: an error code and text each.
    pub refused: Vec<(Contact, i64, String)>,
    /// Nodes that did not answer.
    pub silent: usize,
    /// How the lookup before went.
    pub report: LookupReport,
}

/// A handle on a running node; cheap to clone.
#[derive(Clone)]
pub struct DhtClient {
    node: Arc<str>,
    socket: Client<socket::Message>,
    publisher: Client<publisher::Message>,
    deadline: Duration,
}

impl fmt::Debug for DhtClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DhtClient").field("node", &self.node).finish_non_exhaustive()
    }
}

impl DhtClient {
    pub(crate) const fn new(
        node: Arc<str>,
        socket: Client<socket::Message>,
        publisher: Client<publisher::Message>,
    ) -> Self {
        Self { node, socket, publisher, deadline: OPERATION_DEADLINE }
    }

    /// Returns the same handle with another time for each operation.
    #[must_use]
    pub fn with_deadline(self, deadline: Duration) -> Self {
        Self { deadline, ..self }
    }

    /// Returns the instance's name.
    #[must_use]
    pub fn node(&self) -> &str {
        &self.node
    }

    /// Asks the node at `addr` for a sign of life.
    ///
    /// # Errors
    ///
    /// [`Failure::Silent`] and others, as [`DhtError`].
    pub async fn ping(&self, addr: SocketAddr) -> Result<Pong, DhtError> {
        match self.start(Wish::Ping { addr }).await? {
            Outcome::Pong { id, round_trip_us } => {
                Ok(Pong { id, round_trip: Duration::from_micros(round_trip_us) })
            }
            other => Err(unexpected(&other)),
        }
    }

    /// Finds the nodes closest to `target`, closest first.
    ///
    /// # Errors
    ///
    /// [`Failure::NoContacts`] and others, as [`DhtError`].
    pub async fn find_node(&self, target: Key) -> Result<Found<Vec<Contact>>, DhtError> {
        match self.start(Wish::FindNode { target }).await? {
            Outcome::Nodes(value, report) => Ok(Found { value, report }),
            other => Err(unexpected(&other)),
        }
    }

    /// Finds the immutable item whose bencoded value has this SHA-1 hash.
    ///
    /// # Errors
    ///
    /// As [`Self::find_node`]; that nobody has it is no error.
    pub async fn get_immutable(&self, key: Key) -> Result<Found<Option<Item>>, DhtError> {
        self.item(Wish::GetImmutable { key }).await
    }

    /// Finds the newest version of a mutable item.
    ///
    /// # Errors
    ///
    /// As [`Self::get_immutable`].
    pub async fn get_mutable(
        &self,
        public_key: [u8; 32],
        salt: Vec<u8>,
    ) -> Result<Found<Option<Item>>, DhtError> {
        self.item(Wish::GetMutable { public_key, salt }).await
    }

    /// Finds the unsigned bytes under `key`, in networks that allow them.
    ///
    /// # Errors
    ///
    /// As [`Self::get_immutable`].
    pub async fn get_raw(&self, key: Key) -> Result<Found<Option<Vec<u8>>>, DhtError> {
        match self.start(Wish::GetRaw { key }).await? {
            Outcome::Raw(value, report) => Ok(Found { value, report }),
            other => Err(unexpected(&other)),
        }
    }

    /// Finds peers announced under `info_hash`.
    ///
    /// # Errors
    ///
    /// As [`Self::find_node`]; that there are none is no error.
    pub async fn get_peers(&self, info_hash: Key) -> Result<Found<Vec<SocketAddr>>, DhtError> {
        match self.start(Wish::GetPeers { info_hash }).await? {
            Outcome::Peers(value, report) => Ok(Found { value, report }),
            other => Err(unexpected(&other)),
        }
    }

    /// Stores an item at the nodes closest to its key; a mutable one with `cas` only where the stored
    /// version is that. With `publish` it is stored again and again, about every hour, also after a
    /// restart, provided that one node took it now.
    ///
    /// # Errors
    ///
    /// [`Failure::Invalid`] if the item breaks a rule, [`Failure::NoContacts`] and others, as
    /// [`DhtError`]. That nodes refuse it is no error: see [`Stored::refused`].
    pub async fn put_item(
        &self,
        item: Item,
        cas: Option<i64>,
        publish: bool,
    ) -> Result<Stored, DhtError> {
        let key = RecordKey::Item(item.target());
        let wish = Wish::PutItem { item: item.clone(), cas };
        self.store(wish, publish.then_some((key, Content::Item(item)))).await
    }

    /// Stores unsigned bytes, in networks that allow them; `publish` as for [`Self::put_item`].
    ///
    /// # Errors
    ///
    /// As for [`Self::put_item`].
    pub async fn put_raw(
        &self,
        key: Key,
        value: Vec<u8>,
        publish: bool,
    ) -> Result<Stored, DhtError> {
        let record = publish.then(|| (RecordKey::Raw(key), Content::Raw(value.clone())));
        self.store(Wish::PutRaw { key, value }, record).await
    }

    /// Announces a peer of `info_hash` at this node's address and `port`, or at the node's own port;
    /// `publish` as for [`Self::put_item`], four times as often.
    ///
    /// # Errors
    ///
    /// As for [`Self::put_item`].
    pub async fn announce(
        &self,
        info_hash: Key,
        port: Option<u16>,
        seed: bool,
        publish: bool,
    ) -> Result<Stored, DhtError> {
        let record = publish.then(|| (announcement(info_hash, port), Content::Peer { seed }));
        self.store(Wish::Announce { info_hash, port, seed }, record).await
    }

    /// Keeps what has this key published no longer; it expires by itself. Returns how many records
    /// that were.
    ///
    /// # Errors
    ///
    /// [`DhtError::Unanswered`] if the node is busy or has ended.
    pub async fn unpublish(&self, key: Key) -> Result<usize, DhtError> {
        let forget = |reply| publisher::Message::Forget { key, reply };
        Ok(self.publisher.ask(self.deadline, forget).await?)
    }

    /// Returns the number of records kept published.
    ///
    /// # Errors
    ///
    /// As for [`Self::unpublish`].
    pub async fn publications(&self) -> Result<usize, DhtError> {
        Ok(self.publisher.ask(OWN_DEADLINE, publisher::Message::Count).await?)
    }

    /// Returns how the node is doing.
    ///
    /// # Errors
    ///
    /// As for [`Self::unpublish`].
    pub async fn status(&self) -> Result<NodeStatus, DhtError> {
        Ok(*self.socket.ask(OWN_DEADLINE, socket::Message::Status).await?)
    }

    /// Returns the buckets that hold anybody.
    ///
    /// # Errors
    ///
    /// As for [`Self::unpublish`].
    pub async fn table(&self) -> Result<Vec<BucketStatus>, DhtError> {
        Ok(self.status().await?.dht.buckets)
    }

    /// Recommends contacts: each is pinged before it counts, some each second.
    ///
    /// # Errors
    ///
    /// [`DhtError::Undelivered`] if the node has ended.
    pub async fn suggest(&self, contacts: Vec<Contact>) -> Result<(), DhtError> {
        Ok(self.socket.tell(socket::Message::Suggest(contacts)).await?)
    }

    /// Replaces the addresses asked when the table is empty, until the configuration is read again.
    ///
    /// # Errors
    ///
    /// As for [`Self::suggest`].
    pub async fn set_bootstrap(&self, addrs: Vec<SocketAddr>) -> Result<(), DhtError> {
        Ok(self.socket.tell(socket::Message::SetBootstrap(addrs)).await?)
    }

    async fn start(&self, wish: Wish) -> Result<Outcome, DhtError> {
        let start = |reply| socket::Message::Start { wish, reply };
        Ok(self.socket.ask(self.deadline, start).await?)
    }

    async fn item(&self, wish: Wish) -> Result<Found<Option<Item>>, DhtError> {
        match self.start(wish).await? {
            Outcome::Item(value, report) => Ok(Found { value, report }),
            other => Err(unexpected(&other)),
        }
    }

    async fn store(
        &self,
        wish: Wish,
        publish: Option<(RecordKey, Content)>,
    ) -> Result<Stored, DhtError> {
        let stored = match self.start(wish).await? {
            Outcome::Stored { key, acknowledged, refused, silent, report } => {
                Stored { key, acknowledged, refused, silent, report }
            }
            other => return Err(unexpected(&other)),
        };
        if let Some((key, content)) = publish.filter(|_| stored.acknowledged > 0) {
            let keep = |reply| publisher::Message::Keep { key, content, reply };
            let kept = self.publisher.ask(self.deadline, keep).await;
            kept.map_err(|source| DhtError::NotPublished { source })?
                .map_err(|full| DhtError::PublicationsFull { limit: full.limit })?;
        }
        Ok(stored)
    }
}

/// The error in an outcome that is not the one of the wish.
fn unexpected(outcome: &Outcome) -> DhtError {
    match outcome {
        Outcome::Failed(failure) => DhtError::Failed(*failure),
        Outcome::Pong { .. }
        | Outcome::Nodes(..)
        | Outcome::Item(..)
        | Outcome::Raw(..)
        | Outcome::Peers(..)
        | Outcome::Stored { .. } => DhtError::Mismatch,
    }
}
