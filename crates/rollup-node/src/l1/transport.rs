//! HTTP towards nodes: one pool of connections, a bound on what is read, a limit on the time, TLS where the address asks for it.
//!
//! # Invariants
//!
//! - An answer is read up to a bound; what is longer is an error, and the rest is not read.
//! - No address is shown with its path: paths hold keys of providers.

use std::{sync::Arc, time::Duration};

use alloy_primitives::Bytes;
use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use http::{HeaderMap, HeaderValue, Method, Request, Uri, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};

use super::L1Error;

/// Longest answer, bytes: a full block of L1 with its receipts is a tenth of it.
pub const ANSWER_BYTES_MAX: usize = 128 << 20;
/// Characters of a foreign answer that are shown.
const EXCERPT_CHARS_MAX: usize = 160;
/// Connections kept open to one host.
const IDLE_MAX: usize = 64;
/// Time to connect.
const CONNECT_MAX: Duration = Duration::from_secs(10);

type Pool = Client<HttpsConnector<HttpConnector>, Full<bytes::Bytes>>;

/// Connections to nodes; clones share them.
#[derive(Debug, Clone)]
pub struct Transport {
    pool: Pool,
}

impl Default for Transport {
    fn default() -> Self {
        let mut tcp = HttpConnector::new();
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(CONNECT_MAX));
        tcp.enforce_http(false);
        let connector =
            HttpsConnectorBuilder::new().with_webpki_roots().https_or_http().enable_http1();
        let pool = Client::builder(TokioExecutor::new())
            .pool_max_idle_per_host(IDLE_MAX)
            .build(connector.wrap_connector(tcp));
        Self { pool }
    }
}

/// Where a node is, and who we are to it.
#[derive(Debug, Clone)]
pub struct Address {
    uri: Uri,
    name: Arc<str>,
    headers: HeaderMap,
}

impl Address {
    /// Reads an address such as `https://host/key` or `http://user:password@host:8545`.
    ///
    /// # Errors
    ///
    /// [`L1Error::Address`] unless it is `http` or `https` with a host.
    pub fn parse(text: &str) -> Result<Self, L1Error> {
        let refused = |expected| L1Error::Address { address: shown(text), expected };
        let uri: Uri =
            text.parse().map_err(|_| refused("an address such as http://127.0.0.1:8545"))?;
        let (Some("http" | "https"), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(refused("an address that begins with http:// or https://"));
        };
        let (user, host) = match authority.as_str().rsplit_once('@') {
            Some((user, host)) => (Some(user.to_owned()), host.to_owned()),
            None => (None, authority.as_str().to_owned()),
        };
        let mut headers = HeaderMap::new();
        if let Some(user) = user {
            let value = format!("Basic {}", BASE64.encode(user));
            let mut value =
                HeaderValue::from_str(&value).map_err(|_| refused("a user and a password"))?;
            value.set_sensitive(true);
            headers.insert(header::AUTHORIZATION, value);
        }
        let scheme = uri.scheme_str().unwrap_or("http");
        let name = format!("{scheme}://{host}");
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let uri: Uri = format!("{name}{path}").parse().map_err(|_| refused("a host and a port"))?;
        Ok(Self { uri, name: name.into(), headers })
    }

    /// Returns scheme, host and port: what may be shown.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the address of a path below this one.
    fn below(&self, path: &str) -> Result<Uri, L1Error> {
        let own = self.uri.path_and_query().map_or("", |path| path.as_str());
        let (own, query) = own.split_once('?').unwrap_or((own, ""));
        let join = if path.contains('?') { '&' } else { '?' };
        let mut text = format!("{}{}{path}", self.name, own.trim_end_matches('/'));
        if !query.is_empty() {
            text.push(join);
            text.push_str(query);
        }
        let expected = "a path without spaces";
        text.parse().map_err(|_| L1Error::Address { address: self.name.to_string(), expected })
    }
}

/// Scheme and host of what may be no address at all.
fn shown(text: &str) -> String {
    let end = text.find("://").map_or(0, |at| at + 3);
    let rest = text.get(end..).unwrap_or_default();
    let host = rest.split(['/', '?']).next().unwrap_or_default();
    let host = host.rsplit('@').next().unwrap_or_default();
    format!("{}{host}", text.get(..end).unwrap_or_default())
}

/// One request.
#[derive(Debug)]
pub struct Call<'a> {
    /// Whom to ask.
    pub address: &'a Address,
    /// What is asked, for messages.
    pub method: &'static str,
    /// A path below the address; empty for the address itself.
    pub path: &'a str,
    /// What is posted; without it, it is a GET.
    pub body: Option<Vec<u8>>,
    /// A token to show.
    pub bearer: Option<String>,
    /// Time for all of it.
    pub limit: Duration,
}

impl Transport {
    /// Sends a request and reads the answer.
    ///
    /// # Errors
    ///
    /// [`L1Error`] unless there is an answer with a status of success, in time and within [`ANSWER_BYTES_MAX`].
    pub async fn send(&self, call: Call<'_>) -> Result<Bytes, L1Error> {
        let (endpoint, method) = (call.address.name().to_owned(), call.method);
        let limit_ms = u64::try_from(call.limit.as_millis()).unwrap_or(u64::MAX);
        tokio::time::timeout(call.limit, self.exchange(call))
            .await
            .unwrap_or(Err(L1Error::TimedOut { endpoint, method, limit_ms }))
    }

    async fn exchange(&self, call: Call<'_>) -> Result<Bytes, L1Error> {
        let endpoint = || call.address.name().to_owned();
        let unreachable = |error: &dyn std::error::Error| L1Error::Unreachable {
            endpoint: endpoint(),
            reason: innermost(error),
        };
        let uri = if call.path.is_empty() {
            call.address.uri.clone()
        } else {
            call.address.below(call.path)?
        };
        let mut request = Request::new(Full::default());
        *request.uri_mut() = uri;
        *request.headers_mut() = call.address.headers.clone();
        if let Some(body) = call.body {
            *request.method_mut() = Method::POST;
            *request.body_mut() = Full::from(body);
        }
        let json = HeaderValue::from_static("application/json");
        request.headers_mut().insert(header::CONTENT_TYPE, json.clone());
        request.headers_mut().insert(header::ACCEPT, json);
        if let Some(token) = call.bearer {
            let address = endpoint();
            let mut value = HeaderValue::from_str(&format!("Bearer {token}"))
                .map_err(|_| L1Error::Address { address, expected: "a token of ASCII" })?;
            value.set_sensitive(true);
            request.headers_mut().insert(header::AUTHORIZATION, value);
        }
        let response = self.pool.request(request).await.map_err(|error| unreachable(&error))?;
        let status = response.status();
        let body = Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await;
        let body = body.map_err(|error| unreachable(error.as_ref()))?.to_bytes();
        // A node that refuses says why in JSON, whatever its status.
        if status.is_success() || (call.path.is_empty() && body.starts_with(b"{\"jsonrpc\"")) {
            return Ok(body.into());
        }
        let text = String::from_utf8_lossy(&body);
        let excerpt = text.chars().filter(|c| !c.is_control()).take(EXCERPT_CHARS_MAX).collect();
        Err(L1Error::Status {
            endpoint: endpoint(),
            method: call.method,
            status: status.as_u16(),
            excerpt,
        })
    }
}

/// What is at the bottom of an error: "connection refused", and not that a client had one.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_in_paths_and_passwords_are_not_shown() {
        let address = Address::parse("https://user:secret@l1.example:8545/v3/key?x=1").unwrap();
        assert_eq!(address.name(), "https://l1.example:8545");
        assert_eq!(address.uri.path(), "/v3/key");
        assert!(address.headers[header::AUTHORIZATION].is_sensitive());
        let below = address.below("/eth/v1/beacon/genesis").unwrap();
        assert_eq!(below.to_string(), "https://l1.example:8545/v3/key/eth/v1/beacon/genesis?x=1");
        for bad in ["ftp://host/key", "host:1/key", "http://", ""] {
            let error = Address::parse(bad).unwrap_err().to_string();
            assert!(!error.contains("key"), "{error}");
        }
    }
}
