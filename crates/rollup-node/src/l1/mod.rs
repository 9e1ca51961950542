//! Where L1 comes from: one port, several sources behind it, and the blocks fetched ahead of whoever reads them.
//!
//! ```text
//!   JSON-RPC nodes ──► rpc ──────┐                         ┌──► prefetch: N blocks in flight, in order, linked by hash
//!   beacon nodes ────► beacon ───┼──► L1Source (the port) ─┤
//!   recorded blocks ─► file ─────┘                         └──► reset: which blocks are canonical now
//! ```
//!
//! # Invariants
//!
//! - What comes out of a source has been checked against a hash: transactions and receipts against the header's roots, the header against
//!   its own hash, blobs against their versioned hashes, slots of contracts against the state root. A node that lies is refused by name and another is asked.
//! - Which of two honest-looking chains is the canonical one no hash can say: that is what a quorum of nodes is for.
//! - Every wait ends: each request has a time limit, each question a number of attempts.
//!
//! **Spec:** `protocol/derivation.md`, "L1 Traversal" and "L1 Retrieval"; op-node's `sources` package.

pub mod account;
pub mod ahead;
pub mod beacon;
pub(crate) mod blocks;
pub mod endpoint;
pub mod file;
pub(crate) mod json;
pub mod prefetch;
pub mod raw;
pub mod rpc;
mod state;
pub mod transport;

use alloy_consensus::Receipt;
use alloy_primitives::{Address, B256, Bytes};
use futures_util::future::BoxFuture;
use quintet_rollup_protocol::{
    inbox::{InboxTx, kzg::KzgError},
    refs::L1Ref,
    verify::VerifyError,
    view::L1Header,
};
use thiserror::Error;

/// How settled an L1 block is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum L1Label {
    /// The newest.
    Latest,
    /// Not reorganised unless L1's attesters misbehave.
    Safe,
    /// Never reorganised.
    Finalized,
}

impl L1Label {
    /// Returns its name in JSON-RPC.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Latest => "latest",
            Self::Safe => "safe",
            Self::Finalized => "finalized",
        }
    }
}

/// An L1 block as a source gives it: its header, and what batchers wrote into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct L1Block {
    /// The header, whose hash was recomputed.
    pub header: L1Header,
    /// Root that its receipts must have.
    pub receipts_root: B256,
    /// Transactions to the inbox.
    pub inbox: Vec<InboxTx>,
}

/// An L1.
///
/// Answers are verified. `None` says that there is no such block now; it may come.
pub trait L1Source: Send + Sync + std::fmt::Debug {
    /// Returns the block of a label.
    ///
    /// # Errors
    ///
    /// [`L1Error`] if nobody answers.
    fn head(&self, label: L1Label) -> BoxFuture<'_, Result<Option<L1Ref>, L1Error>>;

    /// Returns the canonical block of a number.
    ///
    /// # Errors
    ///
    /// [`L1Error`] if nobody gives one that holds.
    fn block(&self, number: u64) -> BoxFuture<'_, Result<Option<L1Block>, L1Error>>;

    /// Returns a block's receipts.
    ///
    /// # Errors
    ///
    /// [`L1Error`] if nobody gives those that its header commits to.
    fn receipts<'a>(
        &'a self,
        block: &'a L1Ref,
        root: B256,
    ) -> BoxFuture<'a, Result<Vec<Receipt>, L1Error>>;

    /// Returns blobs of a block, in the order asked for.
    ///
    /// # Errors
    ///
    /// [`L1Error`] if nobody gives those that their hashes name.
    fn blobs<'a>(
        &'a self,
        block: &'a L1Ref,
        hashes: &'a [B256],
    ) -> BoxFuture<'a, Result<Vec<Bytes>, L1Error>>;

    /// Returns what a contract keeps in a slot as of the newest block; `None` from a source that knows no state.
    ///
    /// # Errors
    ///
    /// [`L1Error`] if nobody gives a value that its proofs show.
    fn storage(
        &self,
        contract: Address,
        slot: B256,
    ) -> BoxFuture<'_, Result<Option<B256>, L1Error>> {
        let _ = (contract, slot);
        Box::pin(std::future::ready(Ok(None)))
    }
}

/// Why L1 gave no answer that can be used.
#[derive(Debug, Error)]
pub enum L1Error {
    /// The address is not one that can be used.
    #[error("L1 address {address}: expected {expected}")]
    Address {
        /// What was given, without its path.
        address: String,
        /// What is asked of it.
        expected: &'static str,
    },
    /// Nothing answers there.
    #[error("{endpoint}: expected an answer, got none: {reason}")]
    Unreachable {
        /// Who was asked.
        endpoint: String,
        /// What the connection said.
        reason: String,
    },
    /// The answer takes too long.
    #[error("{endpoint}: expected an answer to {method} within {limit_ms} ms")]
    TimedOut {
        /// Who was asked.
        endpoint: String,
        /// What it was asked.
        method: &'static str,
        /// The time it had, ms.
        limit_ms: u64,
    },
    /// The answer has a status that is none of success.
    #[error("{endpoint}: expected an answer to {method}, got HTTP status {status}: {excerpt}")]
    Status {
        /// Who was asked.
        endpoint: String,
        /// What it was asked.
        method: &'static str,
        /// The status.
        status: u16,
        /// The beginning of the answer.
        excerpt: String,
    },
    /// The node says that it cannot.
    #[error("{endpoint}: {method} answered with error {code}: {message}")]
    Rpc {
        /// Who was asked.
        endpoint: String,
        /// What it was asked.
        method: &'static str,
        /// The code.
        code: i64,
        /// The message.
        message: String,
    },
    /// The answer is not of the form.
    #[error("{endpoint}: {method}: expected {expected}, got {actual}")]
    Malformed {
        /// Who was asked.
        endpoint: String,
        /// What it was asked.
        method: &'static str,
        /// The form.
        expected: &'static str,
        /// What is wrong.
        actual: String,
    },
    /// The answer is not what its hash names: the node lies, or is damaged.
    #[error("{endpoint} lies: {source}")]
    Lie {
        /// Who was asked.
        endpoint: String,
        /// What is wrong.
        #[source]
        source: VerifyError,
    },
    /// A blob is not what its hash names.
    #[error("{endpoint} lies: {source}")]
    Blob {
        /// Who was asked.
        endpoint: String,
        /// What is wrong.
        #[source]
        source: KzgError,
    },
    /// The node answered with another block than was asked for.
    #[error("{endpoint} lies: expected block {expected}, got {actual}")]
    OtherBlock {
        /// Who was asked.
        endpoint: String,
        /// Number or hash asked for.
        expected: String,
        /// Number or hash of what came.
        actual: String,
    },
    /// The node follows another chain.
    #[error("{endpoint}: expected an L1 node of chain {expected}, got one of chain {actual}")]
    WrongChain {
        /// Who was asked.
        endpoint: String,
        /// The chain the rollup is on.
        expected: u64,
        /// The node's.
        actual: u64,
    },
    /// Nodes differ about which block is canonical.
    #[error(
        "{first} and {second} disagree about block {number}: got {first_hash} and {second_hash}"
    )]
    Disagree {
        /// One node.
        first: String,
        /// The other.
        second: String,
        /// The block's number.
        number: u64,
        /// What the one says.
        first_hash: Box<B256>,
        /// What the other says.
        second_hash: Box<B256>,
    },
    /// What should be there is not.
    #[error("{endpoint}: expected {what}, got nothing; {advice}")]
    Missing {
        /// Who was asked.
        endpoint: String,
        /// What is missing.
        what: String,
        /// What to do.
        advice: &'static str,
    },
    /// Nobody gave an answer that holds.
    #[error("expected {what} within {attempts} attempts; the last one: {last}")]
    Exhausted {
        /// What was asked for.
        what: String,
        /// How often it was tried.
        attempts: u32,
        /// Why the last attempt failed.
        last: Box<Self>,
    },
    /// A file of recorded blocks cannot be used.
    #[error("{path}: expected {expected}, got {actual}")]
    File {
        /// The file.
        path: String,
        /// What it should hold.
        expected: &'static str,
        /// What is wrong.
        actual: String,
    },
}

impl L1Error {
    /// Returns whether somebody answered with what cannot be true, rather than not at all.
    #[must_use]
    pub const fn is_lie(&self) -> bool {
        matches!(
            self,
            Self::Lie { .. }
                | Self::Blob { .. }
                | Self::OtherBlock { .. }
                | Self::Malformed { .. }
                | Self::WrongChain { .. }
        )
    }

    /// Returns whether the node says that it has no such method.
    #[must_use]
    pub fn is_unsupported(&self) -> bool {
        const NOT_FOUND: i64 = -32_601;
        const NOT_SUPPORTED: i64 = -32_004;
        match self {
            Self::Rpc { code: NOT_FOUND | NOT_SUPPORTED, .. } => true,
            Self::Rpc { message, .. } => {
                let message = message.to_ascii_lowercase();
                message.contains("method")
                    && ["not supported", "not found", "not available", "not exist", "not allowed"]
                        .iter()
                        .any(|words| message.contains(words))
            }
            Self::Status { status, .. } => matches!(status, 404 | 405 | 410 | 501),
            _ => false,
        }
    }

    /// Returns whether the node says that it has no such block, where others answer with nothing.
    #[must_use]
    pub fn is_absent(&self) -> bool {
        match self {
            Self::Rpc { message, .. } => {
                let message = message.to_ascii_lowercase();
                !self.is_unsupported()
                    && ["not found", "unknown block", "does not exist"]
                        .iter()
                        .any(|words| message.contains(words))
            }
            _ => false,
        }
    }
}
