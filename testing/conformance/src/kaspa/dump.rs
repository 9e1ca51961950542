//! `*.jsonl`: blocks of whole DAGs, one a line, as the Go and the Rust node wrote them.
//!
//! ```text
//!   line 1   parameters (Rust) ─┐
//!   line …   blocks, parents first; the first is the genesis ──► Dump { params, blocks }
//! ```
//!
//! The Go node's dumps have no parameters: they are of a network of developers before Crescendo.
//! What can be checked of a block alone is checked here: its hash, its proof of work, its body.

use std::path::Path;

use quintet_kaspa_protocol::{
    block::Block,
    hashing::{hash_merkle_root, hash_merkle_root_pre_crescendo},
    params::{Era, Network, Overrides, Params},
    validation::{check_body_in_isolation, check_coinbase_payload, check_header_in_isolation},
};
use quintet_primitives::Hash256;
use serde_json::Value;

use crate::{
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq},
};

mod go;
mod rust;

/// Most blocks read of one file.
const BLOCKS_MAX: usize = 1 << 20;

pub(super) struct Dumps;

impl Suite for Dumps {
    fn name(&self) -> &'static str {
        "dags"
    }

    fn claims(&self, name: &Path) -> bool {
        name.extension().is_some_and(|extension| extension == "jsonl")
    }

    fn run(&self, file: &File, report: &mut Report) {
        let dump = match Dump::read(&file.bytes) {
            Ok(dump) => dump,
            Err(error) => {
                report.unreadable = Some(format!(
                    "{}: expected {}, got {}",
                    error.what, error.expected, error.actual
                ));
                return;
            }
        };
        for (index, block) in dump.blocks.iter().enumerate() {
            let case = format!("{} block {index}", file.name.display());
            report.case(case, || block.check(&dump.params, index == 0));
        }
        super::columns::run(file, &dump, report);
    }
}

/// A DAG and the parameters it was made under.
#[derive(Debug)]
pub(super) struct Dump {
    /// The parameters.
    pub(super) params: Params,
    /// The blocks, the genesis first, parents before children.
    pub(super) blocks: Vec<DumpedBlock>,
}

/// A block and the hash its maker wrote beside it.
#[derive(Debug)]
pub(super) struct DumpedBlock {
    /// The hash.
    pub(super) hash: Hash256,
    /// The block.
    pub(super) block: Block,
}

impl Dump {
    /// Reads a dump.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Mismatch> {
        let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let (mut params, mut blocks) = (Params::devnet_pre_crescendo(), Vec::new());
        for (index, line) in lines.enumerate() {
            let bad = |expected: &str, error: String| {
                Mismatch::new(format!("line {}", index + 1), expected, error)
            };
            let value: Value =
                serde_json::from_slice(line).map_err(|error| bad("JSON", error.to_string()))?;
            if blocks.len() >= BLOCKS_MAX {
                return Err(bad("the end", format!("more than {BLOCKS_MAX} blocks")));
            }
            let block = if value.get("Header").is_some() {
                go::read(value)?
            } else if value.get("header").is_some() {
                rust::read(value)?
            } else if index == 0 {
                let overrides: Overrides = serde_json::from_value(value)
                    .map_err(|error| bad("parameters", error.to_string()))?;
                params = overrides
                    .apply(Params::of(Network::Devnet))
                    .map_err(|error| bad("parameters", error.to_string()))?;
                continue;
            } else {
                return Err(bad("a block", "neither Header nor header".into()));
            };
            blocks.push(block);
        }
        Ok(Self { params, blocks })
    }
}

impl DumpedBlock {
    fn check(&self, params: &Params, is_genesis: bool) -> Result<(), Mismatch> {
        let Block { header, transactions } = &self.block;
        expect_eq("hash", self.hash, header.hash())?;
        if is_genesis {
            expect_eq("parents of the genesis", 0, header.direct_parents().len())?;
        } else {
            // Blocks were valid when they were made: the clock stands at their own time.
            check_header_in_isolation(params, header, header.timestamp)
                .map_err(|error| Mismatch::new("header", "valid", error.to_string()))?;
            check_coinbase_payload(params, &self.block)
                .map_err(|error| Mismatch::new("coinbase", "valid", error.to_string()))?;
        }
        let root = match params.era_at(header.daa_score) {
            Era::PreCrescendo => hash_merkle_root_pre_crescendo(transactions),
            Era::Crescendo | Era::Toccata => hash_merkle_root(transactions),
        };
        expect_eq("merkle root", header.hash_merkle_root, root)?;
        check_body_in_isolation(params, &self.block)
            .map(|_| ())
            .map_err(|error| Mismatch::new("body", "valid", error.to_string()))
    }
}
