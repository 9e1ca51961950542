//! The suites of Ethereum: one file of this folder per sort of vector file.

mod basic;
mod ethers;
mod rlp;
mod transactions;
mod trie;

use crate::suite::Suite;

/// Returns all suites. A file goes to the first that claims it; no two claim the same.
#[must_use]
pub fn suites() -> Vec<Box<dyn Suite>> {
    vec![
        Box::new(basic::Basic),
        Box::new(ethers::Ethers),
        Box::new(rlp::Rlp),
        Box::new(transactions::Transactions),
        Box::new(trie::Tries),
    ]
}
