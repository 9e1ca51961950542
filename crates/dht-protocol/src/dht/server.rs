//! The answering side: questions of others, answered from what this node knows and holds.
//!
//! Asking costs nothing here: no state is kept per asker, and the contact lists of an answer are
//! read straight off the table. Storing needs a token that only the asker's address can have got.
//!
//! **Spec:** BEP 5, 32, 33, 43, 44, 51.

use core::net::SocketAddr;

use quintet_primitives::time::{Instant, UnixTime};
use rand::rngs::StdRng;

use super::{Clock, Config, tables::Tables};
use crate::{
    contact::Family,
    key::Key,
    message::{
        FoundValue, Item, Query, Request, Response, RpcError, Samples, StoreValue, Token,
        ValueKind, Want, code,
    },
    record::{
        Change, Refusal,
        shelf::{Limits, Shelf},
    },
    token::Tokens,
};

/// Peers in one answer: with eight contacts beside them they stay within the 1,024 bytes of BEP 32.
const PEERS_PER_ANSWER_V4: usize = 80;

/// The same for IPv6, whose peers are 18 bytes long.
const PEERS_PER_ANSWER_V6: usize = 24;

/// Info-hash samples in one answer.
const SAMPLES_PER_ANSWER: usize = 20;

/// Seconds after which an asker may expect other samples (BEP 51: 0..=21,600).
const SAMPLE_INTERVAL_SECS: u32 = 60;

/// What to do about a query.
#[derive(Debug)]
pub(super) enum Answer {
    /// Send this.
    Reply(Response),
    /// Send this once the changes are durable.
    Stored(Response, Vec<Change>),
    /// Say why not.
    Refuse(RpcError),
    /// Say nothing.
    Silence,
}

/// Holds records and permits.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) shelf: Shelf,
    tokens: Tokens,
}

impl Server {
    pub(super) fn new(own: Key, limits: Limits, now: Instant, rng: &mut StdRng) -> Self {
        Self { shelf: Shelf::new(own, limits), tokens: Tokens::new(now, rng) }
    }

    /// Answers `query`, which came from `asker`.
    pub(super) fn answer(
        &mut self,
        query: Query,
        asker: SocketAddr,
        clock: Clock,
        (config, tables): (&Config, &Tables),
        rng: &mut StdRng,
    ) -> Answer {
        if config.read_only {
            return Answer::Silence;
        }
        let families = wanted(query.want, &asker);
        let near = |key: Key| near(tables, key, families, config.bucket_size);
        match query.request {
            Request::Ping => Answer::Reply(Response::default()),
            Request::FindNode { target } | Request::Unknown { target: Some(target), .. } => {
                Answer::Reply(near(target))
            }
            Request::Unknown { target: None, method } => Answer::Refuse(RpcError {
                code: code::METHOD_UNKNOWN,
                message: format!("method {method:?} is unknown"),
            }),
            Request::FindValue { key, kind, newer_than, scrape } => {
                let mut response = near(key);
                response.token = self.permit(asker, key, clock.now, rng);
                match kind {
                    ValueKind::Peers => {
                        self.find_peers(&mut response, key, &asker, scrape && config.scrape, rng);
                    }
                    ValueKind::Item => self.find_item(&mut response, key, newer_than),
                    ValueKind::Raw => {
                        response.value =
                            self.shelf.raw(key).map(|raw| FoundValue::Raw(raw.to_vec()));
                    }
                }
                Answer::Reply(response)
            }
            Request::Store { key, token, value } => {
                self.tokens.rotate(clock.now, rng);
                if !self.tokens.accepts(&token, asker.ip(), key) {
                    return refuse(code::PROTOCOL, "bad token: ask for this key again first");
                }
                self.store(key, value, asker, clock.wall, (config.raw_values, rng))
            }
            Request::Sample { target } if config.sample => {
                let mut response = near(target);
                let (hashes, total) = self.shelf.samples(SAMPLES_PER_ANSWER, rng);
                let total = u64::try_from(total).unwrap_or(u64::MAX);
                response.samples = Some(Samples {
                    interval: Some(SAMPLE_INTERVAL_SECS),
                    total: Some(total),
                    hashes,
                });
                Answer::Reply(response)
            }
            Request::Sample { target } => Answer::Reply(near(target)),
        }
    }

    fn permit(
        &mut self,
        asker: SocketAddr,
        key: Key,
        now: Instant,
        rng: &mut StdRng,
    ) -> Option<Token> {
        self.tokens.rotate(now, rng);
        self.shelf.has_room_for(key).then(|| self.tokens.issue(asker.ip(), key))
    }

    fn find_peers(
        &self,
        response: &mut Response,
        info_hash: Key,
        asker: &SocketAddr,
        scrape: bool,
        rng: &mut StdRng,
    ) {
        let family = Family::of(asker);
        let max = match family {
            Family::V4 => PEERS_PER_ANSWER_V4,
            Family::V6 => PEERS_PER_ANSWER_V6,
        };
        if scrape {
            response.scrape = self.shelf.scrape(info_hash).map(Box::new);
        }
        // The filters fill the packet; who asks for them does not want addresses.
        if response.scrape.is_none() {
            response.peers = self.shelf.peers(info_hash, family, max, rng);
        }
    }

    fn find_item(&self, response: &mut Response, key: Key, newer_than: Option<i64>) {
        let Some(item) = self.shelf.item(key) else { return };
        match (item, newer_than) {
            (Item::Mutable(item), Some(known)) if item.seq <= known => {
                response.seq = Some(item.seq);
            }
            (Item::Mutable(item), _) => {
                let mut item = item.clone();
                item.salt.clear();
                response.value = Some(FoundValue::Item(Item::Mutable(item)));
            }
            (Item::Immutable { .. }, _) => {
                response.value = Some(FoundValue::Item(item.clone()));
            }
        }
    }

    fn store(
        &mut self,
        key: Key,
        value: StoreValue,
        asker: SocketAddr,
        wall: UnixTime,
        (raw_values, rng): (bool, &mut StdRng),
    ) -> Answer {
        let source = asker.ip();
        let stored = match value {
            StoreValue::Peer { port: Some(0), .. } => {
                return refuse(code::PROTOCOL, "expected a port of 1 to 65535, got 0");
            }
            StoreValue::Peer { port, seed } => {
                let peer = SocketAddr::new(source, port.unwrap_or(asker.port()));
                self.shelf.put_peer(key, (peer, seed), source, wall, rng)
            }
            StoreValue::Item { item, cas } => self.shelf.put_item(key, item, cas, source, wall),
            StoreValue::Raw { .. } if !raw_values => {
                return refuse(code::METHOD_UNKNOWN, "unsigned values are not stored here");
            }
            StoreValue::Raw { value } => self.shelf.put_raw(key, value, source, wall),
        };
        stored.map_or_else(
            |refusal: Refusal| Answer::Refuse(refusal.into()),
            |changes| Answer::Stored(Response::default(), changes),
        )
    }
}

fn refuse(code: i64, message: &str) -> Answer {
    Answer::Refuse(RpcError { code, message: message.to_owned() })
}

/// Returns whether IPv4 and IPv6 contacts are wanted.
fn wanted(want: Want, asker: &SocketAddr) -> (bool, bool) {
    match want {
        Want::Unsaid => (asker.is_ipv4(), asker.is_ipv6()),
        Want::V4 => (true, false),
        Want::V6 => (false, true),
        Want::Both => (true, true),
    }
}

/// Starts an answer with the contacts closest to `key`.
fn near(tables: &Tables, key: Key, (v4, v6): (bool, bool), count: usize) -> Response {
    Response {
        nodes: v4.then(|| tables.closest(Family::V4, key, count)),
        nodes6: v6.then(|| tables.closest(Family::V6, key, count)),
        ..Response::default()
    }
}

/// The answer to a store that could not be made durable.
pub(super) fn disk_failure() -> RpcError {
    RpcError { code: code::SERVER, message: "the record could not be written to disk".to_owned() }
}
