//! `quintet dht`: nodes in the background, and every command that asks one.

use std::time::{Duration, Instant};

use serde_json::Value;

use crate::quintet::{Home, Running};

/// Time two nodes have to get to know each other.
const JOIN_MAX: Duration = Duration::from_secs(20);

/// Starts a node on free ports; it asks the nodes named first.
fn node(home: &Home, name: &str, bootstrap: &str) -> Running {
    home.start(&[
        "dht",
        "--json",
        "--listen=127.0.0.1:0",
        "--rpc-listen=127.0.0.1:0",
        "--metrics-listen=127.0.0.1:0",
        "--allow-local",
        "--raw-values",
        "--log=warn",
        &format!("--bootstrap={bootstrap}"),
        &format!("--data-dir={}", home.path(name)),
    ])
}

fn udp(node: &Running) -> String {
    node.ready["dht"][0].as_str().unwrap().to_owned()
}

/// Two nodes that know each other.
fn pair(home: &Home) -> (Running, Running) {
    let a = node(home, "a", "");
    let b = node(home, "b", &udp(&a));
    let begun = Instant::now();
    for name in ["a", "b"] {
        while home.json(&["dht", "status", "--json", "--data-dir", name])["contacts"] == 0 {
            assert!(begun.elapsed() < JOIN_MAX, "{name} knows nobody after {JOIN_MAX:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    (a, b)
}

#[test]
fn a_node_says_where_it_listens_and_stops_in_order() {
    let home = Home::new();
    let node = node(&home, "a", "");
    assert_eq!(node.text("event"), "ready");
    assert_eq!(node.text("kind"), "dht");
    assert_eq!(node.text("id").len(), 40);
    assert!(udp(&node).starts_with("127.0.0.1:") && !udp(&node).ends_with(":0"));
    assert!(node.text("rpc").starts_with("http://127.0.0.1:"));
    assert!(node.text("metrics").ends_with("/metrics"));
    let cookie = node.text("cookie").to_owned();
    assert!(std::fs::read_to_string(&cookie).unwrap().starts_with("__cookie__:"));

    let second = home.run(&["dht", "--data-dir", "a", "--listen=127.0.0.1:0", "--allow-local"]);
    assert_eq!(second.code, Some(1), "{second:?}");
    assert!(second.err.contains("is in use by process"), "{}", second.err);

    let (status, rest) = node.stop();
    assert_eq!((status.code(), rest.as_str()), (Some(0), ""));
    assert!(!std::path::Path::new(&cookie).exists());
    let ended = home.run(&["dht", "status", "--data-dir", "a"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.err.contains("is the node running there?"), "{}", ended.err);
}

#[test]
fn a_record_put_through_one_node_is_read_through_another() {
    let home = Home::new();
    let (_a, _b) = pair(&home);
    let put = home.json(&["dht", "put", "Hello World!", "--json", "--data-dir", "a"]);
    let key = put["key"].as_str().unwrap();
    assert_eq!(key, "e5f96f6f38320f0f33959cb4d3d656452117aadb");
    assert_eq!(put["acknowledged"], 1);
    assert_eq!(home.ok(&["dht", "get", key, "--data-dir", "b"]), "Hello World!");
    let got = home.json(&["dht", "get", key, "--json", "--data-dir", "a"]);
    assert_eq!(got["record"]["text"], "Hello World!");
    home.ok(&["dht", "get", key, "--output", "out.txt", "--data-dir", "a"]);
    assert_eq!(std::fs::read_to_string(home.path("out.txt")).unwrap(), "Hello World!");

    let nobody_has = "00".repeat(20);
    let ended = home.run(&["dht", "get", &nobody_has, "--data-dir", "a"]);
    assert_eq!(ended.code, Some(1));
    assert!(ended.err.contains("nobody has 0000"), "{}", ended.err);
    let ended = home.run(&["dht", "get", &nobody_has, "--json", "--data-dir", "a"]);
    assert_eq!(ended.code, Some(1));
    assert_eq!(serde_json::from_str::<Value>(&ended.out).unwrap()["record"], Value::Null);

    let raw = "11".repeat(20);
    home.ok(&["dht", "put", "bytes", "--raw", &raw, "--data-dir", "a"]);
    assert_eq!(home.ok(&["dht", "get", &raw, "--raw", "--data-dir", "b"]), "bytes");
}

#[test]
fn a_changeable_record_goes_up_by_one_version_and_its_key_stays_here() {
    let home = Home::new();
    let (_a, _b) = pair(&home);
    let made = home.json(&["dht", "keygen", "me.key", "--json"]);
    let public_key = made["public_key"].as_str().unwrap();
    let put = |text: &str, more: &[&str]| {
        let args =
            ["dht", "put", "--mutable", "--key-file", "me.key", text, "--json", "--data-dir", "a"];
        home.run(&[&args[..], more].concat())
    };
    for version in 1..=2 {
        let put = put(&format!("version {version}"), &["--salt", "s"]);
        let put: Value = serde_json::from_str(&put.out).unwrap();
        assert_eq!(put["seq"], version);
        assert_eq!(put["public_key"], public_key);
    }
    let get = ["dht", "get", "--public-key", public_key, "--salt", "s", "--data-dir", "b"];
    assert_eq!(home.ok(&get), "version 2");
    let got = home.json(&[&get[..], &["--json"]].concat());
    assert_eq!(got["record"]["seq"], 2);

    let stale = put("again", &["--salt", "s", "--seq", "1"]);
    assert_eq!(stale.code, Some(1), "{stale:?}");
    assert!(stale.err.contains("error 302"), "{}", stale.err);
    let swap = put("swap", &["--salt", "s", "--seq", "3", "--cas", "1"]);
    assert!(swap.err.contains("error 301"), "{}", swap.err);

    let long = put("x", &["--salt", &"s".repeat(65)]);
    assert_eq!(long.code, Some(2), "{long:?}");
    assert!(long.err.contains("at most 64 bytes, found 65"), "{}", long.err);
    assert_eq!(home.run(&["dht", "keygen", "me.key"]).code, Some(1));
}

#[test]
fn the_network_can_be_looked_at() {
    let home = Home::new();
    let (a, b) = pair(&home);
    let id = b.text("id");
    let pong = home.json(&["dht", "ping", &udp(&b), "--json", "--data-dir", "a"]);
    assert_eq!(pong["id"], id);
    let found = home.json(&["dht", "lookup", id, "--json", "--data-dir", "a"]);
    assert_eq!(found["nodes"][0]["id"], id);
    let table = home.ok(&["dht", "table", "--data-dir", "a"]);
    assert!(table.starts_with("BUCKET  ID") && table.contains(&udp(&b)), "{table}");
    assert_eq!(
        home.json(&["dht", "table", "--json", "--data-dir", "a"])[0]["contacts"][0]["id"],
        id
    );
    let status = home.ok(&["dht", "status", "--data-dir", "b"]);
    assert!(status.contains(id) && status.contains("contacts"), "{status}");

    let hash = "22".repeat(20);
    home.ok(&["dht", "announce", &hash, "--port", "51413", "--data-dir", "a"]);
    let peers = home.ok(&["dht", "peers", &hash, "--data-dir", "b"]);
    assert!(peers.contains("127.0.0.1:51413"), "{peers}");
    let none = home.json(&["dht", "unpublish", &hash, "--json", "--data-dir", "a"]);
    assert_eq!(none["forgotten"], 0);

    let silent = home.run(&["dht", "ping", "127.0.0.1:1", "--data-dir", "a"]);
    assert_eq!(silent.code, Some(1));
    assert!(silent.err.contains("the node does not answer"), "{}", silent.err);
    drop(a);
}

#[test]
fn a_node_is_asked_by_address_with_its_cookie_or_its_token() {
    let home = Home::new();
    let token = "0123456789abcdef0123";
    home.write("token", token);
    let args = [
        "dht",
        "--json",
        "--listen=127.0.0.1:0",
        "--rpc-listen=127.0.0.1:0",
        "--bootstrap=",
        "--metrics-listen=127.0.0.1:0",
        "--allow-local",
        "--log=warn",
        "--data-dir=a",
    ];
    let mut command = home.command(&args);
    let node = Running::start(command.env("QUINTET_DHT_RPC_BEARER_TOKEN", token));
    let (rpc, cookie) = (node.text("rpc"), node.text("cookie"));
    let status = ["dht", "status", "--rpc", rpc, "--json"];
    for way in [&["--cookie", cookie][..], &["--token-file", "token"], &["--data-dir", "a"]] {
        home.json(&[&status[..], way].concat());
    }
    let refused = home.run(&status);
    assert_eq!(refused.code, Some(1));
    assert!(refused.err.contains("does not accept the credentials"), "{}", refused.err);
    let wrong = home.run(&["dht", "status", "--rpc", "https://127.0.0.1:1"]);
    assert_eq!(wrong.code, Some(2), "{wrong:?}");
}
