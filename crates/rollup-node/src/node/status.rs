//! How far the node is on both chains, as everybody in it sees it and `optimism_syncStatus` tells it.

use alloy_eips::BlockNumHash;
use quintet_rollup_protocol::refs::{L1Ref, L2Ref};
use serde_json::{Value, json};
use tokio::sync::watch;

/// How far the node is. The newest unsafe block is the execution layer's head and is read there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Heads {
    /// The L1 block derivation stands at.
    pub current_l1: L1Ref,
    /// The newest L1 block.
    pub head_l1: L1Ref,
    /// L1's safe block.
    pub safe_l1: L1Ref,
    /// L1's final block.
    pub finalized_l1: L1Ref,
    /// The newest block that is derived from L1.
    pub safe_l2: L2Ref,
    /// The newest block that is derived from final L1 blocks.
    pub finalized_l2: L2Ref,
    /// Whether derivation has read all of L1 once since the node started.
    pub is_caught_up: bool,
}

/// The heads, told to everybody who listens.
#[derive(Debug, Clone)]
pub struct Status {
    heads: watch::Sender<Heads>,
}

impl Default for Status {
    fn default() -> Self {
        Self { heads: watch::Sender::new(Heads::default()) }
    }
}

impl Status {
    /// Returns the heads.
    #[must_use]
    pub fn heads(&self) -> Heads {
        *self.heads.borrow()
    }

    /// Listens to what they become.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<Heads> {
        self.heads.subscribe()
    }

    /// Changes them.
    pub fn update(&self, change: impl FnOnce(&mut Heads)) {
        self.heads.send_if_modified(|heads| {
            let before = *heads;
            change(heads);
            *heads != before
        });
    }
}

fn l1(block: &L1Ref) -> Value {
    json!({
        "hash": block.hash,
        "number": block.number,
        "parentHash": block.parent_hash,
        "timestamp": block.timestamp,
    })
}

pub(crate) fn id(block: BlockNumHash) -> Value {
    json!({ "hash": block.hash, "number": block.number })
}

/// Writes an L2 block as op-node does.
pub(crate) fn l2(block: &L2Ref) -> Value {
    json!({
        "hash": block.hash,
        "number": block.number,
        "parentHash": block.parent_hash,
        "timestamp": block.timestamp,
        "l1origin": id(block.l1_origin),
        "sequenceNumber": block.sequence_number,
    })
}

impl Heads {
    /// Writes them as `optimism_syncStatus` answers.
    ///
    /// **Spec:** op-service's `eth.SyncStatus`. What interop tells apart (local and cross) is the same here.
    #[must_use]
    pub fn to_json(self, unsafe_l2: &L2Ref) -> Value {
        json!({
            "current_l1": l1(&self.current_l1),
            "current_l1_finalized": l1(&self.finalized_l1),
            "head_l1": l1(&self.head_l1),
            "safe_l1": l1(&self.safe_l1),
            "finalized_l1": l1(&self.finalized_l1),
            "unsafe_l2": l2(unsafe_l2),
            "safe_l2": l2(&self.safe_l2),
            "finalized_l2": l2(&self.finalized_l2),
            "pending_safe_l2": l2(&self.safe_l2),
            "cross_unsafe_l2": l2(unsafe_l2),
            "local_safe_l2": l2(&self.safe_l2),
        })
    }
}
