//! `quintet up` and `quintet up --check`.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    path::Path,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    lux::ask_at,
    quintet::{Home, Running},
};

/// Longest a network may take to come to something, on a machine that does other work.
const PATIENCE: Duration = Duration::from_secs(120);

#[test]
fn up_check_passes_and_says_what_it_saw() {
    let home = Home::new();
    let said = home.ok(&["up", "--check"]);
    let lines: Vec<_> = said.lines().collect();
    let [line, bitcoin, kaspa, lux, rollup] = lines[..] else { panic!("one line a kind: {said}") };
    assert!(bitcoin.starts_with("bitcoin  ok  payment "), "{bitcoin}");
    assert!(kaspa.starts_with("kaspa  ok  payment "), "{kaspa}");
    assert!(lux.starts_with("lux  ok  chain 88980; transfer 0x"), "{lux}");
    assert!(lux.contains(", 21000 gas, 1000000007 wei arrived, final on 4 validators"), "{lux}");
    assert!(lux.ends_with(" peers or more each, found by the dht"), "{lux}");
    assert!(rollup.starts_with("rollup  ok  chain 42069 on 88980; deposit 0x"), "{rollup}");
    assert!(rollup.contains(", 5000000011 wei on both nodes after "), "{rollup}");
    assert!(line.starts_with("dht  ok  16 nodes, "), "{line}");
    for part in [" acknowledged) read by dht-", " hop", " ms; mutable record at version 2"] {
        assert!(line.contains(part), "{part} is not in {line}");
    }
}

#[test]
fn up_check_passes_with_the_fewest_nodes_and_for_scripts() {
    let home = Home::new();
    let seen = home.json(&["up", "--check", "--json", "--kinds", "dht", "--nodes", "2"]);
    assert_eq!(seen["result"], "ok", "{seen}");
    assert_eq!(seen["seen"]["nodes"], 2);
    assert_eq!(seen["seen"]["mutable_seq"], 2);
}

#[test]
fn up_check_proves_that_a_transfer_is_final_on_all_validators() {
    let seen = Home::new().json(&["up", "--check", "--json", "--kinds", "lux"]);
    assert_eq!((&seen["kind"], &seen["result"]), (&"lux".into(), &"ok".into()), "{seen}");
    assert_eq!(
        (&seen["seen"]["validators"], &seen["seen"]["gas_used"]),
        (&4.into(), &21_000.into())
    );
    assert_eq!(seen["seen"]["received"], 1_000_000_007);
    // Without the DHT among the kinds each is told of the others.
    assert_eq!(seen["seen"]["found_by"], "a list");
    let height = |field: &str| seen["seen"][field].as_u64().unwrap();
    assert!(height("finalized") > height("block"), "{seen}");
}

#[test]
fn up_check_proves_a_rollup_on_validators_it_brings_along_and_again_from_their_data() {
    let home = Home::new();
    let mut safe = 0;
    for _ in 0..2 {
        let args = ["up", "--check", "--json", "--kinds", "rollup", "--data-dir", "net"];
        let out = home.ok(&args);
        let lines: Vec<Value> =
            out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let [lux, rollup] = &lines[..] else { panic!("a line a kind: {out}") };
        assert_eq!((&lux["kind"], &lux["result"]), (&"lux".into(), &"ok".into()), "{lux}");
        assert_eq!((&rollup["kind"], &rollup["result"]), (&"rollup".into(), &"ok".into()));
        let seen = &rollup["seen"];
        assert_eq!(seen["received"], 5_000_000_011_u64);
        let now = seen["safe"].as_u64().unwrap();
        assert!(now > safe, "the safe head was at {safe} and is at {now}");
        safe = now;
    }
}

#[test]
fn up_check_proves_that_a_payment_is_mined_and_a_reorganisation_followed() {
    let seen = Home::new().json(&["up", "--check", "--json", "--kinds", "bitcoin"]);
    assert_eq!((&seen["kind"], &seen["result"]), (&"bitcoin".into(), &"ok".into()), "{seen}");
    assert_eq!(seen["seen"]["height"], 103);
    assert_ne!(seen["seen"]["block"], seen["seen"]["replaced_by"]);
}

#[test]
fn up_check_proves_that_two_kaspa_nodes_agree_on_a_payment_and_do_so_again_after_a_restart() {
    let home = Home::new();
    let check = || home.json(&["up", "--check", "--json", "--kinds", "kaspa", "--data-dir", "net"]);
    let first = check();
    assert_eq!((&first["kind"], &first["result"]), (&"kaspa".into(), &"ok".into()), "{first}");
    assert_eq!(first["seen"]["submitted_at"], "kaspa-01");
    let blocks = |seen: &Value| seen["seen"]["blocks"].as_u64().unwrap();
    assert!(blocks(&first) >= 140, "{first}");
    let again = check();
    assert_eq!(again["result"], "ok", "{again}");
    assert!(blocks(&again) > blocks(&first), "{first} {again}");
    assert_ne!(first["seen"]["transaction"], again["seen"]["transaction"]);
}

#[test]
fn up_check_fails_with_a_reason() {
    let home = Home::new();
    home.write("in-the-way", "");
    let ended =
        home.run(&["up", "--check", "--nodes", "2", "--data-dir", "in-the-way/x", "--json"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.err.contains("cannot create in-the-way/x"), "{ended:?}");
    // A node's own directory is in the way: the network comes up to there, and is stopped again.
    std::fs::create_dir(home.path("net")).unwrap();
    home.write("net/dht-01", "");
    let ended = home.run(&["up", "--check", "--nodes", "3", "--data-dir", "net", "--json"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let told: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(told["result"], "failed");
    assert!(told["reason"].as_str().unwrap().starts_with("dht-01 does not start: "), "{told}");
}

#[test]
fn up_serves_its_page_and_its_nodes_and_leaves_nothing_behind() {
    let home = Home::new();
    let up = home.start(&["up", "--json", "--nodes", "4", "--dashboard", "127.0.0.1:0"]);
    assert_eq!(up.text("event"), "ready");
    let nodes = up.ready["nodes"].as_array().unwrap().clone();
    assert_eq!(nodes.len(), 4);
    let data_dir = up.text("data_dir").to_owned();

    let page = get(up.text("dashboard"), "/");
    assert!(page.contains("200 OK") && page.contains("<title>Quintet</title>"), "{page}");
    assert_eq!(up.ready["kinds"], json!(["dht", "bitcoin", "kaspa", "lux", "rollup"]));
    let lux = &up.ready["lux"];
    assert_eq!(lux["accounts"].as_array().map(Vec::len), Some(10), "{lux}");
    assert_eq!(lux["nodes"].as_array().map(Vec::len), Some(4), "{lux}");
    assert_eq!(up.ready["rollup"]["nodes"].as_array().map(Vec::len), Some(2), "{}", up.ready);
    assert_eq!(up.ready["kaspa"]["nodes"].as_array().map(Vec::len), Some(2), "{}", up.ready);
    // Nodes are on the page from the first sample on, and the DAG from the first block on.
    let begun = Instant::now();
    loop {
        let snapshot = get(up.text("dashboard"), "/api/snapshot");
        let has = |kind: &str| snapshot.contains(&format!("\"kind\":\"{kind}\""));
        let has_dag = snapshot.contains("\"is_chain\":true");
        if ["bitcoin", "kaspa", "lux", "rollup"].into_iter().all(has) && has_dag {
            break;
        }
        assert!(begun.elapsed() < PATIENCE, "{snapshot}");
    }
    let metrics = get(up.text("metrics"), "/metrics");
    assert!(metrics.contains("quintet_dht_contacts{instance=\"dht-03\"}"), "{metrics}");

    let dir = |index: usize| nodes[index]["data_dir"].as_str().unwrap();
    let put = home.json(&["dht", "put", "hello", "--json", "--data-dir", dir(0)]);
    let key = put["key"].as_str().unwrap();
    assert_eq!(home.ok(&["dht", "get", key, "--data-dir", dir(3)]), "hello");

    let (status, rest) = up.stop();
    assert_eq!((status.code(), rest.as_str()), (Some(0), ""));
    assert!(!Path::new(&data_dir).exists());
}

#[test]
fn a_network_with_a_directory_of_its_own_comes_back_with_its_ids() {
    let home = Home::new();
    let args = [
        "up",
        "--json",
        "--no-traffic",
        "--nodes",
        "2",
        "--dashboard",
        "127.0.0.1:0",
        "--data-dir",
        "net",
    ];
    let ids = || {
        let up = home.start(&args);
        let ids = up.ready["nodes"].as_array().unwrap().iter().map(|node| node["id"].clone());
        let ids: Vec<Value> = ids.collect();
        assert_eq!(up.stop().0.code(), Some(0));
        ids
    };
    assert_eq!(ids(), ids());
}

/// Where a node of the rollup answers.
fn rollup(up: &Running, node: usize, door: &str) -> String {
    up.ready["rollup"]["nodes"][node][door].as_str().unwrap().to_owned()
}

/// Waits until the verifier has derived a block; returns its safe head.
fn derived(up: &Running, at_least: u64) -> u64 {
    let verifier = rollup(up, 1, "rpc");
    let begun = Instant::now();
    loop {
        let status = ask_at(&verifier, "optimism_syncStatus", &json!([]));
        let safe = status["result"]["safe_l2"]["number"].as_u64().unwrap_or(0);
        if safe >= at_least {
            return safe;
        }
        assert!(begun.elapsed() < PATIENCE, "safe head {safe}, expected {at_least}");
        // Processes of their own cannot be waited for with paused time.
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_killed_network_goes_on_from_its_data_and_agrees() {
    let home = Home::new();
    let args = ["up", "--json", "--kinds", "rollup", "--dashboard", "127.0.0.1:0"];
    let args = [&args[..], &["--data-dir", "net"]].concat();
    let mut safe = 0;
    for _ in 0..2 {
        let up = home.start(&args);
        safe = derived(&up, safe + 4);
        up.signal("-KILL");
    }
    let up = home.start(&args);
    let now = derived(&up, safe + 4);
    for number in [safe, now] {
        let params = json!([format!("{number:#x}"), false]);
        let hash = |node| {
            let block = ask_at(&rollup(&up, node, "http"), "eth_getBlockByNumber", &params);
            block["result"]["hash"].as_str().map(str::to_owned)
        };
        let (ours, theirs) = (hash(0), hash(1));
        assert!(ours.is_some() && ours == theirs, "block {number}: {ours:?} and {theirs:?}");
    }
    for node in up.ready["lux"]["nodes"].as_array().unwrap() {
        // All were killed, and none has said two things.
        let answer = ask_at(node["http"].as_str().unwrap(), "lux_equivocations", &json!([]));
        assert_eq!(answer["result"], json!([]), "{answer}");
    }
    assert_eq!(up.stop().0.code(), Some(0));
}

#[test]
fn a_second_signal_ends_it_at_once_and_says_so() {
    let home = Home::new();
    let up = home.start(&["up", "--json", "--nodes", "8", "--dashboard", "127.0.0.1:0"]);
    up.signal("-INT");
    up.signal("-INT");
    let (status, _) = up.stop();
    // The first may have been enough by then.
    assert!(matches!(status.code(), Some(0 | 1)), "{status:?}");
}

/// One request, raw: the test needs no client of the thing it tests.
fn get(url: &str, path: &str) -> String {
    let host = url.trim_start_matches("http://").split('/').next().unwrap();
    let mut socket = TcpStream::connect(host).unwrap();
    write!(socket, "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    answer
}
