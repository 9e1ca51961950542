//! The feed over real WebSockets.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use quintet_dashboard::{
    DagBlock, DagId, DhtKey, DhtNode, Event, LogLevel, LogLine, LookupId, LookupKind, NodeEntry,
    NodeState, Panel, Publisher, Rates,
};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::raw::{Server, get};

const PATIENCE: Duration = Duration::from_secs(10);

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn connect(server: &Server) -> Result<Socket, Error> {
    connect_async(format!("ws://{}/feed", server.address())).await.map(|(socket, _)| socket)
}

async fn next(socket: &mut Socket) -> Message {
    timeout(PATIENCE, socket.next())
        .await
        .expect("a message in time")
        .expect("an open feed")
        .expect("a message")
}

async fn frame(socket: &mut Socket) -> Value {
    loop {
        if let Message::Text(text) = next(socket).await {
            return serde_json::from_str(&text).unwrap();
        }
    }
}

fn node(id: &str) -> NodeEntry {
    NodeEntry {
        id: id.into(),
        name: id.to_owned(),
        endpoint: "127.0.0.1:6881".to_owned(),
        state: NodeState::Running,
        peers: 3,
        rates: Rates::default(),
        panel: Panel::Dht(DhtNode {
            key: DhtKey([0xab; 20]),
            bucket_size: 8,
            buckets: Vec::new(),
            records: 1,
            neighbours: vec![DhtKey([0xcd; 20])],
        }),
    }
}

/// Publishes a node and waits until the snapshot has it.
async fn publish_and_settle(server: &Server, publisher: &Publisher, id: &str) {
    publisher.node(node(id));
    let seen = async { while !get(server.address(), "/api/snapshot").await.body.contains(id) {} };
    timeout(PATIENCE, seen).await.expect("the node is in the snapshot");
}

#[tokio::test]
async fn a_client_gets_the_whole_state_and_then_what_changes() {
    let server = Server::start(4).await;
    let publisher = server.handle.publisher();
    publish_and_settle(&server, &publisher, "dht-00").await;

    let mut socket = connect(&server).await.unwrap();
    let snapshot = frame(&mut socket).await;
    assert_eq!(snapshot["type"], "snapshot");
    assert_eq!(snapshot["protocol"], 1);
    assert_eq!(snapshot["nodes"][0]["id"], "dht-00");
    assert_eq!(snapshot["nodes"][0]["kind"], "dht");
    assert_eq!(snapshot["nodes"][0]["neighbours"][0], "cd".repeat(20));

    publisher.node(node("dht-01"));
    publisher.event(Event::LookupStarted {
        lookup: LookupId(u64::MAX),
        node: "dht-01".into(),
        target: DhtKey([1; 20]),
        kind: LookupKind::FindValue,
    });
    let delta = frame(&mut socket).await;
    assert_eq!(delta["type"], "delta");
    assert_eq!(delta["seq"].as_u64().unwrap(), snapshot["seq"].as_u64().unwrap() + 1);
    assert_eq!(delta["nodes"][0]["id"], "dht-01");
    let event = &delta["events"][0];
    assert_eq!((&event["event"], &event["kind"]), (&"lookup_started".into(), &"find_value".into()));
    assert_eq!(event["lookup"], u64::MAX.to_string());

    publisher.remove_node("dht-00".into());
    assert_eq!(frame(&mut socket).await["removed"][0], "dht-00");
}

#[tokio::test]
async fn what_is_published_in_a_burst_comes_in_few_frames() {
    let server = Server::start(4).await;
    let publisher = server.handle.publisher();
    let mut socket = connect(&server).await.unwrap();
    frame(&mut socket).await;
    for number in 0..200_u64 {
        let message = format!("line {number}");
        publisher.log(LogLine {
            time: number,
            level: LogLevel::Info,
            node: None,
            target: "test".into(),
            message,
        });
    }
    let (mut lines, mut frames) = (0, 0);
    while lines < 200 {
        let delta = frame(&mut socket).await;
        lines += delta["logs"].as_array().map_or(0, Vec::len);
        frames += 1;
    }
    assert!(frames <= 2, "200 lines came in {frames} frames");
}

#[tokio::test]
async fn hostile_text_passes_as_text() {
    let server = Server::start(4).await;
    let publisher = server.handle.publisher();
    let mut socket = connect(&server).await.unwrap();
    frame(&mut socket).await;
    let message = "</script><img src=x onerror=alert(1)>\u{0}\"\\\u{2028}".to_owned();
    let line = LogLine {
        time: 0,
        level: LogLevel::Warn,
        node: Some("x".into()),
        target: "t".into(),
        message,
    };
    publisher.log(line.clone());
    assert_eq!(frame(&mut socket).await["logs"][0]["message"], line.message);
}

#[tokio::test]
async fn a_client_that_speaks_is_shown_the_door() {
    let server = Server::start(4).await;
    let mut socket = connect(&server).await.unwrap();
    frame(&mut socket).await;
    socket.send(Message::text("stop dht-00")).await.unwrap();
    loop {
        if let Message::Close(close) = next(&mut socket).await {
            assert_eq!(close.unwrap().code, CloseCode::Policy);
            break;
        }
    }
}

#[tokio::test]
async fn one_client_too_many_is_told_so_and_may_come_back() {
    let server = Server::start(1).await;
    let mut first = connect(&server).await.unwrap();
    frame(&mut first).await;
    match connect(&server).await {
        Err(Error::Http(answer)) => assert_eq!(answer.status(), 503),
        other => panic!("expected 503, got {other:?}"),
    }
    first.close(None).await.unwrap();
    let again = async {
        loop {
            if let Ok(socket) = connect(&server).await {
                return socket;
            }
        }
    };
    let mut second = timeout(PATIENCE, again).await.expect("a free place");
    assert_eq!(frame(&mut second).await["type"], "snapshot");
}

#[tokio::test]
async fn clients_are_told_goodbye_when_the_network_stops() {
    let server = Server::start(1).await;
    let mut socket = connect(&server).await.unwrap();
    frame(&mut socket).await;
    server.cancel.cancel();
    loop {
        if let Message::Close(close) = next(&mut socket).await {
            assert_eq!(close.unwrap().code, CloseCode::Away);
            break;
        }
    }
}

/// A block of a DAG that names the one before it.
fn dag_block(number: u8) -> Event {
    let id = |number: u8| DagId([number; 16]);
    Event::DagBlockAdded {
        block: DagBlock {
            id: id(number),
            parents: vec![id(number - 1); 200],
            selected_parent: id(number - 1),
            blues: Vec::new(),
            reds: vec![id(9)],
            blue_score: number.into(),
            daa_score: number.into(),
            made: 0,
            transactions: 3,
        },
    }
}

#[tokio::test]
async fn a_page_that_opens_late_gets_the_dag_and_follows_it() {
    let server = Server::start(4).await;
    let publisher = server.handle.publisher();
    publisher.event(dag_block(1));
    publisher.event(Event::SelectedChainMoved { left: vec![], joined: vec![DagId([1; 16])] });
    publish_and_settle(&server, &publisher, "kaspa-00").await;

    let mut socket = connect(&server).await.unwrap();
    let first = frame(&mut socket).await["dag"][0].clone();
    assert_eq!((&first["id"], &first["is_chain"]), (&"01".repeat(16).into(), &true.into()));
    publisher.event(dag_block(2));
    publisher.event(Event::SelectedChainMoved {
        left: vec![DagId([1; 16])],
        joined: vec![DagId([2; 16])],
    });
    let events = frame(&mut socket).await["events"].clone();
    assert_eq!(events[0]["event"], "dag_block_added");
    assert_eq!(events[0]["selected_parent"], "01".repeat(16));
    assert_eq!(events[0]["reds"], serde_json::json!(["09".repeat(16)]));
    assert_eq!(events[0]["parents"].as_array().unwrap().len(), quintet_dashboard::DAG_LINKS_MAX);
    assert_eq!(events[1]["event"], "selected_chain_moved");
    assert_eq!(events[1]["left"], serde_json::json!(["01".repeat(16)]));
}
