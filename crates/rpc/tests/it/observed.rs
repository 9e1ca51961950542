//! What metrics show, and that clients cannot make them grow.

use std::collections::BTreeMap;

use metrics_util::debugging::{DebugValue, DebuggingRecorder};
use serde_json::json;

use crate::support::{get, post, request, start_with};

#[tokio::test]
async fn calls_are_counted_by_known_names_only() {
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let _installed = metrics::set_default_local_recorder(&recorder);
    let server = start_with(|_| {}).await;
    for n in 0..20 {
        post(server.addr, &request(1, &format!("made_up_{n}"), &json!([]))).await;
    }
    post(server.addr, &request(1, "echo", &json!([1]))).await;
    post(server.addr, &request(1, "echo", &json!([]))).await;
    get(server.addr, "/", "origin: https://evil.example\r\n").await;

    let mut counters = BTreeMap::new();
    let mut timed = Vec::new();
    for (key, _, _, value) in snapshotter.snapshot().into_vec() {
        let label = key.key().labels().next().map_or("", metrics::Label::value).to_owned();
        let name = key.key().name().to_owned();
        match value {
            DebugValue::Counter(count) => drop(counters.insert((name, label), count)),
            DebugValue::Histogram(seconds) if label == "echo" => timed = seconds,
            DebugValue::Histogram(_) | DebugValue::Gauge(_) => {}
        }
    }
    let counter =
        |name: &str, label: &str| counters.get(&(name.to_owned(), label.to_owned())).copied();
    assert_eq!(counter("rpc_calls_total", "unknown"), Some(20));
    assert_eq!(counter("rpc_calls_total", "echo"), Some(2));
    assert_eq!(counter("rpc_errors_total", "echo"), Some(1));
    assert_eq!(counter("rpc_refused_total", "origin"), Some(1));
    assert_eq!(timed.len(), 2);
    assert!(!counters.keys().any(|(_, label)| label.starts_with("made_up")), "{counters:?}");
}
