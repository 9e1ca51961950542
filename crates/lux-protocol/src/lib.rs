//! LuxTensor's consensus, sans-IO: who proposes when, what a header must say, what validators vote, which block is head, which is final.
//!
//! ```text
//!   clock ──► slot ──► ValidatorSet::proposer ──► header::draft, seal ──► block
//!                                                                          │
//!   header ──► header::check ──► Consensus::on_header ──► ForkChoice ◄─────┘
//!   vote ────► SignedVote::check ► Consensus::on_vote ──► ForkChoice, Finality ──► head, safe, finalised
//!                                        └──► Evidence against whoever says two things
//! ```
//!
//! - [`params`]: slots, epochs, and what every signature is bound to.
//! - [`validator`]: validators with stakes, and who proposes in a slot.
//! - [`beacon`]: the randomness proposers are drawn with.
//! - [`seal`], [`header`]: LuxTensor's part of an Ethereum header, and its rules.
//! - [`vote`], [`certificate`]: votes, and two thirds of the stake voting alike.
//! - [`fork_choice`]: the tree of blocks that are not final, and its head.
//! - [`finality`]: what two thirds of the stake have agreed on.
//! - [`evidence`]: proof that a validator said two things.
//! - [`watermark`]: what keeps an honest validator from doing so.
//! - [`consensus`]: all of it together, as one node sees it.
//! - [`wire`]: gossip and sync messages.
//!
//! # Invariants
//!
//! - No I/O, clock or randomness; numbers are integers, and no rule depends on the order of a map.
//! - With less than a third of the stake faulty no two conflicting blocks are final, whatever the network does.
//! - Everything kept has a bound: by validators, by slots of a window, or by [`fork_choice::BLOCKS_MAX`].
//!
//! `docs/protocols/lux.md` tells the whole, and why it is safe.

pub mod beacon;
pub mod certificate;
pub mod consensus;
pub mod evidence;
pub mod finality;
pub mod fork_choice;
pub mod header;
pub mod params;
pub mod seal;
pub mod signature;
pub mod validator;
pub mod vote;
pub mod watermark;
pub mod wire;
