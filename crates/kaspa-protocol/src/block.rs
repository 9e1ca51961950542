//! A block: a header and its transactions, the coinbase first.

use crate::{header::Header, tx::Transaction};

/// A block of the DAG.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The header, whose `hash_merkle_root` commits to the transactions.
    pub header: Header,
    /// The transactions; a valid block's first is its only coinbase.
    pub transactions: Vec<Transaction>,
}
