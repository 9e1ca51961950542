//! What derivation will have to inflate, told before it comes to it.
//!
//! Which channels an L1 block completes depends on L1 alone: neither on batches nor on L2. So whoever fetches L1 blocks ahead can run the
//! lower half of the pipeline on them, and inflate the channels it names on other cores, while derivation is still busy with the blocks
//! before.
//!
//! ```text
//!   L1 blocks, in order ──► Ahead ──► pieces of complete channels ──► inflate_at, anywhere ──► L1View::inflated ──► Pipeline
//! ```
//!
//! # Invariants
//!
//! - Nothing here is trusted: the pipeline puts its channels together itself, and takes an inflated one only for the same pieces.
//!   A batcher that changed in between costs time and nothing else.
//! - It holds what the pipeline's frames and channels may hold, and never an inflated byte.

use std::sync::Arc;

use alloy_primitives::{Address, Bytes};

use super::{Stats, source::Source};
use crate::{config::RollupConfig, refs::L1Ref, view::L1View};

/// The lower half of the pipeline, on L1 blocks that the pipeline has not come to.
#[derive(Debug)]
pub struct Ahead {
    config: Arc<RollupConfig>,
    source: Option<Source>,
    stats: Stats,
}

impl Ahead {
    /// Begins with nothing, as a pipeline does that is reset.
    #[must_use]
    pub fn new(config: Arc<RollupConfig>) -> Self {
        Self { config, source: None, stats: Stats::default() }
    }

    /// Takes the next L1 block in, whose inbox and blobs `l1` must have. Returns the pieces of each channel it completes.
    ///
    /// What is missing, and data that lies elsewhere, end the block.
    pub fn advance(
        &mut self,
        origin: L1Ref,
        batcher: Address,
        l1: &impl L1View,
    ) -> Vec<Vec<Bytes>> {
        let config = &self.config;
        let source = match &mut self.source {
            Some(source) => {
                source.advance(config, origin);
                source
            }
            none => none.insert(Source::new(config, origin)),
        };
        let mut channels = Vec::new();
        while let Ok(Some(pieces)) = source.next_channel(config, batcher, l1, &mut self.stats) {
            channels.push(pieces);
        }
        channels
    }
}
