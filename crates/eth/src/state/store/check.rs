//! Whether what is on disk holds together: flat state, tries and head.

use alloy_primitives::{B256, Bytes};
use quintet_store::{KeyCodec, Snapshot, StoreError};

use super::{
    StateError, StateStore,
    tables::{ACCOUNTS, CODES, NODES, NodeKey, Raw, SLOT_NODES, SLOTS, SlotValue},
};
use crate::{
    state::{AccountLeaf, root::value},
    trie::{EMPTY_ROOT, Entry, Nibbles, NodeUpdate, Nothing, TrieError, Updated, update},
};

/// What a check of the whole state found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StateCheck {
    /// Accounts read.
    pub accounts: u64,
    /// Slots read.
    pub slots: u64,
    /// Nodes of tries read.
    pub nodes: u64,
    /// The first thing that is not as it should be.
    pub problem: Option<String>,
}

impl StateCheck {
    fn note(&mut self, problem: impl FnOnce() -> String) {
        self.problem.get_or_insert_with(problem);
    }
}

/// A trie built from what the flat tables hold.
type Built = Updated<Vec<NodeUpdate>>;

fn built(entries: &[Entry<'_>]) -> Result<Built, TrieError<StoreError>> {
    update(&Nothing, EMPTY_ROOT, entries).map_err(|error| match error {
        TrieError::Source(never) => match never {},
        TrieError::Order { index } => TrieError::Order { index },
        TrieError::KeyLength { actual } => TrieError::KeyLength { actual },
        TrieError::Missing { path, hash } => TrieError::Missing { path, hash },
        TrieError::Node { path, source } => TrieError::Node { path, source },
    })
}

impl StateStore {
    /// Builds every trie anew from the flat tables and compares all nodes and the root with what is there.
    ///
    /// Cost: everything is read once; one storage trie, and at the end the trie of accounts, are held in memory.
    ///
    /// # Errors
    ///
    /// [`StateError`] if the store cannot be read. What does not fit together is no error: see [`StateCheck::problem`].
    pub fn check(&self) -> Result<StateCheck, StateError> {
        let latest = self.latest()?;
        let snapshot = &latest.snapshot;
        let mut check = StateCheck::default();
        let mut leaves: Vec<(B256, Vec<u8>)> = Vec::new();
        let mut of_slots = 0;
        for row in snapshot.range(&ACCOUNTS, ..)? {
            let (hash, account) = row?;
            let hash = B256::new(hash);
            check.accounts += 1;
            of_slots += check_storage(snapshot, hash, &account, &mut check)?;
            if account.has_code() && snapshot.get(&CODES, &account.code_hash.0)?.is_none() {
                check.note(|| {
                    format!("account {hash} has code {} that is not there", account.code_hash)
                });
            }
            let mut rlp = Vec::new();
            account.encode(&mut rlp);
            leaves.push((hash, rlp));
        }
        let entries: Vec<_> =
            leaves.iter().map(|(hash, rlp)| Entry::new(hash.as_slice(), rlp)).collect();
        let trie = built(&entries)?;
        let stored = snapshot.range(&NODES, ..)?.map(|row| row.map(|(key, Raw(rlp))| (key.0, rlp)));
        compare("trie of accounts", trie.nodes, stored, &mut check)?;
        let expected = latest.head.map_or(EMPTY_ROOT, |head| head.root);
        if trie.root != expected {
            check.note(|| format!("flat state has root {}, head says {expected}", trie.root));
        }
        let (slots, nodes) = (count(snapshot, &SLOTS)?, count(snapshot, &SLOT_NODES)?);
        let owned = check.slots;
        if slots != owned || nodes != of_slots {
            check.note(|| {
                format!("{slots} slots with {nodes} nodes lie there, {owned} with {of_slots} have an account")
            });
        }
        Ok(check)
    }
}

fn count<K: KeyCodec, V: quintet_store::ValueCodec>(
    snapshot: &Snapshot,
    table: &quintet_store::Table<K, V>,
) -> Result<u64, StateError> {
    let mut count = 0;
    for row in snapshot.range(table, ..)? {
        row?;
        count += 1;
    }
    Ok(count)
}

/// Checks one storage trie; returns its nodes.
fn check_storage(
    snapshot: &Snapshot,
    hash: B256,
    account: &AccountLeaf,
    check: &mut StateCheck,
) -> Result<u64, StateError> {
    let mut slots = Vec::new();
    for row in snapshot.prefix(&SLOTS, &hash.0)? {
        let ((_, slot), SlotValue(number)) = row?;
        slots.push((slot, value(number)));
    }
    check.slots += slots.len() as u64;
    let entries: Vec<_> = slots.iter().map(|(slot, value)| Entry::new(slot, value)).collect();
    let trie = built(&entries)?;
    if trie.root != account.storage_root {
        check.note(|| {
            format!(
                "slots of {hash} have root {}, the account says {}",
                trie.root, account.storage_root
            )
        });
    }
    let before = check.nodes;
    let stored = snapshot.prefix(&SLOT_NODES, &hash.0)?;
    let stored = stored.map(|row| row.map(|((_, NodeKey(path)), Raw(rlp))| (path, rlp)));
    compare("a storage trie", trie.nodes, stored, check)?;
    Ok(check.nodes - before)
}

fn compare(
    what: &str,
    mut expected: Vec<NodeUpdate>,
    stored: impl Iterator<Item = Result<(Nibbles, Bytes), StoreError>>,
    check: &mut StateCheck,
) -> Result<(), StateError> {
    expected.sort_unstable_by_key(|(path, _)| *path);
    let mut expected = expected.into_iter();
    for row in stored {
        let (path, rlp) = row?;
        check.nodes += 1;
        if expected.next() != Some((path, Some(rlp))) {
            check.note(|| format!("{what} has another node at {path} than its entries give"));
            return Ok(());
        }
    }
    if let Some((path, _)) = expected.next() {
        check.note(|| format!("{what} lacks the node at {path}"));
    }
    Ok(())
}
