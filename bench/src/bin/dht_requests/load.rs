//! A closed loop: every source keeps its queries in flight and sends the next when one is answered.
//!
//! ```text
//!   wait for any source ─► receive a batch ─► free its slots ─► fill them ─► send a batch ─┐
//!        ▲                                                                                 │
//!        └──────────────── now and then: what is not answered in time counts as lost ◄─────┘
//! ```
//!
//! One thread serves all sources ([`crate::source`]).

use std::{
    net::SocketAddr,
    time::{Duration, Instant},
};

use anyhow::ensure;
use bench::process::Process;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use serde::Serialize;

use crate::{
    source::{Batch, Source},
    wire::{self, Method},
};

/// Source addresses.
pub(crate) const SOURCES: u8 = 16;

/// Time between two looks for lost queries.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The loader sleeps only after so long without a reply: waking up takes longer than many a reply.
const SLEEP_AFTER: Duration = Duration::from_millis(1);

/// How long it sleeps, at most, in milliseconds.
const SLEEP_MS: u8 = 20;

/// One reply of so many is read in full.
const READ_ONE_IN: u64 = 61;

/// What one method of one server came to.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Measured {
    pub(crate) method: Method,
    pub(crate) seconds: f64,
    pub(crate) replies: u64,
    pub(crate) errors: u64,
    pub(crate) lost: u64,
    pub(crate) replies_per_second: f64,
    pub(crate) reply_bytes: f64,
    pub(crate) nodes_per_reply: f64,
    pub(crate) server_cpu_seconds_per_100k: f64,
    pub(crate) server_cores: f64,
    pub(crate) server_rss_mib: f64,
}

/// Counts of one run.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Tally {
    replies: u64,
    bytes: u64,
    pub(crate) errors: u64,
    pub(crate) lost: u64,
    read: u64,
    nodes: u64,
}

/// Asks `server`, process `pid`, by one method for `seconds` after `warm_up`.
pub(crate) fn run(
    method: Method,
    (server, pid): (SocketAddr, u32),
    warm_up: Duration,
    seconds: Duration,
) -> anyhow::Result<Measured> {
    let mut sources: Vec<Source> = (0..SOURCES)
        .map(|index| Source::new(index, method, server))
        .collect::<anyhow::Result<_>>()?;
    let mut batch = Batch::new();
    let mut tally = Tally::default();
    drive(&mut sources, &mut batch, &mut tally, warm_up)?;
    ensure!(tally.replies > 0, "no reply to any {} in {warm_up:?}", method.name());

    tally = Tally::default();
    let server = Process::numbered(pid);
    let (before, started) = (server.cpu_seconds()?, Instant::now());
    drive(&mut sources, &mut batch, &mut tally, seconds)?;
    let (after, elapsed) = (server.cpu_seconds()?, started.elapsed().as_secs_f64());
    let replies = float(tally.replies);
    let cpu = after - before;
    Ok(Measured {
        method,
        seconds: elapsed,
        replies: tally.replies,
        errors: tally.errors,
        lost: tally.lost,
        replies_per_second: replies / elapsed,
        reply_bytes: float(tally.bytes) / replies,
        nodes_per_reply: float(tally.nodes) / float(tally.read),
        server_cpu_seconds_per_100k: cpu / replies * 1e5,
        server_cores: cpu / elapsed,
        server_rss_mib: server.rss_mib()?,
    })
}

/// Counts stay far below 2^53, where this is exact.
#[expect(clippy::cast_precision_loss, reason = "counts of packets of seconds")]
fn float(count: u64) -> f64 {
    count as f64
}

fn drive(
    sources: &mut [Source],
    batch: &mut Batch,
    tally: &mut Tally,
    time: Duration,
) -> anyhow::Result<()> {
    let started = Instant::now();
    let (mut looked, mut heard) = (started, started);
    let mut ready = [true; SOURCES as usize];
    loop {
        for (source, _) in sources.iter_mut().zip(ready).filter(|(_, ready)| *ready) {
            source.receive(batch, tally)?;
            source.send(batch)?;
        }
        let now = Instant::now();
        if now - started >= time {
            return Ok(());
        }
        if now - looked >= LOOK_EVERY {
            looked = now;
            for source in &mut *sources {
                source.give_up(looked, tally);
                source.send(batch)?;
            }
        }
        let patience =
            if now - heard < SLEEP_AFTER { PollTimeout::ZERO } else { PollTimeout::from(SLEEP_MS) };
        if wait(sources, &mut ready, patience) {
            heard = now;
        }
    }
}

/// Finds out which sources have something to read, and returns whether any has.
fn wait(sources: &[Source], ready: &mut [bool], patience: PollTimeout) -> bool {
    let mut fds: arrayvec::ArrayVec<_, { SOURCES as usize }> =
        sources.iter().map(|source| PollFd::new(source.as_fd(), PollFlags::POLLIN)).collect();
    // An interrupted wait is a short one: the next finds what this one missed.
    let _ = poll(&mut fds, patience);
    for (fd, ready) in fds.iter().zip(&mut *ready) {
        *ready = fd.any().unwrap_or(false);
    }
    ready.contains(&true)
}

impl Tally {
    /// Counts a reply.
    pub(crate) fn count(&mut self, packet: &[u8]) -> anyhow::Result<()> {
        self.replies += 1;
        self.bytes += packet.len() as u64;
        if self.replies.is_multiple_of(READ_ONE_IN) {
            self.read += 1;
            self.nodes += wire::contacts_in(packet)? as u64;
        }
        Ok(())
    }
}
