//! gRPC clients that do what none should: the node goes on, and the others notice nothing.

use std::time::Duration;

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::watch,
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

/// Questions of one who does not read that are taken at most, bytes: as many as have answers that
/// fill the windows of HTTP/2 and the buffers of both sockets.
const TAKEN_BYTES: usize = 64 << 20;

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
async fn who_asks_and_does_not_read_is_let_go_and_not_listened_to_for_ever() {
    let folder = tempfile::tempdir().unwrap();
    let node = Served::start(folder.path(), 4, Some(20.0)).await;
    let mut honest = Client::connect(node.grpc).await;
    honest.ask(1, 1007, &[]).await;
    let (told, mut blocks) = watch::channel(0);
    let honest = tokio::spawn(async move {
        while let Some(came) = honest.next().await {
            if came.number == BLOCK_ADDED {
                told.send_modify(|blocks| *blocks += 1);
            }
        }
    });
    let mut deaf = Call::connect(node.grpc, METHOD).await;
    deaf.send(request(1, 1007, &[])).await;
    // The node takes questions until nothing more can be written.
    let question = request(2, 1031, &[0x10, 1, 0x18, 1]);
    let mut taken = 0;
    while let Ok(true) = timeout(BLOCKED, deaf.send(question.clone())).await {
        taken += question.len();
        assert!(taken < TAKEN_BYTES, "{taken} bytes of questions were taken");
    }
    timeout(GONE_WITHIN, deaf.gone()).await.unwrap();
    // What had arrived is there; then comes the end.
    while let Ok(Some(_)) = deaf.next().await {}
    // The other was told of blocks all the while, and is still.
    let before = *blocks.borrow_and_update();
    assert!(before > 0);
    timeout(GONE_WITHIN, blocks.wait_for(|blocks| *blocks > before)).await.unwrap().unwrap();
    node.stop().await;
    honest.await.unwrap();
}
