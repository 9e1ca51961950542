//! The Merkle-Patricia trie: roots, incremental updates and proofs, without a store.
//!
//! ```text
//!   sorted entries ──► root            all at once: transactions, receipts, withdrawals, a genesis
//!   sorted entries ──► update ──► root + nodes written and removed, by path
//!                        │
//!                    NodeSource: path ─► RLP      a map, a cache over a store, an overlay, a proof
//! ```
//!
//! A node lies at the *path* from the root to it, not under its hash: the next block overwrites it, so nothing has to be
//! collected. A batch of changes visits each node above them once, children before parents; what lies under different children is
//! independent, so large batches go to all cores.
//!
//! **Spec:** Yellow Paper, appendix D and appendix C (hex-prefix encoding).
//!
//! # Invariants
//!
//! - A root is a function of the entries alone: not of their order in time, of batches, or of threads.
//! - What [`update`] says of nodes is complete: a source that holds a trie holds the new trie after it, and nothing else.
//! - Nodes from a source are untrusted: a wrong one is [`TrieError::Node`] or [`TrieError::Missing`].

mod build;
mod nibbles;
mod node;
mod ordered;
mod proof;
mod source;
mod update;

use alloy_primitives::B256;

pub use nibbles::{KEY_BYTES_MAX, Nibbles};
pub use node::{Branch, Node, NodeError, NodeRef};
pub use ordered::ordered_root;
pub use proof::{Proof, ProofError, prove, verify_proof};
pub use source::{MemoryNodes, NodeSink, NodeSource, NodeUpdate, Nothing};
pub use update::{Updated, root, update};

/// The root of a trie without entries: keccak256 of the RLP of an empty string.
pub const EMPTY_ROOT: B256 = alloy_consensus::EMPTY_ROOT_HASH;

/// One change of a trie. An empty value removes the key: a trie holds no empty values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    /// At most [`KEY_BYTES_MAX`] bytes.
    pub key: &'a [u8],
    /// The value afterwards.
    pub value: &'a [u8],
}

impl<'a> Entry<'a> {
    /// Names a key and its value afterwards.
    #[must_use]
    pub const fn new(key: &'a [u8], value: &'a [u8]) -> Self {
        Self { key, value }
    }
}

/// Why a trie cannot be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum TrieError<E> {
    /// The source failed.
    #[error(transparent)]
    Source(E),
    /// The source has no node where its parent says there is one.
    #[error(
        "no trie node at path {path}, expected one with hash {hash}: the state is damaged or the witness incomplete"
    )]
    Missing {
        /// Where the node should be.
        path: Nibbles,
        /// Its hash, as its parent says.
        hash: B256,
    },
    /// A node that is none.
    #[error("trie node at path {path} is malformed: {source}")]
    Node {
        /// Where the node lies.
        path: Nibbles,
        /// What is wrong.
        source: NodeError,
    },
    /// A key that is too long.
    #[error("trie key has {actual} bytes, expected at most {KEY_BYTES_MAX}")]
    KeyLength {
        /// Its length, bytes.
        actual: usize,
    },
    /// Entries out of order, or two of one key.
    #[error(
        "trie entries are not in the order of their keys, each once: entry {index} is not above the one before; sort them"
    )]
    Order {
        /// The first entry out of order.
        index: usize,
    },
}
