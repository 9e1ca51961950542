//! The listener before a server of clients: so many connections at a time, each a task, all ended before it ends.

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use thiserror::Error;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::Semaphore,
};
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

    /// Serves each connection until `stop` is cancelled, and lets them end. `serve` is handed a token that is cancelled then.
    pub(super) async fn run<F>(
        self,
        stop: CancellationToken,
        serve: impl Fn(TcpStream, CancellationToken) -> F,
    ) where
        F: Future<Output = ()> + Send + 'static,
    {
        let places = Arc::new(Semaphore::new(self.places));
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
            let _ = stream.set_nodelay(true);
            let serving = serve(stream, stop.clone());
            tasks.spawn(async move {
                serving.await;
                drop(place);
            });
        }
        tasks.close();
        tasks.wait().await;
        info!("clients are served no longer");
    }
}
