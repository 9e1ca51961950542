//! Calls and subscriptions over WebSocket, with clients that behave and clients that do not.

use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::SinkExt as _;
use quintet_rpc::code;
use serde_json::json;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::{Bytes, Message};

use crate::support::{Socket, post, request, start_with};

const PATIENCE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn calls_run_beside_each_other_and_batches_work() {
    let server = start_with(|_| {}).await;
    let mut socket = Socket::open(server.addr).await;
    socket.send(request(1, "gate", &json!([]))).await;
    server.lab.begun.notified().await;
    assert_eq!(
        socket.call(2, "echo", &json!(["quick"])).await["result"],
        "quick",
        "a waiting call holds nobody up"
    );
    server.lab.gate.add_permits(1);
    assert_eq!(socket.next().await["id"], 1);
    let echo = request(1, "echo", &json!([1]));
    socket.0.send(Message::binary(format!("[{echo},{echo}]").into_bytes())).await.unwrap();
    assert_eq!(socket.next().await.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn bad_messages_are_answered_and_the_session_goes_on() {
    let server = start_with(|_| {}).await;
    let mut socket = Socket::open(server.addr).await;
    for (message, expected) in [
        ("{", code::PARSE_ERROR),
        ("", code::PARSE_ERROR),
        ("[]", code::INVALID_REQUEST),
        (r#"{"jsonrpc":"2.0","id":1,"method":"nope"}"#, code::METHOD_NOT_FOUND),
        (r#"{"jsonrpc":"2.0","id":1,"method":"boom"}"#, code::INTERNAL_ERROR),
    ] {
        socket.send(message).await;
        assert_eq!(socket.next().await["error"]["code"], expected, "{message:?}");
    }
    assert_eq!(socket.call(2, "echo", &json!([1])).await["result"], 1);
}

#[tokio::test]
async fn a_subscription_delivers_its_items_until_it_is_ended() {
    let server = start_with(|_| {}).await;
    let mut socket = Socket::open(server.addr).await;
    let subscription = socket.call(1, "count", &json!([])).await["result"].clone();
    for n in 0..3 {
        let item = socket.next().await;
        assert_eq!(
            (&item["method"], &item["params"]["subscription"]),
            (&json!("counted"), &subscription)
        );
        assert_eq!(item["params"]["result"], n);
    }
    assert_eq!(socket.call(2, "uncount", &json!([subscription])).await["result"], true);
    timeout(PATIENCE, server.lab.session_ended.notified()).await.unwrap();
    assert_eq!(socket.call(3, "uncount", &json!([subscription])).await["result"], false);
}

#[tokio::test]
async fn subscriptions_are_limited_for_each_connection() {
    let server = start_with(|config| config.subscriptions_max = 1).await;
    let mut socket = Socket::open(server.addr).await;
    assert!(socket.call(1, "count", &json!([])).await["result"].is_string());
    for _ in 0..3 {
        assert_eq!(socket.next().await["method"], "counted");
    }
    assert_eq!(
        socket.call(2, "count", &json!([])).await["error"]["code"],
        code::TOO_MANY_SUBSCRIPTIONS
    );
    assert!(
        Socket::open(server.addr).await.call(1, "count", &json!([])).await["result"].is_string()
    );
}

#[tokio::test]
async fn subscribing_over_http_is_told_to_use_a_websocket() {
    let server = start_with(|_| {}).await;
    let answer = post(server.addr, &request(1, "count", &json!([]))).await;
    assert_eq!(answer.error_code(), i64::from(code::NEEDS_WEBSOCKET));
}

#[tokio::test]
async fn an_oversized_message_is_answered_and_ends_the_session() {
    let server = start_with(|config| config.request_bytes_max = 100).await;
    let mut socket = Socket::open(server.addr).await;
    socket.send("x".repeat(101)).await;
    assert_eq!(socket.next().await["error"]["code"], code::REQUEST_TOO_LARGE);
    assert_eq!(socket.closed().await, 1009);
}

#[tokio::test]
async fn messages_and_control_frames_pay_from_the_same_rate_limit() {
    let server = start_with(|config| {
        config.batch_items_max = 1;
        config.rate_limit.requests_per_second = 1;
        config.rate_limit.burst = 3;
    })
    .await;
    let mut socket = Socket::open(server.addr).await;
    assert_eq!(socket.call(1, "echo", &json!([1])).await["result"], 1);
    assert_eq!(socket.call(2, "echo", &json!([1])).await["result"], 1);
    assert_eq!(socket.call(3, "echo", &json!([1])).await["error"]["code"], code::RATE_LIMITED);
    socket.0.send(Message::Ping(Bytes::new())).await.unwrap();
    assert_eq!(socket.closed().await, 1008);
}

#[tokio::test]
async fn a_silent_client_is_cut_off() {
    let server = start_with(|config| config.ping_interval = Duration::from_millis(50)).await;
    let mut socket = Socket::open(server.addr).await;
    assert!(socket.call(1, "count", &json!([])).await["result"].is_string());
    // Not reading means not answering the server's pings.
    timeout(PATIENCE, server.lab.session_ended.notified()).await.expect("the session has ended");
}

#[tokio::test]
async fn a_subscriber_that_does_not_read_holds_up_only_itself_and_is_cut_off() {
    let server = start_with(|config| {
        config.queued_notifications_max = 4;
        config.write_timeout = Duration::from_millis(200);
    })
    .await;
    let mut lazy = Socket::open(server.addr).await;
    lazy.send(request(1, "flood", &json!([]))).await;
    let mut busy = Socket::open(server.addr).await;
    assert_eq!(busy.call(1, "echo", &json!([1])).await["result"], 1);
    timeout(PATIENCE, server.lab.session_ended.notified()).await.expect("the session has ended");
    // What the two socket buffers of loopback take, and the queue, but not what an endless flood would be.
    let flooded = server.lab.flooded.load(Ordering::SeqCst);
    assert!(flooded < 512, "{flooded} items of 64 KiB were taken from a client that reads none");
    assert_eq!(busy.call(2, "echo", &json!([1])).await["result"], 1);
}

#[tokio::test]
async fn a_caller_that_does_not_read_its_answers_gets_few_made() {
    const REQUESTS: u64 = 1_500;
    let server = start_with(|config| {
        config.calls_in_flight_max = 4;
        config.write_timeout = Duration::from_secs(1);
    })
    .await;
    let mut lazy = Socket::open(server.addr).await;
    assert!(lazy.call(0, "count", &json!([])).await["result"].is_string());
    for id in 1..=REQUESTS {
        lazy.0.feed(Message::text(request(id, "large", &json!([128 * 1024])))).await.unwrap();
    }
    lazy.0.flush().await.unwrap();
    timeout(PATIENCE, server.lab.session_ended.notified()).await.expect("the session has ended");
    let made = server.lab.large_calls.load(Ordering::SeqCst);
    // The socket buffers of loopback take about 10 MiB, or 80 answers, before anything has to wait.
    assert!(made < 200, "{made} answers of 128 KiB were made for a client that reads none");
}

#[tokio::test]
async fn a_session_keeps_its_place_among_the_connections() {
    let server = start_with(|config| config.connections_max = 1).await;
    let mut socket = Socket::open(server.addr).await;
    assert_eq!(socket.call(1, "echo", &json!([1])).await["result"], 1);
    let mut second = tokio::net::TcpStream::connect(server.addr).await.unwrap();
    assert_eq!(crate::support::read_answer(&mut second).await.status, 503);
}
