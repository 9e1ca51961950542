//! What does one packet cost the DHT's state machine, sockets left out? Time of `Dht::on_packet` for
//! each query a node gets, with a full table.
//!
//! The table holds eight contacts in each of its first buckets, as in a network of millions. Queries
//! come from 16 addresses for keys drawn at random; every reply is checked to be one. One thread, in
//! this process: run it under a profiler.

#![expect(clippy::print_stdout, reason = "a program that prints what it measured")]

use std::{
    hint::black_box,
    net::{Ipv4Addr, SocketAddr},
    time::{Duration, Instant as Stopwatch},
};

use anyhow::{Context as _, ensure};
use bench::process;
use clap::Parser;
use quintet_dht_protocol::{
    codec::{self, Codec},
    contact::Contact,
    dht::{Clock, Config, Dht, Effect, Packet},
    key::Key,
    message::{
        Body, Item, Message, NetworkId, Query, Request, Response, StoreValue, Token, ValueKind,
        Want,
    },
};
use quintet_primitives::time::{Instant, UnixTime};
use rand::{SeedableRng as _, rngs::StdRng};
use serde::Serialize;

/// Contacts in one bucket.
const BUCKET: usize = 8;

/// Addresses that ask.
const SOURCES: u8 = 16;

/// Different queries of each kind. A power of two times the number of sources.
const QUERIES: usize = 1_024;

/// Packets between two looks at the clock, as many as a driver takes in one turn.
const TURN: usize = 64;

const WALL: UnixTime = UnixTime::from_secs(1_700_000_000);

/// Measures the DHT's state machine.
#[derive(Debug, Parser)]
struct Arguments {
    /// Seconds for each kind of query.
    #[arg(long, default_value_t = 2.0)]
    seconds: f64,
    /// Only this kind of query.
    #[arg(long)]
    only: Option<String>,
    /// Only this codec: krpc or native.
    #[arg(long)]
    codec: Option<String>,
    /// Contacts in the table.
    #[arg(long, default_value_t = 200)]
    contacts: usize,
    /// Prints one JSON document.
    #[arg(long)]
    json: bool,
}

/// One row of the table.
#[derive(Debug, Serialize)]
struct Row {
    query: &'static str,
    codec: &'static str,
    nanoseconds: f64,
    packets_per_second: f64,
    query_bytes: f64,
    reply_bytes: f64,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let seconds = Duration::try_from_secs_f64(arguments.seconds)?;
    let mut rows = Vec::new();
    for codec in [Codec::Krpc, Codec::Native] {
        for kind in Kind::ALL {
            let wanted =
                |choice: &Option<String>, name| choice.as_deref().is_none_or(|c| c == name);
            if wanted(&arguments.only, kind.name()) && wanted(&arguments.codec, codec.name()) {
                let mut node = Node::new(arguments.contacts)?;
                rows.push(node.measure(kind, codec, seconds)?);
            }
        }
    }
    if arguments.json {
        println!("{}", serde_json::to_string_pretty(&rows)?);
        return Ok(());
    }
    println!("{}; {} contacts in the table", process::processor(), arguments.contacts);
    println!("\n| query | codec | ns | packets/s | query bytes | reply bytes |");
    println!("|---|---|---:|---:|---:|---:|");
    for row in rows {
        println!(
            "| {} | {} | {:.0} | {:.0} | {:.0} | {:.0} |",
            row.query,
            row.codec,
            row.nanoseconds,
            row.packets_per_second,
            row.query_bytes,
            row.reply_bytes
        );
    }
    Ok(())
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Ping,
    FindNode,
    GetPeers,
    Get,
    Put,
    Announce,
}

impl Kind {
    const ALL: [Self; 6] =
        [Self::Ping, Self::FindNode, Self::GetPeers, Self::Get, Self::Put, Self::Announce];

    const fn name(self) -> &'static str {
        match self {
            Self::Ping => "ping",
            Self::FindNode => "find_node",
            Self::GetPeers => "get_peers",
            Self::Get => "get",
            Self::Put => "put",
            Self::Announce => "announce_peer",
        }
    }
}

/// The node, and the time it believes it is.
struct Node {
    dht: Dht,
    clock: Clock,
    rng: StdRng,
}

impl Node {
    /// Makes a node with so many contacts, each of which has answered it.
    fn new(contacts: usize) -> anyhow::Result<Self> {
        let mut rng = StdRng::seed_from_u64(1);
        let own = Key::random(&mut rng);
        let clock = Clock { now: Instant::ZERO, wall: WALL };
        let config = Config { secure_id: false, ..Config::new(own) };
        let mut node = Self { dht: Dht::new(config, clock, [1; 32]), clock, rng };
        for index in 0..contacts {
            let ip =
                Ipv4Addr::from_bits(Ipv4Addr::new(127, 3, 0, 1).to_bits() + u32::try_from(index)?);
            let id = own.random_at(index / BUCKET, &mut node.rng);
            node.meet(Contact::new(id, SocketAddr::from((ip, 6_881))))?;
        }
        let status = node.dht.status(node.clock.now);
        ensure!(status.contacts == contacts, "{} of {contacts} contacts", status.contacts);
        Ok(node)
    }

    /// Lets a contact answer the ping that verifies it.
    fn meet(&mut self, contact: Contact) -> anyhow::Result<()> {
        let mut out = Vec::new();
        self.dht.suggest([contact], self.clock, &mut out);
        let ping = sent(&out).context("expected a ping to a new contact")?;
        let (codec, message) = codec::decode(&ping.bytes)?;
        let pong = Response { sender: contact.id, ..Response::default() };
        let pong = encode(codec, &Message { body: Body::Response(pong), ..message })?;
        self.dht.on_packet(self.clock, contact.addr, &pong, &mut Vec::new());
        Ok(())
    }

    fn measure(&mut self, kind: Kind, codec: Codec, time: Duration) -> anyhow::Result<Row> {
        let queries: Vec<(SocketAddr, Vec<u8>)> =
            (0..QUERIES).map(|number| self.query(kind, codec, number)).collect::<Result<_, _>>()?;
        let mut out = Vec::with_capacity(TURN * 2);
        let (mut packets, mut bytes) = (0_u32, 0_u64);
        let started = Stopwatch::now();
        // Of the turns the one that nine tenths exceed: what else runs on the machine slows them down.
        let mut turns = Vec::new();
        while started.elapsed() < time {
            for turn in queries.chunks(TURN) {
                self.clock.now = self.clock.now.saturating_add(Duration::from_micros(100));
                let before = Stopwatch::now();
                for (from, packet) in turn {
                    self.dht.on_packet(self.clock, *from, black_box(packet), &mut out);
                }
                turns.push(before.elapsed());
                let replies = out.iter().filter_map(reply);
                let sizes: Vec<usize> = replies.map(|reply| reply.bytes.len()).collect();
                ensure!(sizes.len() >= turn.len(), "{} of {} answered", sizes.len(), turn.len());
                bytes += sizes.iter().sum::<usize>() as u64;
                packets += u32::try_from(turn.len())?;
                out.clear();
            }
        }
        turns.sort_unstable();
        let turn = turns.get(turns.len() / 10).context("expected a time above 0")?.as_secs_f64();
        let packets = f64::from(packets);
        let sum: u32 = queries.iter().map(|(_, query)| query.len()).sum::<usize>().try_into()?;
        Ok(Row {
            query: kind.name(),
            codec: codec.name(),
            nanoseconds: turn / TURN as f64 * 1e9,
            packets_per_second: TURN as f64 / turn,
            query_bytes: f64::from(sum) / QUERIES as f64,
            reply_bytes: bytes as f64 / packets,
        })
    }

    /// Makes a query; for a store with a token that this node gave.
    fn query(
        &mut self,
        kind: Kind,
        codec: Codec,
        number: usize,
    ) -> anyhow::Result<(SocketAddr, Vec<u8>)> {
        let source = u8::try_from(number % usize::from(SOURCES))?;
        let from = SocketAddr::from((Ipv4Addr::new(127, 2, source, 1), 4_000));
        let key = Key::random(&mut self.rng);
        let find = |key, kind| Request::FindValue { key, kind, newer_than: None, scrape: false };
        let request = match kind {
            Kind::Ping => Request::Ping,
            Kind::FindNode => Request::FindNode { target: key },
            Kind::GetPeers => find(key, ValueKind::Peers),
            Kind::Get => find(key, ValueKind::Item),
            Kind::Put => {
                let item = Item::Immutable { value: format!("100:{number:0100}").into_bytes() };
                let key = item.target();
                let token = self.token(from, find(key, ValueKind::Item))?;
                Request::Store { key, token, value: StoreValue::Item { item, cas: None } }
            }
            Kind::Announce => {
                let token = self.token(from, find(key, ValueKind::Peers))?;
                Request::Store { key, token, value: StoreValue::Peer { port: None, seed: false } }
            }
        };
        Ok((from, ask(codec, source, number, request)?))
    }

    fn token(&mut self, from: SocketAddr, request: Request) -> anyhow::Result<Token> {
        let mut out = Vec::new();
        self.dht.on_packet(self.clock, from, &ask(Codec::Krpc, 0, 0, request)?, &mut out);
        let reply = sent(&out).context("expected an answer")?;
        match codec::decode(&reply.bytes)?.1.body {
            Body::Response(Response { token: Some(token), .. }) => Ok(token),
            body => anyhow::bail!("expected a token, got {body:?}"),
        }
    }
}

fn ask(codec: Codec, source: u8, number: usize, request: Request) -> anyhow::Result<Vec<u8>> {
    let sender = Key::new([source * 16; Key::LEN]);
    let message = Message {
        tid: u32::try_from(number)?.into(),
        network: NetworkId::BITTORRENT,
        version: None,
        read_only: false,
        observed: None,
        body: Body::Query(Query { sender, want: Want::Unsaid, request }),
    };
    encode(codec, &message)
}

fn encode(codec: Codec, message: &Message) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    codec::encode(codec, message, &mut bytes)?;
    Ok(bytes)
}

/// Returns the first packet to be sent.
fn sent(effects: &[Effect]) -> Option<&Packet> {
    effects.iter().find_map(reply)
}

/// Returns the packet an effect sends, now or after a commit.
fn reply(effect: &Effect) -> Option<&Packet> {
    match effect {
        Effect::Send(packet) | Effect::Commit { reply: Some(packet), .. } => Some(packet),
        Effect::Commit { .. } | Effect::Finished(..) | Effect::Event(_) => None,
    }
}
