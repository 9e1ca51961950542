//! What lies on disk, and how a node finds its way back from it.
//!
//! ```text
//!   table         key                 value                                   written
//!   records       a record's key      a record                                before it is acknowledged
//!   contacts      ()                  the contacts of the table               every five minutes, at shutdown
//!   identity      ()                  own id, addresses others saw us at      when they change
//!   publications  a record's key      a record; its expiry is the next time   with every publication
//!                                     to publish it; a peer's address is
//!                                     0.0.0.0 and its port, 0 for our own
//! ```
//!
//! Keys and records have the byte form of [`quintet_dht_protocol::record::disk`]; the store adds a
//! checksum to each. Its engine is redb: the state is small, and every commit must be durable.
//!
//! # Invariants
//!
//! - Damage costs what is damaged: a bad record is dropped and counted, bad contacts or a bad identity
//!   mean a cold start. Only a store that cannot be read at all keeps a node from starting.
//! - What expired while the node was away is removed at start, so the disk never holds more than the
//!   memory did for longer than one run.

mod load;
mod rows;

use quintet_store::{Schema, Table};

pub(crate) use self::{
    load::{Loaded, load, load_publications},
    rows::{ContactList, Identity, StoredKey, StoredRecord},
};

/// The schema of a DHT node's store.
pub const SCHEMA: Schema = Schema { name: "dht", version: 1, migrations: &[] };

/// What others stored here.
pub(crate) const RECORDS: Table<StoredKey, StoredRecord> = Table::new("records");

/// Whom we knew.
pub(crate) const CONTACTS: Table<(), ContactList> = Table::new("contacts");

/// Who we were.
pub(crate) const IDENTITY: Table<(), Identity> = Table::new("identity");

/// What we keep published.
pub(crate) const PUBLICATIONS: Table<StoredKey, StoredRecord> = Table::new("publications");
