//! From a block's changes to what a commit writes.

use std::sync::Arc;

use alloy_primitives::{Address, B256, Bytes, U256, keccak256};

use super::{
    Head, StateError, StateReader, StateStore, WithSnapshot,
    nodes::DiskNodes,
    tables::{SLOTS, SlotValue},
};
use crate::{
    state::{
        AccountLeaf, StateChanges,
        root::{HashedChange, SlotChange, hashed, update_state},
    },
    trie::{EMPTY_ROOT, NodeUpdate, Updated},
};

/// What a block changes on disk, computed on one state and not committed yet. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Update {
    /// The state it was computed on.
    pub(super) parent: Option<Head>,
    pub(super) root: B256,
    pub(super) changes: Arc<[HashedChange<Vec<NodeUpdate>>]>,
    pub(super) nodes: Arc<[NodeUpdate]>,
    pub(super) codes: Arc<[(B256, Bytes)]>,
}

impl Update {
    /// The root of the state after it.
    #[must_use]
    pub const fn root(&self) -> B256 {
        self.root
    }

    /// An account after it, with the root of its storage; `None` if the update leaves the account as it is.
    #[must_use]
    pub fn leaf(&self, address: Address) -> Option<Option<AccountLeaf>> {
        let hash = keccak256(address);
        let at = self.changes.binary_search_by(|change| change.hash.cmp(&hash)).ok()?;
        self.changes.get(at).map(|change| change.after)
    }

    /// The state it was computed on; none for the first.
    #[must_use]
    pub const fn parent(&self) -> Option<Head> {
        self.parent
    }

    /// Accounts it changes.
    #[must_use]
    pub fn accounts(&self) -> usize {
        self.changes.len()
    }

    /// Slots it changes.
    #[must_use]
    pub fn slots(&self) -> usize {
        self.changes.iter().map(|change| change.slots.len()).sum()
    }
}

impl StateStore {
    /// Computes the state root after `changes` on the newest state, on all cores; nothing is written.
    ///
    /// # Errors
    ///
    /// [`StateError`] if the state cannot be read or is damaged.
    pub fn root_of(&self, changes: &StateChanges) -> Result<Update, StateError> {
        let latest = self.latest()?;
        let reader = StateReader::new(
            latest.clone(),
            Arc::clone(&self.caches),
            latest.head.map_or(0, |head| head.number),
            false,
        );
        let mut hashed = hashed(
            changes,
            |account| reader.leaf(account),
            |account, slot| reader.slot(account, slot),
        )?;
        for change in &mut hashed {
            if change.wiped && change.before.is_some_and(|account| account.has_storage()) {
                wipe(&latest, change)?;
            }
            change.slots.retain(|slot| slot.before != slot.after);
        }
        hashed.retain(|change| {
            let account = |leaf: Option<AccountLeaf>| leaf.map(|leaf| leaf.account());
            !change.slots.is_empty() || account(change.before) != account(change.after)
        });
        let root = latest.head.map_or(EMPTY_ROOT, |head| head.root);
        let nodes = DiskNodes::new(&latest, &self.caches);
        let updated: Updated<Vec<NodeUpdate>> = update_state(&nodes, root, &mut hashed)?;
        Ok(Update {
            parent: latest.head,
            root: updated.root,
            changes: hashed.into(),
            nodes: updated.nodes.into(),
            codes: changes.codes.iter().map(|(hash, code)| (*hash, code.clone())).collect(),
        })
    }
}

/// Adds the slots the account had to those that change.
///
/// Cost: a scan of them all, as Ethereum's own clients have it; since Cancun (EIP-6780) only an account made in the same block is
/// destroyed with its slots, and such a one has none before.
fn wipe(
    latest: &WithSnapshot,
    change: &mut HashedChange<Vec<NodeUpdate>>,
) -> Result<(), StateError> {
    let mut slots = Vec::new();
    for row in latest.snapshot.prefix(&SLOTS, &change.hash.0)? {
        let ((_, slot), SlotValue(before)) = row?;
        let hash = B256::new(slot);
        if change.slots.binary_search_by(|slot| slot.hash.cmp(&hash)).is_err() {
            slots.push(SlotChange { hash, before, after: U256::ZERO });
        }
    }
    change.slots.append(&mut slots);
    change.slots.sort_unstable_by_key(|slot| slot.hash);
    Ok(())
}
