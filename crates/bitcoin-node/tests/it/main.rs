//! The node seen from outside: its chain on disk.

#![expect(clippy::panic, reason = "a test fails by panicking, also in a function it calls")]

mod blk;
mod blocks;
mod storage;
mod storage_kill;
