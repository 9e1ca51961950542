//! A chain of the old Python node, verified and carried into a genesis file.
//!
//! ```text
//!   blocks ──Documents──► Importer::block ──every rule, or the block and what is wrong──┐
//!   its genesis.json ──► PythonConfig ── state replayed, compared after each block      ├─► Importer::finish ─► Imported
//!   or a dump of its state ──► State::read ── compared with the last block's root       ┘      a genesis, a report
//! ```
//!
//! That node never wrote its state down. So the state comes either from replaying all blocks over the file it began from, or from a dump
//! taken of it while it ran; either way it must have the root that the chain names.
//!
//! # Invariants
//!
//! - Everything is hostile: each document, list and number has a bound, and a refusal names the block, what was expected and what came.
//! - Nothing is dropped in silence: what cannot be carried stops the import, or is listed if the operator says so.
//! - No wei is made: what the genesis holds is what the state held, less what is listed as left behind.
//!
//! # Deviations
//!
//! - Signatures are verified, which the Python node never did: it took `from` at its word.
//! - The transactions' root may be a Merkle root, as its rules say, or the hash of all hashes in a row, as its block maker wrote it.
//! - A block whose transactions used no gas changed nothing: its block maker called the executor wrongly, and took the error for a bad
//!   transaction. Such blocks are taken if the state's root says so too, and counted.
//! - Receipts' roots are covered by the blocks' hashes and not computed: the node made them from the number of receipts alone.
//!
//! **Spec:** the Python node (`sonson0910/moderntensor` @a6bae7ce): `sdk/blockchain/{block,transaction,state,crypto,validation}.py`,
//! `sdk/testnet/{genesis,node}.py`, `sdk/storage/blockchain_db.py`.

mod block;
mod carry;
mod chain;
mod config;
mod documents;
mod error;
mod field;
mod state;

pub use self::{
    block::{PythonBlock, PythonHeader, PythonTransaction},
    carry::{CarryOptions, Imported, LeftBehind, Report},
    chain::Importer,
    config::{CONFIG_BYTES_MAX, PythonConfig},
    documents::{DOCUMENT_BYTES_MAX, Documents},
    error::{CarryError, DocumentError, Fault, PythonError},
    state::{ACCOUNTS_MAX, PythonAccount, State},
};
