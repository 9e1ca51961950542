//! Why consensus stops, and what becomes of a block.
//!
//! A bad block is a value ([`Outcome::Refused`]); a broken ledger is an error. Stages pass both on as [`Stop`], which never leaves this folder.

use quintet_kaspa_protocol::{
    coinbase::CoinbaseError, dag::DagError, state::DiffError, validation::RuleError,
};
use thiserror::Error;

use crate::ports::{BlockStatus, LedgerError};

/// Consensus cannot go on: nothing is known of the block it was working on.
#[derive(Debug, Clone, Error)]
pub enum ConsensusError {
    /// The ledger cannot do what was asked.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The DAG takes no more blocks.
    #[error(transparent)]
    Dag(#[from] DagError),
    /// The UTXO diffs of the chain do not fit one another.
    #[error("the chain's diffs do not fit: {0}; restore the data directory or start anew")]
    Diff(#[from] DiffError),
    /// The ledger was made for another network.
    #[error(
        "expected the genesis {expected}, the ledger begins with {actual}; name its network or another directory"
    )]
    OtherGenesis {
        /// Hash of the network's genesis.
        expected: quintet_primitives::Hash256,
        /// Hash of the ledger's.
        actual: quintet_primitives::Hash256,
    },
    /// Sequencing commitments cannot be computed.
    #[error("expected rules before toccata: this version knows no sequencing commitments (KIP-21)")]
    SequencingCommitments,
    /// No thread could be started.
    #[error("could not start {threads} threads: {reason}")]
    Threads {
        /// Threads asked for.
        threads: usize,
        /// Why not.
        reason: String,
    },
    /// Something that the stages before must have seen to is not so.
    #[error("expected {expected}; this is a mistake of this program, report it")]
    Inconsistent {
        /// What should be so.
        expected: &'static str,
    },
}

/// What became of a submitted block or header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was taken in, with this status.
    Accepted(BlockStatus),
    /// It was there already, with this status.
    Known(BlockStatus),
    /// It breaks a rule.
    Refused(RuleError),
}

impl Outcome {
    /// Returns whether the block is there now.
    #[must_use]
    pub const fn is_present(&self) -> bool {
        matches!(self, Self::Accepted(_) | Self::Known(_))
    }
}

/// Why a stage ends before its end.
#[derive(Debug)]
pub(super) enum Stop {
    /// The block breaks a rule.
    Rule(RuleError),
    /// Consensus cannot go on.
    Broken(ConsensusError),
}

impl From<RuleError> for Stop {
    fn from(error: RuleError) -> Self {
        Self::Rule(error)
    }
}

impl From<ConsensusError> for Stop {
    fn from(error: ConsensusError) -> Self {
        Self::Broken(error)
    }
}

impl From<LedgerError> for Stop {
    fn from(error: LedgerError) -> Self {
        Self::Broken(error.into())
    }
}

impl From<DiffError> for Stop {
    fn from(error: DiffError) -> Self {
        Self::Broken(error.into())
    }
}

impl From<CoinbaseError> for Stop {
    fn from(source: CoinbaseError) -> Self {
        Self::Rule(RuleError::BadCoinbasePayload { source })
    }
}
