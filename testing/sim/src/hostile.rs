//! Strangers that come to a port, whatever it speaks.

use std::{
    io::{ErrorKind, Write as _},
    net::{Shutdown, SocketAddr, TcpStream, UdpSocket},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use rand::{Rng as _, RngExt as _, SeedableRng as _, rngs::StdRng};

use crate::kind::Port;

/// Connections, or ports that packets come from, of those that come in numbers.
const CROWD: usize = 1_000;

/// Connections of the others.
const FEW: usize = 16;

/// Bytes of garbage on each connection.
const GARBAGE_BYTES: usize = 64 << 10;

/// Bytes of something that does not end, on each connection.
const ENDLESS_BYTES: usize = 4 << 20;

/// Packets of each of the few: together far above what one address may send.
const PACKETS: usize = 400;

/// Longest packet that is garbage, and what a packet may hold at all, bytes.
const GARBAGE_PACKET_MAX: usize = 1_400;
const PACKET_MAX: usize = 60_000;

/// Time a connection may take to be made.
const PATIENCE: Duration = Duration::from_secs(5);

/// Time a connection has to take what is sent.
const SEND: Duration = Duration::from_millis(100);

/// What a stranger does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// Sends random bytes.
    Garbage,
    /// Begins something and does not go on; of packets, cut off where it hurts.
    Silent,
    /// A thousand connections from one address, or packets from a thousand of its ports.
    Crowd,
    /// Announces a message of gigabytes and begins to send it; of packets, as long as they can be.
    Oversized,
    /// Asks and asks, and reads no answer.
    SlowReader,
}

impl Sort {
    /// All of them.
    pub const ALL: [Self; 5] =
        [Self::Garbage, Self::Silent, Self::Crowd, Self::Oversized, Self::SlowReader];
}

/// Strangers who stay until this is dropped.
#[derive(Debug)]
pub struct Guests {
    streams: Vec<TcpStream>,
    _sockets: Vec<UdpSocket>,
}

impl Drop for Guests {
    fn drop(&mut self) {
        for guest in &self.streams {
            let _ = guest.shutdown(Shutdown::Both);
        }
    }
}

/// Has strangers of a sort come to a port.
///
/// # Errors
///
/// If nobody takes connections there.
pub fn visit(port: Port, sort: Sort, seed: u64) -> Result<Guests> {
    let mut chance = StdRng::seed_from_u64(seed);
    match port {
        Port::Tcp(at) => connect(at, sort, &mut chance),
        Port::Udp(at) => send_packets(at, sort, &mut chance),
    }
}

/// Beginnings of what the ports speak: HTTP, HTTP/2 (gRPC), Bitcoin's envelope, libp2p's choice of a protocol.
fn beginnings() -> Vec<Vec<u8>> {
    let http = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 8000000000\r\n\r\n[";
    // A frame of SETTINGS, then one of DATA as long as a frame can say.
    let http2 = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0\xff\xff\xff\0\0\0\0\0\x01";
    let bitcoin = b"\xfa\xbf\xb5\xdablock\0\0\0\0\0\0\0\xff\xff\xff\xff\0\0\0\0";
    let libp2p = b"\x13/multistream/1.0.0\n\xff\xff\xff\xff\x0f";
    vec![http.to_vec(), http2.to_vec(), bitcoin.to_vec(), libp2p.to_vec()]
}

fn connect(at: SocketAddr, sort: Sort, chance: &mut StdRng) -> Result<Guests> {
    let count = if sort == Sort::Crowd { CROWD } else { FEW };
    let mut streams = Vec::with_capacity(count);
    for _ in 0..count {
        // A port that takes no more of one address has understood.
        let Ok(guest) = TcpStream::connect_timeout(&at, PATIENCE) else { break };
        streams.push(guest);
    }
    ensure!(!streams.is_empty(), "nobody takes connections at {at}");
    let beginnings = beginnings();
    for (number, guest) in streams.iter_mut().enumerate() {
        let beginning = &beginnings[number % beginnings.len()];
        match sort {
            Sort::Garbage => {
                let mut garbage = vec![0; GARBAGE_BYTES];
                chance.fill_bytes(&mut garbage);
                send(guest, &garbage);
            }
            Sort::Silent => send(guest, &beginning[..beginning.len() / 2]),
            Sort::Crowd => {}
            Sort::Oversized => {
                send(guest, beginning);
                send(guest, &vec![0x31; ENDLESS_BYTES]);
            }
            Sort::SlowReader => {
                let ask = b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"rpc.discover\"}";
                let ask = format!(
                    "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{}",
                    ask.len(),
                    String::from_utf8_lossy(ask)
                );
                send(guest, ask.repeat(200).as_bytes());
            }
        }
    }
    Ok(Guests { streams, _sockets: Vec::new() })
}

/// Sends as much as is taken: who is refused half-way has been understood.
fn send(guest: &mut TcpStream, bytes: &[u8]) {
    let until = Instant::now() + SEND;
    let _ = guest.set_nonblocking(true);
    let mut left = bytes;
    while !left.is_empty() && Instant::now() < until {
        match guest.write(left) {
            Ok(0) => return,
            Ok(sent) => left = left.get(sent..).unwrap_or_default(),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                thread::sleep(Duration::from_millis(2));
            }
            Err(_) => return,
        }
    }
}

/// A question of the DHT, by somebody who has another id each time.
fn question(chance: &mut StdRng) -> Vec<u8> {
    let (id, target): ([u8; 20], [u8; 20]) = (chance.random(), chance.random());
    let mut packet = b"d1:ad2:id20:".to_vec();
    packet.extend_from_slice(&id);
    packet.extend_from_slice(b"9:info_hash20:");
    packet.extend_from_slice(&target);
    packet.extend_from_slice(b"e1:q9:get_peers1:t2:aa1:y1:qe");
    packet
}

/// An answer to nothing that was asked, with 200 nodes of one address.
fn made_up_answer(chance: &mut StdRng) -> Vec<u8> {
    let id: [u8; 20] = chance.random();
    let mut packet = b"d1:rd2:id20:".to_vec();
    packet.extend_from_slice(&id);
    packet.extend_from_slice(b"5:nodes5200:");
    for _ in 0..200 {
        let node: [u8; 20] = chance.random();
        packet.extend_from_slice(&node);
        packet.extend_from_slice(&[127, 9, 9, 9, 0x1a, 0xe1]);
    }
    packet.extend_from_slice(b"e1:t2:aa1:y1:re");
    packet
}

fn send_packets(at: SocketAddr, sort: Sort, chance: &mut StdRng) -> Result<Guests> {
    let (count, each) = if sort == Sort::Crowd { (CROWD, 4) } else { (FEW, PACKETS) };
    let mut sockets = Vec::with_capacity(count);
    for _ in 0..count {
        let socket = UdpSocket::bind("127.0.0.1:0")?;
        for number in 0..each {
            let packet = match sort {
                Sort::Garbage => {
                    let mut garbage = vec![0; chance.random_range(0..GARBAGE_PACKET_MAX)];
                    chance.fill_bytes(&mut garbage);
                    garbage
                }
                Sort::Silent => {
                    let mut cut = question(chance);
                    cut.truncate(number % cut.len());
                    cut
                }
                Sort::Oversized => match number % 3 {
                    0 => vec![b'l'; PACKET_MAX],
                    1 => [b"d1:ad2:id9999999999:".as_slice(), &[0x61; PACKET_MAX]].concat(),
                    _ => made_up_answer(chance),
                },
                Sort::Crowd | Sort::SlowReader => question(chance),
            };
            // Nobody answers for packets; those that find no room are gone.
            let _ = socket.send_to(&packet, at);
        }
        sockets.push(socket);
    }
    Ok(Guests { streams: Vec::new(), _sockets: sockets })
}
