//! A Kaspa node: the pipeline from a block to the virtual state, and the DAG on disk.

pub mod consensus;
pub mod dump;
mod grpc;
pub mod index;
pub mod mempool;
pub mod mining;
pub mod node;
pub mod p2p;
pub mod pipeline;
pub mod ports;
pub mod rpc;
pub mod sim;
pub mod storage;
