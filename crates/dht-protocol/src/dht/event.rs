//! What happened, for whoever watches, and what is to be done, for the driver.

use core::net::SocketAddr;

use crate::{
    contact::{Contact, Family},
    key::Key,
    message::{Item, ValueKind},
    record::Change,
};

/// Names an operation that the driver started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OperationId(pub u64);

/// What the driver must do. Effects are in order; a commit's reply is sent only after the commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Send a packet.
    Send(Packet),
    /// Make the changes durable, then send `reply`; if that cannot be done, send `refusal` instead.
    Commit {
        /// To be applied as one batch.
        changes: Vec<Change>,
        /// The acknowledgement, if somebody waits for one.
        reply: Option<Packet>,
        /// What to say when the disk fails.
        refusal: Option<Packet>,
    },
    /// An operation has ended.
    Finished(OperationId, Outcome),
    /// Something happened; nothing needs to be done.
    Event(Event),
}

/// Bytes for an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// The destination; its family says which socket.
    pub to: SocketAddr,
    /// The payload.
    pub bytes: Vec<u8>,
}

/// How an operation ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The node answered.
    Pong {
        /// Its id.
        id: Key,
        /// Round-trip time, microseconds.
        round_trip_us: u64,
    },
    /// The nodes found closest to the target, closest first.
    Nodes(Vec<Contact>, LookupReport),
    /// An item: of a mutable one, the version with the highest sequence number seen.
    Item(Option<Item>, LookupReport),
    /// Unsigned bytes.
    Raw(Option<Vec<u8>>, LookupReport),
    /// Peers of an info-hash.
    Peers(Vec<SocketAddr>, LookupReport),
    /// A record was offered to the closest nodes.
    Stored {
        /// The record's key.
        key: Key,
        /// Nodes that acknowledged it.
        acknowledged: usize,
        /// What the others said: a code and a text each, bounded by the lookup's size.
        refused: Vec<(Contact, i64, String)>,
        /// Nodes that did not answer.
        silent: usize,
        /// The lookup before.
        report: LookupReport,
    },
    /// It could not be done.
    Failed(Failure),
}

/// Why an operation could not be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// No answer came in time.
    #[error("no answer in time: is a node running at that address?")]
    Silent,
    /// The node refused.
    #[error("the node answered with error {code}")]
    Refused {
        /// Its error code.
        code: i64,
    },
    /// There is nobody to ask.
    #[error("no contact is known: give a bootstrap address, or wait until one answers")]
    NoContacts,
    /// Too much is going on.
    #[error("{limit} operations are under way already: wait for one to end")]
    Busy {
        /// Operations allowed at once.
        limit: usize,
    },
    /// The record breaks a rule; nobody was asked.
    #[error("the record is not valid: {0}")]
    Invalid(crate::record::Refusal),
    /// The address cannot be sent to, or the node has no socket of its family.
    #[error("{0} is no address this node can send to")]
    Unreachable(SocketAddr),
}

/// How a lookup went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LookupReport {
    /// Queries sent.
    pub queries: usize,
    /// Queries that failed or were not answered in time.
    pub failures: usize,
    /// Longest chain of answers that led to the result.
    pub hops: usize,
    /// From start to end, microseconds.
    pub elapsed_us: u64,
}

/// How a step of a lookup went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepResult {
    /// The query was sent.
    Asked,
    /// The node answered with contacts.
    Answered,
    /// The node had the value.
    Found,
    /// The node answered with an error.
    Refused,
    /// The node did not answer in time, or another one did in its place.
    Silent,
}

/// Facts, in the past tense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A contact answered for the first time and entered the table.
    ContactAdded(Contact),
    /// A contact left the table.
    ContactRemoved(Contact),
    /// A lookup began.
    LookupStarted {
        /// Which.
        operation: OperationId,
        /// What for.
        target: Key,
        /// For a value, or for nodes.
        kind: Option<ValueKind>,
        /// A store follows.
        stores: bool,
    },
    /// A lookup took a step.
    LookupStepped {
        /// Which.
        operation: OperationId,
        /// Whom it concerns; the id is unknown for a bootstrap address that has not answered.
        contact: Contact,
        /// What came of it.
        result: StepResult,
    },
    /// A lookup ended.
    LookupFinished {
        /// Which.
        operation: OperationId,
        /// Whether the value, or for nodes anybody, was found.
        found: bool,
        /// How it went.
        report: LookupReport,
    },
    /// A record was stored here.
    RecordStored {
        /// Its key.
        key: Key,
        /// Its kind.
        kind: ValueKind,
    },
    /// The node took another id.
    IdChanged {
        /// The old one.
        from: Key,
        /// The new one.
        to: Key,
    },
    /// Others see us at this address.
    AddressElected {
        /// The address.
        addr: SocketAddr,
        /// Its family.
        family: Family,
    },
}
