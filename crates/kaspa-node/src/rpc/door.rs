//! The listener before a server of clients: so many connections at a time, each a task, all ended before it ends.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use quintet_net::limits::{Place, Seats};
use thiserror::Error;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{debug, info};

/// Time a client has for its handshake, and for taking one message.
pub(super) const PATIENCE: Duration = Duration::from_secs(15);

/// Time a client has for saying that it is over.
pub(super) const LINGER: Duration = Duration::from_secs(2);

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

/// A listener.
#[derive(Debug)]
pub(super) struct Door {
    listener: TcpListener,
    places: usize,
}

impl Door {
    /// Listens, for so many connections at a time.
    pub(super) async fn bind(address: SocketAddr, places: usize) -> Result<Self, RpcServerError> {
        let bound = TcpListener::bind(address).await;
        let listener = bound.map_err(|source| RpcServerError::Listen { address, source })?;
        Ok(Self { listener, places })
    }

    /// Returns where it listens.
    pub(super) fn address(&self) -> Option<SocketAddr> {
        self.listener.local_addr().ok()
    }

    /// Serves each connection until `stop` is cancelled, and lets them end. `serve` is handed a token that is cancelled then, and the
    /// connection's place: until it says that it is busy, it has to leave for another where there is no more room.
    pub(super) async fn run<F>(
        self,
        stop: CancellationToken,
        serve: impl Fn(TcpStream, Place, CancellationToken) -> F,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        let seats = Arc::new(Seats::new(self.places));
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
            let Some(place) = seats.take() else {
                debug!(%peer, "a client was turned away: there are too many");
                continue;
            };
            let _ = stream.set_nodelay(true);
            let leave = place.leave().clone();
            let serving = serve(stream, place, stop.clone());
            // Whoever has to leave has nothing under way.
            tasks.spawn(async move {
                let _left = leave.run_until_cancelled(serving).await;
            });
            // Whoever made room must get to leave, however fast others come.
            tokio::task::yield_now().await;
        }
        tasks.close();
        tasks.wait().await;
        info!("clients are served no longer");
    }
}
