//! One source address of the loader, and the queries it has in flight.
//!
//! Packets travel in batches, so that the loader costs less than a server that takes one packet a call.

use std::{
    io::{IoSlice, IoSliceMut},
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    os::fd::{AsFd as _, AsRawFd as _, BorrowedFd},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use nix::{
    errno::Errno,
    sys::socket::{MsgFlags, MultiHeaders, recvmmsg, sendmmsg},
};
use quintet_dht_protocol::key::Key;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};

use crate::{
    load::Tally,
    wire::{self, Glance, Method, Template},
};

/// Queries one source has in flight.
pub(crate) const IN_FLIGHT: usize = 64;

/// A query not answered in this time is lost; another takes its place.
const LOST_AFTER: Duration = Duration::from_millis(500);

/// Longest packet read.
const PACKET_MAX: usize = 2_048;

/// Buffers for one call that reads or writes many packets; all sources share them.
pub(crate) struct Batch {
    incoming: MultiHeaders<()>,
    outgoing: MultiHeaders<()>,
    received: Box<[[u8; PACKET_MAX]; IN_FLIGHT]>,
    lengths: Vec<usize>,
}

impl Batch {
    /// Makes buffers for as many packets as one source has in flight.
    pub(crate) fn new() -> Self {
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
pub(crate) struct Source {
    socket: UdpSocket,
    slots: Vec<Slot>,
    /// Slots with a query to send.
    free: Vec<u16>,
    rng: StdRng,
}

impl Source {
    /// Binds source `index` to 127.2.`index`.1.
    pub(crate) fn new(index: u8, method: Method, server: SocketAddr) -> anyhow::Result<Self> {
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

    /// Returns the socket, to wait for.
    pub(crate) fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }

    /// Reads what has come and frees the slots of what was answered.
    pub(crate) fn receive(&mut self, batch: &mut Batch, tally: &mut Tally) -> anyhow::Result<()> {
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
    pub(crate) fn give_up(&mut self, now: Instant, tally: &mut Tally) {
        for (slot, index) in self.slots.iter_mut().zip(0_u16..) {
            if slot.sent.is_some_and(|sent| now - sent > LOST_AFTER) {
                slot.sent = None;
                tally.lost += 1;
                self.free.push(index);
            }
        }
    }

    /// Sends a query for every free slot, or for as many as the socket takes now.
    pub(crate) fn send(&mut self, batch: &mut Batch) -> anyhow::Result<()> {
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
        self.free.drain(..sent);
        for index in &self.free {
            self.slots[usize::from(*index)].sent = None;
        }
        Ok(())
    }
}
