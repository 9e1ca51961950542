//! Ordered key-value storage with typed tables, atomic batches, snapshots and migrations.
