//! A Bitcoin node: the chain on disk and what drives it.

pub mod chain;
pub mod storage;
