//! JSON-RPC for clients older than its second version: 1.0 and 1.1 as Bitcoin Core's clients speak them, and 2.0 beside them.
//!
//! ```text
//!   body ──► one call or an array ──► version 1: { result, error, id }, and the HTTP status tells an error
//!                                 └─► version 2: { jsonrpc, result | error, id }, always 200; no id, no answer
//! ```
//!
//! What calls mean is [`Calls`]' own affair: parameters come as an array or an object, and any number may be an error's code.
//!
//! # Invariants
//!
//! - A body beyond the limits of [`RpcConfig`](crate::RpcConfig), in bytes, depth or items of a batch, is refused before a call runs.
//! - A call that takes longer than allowed is given up, and answered.
//!
//! **Spec:** JSON-RPC 1.0; JSON-RPC 2.0; Bitcoin Core, `httprpc.cpp`, `rpc/request.cpp`, `doc/JSON-RPC-interface.md`.

use std::{fmt, panic::AssertUnwindSafe, sync::Arc};

use axum::response::{IntoResponse as _, Response};
use futures_util::{FutureExt as _, future::BoxFuture};
use http::StatusCode;
use serde_json::{Map, Value, json};
use tokio::time::{Instant, timeout_at};

use crate::{
    config::RpcConfig,
    error::code,
    guard::{Peer, json_response},
    message::exceeds_depth,
};

/// A call failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message} (code {code})")]
pub struct Fault {
    /// What kind of failure.
    pub code: i32,
    /// What happened.
    pub message: String,
}

impl Fault {
    /// Makes a failure.
    pub fn new(code: i32, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

/// Answers calls.
pub trait Calls: Send + Sync + 'static {
    /// Answers one call. `params` is an array, an object, or null for none.
    fn call(
        &self,
        method: String,
        params: Value,
        peer: Peer,
    ) -> BoxFuture<'_, Result<Value, Fault>>;
}

/// Answers calls in the server's place.
#[derive(Clone)]
pub(crate) struct Lenient(pub(crate) Arc<dyn Calls>);

impl fmt::Debug for Lenient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Lenient")
    }
}

/// What a request says.
struct Request {
    second_version: bool,
    /// `None` where there is none: of version 2 a notification.
    id: Option<Value>,
    method: String,
    params: Value,
}

impl Lenient {
    /// Answers a request body.
    pub(crate) async fn answer(&self, body: &[u8], peer: Peer, config: &RpcConfig) -> Response {
        let deadline = Instant::now() + config.request_timeout;
        let parse_error = || {
            let fault = Fault::new(code::PARSE_ERROR, "Parse error");
            reply(StatusCode::INTERNAL_SERVER_ERROR, &first_version(Err(fault), Value::Null))
        };
        if exceeds_depth(body, config.json_depth_max) {
            return parse_error();
        }
        match serde_json::from_slice::<Value>(body) {
            Err(_) => parse_error(),
            Ok(Value::Array(items)) => self.batch(items, peer, config, deadline).await,
            Ok(call @ Value::Object(_)) => self.single(call, peer, deadline).await,
            Ok(_) => {
                let fault = Fault::new(code::PARSE_ERROR, "Top-level object parse error");
                reply(StatusCode::INTERNAL_SERVER_ERROR, &first_version(Err(fault), Value::Null))
            }
        }
    }

    async fn single(&self, call: Value, peer: Peer, deadline: Instant) -> Response {
        let request = match parse(call) {
            Ok(request) => request,
            Err((second, id, fault)) => {
                let status = if second { StatusCode::OK } else { status_of(fault.code) };
                return reply(status, &answer(second, Err(fault), id));
            }
        };
        let Request { second_version, id, method, params } = request;
        let outcome = self.run(method, params, peer, deadline).await;
        if second_version && id.is_none() {
            return StatusCode::NO_CONTENT.into_response();
        }
        let status = match &outcome {
            Err(fault) if !second_version => status_of(fault.code),
            _ => StatusCode::OK,
        };
        reply(status, &answer(second_version, outcome, id.unwrap_or_default()))
    }

    async fn batch(
        &self,
        items: Vec<Value>,
        peer: Peer,
        config: &RpcConfig,
        deadline: Instant,
    ) -> Response {
        if items.len() > config.batch_items_max {
            let most = config.batch_items_max;
            let fault = Fault::new(
                code::BATCH_TOO_LARGE,
                format!("expected at most {most} calls in a batch"),
            );
            return reply(
                StatusCode::INTERNAL_SERVER_ERROR,
                &first_version(Err(fault), Value::Null),
            );
        }
        let asked = !items.is_empty();
        let mut answers = Vec::new();
        for item in items {
            match parse(item) {
                Err((second, id, fault)) => answers.push(answer(second, Err(fault), id)),
                Ok(Request { second_version, id, method, params }) => {
                    let outcome = self.run(method, params, peer, deadline).await;
                    if !(second_version && id.is_none()) {
                        answers.push(answer(second_version, outcome, id.unwrap_or_default()));
                    }
                }
            }
        }
        if asked && answers.is_empty() {
            return StatusCode::NO_CONTENT.into_response();
        }
        reply(StatusCode::OK, &Value::Array(answers))
    }

    async fn run(
        &self,
        method: String,
        params: Value,
        peer: Peer,
        deadline: Instant,
    ) -> Result<Value, Fault> {
        let name = method.clone();
        let running = AssertUnwindSafe(self.0.call(method, params, peer)).catch_unwind();
        match timeout_at(deadline, running).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_panic)) => {
                tracing::error!(method = %name, "rpc method panicked");
                Err(Fault::new(code::INTERNAL_ERROR, "internal error"))
            }
            Err(_elapsed) => {
                Err(Fault::new(code::TIMED_OUT, "the call took too long and was given up"))
            }
        }
    }
}

/// Bitcoin Core's codes for a request that is none, and a method that is not there, have statuses of their own.
const fn status_of(fault: i32) -> StatusCode {
    match fault {
        code::INVALID_REQUEST => StatusCode::BAD_REQUEST,
        code::METHOD_NOT_FOUND => StatusCode::NOT_FOUND,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

fn parse(value: Value) -> Result<Request, (bool, Value, Fault)> {
    let invalid = |id: Option<Value>, second: bool, message: &str| {
        (second, id.unwrap_or_default(), Fault::new(code::INVALID_REQUEST, message))
    };
    let Value::Object(mut fields) = value else {
        return Err(invalid(None, false, "Invalid Request object"));
    };
    let id = fields.remove("id");
    let second_version = match fields.remove("jsonrpc") {
        None | Some(Value::Null) => false,
        Some(Value::String(version)) if version == "1.0" => false,
        Some(Value::String(version)) if version == "2.0" => true,
        Some(Value::String(_)) => {
            return Err(invalid(id, false, "JSON-RPC version not supported"));
        }
        Some(_) => return Err(invalid(id, false, "jsonrpc field must be a string")),
    };
    let method = match fields.remove("method") {
        Some(Value::String(method)) => method,
        None | Some(Value::Null) => return Err(invalid(id, second_version, "Missing method")),
        Some(_) => return Err(invalid(id, second_version, "Method must be a string")),
    };
    let params = match fields.remove("params") {
        None | Some(Value::Null) => Value::Array(Vec::new()),
        Some(params @ (Value::Array(_) | Value::Object(_))) => params,
        Some(_) => {
            return Err(invalid(id, second_version, "Params must be an array or object"));
        }
    };
    Ok(Request { second_version, id, method, params })
}

fn answer(second_version: bool, outcome: Result<Value, Fault>, id: Value) -> Value {
    if !second_version {
        return first_version(outcome, id);
    }
    let mut fields = Map::new();
    fields.insert("jsonrpc".to_owned(), json!("2.0"));
    match outcome {
        Ok(result) => fields.insert("result".to_owned(), result),
        Err(Fault { code, message }) => {
            fields.insert("error".to_owned(), json!({ "code": code, "message": message }))
        }
    };
    fields.insert("id".to_owned(), id);
    fields.into()
}

fn first_version(outcome: Result<Value, Fault>, id: Value) -> Value {
    let (result, error) = match outcome {
        Ok(result) => (result, Value::Null),
        Err(Fault { code, message }) => (Value::Null, json!({ "code": code, "message": message })),
    };
    let fields = [("result", result), ("error", error), ("id", id)];
    Value::Object(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn reply(status: StatusCode, body: &Value) -> Response {
    let mut text = body.to_string();
    text.push('\n');
    json_response(status, text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Identity;
    use http_body_util::BodyExt as _;

    struct Echo;

    impl Calls for Echo {
        fn call(
            &self,
            method: String,
            params: Value,
            _: Peer,
        ) -> BoxFuture<'_, Result<Value, Fault>> {
            let outcome = match method.as_str() {
                "echo" => Ok(params),
                "fail" => Err(Fault::new(-8, "no")),
                _ => Err(Fault::new(code::METHOD_NOT_FOUND, "Method not found")),
            };
            Box::pin(async move { outcome })
        }
    }

    async fn ask(body: &str) -> (u16, String) {
        let peer = Peer { addr: ([127, 0, 0, 1], 1).into(), identity: Identity::Anonymous };
        let config = RpcConfig { batch_items_max: 3, ..RpcConfig::default() };
        let response = Lenient(Arc::new(Echo)).answer(body.as_bytes(), peer, &config).await;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8(body.to_vec()).unwrap().trim_end().to_owned())
    }

    #[tokio::test]
    async fn each_version_is_answered_in_its_own_form() {
        for (body, status, expected) in [
            (
                r#"{"method":"echo","params":[1],"id":"a"}"#,
                200,
                r#"{"error":null,"id":"a","result":[1]}"#,
            ),
            (
                r#"{"jsonrpc":"1.0","method":"echo"}"#,
                200,
                r#"{"error":null,"id":null,"result":[]}"#,
            ),
            (
                r#"{"jsonrpc":"2.0","method":"echo","params":{"x":1},"id":7}"#,
                200,
                r#"{"id":7,"jsonrpc":"2.0","result":{"x":1}}"#,
            ),
            (
                r#"{"method":"fail","id":1}"#,
                500,
                r#"{"error":{"code":-8,"message":"no"},"id":1,"result":null}"#,
            ),
            (
                r#"{"jsonrpc":"2.0","method":"fail","id":1}"#,
                200,
                r#"{"error":{"code":-8,"message":"no"},"id":1,"jsonrpc":"2.0"}"#,
            ),
            (r#"{"jsonrpc":"2.0","method":"echo"}"#, 204, ""),
            (
                r#"{"method":"nothing","id":1}"#,
                404,
                r#"{"error":{"code":-32601,"message":"Method not found"},"id":1,"result":null}"#,
            ),
            (
                r#"{"jsonrpc":"3.0","method":"echo","id":1}"#,
                400,
                r#"{"error":{"code":-32600,"message":"JSON-RPC version not supported"},"id":1,"result":null}"#,
            ),
            (
                r#"{"method":"echo""#,
                500,
                r#"{"error":{"code":-32700,"message":"Parse error"},"id":null,"result":null}"#,
            ),
            ("[]", 200, "[]"),
        ] {
            assert_eq!(ask(body).await, (status, expected.to_owned()), "{body}");
        }
    }

    #[tokio::test]
    async fn a_batch_may_mix_versions_and_has_a_limit() {
        let (status, body) =
            ask(r#"[{"method":"echo","id":1},{"jsonrpc":"2.0","method":"echo"},5]"#).await;
        assert_eq!(status, 200);
        let answers: Vec<Value> = serde_json::from_str(&body).unwrap();
        assert_eq!(answers.len(), 2, "{body}");
        assert_eq!(ask("[1,2,3,4]").await.0, 500);
        assert_eq!(ask(&"[".repeat(100_000)).await.0, 500);
    }
}
