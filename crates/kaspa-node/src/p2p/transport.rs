//! gRPC over HTTP/2 on a TCP stream, both ways: one call, `P2P.MessageStream`, whose two directions carry frames.
//!
//! ```text
//!   inbound   TcpStream ─► hyper server ─► METHOD, once ─► Pipe
//!   outbound  TcpStream ─► hyper client ─► call METHOD ──► Pipe
//! ```
//!
//! Both ends offer gzip, as the reference does. A message is bounded packed and unpacked; which message may be how long is decided while
//! it is decoded. A connection carries one call: a second one is refused.
//!
//! # Invariants
//!
//! - HTTP/2 buffers at most a window of what a peer sends and we do not read.
//! - A peer that is gone without a word is noticed by HTTP/2's own pings.

use std::{
    convert::Infallible,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
};

use futures_util::{Stream, StreamExt as _};
use hyper::{Request, Response, body::Incoming, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use quintet_kaspa_protocol::wire::{FRAME_BYTES_MAX, Frame, METHOD};
use tokio::{
    net::TcpStream,
    sync::{mpsc, oneshot},
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use tonic::{
    Status, Streaming, body::Body, client::GrpcService, codec::CompressionEncoding,
    server::StreamingService,
};

use super::{
    codec::{FrameCodec, Outgoing},
    error::PeerError,
};

/// Bytes of one direction that HTTP/2 takes in before we read them.
const WINDOW_BYTES: u32 = 4 << 20;

/// Bytes of request headers, at most.
const HEADERS_BYTES_MAX: u32 = 16 << 10;

/// How often a silent connection is pinged by HTTP/2, and how long the answer may take.
const KEEP_ALIVE: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(20));

/// How long what was sent last may take to leave when a connection ends.
const LINGER: Duration = Duration::from_secs(1);

/// Frames that wait to be written, at most: as many as there is room for in the outbox.
const OUTGOING_MAX: usize = 8 << 10;

/// Both directions of a call.
#[derive(Debug)]
pub(super) struct Pipe {
    pub(super) incoming: Streaming<Frame>,
    pub(super) outgoing: mpsc::Sender<Outgoing>,
}

/// What is sent, as a stream.
struct Frames(mpsc::Receiver<Outgoing>);

impl Stream for Frames {
    type Item = Outgoing;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Outgoing>> {
        self.0.poll_recv(cx)
    }
}

type OutgoingFrames = Pin<Box<dyn Stream<Item = Result<Outgoing, Status>> + Send>>;

/// Hands the one call of a connection over.
struct Handover {
    to: oneshot::Sender<Pipe>,
}

/// The call of a connection, once.
struct OneCall(Option<Handover>);

impl StreamingService<Frame> for OneCall {
    type Response = Outgoing;
    type ResponseStream = OutgoingFrames;
    type Future = Pin<
        Box<dyn Future<Output = Result<tonic::Response<OutgoingFrames>, Status>> + Send + 'static>,
    >;

    fn call(&mut self, request: tonic::Request<Streaming<Frame>>) -> Self::Future {
        let handover = self.0.take();
        Box::pin(async move {
            let Some(Handover { to }) = handover else {
                return Err(Status::resource_exhausted("one call for each connection"));
            };
            let (outgoing, frames) = mpsc::channel(OUTGOING_MAX);
            let pipe = Pipe { incoming: request.into_inner(), outgoing };
            to.send(pipe).map_err(|_| Status::unavailable("the node is stopping"))?;
            Ok(tonic::Response::new(Box::pin(Frames(frames).map(Ok)) as OutgoingFrames))
        })
    }
}

fn refuse() -> Response<Body> {
    Status::unimplemented("expected the call P2P.MessageStream").into_http()
}

/// Serves a connection that a peer opened. The call comes through the receiver; the future ends with the connection.
pub(super) fn serve(
    stream: TcpStream,
    cancel: CancellationToken,
) -> (oneshot::Receiver<Pipe>, impl Future<Output = ()> + Send) {
    let (to, pipe) = oneshot::channel();
    let handover = Arc::new(Mutex::new(Some(Handover { to })));
    let service = service_fn(move |request: Request<Incoming>| {
        let is_ours = request.uri().path() == METHOD;
        let mut taken = handover.lock().unwrap_or_else(PoisonError::into_inner);
        let call = is_ours.then(|| OneCall(taken.take()));
        async move {
            let Some(call) = call else { return Ok::<_, Infallible>(refuse()) };
            let mut grpc = tonic::server::Grpc::new(FrameCodec)
                .accept_compressed(CompressionEncoding::Gzip)
                .send_compressed(CompressionEncoding::Gzip)
                .max_decoding_message_size(FRAME_BYTES_MAX)
                .max_encoding_message_size(FRAME_BYTES_MAX);
            Ok(grpc.streaming(call, request.map(Body::new)).await)
        }
    });
    let connection = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .max_concurrent_streams(2)
        .initial_stream_window_size(WINDOW_BYTES)
        .initial_connection_window_size(WINDOW_BYTES)
        .max_header_list_size(HEADERS_BYTES_MAX)
        .keep_alive_interval(KEEP_ALIVE.0)
        .keep_alive_timeout(KEEP_ALIVE.1)
        .serve_connection(TokioIo::new(stream), service);
    let run = async move {
        let mut connection = std::pin::pin!(connection);
        tokio::select! {
            _ = connection.as_mut() => {}
            () = cancel.cancelled() => {
                connection.as_mut().graceful_shutdown();
                let _ = timeout(LINGER, connection).await;
            }
        }
    };
    (pipe, run)
}

/// The HTTP/2 connection as tonic's client wants it.
struct Sender(hyper::client::conn::http2::SendRequest<Body>);

impl GrpcService<Body> for Sender {
    type ResponseBody = Incoming;
    type Error = hyper::Error;
    type Future =
        Pin<Box<dyn Future<Output = Result<Response<Incoming>, hyper::Error>> + Send + 'static>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), hyper::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        Box::pin(self.0.send_request(request))
    }
}

fn failed(error: impl std::fmt::Display) -> PeerError {
    PeerError::Transport { reason: error.to_string() }
}

/// Calls a peer over a stream to it. The future beside the pipe drives the connection and ends with it.
pub(super) async fn call(
    stream: TcpStream,
    cancel: CancellationToken,
) -> Result<(Pipe, impl Future<Output = ()> + Send), PeerError> {
    let (sender, connection) = hyper::client::conn::http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .initial_stream_window_size(WINDOW_BYTES)
        .initial_connection_window_size(WINDOW_BYTES)
        .keep_alive_interval(KEEP_ALIVE.0)
        .keep_alive_timeout(KEEP_ALIVE.1)
        .handshake::<_, Body>(TokioIo::new(stream))
        .await
        .map_err(failed)?;
    let run = tokio::spawn(async move {
        let mut connection = std::pin::pin!(connection);
        tokio::select! {
            _ = connection.as_mut() => {}
            () = cancel.cancelled() => {
                let _ = timeout(LINGER, connection).await;
            }
        }
    });
    let origin = http::Uri::from_static("http://kaspa-peer");
    let mut grpc = tonic::client::Grpc::with_origin(Sender(sender), origin)
        .accept_compressed(CompressionEncoding::Gzip)
        .send_compressed(CompressionEncoding::Gzip)
        .max_decoding_message_size(FRAME_BYTES_MAX)
        .max_encoding_message_size(FRAME_BYTES_MAX);
    grpc.ready().await.map_err(failed)?;
    let (outgoing, frames) = mpsc::channel(OUTGOING_MAX);
    let request = tonic::Request::new(Frames(frames));
    let path = http::uri::PathAndQuery::from_static(METHOD);
    let response = grpc.streaming(request, path, FrameCodec).await.map_err(failed)?;
    let pipe = Pipe { incoming: response.into_inner(), outgoing };
    let run = async move {
        let _ = run.await;
    };
    Ok((pipe, run))
}
