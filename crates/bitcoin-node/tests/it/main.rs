//! The node seen from outside: its chain on disk.

mod blk;
mod blocks;
mod chain;
mod chain_kill;
mod chain_regtest;
mod network;
mod prune;
mod pruned;
mod regtest;
mod storage;
mod storage_kill;
mod txindex;
