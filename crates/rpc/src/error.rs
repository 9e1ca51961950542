//! Errors as clients see them: the codes, and what a method may say about itself.
//!
//! A method returns [`RpcError`] (or converts its own error into one) and decides there what a client is told. What
//! went wrong inside goes to the log under a reference, and only the reference goes to the client.

use std::error::Error;
use std::fmt;

use jsonrpsee::types::ErrorObjectOwned;
use serde_json::{Value, json};

/// The error codes of this server.
pub mod code {
    /// The text is not JSON.
    pub const PARSE_ERROR: i32 = -32_700;
    /// The JSON is not a request.
    pub const INVALID_REQUEST: i32 = -32_600;
    /// No method has this name.
    pub const METHOD_NOT_FOUND: i32 = -32_601;
    /// The parameters are not what the method expects.
    pub const INVALID_PARAMS: i32 = -32_602;
    /// The server is at fault; the log tells more.
    pub const INTERNAL_ERROR: i32 = -32_603;
    /// What was asked for does not exist.
    pub const NOT_FOUND: i32 = -32_001;
    /// What was asked for cannot be had now; a later try may succeed.
    pub const UNAVAILABLE: i32 = -32_002;
    /// The request is not authenticated.
    pub const UNAUTHORIZED: i32 = -32_003;
    /// The request's `Host` or `Origin` is not allowed.
    pub const FORBIDDEN: i32 = -32_004;
    /// The client asks faster than it may.
    pub const RATE_LIMITED: i32 = -32_005;
    /// The connection has as many subscriptions as it may.
    pub const TOO_MANY_SUBSCRIPTIONS: i32 = -32_006;
    /// The request is larger than allowed.
    pub const REQUEST_TOO_LARGE: i32 = -32_007;
    /// The answer is larger than allowed.
    pub const RESPONSE_TOO_LARGE: i32 = -32_008;
    /// The server has as much to do as it may.
    pub const BUSY: i32 = -32_009;
    /// The batch has more items than allowed.
    pub const BATCH_TOO_LARGE: i32 = -32_010;
    /// The answers to a batch are together larger than allowed.
    pub const BATCH_RESPONSE_TOO_LARGE: i32 = -32_011;
    /// The call took longer than it may.
    pub const TIMED_OUT: i32 = -32_012;
    /// The method needs a WebSocket connection, outside a batch.
    pub const NEEDS_WEBSOCKET: i32 = -32_013;
    /// The HTTP request itself is not acceptable (method, path or content type).
    pub const HTTP: i32 = -32_014;
}

/// What a method answers when it does not succeed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum RpcError {
    /// The parameters are well-formed and yet not usable.
    #[error("invalid params: {name}: expected {expected}, got {actual}")]
    InvalidParams {
        /// The parameter.
        name: &'static str,
        /// What it should be.
        expected: String,
        /// What it is.
        actual: String,
    },
    /// What was asked for does not exist.
    #[error("not found: {what}")]
    NotFound {
        /// The thing.
        what: String,
    },
    /// What was asked for cannot be had now.
    #[error("unavailable: {what}; {advice}")]
    Unavailable {
        /// The thing.
        what: String,
        /// What the client can do.
        advice: String,
    },
    /// The server has as much to do as it may.
    #[error("busy: {what}; try again later")]
    Busy {
        /// The queue or service that is full.
        what: &'static str,
    },
    /// The server is at fault. Made with [`RpcError::internal`], which writes the cause to the log.
    #[error("internal error; the node's log tells more under reference {reference}")]
    Internal {
        /// Stands beside the cause in the log.
        reference: String,
    },
    /// An error of the kind's own, with a code and data its clients know.
    #[error("{message}")]
    Application {
        /// The code, outside the range JSON-RPC reserves.
        code: i32,
        /// The message.
        message: String,
        /// Anything a program can use.
        data: Option<Value>,
    },
}

impl RpcError {
    /// Hides `cause` from the client and writes it, with all its sources, to the log.
    ///
    /// `doing` says what was attempted: "reading the routing table".
    pub fn internal(doing: &str, cause: &dyn Error) -> Self {
        let reference = format!("{:08x}", rand::random::<u32>());
        tracing::error!(reference, doing, cause = %Chain(cause), "rpc method is at fault");
        Self::Internal { reference }
    }

    /// The JSON-RPC error code.
    #[must_use]
    pub fn code(&self) -> i32 {
        match self {
            Self::InvalidParams { .. } => code::INVALID_PARAMS,
            Self::NotFound { .. } => code::NOT_FOUND,
            Self::Unavailable { .. } => code::UNAVAILABLE,
            Self::Busy { .. } => code::BUSY,
            Self::Internal { .. } => code::INTERNAL_ERROR,
            Self::Application { code, .. } => *code,
        }
    }

    fn data(&self) -> Option<Value> {
        match self {
            Self::InvalidParams { name, expected, actual } => {
                Some(json!({ "param": name, "expected": expected, "actual": actual }))
            }
            Self::Internal { reference } => Some(json!({ "reference": reference })),
            Self::Application { data, .. } => data.clone(),
            Self::NotFound { .. } | Self::Unavailable { .. } | Self::Busy { .. } => None,
        }
    }
}

impl From<RpcError> for ErrorObjectOwned {
    fn from(error: RpcError) -> Self {
        Self::owned(error.code(), error.to_string(), error.data())
    }
}

/// Turns any error into an internal one on the way out of a method.
pub trait InternalContext<T> {
    /// Like [`RpcError::internal`], on a `Result`.
    ///
    /// # Errors
    ///
    /// [`RpcError::Internal`] in place of the error.
    fn or_internal(self, doing: &str) -> Result<T, RpcError>;
}

impl<T, E: Error> InternalContext<T> for Result<T, E> {
    fn or_internal(self, doing: &str) -> Result<T, RpcError> {
        self.map_err(|cause| RpcError::internal(doing, &cause))
    }
}

/// An error with its sources on one line.
pub(crate) struct Chain<'a>(pub(crate) &'a dyn Error);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut source = self.0.source();
        while let Some(cause) = source {
            write!(f, ": {cause}")?;
            source = cause.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_internal_cause_stays_in_the_log() {
        let cause = std::io::Error::other("/var/lib/secret/place is on fire");
        let error: ErrorObjectOwned =
            Err::<(), _>(cause).or_internal("reading the routing table").unwrap_err().into();
        assert_eq!(error.code(), code::INTERNAL_ERROR);
        let sent = serde_json::to_string(&error).unwrap();
        assert!(!sent.contains("secret") && !sent.contains("fire"), "{sent}");
        assert!(sent.contains("reference"), "{sent}");
    }

    #[test]
    fn a_bad_parameter_is_named_with_what_was_expected_and_what_came() {
        let error = RpcError::InvalidParams {
            name: "key",
            expected: "40 hex digits".into(),
            actual: "38".into(),
        };
        let object = ErrorObjectOwned::from(error);
        assert_eq!(object.code(), code::INVALID_PARAMS);
        assert_eq!(object.message(), "invalid params: key: expected 40 hex digits, got 38");
        assert_eq!(
            object.data().unwrap().get(),
            r#"{"actual":"38","expected":"40 hex digits","param":"key"}"#
        );
    }
}
