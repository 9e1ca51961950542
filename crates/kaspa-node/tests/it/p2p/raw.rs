//! A peer driven byte for byte: what it sends need not make sense.

use std::{
    future::Future,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use bytes::{Buf as _, BufMut as _};
use futures_util::Stream;
use hyper::{Request, Response, body::Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo};
use quintet_kaspa_protocol::wire::{Frame, METHOD, Message, PROTOCOL_VERSION, Version};
use tokio::{net::TcpStream, sync::mpsc};
use tonic::{
    Status, Streaming,
    body::Body,
    client::GrpcService,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
};

#[derive(Debug, Clone, Copy, Default)]
struct Bytes;

impl Codec for Bytes {
    type Encode = Vec<u8>;
    type Decode = Vec<u8>;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(&item);
        Ok(())
    }
}

impl Decoder for Bytes {
    type Item = Vec<u8>;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Vec<u8>>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining()).to_vec()))
    }
}

struct Sender(hyper::client::conn::http2::SendRequest<Body>);

impl GrpcService<Body> for Sender {
    type ResponseBody = Incoming;
    type Error = hyper::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Incoming>, hyper::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), hyper::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        Box::pin(self.0.send_request(request))
    }
}

struct Frames(mpsc::Receiver<Vec<u8>>);

impl Stream for Frames {
    type Item = Vec<u8>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Vec<u8>>> {
        self.0.poll_recv(cx)
    }
}

/// A call of a node's gRPC, both ways, message for message as bytes.
pub(super) struct Call {
    sent: mpsc::Sender<Vec<u8>>,
    came: Streaming<Vec<u8>>,
}

impl Call {
    /// Opens a call of a method.
    pub(super) async fn open(address: SocketAddr, method: &'static str) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        let builder = hyper::client::conn::http2::Builder::new(TokioExecutor::new());
        let (sender, connection) =
            builder.handshake::<_, Body>(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        let mut grpc =
            tonic::client::Grpc::with_origin(Sender(sender), http::Uri::from_static("http://node"))
                .max_decoding_message_size(1 << 30);
        grpc.ready().await.unwrap();
        let (sent, frames) = mpsc::channel(16);
        let path = http::uri::PathAndQuery::from_static(method);
        let call = grpc.streaming(tonic::Request::new(Frames(frames)), path, Bytes).await;
        Self { sent, came: call.unwrap().into_inner() }
    }

    pub(super) async fn send(&self, bytes: Vec<u8>) {
        // A node that has closed the connection takes no more.
        let _ = self.sent.send(bytes).await;
    }

    /// Returns what comes next; `None` once the node has closed the connection.
    pub(super) async fn next(&mut self) -> Option<Vec<u8>> {
        let next = tokio::time::timeout(Duration::from_secs(30), self.came.message());
        next.await.unwrap().ok()?
    }
}

/// A connection to a node.
pub(super) struct Raw(Call);

impl Raw {
    /// Opens a call.
    pub(super) async fn connect(address: SocketAddr) -> Self {
        Self(Call::open(address, METHOD).await)
    }

    /// Opens a call and shakes hands.
    pub(super) async fn meet(address: SocketAddr, network: &str) -> Self {
        let mut raw = Self::connect(address).await;
        raw.send(Message::Version(Box::new(version(network)))).await;
        raw.send(Message::Verack).await;
        raw.wait_for("ready", |message| matches!(message, Message::Ready).then_some(())).await;
        raw.send(Message::Ready).await;
        raw
    }

    pub(super) async fn send_bytes(&self, bytes: Vec<u8>) {
        self.0.send(bytes).await;
    }

    pub(super) async fn send(&self, message: Message) {
        self.send_bytes(Frame::new(message).encode()).await;
    }

    pub(super) async fn send_frame(&self, frame: Frame) {
        self.send_bytes(frame.encode()).await;
    }

    /// Returns the next frame; `None` once the node has closed the connection.
    pub(super) async fn next(&mut self) -> Option<Frame> {
        let bytes = self.0.next().await?;
        Some(Frame::decode(&bytes).unwrap())
    }

    pub(super) async fn wait_for<T>(
        &mut self,
        what: &str,
        mut is_it: impl FnMut(&Message) -> Option<T>,
    ) -> T {
        loop {
            let frame = self.next().await.unwrap_or_else(|| panic!("closed before {what}"));
            if let Some(found) = is_it(&frame.message) {
                return found;
            }
        }
    }

    /// Waits until the node closes the connection and returns what it said last.
    pub(super) async fn end(mut self) -> Option<String> {
        let mut said = None;
        while let Some(frame) = self.next().await {
            if let Message::Reject(reason) = frame.message {
                said = Some(reason);
            }
        }
        said
    }
}

/// What a node of a network says of itself.
pub(super) fn version(network: &str) -> Version {
    Version {
        protocol_version: PROTOCOL_VERSION,
        network: network.to_owned(),
        services: 0,
        timestamp: 0,
        address: None,
        id: rand::random(),
        user_agent: "/raw:0/".to_owned(),
        disable_relay_tx: false,
        subnetwork_id: None,
    }
}
