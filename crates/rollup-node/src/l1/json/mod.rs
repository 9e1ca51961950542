//! L1 as JSON-RPC writes it, read without a copy and turned into the bytes that hashes are taken over.
//!
//! ```text
//!   {"result": {header …, transactions: [{…}, {…}]}} ──► BlockJson (slices of the text) ──► header, its hash
//!                                                             └──► tx ──► RLP ──► root, inbox
//! ```
//!
//! Nothing is decoded that is not needed: a transaction's digits go from the text straight into its RLP, where the root is taken over them
//! and the inbox found in them. Where the node is trusted with that, transactions that go elsewhere are passed over as text.

pub(crate) mod block;
pub(crate) mod digits;
pub(crate) mod receipt;
pub(crate) mod tx;

use thiserror::Error;

/// What is not of the form.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub(crate) enum JsonError {
    /// It is not JSON, or has not the fields.
    #[error("{0}")]
    Json(String),
    /// A field holds no digits of the kind it should.
    #[error("expected {expected} in field {field}, got {actual}")]
    Field {
        /// The field.
        field: &'static str,
        /// What it should hold.
        expected: &'static str,
        /// The beginning of what it holds.
        actual: String,
    },
    /// A field that a transaction of its type has is not there.
    #[error("expected field {field}, got none")]
    NoField {
        /// The field.
        field: &'static str,
    },
    /// A type of transaction this version does not know.
    #[error("expected a transaction of type 0 to 4 or 0x7e, got type {actual}")]
    Kind {
        /// The type.
        actual: String,
    },
}

impl From<serde_json::Error> for JsonError {
    fn from(error: serde_json::Error) -> Self {
        Self::Json(error.to_string())
    }
}
