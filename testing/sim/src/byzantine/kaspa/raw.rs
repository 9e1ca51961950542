//! A peer of a Kaspa node, driven frame by frame: what it sends need not make sense.

use std::{
    future::Future,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use anyhow::{Context as _, Result, bail};
use bytes::{Buf as _, BufMut as _};
use futures_util::Stream;
use hyper::{Request, Response, body::Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo};
use quintet_kaspa_protocol::wire::{Frame, METHOD, Message, PROTOCOL_VERSION, Version};
use tokio::{net::TcpStream, sync::mpsc, time::timeout};
use tonic::{
    Status, Streaming,
    body::Body,
    client::GrpcService,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
};

/// Longest wait for the other side.
const PATIENCE: Duration = Duration::from_secs(30);

/// Frames of ours on their way.
const AHEAD: usize = 64;

/// Messages as they are, without a form of their own.
#[derive(Debug, Clone, Copy, Default)]
struct AsTheyAre;

impl Codec for AsTheyAre {
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

impl Encoder for AsTheyAre {
    type Item = Vec<u8>;
    type Error = Status;

    fn encode(&mut self, item: Vec<u8>, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put_slice(&item);
        Ok(())
    }
}

impl Decoder for AsTheyAre {
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

/// A connection to a node.
pub(super) struct Raw {
    sent: mpsc::Sender<Vec<u8>>,
    came: Streaming<Vec<u8>>,
    pub(super) is_gone: bool,
}

impl Raw {
    /// Connects from an address of its own and shakes hands.
    pub(super) async fn meet(ip: IpAddr, to: SocketAddr, network: &str, id: u128) -> Result<Self> {
        let stream = super::super::connected_from(ip, to).await?;
        let mut raw = timeout(PATIENCE, Self::open(stream)).await.context("no call in time")??;
        let version = Version {
            protocol_version: PROTOCOL_VERSION,
            network: network.to_owned(),
            services: 0,
            timestamp: 0,
            address: None,
            id: id.to_be_bytes(),
            user_agent: "/liar:0/".to_owned(),
            disable_relay_tx: false,
            subnetwork_id: None,
        };
        raw.send(Message::Version(Box::new(version))).await;
        raw.send(Message::Verack).await;
        while let Some(frame) = raw.next(PATIENCE).await {
            if matches!(frame.message, Message::Ready) {
                raw.send(Message::Ready).await;
                return Ok(raw);
            }
        }
        bail!("expected that the node is ready for us, gone: {}", raw.is_gone)
    }

    async fn open(stream: TcpStream) -> Result<Self> {
        let builder = hyper::client::conn::http2::Builder::new(TokioExecutor::new());
        let (sender, connection) = builder.handshake::<_, Body>(TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        let origin = http::Uri::from_static("http://node");
        let mut grpc = tonic::client::Grpc::with_origin(Sender(sender), origin)
            .max_decoding_message_size(1 << 30);
        grpc.ready().await?;
        let (sent, frames) = mpsc::channel(AHEAD);
        let path = http::uri::PathAndQuery::from_static(METHOD);
        let call = grpc.streaming(tonic::Request::new(Frames(frames)), path, AsTheyAre).await?;
        Ok(Self { sent, came: call.into_inner(), is_gone: false })
    }

    /// Sends bytes as a message; a node that has let us go takes no more.
    pub(super) async fn send_bytes(&mut self, bytes: Vec<u8>) {
        let taken = timeout(PATIENCE, self.sent.send(bytes)).await;
        self.is_gone |= !matches!(taken, Ok(Ok(())));
    }

    pub(super) async fn send(&mut self, message: Message) {
        self.send_bytes(Frame::new(message).encode()).await;
    }

    pub(super) async fn send_frame(&mut self, frame: Frame) {
        self.send_bytes(frame.encode()).await;
    }

    /// Returns the next frame, if one comes in time; pings are answered.
    pub(super) async fn next(&mut self, patience: Duration) -> Option<Frame> {
        let bytes = match timeout(patience, self.came.message()).await {
            Ok(Ok(Some(bytes))) => bytes,
            Ok(_) => {
                self.is_gone = true;
                return None;
            }
            Err(_) => return None,
        };
        let frame = Frame::decode(&bytes).ok()?;
        if let Message::Ping(nonce) = frame.message {
            self.send_frame(Frame::response(Message::Pong(nonce), frame.request_id)).await;
        }
        Some(frame)
    }
}
