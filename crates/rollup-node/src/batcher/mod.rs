//! The batcher: unsafe blocks into channels, channels into transactions of L1, until the safe chain has them.
//!
//! ```text
//!   blocks beyond the safe head ──► Channels ──► pieces of data ──► Outbox: nonces, fees, receipts ──► L1
//!        ▲                             │ full, or old enough                │ no receipt: a higher fee
//!        └── begin again at the safe head ◄── blocks or receipts that are gone, a safe head that stands still
//! ```
//!
//! - [`channels`]: which blocks are posted next, and when a channel is closed; knows neither clock nor network.
//! - [`blobs`]: transactions whose data is in blobs.
//! - [`outbox`]: which transactions are under way, when one is sent again and at what fee; knows neither either.
//! - [`safe`]: when the safe head has gone back for good; knows neither as well.
//! - [`blocks`]: the chain that is posted, in this process or behind RPC.
//!
//! # Invariants
//!
//! - Nothing is kept on disk: whatever the safe chain does not have is posted again after a restart. Posting twice costs money and harms nobody,
//!   since derivation passes over what it has.
//! - Frames reach L1 in their order: each is in a transaction of its own, and nonces order them. From Holocene derivation insists on it.
//! - At most [`outbox::IN_FLIGHT_MAX`] transactions wait for a block at once.
//!
//! **Spec:** `protocol/batcher.md`; op-batcher's `channelManager` and op-service's `txmgr`.

mod actor;
pub mod blobs;
pub mod blocks;
pub mod channels;
pub mod outbox;
pub mod safe;

use std::time::Duration;

pub use self::actor::{Batcher, BatcherError};
use self::{blobs::Proofs, channels::ChannelLimits};

/// Where on L1 data goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DataAvailability {
    /// Into transactions.
    Calldata,
    /// Into blobs, one a transaction.
    Blobs(Proofs),
}

/// How batches are posted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatcherOptions {
    /// Where data goes.
    pub data: DataAvailability,
    /// When channels are closed, and how they are cut. For blobs, what one holds takes the place of the bytes of a transaction.
    pub limits: ChannelLimits,
    /// Time between two looks at both chains.
    pub poll: Duration,
    /// Time a transaction has to get into a block before it is sent again with a higher fee.
    pub resubmission: Duration,
    /// L1 blocks, its own among them, after which a transaction is taken to stay.
    pub confirmations: u64,
}

impl Default for BatcherOptions {
    fn default() -> Self {
        // op-batcher's, but for confirmations: a reorganisation is noticed by its receipts.
        Self {
            data: DataAvailability::Calldata,
            limits: ChannelLimits::default(),
            poll: Duration::from_secs(6),
            resubmission: Duration::from_secs(48),
            confirmations: 10,
        }
    }
}
