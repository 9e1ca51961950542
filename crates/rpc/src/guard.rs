//! What every request passes before it reaches a route: `Host`, `Origin`, rate and, behind CORS, authentication.
//!
//! The node often listens on loopback, where the only hostile client is a web page in the operator's own browser. Such a
//! page can send requests to any address, and two headers it cannot forge give it away:
//!
//! - `Host`: a page that points its own name at 127.0.0.1 (DNS rebinding) still sends that name. Names are therefore
//!   refused unless known. An IP address is accepted: it was not resolved, so nobody could have repointed it.
//! - `Origin`: browsers send it with WebSocket upgrades and with every request that changes something. A foreign origin
//!   is refused outright, which also covers WebSockets, to which CORS does not apply.
//!
//! `X-Forwarded-For` and its kin are never read: any client can write them.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::uri::Authority;
use http::{HeaderValue, StatusCode, header};
use jsonrpsee::MethodResponse;
use jsonrpsee::types::{ErrorObjectOwned, Id};
use serde_json::json;
use tokio::time::Instant;

use crate::auth::{Authenticator, Identity, Refusal};
use crate::config::RpcConfig;
use crate::dispatch::rate_limited;
use crate::error::code;
use crate::measure::Refused;
use crate::rate::RateLimiter;

/// Who sent a request; methods find it in their [`Extensions`](crate::Extensions), mounted routers in theirs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    /// The other end of the connection.
    pub addr: SocketAddr,
    /// Who it has shown to be; [`Identity::Anonymous`] on open mounts.
    pub identity: Identity,
}

/// The checks and what they need.
#[derive(Debug)]
pub(crate) struct Guard {
    hosts: Vec<String>,
    origins: Vec<String>,
    limiter: Arc<RateLimiter>,
    auth: Authenticator,
}

impl Guard {
    pub(crate) fn new(config: &RpcConfig, limiter: Arc<RateLimiter>, auth: Authenticator) -> Self {
        let hosts = config.allowed_hosts.iter().map(|host| host.to_ascii_lowercase()).collect();
        Self { hosts, origins: config.cors_origins.clone(), limiter, auth }
    }

    fn accepts_host(&self, authority: &Authority) -> bool {
        let host = authority.host().trim_end_matches('.').to_ascii_lowercase();
        let address = host.trim_start_matches('[').trim_end_matches(']');
        host == "localhost" || address.parse::<IpAddr>().is_ok() || self.hosts.contains(&host)
    }

    /// A request without `Origin` is no cross-origin request of a browser. Pages this server itself delivered are at home.
    fn accepts_origin(&self, origin: Option<&HeaderValue>, authority: &Authority) -> bool {
        let Some(origin) = origin else { return true };
        let Ok(origin) = origin.to_str() else { return false };
        let at_home = origin
            .strip_prefix("http://")
            .is_some_and(|rest| rest.eq_ignore_ascii_case(authority.as_str()));
        at_home || self.origins.iter().any(|allowed| allowed == origin)
    }
}

/// The outermost layer: `Host`, `Origin`, rate.
pub(crate) async fn admit(
    State(guard): State<Arc<Guard>>,
    request: Request,
    next: Next,
) -> Response {
    let Some(authority) = authority_of(&request) else {
        Refused::Host.count();
        return refuse(StatusCode::BAD_REQUEST, code::HTTP, "expected one valid Host header", None);
    };
    if !guard.accepts_host(&authority) {
        Refused::Host.count();
        let message = "this host name is not allowed: use localhost or an IP address, or add the name to `allowed_hosts`";
        return refuse(StatusCode::FORBIDDEN, code::FORBIDDEN, message, None);
    }
    if !guard.accepts_origin(request.headers().get(header::ORIGIN), &authority) {
        Refused::Origin.count();
        let message =
            "web pages of this origin are not allowed: add it to `cors_origins` if they should be";
        return refuse(StatusCode::FORBIDDEN, code::FORBIDDEN, message, None);
    }
    let Some(peer) = request.extensions().get::<Peer>() else { return internal_error() };
    if let Err(too_fast) = guard.limiter.take(peer.addr.ip(), 1, Instant::now()) {
        Refused::Rate.count();
        let mut response =
            respond(StatusCode::TOO_MANY_REQUESTS, rate_limited(too_fast.retry_after));
        // Whole seconds, rounded up: RFC 9110 §10.2.3 knows nothing finer.
        let seconds = too_fast.retry_after.as_millis().div_ceil(1_000);
        if let Ok(value) = HeaderValue::from_str(&seconds.to_string()) {
            response.headers_mut().insert(header::RETRY_AFTER, value);
        }
        return response;
    }
    next.run(request).await
}

/// The layer in front of everything but open mounts; upgrades to WebSocket pass it like any request.
pub(crate) async fn authenticate(
    State(guard): State<Arc<Guard>>,
    mut request: Request,
    next: Next,
) -> Response {
    let refusal = match guard.auth.check(request.headers()) {
        Ok(identity) => {
            if let Some(peer) = request.extensions_mut().get_mut::<Peer>() {
                peer.identity = identity;
            }
            return next.run(request).await;
        }
        Err(refusal) => refusal,
    };
    Refused::Auth.count();
    let message = match refusal {
        Refusal::Missing => "unauthorized: the request carries no credential".to_owned(),
        Refusal::Token(error) => format!("unauthorized: {error}"),
        Refusal::Wrong => {
            // Somebody guessing is worth seeing; a client that has not logged in yet is not.
            if let Some(peer) = request.extensions().get::<Peer>() {
                tracing::warn!(peer = %peer.addr, "rpc credential refused");
            }
            "unauthorized: the credential is not accepted".to_owned()
        }
    };
    let data = json!({ "what_to_do": guard.auth.advice() });
    let mut response = refuse(StatusCode::UNAUTHORIZED, code::UNAUTHORIZED, &message, Some(data));
    for challenge in guard.auth.challenges() {
        response.headers_mut().append(header::WWW_AUTHENTICATE, challenge);
    }
    response
}

/// The request's one authority: from its target if that is absolute, else from `Host` (RFC 9112 §3.2).
fn authority_of(request: &Request) -> Option<Authority> {
    if let Some(authority) = request.uri().authority() {
        return Some(authority.clone());
    }
    let mut hosts = request.headers().get_all(header::HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return None };
    host.to_str().ok()?.parse().ok()
}

/// An HTTP refusal with a JSON-RPC error as its body, so that one parser on the client's side is enough.
pub(crate) fn refuse(
    status: StatusCode,
    code: i32,
    message: &str,
    data: Option<serde_json::Value>,
) -> Response {
    respond(status, ErrorObjectOwned::owned(code, message, data))
}

pub(crate) fn respond(status: StatusCode, error: ErrorObjectOwned) -> Response {
    json_response(status, MethodResponse::error(Id::Null, error).as_json().get().to_owned())
}

pub(crate) fn json_response(status: StatusCode, body: String) -> Response {
    (status, [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], body)
        .into_response()
}

pub(crate) fn internal_error() -> Response {
    refuse(StatusCode::INTERNAL_SERVER_ERROR, code::INTERNAL_ERROR, "internal error", None)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guard() -> Guard {
        let config = RpcConfig {
            allowed_hosts: vec!["Node.lan".into()],
            cors_origins: vec!["https://wallet.example".into()],
            ..RpcConfig::default()
        };
        Guard::new(&config, Arc::new(RateLimiter::new(config.rate_limit)), Authenticator::default())
    }

    #[test]
    fn only_known_names_and_addresses_are_hosts() {
        for host in [
            "localhost",
            "LOCALHOST:80",
            "localhost.",
            "127.0.0.1:8080",
            "[::1]:8080",
            "10.1.2.3",
            "node.LAN:1",
        ] {
            assert!(guard().accepts_host(&host.parse().unwrap()), "{host}");
        }
        for host in
            ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "xlocalhost"]
        {
            assert!(!guard().accepts_host(&host.parse().unwrap()), "{host}");
        }
    }

    #[test]
    fn only_listed_origins_and_the_servers_own_pages_are_accepted() {
        let accepts = |origin: &str| {
            guard().accepts_origin(
                Some(&HeaderValue::from_str(origin).unwrap()),
                &"127.0.0.1:8080".parse().unwrap(),
            )
        };
        assert!(guard().accepts_origin(None, &"localhost".parse().unwrap()));
        assert!(accepts("https://wallet.example"));
        assert!(accepts("http://127.0.0.1:8080"));
        for origin in [
            "null",
            "",
            "http://127.0.0.1:8081",
            "https://wallet.example.evil",
            "https://evil.example",
        ] {
            assert!(!accepts(origin), "{origin}");
        }
    }
}
