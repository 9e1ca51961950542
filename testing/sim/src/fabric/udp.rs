//! Faces of nodes that speak by packets.
//!
//! ```text
//!   node i ──► face of j ── i's by its source, due at a time ── out of the face of i ──► node j
//! ```
//!
//! Everybody knows node j by one address, its face's, also those who were told of it by others. Who a packet is from its source says, so
//! that what arrives at a face leaves by the sender's. Strangers are not carried: they send to the nodes themselves.
//!
//! Faces are at addresses of their own, one to a /24, because nodes limit others by address and by network.

use std::{
    cmp::Reverse,
    collections::BinaryHeap,
    io,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread,
    time::Instant,
};

use super::{PAUSE, Shared, held};

/// Longest packet, bytes.
const PACKET_MAX: usize = 64 << 10;

/// Packets on their way; others are lost, as in a full router.
const PACKETS_AHEAD: usize = 4_096;

/// Most nodes: a face's address has its number in one byte.
const NODES_MAX: usize = 200;

/// A packet on its way, ordered by when it is due.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Packet {
    due: Instant,
    from: usize,
    to: usize,
    bytes: Vec<u8>,
}

#[derive(Debug)]
struct Faces {
    nodes: Vec<SocketAddr>,
    sockets: Vec<UdpSocket>,
    on_the_way: Mutex<BinaryHeap<Reverse<Packet>>>,
    more: Condvar,
}

/// Makes a face for each node; returns where they are.
pub(super) fn faces(nodes: &[SocketAddr], shared: &Arc<Shared>) -> io::Result<Vec<SocketAddr>> {
    if nodes.len() > NODES_MAX {
        return Err(io::Error::other(format!("expected at most {NODES_MAX} nodes")));
    }
    let mut sockets = Vec::new();
    for number in (1_u8..).take(nodes.len()) {
        let socket = UdpSocket::bind((Ipv4Addr::new(127, 1, number, 1), 0))?;
        socket.set_read_timeout(Some(PAUSE * 10))?;
        sockets.push(socket);
    }
    let at = sockets.iter().map(UdpSocket::local_addr).collect::<io::Result<_>>()?;
    let faces = Arc::new(Faces {
        nodes: nodes.to_vec(),
        sockets,
        on_the_way: Mutex::default(),
        more: Condvar::new(),
    });
    for index in 0..nodes.len() {
        let (faces, shared) = (Arc::clone(&faces), Arc::clone(shared));
        thread::spawn(move || faces.take(index, &shared));
    }
    let shared = Arc::clone(shared);
    thread::spawn(move || faces.deliver(&shared));
    Ok(at)
}

impl Faces {
    /// Takes what is sent to a node.
    fn take(&self, to: usize, shared: &Shared) {
        let Some(socket) = self.sockets.get(to) else { return };
        let mut buffer = vec![0; PACKET_MAX];
        while !shared.is_over() {
            // An error is nothing yet: this socket has been bound, and is connected to nobody.
            let Ok((length, source)) = socket.recv_from(&mut buffer) else { continue };
            let Some(from) = self.nodes.iter().position(|node| *node == source) else { continue };
            if shared.is_cut(from, to) {
                continue;
            }
            for due in shared.arrivals() {
                let bytes = buffer.get(..length).unwrap_or_default().to_vec();
                let mut queue = held(&self.on_the_way);
                if queue.len() < PACKETS_AHEAD {
                    queue.push(Reverse(Packet { due, from, to, bytes }));
                    self.more.notify_one();
                }
            }
        }
    }

    /// Sends each packet when it is due.
    fn deliver(&self, shared: &Shared) {
        let mut queue = held(&self.on_the_way);
        while !shared.is_over() {
            let now = Instant::now();
            let wait = match queue.peek() {
                Some(Reverse(next)) if next.due <= now => {
                    if let Some(Reverse(packet)) = queue.pop() {
                        self.send(&packet);
                    }
                    continue;
                }
                Some(Reverse(next)) => next.due - now,
                None => PAUSE * 10,
            };
            let woken = self.more.wait_timeout(queue, wait.min(PAUSE * 10));
            queue = woken.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn send(&self, packet: &Packet) {
        if let (Some(face), Some(node)) = (self.sockets.get(packet.from), self.nodes.get(packet.to))
        {
            let _ = face.send_to(&packet.bytes, node);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::{Fabric, Weather};
    use super::*;

    const SOON: Duration = Duration::from_millis(300);

    fn pair() -> (Vec<UdpSocket>, Fabric) {
        let sockets: Vec<_> = (0..2).map(|_| UdpSocket::bind("127.0.0.1:0").unwrap()).collect();
        let nodes: Vec<_> = sockets.iter().map(|socket| socket.local_addr().unwrap()).collect();
        for socket in &sockets {
            socket.set_read_timeout(Some(SOON)).unwrap();
        }
        (sockets, Fabric::of_packets(&nodes, 1).unwrap())
    }

    #[test]
    fn a_packet_comes_from_the_address_its_sender_is_known_by() {
        let (nodes, fabric) = pair();
        let (first, second) = (fabric.known_to(1)[0], fabric.known_to(0)[0]);
        nodes[0].send_to(b"hello", second).unwrap();
        let mut buffer = [0; 16];
        assert_eq!(nodes[1].recv_from(&mut buffer).unwrap(), (5, first));
        nodes[1].send_to(b"well", first).unwrap();
        assert_eq!(nodes[0].recv_from(&mut buffer).unwrap(), (4, second));
    }

    #[test]
    fn nothing_crosses_a_cut_and_what_is_healed_carries_again() {
        let (nodes, fabric) = pair();
        let second = fabric.known_to(0)[0];
        let mut buffer = [0; 16];
        fabric.part(&[1], &[0]);
        nodes[0].send_to(b"lost", second).unwrap();
        nodes[1].recv_from(&mut buffer).unwrap_err();
        fabric.heal();
        nodes[0].send_to(b"there", second).unwrap();
        assert_eq!(nodes[1].recv_from(&mut buffer).unwrap().0, 5);
    }

    #[test]
    fn packets_are_lost_doubled_and_out_of_order_as_often_as_was_said() {
        let (nodes, fabric) = pair();
        let second = fabric.known_to(0)[0];
        let rough = Weather { lost_per_mille: 500, doubled_per_mille: 500, ..Weather::FOUL };
        fabric.set_weather(rough);
        let mut buffer = [0; 16];
        let mut came = Vec::new();
        for number in 0..200_u8 {
            nodes[0].send_to(&[number], second).unwrap();
        }
        while let Ok((1, _)) = nodes[1].recv_from(&mut buffer) {
            came.push(buffer[0]);
        }
        assert!((100..200).contains(&came.len()), "{} of 150", came.len());
        assert!(!came.is_sorted(), "in order: {came:?}");
        came.sort_unstable();
        came.dedup();
        assert!((70..130).contains(&came.len()), "{} of 100", came.len());
    }
}
