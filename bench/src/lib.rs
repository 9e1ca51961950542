//! Benchmarks: one program a question, each against its peer, in one run.

#[cfg(feature = "bitcoin")]
pub mod bitcoin_chain;
#[cfg(any(feature = "eth-chain", feature = "lux-rpc"))]
pub mod eth_load;
#[cfg(feature = "lux-rpc")]
pub mod json_rpc;
pub mod nodes;
pub mod process;
#[cfg(any(feature = "bitcoin-blocks", feature = "bitcoin-crypto", feature = "kaspa"))]
pub mod thread_time;
