//! A Kaspa node: the pipeline from a block to the virtual state, and the DAG on disk.

pub mod consensus;
pub mod dump;
pub mod p2p;
pub mod pipeline;
pub mod ports;
pub mod sim;
pub mod storage;
