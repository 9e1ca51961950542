//! A whole node under fire: packets of three strangers, wishes and passing time, in any order.
//!
//! The input is a list of steps: a byte that says what, a byte that says how much, and for a packet
//! that many bytes. What must hold: no panic, and no more than a few effects for one packet.
#![no_main]

use std::{net::SocketAddr, time::Duration};

use libfuzzer_sys::fuzz_target;
use quintet_dht_protocol::{
    dht::{Clock, Config, Dht, Effect, Wish},
    key::Key,
    record::shelf::Limits,
};
use quintet_primitives::time::{Instant, UnixTime};

/// Effects one packet may have: an answer, a ping, and what a lookup that it moves on may send.
const EFFECTS_MAX: usize = 64;

struct Node {
    dht: Dht,
    clock: Clock,
    effects: Vec<Effect>,
}

impl Node {
    fn new() -> Self {
        let clock = Clock { now: Instant::from_secs(1), wall: UnixTime::from_secs(1_700_000_000) };
        let limits = Limits { bytes_max: 4_096, peers_max: 16, ..Limits::default() };
        let config = Config {
            json: true,
            raw_values: true,
            scrape: true,
            bootstrap: vec![stranger(0)],
            limits,
            ..Config::new(Key::new([0x5a; 20]))
        };
        Self { dht: Dht::new(config, clock, [1; 32]), clock, effects: Vec::new() }
    }

    fn step(&mut self, what: u8, amount: u8, bytes: &[u8]) {
        let key = Key::new([amount; 20]);
        match what % 6 {
            0..=2 => {
                self.dht.on_packet(self.clock, stranger(what), bytes, &mut self.effects);
                assert!(self.effects.len() <= EFFECTS_MAX, "{} effects", self.effects.len());
            }
            3 => {
                let pause = Duration::from_millis(u64::from(amount) * 50);
                self.clock.now = self.clock.now.saturating_add(pause);
                self.clock.wall = self.clock.wall.saturating_add(pause * 100);
                self.dht.poll(self.clock, &mut self.effects);
            }
            4 => {
                self.dht.start(self.clock, Wish::FindNode { target: key }, &mut self.effects);
            }
            _ => {
                self.dht.start(self.clock, Wish::GetPeers { info_hash: key }, &mut self.effects);
            }
        }
        // What the node sent comes back as an echo: its own packets are as hostile as any.
        let sent = self.effects.drain(..).filter_map(|effect| match effect {
            Effect::Send(packet) => Some(packet),
            _ => None,
        });
        let echoes: Vec<_> = sent.take(2).collect();
        for echo in echoes.iter().filter(|_| amount % 2 == 1) {
            self.dht.on_packet(self.clock, echo.to, &echo.bytes, &mut self.effects);
        }
        self.effects.clear();
    }
}

fn stranger(number: u8) -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 2 + number % 3], 6881))
}

fuzz_target!(|input: &[u8]| {
    let mut node = Node::new();
    let mut rest = input;
    while let [what, amount, tail @ ..] = rest {
        let (bytes, next) = match what % 6 {
            0..=2 => tail.split_at(usize::from(*amount).min(tail.len())),
            _ => (&[][..], tail),
        };
        node.step(*what, *amount, bytes);
        rest = next;
    }
});
