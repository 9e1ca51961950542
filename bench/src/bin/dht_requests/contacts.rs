//! The contacts every server starts with: sockets of our own that answer as DHT nodes do.
//!
//! Contact `i` lies in bucket `i / 8` of the table of whoever asks it, for its id is made from the
//! asker's. So all servers hold the same number of contacts, spread as in a network of millions, and
//! none has to be told its id beforehand.

use std::{
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    os::fd::AsFd as _,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Context as _, ensure};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use quintet_dht_protocol::{
    codec::krpc,
    contact::Contact,
    key::Key,
    message::{Body, Message, Request, Response, Token},
};
use rand::{SeedableRng as _, rngs::StdRng};

use crate::wire;

/// Contacts in one bucket, and in one answer.
const BUCKET: usize = 8;

/// Most contacts, by the addresses they are given.
pub(crate) const COUNT_MAX: usize = 1_000;

const PORT: u16 = 6_881;

/// How long a server may take to know all contacts.
const FILL_MAX: Duration = Duration::from_secs(60);

/// How long nothing may change before the table counts as filled as far as it goes.
const FILL_QUIET: Duration = Duration::from_secs(8);

/// Sockets that answer, on a thread of their own.
#[derive(Debug)]
pub(crate) struct Contacts {
    sockets: Arc<Vec<UdpSocket>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Contacts {
    /// Binds `count` contacts to 127.3.x.y and lets them answer.
    pub(crate) fn start(count: usize) -> anyhow::Result<Self> {
        ensure!(count <= COUNT_MAX, "expected at most {COUNT_MAX} contacts, got {count}");
        let bind = |index: usize| {
            let addr = address(index)?;
            let socket = UdpSocket::bind(addr).with_context(|| format!("binding {addr}"))?;
            socket.set_nonblocking(true)?;
            Ok(socket)
        };
        let sockets: Arc<Vec<_>> = Arc::new((0..count).map(bind).collect::<anyhow::Result<_>>()?);
        let stop = Arc::new(AtomicBool::new(false));
        let thread = thread::Builder::new().name("contacts".into()).spawn({
            let (sockets, stop) = (Arc::clone(&sockets), Arc::clone(&stop));
            move || answer_all(&sockets, &stop)
        })?;
        Ok(Self { sockets, stop, thread: Some(thread) })
    }

    /// Returns the contacts' addresses.
    pub(crate) fn addresses(&self) -> anyhow::Result<Vec<SocketAddr>> {
        self.sockets.iter().map(|socket| Ok(socket.local_addr()?)).collect()
    }

    /// Makes the contacts known to `server`, and returns how many of them it names when asked for
    /// their neighbourhood.
    pub(crate) fn introduce(&self, server: SocketAddr) -> anyhow::Result<usize> {
        let probe = UdpSocket::bind((Ipv4Addr::new(127, 3, 255, 1), 0))?;
        probe.connect(server)?;
        probe.set_read_timeout(Some(Duration::from_millis(250)))?;
        let started = Instant::now();
        let (mut known, mut grown) = (0, started);
        loop {
            let id = self.server_id(&probe, started)?;
            let contacts = ids(id, self.sockets.len())?;
            let named = contacts.iter().filter(|contact| names(&probe, contact)).count();
            if named > known {
                (known, grown) = (named, Instant::now());
            }
            let settled = grown.elapsed() > FILL_QUIET && named == known;
            if named == contacts.len() || settled || started.elapsed() > FILL_MAX {
                return Ok(named);
            }
            for (socket, contact) in self.sockets.iter().zip(&contacts) {
                let ping = wire::query(contact.id, 1, Request::Ping)?;
                // A full buffer or a server that is not there yet: the next round asks again.
                let _ = socket.send_to(&ping, server);
            }
            thread::sleep(Duration::from_millis(250));
        }
    }

    fn server_id(&self, probe: &UdpSocket, started: Instant) -> anyhow::Result<Key> {
        loop {
            if let Some(response) = ask(probe, Request::Ping) {
                return Ok(response.sender);
            }
            ensure!(started.elapsed() < FILL_MAX, "the server answers no ping");
        }
    }
}

impl Drop for Contacts {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A panic there has been printed already.
            let _ = thread.join();
        }
    }
}

fn address(index: usize) -> anyhow::Result<SocketAddr> {
    /// Contacts in one /24.
    const PER_NETWORK: usize = 200;
    let network = u8::try_from(index / PER_NETWORK)?;
    let host = u8::try_from(index % PER_NETWORK + 1)?;
    Ok(SocketAddr::from((Ipv4Addr::new(127, 3, network, host), PORT)))
}

/// Returns the contacts as the node `asker` sees them.
fn ids(asker: Key, count: usize) -> anyhow::Result<Vec<Contact>> {
    let mut rng = StdRng::seed_from_u64(0);
    (0..count)
        .map(|index| Ok(Contact::new(asker.random_at(index / BUCKET, &mut rng), address(index)?)))
        .collect()
}

/// Returns whether the server names the contact to somebody who asks for its neighbourhood.
fn names(probe: &UdpSocket, contact: &Contact) -> bool {
    let response = ask(probe, Request::FindNode { target: contact.id });
    response.and_then(|response| response.nodes).is_some_and(|nodes| nodes.contains(contact))
}

fn ask(probe: &UdpSocket, request: Request) -> Option<Response> {
    const TID: u32 = 2;
    let sender = Key::new([0x80; Key::LEN]);
    probe.send(&wire::query(sender, TID, request).ok()?).ok()?;
    let mut buffer = [0; 4_096];
    loop {
        let length = probe.recv(&mut buffer).ok()?;
        let Ok(Message { tid, body: Body::Response(response), .. }) =
            krpc::decode(&buffer[..length])
        else {
            continue;
        };
        if tid.as_u32() == Some(TID) {
            return Some(response);
        }
    }
}

fn answer_all(sockets: &[UdpSocket], stop: &AtomicBool) {
    let timeout = PollTimeout::from(200_u8);
    let mut fds: Vec<_> =
        sockets.iter().map(|socket| PollFd::new(socket.as_fd(), PollFlags::POLLIN)).collect();
    let mut buffer = [0; 4_096];
    let mut seen = (Key::default(), Vec::new());
    while !stop.load(Ordering::Relaxed) {
        // An interrupted wait is a short one.
        let _ = poll(&mut fds, timeout);
        for (index, socket) in sockets.iter().enumerate() {
            if fds[index].any() == Some(false) {
                continue;
            }
            while let Ok((length, from)) = socket.recv_from(&mut buffer) {
                if let Some(reply) = answer(index, sockets.len(), &buffer[..length], &mut seen) {
                    let _ = socket.send_to(&reply, from);
                }
            }
        }
    }
}

/// Answers a query as contact `index`; `seen` keeps the contacts as the last asker sees them.
fn answer(
    index: usize,
    count: usize,
    packet: &[u8],
    seen: &mut (Key, Vec<Contact>),
) -> Option<Vec<u8>> {
    let Message { tid, body: Body::Query(query), .. } = krpc::decode(packet).ok()? else {
        return None;
    };
    if seen.0 != query.sender || seen.1.is_empty() {
        *seen = (query.sender, ids(query.sender, count).ok()?);
    }
    let contacts = &seen.1;
    let mut response = Response { sender: contacts.get(index)?.id, ..Response::default() };
    let target = match query.request {
        Request::FindNode { target } | Request::Sample { target } => Some(target),
        Request::FindValue { key, .. } => {
            response.token = Some(Token::from_bytes([7; 8]));
            Some(key)
        }
        Request::Ping | Request::Store { .. } | Request::Unknown { .. } => None,
    };
    response.nodes = target.map(|target| {
        let mut nodes = contacts.clone();
        nodes.sort_by_key(|contact| contact.id.distance(target));
        nodes.truncate(BUCKET);
        nodes
    });
    wire::encode(tid, Body::Response(response)).ok()
}
