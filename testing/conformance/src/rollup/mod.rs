//! The suites of the OP Stack: one file of this folder per sort of vector file.

mod beacon;
mod blobs;
mod columns;
mod derivation;
mod exec;
mod fixture;
mod genesis;
mod hardforks;
mod l1_blocks;
mod l1_json;
mod proofs;
mod registry;
mod span;
mod transactions;
mod transitions;
mod witness;

use std::path::Path;

use crate::suite::Suite;

/// Returns all suites. A file goes to the first that claims it; no two claim the same.
#[must_use]
pub fn suites() -> Vec<Box<dyn Suite>> {
    vec![
        Box::new(beacon::Replies),
        Box::new(blobs::Blobs),
        Box::new(columns::Columns),
        Box::new(derivation::Mainnet),
        Box::new(exec::ExecutedBlocks),
        Box::new(fixture::Fixtures),
        Box::new(genesis::GenesisFiles),
        Box::new(hardforks::Upgrades),
        Box::new(l1_blocks::Blocks),
        Box::new(proofs::ProvedBlocks),
        Box::new(registry::Configs),
        Box::new(span::Spans),
        Box::new(transactions::FullTxs),
        Box::new(transitions::Transitions),
    ]
}

/// Returns whether a file lies in a folder of the vectors.
fn is_in(name: &Path, folder: &str) -> bool {
    name.starts_with(folder)
}

/// Returns a path's own name.
fn own_name(name: &Path) -> &str {
    name.file_name().and_then(|name| name.to_str()).unwrap_or_default()
}
