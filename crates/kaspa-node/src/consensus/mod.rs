//! Consensus: from a block to the virtual state.

mod memory;

pub use memory::MemoryLedger;
