//! The suites of Ethereum: one file of this folder per sort of vector file.

mod basic;
mod blockchain;
mod chains;
mod difficulty;
mod ethers;
mod exceptions;
mod graphql;
mod importer;
mod kzg;
mod mainnet;
mod precompiles;
mod rlp;
mod rpc;
mod state;
mod transactions;
mod trie;
pub(crate) mod world;

use crate::suite::Suite;

/// Returns all suites. A file goes to the first that claims it; no two claim the same.
#[must_use]
pub fn suites() -> Vec<Box<dyn Suite>> {
    vec![
        Box::new(basic::Basic),
        Box::new(blockchain::BlockchainTests),
        Box::new(chains::Chains),
        Box::new(difficulty::Difficulties),
        Box::new(ethers::Ethers),
        Box::new(graphql::GraphQlCases::default()),
        Box::new(kzg::Kzg),
        Box::new(mainnet::MainnetBlocks),
        Box::new(precompiles::Precompiles),
        Box::new(rlp::Rlp),
        Box::new(rpc::Rpc::default()),
        Box::new(state::StateTests),
        Box::new(transactions::Transactions),
        Box::new(trie::Tries),
    ]
}

/// Returns whether a file lies in this folder of the vectors, or in the folder of the run itself.
fn lies_in(name: &std::path::Path, folder: &str) -> bool {
    name.starts_with(folder)
}
