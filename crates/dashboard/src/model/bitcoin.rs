//! What the page shows of a Bitcoin node.

use serde::Serialize;

use super::{PoolPicture, drawable};

/// The node's part of its entry.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BitcoinNode {
    /// The chain: `main`, `regtest`.
    pub chain: String,
    /// Height of the tip.
    pub height: u64,
    /// Height of the newest header.
    pub headers: u64,
    /// Hash of the tip, 64 digits.
    pub best: String,
    /// The latest blocks, newest first, at most [`BLOCKS_MAX`](crate::BLOCKS_MAX); empty where another node's entry shows the same.
    pub blocks: Vec<BitcoinBlock>,
    /// What waits for a block; fees in satoshis a virtual byte.
    pub pool: PoolPicture,
    /// Who is connected, at most [`PEERS_MAX`](crate::PEERS_MAX).
    pub connections: Vec<BitcoinPeer>,
}

/// A block in brief.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BitcoinBlock {
    /// Its height.
    pub height: u64,
    /// Its hash, 64 digits.
    pub hash: String,
    /// When it was made: milliseconds since the Unix epoch.
    pub time: u64,
    /// Transactions in it, the coinbase among them.
    pub transactions: u64,
    /// Its weight.
    pub weight: u64,
}

/// A connection.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct BitcoinPeer {
    /// Where the peer is, as text.
    pub address: String,
    /// Whether it connected to us.
    pub inbound: bool,
    /// What it calls itself: text of a peer.
    pub agent: String,
    /// Height of the last header both have; none before any.
    pub height: Option<u64>,
    /// How long it takes to answer, in milliseconds; none before the first answer.
    pub ping_ms: Option<f64>,
    /// Bytes received of it.
    pub bytes_in: u64,
    /// Bytes sent to it.
    pub bytes_out: u64,
}

/// What Bitcoin nodes move, per second. A value that is negative or not finite is published as zero.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
pub struct BitcoinRates {
    /// Transactions that came into the pool, per second.
    pub entered: f64,
    /// Transactions that came into blocks, per second.
    pub mined: f64,
    /// Bytes received of peers, per second.
    pub bytes_in: f64,
    /// Bytes sent to peers, per second.
    pub bytes_out: f64,
}

impl BitcoinRates {
    #[must_use]
    pub(crate) fn drawable(self) -> Self {
        let Self { entered, mined, bytes_in, bytes_out } = self;
        let [entered, mined] = [entered, mined].map(drawable);
        let [bytes_in, bytes_out] = [bytes_in, bytes_out].map(drawable);
        Self { entered, mined, bytes_in, bytes_out }
    }
}
