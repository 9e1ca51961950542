//! Writing: a block's update, or the way back, in one batch with what the caller adds.

use std::sync::PoisonError;

use alloy_primitives::{B256, Bytes};
use quintet_store::{Batch, Durability, ValueCodec as _};

use super::{
    Head, Latest, StateError, StateStore, Update,
    diff::Diff,
    history,
    nodes::NodePlace,
    tables::{
        ACCOUNT_HISTORY, ACCOUNTS, CODES, DIFFS, FIRST, HEAD, NODES, NodeKey, Raw, SLOT_HISTORY,
        SLOT_NODES, SLOTS, SlotValue,
    },
};
use crate::{
    state::root::HashedChange,
    trie::{Nibbles, NodeUpdate},
};

/// Rows removed in one batch when more than a block's is to be pruned.
pub(super) const PRUNE_ROWS: usize = 1_024;

/// Which block a state is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockId {
    /// Its number.
    pub number: u64,
    /// Its hash.
    pub hash: B256,
}

type Changes = [HashedChange<Vec<NodeUpdate>>];

impl StateStore {
    /// Commits the state after a block in one batch with `batch`, the caller's own changes in the same store.
    ///
    /// The first block committed may have any number: it is the genesis, or where a chain is taken up.
    ///
    /// # Errors
    ///
    /// [`StateError::Stale`] unless the update was computed on the newest state, [`StateError::Number`] unless the number follows;
    /// nothing was written then. [`StateError::Store`] as for [`quintet_store::Store::commit`].
    pub fn commit(
        &self,
        update: &Update,
        block: BlockId,
        mut batch: Batch,
        durability: Durability,
    ) -> Result<Head, StateError> {
        let _writing = self.write_lock();
        let held = self.head();
        if update.parent != held {
            let hash = |head: Option<Head>| head.map(|head| head.hash);
            return Err(StateError::Stale { expected: hash(update.parent), actual: hash(held) });
        }
        if let Some(held) = held.filter(|held| held.number.checked_add(1) != Some(block.number)) {
            let expected = held.number.saturating_add(1);
            return Err(StateError::Number { expected, actual: block.number });
        }
        let head = Head { number: block.number, hash: block.hash, root: update.root };
        put_flat(&mut batch, &update.changes);
        put_nodes(&mut batch, &update.changes, &update.nodes);
        for (hash, code) in &*update.codes {
            batch.put(&CODES, &hash.0, &Raw(code.clone()));
        }
        self.put_history(&mut batch, held, &head, &update.changes);
        batch.put(&HEAD, &(), &head);
        self.write(batch, durability, head, false, &update.changes, &update.nodes, &update.codes)?;
        Ok(head)
    }

    /// Commits the caller's own changes, so that readers made from now on see them.
    ///
    /// # Errors
    ///
    /// [`StateError::Store`] as for [`quintet_store::Store::commit`].
    pub fn commit_beside(&self, batch: Batch, durability: Durability) -> Result<(), StateError> {
        let _writing = self.write_lock();
        let latest = || self.latest.write().unwrap_or_else(PoisonError::into_inner);
        if self.snapshots_copy() {
            latest().snapshot = None;
        }
        let committed = self.store.commit(batch, durability);
        latest().snapshot = self.store.snapshot().ok();
        Ok(committed?)
    }

    /// Changes the newest state without a block: what development chains do by hand. Going back over the block takes the change
    /// back with it; an archive does not show it apart from the block.
    ///
    /// # Errors
    ///
    /// [`StateError::Stale`] unless the update was computed on the newest state; [`StateError::Store`] as for
    /// [`quintet_store::Store::commit`].
    pub fn amend(&self, update: &Update, durability: Durability) -> Result<Head, StateError> {
        let _writing = self.write_lock();
        let held = self.head().ok_or(StateError::Empty)?;
        if update.parent != Some(held) {
            let expected = update.parent.map(|head| head.hash);
            return Err(StateError::Stale { expected, actual: Some(held.hash) });
        }
        let head = Head { root: update.root, ..held };
        let mut batch = Batch::new();
        put_flat(&mut batch, &update.changes);
        put_nodes(&mut batch, &update.changes, &update.nodes);
        for (hash, code) in &*update.codes {
            batch.put(&CODES, &hash.0, &Raw(code.clone()));
        }
        if let Some(diff) = self.store.get(&DIFFS, &held.number)? {
            let added = Diff::of(diff.parent, &update.changes);
            batch.put(&DIFFS, &held.number, &diff.with_older(added));
        }
        if self.options.archive {
            for change in &*update.changes {
                let key = (change.hash.0, held.number);
                if self.store.get(&ACCOUNT_HISTORY, &key)?.is_none() {
                    batch.put(&ACCOUNT_HISTORY, &key, &change.before);
                }
                for slot in &change.slots {
                    let key = (change.hash.0, slot.hash.0, held.number);
                    if self.store.get(&SLOT_HISTORY, &key)?.is_none() {
                        batch.put(&SLOT_HISTORY, &key, &SlotValue(slot.before));
                    }
                }
            }
        }
        batch.put(&HEAD, &(), &head);
        // Diffs in memory are of this block before it was changed: another branch.
        self.write(batch, durability, head, true, &update.changes, &update.nodes, &update.codes)?;
        Ok(head)
    }

    /// Goes back to a block that is kept, in one batch with `batch`.
    ///
    /// # Errors
    ///
    /// [`StateError::NotKept`] if it is not; [`StateError::RevertRoot`] if the state is damaged, and nothing was written then;
    /// [`StateError::Store`] as for [`quintet_store::Store::commit`].
    pub fn revert(
        &self,
        to: u64,
        mut batch: Batch,
        durability: Durability,
    ) -> Result<Head, StateError> {
        // Taken before the lock, which it may wait for.
        let latest = self.latest()?;
        let _writing = self.write_lock();
        let newest = latest.head.ok_or(StateError::Empty)?;
        if self.head() != latest.head {
            let hash = |head: Option<Head>| head.map(|head| head.hash);
            let (expected, actual) = (hash(latest.head), hash(self.head()));
            return Err(StateError::Stale { expected, actual });
        }
        let oldest = self.first_kept(&latest, newest.number)?;
        let lowest = oldest.max(newest.number.saturating_sub(self.options.history_blocks));
        if to > newest.number || to < lowest {
            let newest = newest.number;
            return Err(StateError::NotKept { number: to, oldest: lowest, newest });
        }
        if to == newest.number {
            self.store.commit(batch, durability)?;
            return Ok(newest);
        }
        let target = history::diff(&latest, &self.caches, to + 1)?.parent;
        let (changes, nodes) = history::way_back(&latest, &self.caches, &target)?;
        put_flat(&mut batch, &changes);
        put_nodes(&mut batch, &changes, &nodes);
        for number in to + 1..=newest.number {
            if self.options.archive {
                let diff = history::diff(&latest, &self.caches, number)?;
                remove_history(&mut batch, number, &diff);
            }
            batch.delete(&DIFFS, &number);
        }
        batch.put(&HEAD, &(), &target);
        drop(latest);
        self.write(batch, durability, target, true, &changes, &nodes, &[])?;
        Ok(target)
    }

    /// Writes the batch and moves readers and caches to the new state.
    #[expect(clippy::too_many_arguments, reason = "one step of two callers, with all they know")]
    fn write(
        &self,
        batch: Batch,
        durability: Durability,
        head: Head,
        is_other_branch: bool,
        changes: &Changes,
        nodes: &[NodeUpdate],
        codes: &[(B256, Bytes)],
    ) -> Result<(), StateError> {
        let latest = || self.latest.write().unwrap_or_else(PoisonError::into_inner);
        if self.snapshots_copy() {
            latest().snapshot = None;
        }
        let committed = self.store.commit(batch, durability);
        if committed.is_err() {
            // Readers go on with what there is.
            latest().snapshot = self.store.snapshot().ok();
        }
        committed?;
        let snapshot = self.store.snapshot()?;
        let mut latest = latest();
        let epoch = latest.epoch + 1;
        let caches = &self.caches;
        caches
            .accounts
            .advance(epoch, changes.iter().map(|change| (change.hash, Some(change.after))));
        let slots = changes.iter().flat_map(|change| {
            change.slots.iter().map(|slot| ((change.hash, slot.hash), Some(slot.after)))
        });
        caches.slots.advance(epoch, slots);
        let place = |owner: Option<B256>, path: &Nibbles, rlp: Option<Bytes>| -> (NodePlace, _) {
            ((owner, *path), rlp.map(Some))
        };
        let of_accounts = nodes.iter().map(|(path, rlp)| place(None, path, rlp.clone()));
        let of_slots = changes.iter().flat_map(|change| {
            let owner = Some(change.hash);
            change.nodes.iter().map(move |(path, rlp)| place(owner, path, rlp.clone()))
        });
        caches.nodes.advance(epoch, of_accounts.chain(of_slots));
        caches.codes.advance(epoch, codes.iter().map(|(hash, code)| (*hash, Some(code.clone()))));
        let branch = latest.branch + u64::from(is_other_branch);
        *latest = Latest { snapshot: Some(snapshot), head: Some(head), epoch, branch };
        Ok(())
    }

    /// Adds what leads back from the block, and removes what leads further back than is kept.
    fn put_history(&self, batch: &mut Batch, parent: Option<Head>, head: &Head, changes: &Changes) {
        let Some(parent) = parent else {
            if self.options.archive {
                batch.put(&FIRST, &(), &head.number);
            }
            return;
        };
        let number = head.number;
        if self.options.history_blocks > 0 {
            batch.put(&DIFFS, &number, &Diff::of(parent, changes));
        }
        if let Some(old) = number.checked_sub(self.options.history_blocks) {
            batch.delete(&DIFFS, &old);
        }
        if !self.options.archive {
            return;
        }
        for change in changes {
            batch.put(&ACCOUNT_HISTORY, &(change.hash.0, number), &change.before);
            for slot in &change.slots {
                let key = (change.hash.0, slot.hash.0, number);
                batch.put(&SLOT_HISTORY, &key, &SlotValue(slot.before));
            }
        }
    }

    /// Removes diffs beyond what is kept, after the options changed, and starts or ends an archive.
    pub(super) fn prune(&self) -> Result<(), StateError> {
        let Some(head) = self.head() else { return Ok(()) };
        let mut batch = Batch::new();
        match (self.options.archive, self.store.get(&FIRST, &())?) {
            // From here on. What older rows say is no longer whole, and behind the first block nobody asks them.
            (true, None) => {
                batch.put(&FIRST, &(), &head.number);
            }
            (false, Some(_)) => {
                batch.delete(&FIRST, &());
            }
            _ => {}
        }
        if !batch.is_empty() {
            self.store.commit(batch, Durability::Sync)?;
        }
        let Some(old) = head.number.checked_sub(self.options.history_blocks) else { return Ok(()) };
        loop {
            let mut batch = Batch::new();
            let snapshot = self.store.snapshot()?;
            let removed = batch.delete_range(&snapshot, &DIFFS, ..=old, PRUNE_ROWS)?;
            drop(snapshot);
            self.store.commit(batch, Durability::Buffered)?;
            if removed < PRUNE_ROWS {
                return Ok(());
            }
        }
    }
}

pub(super) fn put_flat(batch: &mut Batch, changes: &Changes) {
    let mut encoded = Vec::with_capacity(112);
    for change in changes {
        match &change.after {
            Some(account) => {
                encoded.clear();
                account.encode_value(&mut encoded);
                batch.put_encoded(&ACCOUNTS, &change.hash.0, &encoded)
            }
            None => batch.delete(&ACCOUNTS, &change.hash.0),
        };
        for slot in &change.slots {
            let key = (change.hash.0, slot.hash.0);
            if slot.after.is_zero() {
                batch.delete(&SLOTS, &key);
            } else {
                batch.put(&SLOTS, &key, &SlotValue(slot.after));
            }
        }
    }
}

pub(super) fn put_nodes(batch: &mut Batch, changes: &Changes, nodes: &[NodeUpdate]) {
    for (path, rlp) in nodes {
        match rlp {
            Some(rlp) => batch.put_encoded(&NODES, &NodeKey(*path), rlp),
            None => batch.delete(&NODES, &NodeKey(*path)),
        };
    }
    for change in changes {
        for (path, rlp) in &change.nodes {
            let key = (change.hash.0, NodeKey(*path));
            match rlp {
                Some(rlp) => batch.put_encoded(&SLOT_NODES, &key, rlp),
                None => batch.delete(&SLOT_NODES, &key),
            };
        }
    }
}

fn remove_history(batch: &mut Batch, number: u64, diff: &Diff) {
    for entry in &diff.accounts {
        batch.delete(&ACCOUNT_HISTORY, &(entry.hash.0, number));
        for (slot, _) in &entry.slots {
            batch.delete(&SLOT_HISTORY, &(entry.hash.0, slot.0, number));
        }
    }
}
