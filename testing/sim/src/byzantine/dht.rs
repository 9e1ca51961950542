//! Nodes of the DHT that answer with lies.

use std::{
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use interop::{Binary, lab};
use quintet_dht_protocol::{
    codec::{self, Codec},
    contact::Contact,
    key::Key,
    message::{
        Body, FoundValue, Item, Message, NetworkId, Query, Request, Response, StoreValue, Token,
        TransactionId, ValueKind, Want,
    },
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};

use super::Memory;
use crate::{kind::Kind as _, kinds::Dht, network::Network};

/// Liars of a sort, each at an address of its own. With honest nodes they are one more than a record has holders, so that of these one at
/// most lies in the place of an honest one.
const LIARS: u8 = 4;

/// Time between two questions of a liar, by which nodes come to know it.
const ASK_EVERY: Duration = Duration::from_millis(200);

/// Longest wait for a packet.
const WAIT: Duration = Duration::from_millis(20);

/// Pieces of work while liars of a sort are there.
const WORK: usize = 5;

/// Lies that a sort must have told before it goes.
const LIES: usize = 20;

/// What a node lies about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lie {
    /// It names contacts that are nowhere.
    Inventor,
    /// It names one address that never asked for it, under ever new ids.
    Accuser,
    /// It says that it has what it has not, and gives something else.
    Poisoner,
    /// It answers under another id each time.
    Shapeshifter,
    /// It acknowledges what it does not keep, and knows nobody.
    Forgetter,
}

impl Lie {
    const ALL: [Self; 5] =
        [Self::Inventor, Self::Accuser, Self::Poisoner, Self::Shapeshifter, Self::Forgetter];
}

/// A liar, until it is dropped.
struct Liar {
    ended: Arc<AtomicBool>,
    told: Arc<AtomicUsize>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Liar {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// What a liar works with.
struct Means {
    lie: Lie,
    socket: UdpSocket,
    id: Key,
    chance: StdRng,
    nodes: Vec<SocketAddr>,
    victim: SocketAddr,
}

fn message(tid: TransactionId, body: Body) -> Message {
    let network = NetworkId::BITTORRENT;
    Message { tid, network, version: None, read_only: false, observed: None, body }
}

fn packet(message: &Message) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Whatever cannot be encoded is not sent.
    if codec::encode(Codec::Krpc, message, &mut bytes).is_err() {
        bytes.clear();
    }
    bytes
}

impl Means {
    fn contacts(&mut self) -> Vec<Contact> {
        let contact = |_| {
            let nowhere = SocketAddr::from(([127, 66, self.chance.random(), 1], 1));
            let at = if self.lie == Lie::Accuser { self.victim } else { nowhere };
            Contact::new(Key::random(&mut self.chance), at)
        };
        (0..8).map(contact).collect()
    }

    /// What it answers to a question.
    fn answer(&mut self, query: &Query) -> Response {
        let shifts = self.lie == Lie::Shapeshifter;
        let sender = if shifts { Key::random(&mut self.chance) } else { self.id };
        let mut response = Response { sender, ..Response::default() };
        match query.request {
            Request::Ping | Request::Store { .. } => {}
            Request::FindValue { kind, .. } => {
                response.token = Some(Token::from_bytes([7; 8]));
                response.nodes = Some(self.named());
                if self.lie == Lie::Poisoner {
                    match kind {
                        ValueKind::Item => {
                            let value = b"6:poison".to_vec();
                            response.value = Some(FoundValue::Item(Item::Immutable { value }));
                        }
                        ValueKind::Peers => response.peers = vec![self.victim; 50],
                        ValueKind::Raw => {}
                    }
                }
            }
            _ => response.nodes = Some(self.named()),
        }
        response
    }

    fn named(&mut self) -> Vec<Contact> {
        match self.lie {
            Lie::Inventor | Lie::Accuser => self.contacts(),
            Lie::Poisoner | Lie::Shapeshifter | Lie::Forgetter => Vec::new(),
        }
    }

    fn run(mut self, ended: &AtomicBool, told: &AtomicUsize) {
        let mut buffer = [0; 2_048];
        let mut asked = None::<Instant>;
        while !ended.load(Ordering::Relaxed) {
            if asked.is_none_or(|at| at.elapsed() > ASK_EVERY) {
                asked = Some(Instant::now());
                let target = Key::random(&mut self.chance);
                let request = Request::FindNode { target };
                let query = Query { sender: self.id, want: Want::Unsaid, request };
                let question = packet(&message(TransactionId::from(1_u32), Body::Query(query)));
                for node in &self.nodes {
                    let _ = self.socket.send_to(&question, node);
                }
            }
            let Ok((length, from)) = self.socket.recv_from(&mut buffer) else { continue };
            let Ok((_, heard)) = codec::decode(buffer.get(..length).unwrap_or_default()) else {
                continue;
            };
            if let Body::Query(query) = heard.body {
                let answer = Body::Response(self.answer(&query));
                let _ = self.socket.send_to(&packet(&message(heard.tid, answer)), from);
                told.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

fn liar(lie: Lie, number: u8, network: &Network<Dht>, victim: SocketAddr) -> Result<Liar> {
    let socket = UdpSocket::bind((Ipv4Addr::new(127, 4, number, 1), 0))?;
    socket.set_read_timeout(Some(WAIT))?;
    let mut chance = StdRng::seed_from_u64(u64::from(number));
    let id = Key::random(&mut chance);
    let nodes = network.nodes.iter().map(|node| node.place.peers).collect();
    let means = Means { lie, socket, id, chance, nodes, victim };
    let (ended, told) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let (stop, count) = (Arc::clone(&ended), Arc::clone(&told));
    let thread = thread::spawn(move || means.run(&stop, &count));
    Ok(Liar { ended, told, thread: Some(thread) })
}

/// Asks a node one question and waits for its answer.
fn ask(socket: &UdpSocket, node: SocketAddr, number: u32, request: Request) -> Result<Body> {
    let query = Query { sender: Key::new([0x55; 20]), want: Want::Unsaid, request };
    let mut question = message(TransactionId::from(number), Body::Query(query));
    question.read_only = true;
    socket.send_to(&packet(&question), node)?;
    let mut buffer = [0; 2_048];
    let until = Instant::now() + Duration::from_secs(10);
    while Instant::now() < until {
        let Ok((length, _)) = socket.recv_from(&mut buffer) else { continue };
        let heard = codec::decode(buffer.get(..length).unwrap_or_default());
        if let Ok((_, Message { tid, body, .. })) = heard
            && tid == question.tid
        {
            return Ok(body);
        }
    }
    bail!("{node} does not answer")
}

/// A permit to store is good for its key and its address alone.
fn tokens_are_no_ones_else(network: &Network<Dht>) -> Result<()> {
    let node = network.nodes.first().context("a node")?.place.peers;
    let sockets = [UdpSocket::bind("127.7.1.1:0")?, UdpSocket::bind("127.7.2.1:0")?];
    for socket in &sockets {
        socket.set_read_timeout(Some(WAIT))?;
    }
    let item = |text: &str| Item::Immutable { value: format!("{}:{text}", text.len()).into() };
    let (ours, other) = (item("ours"), item("another"));
    let key = ours.target();
    let find = Request::FindValue { key, kind: ValueKind::Item, newer_than: None, scrape: false };
    let Body::Response(Response { token: Some(token), .. }) = ask(&sockets[0], node, 1, find)?
    else {
        bail!("expected a token")
    };
    let store = |item: &Item| {
        let value = StoreValue::Item { item: item.clone(), cas: None };
        Request::Store { key: item.target(), token: token.clone(), value }
    };
    let attempts = [
        (&sockets[1], store(&ours), "from another address"),
        (&sockets[0], store(&other), "for another key"),
    ];
    for (number, (socket, request, how)) in (2..).zip(attempts) {
        let answer = ask(socket, node, number, request)?;
        ensure!(matches!(answer, Body::Error(_)), "a token was taken {how}: {answer:?}");
    }
    let answer = ask(&sockets[0], node, 9, store(&ours))?;
    ensure!(matches!(answer, Body::Response(_)), "an honest token was refused: {answer:?}");
    Ok(())
}

/// Liars join, each sort in turn: what honest nodes store while they are there is found by all of them, whom liars accuse is left alone, and
/// nobody grows.
///
/// # Errors
///
/// If it is otherwise.
pub fn liars(binary: &Binary, seed: u64) -> Result<()> {
    lab(|lab| {
        let begun = Instant::now();
        let mut network = Network::<Dht>::start(lab, binary, seed)?;
        let everybody: Vec<_> = (0..Dht::NODES).collect();
        network.work(0)?;
        network.agree(&everybody, 0)?;
        tokens_are_no_ones_else(&network)?;
        let memory = Memory::of(&network)?;
        let victim = UdpSocket::bind("127.5.5.5:0")?;
        victim.set_nonblocking(true)?;
        let mut most = 0;
        for (first, lie) in (1_u8..).step_by(LIARS.into()).zip(Lie::ALL) {
            let address = victim.local_addr()?;
            // Under names and at addresses that no liar had before.
            let liars: Vec<_> = (first..first + LIARS)
                .map(|number| liar(lie, number, &network, address))
                .collect::<Result<_>>()?;
            let told = || liars.iter().map(|liar| liar.told.load(Ordering::Relaxed)).sum::<usize>();
            let (come, mut hit) = (Instant::now(), 0);
            let mut drain = || {
                while victim.recv_from(&mut [0; 2_048]).is_ok() {
                    hit += 1;
                }
            };
            for count in 0.. {
                ensure!(come.elapsed() < interop::PATIENCE, "{lie:?}: nobody asks the liars");
                if count >= WORK && told() >= LIES {
                    break;
                }
                network.work(count % Dht::NODES)?;
                drain();
            }
            network.agree(&everybody, 0).with_context(|| format!("among {lie:?}"))?;
            most = most.max(memory.stayed(&network, &format!("{lie:?}"))?);
            drain();
            let lies = told();
            eprintln!("dht: {lie:?} told {lies} lies, whom they accuse got {hit} packets");
            ensure!(hit <= lies, "{lie:?}: {lies} lies brought their victim {hit} packets");
        }
        // What was stored among liars is there without them.
        network.agree(&everybody, 0)?;
        eprintln!(
            "dht: {} sorts of liars cost {} MiB, {:.1} s",
            Lie::ALL.len(),
            most >> 20,
            begun.elapsed().as_secs_f64()
        );
        Ok(())
    })
}
