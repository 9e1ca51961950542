//! Mining: templates of blocks out of the pool, and a miner on this machine's processor for development networks.

mod cpu;
mod templates;

pub use cpu::{CpuMiner, MinerError, MinerOptions, Submit};
pub use templates::{TEMPLATE_LIFETIME, TemplateError, Templates};
