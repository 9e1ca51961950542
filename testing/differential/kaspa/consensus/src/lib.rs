//! The same DAG through the reference's consensus and through this project's, block by block.
//!
//! ```text
//!   Shape ──► Plan (who sees what) ──► Reference builds a block ──► Breaker changes it, or not
//!                                                                       │
//!                                 Verdict, Virtual ◄── Reference ◄──────┤
//!                                        ‖ equal?                       │
//!                                 Verdict, Virtual ◄── Ours ◄───────────┘
//! ```
//!
//! Blocks are built by the reference and really signed; what a header says of blue score, blue work, DAA score, bits,
//! level parents, UTXO commitment and accepted transactions is therefore the reference's word, and whoever accepts the block
//! has found the same.

pub mod breaking;
pub mod network;
pub mod ours;
pub mod plan;
pub mod reference;
pub mod verdict;
pub mod wallet;
