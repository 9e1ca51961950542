//! Tests of the Kaspa node against what its parts promise one another.

mod dump;
mod kill;
mod model;
mod power;
mod replay;
mod storage;
