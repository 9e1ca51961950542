//! gRPC over HTTP/2 on a TCP stream, both ways: one call, `P2P.MessageStream`, whose two directions carry frames.
//!
//! ```text
//!   inbound   TcpStream ─► hyper server ─► METHOD, once ─► Pipe
//!   outbound  TcpStream ─► hyper client ─► call METHOD ──► Pipe
//! ```
//!
//! Both ends offer gzip, as the reference does. A message is bounded packed and unpacked; which message may be how long is decided while
//! it is decoded. A connection carries one call: a second one is refused. The server's side is that of [`grpc`].

use std::{
    future::{Future, ready},
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
};

use futures_util::StreamExt as _;
use hyper::{Request, Response, body::Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use quintet_kaspa_protocol::wire::{FRAME_BYTES_MAX, Frame, METHOD};
use tokio::{
    net::TcpStream,
    sync::{mpsc, oneshot},
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use tonic::{Status, body::Body, client::GrpcService, codec::CompressionEncoding};

use super::{codec::FrameCodec, error::PeerError};
use crate::grpc::{self, KEEP_ALIVE, LINGER, Limits, Outgoing, Sent, WINDOW_BYTES};

/// Frames that wait to be written, at most: as many as there is room for in the outbox.
const OUTGOING_MAX: usize = 8 << 10;

/// The second call is there to be told that there is none.
const LIMITS: Limits = Limits {
    method: METHOD,
    bytes_max: (FRAME_BYTES_MAX, FRAME_BYTES_MAX),
    outgoing_max: OUTGOING_MAX,
    calls_max: 2,
};

/// Both directions of a call.
pub(super) type Pipe = grpc::Pipe<Frame, Outgoing>;

/// Serves a connection that a peer opened. The call comes through the receiver; the future ends with the connection.
pub(super) fn serve(
    stream: TcpStream,
    cancel: CancellationToken,
) -> (oneshot::Receiver<Pipe>, impl Future<Output = ()> + Send) {
    let (to, pipe) = oneshot::channel();
    let handover = Arc::new(Mutex::new(Some(to)));
    let accept = move |pipe: Pipe| {
        let to = handover.lock().unwrap_or_else(PoisonError::into_inner).take();
        let to = to.ok_or_else(|| Status::resource_exhausted("one call for each connection"))?;
        to.send(pipe).map_err(|_| Status::unavailable("the node is stopping"))
    };
    (pipe, grpc::serve(stream, LIMITS, FrameCodec, accept, cancel))
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
    let (outgoing, sent) = mpsc::channel(OUTGOING_MAX);
    // Whoever calls has nobody to tell of an error but by the end.
    let frames = Sent(sent).filter_map(|frame: Result<Outgoing, Status>| ready(frame.ok()));
    let request = tonic::Request::new(frames);
    let path = http::uri::PathAndQuery::from_static(METHOD);
    let response = grpc.streaming(request, path, FrameCodec).await.map_err(failed)?;
    let pipe = Pipe { incoming: response.into_inner(), outgoing };
    let run = async move {
        let _ = run.await;
    };
    Ok((pipe, run))
}
