//! A deterministic network of miners: what a DAG looks like at a rate of blocks, a delay and a load, and what it costs.
//!
//! ```text
//!   Timeline ── mine at t ──► resolve, template ──► Block ──► who listens: an export, a chart
//!       ▲                                          │
//!       └──── next block: t + Exp(1 / rate) ◄──────┼──► arrives at every view at t + delay ──► View::submit
//!                                                  └──► Figures: width, colours, time to acceptance
//! ```
//!
//! A [`View`] is what one part of the network knows: a consensus of its own, fed with each block when it arrives there. Where the delay is
//! the same for everybody, a miner's own blocks included, all miners know the same at any time, so one view plays any number of
//! them. This is what the reference's simulator measures with; with [`Plan::jitter_percent`] delays differ by block and view, and several views
//! see the same blocks in different orders.
//!
//! One more view, the **follower**, mines nothing: what it takes for the blocks that arrive there is what a node of that network does. A miner has
//! checked the signatures of its own blocks before they arrive; the follower has not. A plan without other views lets the miners mine on what the
//! follower has: half the work, where its speed is not what is asked for.
//!
//! The same plan makes the same blocks on every machine: nothing here reads a clock to decide, and the random numbers are pinned
//! ([`SplitMix`](quintet_primitives::random::SplitMix)). Proof of work is left out; keys, signatures, fees and all else is as it is.

mod figures;
mod network;
mod plan;
mod purse;
mod timeline;
mod view;

use std::fmt;

use quintet_crypto::secp::SecretKeyError;
use quintet_kaspa_protocol::{
    block::Block,
    coinbase::MinerData,
    dag::DagError,
    tx::{Outpoint, Transaction, UtxoEntry},
};
use quintet_primitives::Hash256;
use thiserror::Error;

pub use figures::{BLOCKS_COLOURED_MAX, Figures, Spread, Summary};
pub use network::{Mined, Network};
pub use plan::{BLOCKS_MAX, MINERS_MAX, Plan, PlanError, TRANSACTIONS_PER_BLOCK_MAX, VIEWS_MAX};
pub use purse::{FEE, Purse};
pub use view::ConsensusView;

/// What one part of the network knows.
pub trait View: fmt::Debug {
    /// Brings the virtual block up to all blocks taken in, and returns the DAA score a block mined now would have.
    ///
    /// # Errors
    ///
    /// [`SimError::View`], also if a block turns out to be invalid.
    fn resolve(&mut self) -> Result<u64, SimError>;

    /// Returns whether a block is there, body and all.
    fn knows(&self, block: &Hash256) -> bool;

    /// Looks coins up in the virtual block's set, as it was resolved last; the answers stand in the order asked.
    ///
    /// # Errors
    ///
    /// [`SimError::View`].
    fn entries(&self, outpoints: &[Outpoint]) -> Result<Vec<Option<UtxoEntry>>, SimError>;

    /// Builds a block on the virtual block as it was resolved last, of this time in milliseconds or later.
    ///
    /// # Errors
    ///
    /// [`SimError::View`], also if a transaction cannot be in it.
    fn template(
        &mut self,
        miner: MinerData<'_>,
        timestamp: u64,
        transactions: Vec<Transaction>,
    ) -> Result<Block, SimError>;

    /// Takes a block whose parents it has. The virtual block stays as it is.
    ///
    /// # Errors
    ///
    /// [`SimError::View`], also if the block is invalid: simulated miners are honest.
    fn submit(&mut self, mined: &Mined) -> Result<(), SimError>;
}

/// Why a simulation cannot go on.
#[derive(Debug, Error)]
pub enum SimError {
    /// The plan makes no sense.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// No key for a miner.
    #[error("miner {number} has no key: {source}; choose another seed")]
    Key {
        /// The miner.
        number: u32,
        /// Why.
        source: SecretKeyError,
    },
    /// A transaction of the simulator's own could not be signed.
    #[error("a transaction could not be completed; this is a mistake in the simulator")]
    Unsigned,
    /// A view failed, or refused a block or a transaction.
    #[error("view {view} could not {action}: {reason}")]
    View {
        /// Which view.
        view: usize,
        /// What was tried.
        action: &'static str,
        /// Its words.
        reason: String,
    },
    /// The DAG of the figures is full.
    #[error(transparent)]
    Dag(#[from] DagError),
}
