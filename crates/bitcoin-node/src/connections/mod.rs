//! Sockets: who may connect, whom we dial, and one task to read and one to write for each connection.
//!
//! ```text
//!   listener ──┐                        ┌── reader: bytes ─► frames ─► messages ─► kernel
//!              ├──► connection (a task) ┤       (waits while the kernel has two of its messages, or the outbox is full)
//!   dialler  ──┘                        └── writer: outbox ─► bytes
//! ```
//!
//! # Invariants
//!
//! - A connection has at most [`MESSAGES_UNDER_WAY`] messages in the kernel's inbox, and is not read meanwhile.
//! - At most [`PENDING_MAX`] connections are being made at a time, and each has [`CONNECT_TIMEOUT`] to be.
//! - Every connection ends with [`Input::Closed`], and every one of them is over when [`Connections::run`] returns.

mod connection;

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, mpsc},
    time::{sleep, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use self::connection::Connection;
use crate::{
    kernel::KernelClient,
    peers::{ConnectionKind, Dial, PeerId, Permissions},
};

/// Messages of one connection that the kernel has and has not dealt with, messages.
pub const MESSAGES_UNDER_WAY: usize = 2;
/// Connections that are being made at a time.
pub const PENDING_MAX: usize = 64;
/// Time for a connection to be made.
///
/// **Spec:** Bitcoin Core, `-timeout`.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Pause after the operating system refused a connection, as when file descriptors have run out.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// Time connections have to end once they are told to.
const END_GRACE: Duration = Duration::from_secs(2);

/// Who is at the other end of a socket.
struct Reached {
    id: PeerId,
    kind: ConnectionKind,
    permissions: Permissions,
    address: SocketAddr,
    name: String,
}

/// Makes connections and keeps them.
#[derive(Debug)]
pub struct Connections {
    kernel: KernelClient,
    magic: [u8; 4],
    next: AtomicU64,
    /// Sockets open at a time.
    places: Arc<Semaphore>,
    tasks: TaskTracker,
}

impl Connections {
    /// Makes the connections of a network; at most `sockets_max` are open at a time.
    #[must_use]
    pub fn new(kernel: KernelClient, magic: [u8; 4], sockets_max: usize) -> Arc<Self> {
        let places = Arc::new(Semaphore::new(sockets_max.max(1)));
        Arc::new(Self { kernel, magic, next: AtomicU64::new(0), places, tasks: TaskTracker::new() })
    }

    /// Takes connections of `listeners` and makes those of `dials`, until `stop` is cancelled.
    pub async fn run(
        self: Arc<Self>,
        listeners: Vec<(TcpListener, Permissions)>,
        mut dials: mpsc::Receiver<Dial>,
        stop: CancellationToken,
    ) {
        for (listener, permissions) in listeners {
            let this = Arc::clone(&self);
            let stop = stop.clone();
            self.tasks.spawn(async move { this.listen(listener, permissions, stop).await });
        }
        let pending = Arc::new(Semaphore::new(PENDING_MAX));
        loop {
            let dial = tokio::select! {
                () = stop.cancelled() => break,
                dial = dials.recv() => dial,
            };
            let Some(dial) = dial else { break };
            let Ok(place) = Arc::clone(&pending).try_acquire_owned() else { continue };
            let this = Arc::clone(&self);
            let stop = stop.clone();
            self.tasks.spawn(async move {
                this.dial(dial, stop).await;
                drop(place);
            });
        }
        stop.cancelled().await;
        self.tasks.close();
        if timeout(END_GRACE, self.tasks.wait()).await.is_err() {
            tracing::warn!(open = self.tasks.len(), "connections are cut off");
        }
    }

    async fn listen(
        self: Arc<Self>,
        listener: TcpListener,
        permissions: Permissions,
        stop: CancellationToken,
    ) {
        loop {
            let accepted = tokio::select! {
                () = stop.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((socket, address)) => {
                    let (id, kind) = (self.next_id(), ConnectionKind::Inbound);
                    let name = address.to_string();
                    let reached = Reached { id, kind, permissions, address, name };
                    self.begin(socket, reached, &stop);
                }
                Err(error) => {
                    tracing::warn!(%error, "connection not accepted");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    async fn dial(self: Arc<Self>, dial: Dial, stop: CancellationToken) {
        let Dial { to, kind } = dial;
        let connecting = timeout(CONNECT_TIMEOUT, TcpStream::connect(to.with_port()));
        let connected = tokio::select! {
            () = stop.cancelled() => return,
            connected = connecting => connected,
        };
        match connected {
            Ok(Ok(socket)) => match socket.peer_addr() {
                Ok(address) => {
                    let (id, name) = (self.next_id(), to.text().to_owned());
                    let permissions = Permissions::empty();
                    self.begin(socket, Reached { id, kind, permissions, address, name }, &stop);
                }
                Err(error) => tracing::debug!(%to, %error, "gone at once"),
            },
            Ok(Err(error)) => tracing::debug!(%to, %error, "not reached"),
            Err(_elapsed) => tracing::debug!(%to, "not reached in time"),
        }
    }

    fn next_id(&self) -> PeerId {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    fn begin(self: &Arc<Self>, socket: TcpStream, reached: Reached, stop: &CancellationToken) {
        // Without a place the socket is closed at once.
        let Ok(place) = Arc::clone(&self.places).try_acquire_owned() else { return };
        let Reached { id, kind, permissions, address, name } = reached;
        let connection = Connection {
            id,
            kind,
            permissions,
            address,
            name,
            magic: self.magic,
            kernel: self.kernel.clone(),
            closing: stop.child_token(),
        };
        self.tasks.spawn(async move {
            connection.run(socket).await;
            drop(place);
        });
    }
}
