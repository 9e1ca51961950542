//! Ordered key-value storage with typed tables, atomic batches, snapshots and migrations.
//!
//! A node keeps its random-access state here: coins, peers, records, routing tables. Append-mostly data
//! (blocks, headers) belongs in segment files ([`segment`]) and only its index in a store.
//!
//! ```text
//!   Table<K, V>   names a keyspace and fixes how its keys and values are encoded
//!        │
//!   Batch ──commit──► Store ──snapshot──► Snapshot ──range──► Scan      typed, checksummed
//!                       │                    │
//!                   dyn Engine         dyn EngineSnapshot               bytes
//!                       │
//!             fjall │ redb │ memory │ testing::LogEngine
//! ```
//!
//! ```
//! use quintet_store::{Batch, Durability, Schema, Store, Table};
//!
//! const HEIGHTS: Table<[u8; 4], u64> = Table::new("heights");
//! const SCHEMA: Schema = Schema { name: "example", version: 1, migrations: &[] };
//!
//! # fn main() -> Result<(), quintet_store::StoreError> {
//! let store = Store::memory(&SCHEMA)?;
//! let mut batch = Batch::new();
//! batch.put(&HEIGHTS, b"main", &840_000);
//! store.commit(batch, Durability::Sync)?;
//! assert_eq!(store.get(&HEIGHTS, b"main")?, Some(840_000));
//! # Ok(())
//! # }
//! ```
//!
//! # Invariants
//!
//! - A batch is all or nothing, across tables and across a crash.
//! - Batches become durable in commit order: what survives a crash is a prefix of what was committed,
//!   and it holds every batch acknowledged with [`Durability::Sync`].
//! - After a commit that did not succeed the store takes no more writes ([`StoreError::Poisoned`]).
//! - Every value carries a CRC-32C over its table, key and bytes; a damaged value is
//!   [`StoreError::Corrupt`], never a wrong answer and never a panic.
//! - One process at a time: a second open of a directory is [`StoreError::Locked`].
//!
//! The layout of a store directory and of a backup file is in `docs/formats/store.md`; the choice of
//! engines and the measurement behind it in `docs/adr/0001-storage-engines.md`.

mod backup;
mod batch;
mod checksum;
mod codec;
mod directory;
mod durable_file;
mod engine;
mod error;
mod integrity;
mod restore;
mod schema;
pub mod segment;
mod snapshot;
mod store;
mod table;
#[cfg(feature = "testing")]
pub mod testing;

pub use backup::{BackupSummary, inspect_backup};
pub use batch::{BATCH_BYTES_MAX, Batch, KEY_BYTES_MAX, VALUE_BYTES_MAX};
pub use codec::{BytesPrefix, DecodeError, KeyCodec, KeyPrefix, Reader, ValueCodec, put_varint};
pub use directory::{EngineKind, StoreOptions};
#[cfg(feature = "fjall")]
pub use engine::FjallEngine;
#[cfg(feature = "redb")]
pub use engine::RedbEngine;
pub use engine::{
    Direction, Durability, Engine, EngineSnapshot, KeyRange, MemoryEngine, Op, RawScan,
};
pub use error::StoreError;
pub use integrity::{IntegrityProblem, IntegrityReport, PROBLEMS_MAX, RecordCheck};
pub use restore::restore;
pub use schema::{Migration, MigrationStep, Schema, SchemaHeader, StepOutcome};
pub use snapshot::{Scan, Snapshot};
pub use store::Store;
pub use table::{TABLE_NAME_BYTES_MAX, Table};
