//! The server: three routes behind the host check.

use core::{net::SocketAddr, time::Duration};
use std::io;

use axum::{
    Json, Router,
    extract::{Request, State},
    http::{StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use super::{health::Health, host::HostPolicy, listener::BoundedListener};
use crate::{
    config::{BindAddr, Issues, Section},
    telemetry::Metrics,
};

/// Time open connections have to end when the server stops.
const STOP_GRACE: Duration = Duration::from_secs(2);

/// Names that `ops.allowed_hosts` may list.
const ALLOWED_HOSTS_MAX: usize = 64;

/// The section `ops`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OpsConfig {
    /// Whether the server runs.
    pub enabled: bool,
    /// Where it listens.
    pub listen: BindAddr,
    /// Names it answers to, besides `localhost` and IP addresses.
    pub allowed_hosts: Vec<String>,
}

impl Default for OpsConfig {
    fn default() -> Self {
        Self { enabled: true, listen: BindAddr::loopback(9640), allowed_hosts: Vec::new() }
    }
}

impl Section for OpsConfig {
    const NAME: &'static str = "ops";
    const DOCS: &'static [(&'static str, &'static str)] = &[
        ("", "Operations over HTTP: /metrics (Prometheus), /health and /ready."),
        ("enabled", "Whether the server runs."),
        ("listen", "Where it listens. There is no login: think before leaving 127.0.0.1."),
        (
            "allowed_hosts",
            "Names it answers to besides localhost and IP addresses, without ports.\n\
             Others are refused, so that no web page reaches it through DNS rebinding.",
        ),
    ];

    fn validate(&self, issues: &mut Issues) {
        if self.allowed_hosts.len() > ALLOWED_HOSTS_MAX {
            issues.reject("allowed_hosts", format!("at most {ALLOWED_HOSTS_MAX} names"));
        }
        for (index, host) in self.allowed_hosts.iter().enumerate() {
            let is_name = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
            if host.is_empty() || !host.bytes().all(is_name) {
                let expected = "a host name without scheme and port, such as node.example.org";
                issues.reject(format!("allowed_hosts[{index}]"), expected);
            }
        }
    }
}

/// The server cannot start.
#[derive(Debug, thiserror::Error)]
#[error("operations server cannot listen on {listen}: {source}; change ops.listen")]
pub struct OpsError {
    /// The address.
    pub listen: SocketAddr,
    /// What the system said.
    pub source: io::Error,
}

/// The running server. Dropping it ends it at once.
#[derive(Debug)]
pub struct OpsServer {
    local_addr: SocketAddr,
    stop: CancellationToken,
    task: AbortOnDropHandle<()>,
}

impl OpsServer {
    /// Where it listens, with the port the system chose if 0 was asked for.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Answers what is under way and ends, within two seconds.
    pub async fn stop(self) {
        self.stop.cancel();
        if tokio::time::timeout(STOP_GRACE, self.task).await.is_err() {
            tracing::warn!("operations server still had open connections; they were closed");
        }
    }
}

/// Binds and starts the server, whatever `config.enabled` says.
///
/// # Errors
///
/// [`OpsError`] if the address cannot be bound.
pub async fn serve(
    config: &OpsConfig,
    metrics: Metrics,
    health: Health,
) -> Result<OpsServer, OpsError> {
    let listen = config.listen.get();
    let error = |source| OpsError { listen, source };
    let listener = TcpListener::bind(listen).await.map_err(error)?;
    let local_addr = listener.local_addr().map_err(error)?;
    let router = router(HostPolicy::new(config.allowed_hosts.clone()), metrics, health);
    let stop = CancellationToken::new();
    let stopped = stop.clone().cancelled_owned();
    let task = tokio::spawn(async move {
        let server = axum::serve(BoundedListener::new(listener), router);
        if let Err(error) = server.with_graceful_shutdown(stopped).await {
            tracing::error!(%error, "operations server ended");
        }
    });
    Ok(OpsServer { local_addr, stop, task: AbortOnDropHandle::new(task) })
}

fn router(policy: HostPolicy, metrics: Metrics, health: Health) -> Router {
    Router::new()
        .route("/metrics", get(metrics_text).with_state(metrics))
        .route("/health", get(liveness).with_state(health.clone()))
        .route("/ready", get(readiness).with_state(health))
        .fallback(|| async { (StatusCode::NOT_FOUND, "expected /metrics, /health or /ready\n") })
        .layer(middleware::from_fn_with_state(policy, check_host))
}

async fn metrics_text(State(metrics): State<Metrics>) -> impl IntoResponse {
    let content_type = "text/plain; version=0.0.4; charset=utf-8";
    ([(header::CONTENT_TYPE, content_type)], metrics.render())
}

async fn liveness(State(health): State<Health>) -> Response {
    let failed = health.has_failed();
    let body = Json(json!({
        "status": if failed { "failed" } else { "alive" },
        "components": health.components(),
    }));
    (if failed { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::OK }, body).into_response()
}

async fn readiness(State(health): State<Health>) -> Response {
    let ready = health.is_ready();
    let body = Json(json!({
        "ready": ready,
        "stopping": health.is_draining(),
        "components": health.components(),
    }));
    (if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }, body).into_response()
}

/// Both the header and the authority of an absolute request line must be acceptable: they may
/// disagree, and which one a proxy believed is not ours to guess.
async fn check_host(State(policy): State<HostPolicy>, request: Request, next: Next) -> Response {
    let Some(host) = request.headers().get(header::HOST) else {
        return (StatusCode::BAD_REQUEST, "expected a Host header; found none\n").into_response();
    };
    let authority = request.uri().authority().map(axum::http::uri::Authority::as_str);
    let allowed = host.to_str().is_ok_and(|host| policy.allows(host))
        && authority.is_none_or(|authority| policy.allows(authority));
    if allowed {
        return next.run(request).await;
    }
    let reason = "expected an IP address, localhost or a name of ops.allowed_hosts as Host; \
                  found another name: add it to ops.allowed_hosts if it is yours\n";
    (StatusCode::FORBIDDEN, reason).into_response()
}
