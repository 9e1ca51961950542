//! Accepts connections, holds their number and their idling within bounds, and ends them.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use quintet_net::limits::{Place, Seats};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::yield_now;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;

use super::routes::Shared;
use crate::auth::{CookieFile, Identity};
use crate::guard::Peer;
use crate::measure::{Open, Refused};

/// Largest head of a request, in bytes.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Most header fields of a request.
const HEADERS_MAX: usize = 64;
/// Pause after the operating system refused a connection, as when file descriptors have run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Time connections have to notice that they were cut off.
const KILL_WAIT: Duration = Duration::from_secs(1);
/// Time a connection has to end that makes room for another: none of its requests is under way, but an answer may not be read yet.
const LEAVE_WAIT: Duration = Duration::from_secs(1);
/// What a client gets for whom there is no room.
const NO_ROOM: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nconnection: close\r\ncontent-length: 0\r\nretry-after: 1\r\n\r\n";

/// Ends connections, first gently.
#[derive(Debug)]
pub(super) struct Lifetimes {
    /// Finish what is in flight and end.
    pub(super) stop: CancellationToken,
    /// End now.
    pub(super) kill: CancellationToken,
    /// Connections and WebSocket sessions.
    pub(super) tasks: TaskTracker,
}

/// The task of the server.
#[derive(Debug)]
pub(super) struct Acceptor {
    pub(super) listener: TcpListener,
    pub(super) router: Router,
    pub(super) shared: Arc<Shared>,
    /// Removes its file when the server has ended.
    pub(super) cookie: Option<CookieFile>,
}

impl Acceptor {
    pub(super) async fn run(self) {
        let Self { listener, router, shared, cookie } = self;
        let Lifetimes { stop, kill, tasks } = &shared.lifetimes;
        let seats = Arc::new(Seats::new(shared.config.connections_max));
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => break,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((socket, addr)) => match seats.take() {
                    Some(place) => {
                        tasks.spawn(serve(
                            socket,
                            addr,
                            place,
                            router.clone(),
                            Arc::clone(&shared),
                        ));
                        // Whoever made room must get to leave, however fast others come.
                        yield_now().await;
                    }
                    None => turn_away(&socket),
                },
                Err(error) => {
                    tracing::warn!(%error, "rpc connection not accepted");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        drop(listener);
        tasks.close();
        if timeout(shared.config.stop_grace, tasks.wait()).await.is_err() {
            tracing::warn!(open = tasks.len(), "rpc requests are cut off after the grace time");
            kill.cancel();
            // What still runs after this holds no lock of ours; the runtime ends it.
            let _still_running = timeout(KILL_WAIT, tasks.wait()).await;
        }
        drop(cookie);
        tracing::info!("rpc server has stopped");
    }
}

/// Best effort, without waiting: whoever floods the server must not occupy it.
fn turn_away(socket: &TcpStream) {
    Refused::Connections.count();
    let _closed_already: io::Result<usize> = socket.try_write(NO_ROOM);
}

async fn serve(
    socket: TcpStream,
    addr: SocketAddr,
    place: Place,
    router: Router,
    shared: Arc<Shared>,
) {
    let _open = Open::connection();
    if let Err(error) = socket.set_nodelay(true) {
        tracing::debug!(peer = %addr, %error, "rpc connection without TCP_NODELAY");
    }
    let Lifetimes { stop, kill, .. } = &shared.lifetimes;
    let leave = place.leave().clone();
    let service = service_fn(move |mut request: Request<Incoming>| {
        let busy = place.busy();
        let extensions = request.extensions_mut();
        extensions.insert(Peer { addr, identity: Identity::Anonymous });
        extensions.insert(place.clone());
        let answering = router.clone().oneshot(request);
        async move {
            let answer = answering.await;
            drop(busy);
            answer
        }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(shared.config.header_timeout)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .serve_connection(TokioIo::new(socket), service)
        .with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = kill.cancelled() => return,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                result = connection.as_mut() => result,
                () = kill.cancelled() => return,
            }
        }
        () = leave.cancelled() => {
            Refused::Idle.count();
            connection.as_mut().graceful_shutdown();
            tokio::select! {
                result = connection.as_mut() => result,
                () = sleep(LEAVE_WAIT) => return,
                () = kill.cancelled() => return,
            }
        }
    };
    if let Err(error) = result {
        tracing::debug!(peer = %addr, %error, "rpc connection ended early");
    }
}
