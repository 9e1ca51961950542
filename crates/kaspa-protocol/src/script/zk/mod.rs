//! The proofs of `OP_ZK_PRECOMPILE`, over the reference's own verifiers.
//!
//! What these accept is consensus, so they are the very crates the reference uses, at its versions; here is
//! only what lies between the stack and them.
//!
//! **Spec:** KIP-16; rusty-kaspa's `zk_precompiles`.

pub(super) mod groth16;
pub(super) mod succinct;

/// The stack's part of the failure of a proof.
const fn failed(reason: &'static str) -> super::ScriptError {
    super::ScriptError::Proof { reason }
}
