//! The sequencer: a block on the head at every block time, from the pool, and out to whoever follows.
//!
//! ```text
//!   head ──► its time has come? ──► L1 origin (sequencing::origin) ──► attributes ──► engine: build, seal ──► gossip
//!    ▲                                   │ reorganised                                     │
//!    └── retreat to what L1 still has ◄──┘                                                 └──► the next head
//! ```
//!
//! # Invariants
//!
//! - No block before derivation has read all of L1 once: a node that lost its disk would build on a head that others have left behind.
//! - Blocks follow each other by the block time exactly; a sequencer that was away makes up for it without pause, with times of the past.
//! - What L1 does not say for too long stops the chain: see [`origin`].
//! - A block that was sealed is head before anybody is told of it.
//!
//! **Spec:** op-node's `sequencing.Sequencer`; flags `sequencer.l1-confs`, `sequencer.max-safe-lag`, `sequencer.stopped`.

mod actor;
mod control;
mod epoch;

#[cfg(doc)]
use quintet_rollup_protocol::sequencing::origin;

pub(crate) use self::actor::{Sequencer, run};
pub use self::control::{Refused, SequencerControl};

/// How blocks are made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SequencerOptions {
    /// L1 blocks above an origin.
    pub l1_confirmations: u64,
    /// Blocks the head may be ahead of the safe head; zero for no limit.
    pub max_safe_lag: u64,
    /// Whether it waits to be told before it begins.
    pub is_stopped: bool,
}

impl Default for SequencerOptions {
    fn default() -> Self {
        // op-node's.
        Self { l1_confirmations: 4, max_safe_lag: 0, is_stopped: false }
    }
}
