//! The node seen from outside: its chain on disk.

mod blk;
mod blocks;
mod chain;
mod prune;
mod storage;
mod storage_kill;
