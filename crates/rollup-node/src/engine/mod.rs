//! The execution layer, as derivation sees it.
//!
//! ```text
//!   DerivedAttributes ──► Engine::process ──► Valid { hash } or Invalid { reason }, where it was called
//!                            │
//!                            ├── unexecuted   takes what is derived at its word: hashes stay unknown
//! ```
//!
//! # Invariants
//!
//! - An engine never calls back: what derivation has to do about an invalid block it learns from the return value.
//!
//! **Spec:** `protocol/exec-engine.md`; `protocol/derivation.md`, "Engine Queue".

mod unexecuted;

use alloy_primitives::B256;
use quintet_rollup_protocol::{
    attributes::DerivedAttributes,
    refs::{L2Ref, SafeBlock},
};
use thiserror::Error;

pub use self::unexecuted::Unexecuted;

/// What became of a derived block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Processed {
    /// It is in the chain, and the head unless others build on it already.
    Valid {
        /// Its hash; zero if it is not known.
        hash: B256,
        /// Whether it was there already, from gossip or an earlier run.
        is_consolidated: bool,
    },
    /// It cannot be built: a transaction in it may not be there.
    Invalid {
        /// Why.
        reason: String,
    },
}

/// Why the execution layer cannot go on. What a derived block does wrong is [`Processed::Invalid`].
#[derive(Debug, Error)]
pub enum EngineError {
    /// It fails.
    #[error("execution layer: {reason}")]
    Failed {
        /// What it says.
        reason: String,
    },
}

/// An execution layer.
pub trait Engine: std::fmt::Debug {
    /// Builds or finds the block of these attributes and makes it the head.
    ///
    /// # Errors
    ///
    /// [`EngineError`] if the execution layer fails, whatever the block.
    fn process(&mut self, attributes: &DerivedAttributes) -> Result<Processed, EngineError>;

    /// Returns whether a block has been executed, so that others can be built on it.
    ///
    /// # Errors
    ///
    /// [`EngineError`] if the execution layer fails.
    fn knows(&mut self, block: &L2Ref) -> Result<bool, EngineError>;

    /// Returns a block of the safe chain with its transactions.
    ///
    /// # Errors
    ///
    /// [`EngineError`] if the execution layer fails.
    fn safe_block(&mut self, number: u64) -> Result<Option<SafeBlock>, EngineError>;

    /// Derivation begins again behind this block.
    ///
    /// # Errors
    ///
    /// [`EngineError`] if the execution layer fails.
    fn reset(&mut self, safe: &L2Ref) -> Result<(), EngineError>;

    /// The chain up to this block is safe.
    ///
    /// # Errors
    ///
    /// [`EngineError`] if the execution layer fails.
    fn safe(&mut self, block: &L2Ref) -> Result<(), EngineError>;

    /// The chain up to this block is final.
    ///
    /// # Errors
    ///
    /// [`EngineError`] if the execution layer fails.
    fn finalized(&mut self, block: &L2Ref) -> Result<(), EngineError>;

    /// Puts what was executed where a crash does not reach it.
    ///
    /// # Errors
    ///
    /// [`EngineError`] if the execution layer fails.
    fn flush(&mut self) -> Result<(), EngineError>;
}
