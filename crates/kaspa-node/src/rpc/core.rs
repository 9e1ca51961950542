//! The parts of a node that calls are answered with.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, AtomicU64, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use quintet_kaspa_protocol::{address::Prefix, params::Network};
use tokio_util::sync::CancellationToken;

use super::{Failure, Hub, Peers};
use crate::{
    consensus::Consensus, index::UtxoIndex, mempool::Mempool, mining::Templates, pipeline::Pipeline,
};

/// What clients are told of this program.
pub const RPC_VERSION: &str = concat!("quintet-", env!("CARGO_PKG_VERSION"));

/// Age of the sink up to which the node counts as synced, in difficulty windows of time.
const SYNCED_WITHIN_WINDOWS: u64 = 1;

/// What calls may do.
#[derive(Debug, Clone, Copy, Default)]
pub struct CoreOptions {
    /// Whether calls that change the node are answered.
    pub unsafe_rpc: bool,
    /// Whether blocks are made and taken while the node is not synced.
    pub unsynced_mining: bool,
    /// Whether blocks are made for the main network.
    pub mainnet_mining: bool,
}

/// The parts.
#[derive(Debug)]
pub struct Core {
    /// Consensus.
    pub consensus: Arc<Consensus>,
    /// Takes blocks.
    pub pipeline: Arc<Pipeline>,
    /// The pool.
    pub mempool: Arc<Mempool>,
    /// Makes blocks.
    pub templates: Arc<Templates>,
    /// Unspent outputs by script, if kept.
    pub index: Option<Arc<UtxoIndex>>,
    /// Who is told of what.
    pub hub: Hub,
    /// The network.
    pub peers: Arc<dyn Peers>,
    /// What calls may do.
    pub options: CoreOptions,
    /// Ends the node.
    pub shutdown: CancellationToken,
    /// This run's name among peers.
    pub id: [u8; 16],
    /// Connections of clients.
    pub clients: AtomicU32,
    /// Blocks that clients submitted.
    pub submitted: AtomicU64,
}

impl Core {
    /// Returns the network.
    #[must_use]
    pub fn network(&self) -> Network {
        self.consensus.params().network
    }

    /// Returns the prefix of the network's addresses.
    #[must_use]
    pub fn prefix(&self) -> Prefix {
        self.network().address_prefix()
    }

    /// Returns the index, if kept.
    pub(super) fn index(&self) -> Result<&UtxoIndex, Failure> {
        self.index.as_deref().ok_or(Failure::NoUtxoIndex)
    }

    pub(super) const fn require_unsafe(&self) -> Result<(), Failure> {
        if self.options.unsafe_rpc { Ok(()) } else { Err(Failure::SafeMode) }
    }

    /// Returns whether the sink is recent and somebody is connected.
    ///
    /// Reference: `is_sink_recent_and_connected`.
    #[must_use]
    pub fn is_synced(&self) -> bool {
        self.is_sink_recent()
            && (self.options.unsynced_mining || !self.peers.connected().is_empty())
    }

    fn is_sink_recent(&self) -> bool {
        let state = self.consensus.virtual_state();
        let header = self.consensus.header(&state.sink_hash());
        let Ok(Some(header)) = header else { return false };
        let window = self.consensus.params().rules_at(state.daa_score).difficulty_window_millis();
        header.timestamp.saturating_add(window.saturating_mul(SYNCED_WITHIN_WINDOWS)) > now_millis()
    }

    /// Returns whether a block may be mined on top of what is there.
    #[must_use]
    pub fn should_mine(&self) -> bool {
        self.options.unsynced_mining || self.is_synced()
    }

    pub(super) fn count_submitted(&self) {
        self.submitted.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a client until what is returned is dropped.
    pub(super) fn client(self: &Arc<Self>) -> CountedClient {
        self.clients.fetch_add(1, Ordering::Relaxed);
        CountedClient(Arc::clone(self))
    }
}

/// A client that is there.
#[derive(Debug)]
pub(super) struct CountedClient(Arc<Core>);

impl Drop for CountedClient {
    fn drop(&mut self) {
        self.0.clients.fetch_sub(1, Ordering::Relaxed);
    }
}

pub(crate) fn now_millis() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
