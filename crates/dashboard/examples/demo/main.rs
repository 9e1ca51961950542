//! A made-up network for working on the page: `cargo run -p quintet-dashboard --example demo [ADDRESS]`.
//!
//! Sixteen DHT nodes with real routing arithmetic (buckets, XOR distances) and invented traffic, and chains that are invented whole. The numbers mean
//! nothing.

mod chains;
mod dag;

use std::io::Write;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use quintet_dashboard::{
    Bucket, Dashboard, DashboardConfig, DhtKey, DhtNode, Event, Figures, Kind, LogLevel, LogLine,
    LookupId, LookupKind, NodeEntry, NodeId, NodeState, Panel, Publisher, Rates, StepOutcome,
    Throughput,
};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use tokio_util::sync::CancellationToken;

const NODES: usize = 16;
const BUCKET_SIZE: u16 = 4;
const STEP_EVERY: Duration = Duration::from_millis(50);
const STEPS_A_SECOND: u64 = 20;
const HOPS_MAX: u16 = 6;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listen = match std::env::args().nth(1) {
        Some(address) => address.parse::<SocketAddr>()?,
        None => DashboardConfig::default().listen,
    };
    let cancel = CancellationToken::new();
    let dashboard =
        Dashboard::start(DashboardConfig { listen, ..DashboardConfig::default() }, cancel.clone())
            .await?;
    writeln!(std::io::stdout(), "{}", dashboard.url())?;

    let mut network = Network::new(dashboard.publisher());
    let mut ticks = tokio::time::interval(STEP_EVERY);
    loop {
        tokio::select! {
            _ = ticks.tick() => network.step(),
            stopped = tokio::signal::ctrl_c() => {
                stopped?;
                break;
            }
        }
    }
    cancel.cancel();
    dashboard.stopped().await;
    Ok(())
}

struct Peer {
    id: NodeId,
    key: DhtKey,
    up: bool,
    records: u64,
    live: Vec<usize>,
    reserve: Vec<usize>,
    rates: Rates,
}

struct Lookup {
    id: LookupId,
    from: usize,
    target: DhtKey,
    hops: u16,
    at: usize,
    ms: u32,
}

struct Network {
    publisher: Publisher,
    random: StdRng,
    peers: Vec<Peer>,
    lookups: Vec<Lookup>,
    dag: dag::Dag,
    steps: u64,
    next_lookup: u64,
}

impl Network {
    fn new(publisher: Publisher) -> Self {
        let mut random = StdRng::seed_from_u64(7);
        let keys: Vec<DhtKey> = (0..NODES).map(|_| DhtKey(random.random())).collect();
        let peers =
            keys.iter().enumerate().map(|(number, key)| peer(number, *key, &keys)).collect();
        let mut network = Self {
            publisher,
            random,
            peers,
            lookups: Vec::new(),
            dag: dag::Dag::default(),
            steps: 0,
            next_lookup: 1,
        };
        for number in 0..NODES {
            let node = network.peers[number].id.clone();
            network.publisher.event(Event::NodeStarted { node });
            network.log(
                LogLevel::Info,
                Some(number),
                "dht::node",
                format!("listening on 127.1.{number}.1:6881"),
            );
        }
        network.prefill();
        network
    }

    /// Charts with a past, so that the page can be judged at once.
    fn prefill(&mut self) {
        for ago in (1..180).rev() {
            let rates = self.total_rates(ago as f64);
            self.publisher.throughput(Throughput {
                kind: Kind::Dht,
                time: now() - ago * 1_000,
                figures: Figures::Network(rates),
            });
        }
    }

    fn step(&mut self) {
        if self.steps.is_multiple_of(STEPS_A_SECOND) {
            self.second();
        }
        self.dag.step(&self.publisher, &mut self.random, self.steps);
        if self.random.random_ratio(1, 12) {
            self.begin_lookup();
        }
        let mut open = std::mem::take(&mut self.lookups);
        open.retain_mut(|lookup| self.advance(lookup));
        open.append(&mut self.lookups);
        self.lookups = open;
        self.steps += 1;
    }

    fn second(&mut self) {
        let second = self.steps / STEPS_A_SECOND;
        if second % 40 == 25 {
            self.toggle(11, false);
        } else if second % 40 == 38 {
            self.toggle(11, true);
        }
        for number in 0..self.peers.len() {
            let share = self.random.random_range(0.6..1.4) / NODES as f64;
            let total = self.total_rates(second as f64);
            let peer = &mut self.peers[number];
            peer.rates = if peer.up { scaled(total, share) } else { Rates::default() };
            self.publisher.node(self.entry(number));
        }
        let rates = self.peers.iter().fold(Rates::default(), |sum, peer| Rates {
            queries_in: sum.queries_in + peer.rates.queries_in,
            queries_out: sum.queries_out + peer.rates.queries_out,
            bytes_in: sum.bytes_in + peer.rates.bytes_in,
            bytes_out: sum.bytes_out + peer.rates.bytes_out,
        });
        let figures = Figures::Network(rates);
        self.publisher.throughput(Throughput { kind: Kind::Dht, time: now(), figures });
        self.chatter(second);
        chains::second(&self.publisher, &mut self.random, second);
        self.dag.second(&self.publisher, &mut self.random);
    }

    fn chatter(&mut self, second: u64) {
        let from = self.random.random_range(0..NODES);
        match second % 9 {
            0 => self.log(
                LogLevel::Debug,
                Some(from),
                "dht::table",
                "bucket 2 refreshed, 8 contacts answered".into(),
            ),
            2 => self.log(
                LogLevel::Warn,
                Some(from),
                "dht::rpc",
                "no answer from 127.1.11.1:6881 within 2 s".into(),
            ),
            4 => {
                self.log(LogLevel::Info, Some(from), "dht::store", "swept 3 expired records".into())
            }
            6 => {
                let hostile = "client version \"<img src=x onerror=alert(1)><script>alert(2)</script>\u{202e}\u{1b}[31m\"";
                self.log(LogLevel::Warn, Some(from), "dht::krpc", hostile.into());
            }
            8 => self.log(
                LogLevel::Error,
                Some(from),
                "dht::krpc",
                "dropped a packet of 1,501 bytes: expected at most 1,500".into(),
            ),
            _ => self.log(LogLevel::Trace, Some(from), "dht::rpc", "ping answered in 1 ms".into()),
        }
    }

    fn toggle(&mut self, number: usize, up: bool) {
        if self.peers[number].up == up {
            return;
        }
        self.peers[number].up = up;
        let node = self.peers[number].id.clone();
        let (event, text) = if up {
            (Event::NodeStarted { node }, "started")
        } else {
            (Event::NodeStopped { node }, "stopped")
        };
        self.publisher.event(event);
        self.log(LogLevel::Info, Some(number), "dht::node", text.into());
    }

    fn begin_lookup(&mut self) {
        let from = self.random.random_range(0..NODES);
        let (id, target) = (LookupId(self.next_lookup), DhtKey(self.random.random()));
        self.next_lookup += 1;
        let kinds =
            [LookupKind::FindNode, LookupKind::FindValue, LookupKind::GetPeers, LookupKind::Store];
        let kind = kinds[self.random.random_range(0..kinds.len())];
        self.publisher.event(Event::LookupStarted {
            lookup: id,
            node: self.peers[from].id.clone(),
            target,
            kind,
        });
        self.lookups.push(Lookup { id, from, target, hops: 0, at: from, ms: 0 });
    }

    /// One more hop; whether the lookup goes on.
    fn advance(&mut self, lookup: &mut Lookup) -> bool {
        if self.random.random_ratio(2, 3) {
            return true;
        }
        lookup.ms += self.random.random_range(1..40);
        let closer = |peer: &&usize| distance(self.peers[**peer].key, lookup.target);
        let best =
            self.peers[lookup.at].live.iter().min_by_key(closer).copied().unwrap_or(lookup.at);
        let here = distance(self.peers[lookup.at].key, lookup.target);
        if distance(self.peers[best].key, lookup.target) >= here && lookup.hops > 0
            || lookup.hops >= HOPS_MAX
        {
            self.finish(lookup);
            return false;
        }
        lookup.hops += 1;
        lookup.at = best;
        let answered = self.peers[best].up;
        let outcome = if answered { StepOutcome::Answered } else { StepOutcome::TimedOut };
        self.publisher.event(Event::LookupStepped {
            lookup: lookup.id,
            from: self.peers[lookup.from].key,
            to: self.peers[best].key,
            distance_bits: bits(distance(self.peers[best].key, lookup.target)),
            outcome,
        });
        answered || {
            self.finish(lookup);
            false
        }
    }

    fn finish(&mut self, lookup: &Lookup) {
        let found = self.peers[lookup.at].up && self.random.random_ratio(14, 15);
        let Lookup { id, hops, ms, target, .. } = *lookup;
        self.publisher.event(Event::LookupFinished { lookup: id, found, hops, ms });
        let text = format!("lookup of {target} ended after {hops} hops, {ms} ms");
        self.log(LogLevel::Debug, Some(lookup.from), "dht::lookup", text);
        if found && self.random.random_ratio(1, 3) {
            let peer = &mut self.peers[lookup.at];
            peer.records += 1;
            self.publisher.event(Event::RecordStored { node: peer.id.clone(), key: target });
            self.log(
                LogLevel::Info,
                Some(lookup.at),
                "dht::store",
                format!("stored a record under {target}"),
            );
        }
    }

    fn total_rates(&mut self, second: f64) -> Rates {
        let wave = 70.0 + 30.0 * (second / 23.0).sin() + self.random.random_range(-9.0..9.0);
        let queries_out = wave * self.random.random_range(0.92..1.0);
        Rates { queries_in: wave, queries_out, bytes_in: wave * 118.0, bytes_out: wave * 204.0 }
    }

    fn entry(&self, number: usize) -> NodeEntry {
        let peer = &self.peers[number];
        let mut buckets: Vec<Bucket> = Vec::new();
        for (peers, live) in [(&peer.live, 1), (&peer.reserve, 0)] {
            for other in peers {
                let index = 160 - bits(distance(peer.key, self.peers[*other].key));
                let at =
                    buckets.iter().position(|bucket| bucket.index == index).unwrap_or_else(|| {
                        buckets.push(Bucket { index, live: 0, replacements: 0 });
                        buckets.len() - 1
                    });
                buckets[at].live += live;
                buckets[at].replacements += 1 - live;
            }
        }
        buckets.sort_by_key(|bucket| bucket.index);
        NodeEntry {
            id: peer.id.clone(),
            name: peer.id.to_string(),
            endpoint: format!("127.1.{number}.1:6881"),
            state: if peer.up { NodeState::Running } else { NodeState::Stopped },
            peers: u32::try_from(peer.live.len()).unwrap_or(u32::MAX),
            rates: peer.rates,
            panel: Panel::Dht(DhtNode {
                key: peer.key,
                bucket_size: BUCKET_SIZE,
                buckets,
                records: peer.records,
                neighbours: peer.live.iter().map(|other| self.peers[*other].key).collect(),
            }),
        }
    }

    fn log(&self, level: LogLevel, node: Option<usize>, target: &str, message: String) {
        let node = node.map(|number| self.peers[number].id.clone());
        self.publisher.log(LogLine {
            time: now(),
            level,
            node,
            target: target.to_owned(),
            message,
        });
    }
}

/// A peer whose buckets hold the first few others of each distance.
fn peer(number: usize, key: DhtKey, keys: &[DhtKey]) -> Peer {
    let mut filled = [0_u16; 161];
    let (mut live, mut reserve) = (Vec::new(), Vec::new());
    for (other, other_key) in keys.iter().enumerate().filter(|(other, _)| *other != number) {
        let full = &mut filled[usize::from(bits(distance(key, *other_key)))];
        *full += 1;
        if *full <= BUCKET_SIZE { live.push(other) } else { reserve.push(other) }
    }
    let id = NodeId::new(format!("dht-{number:02}"));
    Peer { id, key, up: true, records: 0, live, reserve, rates: Rates::default() }
}

fn distance(left: DhtKey, right: DhtKey) -> [u8; 20] {
    std::array::from_fn(|byte| left.0[byte] ^ right.0[byte])
}

fn bits(distance: [u8; 20]) -> u16 {
    (0_u16..).step_by(8).zip(distance).find(|(_, byte)| *byte != 0).map_or(0, |(before, byte)| {
        let significant = (1..=8).rev().find(|bit| byte >> (bit - 1) != 0).unwrap_or(0);
        160 - 8 - before + significant
    })
}

fn scaled(rates: Rates, share: f64) -> Rates {
    Rates {
        queries_in: rates.queries_in * share,
        queries_out: rates.queries_out * share,
        bytes_in: rates.bytes_in * share,
        bytes_out: rates.bytes_out * share,
    }
}

/// Milliseconds since the Unix epoch.
pub(crate) fn now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
