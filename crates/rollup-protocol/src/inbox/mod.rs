//! The inbox: what batchers wrote into an L1 block, found without decoding the rest of it.
//!
//! ```text
//!   L1 transactions ──► scan (destination) ──► sender ──► InboxTx ──► pipeline ──► calldata ───────────► frames
//!                                                                        └───────► blob hashes ─► blob ─┘
//! ```
//!
//! - [`scan`]: a raw transaction's destination is found by walking over its first fields; nothing else is looked at in
//!   the many that go elsewhere. The few that go to the inbox have their sender recovered from one keccak over the bytes
//!   where they lie.
//! - [`blob`]: 130,044 bytes in a blob.
//! - [`kzg`]: whether a blob is the one a hash names.
//!
//! **Spec:** `protocol/derivation.md`, "L1 Retrieval"; `ecotone/derivation.md`, "Blob retrieval".

pub mod blob;
pub mod kzg;
pub mod scan;

use alloy_primitives::{Address, B256, Bytes};

/// A transaction to the inbox. Whether its sender may submit batches is for the pipeline to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InboxTx {
    /// Who signed it.
    pub sender: Address,
    /// What it carries.
    pub payload: InboxPayload,
}

/// What a transaction to the inbox carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InboxPayload {
    /// Its calldata.
    Calldata(Bytes),
    /// Blobs, by versioned hash.
    Blobs {
        /// The hashes, in their order.
        hashes: Vec<B256>,
        /// The transaction's calldata: all that counts before Ecotone, and nothing from it.
        calldata: Bytes,
    },
}
