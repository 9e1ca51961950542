//! How fast blocks are taken in.

use std::time::Instant;

use quintet_bitcoin_node::chain::ImportProgress;

use crate::output::{Speed, size, thousands};

/// Blocks, transactions and bytes a second.
#[derive(Debug)]
pub(super) struct Pace(Speed<3>);

impl Pace {
    pub(super) const fn new() -> Self {
        Self(Speed::new())
    }

    pub(super) fn sample(&mut self, at: &ImportProgress) {
        self.0.sample(Instant::now(), [at.blocks, at.transactions, at.bytes]);
    }

    /// Where it is and how fast, for people.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a speed is not negative, and a cast from a float saturates"
    )]
    pub(super) fn line(&self, at: &ImportProgress) -> String {
        let height = thousands(u64::from(at.height));
        let Some([blocks, transactions, bytes]) = self.0.per_second() else {
            return format!("height {height}");
        };
        format!(
            "height {height}, {} blocks/s, {} tx/s, {}/s",
            thousands(blocks as u64),
            thousands(transactions as u64),
            size(bytes as u64)
        )
    }
}
