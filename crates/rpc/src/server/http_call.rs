//! JSON-RPC over HTTP: one POST, one call or batch.
//!
//! Whatever reaches JSON-RPC is answered with status 200, errors included, and a request that wants no answer with 204.
//! Other statuses speak of HTTP itself, with a JSON-RPC error as body.

use std::sync::Arc;

use axum::Extension;
use axum::extract::{Request, State};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, StatusCode, header};
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use tokio::time::timeout;

use super::routes::Shared;
use crate::dispatch::Caller;
use crate::error::code;
use crate::guard::{Peer, json_response, refuse};
use crate::measure::Refused;

/// Media types of a JSON-RPC request. A form or plain text is refused: a page may send those without asking first.
const MEDIA_TYPES: [&str; 3] =
    ["application/json", "application/json-rpc", "application/jsonrequest"];

pub(super) async fn call(
    State(shared): State<Arc<Shared>>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Response {
    // Who has to show a credential cannot be driven by a page that has none.
    let strict = shared.lenient.is_none() || !shared.config.auth.is_required();
    if strict && !is_json(request.headers()) {
        Refused::Malformed.count();
        let message = "expected the header `Content-Type: application/json`";
        return refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, code::HTTP, message, None);
    }
    let bytes_max = shared.config.request_bytes_max;
    let body = Limited::new(request.into_body(), bytes_max);
    let body = match timeout(shared.config.request_timeout, body.collect()).await {
        Ok(Ok(body)) => body.to_bytes(),
        Ok(Err(error)) if error.is::<LengthLimitError>() => {
            Refused::TooLarge.count();
            let message = format!("the request is larger than {bytes_max} bytes");
            return refuse(StatusCode::PAYLOAD_TOO_LARGE, code::REQUEST_TOO_LARGE, &message, None);
        }
        Ok(Err(_broken)) => {
            Refused::Malformed.count();
            return refuse(
                StatusCode::BAD_REQUEST,
                code::HTTP,
                "the request's body ended early",
                None,
            );
        }
        Err(_elapsed) => {
            Refused::Malformed.count();
            return refuse(
                StatusCode::REQUEST_TIMEOUT,
                code::HTTP,
                "the request's body came too slowly",
                None,
            );
        }
    };
    if let Some(lenient) = &shared.lenient {
        return lenient.answer(&body, peer, &shared.config).await;
    }
    // The guard has taken one token for the HTTP request itself.
    let caller = Caller { peer, prepaid: 1, session: None };
    match shared.dispatcher.answer(&body, &caller).await {
        Some(answer) => json_response(StatusCode::OK, String::from(Box::<str>::from(answer))),
        None => StatusCode::NO_CONTENT.into_response(),
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(Ok(value)) = headers.get(header::CONTENT_TYPE).map(|value| value.to_str()) else {
        return false;
    };
    let essence = value.split(';').next().unwrap_or_default().trim();
    MEDIA_TYPES.iter().any(|media_type| essence.eq_ignore_ascii_case(media_type))
}
