//! Strangers that connect to a port, whatever it speaks.

use std::{
    io::Write as _,
    net::{Shutdown, SocketAddr, TcpStream},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, ensure};
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};

/// Connections of those that come in numbers.
const CROWD: usize = 1_000;

/// Connections of the others.
const FEW: usize = 16;

/// Bytes of garbage on each connection.
const GARBAGE_BYTES: usize = 64 << 10;

/// Bytes of something that does not end, on each connection.
const ENDLESS_BYTES: usize = 4 << 20;

/// Time a connection may take to be made, and to take what is sent.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a stranger does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sort {
    /// Sends random bytes.
    Garbage,
    /// Begins something and does not go on.
    Silent,
    /// A thousand connections from one address.
    Crowd,
    /// Announces a message of gigabytes and begins to send it.
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
pub struct Guests(Vec<TcpStream>);

impl Guests {
    /// How many of them are still connected.
    #[must_use]
    pub fn connected(&self) -> usize {
        let is_there = |guest: &&TcpStream| {
            let _ = guest.set_nonblocking(true);
            let mut byte = [0];
            match guest.peek(&mut byte) {
                Ok(length) => length > 0,
                Err(error) => error.kind() == std::io::ErrorKind::WouldBlock,
            }
        };
        self.0.iter().filter(is_there).count()
    }
}

impl Drop for Guests {
    fn drop(&mut self) {
        for guest in &self.0 {
            let _ = guest.shutdown(Shutdown::Both);
        }
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

/// Has strangers of a sort come to a port.
///
/// # Errors
///
/// If nobody takes connections there.
pub fn visit(at: SocketAddr, sort: Sort, seed: u64) -> Result<Guests> {
    let count = if sort == Sort::Crowd { CROWD } else { FEW };
    let mut guests = Vec::with_capacity(count);
    for _ in 0..count {
        // A port that takes no more of one address has understood.
        let Ok(guest) = TcpStream::connect_timeout(&at, PATIENCE) else { break };
        guest.set_write_timeout(Some(PATIENCE))?;
        guests.push(guest);
    }
    ensure!(!guests.is_empty(), "nobody takes connections at {at}");
    let beginnings = beginnings();
    let mut chance = StdRng::seed_from_u64(seed);
    for (number, guest) in guests.iter_mut().enumerate() {
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
    Ok(Guests(guests))
}

/// Sends as much as is taken: who is refused half-way has been understood.
fn send(guest: &mut TcpStream, bytes: &[u8]) {
    let until = Instant::now() + PATIENCE / 10;
    let _ = guest.set_nonblocking(true);
    let mut left = bytes;
    while !left.is_empty() && Instant::now() < until {
        match guest.write(left) {
            Ok(0) => return,
            Ok(sent) => left = left.get(sent..).unwrap_or_default(),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                thread::sleep(Duration::from_millis(2));
            }
            Err(_) => return,
        }
    }
}
