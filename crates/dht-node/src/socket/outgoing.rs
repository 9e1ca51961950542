//! Packets that wait because the system's send buffer is full.

use std::{collections::VecDeque, net::SocketAddr};

use quintet_dht_protocol::dht::Packet;

use super::{
    status::Drops,
    udp::{Sent, Sockets},
};

/// Packets that may wait, at most about 1.5 KB each. What more there is is lost: the askers will ask
/// again, and old answers are worth less than new ones.
const WAITING_MAX: usize = 1_024;

/// Sends in order, and keeps what has to wait.
#[derive(Debug, Default)]
pub(super) struct Outgoing(VecDeque<Packet>);

impl Outgoing {
    /// Returns where the first packet that waits is to go.
    pub(super) fn first(&self) -> Option<SocketAddr> {
        self.0.front().map(|packet| packet.to)
    }

    /// Sends `packet`, or lines it up behind those that wait.
    pub(super) fn send(&mut self, packet: Packet, sockets: &Sockets, drops: &mut Drops) {
        if self.0.is_empty() {
            match sockets.try_send(&packet) {
                Sent::Yes => return,
                Sent::Never => {
                    drops.unsendable += 1;
                    return;
                }
                Sent::Later => {}
            }
        }
        if self.0.len() < WAITING_MAX {
            self.0.push_back(packet);
        } else {
            drops.send_queue_full += 1;
        }
    }

    /// Sends what waits, until the buffer is full again.
    pub(super) fn flush(&mut self, sockets: &Sockets, drops: &mut Drops) {
        while let Some(packet) = self.0.front() {
            match sockets.try_send(packet) {
                Sent::Yes => {}
                Sent::Never => drops.unsendable += 1,
                Sent::Later => return,
            }
            self.0.pop_front();
        }
    }
}
