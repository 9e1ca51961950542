//! Queries as bytes with two holes, and as much of a reply as a loader can afford to read.
//!
//! The loader shares the machine with the server it measures, so it must be cheaper: a query is made
//! once and then only its transaction id and its target change, and of most replies only the tail is
//! read, where KRPC's key order puts the transaction id and the kind.

use anyhow::{Context as _, bail};
use clap::ValueEnum;
use quintet_dht_protocol::{
    codec::krpc,
    key::Key,
    message::{Body, Message, NetworkId, Query, Request, TransactionId, ValueKind, Want},
};
use serde::Serialize;

/// What is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Method {
    /// A sign of life.
    Ping,
    /// Contacts close to a random key.
    FindNode,
    /// Peers of a random info-hash that has none: contacts and a token.
    GetPeers,
}

impl Method {
    /// Returns the method's name in KRPC.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Ping => "ping",
            Self::FindNode => "find_node",
            Self::GetPeers => "get_peers",
        }
    }

    const fn request(self, key: Key) -> Request {
        match self {
            Self::Ping => Request::Ping,
            Self::FindNode => Request::FindNode { target: key },
            Self::GetPeers => {
                Request::FindValue { key, kind: ValueKind::Peers, newer_than: None, scrape: false }
            }
        }
    }
}

/// Encodes a query under a transaction id.
pub(crate) fn query(sender: Key, tid: u32, request: Request) -> anyhow::Result<Vec<u8>> {
    encode(tid.into(), Body::Query(Query { sender, want: Want::Unsaid, request }))
}

/// Encodes a message as KRPC.
pub(crate) fn encode(tid: TransactionId, body: Body) -> anyhow::Result<Vec<u8>> {
    let network = NetworkId::BITTORRENT;
    let message = Message { tid, network, version: None, read_only: false, observed: None, body };
    let mut bytes = Vec::new();
    krpc::encode(&message, &mut bytes)?;
    Ok(bytes)
}

/// A query whose transaction id and target are filled in later.
#[derive(Debug, Clone)]
pub(crate) struct Template {
    bytes: Vec<u8>,
    tid_at: usize,
    /// None for a ping.
    target_at: Option<usize>,
}

impl Template {
    /// Makes the query of `method` from `sender`.
    pub(crate) fn new(method: Method, sender: Key) -> anyhow::Result<Self> {
        const TID: u32 = u32::from_be_bytes([0xfe; 4]);
        const TARGET: [u8; Key::LEN] = [0xfd; Key::LEN];
        let bytes = query(sender, TID, method.request(Key::new(TARGET)))?;
        let find = |mark: &[u8]| bytes.windows(mark.len()).position(|window| window == mark);
        let tid_at = find(&TID.to_be_bytes()).context("a query has a transaction id")?;
        let target_at = find(&TARGET);
        Ok(Self { bytes, tid_at, target_at })
    }

    /// Fills in the holes.
    pub(crate) fn fill(&mut self, tid: u32, target: &[u8; Key::LEN]) {
        self.bytes[self.tid_at..self.tid_at + 4].copy_from_slice(&tid.to_be_bytes());
        if let Some(at) = self.target_at {
            self.bytes[at..at + Key::LEN].copy_from_slice(target);
        }
    }

    /// Returns the query.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// What the tail of a packet says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Glance {
    /// A response to the query of this transaction id.
    Response(u32),
    /// An error, whatever it answers.
    Error,
    /// A query, or something else that is no answer.
    Other,
}

/// Reads the tail of a packet.
pub(crate) fn glance(packet: &[u8]) -> Glance {
    /// The transaction id, eight bytes of version and the kind stand in fewer bytes than this.
    const TAIL: usize = 48;
    const TID_KEY: &[u8] = b"1:t4:";
    if packet.ends_with(b"1:y1:ee") {
        return Glance::Error;
    }
    if !packet.ends_with(b"1:y1:re") {
        return Glance::Other;
    }
    let tail = packet.get(packet.len().saturating_sub(TAIL)..).unwrap_or(packet);
    let at = tail.windows(TID_KEY.len()).rposition(|window| window == TID_KEY);
    let tid = at.and_then(|at| tail.get(at + TID_KEY.len()..)?.first_chunk::<4>());
    tid.map_or(Glance::Other, |tid| Glance::Response(u32::from_be_bytes(*tid)))
}

/// Reads a whole reply and returns how many contacts it names.
pub(crate) fn contacts_in(packet: &[u8]) -> anyhow::Result<usize> {
    match krpc::decode(packet)?.body {
        Body::Response(response) => Ok(response.nodes.map_or(0, |nodes| nodes.len())),
        body => bail!("expected a response, got {body:?}"),
    }
}

#[cfg(test)]
mod tests {
    use quintet_dht_protocol::message::Response;

    use super::*;

    #[test]
    fn a_filled_query_says_what_it_was_filled_with() {
        for method in [Method::Ping, Method::FindNode, Method::GetPeers] {
            let mut template = Template::new(method, Key::new([1; 20])).unwrap();
            template.fill(7, &[9; 20]);
            let message = krpc::decode(template.bytes()).unwrap();
            assert_eq!(message.tid.as_u32(), Some(7));
            let Body::Query(query) = message.body else { panic!("not a query") };
            assert_eq!(query.request, method.request(Key::new([9; 20])));
        }
    }

    #[test]
    fn a_glance_tells_responses_errors_and_queries_apart() {
        let response = encode(77.into(), Body::Response(Response::default())).unwrap();
        assert_eq!(glance(&response), Glance::Response(77));
        let query = query(Key::default(), 77, Request::Ping).unwrap();
        assert_eq!(glance(&query), Glance::Other);
        assert_eq!(glance(b"d1:eli201e1:xe1:t4:abcd1:y1:ee"), Glance::Error);
        assert_eq!(glance(b"1:y1:re"), Glance::Other);
    }
}
