//! What every request must be and every response must carry.
//!
//! The page shows a network to whoever sits at this machine, not to whichever site they have open in another tab. Against
//! the latter stand three checks, all here:
//!
//! - **Host** must name this machine (`localhost` or a loopback address): a foreign name that was made to resolve to
//!   127.0.0.1 (DNS rebinding) is refused. The port is not compared, so that `ssh -L` to another port works.
//! - **Origin**, if the browser sends one, must be that very host and port: WebSockets are not covered by the same-origin
//!   policy, so a foreign page could otherwise read the feed.
//! - The **content security policy** lets the page run and load only what this server sends, and nothing inline, so that
//!   hostile text in a log line stays text.

use std::net::IpAddr;

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};

/// What a browser may load and run: what this server sends, nothing inline, and no string turned into markup.
pub(crate) const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
     connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
     require-trusted-types-for 'script'; trusted-types 'none'";

/// Headers of every response.
const HEADERS: [(HeaderName, &str); 7] = [
    (header::CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (header::CACHE_CONTROL, "no-cache"),
];

/// Why a request was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// The page is read-only.
    #[error("expected GET or HEAD, got {actual}: this server is read-only")]
    Method { actual: Method },
    /// A name that is not this machine's.
    #[error("expected a Host header naming localhost or a loopback address, got {actual}")]
    Host { actual: String },
    /// A page of another site.
    #[error(
        "expected the origin {expected}, got {actual}: open the page this server sends instead"
    )]
    Origin { expected: String, actual: String },
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let text = format!("{self}\n");
        match self {
            Self::Method { .. } => {
                (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "GET, HEAD")], text)
                    .into_response()
            }
            Self::Host { .. } => (StatusCode::MISDIRECTED_REQUEST, text).into_response(),
            Self::Origin { .. } => (StatusCode::FORBIDDEN, text).into_response(),
        }
    }
}

/// Refuses what is not for us, and marks every response.
pub(crate) async fn guard(request: Request, next: Next) -> Response {
    let mut response = match check(request.method(), request.headers()) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    };
    for (name, value) in HEADERS {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Whether a request is one we answer.
pub(crate) fn check(method: &Method, headers: &HeaderMap) -> Result<(), Refusal> {
    if method != Method::GET && method != Method::HEAD {
        return Err(Refusal::Method { actual: method.clone() });
    }
    let host = only_value(headers, &header::HOST).unwrap_or_default();
    if !names_this_machine(&host) {
        return Err(Refusal::Host { actual: quoted(&host) });
    }
    if headers.contains_key(header::ORIGIN) {
        let expected = format!("http://{host}");
        let actual = only_value(headers, &header::ORIGIN).unwrap_or_default();
        if !actual.eq_ignore_ascii_case(&expected) {
            return Err(Refusal::Origin { expected, actual: quoted(&actual) });
        }
    }
    Ok(())
}

/// The value of a header that occurs exactly once and is text.
fn only_value(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (Some(value), None) => value.to_str().ok().map(str::to_owned),
        _ => None,
    }
}

/// Whether a Host header (`name`, `name:port`, `[v6]:port`) names a loopback address.
fn names_this_machine(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port))
            if !port.is_empty() && port.bytes().all(|digit| digit.is_ascii_digit()) =>
        {
            name
        }
        _ => host,
    };
    if name.eq_ignore_ascii_case("localhost") {
        return true;
    }
    let address = name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(name);
    address.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// A client's text, short and without control characters, for an error message.
fn quoted(text: &str) -> String {
    const CHARS_MAX: usize = 100;
    if text.is_empty() {
        "none".to_owned()
    } else {
        format!("{:?}", text.chars().take(CHARS_MAX).collect::<String>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(HeaderName, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap()))
            .collect()
    }

    #[test]
    fn accepts_every_name_of_this_machine() {
        for host in
            ["localhost", "LOCALHOST:80", "127.0.0.1:8080", "127.1.2.3:9", "[::1]:9", "[::1]"]
        {
            assert_eq!(check(&Method::GET, &headers(&[(header::HOST, host)])), Ok(()), "{host}");
        }
    }

    #[test]
    fn refuses_every_other_name() {
        let hosts = [
            "",
            "example.com",
            "localhost.example.com:80",
            "127.0.0.1.nip.io",
            "192.168.0.1:80",
            "[::]:80",
            "0.0.0.0:1",
        ];
        for host in hosts {
            let refused = check(&Method::GET, &headers(&[(header::HOST, host)]));
            assert!(matches!(refused, Err(Refusal::Host { .. })), "{host}");
        }
    }

    #[test]
    fn refuses_two_hosts() {
        let mut headers = headers(&[(header::HOST, "localhost")]);
        headers.append(header::HOST, HeaderValue::from_static("example.com"));
        assert!(matches!(check(&Method::GET, &headers), Err(Refusal::Host { .. })));
    }

    #[test]
    fn the_origin_must_be_the_very_host_and_port() {
        let with = |origin| headers(&[(header::HOST, "localhost:80"), (header::ORIGIN, origin)]);
        assert_eq!(check(&Method::GET, &with("http://localhost:80")), Ok(()));
        for origin in [
            "null",
            "http://localhost:81",
            "https://localhost:80",
            "http://127.0.0.1:80",
            "http://evil.example",
        ] {
            assert!(
                matches!(check(&Method::GET, &with(origin)), Err(Refusal::Origin { .. })),
                "{origin}"
            );
        }
    }

    #[test]
    fn refuses_every_method_that_could_change_something() {
        for method in [
            Method::POST,
            Method::PUT,
            Method::DELETE,
            Method::PATCH,
            Method::OPTIONS,
            Method::CONNECT,
        ] {
            let refused = check(&method, &headers(&[(header::HOST, "localhost")]));
            assert_eq!(refused, Err(Refusal::Method { actual: method }));
        }
    }
}
