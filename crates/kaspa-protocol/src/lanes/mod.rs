//! The lanes of KIP-21: which are active, and the sequencing commitment that a chain block's header makes of them.
//!
//! Every chain block moves the tips of the lanes whose transactions it accepts, and lets go the lanes that none has touched for a finality
//! depth. What is left is committed to in the header, together with the commitment of the selected parent.
//!
//! ```text
//!   mergeset, in order ──► Activity: leaves by lane, leaves of the miners' payloads
//!                              │
//!   selected parent's LaneTree ┴─► LaneContext::commit ──► commitment: the header's accepted_id_merkle_root
//!                                       │                  LaneTree of this block
//!                                       └────────────────► LaneDiff: what to store, to undo or to do again
//! ```
//!
//! - [`LaneTree`]: the lanes as a value. A block's tree shares all but the touched paths with that of its selected parent, so candidates
//!   for the chain are computed beside one another, and going back is taking an older tree, or [`LaneDiff::undo`].
//! - [`Activity`], [`LaneContext`]: from accepted transactions to the commitment.
//! - [`LaneProof`]: that a lane is active or not.
//! - [`LaneImport`]: a peer's lanes against the header of the pruning point.
//!
//! # Memory
//!
//! About 330 bytes an active lane. A block may touch some 50 lanes, so that at 10 blocks a second over 12 hours there could be
//! 20 million; each costs its transaction's fee, and is gone when its time is over.
//!
//! # Deviations
//!
//! The reference keeps every version of every node in its database until pruning, and asks of each whether its block is on the chain. Here
//! a version is a tree, and the disk needs the lanes and the diffs alone.
//!
//! **Spec:** KIP-21; rusty-kaspa's `consensus/smt-store`, `virtual_processor::{build_seq_commit, expire_stale_lanes}`.

mod commitment;
mod diff;
mod import;
mod proof;
mod tree;

#[cfg(test)]
mod tests;

pub use commitment::{Activity, LaneContext, SeqCommit, shortcut_block};
pub use diff::{LaneChange, LaneDiff, LaneDiffError};
pub use import::{LaneImport, LaneImportError, LaneMetadata};
pub use proof::{LaneProof, ProofEnd};
pub use tree::{Lane, LaneTree};
