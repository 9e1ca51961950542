//! Four LuxTensor validators as four processes: blocks by all of them final, a transaction final everywhere, one killed and back, one
//! that runs twice with one key found out.

use std::{
    collections::BTreeSet,
    net::TcpListener,
    time::{Duration, Instant},
};

use alloy_consensus::{TxEip1559, TypedTransaction};
use alloy_primitives::{Address, TxKind, U256, hex};
use quintet_lux_node::dev::{MNEMONIC, accounts};
use serde_json::{Value, json};

use crate::{
    lux::{ask, try_ask},
    quintet::{Home, Running},
};

/// Longest any of these things may take, on a machine that does other work.
const PATIENCE: Duration = Duration::from_secs(120);

const VALIDATORS: usize = 4;
/// Milliseconds of a slot: long enough for four unoptimised nodes on two busy cores.
const SLOT_MILLIS: &str = "500";

struct World {
    home: Home,
    genesis: String,
    ports: Vec<u16>,
}

impl World {
    fn new() -> Self {
        let home = Home::new();
        let net = home.path("net");
        home.ok(&["lux", "new", &net, "--slot-millis", SLOT_MILLIS, "--epoch-slots", "8"]);
        // Ports that were free a moment ago.
        let free: Vec<_> =
            (0..=VALIDATORS).map(|_| TcpListener::bind(("127.0.0.1", 0)).unwrap()).collect();
        let ports = free.iter().map(|one| one.local_addr().unwrap().port()).collect();
        Self { genesis: format!("{net}/genesis.json"), home, ports }
    }

    /// Starts a node with the key of validator `key` (from 0) in place `place`.
    fn start(&self, key: usize, place: usize) -> Running {
        let key = self.home.path(&format!("net/validator-{}.key", key + 1));
        let data = self.home.path(&format!("node-{place}"));
        let listen = format!("127.0.0.1:{}", self.ports[place]);
        let others = (0..VALIDATORS).filter(|other| *other != place);
        let peers: Vec<_> =
            others.map(|other| format!("127.0.0.1:{}", self.ports[other])).collect();
        let peers = peers.join(",");
        self.home.start(&[
            "lux",
            "run",
            "--json",
            "--port",
            "0",
            "--genesis",
            &self.genesis,
            "--validator-key",
            &key,
            "--data-dir",
            &data,
            "--listen",
            &listen,
            "--peers",
            &peers,
        ])
    }
}

fn wait<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "waited {PATIENCE:?} for {what}");
        // Processes of their own cannot be waited for with paused time.
        std::thread::sleep(Duration::from_millis(100));
    }
}

fn number(value: &Value) -> u64 {
    let text = value.as_str().unwrap_or("0x0").trim_start_matches("0x");
    u64::from_str_radix(text, 16).unwrap()
}

fn finalised(node: &Running) -> u64 {
    number(&ask(node, "eth_getBlockByNumber", &json!(["finalized", false]))["number"])
}

fn peers(node: &Running) -> u64 {
    number(&ask(node, "net_peerCount", &json!([])))
}

fn block(node: &Running, number: u64) -> Value {
    ask(node, "eth_getBlockByNumber", &json!([format!("{number:#x}"), false]))
}

/// A transfer by the first funded account of so many wei.
fn transfer(nonce: u64, wei: u64) -> String {
    let sender = accounts(MNEMONIC, 1).unwrap().remove(0);
    let transaction = TypedTransaction::Eip1559(TxEip1559 {
        chain_id: 88_980,
        nonce,
        gas_limit: 21_000,
        max_fee_per_gas: 10_000_000_000,
        max_priority_fee_per_gas: 1_000_000_000,
        to: TxKind::Call(Address::repeat_byte(0x77)),
        value: U256::from(wei),
        ..TxEip1559::default()
    });
    hex::encode_prefixed(sender.sign(transaction).unwrap().encoded())
}

/// How many transactions of the first funded account are in blocks.
fn nonce(node: &Running) -> u64 {
    let sender = accounts(MNEMONIC, 1).unwrap().remove(0).address;
    number(&ask(node, "eth_getTransactionCount", &json!([sender.to_string(), "latest"])))
}

/// Sends a transaction; one whose nonce was used meanwhile is refused, and no harm done.
fn send(node: &Running, raw: &str) {
    try_ask(node, "eth_sendRawTransaction", &json!([raw]));
}

#[test]
fn four_validators_make_one_final_chain_through_a_kill_and_an_equivocator() {
    let world = World::new();
    let mut nodes: Vec<_> = (0..VALIDATORS).map(|index| world.start(index, index)).collect();

    // Final blocks by all four.
    let all: BTreeSet<String> =
        nodes.iter().map(|node| node.text("validator").to_lowercase()).collect();
    wait("final blocks by all four", || {
        let upto = finalised(&nodes[0]);
        let by = (1..=upto).map(|number| block(&nodes[0], number)["miner"].clone());
        let by: BTreeSet<String> = by.map(|one| one.as_str().unwrap().to_lowercase()).collect();
        (by == all).then_some(())
    });

    for node in &nodes {
        assert_eq!(ask(node, "net_listening", &json!([])), true);
        wait("each to have the others as its peers", || (peers(node) == 3).then_some(()));
    }

    // A transaction sent to one is final on all.
    let raw = transfer(0, 5);
    let hash = ask(&nodes[1], "eth_sendRawTransaction", &json!([raw]));
    let mut places = BTreeSet::new();
    for node in &nodes {
        let place = wait("the transaction to be final", || {
            let receipt = ask(node, "eth_getTransactionReceipt", &json!([hash]));
            let at = receipt["blockNumber"].as_str().map(|_| number(&receipt["blockNumber"]))?;
            (finalised(node) >= at).then(|| receipt["blockHash"].to_string())
        });
        places.insert(place);
    }
    assert_eq!(places.len(), 1, "final in different blocks: {places:?}");

    // One is killed; the others go on, and it comes back and follows.
    nodes.remove(3).signal("-KILL");
    let before = finalised(&nodes[0]);
    wait("finality without one of four", || (finalised(&nodes[0]) > before + 4).then_some(()));
    wait("the others to miss the killed one", || (peers(&nodes[0]) == 2).then_some(()));
    nodes.push(world.start(3, 3));
    let now = finalised(&nodes[0]);
    wait("the killed one to follow", || (finalised(&nodes[3]) > now + 4).then_some(()));
    let agreed = finalised(&nodes[3]).min(finalised(&nodes[0]));
    assert_eq!(block(&nodes[3], agreed)["hash"], block(&nodes[0], agreed)["hash"]);
    for node in &nodes {
        // It was killed and started again, and has not said two things.
        assert_eq!(ask(node, "lux_equivocations", &json!([])), json!([]));
    }

    // A second process with the key of one, in another directory. As long as both know the same they sign the same, so they are made to
    // differ: each is told another transaction with a nonce too high, which pools keep to themselves, and then one closes the gap. Whose
    // turn it is decides whether both make a block of it.
    let accused = nodes[2].text("validator").to_lowercase();
    let twin = world.start(2, VALIDATORS);
    let mut upto = 0;
    let found = wait("the equivocator to be found out", || {
        let nonce = nonce(&nodes[0]);
        if nonce >= upto {
            upto = nonce + 2;
            send(&nodes[2], &transfer(nonce + 1, 1));
            send(&twin, &transfer(nonce + 1, 2));
            send(&nodes[0], &transfer(nonce, 3));
        }
        let found = ask(&nodes[0], "lux_equivocations", &json!([]));
        found[0]["validator"].as_str().map(str::to_lowercase)
    });
    assert_eq!(found, accused);
    let found = wait("the evidence to reach another", || {
        let found = ask(&nodes[1], "lux_equivocations", &json!([]));
        found[0]["validator"].as_str().map(str::to_lowercase)
    });
    assert_eq!(found, accused);
    let before = finalised(&nodes[0]);
    wait("finality beside an equivocator", || (finalised(&nodes[0]) > before + 4).then_some(()));
}

#[test]
fn validators_that_know_nobody_but_a_node_of_the_dht_find_each_other() {
    let world = World::new();
    let dht = world.home.start(&[
        "dht",
        "--listen",
        "127.0.0.1:0",
        "--rpc-enabled=false",
        "--ops-enabled=false",
        "--bootstrap",
        "",
        "--allow-local",
        "--json",
        "--data-dir",
        &world.home.path("dht"),
    ]);
    let known = dht.ready["dht"][0].as_str().unwrap().to_owned();
    let nodes: Vec<_> = (0..VALIDATORS)
        .map(|index| {
            let key = world.home.path(&format!("net/validator-{}.key", index + 1));
            let data = world.home.path(&format!("alone-{index}"));
            world.home.start(&[
                "lux",
                "run",
                "--json",
                "--port=0",
                "--listen=127.0.0.1:0",
                "--genesis",
                &world.genesis,
                "--validator-key",
                &key,
                "--data-dir",
                &data,
                "--dht",
                &known,
            ])
        })
        .collect();
    // More than two thirds have to vote, so three have found each other at least; and then the fourth.
    for node in &nodes {
        wait("final blocks at each", || (finalised(node) > 4).then_some(()));
    }
    let agreed = nodes.iter().map(finalised).min().unwrap();
    let hashes: BTreeSet<_> =
        nodes.iter().map(|node| block(node, agreed)["hash"].to_string()).collect();
    assert_eq!(hashes.len(), 1, "{hashes:?}");
}
