//! The memory engine: ordered maps, for tests and for data that need not outlive the process.
//!
//! A snapshot shares the maps; a commit that changes a table some snapshot still holds copies that table first. So
//! holding a snapshot across commits costs a copy of each table changed. Nothing survives the last handle.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use super::{Direction, Durability, Engine, EngineSnapshot, KeyRange, Op, RawScan};
use crate::error::StoreError;

type Rows = BTreeMap<Vec<u8>, Arc<[u8]>>;
type Tables = BTreeMap<String, Arc<Rows>>;

/// Tables in memory.
#[derive(Debug, Default)]
pub struct MemoryEngine {
    tables: RwLock<Tables>,
}

impl MemoryEngine {
    /// The engine's name.
    pub const NAME: &'static str = "memory";

    /// Starts empty.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the maps as they are now. A writer that panicked left each map whole, so its lock is read through.
    fn current(&self) -> Tables {
        self.tables.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Engine for MemoryEngine {
    fn name(&self) -> &'static str {
        Self::NAME
    }

    fn get(&self, table: &str, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let tables = self.tables.read().unwrap_or_else(PoisonError::into_inner);
        Ok(tables.get(table).and_then(|rows| rows.get(key)).map(|value| value.to_vec()))
    }

    fn commit(&self, ops: Vec<Op>, _durability: Durability) -> Result<(), StoreError> {
        let mut tables = self.tables.write().unwrap_or_else(PoisonError::into_inner);
        for op in ops {
            if !tables.contains_key(op.table.as_ref()) {
                tables.insert(op.table.to_string(), Arc::default());
            }
            let Some(rows) = tables.get_mut(op.table.as_ref()) else { continue };
            let rows = Arc::make_mut(rows);
            match op.value {
                Some(value) => rows.insert(op.key, value.into()),
                None => rows.remove(&op.key),
            };
        }
        Ok(())
    }

    fn snapshot(&self) -> Result<Box<dyn EngineSnapshot>, StoreError> {
        Ok(Box::new(MemorySnapshot { tables: self.current() }))
    }

    fn flush(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn compact(&self) -> Result<(), StoreError> {
        Ok(())
    }

    fn disk_bytes(&self) -> Result<u64, StoreError> {
        let bytes = |rows: &Arc<Rows>| {
            rows.iter().map(|(key, value)| (key.len() + value.len()) as u64).sum::<u64>()
        };
        Ok(self.current().values().map(bytes).sum())
    }
}

#[derive(Debug)]
struct MemorySnapshot {
    tables: Tables,
}

impl EngineSnapshot for MemorySnapshot {
    fn tables(&self) -> Result<Vec<String>, StoreError> {
        Ok(self.tables.keys().cloned().collect())
    }

    fn get(&self, table: &str, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.tables.get(table).and_then(|rows| rows.get(key)).map(|value| value.to_vec()))
    }

    fn scan(
        &self,
        table: &str,
        range: KeyRange,
        direction: Direction,
    ) -> Result<RawScan<'_>, StoreError> {
        let Some(rows) = self.tables.get(table) else {
            return Ok(Box::new(std::iter::empty()));
        };
        let rows = rows.range(range).map(|(key, value)| Ok((key.clone(), value.to_vec())));
        Ok(match direction {
            Direction::Forward => Box::new(rows),
            Direction::Reverse => Box::new(rows.rev()),
        })
    }
}
