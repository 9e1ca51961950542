//! Pruning proofs: that the headers below a pruning point carried as much work as is said, shown by few of them.
//!
//! A block of level L is one in 2^L by chance, so a thousand blocks of level L stand for a thousand times 2^L of all. A proof holds, for each
//! level, the blocks of that level or above between a root and the highest one at or below the pruning point, deep enough for 2M
//! blues by the GHOSTDAG of that level alone, and each level reaches down to where the level above it is M deep, so that they overlap.
//!
//! ```text
//!   level 225 … 20   genesis ─────────────────────────────────────────────┐
//!   level 19         root ─ ○ ─── ○ ── ○ ─ … ─ ○ ──── tip                 │ each tip a parent, on its level, of the pruning point,
//!   …                          ▲ M below the tip of 19                    │ or the pruning point itself
//!   level 0                    …      root ○○○○○○○○○○○○○○○ pruning point ─┘
//! ```
//!
//! - [`build`]: the proof of a pruning point, from headers by hash ([`ProofView`]).
//! - [`ValidProof`]: a proof whose levels were rebuilt and checked; [`ValidProof::check_stronger_than`] compares it with our own.
//! - [`TrustedData`]: what a node that starts from a pruning point must be told beside the proof, and [`TrustedImport`]: its checks.
//! - [`PastPruningPoints`]: the headers of all pruning points before.
//! - [`Kept`]: which headers stay when all below a new pruning point is deleted.
//!
//! # Invariants
//!
//! - What a proof says of its blocks' hashes and levels is never taken from the proof: both are computed.
//! - A level holds at most [`LEVEL_HEADERS_PER_M`] times M headers, and a [`Dag`](crate::dag::Dag) of them in memory.
//!
//! # Deviations
//!
//! The reference keeps one reachability for all levels, in order to look for roots; here each level is a DAG of its own. It looks for a root
//! among all blocks by the size of their future, here it is the highest block of the level's selected chain that is deep enough. The
//! rules for proofs of others are the same.
//!
//! **Spec:** Kiayias, Leonardos, Zindros, *Mining in Logarithmic Space* (CCS 2021); *Prunality* (kaspanet/docs);
//! the reference's `processes::pruning_proof`.

mod build;
mod compare;
mod error;
mod keep;
mod level;
mod past;
mod trusted;
mod validate;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use quintet_primitives::Hash256;

pub use build::{BuiltProof, ProofBuildError, ProofView, build};
pub use error::{ProofWeakness, PruningImportError};
pub use keep::Kept;
pub use past::PastPruningPoints;
pub use trusted::{
    ImportRules, ImportedBlock, TrustedBlock, TrustedData, TrustedGhostdag, TrustedGhostdagData,
    TrustedHeader, TrustedImport,
};
pub use validate::ValidProof;

use crate::header::Header;

/// Most headers a level may hold, as a multiple of M. Honest ones hold two to some five.
pub const LEVEL_HEADERS_PER_M: u64 = 32;

/// Headers by level, each level from its root to its tip. Headers on many levels are shared.
pub type PruningProof = Vec<Vec<Arc<Header>>>;

/// What proofs depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProofRules {
    /// Hash of the first block.
    pub genesis: Hash256,
    /// Highest level.
    pub max_level: u8,
    /// M: half the blues a level must be deep.
    pub m: u64,
    /// K of the GHOSTDAG of all levels.
    pub k: u16,
    /// Whether blocks need no proof of work, in simulations. Levels count all the same.
    pub skip_proof_of_work: bool,
}

/// What a header's proof of work is worth.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProofOfWork {
    /// The level it reaches.
    pub level: u8,
    /// Whether it satisfies the target the header claims.
    pub is_valid: bool,
}

impl ProofOfWork {
    /// Computes it by the rules: about 100 µs.
    #[must_use]
    pub fn of(header: &Header, max_level: u8) -> Self {
        if header.parents.levels() == 0 {
            return Self { level: max_level, is_valid: true };
        }
        let pow = crate::pow::Pow::new(header);
        let value = pow.value(header.nonce);
        let level = crate::pow::level_of(&value, max_level);
        Self { level, is_valid: value <= crate::target::from_compact(header.bits) }
    }
}
