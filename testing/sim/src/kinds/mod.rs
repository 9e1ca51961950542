//! The kinds that make a chain.

mod bitcoin;
mod kaspa;
mod lux;

pub use self::{bitcoin::Bitcoin, kaspa::Kaspa, lux::Lux};
