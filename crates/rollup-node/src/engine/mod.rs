//! The execution layer, as derivation sees it.
//!
//! ```text
//!   DerivedAttributes ──► Engine::process ──► Valid { hash } or Invalid { reason }, where it was called
//!                            │
//!                            ├── actor        any of the others on a thread of its own, tasks in order of precedence (queue)
//!                            ├── embedded     a chain of our own on disk: executed once, in this process
//!                            ├── remote       another's, over the Engine API
//!                            └── unexecuted   takes what is derived at its word: hashes stay unknown
//! ```
//!
//! # Invariants
//!
//! - An engine never calls back: what derivation has to do about an invalid block it learns from the return value.
//!
//! **Spec:** `protocol/exec-engine.md`; `protocol/derivation.md`, "Engine Queue".

pub mod actor;
pub mod embedded;
pub mod queue;
mod reader;
pub mod remote;
mod schedule;
mod unexecuted;

use alloy_eips::BlockNumHash;
use alloy_primitives::{B256, Bytes};
use quintet_rollup_protocol::{
    attributes::{DerivedAttributes, PayloadAttributes},
    refs::{L2Ref, SafeBlock},
};
use thiserror::Error;

pub(crate) use self::reader::batch_of;
pub use self::{
    actor::EngineClient,
    embedded::Embedded,
    reader::{L2Reader, MESSAGE_PASSER, Output},
    remote::Remote,
    schedule::schedule_of,
    unexecuted::Unexecuted,
};

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

/// A block of the unsafe chain, as a sequencer makes it and gossip carries it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnsafeBlock {
    /// Its hash.
    pub hash: B256,
    /// The block, in RLP.
    pub block: Bytes,
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
    /// It has no such function.
    #[error("execution layer: expected one that can {what}, this one cannot")]
    Unsupported {
        /// What is asked of it.
        what: &'static str,
    },
    /// No block is in the making.
    #[error("execution layer: expected a block in the making, got none; begin one")]
    NothingBuilding,
    /// Too much waits already.
    #[error(transparent)]
    Full(#[from] queue::LaneFull),
    /// Something newer took the place of what was asked, or the engine has ended.
    #[error("engine: what was asked gave way to something newer, or the engine has ended")]
    Superseded,
    /// Its chain begins with another block than the rollup's.
    #[error("execution layer: expected genesis {number} {hash}, got {actual_number} {actual_hash}: is this the genesis file of the chain?",
        number = expected.number, hash = expected.hash, actual_number = actual.number, actual_hash = actual.hash)]
    Genesis {
        /// What the rollup's configuration names.
        expected: BlockNumHash,
        /// What the genesis file makes.
        actual: BlockNumHash,
    },
    /// It cannot be reached, or does not answer as it should.
    #[error("execution layer: {0}")]
    Remote(#[from] Box<crate::l1::L1Error>),
    /// The file with the secret it shares with us holds none.
    #[error("{path}: expected a secret of 32 bytes in hexadecimal, {reason}")]
    Secret {
        /// The file.
        path: String,
        /// What is wrong.
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

    /// Takes a block of the unsafe chain and makes it the head, if it is good and stands on the head.
    ///
    /// # Errors
    ///
    /// [`EngineError`] if the execution layer fails, or cannot do this.
    fn insert(&mut self, block: &UnsafeBlock) -> Result<Processed, EngineError> {
        let _ = block;
        Err(EngineError::Unsupported { what: "insert unsafe blocks" })
    }

    /// Begins a block; what was begun before is forgotten.
    ///
    /// # Errors
    ///
    /// [`EngineError`] if the execution layer fails, or cannot do this.
    fn build(&mut self, parent: &L2Ref, attributes: &PayloadAttributes) -> Result<(), EngineError> {
        let _ = (parent, attributes);
        Err(EngineError::Unsupported { what: "build blocks" })
    }

    /// Ends the block that was begun, and makes it the head.
    ///
    /// # Errors
    ///
    /// [`EngineError`] if none was begun, the execution layer fails, or cannot do this.
    fn seal(&mut self) -> Result<UnsafeBlock, EngineError> {
        Err(EngineError::Unsupported { what: "seal blocks" })
    }

    /// Makes an ancestor of the head the head: the blocks above it stand on an L1 that is no more.
    ///
    /// # Errors
    ///
    /// [`EngineError`] if the execution layer fails, or cannot do this.
    fn retreat(&mut self, to: &L2Ref) -> Result<(), EngineError> {
        let _ = to;
        Err(EngineError::Unsupported { what: "take blocks off its chain" })
    }

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

impl<E: Engine + ?Sized> Engine for Box<E> {
    fn process(&mut self, attributes: &DerivedAttributes) -> Result<Processed, EngineError> {
        (**self).process(attributes)
    }

    fn insert(&mut self, block: &UnsafeBlock) -> Result<Processed, EngineError> {
        (**self).insert(block)
    }

    fn build(&mut self, parent: &L2Ref, attributes: &PayloadAttributes) -> Result<(), EngineError> {
        (**self).build(parent, attributes)
    }

    fn seal(&mut self) -> Result<UnsafeBlock, EngineError> {
        (**self).seal()
    }

    fn retreat(&mut self, to: &L2Ref) -> Result<(), EngineError> {
        (**self).retreat(to)
    }

    fn knows(&mut self, block: &L2Ref) -> Result<bool, EngineError> {
        (**self).knows(block)
    }

    fn safe_block(&mut self, number: u64) -> Result<Option<SafeBlock>, EngineError> {
        (**self).safe_block(number)
    }

    fn reset(&mut self, safe: &L2Ref) -> Result<(), EngineError> {
        (**self).reset(safe)
    }

    fn safe(&mut self, block: &L2Ref) -> Result<(), EngineError> {
        (**self).safe(block)
    }

    fn finalized(&mut self, block: &L2Ref) -> Result<(), EngineError> {
        (**self).finalized(block)
    }

    fn flush(&mut self) -> Result<(), EngineError> {
        (**self).flush()
    }
}
