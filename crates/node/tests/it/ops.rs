//! Metrics, health and readiness over a real socket.

use std::net::SocketAddr;

use quintet_node::{
    config::{BindAddr, Schema, Sources},
    ops::{CONNECTION_AGE_MAX, CONNECTIONS_MAX, Health, OpsConfig, OpsServer, serve},
    telemetry::Metrics,
};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

async fn server(health: &Health) -> OpsServer {
    let allowed_hosts = vec!["node.example.org".to_owned()];
    let config = OpsConfig { listen: BindAddr::loopback(0), allowed_hosts, enabled: true };
    serve(&config, Metrics::detached().unwrap(), health.clone()).await.unwrap()
}

/// Sends one request as it stands; returns the status and the body.
async fn raw(addr: SocketAddr, request: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    (status, body.to_owned())
}

async fn get(addr: SocketAddr, path: &str, host: &str) -> (u16, String) {
    raw(addr, &format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n")).await
}

#[tokio::test]
async fn readiness_follows_the_components() {
    let health = Health::new();
    let server = server(&health).await;
    let addr = server.local_addr();
    assert_eq!(get(addr, "/ready", "localhost").await.0, 503);

    let table = health.scoped("dht").component("table");
    table.not_ready("12 of 32 peers");
    let (status, body) = get(addr, "/ready", "localhost").await;
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, &body["ready"]), (503, &Value::Bool(false)));
    assert_eq!(body["components"][0]["name"], "dht/table");
    assert_eq!(body["components"][0]["state"], "not_ready");
    assert_eq!(body["components"][0]["reason"], "12 of 32 peers");

    table.ready();
    assert_eq!(get(addr, "/ready", "localhost").await.0, 200);
    health.drain();
    assert_eq!(get(addr, "/ready", "localhost").await.0, 503);
    assert_eq!(get(addr, "/health", "localhost").await.0, 200);
    server.stop().await;
}

#[tokio::test]
async fn health_is_lost_when_a_component_failed_for_good() {
    let health = Health::new();
    let server = server(&health).await;
    assert_eq!(get(server.local_addr(), "/health", "localhost").await.0, 200);
    health.component("disk").failed("no space left");
    let (status, body) = get(server.local_addr(), "/health", "localhost").await;
    assert_eq!(status, 503);
    assert!(body.contains("no space left"), "{body}");
}

#[tokio::test]
async fn metrics_are_in_the_prometheus_text_format() {
    let server = server(&Health::new()).await;
    let (status, body) = get(server.local_addr(), "/metrics", "localhost").await;
    assert_eq!(status, 200);
    if cfg!(target_os = "linux") {
        assert!(body.contains("# TYPE process_cpu_seconds_total counter\n"), "{body}");
        assert!(body.contains("\nprocess_resident_memory_bytes "), "{body}");
    }
}

#[tokio::test]
async fn other_paths_and_methods_are_refused() {
    let server = server(&Health::new()).await;
    let (status, body) = get(server.local_addr(), "/", "localhost").await;
    assert_eq!((status, body.as_str()), (404, "expected /metrics, /health or /ready\n"));
    let post = "POST /ready HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    assert_eq!(raw(server.local_addr(), post).await.0, 405);
}

#[tokio::test]
async fn a_name_we_were_not_told_of_is_refused() {
    let server = server(&Health::new()).await;
    let addr = server.local_addr();
    let (status, body) = get(addr, "/health", "attacker.example").await;
    assert_eq!(status, 403);
    assert!(body.contains("ops.allowed_hosts"), "{body}");
    for host in ["node.example.org", "127.0.0.1:9640", "[::1]"] {
        assert_eq!(get(addr, "/health", host).await.0, 200, "{host}");
    }
    let disagreeing = "GET http://attacker.example/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    assert_eq!(raw(addr, disagreeing).await.0, 403);
    let (status, body) = raw(addr, "GET /health HTTP/1.0\r\n\r\n").await;
    assert_eq!((status, body.as_str()), (400, "expected a Host header; found none\n"));
}

#[tokio::test]
async fn a_taken_address_is_named() {
    let first = server(&Health::new()).await;
    let listen = BindAddr::from(first.local_addr());
    let config = OpsConfig { listen, ..OpsConfig::default() };
    let metrics = Metrics::detached().unwrap();
    let error = serve(&config, metrics, Health::new()).await.unwrap_err().to_string();
    assert!(
        error.starts_with(&format!("operations server cannot listen on {listen}: ")),
        "{error}"
    );
}

#[tokio::test(start_paused = true)]
async fn silent_connections_are_closed_and_make_room() {
    let server = server(&Health::new()).await;
    let addr = server.local_addr();
    let mut silent = Vec::new();
    for _ in 0..CONNECTIONS_MAX {
        silent.push(TcpStream::connect(addr).await.unwrap());
    }
    let begun = tokio::time::Instant::now();
    // Answered once the silent ones have reached their age.
    assert_eq!(get(addr, "/health", "localhost").await.0, 200);
    assert!(begun.elapsed() >= CONNECTION_AGE_MAX);
}

#[test]
fn allowed_hosts_are_names_without_scheme_or_port() {
    let schema = Schema::new().section::<OpsConfig>();
    let vars = crate::sections::env(&[("QUINTET_OPS_ALLOWED_HOSTS", "a.example,b.example:80")]);
    let error = schema.load(&Sources::default().with_env(vars)).unwrap_err();
    assert_eq!(
        error.issues()[0].to_string(),
        "QUINTET_OPS_ALLOWED_HOSTS: ops.allowed_hosts[1] = \"b.example:80\": expected a host name without scheme and port, such as node.example.org"
    );
}
