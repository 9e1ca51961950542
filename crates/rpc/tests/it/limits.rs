//! Each bound, reached over HTTP.

use std::time::Duration;

use quintet_rpc::code;
use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::support::{post, raw, read_answer, request, start_with};

#[tokio::test]
async fn an_oversized_body_is_413_whether_announced_or_chunked() {
    let server = start_with(|config| config.request_bytes_max = 100).await;
    let fits = request(1, "echo", &json!(["x".repeat(20)]));
    assert_eq!(post(server.addr, &fits).await.status, 200);

    let answer = post(server.addr, &request(1, "echo", &json!(["x".repeat(100)]))).await;
    assert_eq!((answer.status, answer.error_code()), (413, i64::from(code::REQUEST_TOO_LARGE)));
    assert!(answer.body.contains("100 bytes"), "{answer:?}");

    let chunk = format!("65\r\n{}\r\n0\r\n\r\n", "x".repeat(0x65));
    let head = "POST / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/json\r\n";
    let chunked = format!("{head}transfer-encoding: chunked\r\n\r\n{chunk}");
    assert_eq!(raw(server.addr, chunked.as_bytes()).await.status, 413);
}

#[tokio::test]
async fn an_oversized_answer_is_an_error_alone_and_in_a_batch() {
    let server = start_with(|config| config.response_bytes_max = 2_000).await;
    let answer = post(server.addr, &request(1, "large", &json!([2_000]))).await;
    assert_eq!(answer.error_code(), i64::from(code::RESPONSE_TOO_LARGE));
    let item = request(1, "large", &json!([900]));
    let answer = post(server.addr, &format!("[{item},{item},{item}]")).await;
    assert_eq!(answer.error_code(), i64::from(code::BATCH_RESPONSE_TOO_LARGE));
}

#[tokio::test]
async fn a_batch_beyond_its_limit_runs_nothing() {
    let server = start_with(|config| config.batch_items_max = 3).await;
    let item = request(1, "large", &json!([1]));
    let answer = post(server.addr, &format!("[{item},{item},{item},{item}]")).await;
    assert_eq!((answer.status, answer.error_code()), (200, i64::from(code::BATCH_TOO_LARGE)));
    assert_eq!(server.lab.large_calls.load(std::sync::atomic::Ordering::SeqCst), 0);

    let huge = format!("[{}1]", "1,".repeat(500_000));
    assert_eq!(post(server.addr, &huge).await.error_code(), i64::from(code::BATCH_TOO_LARGE));
    assert_eq!(
        post(server.addr, &format!("[{item},{item},{item}]"))
            .await
            .json()
            .as_array()
            .unwrap()
            .len(),
        3
    );
}

#[tokio::test]
async fn a_call_that_does_not_end_is_given_up() {
    let server = start_with(|config| config.request_timeout = Duration::from_millis(50)).await;
    let answer = post(server.addr, &request(4, "forever", &json!([]))).await;
    assert_eq!(answer.error_code(), i64::from(code::TIMED_OUT));
    assert_eq!(answer.json()["id"], 4);
}

#[tokio::test]
async fn a_batch_has_one_deadline_and_starts_nothing_after_it() {
    let server = start_with(|config| config.request_timeout = Duration::from_millis(50)).await;
    let (forever, large) = (request(1, "forever", &json!([])), request(2, "large", &json!([1])));
    let answer = post(server.addr, &format!("[{forever},{large}]")).await.json();
    assert_eq!(answer[0]["error"]["code"], code::TIMED_OUT);
    assert_eq!(answer[1]["error"]["code"], code::TIMED_OUT);
    assert_eq!(server.lab.large_calls.load(std::sync::atomic::Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_body_that_trickles_is_given_up() {
    let server = start_with(|config| config.request_timeout = Duration::from_millis(50)).await;
    let mut socket = TcpStream::connect(server.addr).await.unwrap();
    let head = "POST / HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{";
    socket.write_all(head.as_bytes()).await.unwrap();
    assert_eq!(read_answer(&mut socket).await.status, 408);
}

#[tokio::test]
async fn a_head_that_trickles_is_given_up() {
    let server = start_with(|config| config.header_timeout = Duration::from_millis(50)).await;
    let mut socket = TcpStream::connect(server.addr).await.unwrap();
    socket.write_all(b"POST / HTTP/1.1\r\nhost: loc").await.unwrap();
    let mut rest = Vec::new();
    socket.read_to_end(&mut rest).await.unwrap();
    assert!(rest.is_empty() || rest.starts_with(b"HTTP/1.1 408"), "{rest:?}");
}

#[tokio::test]
async fn idle_connections_make_room_for_those_who_ask() {
    let server = start_with(|config| config.connections_max = 4).await;
    let mut working = TcpStream::connect(server.addr).await.unwrap();
    working
        .write_all(&crate::support::post_bytes("", &request(1, "gate", &json!([]))))
        .await
        .unwrap();
    server.lab.begun.notified().await;
    let mut silent = Vec::new();
    for _ in 0..40 {
        silent.push(TcpStream::connect(server.addr).await.unwrap());
    }
    let mut asking = TcpStream::connect(server.addr).await.unwrap();
    asking
        .write_all(&crate::support::post_bytes("", &request(2, "echo", &json!([7]))))
        .await
        .unwrap();
    assert_eq!(read_answer(&mut asking).await.json()["result"], 7);
    // The longest idle are gone, and who is at work is not.
    for socket in &mut silent[..37] {
        let mut rest = Vec::new();
        socket.read_to_end(&mut rest).await.unwrap();
        assert_eq!(rest, b"");
    }
    server.lab.gate.add_permits(1);
    assert_eq!(read_answer(&mut working).await.json()["result"], true);
}

#[tokio::test]
async fn connections_beyond_the_limit_are_turned_away_and_room_is_given_back() {
    let server = start_with(|config| config.connections_max = 1).await;
    let mut first = TcpStream::connect(server.addr).await.unwrap();
    let body = request(1, "gate", &json!([]));
    first.write_all(&crate::support::post_bytes("", &body)).await.unwrap();
    server.lab.begun.notified().await;

    let mut second = TcpStream::connect(server.addr).await.unwrap();
    assert_eq!(read_answer(&mut second).await.status, 503);

    server.lab.gate.add_permits(1);
    assert_eq!(read_answer(&mut first).await.json()["result"], true);
    drop(first);
    let is_served = async {
        loop {
            let mut next = TcpStream::connect(server.addr).await.unwrap();
            let sent = next
                .write_all(&crate::support::post_bytes("", &request(1, "echo", &json!([1]))))
                .await;
            let mut answer = Vec::new();
            if sent.is_ok()
                && next.read_to_end(&mut answer).await.is_ok()
                && answer.starts_with(b"HTTP/1.1 200")
            {
                return;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), is_served)
        .await
        .expect("the place is free again");
}

#[tokio::test]
async fn a_client_that_asks_too_fast_is_told_when_to_come_back() {
    let server = start_with(|config| {
        config.batch_items_max = 3;
        config.rate_limit.requests_per_second = 1;
        config.rate_limit.burst = 3;
    })
    .await;
    let echo = request(1, "echo", &json!([1]));
    // A full batch costs what its items would cost alone.
    assert_eq!(
        post(server.addr, &format!("[{echo},{echo},{echo}]"))
            .await
            .json()
            .as_array()
            .unwrap()
            .len(),
        3
    );
    let answer = post(server.addr, &echo).await;
    assert_eq!((answer.status, answer.error_code()), (429, i64::from(code::RATE_LIMITED)));
    assert_eq!(answer.header("retry-after"), Some("1"));
    let retry_after_ms = answer.json()["error"]["data"]["retry_after_ms"].as_u64().unwrap();
    assert!((1..=1_000).contains(&retry_after_ms), "{retry_after_ms}");
}
