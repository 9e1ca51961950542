//! The suites of Kaspa: one file of this folder per sort of vector file.

mod addresses;
mod assembler;
mod coinbase;
mod columns;
mod dump;
mod extended_key;
mod genesis;
mod ghostdag;
mod hashers;
mod headers;
mod messages;
mod mnemonics;
mod muhash;
mod params;
mod pow;
mod pruning;
mod reachability;
mod script;
mod sighash;
mod stability;
mod topology;
mod tx;
mod wallet;
mod zk;

use quintet_primitives::Hash256;

use crate::{
    field::{array, bytes},
    suite::{Mismatch, Suite},
};

/// Returns all suites. A file goes to the first that claims it; no two claim the same.
#[must_use]
pub fn suites() -> Vec<Box<dyn Suite>> {
    vec![
        Box::new(addresses::Addresses),
        Box::new(coinbase::Coinbase),
        Box::new(dump::Dumps),
        Box::new(genesis::GenesisBlocks),
        Box::new(ghostdag::GhostdagFiles),
        Box::new(hashers::Hashers),
        Box::new(headers::Headers),
        Box::new(messages::Messages),
        Box::new(mnemonics::Mnemonics),
        Box::new(muhash::MuHashes),
        Box::new(params::OverrideFiles),
        Box::new(pow::Matrices),
        Box::new(pruning::PruningFiles),
        Box::new(reachability::ReachabilityFiles),
        Box::new(script::ScriptTests),
        Box::new(sighash::Sighashes),
        Box::new(stability::StabilityFiles),
        Box::new(tx::Ids),
        Box::new(wallet::Derivations),
        Box::new(zk::Succinct),
    ]
}

/// Reads a hash. People see Kaspa's in byte order.
fn hash(field: &str, text: &str) -> Result<Hash256, Mismatch> {
    array(field, text).map(Hash256::new)
}
