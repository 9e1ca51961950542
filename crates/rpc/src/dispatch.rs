//! From calls to answers: looks the method up, runs it within its time, and measures it.
//!
//! # Invariants
//!
//! - Every call with an id gets exactly one answer, also when its method panics or does not end in time.
//! - A batch runs one item after the other under one deadline, so a request never runs more than one method at a time.
//! - A subscription starts only on a WebSocket and outside a batch.

use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use jsonrpsee::core::id_providers::RandomStringIdProvider;
use jsonrpsee::core::server::BatchResponseBuilder;
use jsonrpsee::types::{ErrorObjectOwned, Id, Params};
use jsonrpsee::{
    BoundedSubscriptions, ConnectionId, Extensions, MethodCallback, MethodResponse, MethodSink,
    Methods, SubscriptionState,
};
use serde_json::json;
use serde_json::value::RawValue;
use tokio::time::{Instant, timeout_at};

use crate::config::RpcConfig;
use crate::error::code;
use crate::guard::Peer;
use crate::measure::{MethodMetrics, Refused};
use crate::message::{self, Call, Malformed, Message};
use crate::openrpc::DISCOVER_METHOD;
use crate::rate::{RateLimiter, TooFast};
use crate::suggest;

/// Characters of a subscription id: 16 of 62 kinds cannot be guessed by another connection.
const SUBSCRIPTION_ID_CHARS: usize = 16;
/// Bytes of an unknown method name that are repeated to the client and the log.
const ECHOED_NAME_BYTES_MAX: usize = 64;

/// A call of a batch that is about to be run, not looked up yet.
#[derive(Debug, Clone, Copy)]
pub struct Coming<'a> {
    /// The method's name, as the client wrote it.
    pub method: &'a str,
    /// The parameters, as JSON.
    pub params: &'a str,
}

/// Who looks at batches before they are run.
pub(crate) struct Ahead(pub(crate) Arc<Look>);

/// Looks at a batch.
pub(crate) type Look = dyn Fn(&[Coming<'_>]) + Send + Sync;

impl fmt::Debug for Ahead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ahead")
    }
}

/// Runs the registered methods.
#[derive(Debug)]
pub(crate) struct Dispatcher {
    methods: Methods,
    names: Vec<&'static str>,
    metrics: MethodMetrics,
    limiter: Arc<RateLimiter>,
    limits: Limits,
    ahead: Option<Ahead>,
}

#[derive(Debug, Clone, Copy)]
struct Limits {
    response_bytes_max: usize,
    batch_items_max: usize,
    json_depth_max: usize,
    request_timeout: Duration,
}

/// Where a request comes from.
#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) peer: Peer,
    /// Tokens of the rate limit the transport has taken already.
    pub(crate) prepaid: u32,
    /// What subscriptions need; `None` on plain HTTP.
    pub(crate) session: Option<Session>,
}

/// The part of a WebSocket session that subscriptions use.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) id: ConnectionId,
    pub(crate) sink: MethodSink,
    pub(crate) subscriptions: BoundedSubscriptions,
}

impl Dispatcher {
    pub(crate) fn new(
        methods: Methods,
        config: &RpcConfig,
        limiter: Arc<RateLimiter>,
        ahead: Option<Ahead>,
    ) -> Self {
        let mut names: Vec<_> = methods.method_names().collect();
        names.sort_unstable();
        let metrics = MethodMetrics::new(&names);
        let limits = Limits {
            response_bytes_max: config.response_bytes_max,
            batch_items_max: config.batch_items_max,
            json_depth_max: config.json_depth_max,
            request_timeout: config.request_timeout,
        };
        Self { methods, names, metrics, limiter, limits, ahead }
    }

    /// Answers one request body; `None` when there is nothing to answer (notifications, subscriptions).
    pub(crate) async fn answer(&self, body: &[u8], caller: &Caller) -> Option<Box<RawValue>> {
        let deadline = Instant::now() + self.limits.request_timeout;
        match message::parse(body, self.limits.json_depth_max, self.limits.batch_items_max) {
            Err(Malformed { id, error }) => {
                Refused::Malformed.count();
                Some(MethodResponse::error(id, error).into_json())
            }
            Ok(Message::Single(call)) => {
                if let Err(error) = self.pay(1, caller) {
                    return call.id.map(|id| MethodResponse::error(id, error).into_json());
                }
                self.run(call, caller, deadline, false).await.map(MethodResponse::into_json)
            }
            Ok(Message::Batch(items)) => self.batch(items, caller, deadline).await,
        }
    }

    /// Takes a token for a frame that carries no call.
    pub(crate) fn admit_control(&self, caller: &Caller) -> Result<(), TooFast> {
        self.limiter.take(caller.peer.addr.ip(), 1, Instant::now())
    }

    async fn batch(
        &self,
        items: Vec<Result<Call<'_>, Malformed<'_>>>,
        caller: &Caller,
        deadline: Instant,
    ) -> Option<Box<RawValue>> {
        if let Err(error) = self.pay(items.len(), caller) {
            return Some(MethodResponse::error(Id::Null, error).into_json());
        }
        self.look_ahead(&items);
        let mut answers = BatchResponseBuilder::new_with_limit(self.limits.response_bytes_max);
        for item in items {
            let answer = match item {
                Ok(call) => self.run(call, caller, deadline, true).await,
                Err(Malformed { id, error }) => Some(MethodResponse::error(id, error)),
            };
            if let Some(answer) = answer
                && let Err(too_large) = answers.append(answer)
            {
                return Some(too_large.into_json());
            }
        }
        // A batch of notifications alone is not answered, not even with an empty array (§6).
        (!answers.is_empty()).then(|| MethodResponse::from_batch(answers.finish()).into_json())
    }

    fn look_ahead(&self, items: &[Result<Call<'_>, Malformed<'_>>]) {
        let Some(Ahead(look)) = &self.ahead else { return };
        let coming: Vec<_> = items
            .iter()
            .flatten()
            .filter_map(|call| Some(Coming { method: &call.method, params: call.params?.get() }))
            .collect();
        // Whatever goes wrong there, each call is answered for itself.
        if std::panic::catch_unwind(AssertUnwindSafe(|| look(&coming))).is_err() {
            tracing::error!("who looks at batches panicked");
        }
    }

    fn pay(&self, items: usize, caller: &Caller) -> Result<(), ErrorObjectOwned> {
        let tokens = u32::try_from(items).unwrap_or(u32::MAX).saturating_sub(caller.prepaid);
        self.limiter.take(caller.peer.addr.ip(), tokens, Instant::now()).map_err(|too_fast| {
            Refused::Rate.count();
            rate_limited(too_fast.retry_after)
        })
    }

    /// Runs one call. `None` for notifications, and for subscriptions, which answer through their session.
    async fn run(
        &self,
        call: Call<'_>,
        caller: &Caller,
        deadline: Instant,
        in_batch: bool,
    ) -> Option<MethodResponse> {
        let started = Instant::now();
        let Call { id, method, params } = call;
        let is_notification = id.is_none();
        let id = id.unwrap_or(Id::Null).into_owned();

        let invocation =
            AssertUnwindSafe(self.invoke(id.clone(), &method, params, caller, in_batch));
        let outcome = timeout_at(deadline, async {
            // A synchronous method is over before a timeout can look; one that comes too late must not start.
            if started >= deadline {
                std::future::pending().await
            } else {
                invocation.catch_unwind().await
            }
        });
        let response = match outcome.await {
            Ok(Ok(response)) => response,
            Ok(Err(_panic)) => {
                // The panic hook has written the place to the log.
                tracing::error!(method = %method, "rpc method panicked");
                MethodResponse::error(
                    id,
                    ErrorObjectOwned::owned(code::INTERNAL_ERROR, "internal error", None::<()>),
                )
            }
            Err(_elapsed) => MethodResponse::error(id, timed_out(self.limits.request_timeout)),
        };

        let elapsed = started.elapsed();
        self.metrics.of(&method).record(elapsed, response.is_error());
        tracing::debug!(
            method = shortened(&method),
            peer = %caller.peer.addr,
            ?elapsed,
            error = response.as_error_code(),
            "rpc call"
        );
        (!is_notification && !response.is_subscription()).then_some(response)
    }

    async fn invoke(
        &self,
        id: Id<'static>,
        method: &str,
        params: Option<&RawValue>,
        caller: &Caller,
        in_batch: bool,
    ) -> MethodResponse {
        let Some(callback) = self.methods.method(method) else {
            return MethodResponse::error(id, self.method_not_found(method));
        };
        let params = Params::new(params.map(RawValue::get));
        let mut extensions = Extensions::new();
        extensions.insert(caller.peer);
        let connection =
            caller.session.as_ref().map_or_else(ConnectionId::default, |session| session.id);
        let response_bytes_max = self.limits.response_bytes_max;
        match (callback, &caller.session) {
            (MethodCallback::Sync(callback), _) => {
                callback(id, params, response_bytes_max, extensions)
            }
            (MethodCallback::Async(callback), _) => {
                callback(id, params.into_owned(), connection, response_bytes_max, extensions).await
            }
            (MethodCallback::Unsubscription(callback), Some(_)) => {
                callback(id, params, connection, response_bytes_max, extensions)
            }
            (MethodCallback::Subscription(callback), Some(session)) if !in_batch => {
                let Some(subscription_permit) = session.subscriptions.acquire() else {
                    return MethodResponse::error(
                        id,
                        too_many_subscriptions(session.subscriptions.max()),
                    );
                };
                let id_provider = &RandomStringIdProvider::new(SUBSCRIPTION_ID_CHARS);
                let state =
                    SubscriptionState { conn_id: connection, id_provider, subscription_permit };
                callback(id, params, session.sink.clone(), state, extensions).await
            }
            (MethodCallback::Subscription(_) | MethodCallback::Unsubscription(_), _) => {
                let message =
                    "subscriptions need a WebSocket connection to this address, outside a batch";
                MethodResponse::error(
                    id,
                    ErrorObjectOwned::owned(code::NEEDS_WEBSOCKET, message, None::<()>),
                )
            }
        }
    }

    fn method_not_found(&self, method: &str) -> ErrorObjectOwned {
        let data = json!({
            "method": shortened(method),
            "did_you_mean": suggest::nearest(method, &self.names),
            "hint": format!("`{DISCOVER_METHOD}` lists every method"),
        });
        ErrorObjectOwned::owned(code::METHOD_NOT_FOUND, "method not found", Some(data))
    }
}

/// What a client is told that asks too fast, over HTTP or WebSocket.
pub(crate) fn rate_limited(retry_after: Duration) -> ErrorObjectOwned {
    let milliseconds = u64::try_from(retry_after.as_micros().div_ceil(1_000)).unwrap_or(u64::MAX);
    let message = format!("rate limit exceeded: try again in {milliseconds} ms");
    ErrorObjectOwned::owned(
        code::RATE_LIMITED,
        message,
        Some(json!({ "retry_after_ms": milliseconds })),
    )
}

fn timed_out(limit: Duration) -> ErrorObjectOwned {
    let message = format!("the call took longer than {} ms and was given up", limit.as_millis());
    ErrorObjectOwned::owned(code::TIMED_OUT, message, None::<()>)
}

fn too_many_subscriptions(max: u32) -> ErrorObjectOwned {
    let message = format!(
        "the connection has {max} subscriptions, as many as it may: unsubscribe from one first"
    );
    ErrorObjectOwned::owned(code::TOO_MANY_SUBSCRIPTIONS, message, None::<()>)
}

fn shortened(method: &str) -> &str {
    let end = method.floor_char_boundary(ECHOED_NAME_BYTES_MAX);
    method.get(..end).unwrap_or_default()
}
