//! gRPC for clients: the method `RPC.MessageStream`, in each direction a stream of messages.
//!
//! ```text
//!   KaspadRequest ─► id, method ─┬─► table ────────────────► answer: the same id, the method's number + 1
//!                                └─► notifications, begun or ended
//!   KaspadResponse ◄── answers, notifications ◄── outbox, bounded by bytes
//! ```
//!
//! Clients older than ids match answers by their kind: answers of one method leave in the order of its requests, answers of several as they come.
//! What cannot be answered is answered with an error: a method that is not known, too. A client that ends its stream gets what it has asked for.
//!
//! # Invariants
//!
//! - At most so many streams as were said when it began to listen, each with at most [`CALLS_MAX`] calls under way. Messages have at most
//!   [`MESSAGE_BYTES_MAX`] bytes, and calls of all streams are made of [`REQUESTS_KIB`] KiB of them at a time; the rest waits in sockets.
//! - A stream holds at most [`OUTBOX_KIB`] KiB that are not written yet. Who does not read, or sends what is no request, is disconnected.
//! - Calls run on blocking threads: none holds an asynchronous worker.
//!
//! **Spec:** rusty-kaspa's `rpc/grpc/server`.

use std::{collections::HashMap, net::SocketAddr, sync::Arc};

use bytes::{Buf as _, Bytes};
use quintet_net::limits::Place;
use tokio::{
    net::TcpStream,
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot},
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tonic::{
    Status,
    codec::{Codec, DecodeBuf, Decoder},
};
use tracing::debug;

use super::{
    Core, Failure, RpcServerError,
    door::{Door, PATIENCE},
    protobuf::{self, Request},
    server::change,
    table,
};
use crate::grpc::{self, CopyOut, Limits, Outbox, Outgoing};

/// The path of the method.
const METHOD: &str = "/protowire.RPC/MessageStream";

/// Clients of one server, at most, if nothing else is said.
///
/// Reference: `--rpcmaxclients`.
pub const GRPC_CLIENTS_MAX: usize = 128;

/// Calls of one stream under way, at most.
const CALLS_MAX: usize = 32;

/// Bytes of one message of a client, at most: a block in hexadecimal and more.
const MESSAGE_BYTES_MAX: usize = 8 << 20;

/// Bytes of one message to a client, at most.
///
/// Reference: `RPC_MAX_MESSAGE_SIZE`.
const ANSWER_BYTES_MAX: usize = 1 << 30;

/// Requests that calls are being made of, kibibytes: of all clients.
const REQUESTS_KIB: usize = 64 << 10;

/// What waits to be written to one client, kibibytes.
const OUTBOX_KIB: usize = 16 << 10;

/// Messages that wait to be written to one client, at most.
const OUTGOING_MAX: usize = 1024;

/// Streams of one connection, at most: programs that open several share one.
const STREAMS_MAX: u32 = 8;

/// Connections beyond those that may have a stream, so that who comes too late is told why.
const SPARE_CONNECTIONS: usize = 16;

const LIMITS: Limits = Limits {
    method: METHOD,
    bytes_max: (MESSAGE_BYTES_MAX, ANSWER_BYTES_MAX),
    outgoing_max: OUTGOING_MAX,
    calls_max: STREAMS_MAX,
};

/// Requests as they come; what goes was encoded before.
#[derive(Debug, Clone, Copy, Default)]
struct RawCodec;

impl Codec for RawCodec {
    type Encode = Outgoing;
    type Decode = Bytes;
    type Encoder = CopyOut;
    type Decoder = Self;

    fn encoder(&mut self) -> CopyOut {
        CopyOut
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Decoder for RawCodec {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}

type Pipe = grpc::Pipe<Bytes, Outgoing>;

/// What connections share.
#[derive(Debug)]
struct Shared {
    core: Arc<Core>,
    /// Streams that may be opened.
    places: Arc<Semaphore>,
    /// Kibibytes of requests.
    requests: Arc<Semaphore>,
}

/// A server that listens.
#[derive(Debug)]
pub struct GrpcServer {
    door: Door,
    shared: Arc<Shared>,
}

impl GrpcServer {
    /// Listens, for so many clients at a time.
    ///
    /// # Errors
    ///
    /// [`RpcServerError`].
    pub async fn bind(
        address: SocketAddr,
        clients_max: usize,
        core: Arc<Core>,
    ) -> Result<Self, RpcServerError> {
        let door = Door::bind(address, clients_max.saturating_add(SPARE_CONNECTIONS)).await?;
        let places = Arc::new(Semaphore::new(clients_max));
        let requests = Arc::new(Semaphore::new(REQUESTS_KIB));
        Ok(Self { door, shared: Arc::new(Shared { core, places, requests }) })
    }

    /// Returns where it listens.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.door.address()
    }

    /// Serves until `stop` is cancelled, and lets connections end.
    pub async fn run(self, stop: CancellationToken) {
        let Self { door, shared } = self;
        let serve = |stream, place, stop: CancellationToken| {
            serve(Arc::clone(&shared), stream, place, stop.child_token())
        };
        door.run(stop, serve).await;
    }
}

/// Serves a connection: all its streams.
async fn serve(shared: Arc<Shared>, stream: TcpStream, seat: Place, cancel: CancellationToken) {
    let streams = TaskTracker::new();
    let called = CancellationToken::new();
    let accept = {
        let (streams, called, cancel) = (streams.clone(), called.clone(), cancel.clone());
        move |pipe: Pipe| {
            let place = Arc::clone(&shared.places).try_acquire_owned();
            let place = place.map_err(|_| {
                Status::resource_exhausted("expected fewer clients: the node serves no more")
            })?;
            called.cancel();
            let (shared, cancel) = (Arc::clone(&shared), cancel.clone());
            let there = (place, seat.busy(), shared.core.client());
            streams.spawn(async move {
                talk(&shared, pipe, &cancel).await;
                drop(there);
            });
            Ok(())
        }
    };
    let mut connection =
        std::pin::pin!(grpc::serve(stream, LIMITS, RawCodec, accept, cancel.clone()));
    tokio::select! {
        () = connection.as_mut() => {}
        // Who connects and opens no stream is not waited for.
        Err(_) = timeout(PATIENCE, called.cancelled()) => {
            cancel.cancel();
            connection.await;
        }
    }
    cancel.cancel();
    streams.close();
    streams.wait().await;
}

/// Why a stream is over.
#[derive(Debug)]
enum End {
    /// The client has asked all it wanted, and has its answers; or the node is stopping.
    Done,
    /// The client is gone.
    Gone,
    /// The client does not read as fast as it is told.
    Slow,
    /// The client sends what is no request, or too long a one.
    Broken(Status),
}

async fn talk(shared: &Arc<Shared>, pipe: Pipe, cancel: &CancellationToken) {
    let outbox = pipe.outgoing.clone();
    let end = converse(shared, pipe, cancel).await;
    debug!(?end, "a client's stream ends");
    let status = match end {
        End::Done | End::Gone => return,
        End::Slow => {
            Status::resource_exhausted("expected messages to be read as fast as they come")
        }
        End::Broken(status) => status,
    };
    // There may be no room for words.
    let _ = outbox.try_send(Err(status));
    drop(outbox);
    // What waits to be written is given up with the connection.
    cancel.cancel();
}

/// An answer, and the place of its call.
type Answered = (Bytes, OwnedSemaphorePermit);

/// A stream's calls.
struct Calls {
    client: u64,
    places: Arc<Semaphore>,
    answers: mpsc::Sender<Answered>,
    /// Ends with the last call of a method.
    last: HashMap<u32, oneshot::Receiver<()>>,
}

impl Calls {
    fn is_idle(&self) -> bool {
        self.places.available_permits() == CALLS_MAX
    }

    /// Begins a call. What is no request is not answered.
    async fn begin(&mut self, shared: &Arc<Shared>, asked: Bytes) -> Result<(), Status> {
        let request = Request::read(&asked);
        let method = request.map_err(|error| Status::invalid_argument(error.to_string()))?.method;
        let place = Arc::clone(&self.places).acquire_owned().await;
        let requests = Arc::clone(&shared.requests);
        let room = requests.acquire_many_owned(kibibytes(asked.len(), REQUESTS_KIB)).await;
        // Neither is ever closed.
        let (Ok(place), Ok(room)) = (place, room) else { return Ok(()) };
        // Numbers that are no method's are answered at once: they must not be remembered.
        let is_known = table::by_field(method).is_some() || protobuf::events(method).is_some();
        let (done, before) = if is_known {
            let (done, next) = oneshot::channel::<()>();
            (Some(done), self.last.insert(method, next))
        } else {
            (None, None)
        };
        let (core, client, answers) = (Arc::clone(&shared.core), self.client, self.answers.clone());
        tokio::spawn(async move {
            if let Some(before) = before {
                // It ends by being dropped.
                let _ = before.await;
            }
            let asking = asked.clone();
            let answering = tokio::task::spawn_blocking(move || answer(&core, client, &asking));
            let answer = answering.await.unwrap_or_else(|_| ended_early(&asked));
            drop(room);
            // The stream may be gone.
            let _ = answers.send((answer, place)).await;
            drop(done);
        });
        Ok(())
    }
}

async fn converse(shared: &Arc<Shared>, pipe: Pipe, cancel: &CancellationToken) -> End {
    let grpc::Pipe { mut incoming, outgoing } = pipe;
    let mut subscription = shared.core.hub.connect();
    let (answers, mut answered) = mpsc::channel(CALLS_MAX);
    let places = Arc::new(Semaphore::new(CALLS_MAX));
    let mut calls = Calls { client: subscription.id(), places, answers, last: HashMap::new() };
    let room = Arc::new(Semaphore::new(OUTBOX_KIB));
    let mut is_asking = true;
    while is_asking || !calls.is_idle() {
        let (message, place) = tokio::select! {
            () = cancel.cancelled() => return End::Done,
            () = outgoing.closed() => return End::Gone,
            Some((answer, place)) = answered.recv() => (answer, Some(place)),
            told = subscription.queue.recv() => match told {
                Some(told) => (told.protobuf(), None),
                None => return End::Slow,
            },
            // What a client asks beyond its calls waits in its socket.
            asked = incoming.message(), if is_asking && calls.places.available_permits() > 0 => {
                match asked {
                    Ok(Some(asked)) => match calls.begin(shared, asked).await {
                        Ok(()) => {}
                        Err(status) => return End::Broken(status),
                    },
                    Ok(None) => is_asking = false,
                    Err(status) => return End::Broken(status),
                }
                continue;
            }
        };
        let sent = timeout(PATIENCE, send(&outgoing, &room, message)).await;
        // The place of a call is free when its answer is on its way.
        drop(place);
        match sent {
            Ok(true) => {}
            Ok(false) => return End::Gone,
            Err(_) => return End::Slow,
        }
    }
    End::Done
}

/// Sends, waiting for room; returns whether there is still somebody.
async fn send(outgoing: &Outbox<Outgoing>, room: &Arc<Semaphore>, bytes: Bytes) -> bool {
    let taken = Arc::clone(room).acquire_many_owned(kibibytes(bytes.len(), OUTBOX_KIB)).await;
    let Ok(room) = taken else { return false };
    outgoing.send(Ok(Outgoing { bytes, room })).await.is_ok()
}

/// Kibibytes of a message, and not more than there are.
fn kibibytes(bytes: usize, max: usize) -> u32 {
    u32::try_from((bytes / 1024 + 1).min(max)).unwrap_or(u32::MAX)
}

/// Answers a request.
pub(super) fn answer(core: &Core, client: u64, bytes: &[u8]) -> Bytes {
    let Ok(asked) = Request::read(bytes) else { return Bytes::new() };
    let answered = match asked.scopes() {
        Some(scopes) => scopes.map_err(Failure::from).and_then(|(scopes, begins)| {
            let mut each = scopes.into_iter();
            each.try_for_each(|scope| change(core, client, scope, begins))?;
            Ok(Vec::new())
        }),
        None => match table::by_field(asked.method) {
            Some(method) => (method.protobuf)(core, asked.record),
            None => Err(Failure::General(format!(
                "expected a method that this node answers, got number {}",
                asked.method
            ))),
        },
    };
    Bytes::from(match answered {
        Ok(record) => protobuf::answer(&asked, &record),
        Err(error) => protobuf::error_answer(&asked, &error.to_string()),
    })
}

fn ended_early(bytes: &[u8]) -> Bytes {
    let words = "the thread that answers ended early: report this";
    Request::read(bytes)
        .map_or_else(|_| Bytes::new(), |asked| protobuf::error_answer(&asked, words).into())
}
