//! States in files: written, read back, and refused when anything is not as it was.

use quintet_eth::state::store::{StateError, StateStore};
use quintet_store::{Durability, Store};

use crate::model::{self, Contents, SCHEMA, assert_proves, assert_reads, assert_sound, commit};

fn state() -> StateStore {
    model::open(Store::memory(&SCHEMA).unwrap())
}

fn exported() -> (Vec<u8>, Contents) {
    let state = state();
    let blocks = model::blocks(21, 40);
    for (number, (changes, _)) in (0..).zip(&blocks) {
        commit(&state, number, 0, changes, Durability::Buffered).unwrap();
    }
    let mut file = Vec::new();
    let summary = state.view().unwrap().export(&mut file).unwrap();
    let contents = blocks.into_iter().last().unwrap().1;
    assert_eq!((summary.head, summary.accounts), (state.head().unwrap(), contents.len() as u64));
    let older = state.view_at(38).unwrap().export(&mut Vec::new()).unwrap_err();
    assert!(matches!(older, StateError::NotKept { number: 38, .. }));
    (file, contents)
}

#[test]
fn an_imported_state_is_the_exported_one_and_goes_on() {
    let (file, contents) = exported();
    let state = state();
    // A look before the import must not be remembered.
    assert_reads(&state.view().unwrap(), &Contents::new());
    let summary = state.import(file.as_slice()).unwrap();
    assert_eq!(state.head(), Some(summary.head));
    assert_sound(&state, &contents);
    let reader = state.view().unwrap();
    assert_reads(&reader, &contents);
    assert_proves(&reader, &contents);
    let mut again = Vec::new();
    reader.export(&mut again).unwrap();
    assert_eq!(again, file);
    let changes = model::changes(&mut model::Draw(5), &contents);
    let mut after = contents;
    model::apply(&mut after, &changes);
    commit(&state, 40, 0, &changes, Durability::Buffered).unwrap();
    assert_sound(&state, &after);
    assert!(matches!(state.import(file.as_slice()), Err(StateError::NotEmpty { number: 40 })));
}

#[test]
fn a_snapshot_that_is_cut_or_changed_anywhere_is_refused_and_leaves_no_state() {
    let (file, contents) = exported();
    let state = state();
    for end in (0..file.len()).step_by(97) {
        state.import(&file[..end]).unwrap_err();
        assert_eq!(state.head(), None);
    }
    // Number and hash of the block are the caller's to know; everything else is bound.
    for at in (0..12).chain(52..84).chain((84..file.len()).step_by(61)) {
        let mut changed = file.clone();
        changed[at] ^= 1;
        state.import(changed.as_slice()).unwrap_err();
        assert_eq!(state.head(), None, "byte {at}");
    }
    let longer = [file.as_slice(), &[0]].concat();
    state.import(longer.as_slice()).unwrap_err();
    state.import(file.as_slice()).unwrap();
    assert_sound(&state, &contents);
}

#[test]
fn large_accounts_are_imported_in_parts() {
    use alloy_primitives::U256;
    let state_of = state();
    let mut contents = Contents::new();
    let mut changes = model::changes(&mut model::Draw(9), &contents);
    let large = changes.accounts.values_mut().find(|change| change.account.is_some()).unwrap();
    large.storage = (1..120_000_u64).map(|slot| (U256::from(slot), U256::from(slot * 3))).collect();
    model::apply(&mut contents, &changes);
    commit(&state_of, 0, 0, &changes, Durability::Buffered).unwrap();
    let mut file = Vec::new();
    state_of.view().unwrap().export(&mut file).unwrap();
    let imported = state();
    imported.import(file.as_slice()).unwrap();
    assert_sound(&imported, &contents);
}
