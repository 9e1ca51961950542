//! Benchmarks: one program a question, each against its peer, in one run.

pub mod process;
