//! Memory with versions: what each transaction of a block wrote, side by side.
//!
//! ```text
//!   location ─► transaction 3: Credit 5 │ transaction 7: Account (nonce 1, 40) │ transaction 9: Credit 2
//!   read by transaction 12: account of 7, and 2 more; origins 9, 7
//! ```
//!
//! A payment that nobody looked at is kept as an amount, not as a balance: any number of them do not depend on each
//! other until somebody looks. The origins of a read are all versions that made its value.
//!
//! **Spec:** Gelashvili et al., *Block-STM* (2022), algorithm 2, with amounts added.

use std::{
    collections::BTreeMap,
    hash::BuildHasher,
    sync::{Mutex, MutexGuard, PoisonError},
};

use alloy_primitives::{
    Address, B256, U256,
    map::{DefaultHashBuilder, HashMap},
};

/// Parts of the memory with a lock each. A power of two.
const SHARDS: usize = 256;

/// What is read and written by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Location {
    /// Nonce and balance of an account, and whether it is there.
    Account(Address),
    /// Hash of an account's code.
    Code(Address),
    /// Whether slots from before are gone.
    Wipe(Address),
    /// A slot.
    Slot(Address, U256),
}

/// Nonce and balance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Funds {
    pub(super) nonce: u64,
    pub(super) balance: U256,
}

/// What was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value {
    /// An account as it is, or that it is gone.
    Account(Option<Funds>),
    /// A payment to an account.
    Credit(U256),
    /// A payment from an account, which used a nonce.
    Debit(U256),
    /// Hash of code.
    Code(B256),
    /// Slots from before are gone.
    Wiped,
    /// A slot's value.
    Slot(U256),
}

/// A transaction's place in the block, and how often it was run before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Version {
    pub(super) index: usize,
    pub(super) incarnation: usize,
}

#[derive(Debug, Clone, Copy)]
struct Cell {
    incarnation: usize,
    /// The transaction will write here again, nobody knows what.
    stale: bool,
    value: Value,
}

/// What a read met.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// Versions that made the value, the newest first. Empty if it is from before the block.
    pub(super) origins: Vec<Version>,
    /// What they wrote, the newest first: amounts, and at the end what stands by itself, if anything does.
    pub(super) values: Vec<Value>,
}

/// A read met what the transaction at this index will write again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Blocked(pub(super) usize);

type Shard = HashMap<Location, BTreeMap<usize, Cell>>;

/// Memory with versions.
pub(super) struct Memory {
    hasher: DefaultHashBuilder,
    shards: Vec<Mutex<Shard>>,
}

impl Memory {
    pub(super) fn new() -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self { hasher: DefaultHashBuilder::default(), shards }
    }

    /// A thread that panicked under the lock left the map whole: each change is one call.
    fn shard(&self, location: &Location) -> MutexGuard<'_, Shard> {
        let hash = self.hasher.hash_one(location);
        let index = usize::try_from(hash % SHARDS as u64).unwrap_or_default();
        self.shards[index].lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads what transactions before `below` wrote.
    pub(super) fn read(&self, location: &Location, below: usize) -> Result<Found, Blocked> {
        let mut found = Found::default();
        let shard = self.shard(location);
        let Some(versions) = shard.get(location) else { return Ok(found) };
        for (index, cell) in versions.range(..below).rev() {
            if cell.stale {
                return Err(Blocked(*index));
            }
            found.origins.push(Version { index: *index, incarnation: cell.incarnation });
            found.values.push(cell.value);
            if !matches!(cell.value, Value::Credit(_) | Value::Debit(_)) {
                break;
            }
        }
        Ok(found)
    }

    /// Returns whether a read would meet the same versions as before.
    pub(super) fn still(&self, location: &Location, below: usize, origins: &[Version]) -> bool {
        let shard = self.shard(location);
        let Some(versions) = shard.get(location) else { return origins.is_empty() };
        let mut origins = origins.iter();
        for (index, cell) in versions.range(..below).rev() {
            let met = Version { index: *index, incarnation: cell.incarnation };
            if cell.stale || origins.next() != Some(&met) {
                return false;
            }
            if !matches!(cell.value, Value::Credit(_) | Value::Debit(_)) {
                break;
            }
        }
        origins.next().is_none()
    }

    /// Writes what a transaction did, in place of what it wrote before. Returns whether it wrote where it had not.
    pub(super) fn write(
        &self,
        version: Version,
        writes: &[(Location, Value)],
        before: &[Location],
    ) -> bool {
        let Version { index, incarnation } = version;
        let mut elsewhere = false;
        for (location, value) in writes {
            let cell = Cell { incarnation, stale: false, value: *value };
            let mut shard = self.shard(location);
            elsewhere |= shard.entry(*location).or_default().insert(index, cell).is_none();
        }
        for location in before {
            if !writes.iter().any(|(written, _)| written == location)
                && let Some(versions) = self.shard(location).get_mut(location)
            {
                versions.remove(&index);
            }
        }
        elsewhere
    }

    /// Marks what a transaction wrote: it will be run again.
    pub(super) fn mark_stale(&self, index: usize, locations: &[Location]) {
        for location in locations {
            let mut shard = self.shard(location);
            if let Some(cell) =
                shard.get_mut(location).and_then(|versions| versions.get_mut(&index))
            {
                cell.stale = true;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Location = Location::Account(Address::ZERO);

    fn version(index: usize, incarnation: usize) -> Version {
        Version { index, incarnation }
    }

    #[test]
    fn a_read_meets_amounts_down_to_what_stands_by_itself() {
        let memory = Memory::new();
        let account = Value::Account(Some(Funds { nonce: 1, balance: U256::from(40) }));
        for (index, value) in
            [(3, Value::Credit(U256::ONE)), (7, account), (9, Value::Debit(U256::ONE))]
        {
            memory.write(version(index, 0), &[(HERE, value)], &[]);
        }
        let found = memory.read(&HERE, 12).unwrap();
        assert_eq!(found.origins, [version(9, 0), version(7, 0)]);
        assert_eq!(found.values, [Value::Debit(U256::ONE), account]);
        assert!(memory.still(&HERE, 12, &found.origins));
        assert!(!memory.still(&HERE, 9, &found.origins));
        assert!(memory.still(&HERE, 3, &[]));
    }

    #[test]
    fn a_stale_version_blocks_readers_and_fails_validation() {
        let memory = Memory::new();
        memory.write(version(3, 0), &[(HERE, Value::Wiped)], &[]);
        let found = memory.read(&HERE, 4).unwrap();
        memory.mark_stale(3, &[HERE]);
        assert_eq!(memory.read(&HERE, 4), Err(Blocked(3)));
        assert!(!memory.still(&HERE, 4, &found.origins));
    }

    #[test]
    fn a_rerun_replaces_its_writes_and_says_where_it_wrote_anew() {
        let memory = Memory::new();
        let there = Location::Code(Address::ZERO);
        assert!(memory.write(version(3, 0), &[(HERE, Value::Wiped)], &[]));
        assert!(!memory.write(version(3, 1), &[(HERE, Value::Wiped)], &[HERE]));
        assert!(memory.write(version(3, 2), &[(there, Value::Code(B256::ZERO))], &[HERE]));
        assert_eq!(memory.read(&HERE, 4), Ok(Found::default()));
    }
}
