//! What a sequencer decides: which L1 block the next block's origin is, and whether users' transactions may be in it.
//!
//! - [`origin`]: the choice, from what is known of both chains.
//!
//! **Spec:** `protocol/derivation.md`, "Batch Queue" (the rules a block's origin must meet); op-node's `sequencing` package.

pub mod origin;
