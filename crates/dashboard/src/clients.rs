//! One task for each open page: sends the snapshot, then deltas, and notices when the page is gone.
//!
//! ```text
//!   join ──► snapshot ──► delta, delta, … ──┬─ lagged ──► join again
//!                                           ├─ silent for SILENCE_MAX, or a frame not taken in SEND_MAX ──► end
//!                                           └─ the page spoke, left, or the server stops ──► close
//! ```
//!
//! # Invariants
//!
//! - At most one frame is in a client's own buffer: each is flushed before the next is taken.
//! - The page has nothing to say: a message of it ends the connection, whatever it holds.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade, close_code};
use axum::response::{IntoResponse, Response};
use http::{StatusCode, header};
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout, timeout_at};

use crate::hub::Hub;
use crate::server::Shared;

/// Bytes of a message from a page. It has nothing to say; this leaves room for a close reason.
const MESSAGE_BYTES_MAX: usize = 1_024;
/// Time between pings.
const PING_EVERY: Duration = Duration::from_secs(15);
/// Time without a sign of life after which a page is taken for gone.
const SILENCE_MAX: Duration = Duration::from_secs(45);
/// Time a page has to take one frame.
const SEND_MAX: Duration = Duration::from_secs(30);
/// Time a page has to take the goodbye.
const CLOSE_MAX: Duration = Duration::from_secs(1);

/// Why a page's connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// The page closed it, or the socket broke.
    Left,
    /// It took too long to take a frame.
    Stuck,
    /// It gave no sign of life.
    Silent,
    /// It sent something.
    Spoke,
    /// The server stops.
    Stopping,
    /// A snapshot could not be made.
    NoSnapshot,
}

/// `GET /feed`
pub(crate) async fn feed(State(shared): State<Arc<Shared>>, upgrade: WebSocketUpgrade) -> Response {
    let Ok(place) = Arc::clone(&shared.clients).try_acquire_owned() else {
        let text = "too many open pages: close one, or raise the dashboard's client limit\n";
        return (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "5")], text)
            .into_response();
    };
    upgrade.max_message_size(MESSAGE_BYTES_MAX).max_frame_size(MESSAGE_BYTES_MAX).on_upgrade(
        async move |mut socket| {
            let end = tokio::select! {
                end = serve(&mut socket, &shared.hub) => end,
                () = shared.cancel.cancelled() => End::Stopping,
            };
            tracing::debug!(?end, "dashboard client gone");
            close(socket, end).await;
            drop(place);
        },
    )
}

/// Feeds one page until it ends.
async fn serve(socket: &mut WebSocket, hub: &Hub) -> End {
    let mut ping = interval_at(Instant::now() + PING_EVERY, PING_EVERY);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut silent_at = Instant::now() + SILENCE_MAX;
    let Ok(mut place) = hub.join() else { return End::NoSnapshot };
    if let Err(end) = send(socket, Message::Text(place.snapshot.clone())).await {
        return end;
    }
    loop {
        let message = tokio::select! {
            frame = place.frames.recv() => match frame {
                Ok(text) => Message::Text(text),
                Err(RecvError::Lagged(frames)) => {
                    tracing::debug!(frames, "dashboard client too slow, starting it afresh");
                    match hub.join() {
                        Ok(fresh) => place = fresh,
                        Err(_) => return End::NoSnapshot,
                    }
                    Message::Text(place.snapshot.clone())
                }
                Err(RecvError::Closed) => return End::Stopping,
            },
            heard = timeout_at(silent_at, socket.recv()) => match heard {
                Err(_) => return End::Silent,
                Ok(Some(Ok(Message::Ping(_) | Message::Pong(_)))) => {
                    silent_at = Instant::now() + SILENCE_MAX;
                    continue;
                }
                Ok(Some(Ok(Message::Text(_) | Message::Binary(_)))) => return End::Spoke,
                Ok(Some(Ok(Message::Close(_)) | Err(_)) | None) => return End::Left,
            },
            _ = ping.tick() => Message::Ping(axum::body::Bytes::new()),
        };
        if let Err(end) = send(socket, message).await {
            return end;
        }
    }
}

/// Sends and flushes one message.
async fn send(socket: &mut WebSocket, message: Message) -> Result<(), End> {
    match timeout(SEND_MAX, socket.send(message)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(End::Left),
        Err(_) => Err(End::Stuck),
    }
}

/// Says goodbye to a page that may still listen.
async fn close(mut socket: WebSocket, end: End) {
    let (code, reason) = match end {
        End::Left | End::Stuck => return,
        End::Silent => (close_code::POLICY, "no sign of life"),
        End::Spoke => (close_code::POLICY, "the feed is read-only"),
        End::Stopping => (close_code::AWAY, "the network is stopping"),
        End::NoSnapshot => (close_code::ERROR, "no snapshot"),
    };
    let goodbye = Message::Close(Some(CloseFrame { code, reason: Utf8Bytes::from_static(reason) }));
    // A page that does not take it is gone, which is what we wanted.
    let _ = timeout(CLOSE_MAX, socket.send(goodbye)).await;
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;
    use serde_json::Value;
    use tokio::io::AsyncReadExt;
    use tokio::net::{TcpListener, TcpSocket, TcpStream};
    use tokio::sync::Semaphore;
    use tokio_tungstenite::tungstenite;
    use tokio_tungstenite::{WebSocketStream, client_async};
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::model::{LogLevel, LogLine};
    use crate::pending::{LOG_MESSAGE_BYTES_MAX, LOGS_PER_FRAME_MAX};

    /// A server without a clock of its own, and a client with a small receive buffer.
    async fn connected() -> (Arc<Hub>, WebSocketStream<TcpStream>) {
        let hub = Arc::new(Hub::new());
        let (clients, cancel) = (Arc::new(Semaphore::new(1)), CancellationToken::new());
        let shared = Arc::new(Shared { hub: Arc::clone(&hub), clients, cancel });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(axum::serve(listener, crate::server::router(shared)).into_future());
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_recv_buffer_size(4_096).unwrap();
        let stream = socket.connect(address).await.unwrap();
        let (client, _) = client_async(format!("ws://{address}/feed"), stream).await.unwrap();
        (hub, client)
    }

    async fn next_frame(client: &mut WebSocketStream<TcpStream>) -> Value {
        let message =
            timeout(Duration::from_secs(20), client.next()).await.expect("a frame in time");
        match message.unwrap().unwrap() {
            tungstenite::Message::Text(text) => serde_json::from_str(&text).unwrap(),
            other => panic!("expected a frame, got {other:?}"),
        }
    }

    fn publish_large_frame(hub: &Hub) {
        let line = LogLine {
            time: 0,
            level: LogLevel::Info,
            node: None,
            target: String::new(),
            message: "x".repeat(LOG_MESSAGE_BYTES_MAX),
        };
        for _ in 0..LOGS_PER_FRAME_MAX {
            hub.publish(|pending| pending.push_log(line.clone()));
        }
        hub.tick().unwrap();
    }

    #[tokio::test]
    async fn a_slow_client_is_started_afresh_with_a_snapshot() {
        const FRAMES: u64 = 80; // of half a megabyte each: more than the kernel and the feed hold together
        let (hub, mut client) = connected().await;
        assert_eq!(next_frame(&mut client).await["type"], "snapshot");
        for _ in 0..FRAMES {
            publish_large_frame(&hub);
            for _ in 0..20 {
                tokio::task::yield_now().await;
            }
        }
        let (mut seq, mut resyncs) = (0, 0);
        while seq < FRAMES {
            let frame = next_frame(&mut client).await;
            let next = frame["seq"].as_u64().unwrap();
            if frame["type"] == "snapshot" {
                resyncs += 1;
            } else {
                assert_eq!(next, seq + 1, "a delta must follow the frame before it");
            }
            seq = next;
        }
        assert!(resyncs > 0, "the client kept up with {FRAMES} frames that it did not read");
    }

    #[tokio::test]
    async fn a_client_that_never_answers_a_ping_is_let_go() {
        let (_hub, mut client) = connected().await;
        assert_eq!(next_frame(&mut client).await["type"], "snapshot");
        // From here on the bytes are read past the WebSocket, so nobody answers the pings.
        tokio::time::pause();
        let mut bytes = Vec::new();
        client.get_mut().read_to_end(&mut bytes).await.unwrap();
        let goodbye = b"no sign of life";
        assert!(bytes.windows(goodbye.len()).any(|window| window == goodbye), "{bytes:?}");
    }
}
