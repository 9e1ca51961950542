//! A small JSON-RPC client over HTTP for the application's command-line tools.
//!
//! It speaks plain HTTP/1.1, one connection for each call, and brings no TLS stack: the tools talk to a node on the same
//! machine. For a node elsewhere, forward its port (`ssh -L`). Its errors tell the operator what to do.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::{HeaderValue, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::auth::Secret;

/// Largest answer that is read, in bytes.
const RESPONSE_BYTES_MAX: usize = 64 * 1024 * 1024;
/// Characters of a foreign answer that are repeated to the operator.
const EXCERPT_CHARS_MAX: usize = 200;
/// Time for a call unless told otherwise.
const TIMEOUT_DEFAULT: Duration = Duration::from_secs(60);

/// How the client shows who it is.
#[derive(Debug, Clone, Default)]
pub enum Credentials {
    /// Not at all.
    #[default]
    None,
    /// With the node's cookie file, read anew for each call since the node writes it anew at each start.
    CookieFile(PathBuf),
    /// With a bearer token.
    Bearer(Secret),
    /// With a user and a password.
    Basic {
        /// The user.
        user: String,
        /// The password.
        password: Secret,
    },
}

/// Calls methods of one node.
#[derive(Debug, Clone)]
pub struct RpcClient {
    url: String,
    host: String,
    port: u16,
    authority: HeaderValue,
    path: String,
    credentials: Credentials,
    timeout: Duration,
    start_command: String,
}

/// A call that did not succeed, told to an operator.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The address is not one this client can use.
    #[error("rpc address {url:?}: expected {expected}")]
    Address {
        /// What was given.
        url: String,
        /// What is asked of it.
        expected: &'static str,
    },
    /// The parameters cannot be written as JSON.
    #[error("rpc parameters: {source}")]
    Params {
        /// The reason.
        source: serde_json::Error,
    },
    /// The cookie file cannot be read.
    #[error("rpc cookie file {}: {source}; is the node running? start it with `{start_command}`", path.display())]
    Cookie {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
        /// What starts the node.
        start_command: String,
    },
    /// A credential cannot be sent in a header.
    #[error("rpc credentials: expected text without control characters")]
    Credentials,
    /// Nothing answers.
    #[error(
        "no answer from {url} ({reason}); is the node running there? start it with `{start_command}`"
    )]
    Unreachable {
        /// The address.
        url: String,
        /// What the connection said.
        reason: String,
        /// What starts the node.
        start_command: String,
    },
    /// The answer takes too long.
    #[error("no answer from {url} within {} ms; the node may be busy: try again, or allow more time", timeout.as_millis())]
    TimedOut {
        /// The address.
        url: String,
        /// The time it had.
        timeout: Duration,
    },
    /// The node does not accept the credentials.
    #[error("{url} does not accept the credentials: {advice}")]
    Unauthorized {
        /// The address.
        url: String,
        /// What the node says to do.
        advice: String,
    },
    /// Something answers that is no JSON-RPC server.
    #[error(
        "{url} answered with HTTP {status} and no JSON-RPC response: {excerpt:?}; is this the node's rpc address?"
    )]
    NotJsonRpc {
        /// The address.
        url: String,
        /// The status.
        status: u16,
        /// The beginning of the answer.
        excerpt: String,
    },
    /// The method answered with an error.
    #[error("{message} (code {code}){}", data.as_ref().map(|data| format!(": {data}")).unwrap_or_default())]
    Method {
        /// The code.
        code: i32,
        /// The message.
        message: String,
        /// Anything more.
        data: Option<Value>,
    },
    /// The result has another shape than expected.
    #[error("result of {method}: {source}; are this program and the node of the same version?")]
    Result {
        /// The method.
        method: String,
        /// The reason.
        source: serde_json::Error,
    },
}

#[derive(Serialize)]
struct Call<'a, P> {
    jsonrpc: &'static str,
    id: u32,
    method: &'a str,
    params: P,
}

/// Not an untagged enum: `"result": null` is a success.
#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    result: Value,
    error: Option<AnswerError>,
    #[expect(dead_code, reason = "its presence shows that the answer is JSON-RPC")]
    jsonrpc: String,
}

#[derive(Deserialize)]
struct AnswerError {
    code: i32,
    message: String,
    data: Option<Value>,
}

impl RpcClient {
    /// A client for the node at `url`, such as `http://127.0.0.1:8080`.
    ///
    /// `start_command` is what starts such a node; it is named when nothing answers.
    ///
    /// # Errors
    ///
    /// [`ClientError::Address`] if the address is not plain `http` with a host.
    pub fn new(url: &str, start_command: impl Into<String>) -> Result<Self, ClientError> {
        let refused = |expected| ClientError::Address { url: url.to_owned(), expected };
        let form = "an address such as http://127.0.0.1:8080";
        let uri: Uri = url.parse().map_err(|_| refused(form))?;
        if uri.scheme_str() == Some("https") {
            return Err(refused(
                "http: this client has no TLS; for a node elsewhere, forward its port with `ssh -L`",
            ));
        }
        let (Some("http"), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(refused(form));
        };
        if authority.as_str().contains('@') {
            return Err(refused("no user or password in the address: give them as credentials"));
        }
        const HTTP_PORT: u16 = 80;
        Ok(Self {
            url: url.to_owned(),
            host: authority.host().trim_start_matches('[').trim_end_matches(']').to_owned(),
            port: authority.port_u16().unwrap_or(HTTP_PORT),
            authority: HeaderValue::from_str(authority.as_str()).map_err(|_| refused(form))?,
            path: uri.path().to_owned(),
            credentials: Credentials::None,
            timeout: TIMEOUT_DEFAULT,
            start_command: start_command.into(),
        })
    }

    /// Shows these credentials with every call.
    #[must_use]
    pub fn credentials(self, credentials: Credentials) -> Self {
        Self { credentials, ..self }
    }

    /// Gives every call this much time, from connecting to the end of the answer; 60 seconds unless set.
    #[must_use]
    pub fn timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Calls a method. Parameters are an array, a tuple or a struct; `()` and `[(); 0]` stand for none.
    ///
    /// # Errors
    ///
    /// See [`ClientError`]; every one tells what an operator can do.
    pub async fn call<T: DeserializeOwned>(
        &self,
        method: &str,
        params: impl Serialize,
    ) -> Result<T, ClientError> {
        let mut params =
            serde_json::to_value(params).map_err(|source| ClientError::Params { source })?;
        if params.is_null() {
            params = Value::Array(Vec::new());
        }
        let call = Call { jsonrpc: "2.0", id: 1, method, params };
        let body = serde_json::to_vec(&call).map_err(|source| ClientError::Params { source })?;
        let request = self.request(body).await?;
        let exchange = timeout(self.timeout, self.exchange(request)).await;
        let (status, body) = exchange.map_err(|_elapsed| ClientError::TimedOut {
            url: self.url.clone(),
            timeout: self.timeout,
        })??;
        let answer = self.answer(status, &body)?;
        serde_json::from_value(answer)
            .map_err(|source| ClientError::Result { method: method.to_owned(), source })
    }

    async fn request(&self, body: Vec<u8>) -> Result<Request<Full<Bytes>>, ClientError> {
        let mut request = Request::new(Full::from(body));
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = self.path.parse().unwrap_or_default();
        let headers = request.headers_mut();
        headers.insert(header::HOST, self.authority.clone());
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let authorization = match &self.credentials {
            Credentials::None => return Ok(request),
            Credentials::Bearer(token) => format!("Bearer {}", token.reveal()),
            Credentials::Basic { user, password } => {
                basic(&format!("{user}:{}", password.reveal()))
            }
            Credentials::CookieFile(path) => {
                let cookie = tokio::fs::read_to_string(path).await.map_err(|source| {
                    ClientError::Cookie {
                        path: path.clone(),
                        source,
                        start_command: self.start_command.clone(),
                    }
                })?;
                basic(cookie.trim_end())
            }
        };
        let mut value =
            HeaderValue::from_str(&authorization).map_err(|_| ClientError::Credentials)?;
        value.set_sensitive(true);
        request.headers_mut().insert(header::AUTHORIZATION, value);
        Ok(request)
    }

    async fn exchange(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<(StatusCode, Bytes), ClientError> {
        let socket = TcpStream::connect((self.host.as_str(), self.port))
            .await
            .map_err(|error| self.unreachable(&error))?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(socket))
            .await
            .map_err(|error| self.unreachable(&error))?;
        // Ends with this scope, also when the caller gives up.
        let mut driver = JoinSet::new();
        driver.spawn(connection);
        let response =
            sender.send_request(request).await.map_err(|error| self.unreachable(&error))?;
        let status = response.status();
        let body = Limited::new(response.into_body(), RESPONSE_BYTES_MAX);
        let body = body.collect().await.map_err(|error| self.unreachable(error.as_ref()))?;
        Ok((status, body.to_bytes()))
    }

    fn answer(&self, status: StatusCode, body: &[u8]) -> Result<Value, ClientError> {
        let url = self.url.clone();
        let Ok(Answer { result, error, .. }) = serde_json::from_slice::<Answer>(body) else {
            let excerpt = String::from_utf8_lossy(body).chars().take(EXCERPT_CHARS_MAX).collect();
            return Err(ClientError::NotJsonRpc { url, status: status.as_u16(), excerpt });
        };
        match error {
            None => Ok(result),
            Some(AnswerError { message, data, .. }) if status == StatusCode::UNAUTHORIZED => {
                let advice = data.and_then(|data| {
                    let steps = data.get("what_to_do")?.as_array()?;
                    Some(steps.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("; or "))
                });
                Err(ClientError::Unauthorized { url, advice: advice.unwrap_or(message) })
            }
            Some(AnswerError { code, message, data }) => {
                Err(ClientError::Method { code, message, data })
            }
        }
    }

    fn unreachable(&self, reason: &dyn std::error::Error) -> ClientError {
        ClientError::Unreachable {
            url: self.url.clone(),
            reason: crate::error::Chain(reason).to_string(),
            start_command: self.start_command.clone(),
        }
    }
}

fn basic(credential: &str) -> String {
    format!("Basic {}", BASE64.encode(credential))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_http_addresses_with_a_host_are_taken() {
        for good in ["http://127.0.0.1:8080", "http://localhost", "http://[::1]:1/rpc"] {
            assert!(RpcClient::new(good, "node").is_ok(), "{good}");
        }
        for bad in [
            "https://127.0.0.1",
            "127.0.0.1:8080",
            "http://",
            "ftp://x",
            "http://alice:secret@x",
            "",
        ] {
            assert!(
                matches!(RpcClient::new(bad, "node"), Err(ClientError::Address { .. })),
                "{bad}"
            );
        }
    }
}
