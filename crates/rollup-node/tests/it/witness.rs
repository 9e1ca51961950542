//! Real blocks of OP chains, executed on their witnesses.

use std::path::PathBuf;

use quintet_rollup_node::{
    l1::file::read_text,
    witness::{ExecuteFixtureError, Fixture},
};

/// Returns the recorded blocks; without them the caller says so in one line and passes, unless `CI` is set.
fn recorded() -> Vec<PathBuf> {
    let Some(folder) = test_vectors::find("rollup/exec") else { return Vec::new() };
    let entries = std::fs::read_dir(folder).unwrap();
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

#[test]
fn real_blocks_come_out_with_their_hashes_on_one_thread_and_on_two() {
    for path in recorded() {
        let fixture = Fixture::read(&read_text(&path).unwrap()).unwrap();
        for threads in [1, 2] {
            let executed = fixture.execute(threads);
            assert!(executed.is_ok(), "{}: {}", path.display(), executed.unwrap_err());
        }
    }
}

#[test]
fn a_witness_that_lacks_a_node_says_which() {
    let Some(path) = recorded().into_iter().next() else { return };
    let mut fixture = Fixture::read(&read_text(&path).unwrap()).unwrap();
    fixture.preimages.remove(&fixture.parent.state_root);
    let error = fixture.execute(1).unwrap_err();
    let shown = error.to_string();
    assert!(shown.contains(&fixture.parent.state_root.to_string()), "{shown}");
    let mut fixture = Fixture::read(&read_text(&path).unwrap()).unwrap();
    fixture.attributes.gas_limit += 1;
    assert!(matches!(fixture.execute(1), Err(ExecuteFixtureError::Hash { .. })));
}
