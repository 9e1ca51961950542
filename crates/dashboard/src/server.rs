//! Starts the server and its clock.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{StatusCode, header};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use crate::assets;
use crate::clients;
use crate::connections::BoundedListener;
use crate::guard::guard;
use crate::hub::Hub;
use crate::publisher::Publisher;

/// Time between frames: ten a second.
const FRAME_EVERY: Duration = Duration::from_millis(100);
/// Connections beside those of the feed: pages being loaded, `/healthz`, `/api/snapshot`.
const OTHER_CONNECTIONS_MAX: usize = 64;
/// Pages the feed may be configured to serve at once.
const CLIENTS_LIMIT: usize = 1_024;
/// Time that open connections have to end once the server stops.
const STOP_MAX: Duration = Duration::from_secs(3);

/// How to serve the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DashboardConfig {
    /// Where to listen; a loopback address. Port 0 takes a free one.
    pub listen: SocketAddr,
    /// Pages that may follow the feed at once, 1 to 1,024.
    pub clients_max: usize,
}

impl Default for DashboardConfig {
    fn default() -> Self {
        Self { listen: SocketAddr::from(([127, 0, 0, 1], 8640)), clients_max: 32 }
    }
}

/// Why the page cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum DashboardError {
    /// The address can be reached from other machines.
    #[error(
        "expected a loopback address (127.0.0.1 or [::1]) for the dashboard, got {actual}: \
         to see it from another machine, forward the port over ssh"
    )]
    NotLoopback {
        /// The address asked for.
        actual: SocketAddr,
    },
    /// The number of clients is out of range.
    #[error("expected 1 to {limit} dashboard clients, got {actual}")]
    ClientsMax {
        /// The most there may be.
        limit: usize,
        /// The number asked for.
        actual: usize,
    },
    /// The address is taken or does not exist.
    #[error(
        "cannot listen on {address} for the dashboard: {source}; choose another address or port 0"
    )]
    Bind {
        /// The address asked for.
        address: SocketAddr,
        /// What the system said.
        source: std::io::Error,
    },
}

/// The page of a running network.
#[derive(Debug)]
pub struct Dashboard;

impl Dashboard {
    /// Starts to serve the page, until `cancel` is cancelled.
    ///
    /// # Errors
    ///
    /// If the configuration is out of range, or the address cannot be listened on.
    pub async fn start(
        config: DashboardConfig,
        cancel: CancellationToken,
    ) -> Result<DashboardHandle, DashboardError> {
        let DashboardConfig { listen, clients_max } = config;
        if !listen.ip().is_loopback() {
            return Err(DashboardError::NotLoopback { actual: listen });
        }
        if !(1..=CLIENTS_LIMIT).contains(&clients_max) {
            return Err(DashboardError::ClientsMax { limit: CLIENTS_LIMIT, actual: clients_max });
        }
        let bind_error = |source| DashboardError::Bind { address: listen, source };
        let listener = TcpListener::bind(listen).await.map_err(bind_error)?;
        let address = listener.local_addr().map_err(bind_error)?;
        let listener = BoundedListener::new(listener, clients_max + OTHER_CONNECTIONS_MAX);

        let hub = Arc::new(Hub::new());
        let publisher = Publisher::new(Arc::clone(&hub));
        let clients = Arc::new(Semaphore::new(clients_max));
        // A child, so that a server that ends by itself stops its own tasks and not its owner's.
        let shared = Arc::new(Shared { hub, clients, cancel: cancel.child_token() });
        let task = tokio::spawn(run(listener, shared, clients_max));
        Ok(DashboardHandle { address, publisher, task })
    }
}

/// A page being served.
#[derive(Debug)]
pub struct DashboardHandle {
    address: SocketAddr,
    publisher: Publisher,
    task: JoinHandle<()>,
}

impl DashboardHandle {
    /// Where the server listens; never port 0.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What to open in a browser: `http://127.0.0.1:8640/`.
    pub fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    /// The application's end of the feed.
    pub fn publisher(&self) -> Publisher {
        self.publisher.clone()
    }

    /// Waits until the server has stopped: after the token given to [`Dashboard::start`] was cancelled, within seconds.
    pub async fn stopped(self) {
        // A panic of the server is reported by the runtime; for the caller it has stopped all the same.
        let _ = self.task.await;
    }
}

/// What handlers share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) hub: Arc<Hub>,
    /// Free places for clients of the feed.
    pub(crate) clients: Arc<Semaphore>,
    pub(crate) cancel: CancellationToken,
}

/// Serves and ticks until cancelled.
async fn run(listener: BoundedListener, shared: Arc<Shared>, clients_max: usize) {
    let (cancel, clients) = (shared.cancel.clone(), Arc::clone(&shared.clients));
    let ticker = tokio::spawn(tick(Arc::clone(&shared.hub), cancel.clone()));
    let serve = axum::serve(listener, router(shared))
        .with_graceful_shutdown(cancel.clone().cancelled_owned());
    let served = async {
        if let Err(error) = serve.await {
            tracing::error!(%error, "dashboard server ended");
        }
    };
    let stop = async {
        cancel.cancelled().await;
        tokio::time::sleep(STOP_MAX).await;
    };
    tokio::select! {
        () = served => {}
        () = stop => tracing::debug!("dashboard connections still open at the end"),
    }
    // Whichever ended first takes the rest along: the ticker, and the clients that are being told goodbye.
    cancel.cancel();
    let places = u32::try_from(clients_max).unwrap_or(u32::MAX);
    if timeout(STOP_MAX, async {
        (ticker.await.is_ok(), clients.acquire_many(places).await.is_ok())
    })
    .await
    .is_err()
    {
        tracing::debug!("dashboard clients still open at the end");
    }
}

/// Makes a frame ten times a second.
async fn tick(hub: Arc<Hub>, cancel: CancellationToken) {
    let mut ticks = interval(FRAME_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    while cancel.run_until_cancelled(ticks.tick()).await.is_some() {
        if let Err(error) = hub.tick() {
            tracing::error!(%error, "dashboard frame has no JSON form");
        }
    }
}

/// Everything the server answers.
pub(crate) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/", get(async || assets::serve("index.html")))
        .route("/assets/{*path}", get(async |Path(path): Path<String>| assets::serve(&path)))
        .route("/feed", get(clients::feed))
        .route("/api/snapshot", get(snapshot))
        .route("/healthz", get(async || "ok\n"))
        .fallback(async || (StatusCode::NOT_FOUND, "no such page: the dashboard is at /\n"))
        .with_state(shared)
        .layer(axum::middleware::from_fn(guard))
}

/// `GET /api/snapshot`
async fn snapshot(State(shared): State<Arc<Shared>>) -> Response {
    match shared.hub.snapshot() {
        Ok(text) => {
            ([(header::CONTENT_TYPE, "application/json")], text.as_str().to_owned()).into_response()
        }
        Err(error) => {
            (StatusCode::INTERNAL_SERVER_ERROR, format!("no snapshot: {error}\n")).into_response()
        }
    }
}
