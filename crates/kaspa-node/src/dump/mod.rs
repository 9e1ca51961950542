//! DAGs as files: JSON lines, a block a line, as the Go and the Rust node write them for simulations and tests.
//!
//! ```text
//!   line 1   parameters (Rust; the Go node wrote none) ─┐
//!   line 2   the genesis ───────────────────────────────┼──► Reader { params }
//!   line …   blocks, parents before children ───────────┴──► … blocks, one after the other
//! ```
//!
//! Two dialects, told apart by the genesis: field names of the Go node (`Header`, `BlueWork`, …), which the Rust node used too before
//! Crescendo, and those of the Rust node since (`header`, `blueWork`, …). [`Writer`] writes the latter. A file may be compressed with gzip; its first
//! member counts, as for the reference's loader, which matters: files are known that go on with junk.
//!
//! # Invariants
//!
//! - One line is in memory at a time, and none longer than [`LINE_BYTES_MAX`].
//! - What a [`Writer`] wrote a [`Reader`] reads back equal, parameters included; parameters the format cannot say are refused.
//! - Nothing of a block is checked here but its form.
//!
//! **Spec:** rusty-kaspa's `testing/integration/src/consensus_integration_tests.rs` (`json_test`), `OverrideParams`.

mod error;
mod go;
mod parameters;
mod reader;
mod rust;
mod writer;

pub use error::{DumpError, FieldError};
pub use reader::Reader;
pub use writer::Writer;

use quintet_kaspa_protocol::{block::Block, header::BlueWork};
use quintet_primitives::{Hash256, hex};

/// Longest line, bytes: a block of 500,000 grams has 2 MB of JSON, and its header's parents some hundred kilobytes.
pub const LINE_BYTES_MAX: usize = 64 << 20;

/// A block and the hash its maker wrote beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DumpedBlock {
    /// The hash as it stands there; whether it is that of the block is for the reader to see.
    pub hash: Hash256,
    /// The block.
    pub block: Block,
}

fn bytes(field: &'static str, text: &str) -> Result<Vec<u8>, FieldError> {
    hex::decode(text).map_err(|error| FieldError::new(field, "hexadecimal digits", error))
}

fn array<const N: usize>(field: &'static str, text: &str) -> Result<[u8; N], FieldError> {
    hex::decode_array(text).map_err(|error| FieldError::new(field, "hexadecimal digits", error))
}

/// Reads blue work as hexadecimal digits, however many.
fn blue_work(field: &'static str, text: &str) -> Result<BlueWork, FieldError> {
    BlueWork::from_str_radix(text, 16)
        .map_err(|error| FieldError::new(field, "at most 48 hexadecimal digits", error))
}
