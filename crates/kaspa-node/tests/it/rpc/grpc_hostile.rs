//! gRPC clients that do what none should: the node goes on, and the others notice nothing.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use super::{
    Served,
    grpc::{BLOCK_ADDED, Client, GET_INFO, METHOD, request},
};
use crate::call::Call;

/// How long the node may take to let somebody go: longer than it waits for a reader.
const GONE_WITHIN: Duration = Duration::from_secs(60);

/// A message that is not taken within this is not taken at all.
const BLOCKED: Duration = Duration::from_secs(5);

/// Resident memory of this process, KiB.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_request_ends_the_connection_and_is_told_why() {
    let folder = tempfile::tempdir().unwrap();
    let node = Served::start(folder.path(), 8, None).await;
    let mut honest = Client::connect(node.grpc).await;
    let no_protobuf = vec![0xff; 40];
    let truncated = request(1, GET_INFO, &[1, 2, 3])[..7].to_vec();
    let only_an_id = vec![0xa8, 0x06, 7];
    let fields = [8, 1].repeat(1 << 20);
    let too_long = request(1, GET_INFO, &vec![0; 9 << 20]);
    for (bytes, code) in [
        (no_protobuf, tonic::Code::InvalidArgument),
        (truncated, tonic::Code::InvalidArgument),
        (only_an_id, tonic::Code::InvalidArgument),
        (Vec::new(), tonic::Code::InvalidArgument),
        (fields, tonic::Code::InvalidArgument),
        (too_long, tonic::Code::OutOfRange),
    ] {
        let mut call = Call::connect(node.grpc, METHOD).await;
        let length = bytes.len();
        call.send(bytes).await;
        let end = call.next().await;
        assert_eq!(end.unwrap_err().code(), code, "{length} bytes");
        assert_eq!(honest.ask(1, GET_INFO, &[]).await.error(), None);
    }
    drop(honest);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn other_calls_and_other_protocols_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let node = Served::start(folder.path(), 8, None).await;
    let refused = Call::try_connect(node.grpc, "/protowire.P2P/MessageStream").await.err().unwrap();
    assert_eq!(refused.code(), tonic::Code::Unimplemented);
    assert!(refused.message().contains("RPC/MessageStream"), "{refused}");
    for garbage in [&b"GET / HTTP/1.1\r\nhost: node\r\n\r\n"[..], &[0xff; 4096], &[0; 64]] {
        let mut stream = TcpStream::connect(node.grpc).await.unwrap();
        stream.write_all(garbage).await.unwrap();
        let mut said = Vec::new();
        let read = timeout(GONE_WITHIN, stream.read_to_end(&mut said)).await;
        // The end, or a connection that is reset: not silence.
        let _ = read.unwrap();
    }
    let mut honest = Client::connect(node.grpc).await;
    assert_eq!(honest.ask(1, GET_INFO, &[]).await.error(), None);
    drop(honest);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_opens_no_call_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let node = Served::start(folder.path(), 1, None).await;
    let mut silent = Vec::new();
    for _ in 0..40 {
        silent.push(TcpStream::connect(node.grpc).await.unwrap());
    }
    for stream in &mut silent {
        let mut said = Vec::new();
        let _ = timeout(GONE_WITHIN, stream.read_to_end(&mut said)).await.unwrap();
    }
    let mut honest = Client::connect(node.grpc).await;
    assert_eq!(honest.ask(1, GET_INFO, &[]).await.error(), None);
    drop(honest);
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_and_does_not_read_is_let_go_and_the_memory_stays() {
    let folder = tempfile::tempdir().unwrap();
    let node = Served::start(folder.path(), 4, Some(20.0)).await;
    let mut honest = Client::connect(node.grpc).await;
    honest.ask(1, 1007, &[]).await;
    let before = resident_kib();
    let mut deaf = Call::connect(node.grpc, METHOD).await;
    deaf.send(request(1, 1007, &[])).await;
    // The node takes questions until nothing more can be written.
    let question = request(2, 1031, &[0x10, 1, 0x18, 1]);
    while timeout(BLOCKED, deaf.send(question.clone())).await.is_ok() {}
    let during = resident_kib();
    assert!(during < before + (256 << 10), "{before} KiB before, {during} KiB");
    timeout(GONE_WITHIN, deaf.gone()).await.unwrap();
    // What had arrived is there; then comes the end.
    while let Ok(Some(_)) = deaf.next().await {}
    // The other was told of blocks all the while.
    for _ in 0..20 {
        while honest.next().await.unwrap().number != BLOCK_ADDED {}
    }
    drop(honest);
    node.stop().await;
}
