//! Cases for differential tests against rusty-kaspa's rules, and what both engines say of them.
//!
//! ```text
//!   vectors ──────────────────────────► mutate ──┐
//!   frame ──► grammar, program ──► sign ──► mutate ──┴──► Case ──► ours ────┐
//!                                                            └──► theirs ──┴──► equal, or a disagreement in hex
//! ```
//!
//! Cases are made of the reference's types and signed with its signature hashes. Every case follows from the run's seed
//! and its number alone: `--seed S --first N --cases 1` shows one again.

pub mod convert;
pub mod engines;
mod frame;
mod grammar;
mod mutate;
mod program;
mod reason;
mod run;
mod script_text;
pub mod spend;
mod vectors;

pub use quintet_primitives::random;

pub use frame::draw as draw_frame;
pub use reason::Reason;
pub use run::{Arguments, run};
