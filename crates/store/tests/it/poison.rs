//! After a commit that was not carried out.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use quintet_store::{
    Batch, Durability, Engine, EngineSnapshot, MemoryEngine, Op, Store, StoreError,
};

use crate::subject::{COUNTS, SCHEMA};

/// Refuses one commit when told to, and would take the next.
#[derive(Debug, Default)]
struct FailsOnce {
    inner: MemoryEngine,
    armed: AtomicBool,
}

impl FailsOnce {
    fn write(&self) -> Result<(), StoreError> {
        if self.armed.swap(false, Ordering::SeqCst) {
            return Err(StoreError::Engine {
                engine: "flaky",
                action: "commit",
                source: "no space left on device".into(),
            });
        }
        Ok(())
    }
}

impl Engine for FailsOnce {
    fn name(&self) -> &'static str {
        "flaky"
    }
    fn get(&self, table: &str, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.inner.get(table, key)
    }
    fn commit(&self, ops: Vec<Op>, durability: Durability) -> Result<(), StoreError> {
        self.write()?;
        self.inner.commit(ops, durability)
    }
    fn snapshot(&self) -> Result<Box<dyn EngineSnapshot>, StoreError> {
        self.inner.snapshot()
    }
    fn flush(&self) -> Result<(), StoreError> {
        self.write()
    }
    fn compact(&self) -> Result<(), StoreError> {
        Err(StoreError::SnapshotsOpen { engine: "flaky" })
    }
    fn disk_bytes(&self) -> Result<u64, StoreError> {
        self.inner.disk_bytes()
    }
}

fn one(key: u32) -> Batch {
    let mut batch = Batch::new();
    batch.put(&COUNTS, &key, &1);
    batch
}

#[test]
fn a_store_takes_no_more_writes_after_a_failed_commit_and_still_reads() {
    let engine = Arc::new(FailsOnce::default());
    let store = Store::with_engine(engine.clone(), &SCHEMA).expect("a store");
    store.commit(one(1), Durability::Sync).expect("a commit");
    assert_eq!(store.poisoned(), None);

    engine.armed.store(true, Ordering::SeqCst);
    let error = store.commit(one(2), Durability::Sync).expect_err("the engine refuses");
    assert!(matches!(error, StoreError::Engine { .. }), "{error}");

    // The engine would take it now; the store does not offer it.
    let error = store.commit(one(3), Durability::Sync).expect_err("a poisoned store");
    assert!(error.to_string().contains("no space left on device"), "{error}");
    assert!(matches!(store.flush(), Err(StoreError::Poisoned { .. })));
    assert!(matches!(store.compact(), Err(StoreError::Poisoned { .. })));
    assert!(store.poisoned().is_some());

    assert_eq!(store.get(&COUNTS, &1).expect("a read"), Some(1));
    assert_eq!(store.get(&COUNTS, &3).expect("a read"), None);
}

#[test]
fn a_failed_flush_poisons_as_a_failed_commit_does() {
    let engine = Arc::new(FailsOnce::default());
    let store = Store::with_engine(engine.clone(), &SCHEMA).expect("a store");
    engine.armed.store(true, Ordering::SeqCst);
    assert!(store.commit(Batch::new(), Durability::Sync).is_err(), "an empty sync is a flush");
    assert!(matches!(store.commit(one(1), Durability::Buffered), Err(StoreError::Poisoned { .. })));
}

#[test]
fn a_compaction_that_must_wait_for_snapshots_does_not_poison() {
    let store = Store::with_engine(Arc::new(FailsOnce::default()), &SCHEMA).expect("a store");
    assert!(matches!(store.compact(), Err(StoreError::SnapshotsOpen { .. })));
    store.commit(one(1), Durability::Sync).expect("a commit");
}
