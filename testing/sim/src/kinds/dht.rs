//! The DHT: nodes that speak by packets and agree on nothing but what they find. Work is a record or the announcement of a peer.

use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use base64::Engine as _;
use interop::{Binary, eventually, hex, jsonrpc};
use rand::{RngExt as _, rngs::StdRng};
use serde_json::{Value, json};

use crate::{
    fabric::Fabric,
    kind::{Head, Kind, Place, Port},
    network::Node,
    rpc::{number, text},
};

/// Of what a node acknowledged, what others are asked for when it is looked at whether they share it: the newest.
const SHARED: usize = 3;

/// How often a node looks for one thing: of questions and answers some are lost, and lost packets are not sent again.
const ATTEMPTS: usize = 4;

/// Nodes of the DHT.
#[derive(Debug)]
pub struct Dht {
    places: Vec<Place>,
}

impl Dht {
    /// Calls a method of a node.
    ///
    /// # Errors
    ///
    /// If it does not answer.
    pub fn call(place: &Place, method: &str, params: &Value) -> Result<Value> {
        let cookie = std::fs::read(place.folder.join("data/rpc.cookie"))?;
        let credentials = base64::engine::general_purpose::STANDARD.encode(cookie.trim_ascii());
        jsonrpc::call_as(&place.rpc.to_string(), &format!("Basic {credentials}"), method, params)
    }

    /// Whether a node finds what was acknowledged.
    fn finds(place: &Place, acknowledged: &str) -> Result<bool> {
        let words: Vec<_> = acknowledged.split(' ').collect();
        match *words.as_slice() {
            ["item", key] => {
                let found = Self::call(place, "dht_get", &json!({ "key": key }))?;
                Ok(found["record"]["kind"] == "immutable")
            }
            ["peer", info_hash, port] => {
                let found = Self::call(place, "dht_getPeers", &json!({ "info_hash": info_hash }))?;
                let end = format!(":{port}");
                let mut peers = found["peers"].as_array().into_iter().flatten();
                Ok(peers.any(|peer| peer.as_str().is_some_and(|peer| peer.ends_with(&end))))
            }
            _ => bail!("expected an item or a peer, got {acknowledged}"),
        }
    }
}

impl Kind for Dht {
    const NAME: &'static str = "dht";
    const NODES: usize = 5;
    const GOES_ON: bool = false;
    const FIRST: u64 = 0;
    /// One piece on each side: who did not answer twice is not asked again for two minutes, and who never does is forgotten.
    const PARTED_WORK: usize = 1;
    /// Each waits for packets that are lost, as long as a node waits for an answer.
    const FOUL_WORK: usize = 8;

    fn prepare(_: &Path, _: &Binary, places: &[Place]) -> Result<Self> {
        Ok(Self { places: places.to_vec() })
    }

    /// Whoever is parted from the others before it knows its neighbours is alone.
    fn after_wave(&self, _: usize, _: &Binary) -> Result<()> {
        for place in &self.places {
            eventually("every node knows all others", || {
                let status = Self::call(place, "dht_status", &json!([]))?;
                let known = usize::try_from(number(&status, "contacts")?)?;
                Ok((known + 1 >= Self::NODES).then_some(()))
            })?;
        }
        Ok(())
    }

    fn fabric(places: &[Place], seed: u64) -> Result<Fabric> {
        let nodes: Vec<_> = places.iter().map(|place| place.peers).collect();
        Ok(Fabric::of_packets(&nodes, seed)?)
    }

    /// Limits hold for local addresses as well: strangers are at another than nodes.
    fn arguments(&self, place: &Place) -> Vec<String> {
        let known: Vec<_> = place.known.iter().map(ToString::to_string).collect();
        let mut all: Vec<String> =
            ["dht", "--json", "--allow-local", "--limits-exempt-local=false"]
                .map(String::from)
                .into();
        all.push("--ops-enabled=false".to_owned());
        all.push(format!("--listen={}", place.peers));
        all.push(format!("--rpc-listen={}", place.rpc));
        all.push(format!("--bootstrap={}", known.join(",")));
        all.push(format!("--data-dir={}", place.folder.join("data").display()));
        all
    }

    fn ports(&self, place: &Place) -> Vec<Port> {
        vec![Port::Udp(place.peers), Port::Tcp(place.rpc)]
    }

    /// A record, or the announcement of a peer at the node.
    fn work(&self, place: &Place, chance: &mut StdRng) -> Result<Vec<String>> {
        let announces = chance.random_range(0..3) == 0;
        let (stored, name) = if announces {
            let (info_hash, port): ([u8; 20], u16) =
                (chance.random(), chance.random_range(1..=u16::MAX));
            let info_hash = hex::encode(&info_hash);
            let params = json!({ "info_hash": info_hash, "port": port });
            let name = format!("peer {info_hash} {port}");
            (Self::call(place, "dht_announce", &params)?, name)
        } else {
            let record = json!({ "text": format!("record {:016x}", chance.random::<u64>()) });
            let stored = Self::call(place, "dht_put", &json!({ "record": record }))?;
            let name = format!("item {}", text(&stored, "key")?);
            (stored, name)
        };
        ensure!(number(&stored, "acknowledged")? > 0, "nobody holds {name}: {stored}");
        Ok(vec![name])
    }

    /// There are no blocks: a node is up once it knows somebody.
    fn head(&self, place: &Place) -> Result<Head> {
        let status = Self::call(place, "dht_status", &json!([]))?;
        ensure!(number(&status, "contacts")? > 0, "it knows nobody: {status}");
        Ok(Head { height: 0, hash: String::new() })
    }

    /// Each finds what any of them stored last.
    fn share(&self, group: &[&Node]) -> Result<()> {
        let newest = |node: &&Node| {
            let names = node.acknowledged.iter().rev().take(SHARED);
            names.cloned().collect::<Vec<_>>()
        };
        let names: Vec<String> = group.iter().flat_map(newest).collect();
        let finds_all = |place: &Place| -> Result<()> {
            for name in &names {
                let mut attempts = (0..ATTEMPTS).map(|_| Self::finds(place, name));
                let is_found = attempts.any(|found| found.unwrap_or(false));
                ensure!(is_found, "node {} does not find {name}", place.index);
            }
            Ok(())
        };
        std::thread::scope(|scope| {
            let asked: Vec<_> =
                group.iter().map(|node| scope.spawn(|| finds_all(&node.place))).collect();
            for thread in asked {
                thread.join().ok().context("a thread that asks")??;
            }
            Ok(())
        })
    }

    fn keeps(&self, place: &Place, acknowledged: &str) -> Result<bool> {
        Self::finds(place, acknowledged)
    }

    fn arrived(&self, place: &Place, acknowledged: &str) -> Result<bool> {
        Self::finds(place, acknowledged)
    }
}
