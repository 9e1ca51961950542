//! The node seen from outside: its chain on disk.

mod blk;
mod blocks;
mod prune;
mod storage;
mod storage_kill;
