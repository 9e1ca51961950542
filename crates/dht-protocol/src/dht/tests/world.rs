//! A network of state machines in one loop: packets take time, may be lost, and nothing else happens.

use core::{net::SocketAddr, time::Duration};
use std::collections::BTreeMap;

use quintet_primitives::time::{Instant, UnixTime};
use rand::{RngExt, SeedableRng, rngs::StdRng};

use crate::{
    codec,
    dht::{Clock, Config, Dht, Effect, Event, OperationId, Outcome, Wish},
    key::Key,
    message::Message,
    record::{Change, Record, RecordKey},
};

/// Wall clock at the start of a simulation.
const EPOCH_SECS: u64 = 1_700_000_000;

/// One-way delay of every packet.
const DELAY: Duration = Duration::from_millis(20);

/// What a Byzantine node does to a message it is about to send; false keeps it back.
pub(super) type Mischief = fn(&mut Message, &mut StdRng) -> bool;

/// A node with its disk.
pub(super) struct Node {
    pub(super) dht: Dht,
    pub(super) disk: BTreeMap<RecordKey, Record>,
    pub(super) events: Vec<Event>,
    outcomes: BTreeMap<OperationId, Outcome>,
    pub(super) alive: bool,
    pub(super) mischief: Option<Mischief>,
    /// Packets pass only between nodes of one side.
    pub(super) side: u8,
}

pub(super) struct World {
    pub(super) nodes: BTreeMap<SocketAddr, Node>,
    pub(super) now: Instant,
    /// In flight, by arrival and order of sending.
    packets: BTreeMap<(Instant, u64), (SocketAddr, SocketAddr, Vec<u8>)>,
    sent: u64,
    rng: StdRng,
    /// Packets lost, in percent.
    pub(super) loss: u32,
    /// Packets to addresses where no node is.
    pub(super) strays: Vec<(SocketAddr, SocketAddr, Vec<u8>)>,
}

pub(super) fn local(number: u16) -> SocketAddr {
    let [high, low] = number.to_be_bytes();
    SocketAddr::from(([127, 1, high, low], 6881))
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            nodes: BTreeMap::new(),
            now: Instant::from_secs(1),
            packets: BTreeMap::new(),
            sent: 0,
            rng: StdRng::seed_from_u64(seed),
            loss: 0,
            strays: Vec::new(),
        }
    }

    /// A network of `count` nodes that join through the first, given time to settle.
    pub(super) fn of(count: u16, seed: u64) -> Self {
        let mut world = Self::new(seed);
        for number in 0..count {
            world.add(local(number), |config| {
                config.bootstrap = if number == 0 { Vec::new() } else { vec![local(0)] };
            });
        }
        world.run(Duration::from_secs(30));
        world
    }

    pub(super) fn clock(&self) -> Clock {
        let wall = UnixTime::from_secs(EPOCH_SECS).saturating_add(self.now.since_start());
        Clock { now: self.now, wall }
    }

    pub(super) fn add(&mut self, addr: SocketAddr, shape: impl FnOnce(&mut Config)) {
        let mut config = Config::new(Key::random(&mut self.rng));
        shape(&mut config);
        let dht = Dht::new(config, self.clock(), self.rng.random());
        let node = Node {
            dht,
            disk: BTreeMap::new(),
            events: Vec::new(),
            outcomes: BTreeMap::new(),
            alive: true,
            mischief: None,
            side: 0,
        };
        self.nodes.insert(addr, node);
    }

    pub(super) fn node(&self, addr: SocketAddr) -> &Node {
        &self.nodes[&addr]
    }

    /// Hands `bytes` to the node at `to` as if they came from `from`, and returns what it sends.
    pub(super) fn inject(&mut self, from: SocketAddr, to: SocketAddr, bytes: &[u8]) -> Vec<Effect> {
        let clock = self.clock();
        let mut effects = Vec::new();
        let node = self.nodes.get_mut(&to).expect("a node at this address");
        node.dht.on_packet(clock, from, bytes, &mut effects);
        effects
    }

    /// Carries out a wish to its end.
    pub(super) fn fulfil(&mut self, at: SocketAddr, wish: Wish) -> Outcome {
        let clock = self.clock();
        let mut effects = Vec::new();
        let id = self.nodes.get_mut(&at).unwrap().dht.start(clock, wish, &mut effects);
        self.carry_out(at, effects);
        for _ in 0..120 {
            if let Some(outcome) = self.nodes.get_mut(&at).unwrap().outcomes.remove(&id) {
                return outcome;
            }
            self.run(Duration::from_secs(1));
        }
        panic!("the operation did not end within two minutes");
    }

    /// Lets `span` pass.
    pub(super) fn run(&mut self, span: Duration) {
        let end = self.now.saturating_add(span);
        loop {
            let packet = self.packets.first_key_value().map(|((at, _), _)| *at);
            let wakes = self.nodes.values().filter(|node| node.alive);
            let wake = wakes.map(|node| node.dht.next_wake()).min();
            let next = packet.into_iter().chain(wake).min().unwrap_or(end);
            if next > end {
                self.now = end;
                return;
            }
            self.now = next.max(self.now);
            self.deliver();
            self.wake();
        }
    }

    fn deliver(&mut self) {
        while let Some(entry) = self.packets.first_entry() {
            if entry.key().0 > self.now {
                break;
            }
            let (from, to, bytes) = entry.remove();
            match self.nodes.get(&to) {
                Some(node) if node.alive => {
                    let effects = self.inject(from, to, &bytes);
                    self.carry_out(to, effects);
                }
                Some(_) => {}
                None => self.strays.push((from, to, bytes)),
            }
        }
    }

    fn wake(&mut self) {
        let clock = self.clock();
        let mut all = Vec::new();
        for (addr, node) in self.nodes.iter_mut().filter(|(_, node)| node.alive) {
            if node.dht.next_wake() <= clock.now {
                let mut effects = Vec::new();
                node.dht.poll(clock, &mut effects);
                assert!(node.dht.next_wake() > clock.now, "a poll must move the wake-up on");
                all.push((*addr, effects));
            }
        }
        for (addr, effects) in all {
            self.carry_out(addr, effects);
        }
    }

    pub(super) fn carry_out(&mut self, at: SocketAddr, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Send(packet) => self.send(at, packet.to, packet.bytes),
                Effect::Commit { changes, reply, .. } => {
                    let disk = &mut self.nodes.get_mut(&at).unwrap().disk;
                    for change in changes {
                        match change {
                            Change::Put(key, record) => drop(disk.insert(key, record)),
                            Change::Remove(key) => drop(disk.remove(&key)),
                        }
                    }
                    if let Some(reply) = reply {
                        self.send(at, reply.to, reply.bytes);
                    }
                }
                Effect::Finished(id, outcome) => {
                    self.nodes.get_mut(&at).unwrap().outcomes.insert(id, outcome);
                }
                Effect::Event(event) => self.nodes.get_mut(&at).unwrap().events.push(event),
            }
        }
    }

    fn send(&mut self, from: SocketAddr, to: SocketAddr, bytes: Vec<u8>) {
        self.sent += 1;
        let side = |addr| self.nodes.get(addr).map(|node: &Node| node.side);
        let cut = side(&to).is_some_and(|there| side(&from) != Some(there));
        let Some(bytes) = self.tampered(from, bytes) else { return };
        if !cut && self.rng.random_range(0..100) >= self.loss {
            let arrival = self.now.saturating_add(DELAY);
            self.packets.insert((arrival, self.sent), (from, to, bytes));
        }
    }

    fn tampered(&mut self, from: SocketAddr, bytes: Vec<u8>) -> Option<Vec<u8>> {
        let Some(mischief) = self.nodes.get(&from).and_then(|node| node.mischief) else {
            return Some(bytes);
        };
        let (codec, mut message) = codec::decode(&bytes).unwrap();
        if !mischief(&mut message, &mut self.rng) {
            return None;
        }
        let mut changed = Vec::new();
        codec::encode(codec, &message, &mut changed).ok()?;
        Some(changed)
    }
}
