//! The server's side of gRPC over HTTP/2 on a TCP stream: one method, whose two directions carry messages. Peers and clients share it.
//!
//! ```text
//!   TcpStream ─► hyper ─► the method's path ─► Calls ─► Pipe { incoming, outgoing }
//! ```
//!
//! Gzip is offered and taken, as the reference does. A message is bounded packed and unpacked.
//!
//! # Invariants
//!
//! - HTTP/2 buffers at most a window of what a client sends and we do not read.
//! - A client that is gone without a word is noticed by HTTP/2's own pings.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    marker::PhantomData,
    pin::Pin,
    task,
    time::Duration,
};

use bytes::{BufMut as _, Bytes};
use futures_util::Stream;
use hyper::{Request, Response, body::Incoming, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::{
    net::TcpStream,
    sync::{OwnedSemaphorePermit, mpsc},
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use tonic::{
    Status, Streaming,
    body::Body,
    codec::{Codec, CompressionEncoding, EncodeBuf, Encoder},
    server::StreamingService,
};

/// Bytes of one direction that HTTP/2 takes in before we read them.
pub(crate) const WINDOW_BYTES: u32 = 4 << 20;

/// Bytes of request headers, at most.
const HEADERS_BYTES_MAX: u32 = 16 << 10;

/// How often a silent connection is pinged by HTTP/2, and how long the answer may take.
pub(crate) const KEEP_ALIVE: (Duration, Duration) =
    (Duration::from_secs(30), Duration::from_secs(20));

/// How long what was sent last may take to leave when a connection ends.
pub(crate) const LINGER: Duration = Duration::from_secs(1);

/// What is served to whom.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// The path of the method.
    pub(crate) method: &'static str,
    /// Bytes of a message that comes, and of one that goes, at most.
    pub(crate) bytes_max: (usize, usize),
    /// Messages that wait to be written, at most.
    pub(crate) outgoing_max: usize,
    /// Calls of one connection at a time, at most.
    pub(crate) calls_max: u32,
}

/// An encoded message on its way out, and the room it takes in an outbox until it is gone.
#[derive(Debug)]
pub(crate) struct Outgoing {
    pub(crate) bytes: Bytes,
    pub(crate) room: OwnedSemaphorePermit,
}

/// Copies what was encoded when it entered the outbox, so that the outbox can be bounded by bytes.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct CopyOut;

impl Encoder for CopyOut {
    type Item = Outgoing;
    type Error = Status;

    fn encode(&mut self, item: Outgoing, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.reserve(item.bytes.len());
        buffer.put_slice(&item.bytes);
        drop(item.room);
        Ok(())
    }
}

/// Where a call's messages go. It ends when this is dropped, or with an error that is sent.
pub(crate) type Outbox<Out> = mpsc::Sender<Result<Out, Status>>;

/// Both directions of a call.
#[derive(Debug)]
pub(crate) struct Pipe<In, Out> {
    pub(crate) incoming: Streaming<In>,
    pub(crate) outgoing: Outbox<Out>,
}

/// What is sent, as a stream.
pub(crate) struct Sent<Out>(pub(crate) mpsc::Receiver<Result<Out, Status>>);

impl<Out> Stream for Sent<Out> {
    type Item = Result<Out, Status>;

    fn poll_next(
        mut self: Pin<&mut Self>,
        cx: &mut task::Context<'_>,
    ) -> task::Poll<Option<Self::Item>> {
        self.0.poll_recv(cx)
    }
}

/// One call of the method: handed over, or refused.
struct Call<Accept, Out> {
    accept: Accept,
    outgoing_max: usize,
    sends: PhantomData<Out>,
}

impl<In, Out, Accept> StreamingService<In> for Call<Accept, Out>
where
    Out: Send + 'static,
    Accept: Fn(Pipe<In, Out>) -> Result<(), Status>,
{
    type Response = Out;
    type ResponseStream = Sent<Out>;
    type Future = Ready<Result<tonic::Response<Sent<Out>>, Status>>;

    fn call(&mut self, request: tonic::Request<Streaming<In>>) -> Self::Future {
        let (outgoing, sent) = mpsc::channel(self.outgoing_max);
        let taken = (self.accept)(Pipe { incoming: request.into_inner(), outgoing });
        ready(taken.map(|()| tonic::Response::new(Sent(sent))))
    }
}

/// Serves a connection until it ends or is cancelled. `accept` is handed each call, or says why it is not taken.
pub(crate) fn serve<C, Accept>(
    stream: TcpStream,
    limits: Limits,
    codec: C,
    accept: Accept,
    cancel: CancellationToken,
) -> impl Future<Output = ()> + Send
where
    C: Codec + Clone + Send + 'static,
    C::Decode: Send + 'static,
    C::Encode: Send + 'static,
    C::Encoder: Send + 'static,
    C::Decoder: Send + 'static,
    Accept: Fn(Pipe<C::Decode, C::Encode>) -> Result<(), Status> + Clone + Send + 'static,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let is_ours = request.uri().path() == limits.method;
        let call = is_ours.then(|| Call {
            accept: accept.clone(),
            outgoing_max: limits.outgoing_max,
            sends: PhantomData::<C::Encode>,
        });
        let codec = codec.clone();
        async move {
            let Some(call) = call else {
                let words = format!("expected the call {}", limits.method);
                return Ok::<Response<Body>, Infallible>(Status::unimplemented(words).into_http());
            };
            let mut grpc = tonic::server::Grpc::new(codec)
                .accept_compressed(CompressionEncoding::Gzip)
                .send_compressed(CompressionEncoding::Gzip)
                .max_decoding_message_size(limits.bytes_max.0)
                .max_encoding_message_size(limits.bytes_max.1);
            Ok(grpc.streaming(call, request.map(Body::new)).await)
        }
    });
    let connection = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.calls_max)
        .initial_stream_window_size(WINDOW_BYTES)
        .initial_connection_window_size(WINDOW_BYTES)
        .max_header_list_size(HEADERS_BYTES_MAX)
        .keep_alive_interval(KEEP_ALIVE.0)
        .keep_alive_timeout(KEEP_ALIVE.1)
        .serve_connection(TokioIo::new(stream), service);
    async move {
        let mut connection = std::pin::pin!(connection);
        tokio::select! {
            _ = connection.as_mut() => {}
            () = cancel.cancelled() => {
                connection.as_mut().graceful_shutdown();
                let _ = timeout(LINGER, connection).await;
            }
        }
    }
}
