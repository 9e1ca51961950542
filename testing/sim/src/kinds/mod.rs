//! The kinds.

mod bitcoin;
mod dht;
mod kaspa;
pub(crate) mod lux;
pub mod rollup;

pub use self::{bitcoin::Bitcoin, dht::Dht, kaspa::Kaspa, lux::Lux, rollup::Rollup};
