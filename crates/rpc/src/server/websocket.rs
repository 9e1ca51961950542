//! JSON-RPC over WebSocket: calls that run beside each other, and subscriptions.
//!
//! ```text
//!              ┌ permit ┐    calls (calls_in_flight_max)
//!   socket ──► read ────┴──► Dispatcher ── answer + permit ──┐
//!                                │                           ▼
//!                                └ notifications (bounded) ► write ──► socket
//! ```
//!
//! # Invariants
//!
//! - A call holds its permit until its answer is *written*. A client that reads slowly is read slowly: at most
//!   `calls_in_flight_max` answers exist for it, and one that takes no message for `write_timeout` is cut off.
//! - Notifications wait in a queue of `queued_notifications_max`; a full queue holds the subscription's sender up.
//! - Control frames pay from the same rate limit as calls.
//! - When the session ends, its calls are dropped and its subscriptions see a closed sink.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Extension;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::response::Response;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use http::{HeaderValue, StatusCode, header};
use jsonrpsee::types::{ErrorObjectOwned, Id};
use jsonrpsee::{BoundedSubscriptions, ConnectionId, MethodResponse, MethodSink};
use quintet_net::limits::Place;
use serde_json::value::RawValue;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};
use tokio_util::sync::CancellationToken;

use super::routes::Shared;
use crate::dispatch::{Caller, Session};
use crate::error::code;
use crate::guard::{Peer, refuse};
use crate::measure::{Open, Refused};

/// Pings a client may leave unanswered.
const SILENT_PINGS_MAX: u32 = 2;

static NEXT_CONNECTION: AtomicUsize = AtomicUsize::new(1);

/// What the writer is given, besides notifications.
enum Outgoing {
    Answer(Box<RawValue>, Option<OwnedSemaphorePermit>),
    Close(CloseFrame),
}

/// Why reading ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The peer closed, or the writer gave up: nobody is there to be told.
    Gone,
    Stopping,
    Silent,
    TooLarge,
    TooFast,
}

pub(super) async fn upgrade(
    State(shared): State<Arc<Shared>>,
    Extension(peer): Extension<Peer>,
    Extension(place): Extension<Place>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Response {
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(rejection) => {
            Refused::Malformed.count();
            let message = format!(
                "expected POST with a JSON-RPC request, or an upgrade to WebSocket: {rejection}"
            );
            let mut response = refuse(StatusCode::UPGRADE_REQUIRED, code::HTTP, &message, None);
            response.headers_mut().insert(header::UPGRADE, HeaderValue::from_static("websocket"));
            return response;
        }
    };
    let bytes_max = shared.config.request_bytes_max;
    // Counted from here: between this answer and the session the connection's own task has ended.
    let counted = shared.lifetimes.tasks.token();
    let session = place.busy();
    upgrade.max_message_size(bytes_max).max_frame_size(bytes_max).write_buffer_size(0).on_upgrade(
        move |socket| async move {
            let _held = (counted, session, Open::websocket());
            let kill = shared.lifetimes.kill.clone();
            tokio::select! {
                () = kill.cancelled() => {}
                () = run(socket, shared, peer) => {}
            }
        },
    )
}

async fn run(socket: WebSocket, shared: Arc<Shared>, peer: Peer) {
    let (sink, stream) = socket.split();
    let (notifications_tx, notifications) = mpsc::channel(shared.config.queued_notifications_max);
    // One place: an answer that waits for the writer waits in its task, with its permit.
    let (outgoing_tx, outgoing) = mpsc::channel(1);
    let session = Session {
        id: ConnectionId(NEXT_CONNECTION.fetch_add(1, Ordering::Relaxed)),
        sink: MethodSink::new(notifications_tx),
        subscriptions: BoundedSubscriptions::new(shared.config.subscriptions_max),
    };
    let caller = Arc::new(Caller { peer, prepaid: 0, session: Some(session) });
    let gone = CancellationToken::new();
    let reader = Reader {
        stream,
        shared: Arc::clone(&shared),
        caller,
        outgoing: outgoing_tx,
        gone: gone.clone(),
    };
    let writer = async {
        let _gone = gone.drop_guard();
        write(sink, outgoing, notifications, &shared).await;
    };
    tokio::join!(reader.run(), writer);
}

struct Reader {
    stream: SplitStream<WebSocket>,
    shared: Arc<Shared>,
    caller: Arc<Caller>,
    outgoing: mpsc::Sender<Outgoing>,
    gone: CancellationToken,
}

impl Reader {
    async fn run(mut self) {
        let permits = Arc::new(Semaphore::new(self.shared.config.calls_in_flight_max));
        let mut calls = JoinSet::new();
        let end = loop {
            while calls.try_join_next().is_some() {}
            match self.next(&permits).await {
                Ok((request, permit)) => {
                    let (shared, caller) = (Arc::clone(&self.shared), Arc::clone(&self.caller));
                    let outgoing = self.outgoing.clone();
                    calls.spawn(async move {
                        if let Some(answer) = shared.dispatcher.answer(&request, &caller).await {
                            // A closed channel means that nobody waits for the answer any more.
                            let _unsent =
                                outgoing.send(Outgoing::Answer(answer, Some(permit))).await;
                        }
                    });
                }
                Err(end) => break end,
            }
        };
        tracing::debug!(peer = %self.caller.peer.addr, ?end, "rpc websocket ends");
        if end == End::Stopping {
            while calls.join_next().await.is_some() {}
        }
        for farewell in self.farewell(end) {
            let _unsent = self.outgoing.send(farewell).await;
        }
    }

    /// Waits for room and then for a request.
    async fn next(
        &mut self,
        permits: &Arc<Semaphore>,
    ) -> Result<(Bytes, OwnedSemaphorePermit), End> {
        let (stop, gone) = (self.shared.lifetimes.stop.clone(), self.gone.clone());
        tokio::select! {
            biased;
            () = stop.cancelled() => Err(End::Stopping),
            () = gone.cancelled() => Err(End::Gone),
            next = async {
                let permit = Arc::clone(permits).acquire_owned().await.map_err(|_closed| End::Gone)?;
                Ok((self.request().await?, permit))
            } => next,
        }
    }

    async fn request(&mut self) -> Result<Bytes, End> {
        let silence_max = self.shared.config.ping_interval.saturating_mul(SILENT_PINGS_MAX);
        loop {
            let frame =
                timeout(silence_max, self.stream.next()).await.map_err(|_elapsed| End::Silent)?;
            match frame {
                Some(Ok(Message::Text(text))) => return Ok(text.into()),
                Some(Ok(Message::Binary(bytes))) => return Ok(bytes),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {
                    self.shared
                        .dispatcher
                        .admit_control(&self.caller)
                        .map_err(|_too_fast| End::TooFast)?;
                }
                Some(Ok(Message::Close(_))) | None => return Err(End::Gone),
                Some(Err(error)) => {
                    return Err(if is_too_large(&error) { End::TooLarge } else { End::Gone });
                }
            }
        }
    }

    fn farewell(&self, end: End) -> Vec<Outgoing> {
        let close = |code, reason: &'static str| {
            Outgoing::Close(CloseFrame { code, reason: reason.into() })
        };
        match end {
            End::Gone => Vec::new(),
            End::Stopping => vec![close(close_code::AWAY, "the server stops")],
            End::Silent => vec![close(close_code::POLICY, "no frame came for two pings")],
            End::TooFast => {
                Refused::Rate.count();
                vec![close(close_code::POLICY, "too many control frames")]
            }
            End::TooLarge => {
                Refused::TooLarge.count();
                let message = format!(
                    "the message is larger than {} bytes",
                    self.shared.config.request_bytes_max
                );
                let error = ErrorObjectOwned::owned(code::REQUEST_TOO_LARGE, message, None::<()>);
                let answer = MethodResponse::error(Id::Null, error).into_json();
                vec![
                    Outgoing::Answer(answer, None),
                    close(close_code::SIZE, "the message is too large"),
                ]
            }
        }
    }
}

/// axum hides the error's type, so its text has to tell; a test over a real socket holds this.
fn is_too_large(error: &axum::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if cause.to_string().contains("Space limit exceeded") {
            return true;
        }
        source = cause.source();
    }
    false
}

/// Writes until the reader and all its calls are done, or the client no longer takes what is sent.
async fn write(
    mut sink: SplitSink<WebSocket, Message>,
    mut outgoing: mpsc::Receiver<Outgoing>,
    mut notifications: mpsc::Receiver<Box<RawValue>>,
    shared: &Shared,
) {
    let (period, write_timeout) = (shared.config.ping_interval, shared.config.write_timeout);
    let mut pings = interval_at(Instant::now() + period, period);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let (message, _permit) = tokio::select! {
            next = outgoing.recv() => match next {
                Some(Outgoing::Answer(answer, permit)) => (text(answer), permit),
                Some(Outgoing::Close(frame)) => (Message::Close(Some(frame)), None),
                None => return,
            },
            Some(notification) = notifications.recv() => (text(notification), None),
            _ = pings.tick() => (Message::Ping(Bytes::new()), None),
        };
        let is_last = matches!(message, Message::Close(_));
        match timeout(write_timeout, sink.send(message)).await {
            Ok(Ok(())) if !is_last => {}
            Ok(_) => return,
            Err(_elapsed) => {
                tracing::debug!("rpc websocket client takes nothing; cut off");
                return;
            }
        }
    }
}

fn text(json: Box<RawValue>) -> Message {
    Message::text(String::from(Box::<str>::from(json)))
}
