//! A peer of the node under test, made of a socket and the KRPC codec alone: it sends what it likes.

use std::net::SocketAddr;

use quintet_dht_protocol::{
    codec::{self, Codec},
    key::Key,
    message::{
        Body, Item, Message, NetworkId, Query, Request, Response, RpcError, StoreValue, Token,
        TransactionId, ValueKind, Want,
    },
};
use tokio::{net::UdpSocket, time::timeout};

use crate::support::PATIENCE;

pub(crate) struct Peer {
    pub(crate) socket: UdpSocket,
    id: Key,
    node: SocketAddr,
    next: u32,
}

impl Peer {
    /// A peer at a loopback address, facing the node at `node`.
    pub(crate) async fn at(ip: &str, node: SocketAddr) -> Self {
        let socket = UdpSocket::bind(format!("{ip}:0")).await.unwrap();
        let id = Key::new([0x55; 20]);
        Self { socket, id, node, next: 0 }
    }

    pub(crate) async fn facing(node: SocketAddr) -> Self {
        Self::at("127.0.0.1", node).await
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.socket.local_addr().unwrap()
    }

    /// Sends a query without waiting for the answer. It says that it answers none itself (BEP 43), so
    /// that the node leaves it alone.
    pub(crate) async fn ask(&mut self, request: Request) -> TransactionId {
        self.next += 1;
        let tid = TransactionId::from(self.next);
        let query = Query { sender: self.id, want: Want::Unsaid, request };
        self.send(tid.clone(), Body::Query(query)).await;
        tid
    }

    pub(crate) async fn respond(&mut self, tid: TransactionId) {
        let response = Response { sender: self.id, ..Response::default() };
        self.send(tid, Body::Response(response)).await;
    }

    async fn send(&mut self, tid: TransactionId, body: Body) {
        let message = Message {
            tid,
            network: NetworkId::BITTORRENT,
            version: None,
            read_only: matches!(body, Body::Query(_)),
            observed: None,
            body,
        };
        let mut bytes = Vec::new();
        codec::encode(Codec::Krpc, &message, &mut bytes).unwrap();
        self.send_bytes(&bytes).await;
    }

    pub(crate) async fn send_bytes(&self, bytes: &[u8]) {
        self.socket.send_to(bytes, self.node).await.unwrap();
    }

    /// Waits for the next message of the node.
    pub(crate) async fn next(&mut self) -> Message {
        let mut buffer = [0; 4_096];
        let (len, from) =
            timeout(PATIENCE, self.socket.recv_from(&mut buffer)).await.unwrap().unwrap();
        assert_eq!(from, self.node);
        codec::decode(&buffer[..len]).unwrap().1
    }

    /// Asks and waits for the answer to just that.
    pub(crate) async fn call(&mut self, request: Request) -> Result<Response, RpcError> {
        let tid = self.ask(request).await;
        loop {
            let message = self.next().await;
            if message.tid == tid {
                return answer(message);
            }
        }
    }

    pub(crate) async fn token(&mut self, key: Key, kind: ValueKind) -> Token {
        let request = Request::FindValue { key, kind, newer_than: None, scrape: false };
        self.call(request).await.unwrap().token.unwrap()
    }

    /// Stores an item the way any client does: asks for a token, then stores.
    pub(crate) async fn put(&mut self, item: Item) -> Result<(), RpcError> {
        let token = self.token(item.target(), ValueKind::Item).await;
        self.call(store(item, token)).await.map(|_| ())
    }

    pub(crate) async fn ping(&mut self) {
        self.call(Request::Ping).await.unwrap();
    }
}

pub(crate) fn store(item: Item, token: Token) -> Request {
    let key = item.target();
    Request::Store { key, token, value: StoreValue::Item { item, cas: None } }
}

pub(crate) fn answer(message: Message) -> Result<Response, RpcError> {
    match message.body {
        Body::Response(response) => Ok(response),
        Body::Error(error) => Err(error),
        Body::Query(query) => panic!("expected an answer, got {query:?}"),
    }
}

impl Peer {
    /// Pings, and returns how many refusals came before the answer.
    pub(crate) async fn ping_after_others(&mut self) -> usize {
        let tid = self.ask(Request::Ping).await;
        let mut refused = 0;
        loop {
            let message = self.next().await;
            if message.tid == tid {
                return refused;
            }
            refused += usize::from(answer(message).is_err());
        }
    }
}
