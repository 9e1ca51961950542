//! Networks of real nodes in bad weather, the same scenarios for every kind.
//!
//! ```text
//!   scenario ──► Network<Kind> ──kill -9, start──► quintet KIND run …   (a process a node)
//!      │             │    ▲                            │    ▲
//!      │             │    └── RPC: work, head, kept ───┘    │ P2P
//!      └──seed──► Weather ───────────────────────────► Fabric: a relay for each connection, or a face for each node
//!                  cut, delay, stall, break, lose, repeat
//! ```
//!
//! # Invariants
//!
//! - What a scenario does follows from its seed; when processes run does not, so a seed repeats the weather, not each instruction.
//! - Every wait has a deadline and says what was awaited. Processes end with the value that started them.
//! - What a node acknowledged it keeps, through any crash; nodes that can reach each other agree in the end.

pub mod byzantine;
mod fabric;
pub mod hostile;
mod kind;
pub mod kinds;
mod network;
mod rpc;
pub mod scenario;

pub use fabric::{Fabric, Weather, Wire};
pub use kind::{Head, Kind, Place, Port};
pub use network::{Network, Node};
