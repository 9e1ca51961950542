//! The script in `deploy/`: a cluster on loopback from start to stop, and configurations that are wrong.

use std::{
    net::{TcpListener, UdpSocket},
    process::Command,
    sync::atomic::{AtomicU16, Ordering},
};

use serde_json::Value;

use crate::quintet::{BINARY, Ended, Home};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/dht-cluster");
const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/cluster.example.conf");

/// Nodes of the cluster.
const NODES: u16 = 4;

/// Ports that were free a moment ago: below those the system hands out by itself, and for each of the
/// tests that run side by side from a stretch of its own.
fn free_ports() -> u16 {
    static STRETCH: AtomicU16 = AtomicU16::new(0);
    let stretch = STRETCH.fetch_add(1, Ordering::Relaxed) * 1_000;
    let is_free = |port: u16| {
        UdpSocket::bind(("127.0.0.1", port)).is_ok()
            && TcpListener::bind(("127.0.0.1", port)).is_ok()
    };
    let start = 20_000 + stretch + u16::try_from(std::process::id() % 9_000).unwrap();
    (start..start + 1_000 - 3 * NODES)
        .step_by(usize::from(3 * NODES))
        .find(|first| (*first..first + 3 * NODES).all(is_free))
        .expect("a row of free ports")
}

fn cluster(home: &Home, args: &[&str]) -> Ended {
    let mut command = Command::new(SCRIPT);
    let path = format!("{}:{}", home.path("bin"), std::env::var("PATH").unwrap());
    command.args(args).current_dir(home.path("")).env("HOME", home.path("")).env("PATH", path);
    Ended::of(command.output().unwrap())
}

/// Stops the cluster when a test fails.
struct Cluster<'a> {
    home: &'a Home,
    conf: String,
}

impl Cluster<'_> {
    fn run(&self, verb: &str, more: &[&str]) -> Ended {
        cluster(self.home, &[&[verb, &self.conf][..], more].concat())
    }
}

impl Drop for Cluster<'_> {
    fn drop(&mut self) {
        self.run("stop", &[]);
    }
}

#[test]
fn a_cluster_comes_up_joins_serves_and_stops() {
    let home = Home::new();
    let first = free_ports();
    let (rpc, metrics) = (first + NODES, first + 2 * NODES);
    let conf = format!(
        "binary = {BINARY}\ndata = ~/nodes # below the home\nhost = 127.0.0.1 local {NODES}\n\
         udp_port = {first}\nrpc_port = {rpc}\nmetrics_port = {metrics}\n\
         set = dht.allow_local=true log.level=warn\n"
    );
    let cluster = Cluster { home: &home, conf: home.write("cluster.conf", &conf) };

    let started = cluster.run("start", &[]);
    assert_eq!(started.code, Some(0), "{started:?}");
    assert!(started.out.ends_with("all 4 nodes have joined\n"), "{}", started.out);
    let again = cluster.run("start", &[]);
    assert_eq!(again.out.matches("runs already").count(), usize::from(NODES), "{again:?}");

    let status = cluster.run("status", &["--json"]);
    assert_eq!(status.code, Some(0), "{status:?}");
    let lines: Vec<Value> =
        status.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), usize::from(NODES));
    assert!(lines.iter().all(|node| node["state"] == "up"
        && node["status"]["contacts"].as_u64().is_some_and(|contacts| contacts > 0)));

    let dir = |index: u16| home.path(&format!("nodes/127.0.0.1-{index:02}/data"));
    let put = home.json(&["dht", "put", "hello", "--json", "--data-dir", &dir(1)]);
    let key = put["key"].as_str().unwrap();
    assert_eq!(home.ok(&["dht", "get", key, "--data-dir", &dir(3)]), "hello");

    let stopped = cluster.run("stop", &[]);
    assert_eq!(stopped.code, Some(0), "{stopped:?}");
    assert_eq!(stopped.out.matches("  stopped").count(), usize::from(NODES), "{stopped:?}");
    let status = cluster.run("status", &[]);
    assert_eq!(status.code, Some(1));
    assert_eq!(status.out.matches(" down ").count(), usize::from(NODES), "{}", status.out);
}

#[cfg(unix)]
#[test]
fn a_host_elsewhere_is_driven_by_what_ssh_is_given_to_read() {
    use std::os::unix::fs::PermissionsExt as _;

    let home = Home::new();
    std::fs::create_dir(home.path("bin")).unwrap();
    // Stands in for ssh: the last three words are the host and `bash -s`; what comes in is carried out.
    let ssh =
        "#!/bin/sh\nfor word; do [ \"$word\" = me@elsewhere ] && exec bash -s; done\nexit 255\n";
    let ssh = home.write("bin/ssh", ssh);
    std::fs::set_permissions(&ssh, std::fs::Permissions::from_mode(0o755)).unwrap();
    let first = free_ports();
    let (rpc, metrics) = (first + 1, first + 2);
    let conf = format!(
        "binary = {BINARY}\ndata = ~/a place\nhost = 127.0.0.1 me@elsewhere 1\nudp_port = {first}\n\
         rpc_port = {rpc}\nmetrics_port = {metrics}\nset = dht.allow_local=true\n"
    );
    let cluster = Cluster { home: &home, conf: home.write("cluster.conf", &conf) };
    let started = cluster.run("start", &[]);
    assert!(started.out.ends_with("all 1 nodes have joined\n"), "{started:?}");
    let stopped = cluster.run("stop", &[]);
    assert!(stopped.out.ends_with("  stopped\n"), "{stopped:?}");
}

#[test]
fn a_cluster_whose_node_does_not_start_says_why() {
    let home = Home::new();
    let conf = format!(
        "binary = {BINARY}\ndata = nodes\nhost = 127.0.0.1 local 1\nudp_port = 1\nrpc_port = 1\n\
         metrics_port = 1\nset = dht.bucket_size=3\n"
    );
    let cluster = Cluster { home: &home, conf: home.write("cluster.conf", &conf) };
    let started = cluster.run("start", &[]);
    assert_eq!(started.code, Some(1), "{started:?}");
    assert!(started.out.contains("dht.bucket_size = 3: expected 8 to 20"), "{}", started.out);
}

#[test]
fn a_wrong_configuration_is_named_with_its_line() {
    let home = Home::new();
    for (text, expected) in [
        ("binary quintet\n", "c:1: expected key = value"),
        ("\nports = 1\n", "c:2: unknown key ports"),
        ("udp_port = x\n", "c:1: udp_port = 'x': expected a number from 1 to 65535"),
        ("host = example.org local 4\n", "expected an IP address, found 'example.org'"),
        ("host = 127.0.0.1 -oProxyCommand=x 4\n", "expected local or what ssh takes as a host"),
        ("host = 127.0.0.1 local\n", "expected ADDRESS local|SSH NODES"),
        ("data = a\ndata = b\n", "c:2: data is given twice"),
        ("data = a\n", "expected a host"),
    ] {
        home.write("c", text);
        let ended = cluster(&home, &["status", "c"]);
        assert_eq!(ended.code, Some(2), "{text}: {ended:?}");
        assert!(ended.err.contains(expected), "{text}: {}", ended.err);
    }
    assert_eq!(cluster(&home, &["restart", EXAMPLE]).code, Some(2));
    assert_eq!(cluster(&home, &["start"]).code, Some(2));
    assert_eq!(cluster(&home, &["status", EXAMPLE]).code, Some(1), "the example is well-formed");
}
