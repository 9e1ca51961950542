//! Headers: which of them belong together, which are valid, and which chain has the most work.
//!
//! ```text
//!   bytes of a peer ──► CheckedHeader::chain ─┬─► presync ───► enough work shown? ─┐
//!                       (work, linked)        │   (a peer's low-work chain)        │
//!                                             └────────────────────────────────────┴─► HeaderTree::insert ──► best()
//!                                                                                      (contextual rules)
//! ```
//!
//! - [`pow`]: targets, work and retargets.
//! - [`tree`]: all headers, in flat arrays; contextual rules; the chain with the most work.
//! - [`active`]: one chain of the tree, by height.
//! - [`versionbits`]: votes for rules.
//! - [`presync`]: making a peer show work before its headers take memory.
//! - [`signet`]: the solution of a signed block.

pub mod active;
mod checked;
mod error;
pub mod pow;
pub mod presync;
pub mod signet;
pub mod tree;
pub mod versionbits;
mod view;

pub use active::ActiveChain;
pub use checked::CheckedHeader;
pub use error::HeaderError;
pub use tree::{HeaderId, HeaderTree, Validity};
pub use view::ChainView;
