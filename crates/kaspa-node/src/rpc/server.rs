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

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use thiserror::Error;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, mpsc},
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream, accept_async_with_config,
    tungstenite::{Message, protocol::WebSocketConfig},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{debug, info};

use super::{
    Core, Failure, Subscription,
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

/// Time a client has for its handshake, and for taking one message.
const PATIENCE: Duration = Duration::from_secs(15);

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

/// Why a server does not start.
#[derive(Debug, Error)]
pub enum RpcServerError {
    /// The address cannot be listened on.
    #[error("cannot listen for clients on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        source: io::Error,
    },
}

/// A server that listens.
#[derive(Debug)]
pub struct WrpcServer {
    listener: TcpListener,
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
        let bound = TcpListener::bind(address).await;
        let listener = bound.map_err(|source| RpcServerError::Listen { address, source })?;
        Ok(Self { listener, encoding, core })
    }

    /// Returns where it listens.
    #[must_use]
    pub fn address(&self) -> Option<SocketAddr> {
        self.listener.local_addr().ok()
    }

    /// Serves until `stop` is cancelled, and lets connections end.
    pub async fn run(self, stop: CancellationToken) {
        let places = Arc::new(Semaphore::new(CLIENTS_MAX));
        let tasks = TaskTracker::new();
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => break,
                accepted = self.listener.accept() => accepted,
            };
            let Ok((stream, peer)) = accepted else {
                // Too many open files, say: it passes.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            };
            let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
                debug!(%peer, "a client was turned away: there are too many");
                continue;
            };
            let (core, encoding, stop) = (Arc::clone(&self.core), self.encoding, stop.clone());
            tasks.spawn(async move {
                core.clients.fetch_add(1, Ordering::Relaxed);
                serve(&core, stream, encoding, stop).await;
                core.clients.fetch_sub(1, Ordering::Relaxed);
                drop(place);
            });
        }
        tasks.close();
        tasks.wait().await;
        info!("clients are served no longer");
    }
}

async fn serve(core: &Arc<Core>, stream: TcpStream, encoding: Encoding, stop: CancellationToken) {
    let config = WebSocketConfig::default()
        .max_message_size(Some(MESSAGE_BYTES_MAX))
        .max_frame_size(Some(MESSAGE_BYTES_MAX));
    let _ = stream.set_nodelay(true);
    let accepted = timeout(PATIENCE, accept_async_with_config(stream, Some(config))).await;
    let Ok(Ok(socket)) = accepted else { return };
    if let Err(error) = converse(core, socket, encoding, stop).await {
        debug!(%error, "a client's connection ended");
    }
}

type WsError = tokio_tungstenite::tungstenite::Error;

async fn converse(
    core: &Arc<Core>,
    socket: WebSocketStream<TcpStream>,
    encoding: Encoding,
    stop: CancellationToken,
) -> Result<(), WsError> {
    let (mut sink, mut incoming) = socket.split();
    let mut subscription = core.hub.connect();
    let id = subscription.id();
    let (answers, mut answered) = mpsc::channel::<Message>(CALLS_MAX);
    let calls = Arc::new(Semaphore::new(CALLS_MAX));
    loop {
        let message = tokio::select! {
            () = stop.cancelled() => return sink.close().await,
            Some(answer) = answered.recv() => answer,
            told = next(&mut subscription) => match told {
                Some(told) => match encoding {
                    Encoding::Borsh => Message::binary(told.borsh().to_vec()),
                    Encoding::Json => Message::text(told.json().to_owned()),
                },
                // It could not keep up.
                None => return sink.close().await,
            },
            // What a client asks beyond its calls waits in its socket.
            asked = incoming.next(), if calls.available_permits() > 0 => {
                let Some(asked) = asked.transpose()? else { return Ok(()) };
                let Ok(permit) = Arc::clone(&calls).try_acquire_owned() else { continue };
                match asked {
                    Message::Close(_) => return Ok(()),
                    Message::Binary(_) | Message::Text(_) => {}
                    _ => continue,
                }
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
        let sent = timeout(PATIENCE, sink.send(message)).await;
        let Ok(sent) = sent else { return Ok(()) };
        sent?;
    }
}

async fn next(subscription: &mut Subscription) -> Option<Arc<super::hub::Told>> {
    subscription.queue.recv().await
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

fn change(core: &Core, client: u64, scope: Scope, begins: bool) -> Result<(), Failure> {
    if begins && matches!(scope, Scope::Utxos { .. }) {
        core.index()?;
    }
    core.hub.change(client, scope, begins)
}
