//! The counter: owns one total and nothing else.
//!
//! ```text
//!   Client::add ──► inbox ──► actor::run ──► State::handle ──► Effect ──► reply
//! ```

pub(crate) mod actor;
pub(crate) mod inbox;
mod state;

/// What the operator decides.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Config {
    /// The total is never larger than this.
    pub(crate) total_max: u64,
}
