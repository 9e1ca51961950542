//! What a block changed, as it was before: enough to go back.

use alloy_primitives::{B256, U256};
use quintet_store::{DecodeError, Reader, ValueCodec, put_varint};

use super::{
    Head,
    tables::{put_number, take_number},
};
use crate::state::{AccountLeaf, root::HashedChange};

/// An account before a block, with those of its slots that the block changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct AccountDiff {
    pub(super) hash: B256,
    pub(super) account: Option<AccountLeaf>,
    /// In the order of their hashes; zero if there was none.
    pub(super) slots: Vec<(B256, U256)>,
}

/// What a block changed, in the order of hashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Diff {
    /// The block before.
    pub(super) parent: Head,
    pub(super) accounts: Vec<AccountDiff>,
}

impl Diff {
    pub(super) fn of<K>(parent: Head, changes: &[HashedChange<K>]) -> Self {
        let accounts = changes.iter().map(|change| AccountDiff {
            hash: change.hash,
            account: change.before,
            slots: change.slots.iter().map(|slot| (slot.hash, slot.before)).collect(),
        });
        Self { parent, accounts: accounts.collect() }
    }

    /// Adds what a later change found, where this diff does not know what was there before.
    pub(super) fn with_older(mut self, later: Self) -> Self {
        for entry in later.accounts {
            match self.accounts.binary_search_by(|known| known.hash.cmp(&entry.hash)) {
                Err(at) => self.accounts.insert(at, entry),
                Ok(at) => {
                    let Some(known) = self.accounts.get_mut(at) else { continue };
                    for slot in entry.slots {
                        if let Err(at) = known.slots.binary_search_by(|(hash, _)| hash.cmp(&slot.0))
                        {
                            known.slots.insert(at, slot);
                        }
                    }
                }
            }
        }
        self
    }

    fn entry(&self, hash: &B256) -> Option<&AccountDiff> {
        let at = self.accounts.binary_search_by(|entry| entry.hash.cmp(hash)).ok()?;
        self.accounts.get(at)
    }

    /// The account before the block, if the block changed it.
    pub(super) fn account(&self, hash: &B256) -> Option<Option<AccountLeaf>> {
        self.entry(hash).map(|entry| entry.account)
    }

    /// The slot's value before the block, if the block changed it.
    pub(super) fn slot(&self, account: &B256, slot: &B256) -> Option<U256> {
        let slots = &self.entry(account)?.slots;
        let at = slots.binary_search_by(|(hash, _)| hash.cmp(slot)).ok()?;
        slots.get(at).map(|(_, value)| *value)
    }

    /// Bytes it takes in memory, about.
    pub(super) fn bytes(&self) -> usize {
        let slots: usize = self.accounts.iter().map(|entry| entry.slots.len()).sum();
        self.accounts.len() * size_of::<AccountDiff>() + slots * size_of::<(B256, U256)>()
    }
}

impl ValueCodec for Diff {
    fn encode_value(&self, out: &mut Vec<u8>) {
        self.parent.encode_value(out);
        put_varint(self.accounts.len() as u64, out);
        for entry in &self.accounts {
            out.extend_from_slice(entry.hash.as_slice());
            entry.account.encode_value(out);
            put_varint(entry.slots.len() as u64, out);
            for (hash, value) in &entry.slots {
                out.extend_from_slice(hash.as_slice());
                put_number(value, out);
            }
        }
    }

    fn decode_value(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let parent = Head::decode_value(reader)?;
        let count = reader.varint()?;
        // No memory for a count alone: what is not there ends the loop.
        let mut accounts: Vec<AccountDiff> = Vec::new();
        for _ in 0..count {
            let hash = B256::new(reader.array()?);
            if accounts.last().is_some_and(|last| last.hash >= hash) {
                return Err(DecodeError::invalid("accounts in the order of their hashes", hash));
            }
            let account = Option::decode_value(reader)?;
            let mut slots = Vec::new();
            for _ in 0..reader.varint()? {
                slots.push((B256::new(reader.array()?), take_number(reader)?));
            }
            accounts.push(AccountDiff { hash, account, slots });
        }
        Ok(Self { parent, accounts })
    }
}
