//! Tests of the Kaspa node against what its parts promise one another.

mod dump;
mod kill;
mod lab;
mod model;
mod orders;
mod power;
mod pruning;
mod refusals;
mod replay;
mod storage;
