//! Reading one state, the newest or an older one.

use std::sync::Arc;

use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, U256, keccak256};

use super::{
    Caches, Head, StateError, WithSnapshot,
    diff::Diff,
    history,
    nodes::DiskNodes,
    tables::{ACCOUNT_HISTORY, ACCOUNTS, CODES, Raw, SLOT_HISTORY, SLOTS, SlotValue},
};
use crate::{
    state::{
        Account, AccountLeaf, AccountProof, StateChanges, StateView, prove_account,
        root::{hashed, update_state},
    },
    trie::{EMPTY_ROOT, Nothing},
};

/// The state of one block. Cheap to make; it holds a snapshot of the store, so drop it when done.
#[derive(Debug, Clone)]
pub struct StateReader {
    latest: WithSnapshot,
    caches: Arc<Caches>,
    /// The block read.
    at: u64,
    /// Whether what was before is in the history's tables, too far back for diffs.
    archive: bool,
}

impl StateReader {
    pub(super) const fn new(
        latest: WithSnapshot,
        caches: Arc<Caches>,
        at: u64,
        archive: bool,
    ) -> Self {
        Self { latest, caches, at, archive }
    }

    /// The number of the block read.
    #[must_use]
    pub const fn number(&self) -> u64 {
        self.at
    }

    /// The snapshot beneath, which is of the newest state whatever block is read: for the caller's own tables.
    #[must_use]
    pub const fn snapshot(&self) -> &quintet_store::Snapshot {
        &self.latest.snapshot
    }

    /// The newest block when this reader was made.
    #[must_use]
    pub const fn newest_block(&self) -> Option<Head> {
        self.latest.head
    }

    pub(super) const fn latest(&self) -> &WithSnapshot {
        &self.latest
    }

    /// The newest block, if that is the one read.
    pub(super) fn newest_head(&self) -> Result<Head, StateError> {
        let head = self.latest.head.ok_or(StateError::Empty)?;
        let newest = head.number;
        if self.at == newest {
            return Ok(head);
        }
        Err(StateError::NotKept { number: self.at, oldest: newest, newest })
    }

    fn newest(&self) -> u64 {
        self.latest.head.map_or(0, |head| head.number)
    }

    /// Blocks above the one read, the lowest first; none if history's tables say what was before.
    fn above(&self) -> impl Iterator<Item = u64> + use<> {
        let end = if self.archive { self.at } else { self.newest() };
        self.at + 1..=end
    }

    fn diff(&self, number: u64) -> Result<Arc<Diff>, StateError> {
        history::diff(&self.latest, &self.caches, number)
    }

    /// Returns the block read, with its root.
    ///
    /// # Errors
    ///
    /// [`StateError::NotKept`] if the block is so far back that only its accounts are known.
    pub fn head(&self) -> Result<Head, StateError> {
        let newest = self.latest.head.ok_or(StateError::Empty)?;
        if self.at == newest.number {
            return Ok(newest);
        }
        Ok(self.diff(self.at + 1)?.parent)
    }

    /// Returns an account by the hash of its address, with the root of its storage.
    ///
    /// # Errors
    ///
    /// [`StateError`] if the store cannot be read.
    pub fn leaf(&self, hash: B256) -> Result<Option<AccountLeaf>, StateError> {
        for number in self.above() {
            if let Some(before) = self.diff(number)?.account(&hash) {
                return Ok(before);
            }
        }
        if self.archive {
            let later = (hash.0, self.at + 1)..=(hash.0, u64::MAX);
            if let Some(row) = self.latest.snapshot.range(&ACCOUNT_HISTORY, later)?.next() {
                return Ok(row?.1);
            }
        }
        let epoch = self.latest.epoch;
        if let Some(account) = self.caches.accounts.get(epoch, &hash) {
            return Ok(account);
        }
        let account = self.latest.snapshot.get(&ACCOUNTS, &hash.0)?;
        self.caches.accounts.insert(epoch, hash, account);
        Ok(account)
    }

    /// Returns a slot's value by the hashes of address and number.
    ///
    /// # Errors
    ///
    /// [`StateError`] if the store cannot be read.
    pub fn slot(&self, account: B256, slot: B256) -> Result<U256, StateError> {
        for number in self.above() {
            if let Some(before) = self.diff(number)?.slot(&account, &slot) {
                return Ok(before);
            }
        }
        if self.archive {
            let later = (account.0, slot.0, self.at + 1)..=(account.0, slot.0, u64::MAX);
            if let Some(row) = self.latest.snapshot.range(&SLOT_HISTORY, later)?.next() {
                return Ok(row?.1.0);
            }
        }
        let epoch = self.latest.epoch;
        if let Some(value) = self.caches.slots.get(epoch, &(account, slot)) {
            return Ok(value);
        }
        let found = self.latest.snapshot.get(&SLOTS, &(account.0, slot.0))?;
        let value = found.map_or(U256::ZERO, |SlotValue(value)| value);
        self.caches.slots.insert(epoch, (account, slot), value);
        Ok(value)
    }

    /// Makes the proof of an account and some of its slots.
    ///
    /// Cost: of the newest state, reading the nodes; of an older one also the changes of the blocks above it, applied in memory.
    ///
    /// # Errors
    ///
    /// [`StateError::NotKept`] if the block is so far back that its tries are not known.
    pub fn prove(&self, address: Address, slots: &[U256]) -> Result<AccountProof, StateError> {
        let head = self.head()?;
        let nodes = DiskNodes::new(&self.latest, &self.caches);
        if self.at == self.newest() {
            return Ok(prove_account(&nodes, head.root, address, slots)?);
        }
        let overlay = history::overlay(&self.latest, &self.caches, &head)?;
        Ok(prove_account(&overlay, head.root, address, slots)?)
    }
}

impl StateReader {
    /// Returns the state root after `changes` on this state, the newest or an older one. Nothing is written.
    ///
    /// Cost: as for [`Self::prove`], and the changes themselves.
    ///
    /// # Errors
    ///
    /// [`StateError::NotKept`] if the block is so far back that its tries are not known.
    pub fn root_after(&self, changes: &StateChanges) -> Result<B256, StateError> {
        let mut changes = hashed::<Nothing, _>(
            changes,
            |account| self.leaf(account),
            |account, slot| self.slot(account, slot),
        )?;
        for change in &mut changes {
            if change.wiped {
                if let Some(before) = &mut change.before {
                    before.storage_root = EMPTY_ROOT;
                }
                change.slots.iter_mut().for_each(|slot| slot.before = U256::ZERO);
            }
            change.slots.retain(|slot| slot.before != slot.after);
        }
        changes.retain(|change| change.before.is_some() || change.after.is_some());
        let head = self.head()?;
        let nodes = DiskNodes::new(&self.latest, &self.caches);
        let updated = if self.at == self.newest() {
            update_state(&nodes, head.root, &mut changes)?
        } else {
            let overlay = history::overlay(&self.latest, &self.caches, &head)?;
            update_state(&overlay, head.root, &mut changes)?
        };
        Ok(updated.root)
    }
}

impl StateView for StateReader {
    type Error = StateError;

    fn account(&self, address: Address) -> Result<Option<Account>, StateError> {
        Ok(self.leaf(keccak256(address))?.map(|leaf| leaf.account()))
    }

    fn storage(&self, address: Address, slot: U256) -> Result<U256, StateError> {
        self.slot(keccak256(address), keccak256(slot.to_be_bytes::<32>()))
    }

    fn code(&self, hash: B256) -> Result<Bytes, StateError> {
        if hash == KECCAK256_EMPTY {
            return Ok(Bytes::new());
        }
        let epoch = self.latest.epoch;
        if let Some(code) = self.caches.codes.get(epoch, &hash) {
            return Ok(code);
        }
        let Raw(code) =
            self.latest.snapshot.get(&CODES, &hash.0)?.ok_or(StateError::Code { hash })?;
        self.caches.codes.insert(epoch, hash, code.clone());
        Ok(code)
    }

    fn has_storage(&self, address: Address) -> Result<bool, StateError> {
        Ok(self.leaf(keccak256(address))?.is_some_and(|leaf| leaf.has_storage()))
    }
}
