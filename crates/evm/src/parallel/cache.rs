//! What many threads read of one state, read once.

use std::{
    hash::{BuildHasher, Hash},
    sync::{Mutex, MutexGuard, PoisonError},
};

use alloy_primitives::{
    Address, B256, Bytes, U256,
    map::{DefaultHashBuilder, HashMap},
};
use quintet_eth::state::{Account, StateView};
use revm::bytecode::Bytecode;

/// Parts with a lock each.
const SHARDS: usize = 64;

/// A map that many threads fill.
pub(super) struct Shared<K, T> {
    hasher: DefaultHashBuilder,
    shards: Vec<Mutex<HashMap<K, T>>>,
}

impl<K: Hash + Eq, T: Clone> Shared<K, T> {
    pub(super) fn new() -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self { hasher: DefaultHashBuilder::default(), shards }
    }

    fn shard(&self, key: &K) -> MutexGuard<'_, HashMap<K, T>> {
        let hash = self.hasher.hash_one(key);
        let index = usize::try_from(hash % SHARDS as u64).unwrap_or_default();
        self.shards[index].lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn get(&self, key: &K) -> Option<T> {
        self.shard(key).get(key).cloned()
    }

    pub(super) fn insert(&self, key: K, value: T) {
        self.shard(&key).insert(key, value);
    }

    fn get_or_read<E>(&self, key: K, read: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
        if let Some(known) = self.get(&key) {
            return Ok(known);
        }
        // Without the lock: a disk may be behind it. Two threads may read the same, and read it the same.
        let value = read()?;
        self.insert(key, value.clone());
        Ok(value)
    }
}

/// Code by its hash, ready to run.
pub(super) type Codes = Shared<B256, Bytecode>;

/// A view whose values are read once.
pub(super) struct Cached<'a, V> {
    view: &'a V,
    accounts: Shared<Address, Option<Account>>,
    slots: Shared<(Address, U256), U256>,
}

impl<'a, V> Cached<'a, V> {
    pub(super) fn new(view: &'a V) -> Self {
        Self { view, accounts: Shared::new(), slots: Shared::new() }
    }
}

impl<V: StateView> StateView for Cached<'_, V> {
    type Error = V::Error;

    fn account(&self, address: Address) -> Result<Option<Account>, Self::Error> {
        self.accounts.get_or_read(address, || self.view.account(address))
    }

    fn storage(&self, address: Address, slot: U256) -> Result<U256, Self::Error> {
        self.slots.get_or_read((address, slot), || self.view.storage(address, slot))
    }

    fn code(&self, hash: B256) -> Result<Bytes, Self::Error> {
        self.view.code(hash)
    }

    fn has_storage(&self, address: Address) -> Result<bool, Self::Error> {
        self.view.has_storage(address)
    }
}
