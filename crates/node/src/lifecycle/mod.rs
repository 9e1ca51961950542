//! Lifecycle: starting a node of any kind, and stopping all of them in order.
//!
//! ```text
//!   Box<dyn NodeKind>::start(NodeContext) ──► RunningNode { endpoints, supervisor task }
//!                                                   │
//!   run_until_shutdown: wait for SIGTERM / SIGINT, or for a node to end by itself
//!                                                   │
//!   health drains ──► nodes stop, last started first ──► RunReport
//!                                                   │
//!           deadline: the rest is told at once, then aborted · second signal: return at once
//! ```
//!
//! # Invariants
//!
//! - A node's data directory stays locked until its last task has ended.
//! - The shutdown ends [`LAST_GRACE`] after the deadline at the latest, whatever a node does, and at
//!   once on a second signal.

mod kind;
mod run;
mod signals;

pub use kind::{Endpoint, NodeContext, NodeError, NodeKind, RunningNode};
pub use run::{LAST_GRACE, NodeStop, RunReport, StopCause, StopOutcome, run_until_shutdown};
pub use signals::Signals;
