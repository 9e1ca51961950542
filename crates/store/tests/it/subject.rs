//! The engines under test, behind one door.

use std::sync::Arc;

use quintet_store::{
    EngineKind, Schema, Store, StoreError, StoreOptions, Table,
    testing::{CrashDisk, LogEngine, Survival},
};
use tempfile::TempDir;

pub(crate) const SCHEMA: Schema = Schema { name: "suite", version: 1, migrations: &[] };

pub(crate) const WORDS: Table<String, Vec<u8>> = Table::new("words");
pub(crate) const COUNTS: Table<u32, u64> = Table::new("counts");
pub(crate) const PAIRS: Table<(u16, String), u8> = Table::new("pairs");

pub(crate) const CACHE_BYTES: usize = 4 << 20;

pub(crate) fn options(engine: EngineKind) -> StoreOptions {
    StoreOptions { engine, cache_bytes: CACHE_BYTES }
}

/// Where the data of a store under test lies.
pub(crate) enum Subject {
    Memory,
    Log(CrashDisk),
    Directory(EngineKind, TempDir),
}

impl Subject {
    pub(crate) fn log() -> Self {
        Self::Log(CrashDisk::new())
    }

    pub(crate) fn directory(engine: EngineKind) -> Self {
        Self::Directory(engine, tempfile::tempdir().expect("a temporary directory"))
    }

    pub(crate) fn open_as(&self, schema: &Schema) -> Result<Store, StoreError> {
        match self {
            Self::Memory => Store::memory(schema),
            Self::Log(disk) => {
                let engine = LogEngine::open(disk.restart(Survival::Everything))?;
                Store::with_engine(Arc::new(engine), schema)
            }
            Self::Directory(engine, directory) => {
                Store::open(&directory.path().join("store"), schema, &options(*engine))
            }
        }
    }

    pub(crate) fn open(&self) -> Store {
        self.open_as(&SCHEMA).expect("the store opens")
    }
}

/// Runs each named function once for every engine, as a test of its own.
#[macro_export]
macro_rules! for_every_engine {
    ($($sentence:ident),* $(,)?) => {
        mod memory { $(#[test] fn $sentence() { super::$sentence(&$crate::subject::Subject::Memory); })* }
        mod log { $(#[test] fn $sentence() { super::$sentence(&$crate::subject::Subject::log()); })* }
        mod fjall { $(#[test] fn $sentence() {
            super::$sentence(&$crate::subject::Subject::directory(quintet_store::EngineKind::Fjall));
        })* }
        mod redb { $(#[test] fn $sentence() {
            super::$sentence(&$crate::subject::Subject::directory(quintet_store::EngineKind::Redb));
        })* }
    };
}
