//! A chain of states in plain maps, and blocks that change them.

use std::collections::BTreeMap;

use alloy_primitives::{Address, B256, Bytes, KECCAK256_EMPTY, U256, keccak256};
use quintet_eth::state::{
    Account, AccountChange, StateChanges, StateView,
    root::of_new_state,
    store::{BlockId, StateOptions, StateReader, StateStore},
};
use quintet_store::{Batch, Durability, Schema, Store, Table};

pub(crate) const SCHEMA: Schema = Schema { name: "eth-test", version: 1, migrations: &[] };

/// The caller's own table, which must agree with the state.
pub(crate) const BLOCKS: Table<u64, [u8; 32]> = Table::new("blocks");

const ADDRESSES: u64 = 24;
const SLOTS: u64 = 12;

/// Small numbers that look random, the same on every machine.
#[derive(Debug, Clone)]
pub(crate) struct Draw(pub(crate) u64);

impl Draw {
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % bound
    }
}

/// All accounts with their slots.
pub(crate) type Contents = BTreeMap<Address, (Account, BTreeMap<U256, U256>)>;

pub(crate) fn address(seed: u64) -> Address {
    Address::from_word(keccak256(seed.to_be_bytes()))
}

pub(crate) fn code(seed: u64) -> Bytes {
    vec![0x60; usize::try_from(seed % 7 + 1).unwrap()].into()
}

/// Draws what a block does: some accounts change, some go, some are destroyed and made again.
pub(crate) fn changes(draw: &mut Draw, contents: &Contents) -> StateChanges {
    let mut changes = StateChanges::default();
    for _ in 0..=draw.below(8) {
        let address = address(draw.below(ADDRESSES));
        let old = contents.get(&address);
        let mut change = AccountChange::default();
        let fate = draw.below(10);
        if fate == 0 {
            changes.accounts.insert(address, change);
            continue;
        }
        change.wiped = fate == 1;
        let has_code = draw.below(3) == 0;
        let code = code(draw.below(20));
        let code_hash = if has_code { keccak256(&code) } else { KECCAK256_EMPTY };
        if has_code {
            changes.codes.insert(code_hash, code);
        }
        let nonce = old.map_or(0, |(account, _)| account.nonce) + draw.below(2);
        let balance = U256::from(draw.below(1 << 40)) << draw.below(100);
        change.account = Some(Account { nonce, balance, code_hash });
        for _ in 0..draw.below(6) {
            let value = if draw.below(3) == 0 { 0 } else { draw.below(u64::MAX) };
            change.storage.insert(U256::from(draw.below(SLOTS)), U256::from(value));
        }
        changes.accounts.insert(address, change);
    }
    changes
}

pub(crate) fn apply(contents: &mut Contents, changes: &StateChanges) {
    for (address, change) in &changes.accounts {
        let Some(account) = change.account else {
            contents.remove(address);
            continue;
        };
        let entry = contents.entry(*address).or_insert((account, BTreeMap::new()));
        entry.0 = account;
        if change.wiped {
            entry.1.clear();
        }
        entry.1.extend(&change.storage);
        entry.1.retain(|_, value| !value.is_zero());
    }
}

/// The root of contents by themselves.
pub(crate) fn root(contents: &Contents) -> B256 {
    let accounts = contents.iter().map(|(address, (account, storage))| {
        let storage = storage.clone();
        (*address, AccountChange { account: Some(*account), wiped: false, storage })
    });
    of_new_state(&StateChanges { accounts: accounts.collect(), codes: BTreeMap::new() })
}

/// Contents block by block: block `n` lies at `n`.
pub(crate) type Chain = Vec<Contents>;

pub(crate) fn hash(number: u64, branch: u64) -> B256 {
    keccak256([number.to_be_bytes(), branch.to_be_bytes()].concat())
}

/// Changes of each block, with the contents after it.
pub(crate) fn blocks(seed: u64, count: u64) -> Vec<(StateChanges, Contents)> {
    let (mut draw, mut contents) = (Draw(seed | 1), Contents::new());
    let block = |_| {
        let changes = changes(&mut draw, &contents);
        apply(&mut contents, &changes);
        (changes, contents.clone())
    };
    (0..count).map(block).collect()
}

/// Commits a block with the caller's own record of it.
pub(crate) fn commit(
    state: &StateStore,
    number: u64,
    branch: u64,
    changes: &StateChanges,
    durability: Durability,
) -> Result<B256, quintet_eth::state::store::StateError> {
    let update = state.root_of(changes)?;
    let block = BlockId { number, hash: hash(number, branch) };
    let mut batch = Batch::new();
    batch.put(&BLOCKS, &number, &block.hash.0);
    Ok(state.commit(&update, block, batch, durability)?.root)
}

pub(crate) fn open(store: Store) -> StateStore {
    // Small caches, so that what is not in memory is met too.
    let options = StateOptions {
        history_blocks: 8,
        node_cache_bytes: 64 << 10,
        flat_cache_bytes: 16 << 10,
        code_cache_bytes: 4 << 10,
        ..StateOptions::default()
    };
    StateStore::open(store, options).unwrap()
}

/// Reads everything there may be and compares.
pub(crate) fn assert_reads(reader: &StateReader, contents: &Contents) {
    for seed in 0..ADDRESSES {
        let address = address(seed);
        let expected = contents.get(&address);
        let account = reader.account(address).unwrap();
        assert_eq!(account, expected.map(|(account, _)| *account), "account {address}");
        if let Some(account) = account {
            assert_eq!(keccak256(reader.code(account.code_hash).unwrap()), account.code_hash);
        }
        for slot in (0..SLOTS).map(U256::from) {
            let expected = expected.and_then(|(_, slots)| slots.get(&slot)).copied();
            let value = reader.storage(address, slot).unwrap();
            assert_eq!(value, expected.unwrap_or_default(), "slot {slot} of {address}");
        }
    }
}

/// Makes proofs of everything there may be and verifies them against the contents' own root.
pub(crate) fn assert_proves(reader: &StateReader, contents: &Contents) {
    let root = root(contents);
    let slots: Vec<_> = (0..SLOTS).map(U256::from).collect();
    for seed in 0..ADDRESSES {
        let address = address(seed);
        let proof = reader.prove(address, &slots).unwrap();
        proof.verify(root).unwrap();
        let expected = contents.get(&address);
        assert_eq!(
            proof.account.balance,
            expected.map_or(U256::ZERO, |(account, _)| account.balance)
        );
        for (slot, proof) in slots.iter().zip(&proof.storage) {
            let expected = expected.and_then(|(_, slots)| slots.get(slot)).copied();
            assert_eq!(proof.value, expected.unwrap_or_default());
        }
    }
}

/// What is on disk holds together and is the state of `contents`.
pub(crate) fn assert_sound(state: &StateStore, contents: &Contents) {
    let check = state.check().unwrap();
    assert_eq!(check.problem, None);
    let slots: usize = contents.values().map(|(_, slots)| slots.len()).sum();
    assert_eq!((check.accounts, check.slots), (contents.len() as u64, slots as u64));
    if let Some(head) = state.head() {
        assert_eq!(head.root, root(contents));
    }
}
