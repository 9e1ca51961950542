//! The async runtimes: one thread for a call to a node, several for running nodes.

use std::{future::Future, time::Duration};

use anyhow::Context as _;
use tokio::runtime::{Builder, Runtime};

/// Time for what blocks (a disk write, a name look-up) once everything else has ended.
const LAST_GRACE: Duration = Duration::from_millis(500);

/// Time a thread for what blocks stays without work. They are woken in turn, so each of those a burst has made is woken again within seconds,
/// and with the usual ten none of them would ever end; each keeps its stack and what its allocator holds for it.
const IDLE_MAX: Duration = Duration::from_millis(100);

/// A runtime that does not outlive what it runs by more than [`LAST_GRACE`].
#[derive(Debug)]
pub(crate) struct Threads(Runtime);

/// For a call or two.
pub(crate) fn one_thread() -> anyhow::Result<Threads> {
    build(&mut Builder::new_current_thread())
}

/// For nodes.
pub(crate) fn many_threads() -> anyhow::Result<Threads> {
    build(Builder::new_multi_thread().thread_keep_alive(IDLE_MAX))
}

fn build(builder: &mut Builder) -> anyhow::Result<Threads> {
    builder.enable_all().build().map(Threads).context("cannot start the async runtime")
}

impl Threads {
    pub(crate) fn run<T>(self, what: impl Future<Output = T>) -> T {
        let outcome = self.0.block_on(what);
        self.0.shutdown_timeout(LAST_GRACE);
        outcome
    }
}
