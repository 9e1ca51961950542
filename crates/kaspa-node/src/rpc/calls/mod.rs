//! The answers, by what they are about.

pub(super) mod blocks;
pub(super) mod chain;
pub(super) mod coins;
pub(super) mod control;
pub(super) mod machine;
pub(super) mod network;
pub(super) mod pool;
