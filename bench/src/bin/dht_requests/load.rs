//! A closed loop: every source keeps its queries in flight and sends the next when one is answered.
//!
//! ```text
//!   wait for any source ─► receive a batch ─► free its slots ─► fill them ─► send a batch ─┐
//!        ▲                                                                                 │
//!        └──────────────── now and then: what is not answered in time counts as lost ◄─────┘
//! ```
//!
//! One thread serves all sources. Packets travel in batches, so that the loader costs about a third
//! of a server that takes one packet a call.

use std::{
    io::{IoSlice, IoSliceMut},
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    os::fd::{AsFd as _, AsRawFd as _},
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::socket::{MsgFlags, MultiHeaders, recvmmsg, sendmmsg},
};
use quintet_dht_protocol::key::Key;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use serde::Serialize;

use crate::{
    usage,
    wire::{self, Glance, Method, Template},
};

/// Source addresses.
pub(crate) const SOURCES: u8 = 16;

/// Queries one source has in flight.
pub(crate) const IN_FLIGHT: usize = 64;

/// A query not answered in this time is lost; another takes its place.
const LOST_AFTER: Duration = Duration::from_millis(500);

/// Time between two looks for lost queries.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The loader sleeps only after so long without a reply: waking up takes longer than many a reply.
const SLEEP_AFTER: Duration = Duration::from_millis(1);

/// How long it sleeps, at most, in milliseconds.
const SLEEP_MS: u8 = 20;

/// Longest packet read.
const PACKET_MAX: usize = 2_048;

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
struct Tally {
    replies: u64,
    bytes: u64,
    errors: u64,
    lost: u64,
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
    let (before, started) = (usage::of(pid)?, Instant::now());
    drive(&mut sources, &mut batch, &mut tally, seconds)?;
    let (after, elapsed) = (usage::of(pid)?, started.elapsed().as_secs_f64());
    let replies = float(tally.replies);
    let cpu = after.cpu_seconds - before.cpu_seconds;
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
        server_rss_mib: after.rss_mib,
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
    let mut fds: arrayvec::ArrayVec<_, { SOURCES as usize }> = sources
        .iter()
        .map(|source| PollFd::new(source.socket.as_fd(), PollFlags::POLLIN))
        .collect();
    // An interrupted wait is a short one: the next finds what this one missed.
    let _ = poll(&mut fds, patience);
    for (fd, ready) in fds.iter().zip(&mut *ready) {
        *ready = fd.any().unwrap_or(false);
    }
    ready.contains(&true)
}

/// Buffers for one call that reads or writes many packets; all sources share them.
struct Batch {
    incoming: MultiHeaders<()>,
    outgoing: MultiHeaders<()>,
    received: Box<[[u8; PACKET_MAX]; IN_FLIGHT]>,
    lengths: Vec<usize>,
}

impl Batch {
    fn new() -> Self {
        Self {
            // The sockets are connected, so there are no addresses.
            incoming: MultiHeaders::preallocate(IN_FLIGHT, None),
            outgoing: MultiHeaders::preallocate(IN_FLIGHT, None),
            received: Box::new([[0; PACKET_MAX]; IN_FLIGHT]),
            lengths: Vec::with_capacity(IN_FLIGHT),
        }
    }
}

/// One of the queries a source has in flight.
struct Slot {
    template: Template,
    /// Grows with every query, so that a late reply is not taken for that of the next.
    turn: u16,
    sent: Option<Instant>,
}

/// One source address.
struct Source {
    socket: UdpSocket,
    slots: Vec<Slot>,
    /// Slots with a query to send.
    free: Vec<u16>,
    rng: StdRng,
}

impl Source {
    fn new(index: u8, method: Method, server: SocketAddr) -> anyhow::Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::new(127, 2, index, 1), 0))?;
        socket.connect(server).with_context(|| format!("connecting to {server}"))?;
        socket.set_nonblocking(true)?;
        // In the first bucket of about half of the servers, and of no more than one in thousands close.
        let template = Template::new(method, Key::new([index.wrapping_mul(16); Key::LEN]))?;
        let slot = || Slot { template: template.clone(), turn: 0, sent: None };
        Ok(Self {
            socket,
            slots: core::iter::repeat_with(slot).take(IN_FLIGHT).collect(),
            free: (0..u16::try_from(IN_FLIGHT)?).collect(),
            rng: StdRng::seed_from_u64(index.into()),
        })
    }

    /// Reads what has come and frees the slots of what was answered.
    fn receive(&mut self, batch: &mut Batch, tally: &mut Tally) -> anyhow::Result<()> {
        let Batch { incoming, received, lengths, .. } = batch;
        lengths.clear();
        {
            // An array: the call borrows it for as long as it lives, which nothing with a destructor
            // allows.
            let mut slices = received.each_mut().map(|bytes| [IoSliceMut::new(bytes)]);
            let (fd, flags) = (self.socket.as_raw_fd(), MsgFlags::MSG_DONTWAIT);
            match recvmmsg(fd, incoming, slices.iter_mut(), flags, None) {
                Ok(messages) => lengths.extend(messages.map(|message| message.bytes)),
                Err(Errno::EAGAIN | Errno::EINTR) => return Ok(()),
                Err(error) => return Err(error).context("reading: is the server still running?"),
            }
        }
        for (packet, length) in received.iter().zip(lengths) {
            let packet = &packet[..*length];
            match wire::glance(packet) {
                Glance::Response(tid) if self.free_slot(tid) => tally.count(packet)?,
                Glance::Error => tally.errors += 1,
                // Too late, or the server asks us; it will find us silent.
                Glance::Response(_) | Glance::Other => {}
            }
        }
        Ok(())
    }

    /// Frees the slot whose query has this transaction id, unless it has been given up.
    fn free_slot(&mut self, tid: u32) -> bool {
        let [turn_high, turn_low, index_high, index_low] = tid.to_be_bytes();
        let index = u16::from_be_bytes([index_high, index_low]);
        let Some(slot) = self.slots.get_mut(usize::from(index)) else { return false };
        if slot.sent.is_none() || slot.turn != u16::from_be_bytes([turn_high, turn_low]) {
            return false;
        }
        slot.sent = None;
        self.free.push(index);
        true
    }

    /// Frees the slots whose queries are lost.
    fn give_up(&mut self, now: Instant, tally: &mut Tally) {
        for (slot, index) in self.slots.iter_mut().zip(0_u16..) {
            if slot.sent.is_some_and(|sent| now - sent > LOST_AFTER) {
                slot.sent = None;
                tally.lost += 1;
                self.free.push(index);
            }
        }
    }

    /// Sends a query for every free slot, or for as many as the socket takes now.
    fn send(&mut self, batch: &mut Batch) -> anyhow::Result<()> {
        if self.free.is_empty() {
            return Ok(());
        }
        let now = Instant::now();
        for index in &self.free {
            let slot = &mut self.slots[usize::from(*index)];
            slot.turn = slot.turn.wrapping_add(1);
            let mut target = [0; Key::LEN];
            self.rng.fill_bytes(&mut target);
            slot.template.fill(u32::from(slot.turn) << 16 | u32::from(*index), &target);
            slot.sent = Some(now);
        }
        let slices: arrayvec::ArrayVec<_, IN_FLIGHT> = self
            .free
            .iter()
            .map(|index| [IoSlice::new(self.slots[usize::from(*index)].template.bytes())])
            .collect();
        let unaddressed = [None; IN_FLIGHT];
        let (fd, flags) = (self.socket.as_raw_fd(), MsgFlags::MSG_DONTWAIT);
        let sent = match sendmmsg(fd, &mut batch.outgoing, slices.iter(), unaddressed, [], flags) {
            Ok(sent) => sent.count(),
            Err(Errno::EAGAIN | Errno::EINTR | Errno::ENOBUFS) => 0,
            Err(error) => {
                return Err(error).context("writing: is the server still running?");
            }
        };
        drop(slices);
        for index in self.free.drain(..sent) {
            debug_assert!(self.slots[usize::from(index)].sent.is_some());
        }
        for index in &self.free {
            self.slots[usize::from(*index)].sent = None;
        }
        Ok(())
    }
}

impl Tally {
    fn count(&mut self, packet: &[u8]) -> anyhow::Result<()> {
        self.replies += 1;
        self.bytes += packet.len() as u64;
        if self.replies % READ_ONE_IN == 0 {
            self.read += 1;
            self.nodes += wire::contacts_in(packet)? as u64;
        }
        Ok(())
    }
}
