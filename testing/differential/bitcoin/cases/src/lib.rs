//! Cases for differential tests, and this project's verdict on them.
//!
//! ```text
//!   vectors ─────┐
//!   Maker ───────┤► templates ──► mutate ──┐
//!                │                         ├──► Case ──► ours ───┐
//!   nothing ─────┴► grammar ───────────────┘       └──► Judge ───┴──► equal, or a disagreement in hex
//! ```
//!
//! A judge is somebody else's engine, and lives in a program of its own. Every case follows from the run's seed and the
//! case's number alone, so `--seed S --first N --cases 1` shows one again.

mod assembler;
mod case;
mod grammar;
mod mutate;
mod ours;
mod run;
mod sign;
mod templates;

pub use case::{Case, FLAGS, Judge, Verdict, closed};
pub use ours::verdict;
pub use run::{Arguments, run};
pub use templates::Templates;
