//! Bitcoin Core's kernel as a judge and as a contender.

mod script;

pub use script::Kernel;
