//! `quintet up`: a whole local network in one process, with a page to watch it.
//!
//! ```text
//!   network   16 nodes on 127.0.0.1, UDP among themselves ──► event bus, status
//!                                                                   │
//!   bitcoin   2 nodes on regtest, each other's peers, with Core's RPC
//!   kaspa     2 nodes on a devnet, miners that find ten blocks a second, wRPC ──► DAG, pool
//!   lux       4 validators over libp2p, each served over HTTP ──► slots, votes, blocks, pool
//!   rollup    a sequencer and a verifier, with lux as their L1 ──► heads
//!                                                                   │
//!   traffic   puts and looks up, sends transactions                 ▼
//!                                                       feed ──► dashboard ──► browsers
//!   check     instead of the page: does each kind do its job? one line each, status 0 or 1
//! ```
//!
//! # Invariants
//!
//! - Nothing listens beyond loopback.
//! - Everything ends within [`STOP_DEADLINE`] of the first signal and at once at the second.
//! - Without `--data-dir`, nothing stays on disk.

mod accounts;
mod announce;
mod bitcoin;
mod bursts;
mod check;
mod evm;
mod feed;
mod kaspa;
mod live;
mod lux;
mod network;
mod rollup;
mod traffic;

use std::{
    num::{NonZeroU8, NonZeroUsize},
    time::Duration,
};

use quintet_dashboard::DashboardError;
use quintet_node::memory;

use crate::{
    cli::{KINDS, UpArgs},
    commands::no_such_kind,
    exit::UsageError,
    runtime,
};

/// Time everything has to stop in order; then it is aborted.
const STOP_DEADLINE: Duration = Duration::from_secs(10);

/// Heaps that all threads share: there are more than a hundred, which have little to do.
const HEAPS: NonZeroU8 = NonZeroU8::MIN.saturating_add(1);

/// What is mapped by itself, bytes: the columns of a DAG double until they are as long as it is deep, and are built anew when it is pruned.
const LARGE_BYTES: i32 = 128 << 10;

/// Events of all nodes kept for a slow listener.
const EVENTS_KEPT: NonZeroUsize = NonZeroUsize::MIN.saturating_add(16_383);

/// Whether a kind is wanted: asked for, or what one that is asked for stands on.
fn wants(args: &UpArgs, kind: &str) -> bool {
    let is_asked = |kind: &str| args.kinds.iter().any(|wanted| wanted == kind);
    is_asked(kind) || (kind == "lux" && is_asked("rollup"))
}

/// Runs the network until it is told to stop, or checks it.
pub(crate) fn run(args: UpArgs) -> anyhow::Result<()> {
    for kind in &args.kinds {
        if !KINDS.contains(&kind.as_str()) {
            return Err(no_such_kind(kind).into());
        }
    }
    if let Some(actual) = args.dashboard.filter(|listen| !listen.ip().is_loopback()) {
        return Err(UsageError::new(DashboardError::NotLoopback { actual }.to_string()).into());
    }
    memory::share_heaps(HEAPS);
    memory::keep_large_apart(LARGE_BYTES);
    if args.check {
        runtime::many_threads()?.run(check::run(args))
    } else {
        runtime::many_threads()?.run(live::run(args))
    }
}
