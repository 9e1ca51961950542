//! What can be wrong with a file of blocks.

use std::io;

use quintet_kaspa_protocol::params::OverrideError;
use thiserror::Error;

/// A field that holds something else than it should.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("field {field}: expected {expected}, got {actual}")]
pub struct FieldError {
    /// The field's name in the file.
    pub field: &'static str,
    /// What belongs there.
    pub expected: &'static str,
    /// What is there.
    pub actual: String,
}

impl FieldError {
    #[expect(clippy::needless_pass_by_value, reason = "what was found, built for this call")]
    pub(super) fn new(field: &'static str, expected: &'static str, actual: impl ToString) -> Self {
        Self { field, expected, actual: actual.to_string() }
    }
}

/// Why a file of blocks cannot be read or written.
#[derive(Debug, Error)]
pub enum DumpError {
    /// The file, or what is compressed in it.
    #[error("line {line}: {source}")]
    Io {
        /// Line that was being read or written, from 1.
        line: u64,
        /// The reason.
        source: io::Error,
    },
    /// A line nobody would write.
    #[error("line {line}: expected at most {expected} bytes, there are more")]
    LineLength {
        /// Its number, from 1.
        line: u64,
        /// Most bytes.
        expected: usize,
    },
    /// A line that is no JSON of the form expected.
    #[error("line {line}: expected {expected}: {source}")]
    Json {
        /// Its number, from 1.
        line: u64,
        /// What it should be.
        expected: &'static str,
        /// The reason.
        source: serde_json::Error,
    },
    /// A field with a value that is none.
    #[error("line {line}: {source}")]
    Field {
        /// Number of the line, from 1.
        line: u64,
        /// The field.
        source: FieldError,
    },
    /// Parameters no network can run with.
    #[error("line {line}: {source}")]
    Params {
        /// Number of the line, from 1.
        line: u64,
        /// The parameter.
        source: OverrideError,
    },
    /// The file ends before the genesis.
    #[error("expected parameters or a genesis on line {line}, the file ends")]
    NoGenesis {
        /// Number of the line, from 1.
        line: u64,
    },
    /// The first block is not a genesis any network knows.
    #[error(
        "line {line}: expected a genesis, got {actual}: a dump begins with the first block of its network"
    )]
    ForeignGenesis {
        /// Number of the line, from 1.
        line: u64,
        /// What is wrong with it.
        actual: &'static str,
    },
    /// Parameters that the format has no names for.
    #[error(
        "these parameters cannot be written: the format says nothing of how they differ from those of {network}"
    )]
    Unsayable {
        /// The network whose they are.
        network: quintet_kaspa_protocol::params::Network,
    },
}
