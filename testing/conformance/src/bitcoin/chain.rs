//! Where the blocks of the vectors stand: their network, and what is known of their ancestors.

use bitcoin::BlockHash;
use quintet_bitcoin_protocol::{
    Block,
    network::Params,
    rules::{Ancestors, BlockContext},
};

use crate::suite::Mismatch;

/// What is known of a block's ancestors: that they are the network's own, and perhaps their times.
#[derive(Debug)]
pub(super) struct Known {
    params: Params,
    height: u32,
    median_time_past: u32,
}

impl Known {
    /// A block at `height` of the network that vectors call `network`.
    ///
    /// The median time of its ancestors is less than its own time, which so stands for it where it is unknown.
    pub(super) fn new(network: &str, height: u32, median_time_past: u32) -> Result<Self, Mismatch> {
        let name = if network == "mainnet" { "main" } else { network };
        match Params::by_name(name) {
            Some(params) => Ok(Self { params, height, median_time_past }),
            None => Err(Mismatch::new("network", "one of the five", network)),
        }
    }

    pub(super) const fn params(&self) -> &Params {
        &self.params
    }

    /// Returns the context of `block`.
    pub(super) fn context(&self, block: &Block) -> BlockContext<'_> {
        BlockContext::new(&self.params, block.hash(), self.height, self)
    }
}

impl Ancestors for Known {
    fn hash(&self, height: u32) -> Option<BlockHash> {
        let known = height < self.height && height == self.params.bip34_height;
        known.then_some(self.params.bip34_hash)
    }

    fn median_time_past(&self, height: u32) -> u32 {
        // Of other ancestors nothing is known: the beginning of time locks nothing.
        if height + 1 == self.height { self.median_time_past } else { 0 }
    }
}
