//! How a connection of wRPC ends.

use std::{net::SocketAddr, time::Duration};

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::{net::TcpStream, time::timeout};
use tokio_tungstenite::{
    MaybeTlsStream, WebSocketStream, connect_async,
    tungstenite::{
        Message,
        protocol::{CloseFrame, frame::coding::CloseCode},
    },
};

use super::Served;

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

/// Connections that are ended: what goes wrong once in a hundred times is seen.
const ROUNDS: usize = 200;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(30);

async fn connect(address: SocketAddr) -> Socket {
    connect_async(format!("ws://{address}")).await.unwrap().0
}

/// Reads to the end and returns the Close that came; the connection must not break.
async fn end(socket: &mut Socket) -> Option<CloseFrame> {
    let mut close = None;
    let reading = async {
        while let Some(message) = socket.next().await {
            if let Message::Close(frame) = message.unwrap() {
                assert!(close.is_none(), "closed twice");
                close = Some(frame);
            }
        }
    };
    timeout(PATIENCE, reading).await.unwrap();
    close.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_close_is_answered_with_a_close_whatever_else_is_being_told() {
    let folder = tempfile::tempdir().unwrap();
    let node = Served::start(folder.path(), 1, Some(100.0)).await;
    for round in 0..ROUNDS {
        let mut socket = connect(node.json).await;
        for event in ["BlockAdded", "VirtualDaaScoreChanged", "NewBlockTemplate"] {
            let asked = format!(r#"{{"id":1,"method":"subscribe","params":{{"{event}":{{}}}}}}"#);
            socket.send(Message::text(asked)).await.unwrap();
        }
        if round % 2 == 0 {
            // Something is told already.
            socket.next().await.unwrap().unwrap();
        }
        // A question whose answer nobody waits for.
        let asked = r#"{"id":2,"method":"getBlockDagInfo","params":{}}"#;
        socket.send(Message::text(asked)).await.unwrap();
        let bye = CloseFrame { code: CloseCode::Normal, reason: "bye".into() };
        socket.send(Message::Close(Some(bye))).await.unwrap();
        let frame = end(&mut socket).await.unwrap();
        assert_eq!(frame.code, CloseCode::Normal);
    }
    node.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_stops_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let node = Served::start(folder.path(), 1, None).await;
    let mut socket = connect(node.json).await;
    socket.send(Message::text(r#"{"id":1,"method":"ping","params":{}}"#)).await.unwrap();
    socket.next().await.unwrap().unwrap();
    let (frame, ()) = tokio::join!(end(&mut socket), node.stop());
    let frame = frame.unwrap();
    assert_eq!((frame.code, frame.reason.as_str()), (CloseCode::Away, "the node is stopping"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_is_too_long_is_said_to_be() {
    let folder = tempfile::tempdir().unwrap();
    let node = Served::start(folder.path(), 1, None).await;
    let mut socket = connect(node.json).await;
    // The node stops reading in the middle, so that the rest may find nobody.
    let _ = timeout(PATIENCE, socket.send(Message::text("x".repeat(33 << 20)))).await.unwrap();
    let mut code = None;
    while let Ok(Some(Ok(message))) = timeout(PATIENCE, socket.next()).await {
        if let Message::Close(Some(frame)) = message {
            code = Some(frame.code);
        }
    }
    assert_eq!(code, Some(CloseCode::Size));
    node.stop().await;
}
