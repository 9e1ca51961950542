//! A UDP socket that asks one question at a time.

use std::{
    io::ErrorKind,
    net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};

use super::Bencode;
use crate::{dict, peer::Id};

/// How long an answer may take. Loopback loses nothing; a machine at work may be late.
const PATIENCE: Duration = Duration::from_secs(10);

/// Longest datagram read, in bytes; beyond what any of the codecs sends.
const DATAGRAM_MAX: usize = 4_096;

/// A bare KRPC client.
#[derive(Debug)]
pub struct Raw {
    socket: UdpSocket,
    /// The node id it gives.
    pub id: Id,
    asked: u16,
}

/// An answer or an error, whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The outer dictionary.
    pub message: Bencode,
    /// Bytes of the datagram.
    pub size: usize,
}

impl Raw {
    /// Binds a socket at `ip`.
    ///
    /// # Errors
    ///
    /// If it cannot be bound.
    pub fn bind(ip: Ipv4Addr) -> Result<Self> {
        let socket = UdpSocket::bind((ip, 0)).with_context(|| format!("binding {ip}"))?;
        Ok(Self { socket, id: *b"raw packets by hand.", asked: 0 })
    }

    /// Returns the address of the socket.
    ///
    /// # Errors
    ///
    /// If the system does not know it.
    pub fn addr(&self) -> Result<SocketAddrV4> {
        match self.socket.local_addr()? {
            SocketAddr::V4(addr) => Ok(addr),
            SocketAddr::V6(addr) => bail!("expected an IPv4 address, got {addr}"),
        }
    }

    /// Asks `method` with `arguments` and this client's id, with a transaction id of two bytes.
    ///
    /// # Errors
    ///
    /// If no answer comes.
    pub fn ask(&mut self, to: SocketAddrV4, method: &str, arguments: Bencode) -> Result<Reply> {
        let arguments =
            if arguments.get("id").is_some() { arguments } else { arguments.with("id", self.id) };
        self.asked += 1;
        let tid = self.asked.to_be_bytes();
        self.ask_message(to, &dict! { "a" => arguments, "q" => method, "t" => tid, "y" => "q" })
    }

    /// Sends a whole message and waits for what carries its transaction id.
    ///
    /// # Errors
    ///
    /// If no answer comes, or one that is not strictly bencoded or comes from elsewhere.
    pub fn ask_message(&self, to: SocketAddrV4, message: &Bencode) -> Result<Reply> {
        self.send(to, &message.encode())?;
        let tid = message.get("t").context("a message without transaction id")?;
        self.receive(to, tid)?.with_context(|| format!("{to} did not answer {message:?}"))
    }

    /// Sends bytes.
    ///
    /// # Errors
    ///
    /// If the system refuses.
    pub fn send(&self, to: SocketAddrV4, packet: &[u8]) -> Result<()> {
        self.socket.send_to(packet, to).with_context(|| format!("sending to {to}"))?;
        Ok(())
    }

    /// Waits until somebody asks this client something, for at most `patience`.
    ///
    /// # Errors
    ///
    /// If the socket fails or the packet is not strictly bencoded.
    pub fn is_asked(&self, patience: Duration) -> Result<bool> {
        self.next(patience, |_, message| message.get("y") == Some(&"q".into()))
            .map(|query| query.is_some())
    }

    /// Waits for the answer to `tid`; other packets, such as the node's own pings, are passed over.
    fn receive(&self, from: SocketAddrV4, tid: &Bencode) -> Result<Option<Reply>> {
        self.next(PATIENCE, |sender, message| {
            let is_answer = message.get("y").is_some_and(|kind| *kind != Bencode::from("q"));
            sender == from.into() && is_answer && message.get("t") == Some(tid)
        })
    }

    /// Waits for the first packet that is wanted; others are passed over.
    fn next(
        &self,
        patience: Duration,
        wanted: impl Fn(SocketAddr, &Bencode) -> bool,
    ) -> Result<Option<Reply>> {
        let deadline = Instant::now() + patience;
        let mut buffer = [0; DATAGRAM_MAX];
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(None);
            }
            self.socket.set_read_timeout(Some(left))?;
            let (size, sender) = match self.socket.recv_from(&mut buffer) {
                Ok(received) => received,
                Err(error)
                    if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) =>
                {
                    continue;
                }
                Err(error) => return Err(error.into()),
            };
            let packet = &buffer[..size];
            let message = Bencode::decode(packet)
                .with_context(|| format!("from {sender}: {}", packet.escape_ascii()))?;
            if wanted(sender, &message) {
                return Ok(Some(Reply { message, size }));
            }
        }
    }
}

impl Reply {
    /// Returns the answer's dictionary.
    ///
    /// # Errors
    ///
    /// If it is an error.
    pub fn answer(&self) -> Result<&Bencode> {
        ensure!(self.message.get("y") == Some(&"r".into()), "expected an answer, got {self:?}");
        self.message.get("r").with_context(|| format!("an answer without r: {self:?}"))
    }

    /// Returns the error's code.
    ///
    /// # Errors
    ///
    /// If it is no error of a code and a text.
    pub fn refusal(&self) -> Result<i64> {
        ensure!(self.message.get("y") == Some(&"e".into()), "expected an error, got {self:?}");
        match self.message.get("e").and_then(Bencode::as_list) {
            Some([Bencode::Int(code), Bencode::Bytes(_)]) => Ok(*code),
            _ => bail!("expected a code and a text, got {self:?}"),
        }
    }

    /// Returns the bytes of a field of the answer.
    ///
    /// # Errors
    ///
    /// If it is an error or has no such field.
    pub fn bytes(&self, field: &str) -> Result<&[u8]> {
        let bytes = self.answer()?.get(field).and_then(Bencode::as_bytes);
        bytes.with_context(|| format!("expected bytes in {field}, got {self:?}"))
    }
}
