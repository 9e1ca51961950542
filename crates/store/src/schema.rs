//! What a store says about itself, and how an older one becomes a current one.
//!
//! ```text
//!   open ─► header? ──none──► tables? ──none──► write the header            (a new store)
//!              │                  └──some──► HeaderMissing
//!              ├─ format newer, other schema, newer version ──► an error that names both sides
//!              └─ older version ──► per migration: step, commit with cursor, step, … commit with new version
//! ```
//!
//! # Invariants
//!
//! - A migration step and the record of how far it came are one batch, written with [`Durability::Sync`]. A crash at any moment
//!   resumes at the step after the last committed one; no step is applied twice.
//! - The version in the header moves only in the batch of a migration's last step.

use crate::{
    batch::Batch,
    codec::{DecodeError, Reader, ValueCodec},
    engine::Durability,
    error::StoreError,
    snapshot::Snapshot,
    store::Store,
    table::{META_TABLE, Table},
};

/// Version of the store's own format: header, checksums, key encoding.
pub(crate) const FORMAT: u32 = 1;

const MAGIC: [u8; 8] = *b"QNTSTORE";

/// Longest schema name, bytes.
pub(crate) const SCHEMA_NAME_BYTES_MAX: usize = 255;

const HEADER: Table<u8, SchemaHeader> = Table::internal(META_TABLE);
const HEADER_KEY: u8 = 0;

const PROGRESS: Table<u8, MigrationProgress> = Table::internal(META_TABLE);
const PROGRESS_KEY: u8 = 1;

/// What an application stores, and how it got there.
#[derive(Debug, Clone, Copy)]
pub struct Schema {
    /// Names the application's data, so that no other kind opens it. At most 255 bytes.
    pub name: &'static str,
    /// The version this program writes. A new store starts here.
    pub version: u32,
    /// One migration for each version step that is still supported, in any order.
    pub migrations: &'static [Migration],
}

/// One version step.
#[derive(Debug, Clone, Copy)]
pub struct Migration {
    /// The version it leads to, from the one before.
    pub to: u32,
    /// What it does, for the log.
    pub what: &'static str,
    /// Does part of the work.
    pub step: MigrationStep,
}

/// Does part of a migration: reads the snapshot, fills the batch, says where to go on. Called first without a cursor, then
/// with each cursor it returned, on a fresh snapshot each time. It must not depend on anything but its arguments, and keeps its
/// batch within [`BATCH_BYTES_MAX`](crate::BATCH_BYTES_MAX).
pub type MigrationStep =
    fn(&Snapshot, Option<&[u8]>, &mut Batch) -> Result<StepOutcome, StoreError>;

/// What a migration step says after it filled its batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepOutcome {
    /// Call again with this cursor.
    More(Vec<u8>),
    /// The migration is complete with this batch.
    Done,
}

/// What a store or a backup says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SchemaHeader {
    /// Version of the store's own format.
    pub format: u32,
    /// Name of the application schema. Empty if the format is newer than this program knows.
    pub name: String,
    /// Version of the application schema.
    pub version: u32,
}

impl ValueCodec for SchemaHeader {
    fn encode_value(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&MAGIC);
        self.format.encode_value(out);
        self.name.encode_value(out);
        self.version.encode_value(out);
    }

    fn decode_value(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let magic = reader.array()?;
        if magic != MAGIC {
            return Err(DecodeError::invalid("a store header", "another magic number"));
        }
        let format = reader.u32()?;
        if format > FORMAT {
            // What follows is for newer programs to say.
            reader.bytes(reader.rest().len())?;
            return Ok(Self { format, name: String::new(), version: 0 });
        }
        Ok(Self { format, name: String::decode_value(reader)?, version: reader.u32()? })
    }
}

/// How far an unfinished migration came.
#[derive(Debug, Clone, PartialEq, Eq)]
struct MigrationProgress {
    to: u32,
    cursor: Vec<u8>,
}

impl ValueCodec for MigrationProgress {
    fn encode_value(&self, out: &mut Vec<u8>) {
        self.to.encode_value(out);
        self.cursor.encode_value(out);
    }

    fn decode_value(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        Ok(Self { to: reader.u32()?, cursor: Vec::decode_value(reader)? })
    }
}

/// Reads the header of an open store.
pub(crate) fn header(store: &Store) -> Result<Option<SchemaHeader>, StoreError> {
    store.get(&HEADER, &HEADER_KEY)
}

/// Adds the header to `batch`.
pub(crate) fn put_header(batch: &mut Batch, name: &str, version: u32) {
    let header = SchemaHeader { format: FORMAT, name: name.to_owned(), version };
    batch.put(&HEADER, &HEADER_KEY, &header);
}

/// Checks the header against `schema`, writes it into a new store, migrates an older one.
pub(crate) fn open(store: &Store, schema: &Schema) -> Result<(), StoreError> {
    let Some(found) = header(store)? else {
        return create(store, schema);
    };
    if found.format > FORMAT {
        return Err(StoreError::FormatNewer { expected: FORMAT, actual: found.format });
    }
    if found.name != schema.name {
        return Err(StoreError::SchemaName {
            expected: schema.name.to_owned(),
            actual: found.name,
        });
    }
    if found.version > schema.version {
        return Err(StoreError::SchemaNewer {
            name: found.name,
            expected: schema.version,
            actual: found.version,
        });
    }
    (found.version..schema.version).try_for_each(|from| migrate(store, schema, from))
}

fn create(store: &Store, schema: &Schema) -> Result<(), StoreError> {
    // A crash between creating the store's own table and filling it leaves that table alone.
    let tables = store.snapshot()?.raw().tables()?;
    let tables = tables.iter().filter(|name| *name != META_TABLE).count();
    if tables > 0 {
        return Err(StoreError::HeaderMissing { engine: store.engine_name(), tables });
    }
    let mut batch = Batch::new();
    put_header(&mut batch, schema.name, schema.version);
    store.commit(batch, Durability::Sync)
}

fn migrate(store: &Store, schema: &Schema, from: u32) -> Result<(), StoreError> {
    let to = from + 1;
    let missing = || StoreError::MigrationMissing { name: schema.name.to_owned(), from, to };
    let migration =
        schema.migrations.iter().find(|migration| migration.to == to).ok_or_else(missing)?;

    let mut cursor = store
        .get(&PROGRESS, &PROGRESS_KEY)?
        .filter(|progress| progress.to == to)
        .map(|progress| progress.cursor);
    tracing::info!(
        schema = schema.name,
        from,
        to,
        what = migration.what,
        resumed = cursor.is_some(),
        "migrating the store"
    );
    loop {
        let mut batch = Batch::new();
        let outcome = (migration.step)(&store.snapshot()?, cursor.as_deref(), &mut batch)?;
        match outcome {
            StepOutcome::Done => {
                put_header(&mut batch, schema.name, to);
                batch.delete(&PROGRESS, &PROGRESS_KEY);
                return store.commit(batch, Durability::Sync);
            }
            StepOutcome::More(next) => {
                if batch.is_empty() && cursor.as_ref() == Some(&next) {
                    return Err(StoreError::MigrationStuck { to, what: migration.what });
                }
                let progress = MigrationProgress { to, cursor: next };
                batch.put(&PROGRESS, &PROGRESS_KEY, &progress);
                store.commit(batch, Durability::Sync)?;
                cursor = Some(progress.cursor);
            }
        }
    }
}
