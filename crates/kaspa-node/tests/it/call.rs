//! A call of gRPC driven byte for byte: what it sends need not make sense.

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
use tokio::{net::TcpStream, sync::mpsc};
use tonic::{
    Status, Streaming,
    body::Body,
    client::GrpcService,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
};

/// How long the next message may take.
const PATIENCE: Duration = Duration::from_secs(30);

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

/// A connection with one call.
pub(crate) struct Call {
    sent: Option<mpsc::Sender<Vec<u8>>>,
    came: Streaming<Vec<u8>>,
}

impl Call {
    /// Connects and calls a method.
    pub(crate) async fn connect(address: SocketAddr, method: &'static str) -> Self {
        Self::try_connect(address, method).await.unwrap()
    }

    /// The same where the call may be refused.
    pub(crate) async fn try_connect(
        address: SocketAddr,
        method: &'static str,
    ) -> Result<Self, Status> {
        let refused = |error: &dyn std::error::Error| Status::unavailable(error.to_string());
        let stream = TcpStream::connect(address).await.map_err(|error| refused(&error))?;
        let builder = hyper::client::conn::http2::Builder::new(TokioExecutor::new());
        let (sender, connection) =
            builder.handshake::<_, Body>(TokioIo::new(stream)).await.map_err(|e| refused(&e))?;
        tokio::spawn(connection);
        let mut grpc =
            tonic::client::Grpc::with_origin(Sender(sender), http::Uri::from_static("http://node"))
                .max_decoding_message_size(1 << 30);
        grpc.ready().await.map_err(|error| refused(&error))?;
        let (sent, frames) = mpsc::channel(16);
        let path = http::uri::PathAndQuery::from_static(method);
        let call = grpc.streaming(tonic::Request::new(Frames(frames)), path, Bytes).await?;
        Ok(Self { sent: Some(sent), came: call.into_inner() })
    }

    /// Sends a message; returns whether there was somebody to take it: a node that has closed the
    /// connection takes no more.
    pub(crate) async fn send(&self, bytes: Vec<u8>) -> bool {
        match &self.sent {
            Some(sent) => sent.send(bytes).await.is_ok(),
            None => false,
        }
    }

    /// Waits until the node takes nothing any more.
    pub(crate) async fn gone(&self) {
        if let Some(sent) = &self.sent {
            sent.closed().await;
        }
    }

    /// Says that nothing is sent any more.
    pub(crate) fn finish(&mut self) {
        self.sent = None;
    }

    /// Returns the next message; none at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Vec<u8>>, Status> {
        tokio::time::timeout(PATIENCE, self.came.message()).await.unwrap()
    }
}
