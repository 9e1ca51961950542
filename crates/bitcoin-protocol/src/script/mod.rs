//! Script: the small stack language that says who may spend an output.

mod flags;

pub use flags::ScriptFlags;
