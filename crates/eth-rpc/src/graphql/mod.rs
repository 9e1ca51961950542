//! GraphQL over the chain and its pool, served at `/graphql`.
//!
//! ```text
//!   POST {query, variables} ─► parse ─► depth, complexity ─► one snapshot, one Scope ─► objects ─► data, errors
//!                                                                        │
//!                                                     fields, bytes, time left: spent by each field
//! ```
//!
//! Answers that hold an error come with status 400, as go-ethereum's do, and each error that a method of JSON-RPC would give names its code
//! under `extensions`.
//!
//! # Invariants
//!
//! - A request reads one snapshot of the chain; what it says fits together.
//! - A request is refused before it runs if it nests deeper than [`DEPTH_MAX`] or asks for more than [`COMPLEXITY_MAX`] fields, and ended
//!   while it runs if it spends more than [`FIELDS_MAX`] fields, [`BYTES_MAX`] bytes or the time one call may take.
//!
//! **Spec:** EIP-1767; execution-apis, `schema.graphqls`, and what go-ethereum's `graphql` adds for blobs.

mod account;
mod block;
mod input;
mod log;
mod query;
mod scalars;
mod scope;
mod shape;
mod transaction;

use std::{fmt, sync::Arc};

use async_graphql::{EmptySubscription, Request, Response, Schema, ServerError};
use axum::{
    Router,
    body::Bytes,
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::IntoResponse,
    routing::post,
};
use tokio::sync::Semaphore;

use self::{
    query::{Mutation, Query},
    scope::{Scope, Spending},
};
use crate::{deadline::Deadline, error::EthError, node::EthNode};

/// Deepest nesting of braces, brackets and parentheses in a query's text.
pub const NESTING_MAX: usize = 64;
/// Most bytes of a query's text, its strings left out.
pub const TEXT_BYTES_MAX: usize = 64 << 10;
/// Deepest nesting of fields: go-ethereum's.
pub const DEPTH_MAX: usize = 20;
/// Most fields that a query names, those of fragments counted where they are used.
pub const COMPLEXITY_MAX: usize = 1_000;
/// Most fields that an answer holds.
pub const FIELDS_MAX: usize = 200_000;
/// Most bytes of code, input, logs and encodings that an answer holds.
pub const BYTES_MAX: usize = 16 << 20;
/// Most requests that are answered at a time; others wait as long as their time lets them.
pub const REQUESTS_MAX: usize = 16;

type Chain = Schema<Query, Mutation, EmptySubscription>;

/// GraphQL over a node.
#[derive(Clone)]
pub struct GraphQl {
    schema: Chain,
    node: Arc<EthNode>,
    slots: Arc<Semaphore>,
}

impl fmt::Debug for GraphQl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GraphQl").finish_non_exhaustive()
    }
}

/// What a client is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GraphQlAnswer {
    /// 200, or 400 if there is an error in it.
    pub status: u16,
    /// JSON: data, errors.
    pub body: String,
}

impl GraphQl {
    /// Serves a node.
    #[must_use]
    pub fn new(node: Arc<EthNode>) -> Self {
        Self { schema: schema(), node, slots: Arc::new(Semaphore::new(REQUESTS_MAX)) }
    }

    /// Returns the schema in GraphQL's own language.
    #[must_use]
    pub fn sdl() -> String {
        schema().sdl()
    }

    /// Answers the body of a request: an object with `query`, and `operationName` and `variables` if it has some.
    ///
    /// It reads the disk where it runs: call it on a thread for such work.
    pub async fn answer(&self, body: &[u8]) -> GraphQlAnswer {
        // A list of fields would be taken for an object.
        let is_object = body.trim_ascii_start().starts_with(b"{");
        let body = if is_object { body } else { &[] };
        let request: Request = match serde_json::from_slice(body) {
            Ok(request) => request,
            Err(error) => {
                let expected =
                    r#"expected a JSON object such as {"query": "{ block { number } }"}"#;
                return told(&refused(format!("{expected}: {error}")));
            }
        };
        if let Err(reason) = shape::check(&request.query) {
            return told(&refused(reason));
        }
        match Scope::begin(&self.node) {
            Ok(scope) => told(&self.schema.execute(request.data(Arc::new(scope))).await),
            Err(error) => told(&refused(error.message)),
        }
    }

    /// Returns what to mount at `/graphql`.
    pub fn router(self) -> Router {
        Router::new().route("/", post(serve)).with_state(self)
    }
}

fn schema() -> Chain {
    Schema::build(Query, Mutation, EmptySubscription)
        .limit_depth(DEPTH_MAX)
        .limit_complexity(COMPLEXITY_MAX)
        .extension(Spending)
        .finish()
}

fn refused(message: String) -> Response {
    Response::from_errors(vec![ServerError::new(message, None)])
}

fn told(response: &Response) -> GraphQlAnswer {
    let status = if response.is_ok() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    // Strings, numbers and lists: there is nothing in it that JSON cannot hold.
    let body = serde_json::to_string(response).unwrap_or_default();
    GraphQlAnswer { status: status.as_u16(), body }
}

async fn serve(State(graphql): State<GraphQl>, body: Bytes) -> impl IntoResponse {
    let handle = tokio::runtime::Handle::current();
    let deadline = Deadline::after(graphql.node.config.call_timeout_ms);
    let work = async move {
        // Nobody closes it. A request whose time is over counts until its thread has given up.
        let slot = Arc::clone(&graphql.slots).acquire_owned().await;
        let work = move || {
            let _slot = slot;
            handle.block_on(graphql.answer(&body))
        };
        tokio::task::spawn_blocking(work).await
    };
    let answer = match tokio::time::timeout(deadline.time(), work).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(error)) => {
            let error = EthError::internal("answering a query", &error);
            GraphQlAnswer { status: 500, ..told(&refused(error.message)) }
        }
        Err(_) => told(&refused(deadline.passed().message)),
    };
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let kind = (header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    (status, [kind], answer.body)
}
