//! Synthetic regtest chains: a load that is the same, byte for byte, wherever and whenever it is made.
//!
//! Import, validation and storage are measured on a chain that others can be given too, so it has to be valid under
//! every rule from height 1, mixed as real chains are, and reproducible from a few numbers:
//!
//! ```text
//!   Plan { seed, transactions, mode } ──► Maker ──► blocks ──► BlockFiles ──► blk00000.dat, blk00001.dat, …
//!                                           │
//!             coins of earlier blocks ──────┤  draft      one thread: every random choice is made here
//!                                           │  sign       all cores: RFC 6979 and BIP-0340 without auxiliary
//!                                           │             randomness, so the order of threads changes nothing
//!                                           └─ seal       coinbase, witness commitment, Merkle root, nonce
//! ```
//!
//! # Invariants
//!
//! - Regtest's rules: segwit from the start, heights in coinbases, coinbases mature after 100 blocks, the subsidy
//!   halves every 150, proof of work at the limit, a block every [`SPACING`] seconds after the genesis block.
//! - Blocks stay below the limits of weight and signature operations.
//! - No clock, no operating-system randomness, no hash-map order, no floating point.

mod draft;
mod files;
mod keys;
mod kind;
mod maker;
mod seal;

pub use files::{BlockFiles, FILE_BYTES_MAX, MAGIC, Written, read_blocks};
pub use keys::{Keys, Owner, Sighash};
pub use kind::{Kind, Mix, Mode};
pub use maker::{Made, Maker, Plan};
pub use quintet_primitives::random::SplitMix;
pub use seal::{
    GENESIS_TIME, MATURITY, SPACING, coinbase, commit, genesis, mine, next_header, subsidy,
};
