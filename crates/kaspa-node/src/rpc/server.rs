//! wRPC: WebSocket connections, each in one encoding by the port it came to.
//!
//! ```text
//!   Borsh   request   id? u64 ‖ operation u8 ‖ payload
//!           answer    id? u64 ‖ kind u8 (0 answer, 1 failure, 255 notification) ‖ operation? u8 ‖ body
//!           body      of an answer 1 ‖ payload, or 0 ‖ 13 ‖ why not; of a notification the payload
//!   JSON    request   { id, method, params }        answer { id, method, params | error }
//! ```
//!
//! # Invariants
//!
//! - At most [`CLIENTS_MAX`] connections, each with at most [`CALLS_MAX`] calls under way and messages of at most [`MESSAGE_BYTES_MAX`] bytes.
//! - Calls run on blocking threads: none holds an asynchronous worker.
//! - A connection ends with a Close from both sides, if the client lives; a client that closes is answered, whatever it was being told.

use std::{net::SocketAddr, sync::Arc};

use futures_util::{SinkExt as _, StreamExt as _};
use quintet_net::limits::Place;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    sync::{Semaphore, mpsc},
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream, accept_async_with_config,
    tungstenite::{
        Message,
        protocol::{CloseFrame, WebSocketConfig, frame::coding::CloseCode},
    },
};
use tokio_util::sync::CancellationToken;
use tracing::debug;

use super::{
    Core, Failure, RpcServerError,
    door::{Door, LINGER, PATIENCE},
    hub::{borsh_answer, borsh_refusal, borsh_unknown, payload},
    model::{Scope, SubscribeResponse, UnsubscribeResponse},
    table,
    wire::{Wire, take_payload},
};

/// Connections of one server, at most. The reference's `--rpcmaxclients`.
pub(super) const CLIENTS_MAX: usize = 128;

/// Calls of one connection under way, at most.
pub(super) const CALLS_MAX: usize = 64;

/// Bytes of one message of a client, at most: a block.
pub(super) const MESSAGE_BYTES_MAX: usize = 32 << 20;

const SUBSCRIBE: u8 = 3;
const UNSUBSCRIBE: u8 = 4;

/// How a server's clients speak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// In Borsh.
    Borsh,
    /// In JSON.
    Json,
}

/// A server that listens.
#[derive(Debug)]
pub struct WrpcServer {
    door: Door,
    encoding: Encoding,
    core: Arc<Core>,
}

impl WrpcServer {
    /// Listens.
    ///
    /// # Errors
    ///
    /// [`RpcServerError`].
    pub async fn bind(
        address: SocketAddr,
        encoding: Encoding,
        core: Arc<Core>,
    ) -> Result<Self, RpcServerError> {
        Ok(Self { door: Door::bind(address, CLIENTS_MAX).await?, encoding, core })
    }

    /// Returns where it listens.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.door.address()
    }

    /// Serves until `stop` is cancelled, and lets connections end.
    pub async fn run(self, stop: CancellationToken) {
        let Self { door, encoding, core } = self;
        door.run(stop, |stream, place, stop| {
            let core = Arc::clone(&core);
            async move { serve(&core, stream, encoding, place, stop).await }
        })
        .await;
    }
}

async fn serve(
    core: &Arc<Core>,
    stream: TcpStream,
    encoding: Encoding,
    place: Place,
    stop: CancellationToken,
) {
    let config = WebSocketConfig::default()
        .max_message_size(Some(MESSAGE_BYTES_MAX))
        .max_frame_size(Some(MESSAGE_BYTES_MAX));
    let accepted = timeout(PATIENCE, accept_async_with_config(stream, Some(config))).await;
    let Ok(Ok(mut socket)) = accepted else { return };
    let _there = (place.busy(), core.client());
    let end = converse(core, &mut socket, encoding, stop).await;
    debug!(?end, "a client's connection ends");
    if let Some(frame) = end.frame() {
        close(socket, frame).await;
    }
}

/// Why a conversation is over.
#[derive(Debug)]
enum End {
    /// The client said so.
    Closed,
    /// The node is stopping.
    Stopping,
    /// The client does not read as fast as it is told.
    Slow,
    /// The client sends what is no message, or too long a one.
    Broken(WsError),
    /// The client is gone.
    Gone,
}

impl End {
    /// Returns what the client is told; nothing if it cannot be.
    fn frame(&self) -> Option<CloseFrame> {
        let (code, reason) = match self {
            // What the client said is said back.
            Self::Closed => (CloseCode::Normal, ""),
            Self::Stopping => (CloseCode::Away, "the node is stopping"),
            Self::Slow => (CloseCode::Policy, "expected messages to be read as fast as they come"),
            Self::Broken(WsError::Capacity(_)) => (CloseCode::Size, "expected a shorter message"),
            Self::Broken(WsError::Protocol(_) | WsError::Utf8(_)) => {
                (CloseCode::Protocol, "expected frames of WebSocket")
            }
            Self::Broken(_) | Self::Gone => return None,
        };
        Some(CloseFrame { code, reason: reason.into() })
    }
}

/// Ends a connection in order: our Close is sent, or the client's answered, the client's is read, and the socket is closed only when the client
/// has closed it or lets us wait. Closed with something unread, a socket tells the client that the connection broke, and what it was sent last may be lost.
async fn close(mut socket: WebSocketStream<TcpStream>, frame: CloseFrame) {
    let ending = async {
        let _ = socket.close(Some(frame)).await;
        // Until both have said it; what else comes is not answered any more.
        while let Some(Ok(_)) = socket.next().await {}
        let stream = socket.get_mut();
        let _ = stream.shutdown().await;
        let mut rest = [0; 4096];
        while let Ok(1..) = stream.read(&mut rest).await {}
    };
    let _ = timeout(LINGER, ending).await;
}

type WsError = tokio_tungstenite::tungstenite::Error;

async fn converse(
    core: &Arc<Core>,
    socket: &mut WebSocketStream<TcpStream>,
    encoding: Encoding,
    stop: CancellationToken,
) -> End {
    let mut subscription = core.hub.connect();
    let id = subscription.id();
    let (answers, mut answered) = mpsc::channel::<Message>(CALLS_MAX);
    let calls = Arc::new(Semaphore::new(CALLS_MAX));
    loop {
        let message = tokio::select! {
            () = stop.cancelled() => return End::Stopping,
            Some(answer) = answered.recv() => answer,
            told = subscription.queue.recv() => match told {
                Some(told) => match encoding {
                    Encoding::Borsh => Message::binary(told.borsh().to_vec()),
                    Encoding::Json => Message::text(told.json().to_owned()),
                },
                None => return End::Slow,
            },
            // What a client asks beyond its calls waits in its socket.
            asked = socket.next(), if calls.available_permits() > 0 => {
                let asked = match asked {
                    None => return End::Gone,
                    Some(Err(error)) => return End::Broken(error),
                    Some(Ok(Message::Close(_))) => return End::Closed,
                    Some(Ok(asked @ (Message::Binary(_) | Message::Text(_)))) => asked,
                    Some(Ok(_)) => continue,
                };
                let Ok(permit) = Arc::clone(&calls).try_acquire_owned() else { continue };
                let (core, answers) = (Arc::clone(core), answers.clone());
                tokio::task::spawn_blocking(move || {
                    let answer = answer(&core, id, encoding, &asked);
                    // Given back first: whoever takes the answer looks for a free one right after.
                    drop(permit);
                    if let Some(answer) = answer {
                        // The connection may be gone.
                        let _ = answers.blocking_send(answer);
                    }
                });
                continue;
            }
        };
        match timeout(PATIENCE, socket.send(message)).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return End::Gone,
            Err(_) => return End::Slow,
        }
    }
}

fn answer(core: &Core, client: u64, encoding: Encoding, message: &Message) -> Option<Message> {
    match (encoding, message) {
        (Encoding::Borsh, Message::Binary(bytes)) => {
            answer_borsh(core, client, bytes).map(Message::binary)
        }
        (Encoding::Json, Message::Text(text)) => {
            answer_json(core, client, text.as_str()).map(Message::text)
        }
        _ => None,
    }
}

/// Answers a request in Borsh; nothing if there is no id to answer with.
pub(super) fn answer_borsh(core: &Core, client: u64, bytes: &[u8]) -> Option<Vec<u8>> {
    let mut input = bytes;
    let id = <Option<u64> as Wire>::take(&mut input).ok()??;
    let operation = u8::take(&mut input).ok()?;
    let answered = match operation {
        SUBSCRIBE | UNSUBSCRIBE => take_payload::<Scope>(&mut input)
            .map_err(Failure::from)
            .and_then(|scope| change(core, client, scope, operation == SUBSCRIBE))
            .map(|()| match operation {
                SUBSCRIBE => payload(&SubscribeResponse { id: client }),
                _ => payload(&UnsubscribeResponse {}),
            }),
        _ => match table::by_number(operation) {
            Some(method) => (method.borsh)(core, input),
            None => return Some(borsh_unknown(id)),
        },
    };
    Some(match answered {
        Ok(payload) => borsh_answer(id, operation, &payload),
        Err(error) => borsh_refusal(id, operation, &error.to_string()),
    })
}

/// Answers a request in JSON; nothing if there is no id to answer with.
pub(super) fn answer_json(core: &Core, client: u64, text: &str) -> Option<String> {
    let asked: Value = serde_json::from_str(text).ok()?;
    let id = asked.get("id").filter(|id| !id.is_null())?;
    let name = asked.get("method").and_then(Value::as_str).unwrap_or_default();
    let params = asked.get("params").unwrap_or(&Value::Null);
    let answered = match name {
        "subscribe" | "unsubscribe" => Scope::of_json(params)
            .map_err(Failure::from)
            .and_then(|scope| change(core, client, scope, name == "subscribe"))
            .map(|()| match name {
                "subscribe" => SubscribeResponse { id: client }.to_json(),
                _ => UnsubscribeResponse {}.to_json(),
            }),
        _ => match table::by_name(name) {
            Some(method) => (method.json)(core, params),
            None => Err(Failure::General("RPC method not found".to_owned())),
        },
    };
    let message = match answered {
        Ok(params) => json!({ "id": id, "method": name, "params": params }),
        Err(error) => {
            let error = json!({ "code": 0, "message": error.to_string(), "data": null });
            json!({ "id": id, "method": name, "error": error })
        }
    };
    Some(message.to_string())
}

/// Begins or ends to tell a client of something.
pub(super) fn change(core: &Core, client: u64, scope: Scope, begins: bool) -> Result<(), Failure> {
    if begins && matches!(scope, Scope::Utxos { .. }) {
        core.index()?;
    }
    core.hub.change(client, scope, begins)
}
