//! Going back: diffs of recent blocks, one after the other or all together.

use std::{
    collections::BTreeMap,
    ops::RangeInclusive,
    sync::{Arc, PoisonError},
};

use alloy_primitives::{B256, U256};

use super::{
    Caches, DIFF_CACHE_BYTES, Head, StateError, StateStore, WithSnapshot,
    diff::Diff,
    nodes::{DiskNodes, Overlay},
    tables::{ACCOUNTS, DIFFS, FIRST, SLOTS, SlotValue},
};
use crate::{
    state::{
        AccountLeaf,
        root::{HashedChange, SlotChange, update_state},
    },
    trie::{NodeUpdate, Updated},
};

/// Returns what a block changed.
pub(super) fn diff(
    latest: &WithSnapshot,
    caches: &Caches,
    number: u64,
) -> Result<Arc<Diff>, StateError> {
    let held = || caches.diffs.lock().unwrap_or_else(PoisonError::into_inner);
    let key = (latest.branch, number);
    if let Some(diff) = held().get(&key) {
        return Ok(Arc::clone(diff));
    }
    let kept = latest.snapshot.get(&DIFFS, &number)?;
    let newest = latest.head.map_or(0, |head| head.number);
    let diff = kept.ok_or(StateError::NotKept { number: number - 1, oldest: number, newest })?;
    let diff = Arc::new(diff);
    let mut held = held();
    held.insert(key, Arc::clone(&diff));
    while held.values().map(|diff| diff.bytes()).sum::<usize>() > DIFF_CACHE_BYTES {
        held.pop_first();
    }
    Ok(diff)
}

/// Returns the changes that lead from the newest state back to the one in front of `blocks`.
pub(super) fn backwards(
    latest: &WithSnapshot,
    caches: &Caches,
    blocks: RangeInclusive<u64>,
) -> Result<Vec<HashedChange<Vec<NodeUpdate>>>, StateError> {
    type Slots = BTreeMap<B256, U256>;
    let mut merged: BTreeMap<B256, (Option<AccountLeaf>, Slots)> = BTreeMap::new();
    // What the oldest block found is what was there.
    for number in blocks.rev() {
        for entry in &diff(latest, caches, number)?.accounts {
            let (account, slots) = merged.entry(entry.hash).or_default();
            *account = entry.account;
            slots.extend(entry.slots.iter().copied());
        }
    }
    let changes = merged.into_iter().map(|(hash, (after, slots))| {
        let before = latest.snapshot.get(&ACCOUNTS, &hash.0)?;
        let slots = slots.into_iter().map(|(slot, after)| {
            let found = latest.snapshot.get(&SLOTS, &(hash.0, slot.0))?;
            let before = found.map_or(U256::ZERO, |SlotValue(value)| value);
            Ok(SlotChange { hash: slot, before, after })
        });
        let mut slots: Vec<_> = slots.collect::<Result<_, StateError>>()?;
        slots.retain(|slot| slot.before != slot.after);
        Ok(HashedChange { hash, before, after, slots, wiped: false, nodes: Vec::new() })
    });
    changes.collect()
}

/// Changes of accounts with nodes of their storage, and nodes of the trie of accounts.
type WayBack = (Vec<HashedChange<Vec<NodeUpdate>>>, Vec<NodeUpdate>);

/// Computes the way back to `target`, which must lead to its root.
pub(super) fn way_back(
    latest: &WithSnapshot,
    caches: &Caches,
    target: &Head,
) -> Result<WayBack, StateError> {
    let newest = latest.head.ok_or(StateError::Empty)?;
    let mut changes = backwards(latest, caches, target.number + 1..=newest.number)?;
    let nodes = DiskNodes::new(latest, caches);
    let updated: Updated<Vec<NodeUpdate>> = update_state(&nodes, newest.root, &mut changes)?;
    if updated.root != target.root {
        let (number, expected) = (target.number, target.root);
        return Err(StateError::RevertRoot { number, expected, actual: updated.root });
    }
    Ok((changes, updated.nodes))
}

/// Returns the nodes of the tries of an older state.
pub(super) fn overlay<'a>(
    latest: &'a WithSnapshot,
    caches: &'a Caches,
    target: &Head,
) -> Result<Overlay<'a>, StateError> {
    let (changes, nodes) = way_back(latest, caches, target)?;
    let mut overlay = Overlay::new(DiskNodes::new(latest, caches));
    overlay.extend(None, nodes);
    for change in changes {
        overlay.extend(Some(change.hash), change.nodes);
    }
    Ok(overlay)
}

impl StateStore {
    /// Returns the oldest block that can be gone back to; none in a new store.
    ///
    /// # Errors
    ///
    /// [`StateError`] if the store cannot be read.
    pub fn oldest_revert(&self) -> Result<Option<u64>, StateError> {
        let latest = self.latest()?;
        latest.head.map(|head| self.first_diff(&latest, head.number)).transpose()
    }

    fn first_diff(&self, latest: &WithSnapshot, head: u64) -> Result<u64, StateError> {
        let lowest = head.saturating_sub(self.options.history_blocks);
        let mut kept = latest.snapshot.range(&DIFFS, lowest + 1..)?;
        Ok(kept.next().transpose()?.map_or(head, |(_, diff)| diff.parent.number))
    }

    /// Returns the oldest block whose state is there.
    pub(super) fn first_kept(&self, latest: &WithSnapshot, head: u64) -> Result<u64, StateError> {
        let oldest = self.first_diff(latest, head)?;
        if !self.options.archive {
            return Ok(oldest);
        }
        Ok(latest.snapshot.get(&FIRST, &())?.map_or(oldest, |first| first.min(oldest)))
    }
}
