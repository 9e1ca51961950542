//! The state on disk against plain maps: reads, roots, proofs, going back.

use alloy_primitives::{Address, U256};
use proptest::prelude::*;
use quintet_eth::state::{
    StateChanges, StateView as _,
    store::{BlockId, StateError, StateOptions, StateStore},
};
use quintet_store::{Batch, Durability, EngineKind, Store, StoreOptions};

use crate::model::{
    self, Chain, Contents, SCHEMA, assert_proves, assert_reads, assert_sound, commit, hash,
};

fn memory() -> Store {
    Store::memory(&SCHEMA).unwrap()
}

/// Commits blocks and looks at every state that is kept after each.
fn grow(state: &StateStore, seed: u64, count: u64) -> Chain {
    let mut chain = Chain::new();
    for (number, (changes, contents)) in (0..).zip(model::blocks(seed, count)) {
        let root = commit(state, number, 0, &changes, Durability::Buffered).unwrap();
        assert_eq!(root, model::root(&contents));
        chain.push(contents);
    }
    chain
}

fn assert_kept(state: &StateStore, chain: &[Contents], oldest: u64) {
    assert_eq!(state.oldest().unwrap(), Some(oldest));
    for (number, contents) in (0..).zip(chain) {
        if number < oldest {
            let refused = state.view_at(number).unwrap_err();
            assert!(matches!(refused, StateError::NotKept { oldest: o, .. } if o == oldest));
            continue;
        }
        let reader = state.view_at(number).unwrap();
        assert_eq!(reader.head().unwrap().root, model::root(contents));
        assert_reads(&reader, contents);
        assert_proves(&reader, contents);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn reads_roots_and_proofs_of_every_kept_block_are_those_of_plain_maps(seed in 1..u64::MAX, count in 1_u64..24) {
        let store = memory();
        let state = model::open(store.clone());
        let chain = grow(&state, seed, count);
        assert_kept(&state, &chain, (count - 1).saturating_sub(8));
        assert_sound(&state, &chain[chain.len() - 1]);
        drop(state);
        let again = model::open(store);
        assert_kept(&again, &chain, (count - 1).saturating_sub(8));
    }

    #[test]
    fn going_back_leads_to_the_state_that_was_and_another_branch_goes_on_from_it(seed in 1..u64::MAX, count in 2_u64..20, back in 1_u64..8) {
        let state = model::open(memory());
        let mut chain = grow(&state, seed, count);
        let to = (count - 1).saturating_sub(back);
        let older = state.view().unwrap();
        let newest = chain[chain.len() - 1].clone();
        let mut batch = Batch::new();
        batch.delete(&model::BLOCKS, &(count - 1));
        let head = state.revert(to, batch, Durability::Buffered).unwrap();
        chain.truncate(usize::try_from(to).unwrap() + 1);
        let contents = &chain[chain.len() - 1];
        prop_assert_eq!((head.number, head.hash, head.root), (to, hash(to, 0), model::root(contents)));
        assert_sound(&state, contents);
        assert_reads(&older, &newest);
        let mut draw = model::Draw(seed ^ 0xff | 1);
        for number in to + 1..to + 4 {
            let mut contents = chain[chain.len() - 1].clone();
            let changes = model::changes(&mut draw, &contents);
            model::apply(&mut contents, &changes);
            commit(&state, number, 1, &changes, Durability::Buffered).unwrap();
            chain.push(contents);
        }
        let oldest = state.oldest().unwrap().unwrap();
        assert_kept(&state, &chain, oldest);
        assert_reads(&older, &newest);
        assert_sound(&state, &chain[chain.len() - 1]);
    }
}

#[test]
fn fjall_and_redb_hold_what_memory_holds() {
    for engine in [EngineKind::Fjall, EngineKind::Redb] {
        let place = tempfile::tempdir().unwrap();
        let options = StoreOptions { engine, ..StoreOptions::for_state(4 << 20) };
        let open = || Store::open(&place.path().join("store"), &SCHEMA, &options).unwrap();
        let state = model::open(open());
        let chain = grow(&state, 77, 20);
        drop(state);
        let state = model::open(open());
        assert_kept(&state, &chain, 11);
        assert_sound(&state, &chain[19]);
        state.revert(12, Batch::new(), Durability::Sync).unwrap();
        assert_sound(&state, &chain[12]);
    }
}

#[test]
fn an_archive_reads_every_block_and_proves_recent_ones() {
    let options = StateOptions { history_blocks: 3, archive: true, ..StateOptions::default() };
    let state = StateStore::open(memory(), options).unwrap();
    let chain = grow(&state, 5, 20);
    for (number, contents) in (0..).zip(&chain) {
        let reader = state.view_at(number).unwrap();
        assert_reads(&reader, contents);
        if number >= 16 {
            assert_proves(&reader, contents);
        } else {
            let refused = reader.prove(model::address(0), &[]).unwrap_err();
            assert!(matches!(refused, StateError::NotKept { .. }), "{refused}");
        }
    }
    state.revert(17, Batch::new(), Durability::Buffered).unwrap();
    assert_sound(&state, &chain[17]);
    for number in [0, 9, 17] {
        let contents = &chain[usize::try_from(number).unwrap()];
        assert_reads(&state.view_at(number).unwrap(), contents);
    }
}

#[test]
fn a_state_that_was_no_archive_is_one_from_then_on() {
    let store = memory();
    let keep = |archive| StateOptions { history_blocks: 2, archive, ..StateOptions::default() };
    grow(&StateStore::open(store.clone(), keep(false)).unwrap(), 5, 6);
    let state = StateStore::open(store, keep(true)).unwrap();
    // Diffs reach further back, for as long as they are kept.
    assert_eq!(state.oldest().unwrap(), Some(3));
    for number in 6..12 {
        commit(&state, number, 0, &StateChanges::default(), Durability::Buffered).unwrap();
    }
    assert_eq!(state.oldest().unwrap(), Some(5));
    state.view_at(5).unwrap();
    state.view_at(4).unwrap_err();
}

#[test]
fn a_reader_keeps_its_state_while_blocks_are_committed() {
    let state = model::open(memory());
    let blocks = model::blocks(9, 30);
    let mut readers = Vec::new();
    for (number, (changes, contents)) in (0..).zip(&blocks) {
        commit(&state, number, 0, changes, Durability::Buffered).unwrap();
        readers.push((state.view().unwrap(), contents));
        for (reader, contents) in &readers {
            assert_reads(reader, contents);
        }
    }
}

#[test]
fn an_update_is_committed_on_the_state_it_was_computed_on_or_not_at_all() {
    let state = model::open(memory());
    let changes = &model::blocks(3, 2);
    let first = state.root_of(&changes[0].0).unwrap();
    let block = |number| BlockId { number, hash: hash(number, 0) };
    state.commit(&first, block(4), Batch::new(), Durability::Buffered).unwrap();
    let stale = state.commit(&first, block(5), Batch::new(), Durability::Buffered).unwrap_err();
    assert!(matches!(stale, StateError::Stale { expected: None, actual: Some(_) }), "{stale}");
    let next = state.root_of(&changes[1].0).unwrap();
    let gap = state.commit(&next, block(6), Batch::new(), Durability::Buffered).unwrap_err();
    assert!(matches!(gap, StateError::Number { expected: 5, actual: 6 }), "{gap}");
    assert_sound(&state, &changes[0].1);
}

#[test]
fn a_block_that_changes_nothing_leaves_the_root_and_writes_no_account() {
    let state = model::open(memory());
    let (changes, contents) = &model::blocks(8, 1)[0];
    let root = commit(&state, 0, 0, changes, Durability::Buffered).unwrap();
    let mut same = changes.clone();
    same.accounts.values_mut().for_each(|change| change.wiped = false);
    let update = state.root_of(&same).unwrap();
    assert_eq!((update.root(), update.accounts(), update.slots()), (root, 0, 0));
    assert_sound(&state, contents);
}

#[test]
fn a_new_store_is_empty_and_says_so() {
    let state = model::open(memory());
    assert_eq!((state.head(), state.oldest().unwrap()), (None, None));
    assert!(matches!(state.view_at(0), Err(StateError::Empty)));
    let reader = state.view().unwrap();
    assert_eq!(reader.account(Address::ZERO).unwrap(), None);
    assert_eq!(reader.storage(Address::ZERO, U256::ZERO).unwrap(), U256::ZERO);
}
