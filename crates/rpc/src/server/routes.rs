//! Which path is served by what, and which layers stand in front of it.

use std::collections::HashSet;
use std::sync::Arc;

use axum::extract::State;
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::get;
use axum::{Json, Router};
use http::{HeaderValue, Method, StatusCode, header};
use serde_json::Value;
use tower_http::cors::{AllowOrigin, CorsLayer};
use tower_http::limit::RequestBodyLimitLayer;
use tower_http::timeout::TimeoutLayer;

use super::accept::Lifetimes;
use super::{StartError, http_call, websocket};
use crate::config::RpcConfig;
use crate::dispatch::Dispatcher;
use crate::error::code;
use crate::guard::{Guard, admit, authenticate, refuse};
use crate::lenient::Lenient;

/// Where the OpenRPC document is.
const DOCUMENT_PATH: &str = "/openrpc.json";

/// What all handlers share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) config: RpcConfig,
    pub(super) dispatcher: Dispatcher,
    pub(super) document: Value,
    pub(super) lifetimes: Lifetimes,
    /// Answers what is posted in the dispatcher's place.
    pub(super) lenient: Option<Lenient>,
}

/// A router below a path.
#[derive(Debug)]
pub(super) struct Mount {
    pub(super) path: String,
    pub(super) router: Router,
    pub(super) is_open: bool,
}

/// axum panics on paths it cannot nest; they are refused before.
pub(super) fn check_mounts(mounts: &[Mount]) -> Result<(), StartError> {
    let mut taken = HashSet::from([DOCUMENT_PATH.trim_start_matches('/')]);
    for Mount { path, .. } in mounts {
        let refused = |expected| Err(StartError::Mount { path: path.clone(), expected });
        let Some(name) = path.strip_prefix('/').filter(|name| !name.is_empty()) else {
            return refused("a path such as \"/rest\"");
        };
        if !name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.')) {
            return refused("one segment of letters, digits, `-`, `_` and `.`");
        }
        if !taken.insert(name) {
            return refused("a path that is not taken");
        }
    }
    Ok(())
}

/// The layers run from the bottom of this function upwards.
pub(super) fn build(shared: &Arc<Shared>, guard: Arc<Guard>, mounts: Vec<Mount>) -> Router {
    let mut closed = Router::new()
        .route("/", get(websocket::upgrade).post(http_call::call))
        .route(DOCUMENT_PATH, get(document))
        .method_not_allowed_fallback(method_not_allowed)
        .with_state(Arc::clone(shared));
    let mut open = Router::new();
    for Mount { path, router, is_open } in mounts {
        let router = bounded(router, &shared.config);
        let side = if is_open { &mut open } else { &mut closed };
        *side = std::mem::take(side).nest(&path, router);
    }
    // The fallback is authenticated as well: strangers do not learn which paths exist.
    closed
        .fallback(not_found)
        .layer(from_fn_with_state(Arc::clone(&guard), authenticate))
        .merge(open)
        .layer(cors(&shared.config.cors_origins))
        .layer(from_fn_with_state(guard, admit))
        .layer(from_fn(harden))
}

/// Mounted routers are held to the same body size and time as JSON-RPC.
fn bounded(router: Router, config: &RpcConfig) -> Router {
    router
        .layer(TimeoutLayer::with_status_code(StatusCode::GATEWAY_TIMEOUT, config.request_timeout))
        .layer(RequestBodyLimitLayer::new(config.request_bytes_max))
}

fn cors(origins: &[String]) -> CorsLayer {
    let origins: Vec<HeaderValue> =
        origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok()).collect();
    CorsLayer::new()
        .allow_origin(AllowOrigin::list(origins))
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([header::CONTENT_TYPE, header::AUTHORIZATION])
}

/// Nothing here is to be guessed at, cached or framed by a browser.
async fn harden(request: axum::extract::Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

async fn document(State(shared): State<Arc<Shared>>) -> Json<Value> {
    Json(shared.document.clone())
}

async fn not_found() -> Response {
    let message =
        "nothing is served at this path: JSON-RPC is at /, its description at /openrpc.json";
    refuse(StatusCode::NOT_FOUND, code::HTTP, message, None)
}

async fn method_not_allowed() -> Response {
    let message = "this HTTP method is not served here: expected POST with a JSON-RPC request at /";
    refuse(StatusCode::METHOD_NOT_ALLOWED, code::HTTP, message, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_path_is_one_free_segment() {
        let mounts = |paths: &[&str]| -> Vec<Mount> {
            let mount = |path: &&str| Mount {
                path: (*path).to_owned(),
                router: Router::new(),
                is_open: false,
            };
            paths.iter().map(mount).collect()
        };
        assert!(check_mounts(&mounts(&["/rest", "/graphql"])).is_ok());
        for refused in [
            &["rest"][..],
            &["/"],
            &["/a/b"],
            &["/{x}"],
            &["/rest/"],
            &["/openrpc.json"],
            &["/a", "/a"],
        ] {
            assert!(
                matches!(check_mounts(&mounts(refused)), Err(StartError::Mount { .. })),
                "{refused:?}"
            );
        }
    }
}
