//! `*.jsonl`: blocks of whole DAGs, one a line, as the Go and the Rust node wrote them.
//!
//! ```text
//!   line 1   parameters (Rust) ─┐
//!   line …   blocks, parents first; the first is the genesis ──► Dump { params, blocks }
//! ```
//!
//! The Go node's dumps have no parameters: they are of a network of developers before Crescendo.
//! What can be checked of a block alone is checked here: its hash, its proof of work, its body.

use std::{io::Cursor, path::Path};

use quintet_kaspa_node::dump::{DumpError, DumpedBlock, Reader};
use quintet_kaspa_protocol::{
    block::Block,
    hashing::{hash_merkle_root, hash_merkle_root_pre_crescendo},
    params::{Era, Params},
    validation::{check_body_in_isolation, check_coinbase_payload, check_header_in_isolation},
};

use crate::{
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq},
};

mod replay;

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
            report.case(case, || check(block, &dump.params, index == 0));
        }
        super::columns::run(file, &dump, report);
        replay::run(file, &dump, report);
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

impl Dump {
    /// Reads a dump.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, Mismatch> {
        let bad = |error: DumpError| Mismatch::new("dump", "blocks", error.to_string());
        let reader = Reader::new(Cursor::new(bytes.to_vec())).map_err(bad)?;
        let params = reader.params().clone();
        let mut blocks = Vec::new();
        for block in reader {
            if blocks.len() >= BLOCKS_MAX {
                return Err(Mismatch::new("dump", format!("at most {BLOCKS_MAX} blocks"), "more"));
            }
            blocks.push(block.map_err(bad)?);
        }
        Ok(Self { params, blocks })
    }
}

/// Checks what can be checked of a block alone.
fn check(dumped: &DumpedBlock, params: &Params, is_genesis: bool) -> Result<(), Mismatch> {
    let Block { header, transactions } = &dumped.block;
    expect_eq("hash", dumped.hash, header.hash())?;
    if is_genesis {
        expect_eq("parents of the genesis", 0, header.direct_parents().len())?;
    } else {
        // Blocks were valid when they were made: the clock stands at their own time.
        check_header_in_isolation(params, header, header.timestamp)
            .map_err(|error| Mismatch::new("header", "valid", error.to_string()))?;
        check_coinbase_payload(params, &dumped.block)
            .map_err(|error| Mismatch::new("coinbase", "valid", error.to_string()))?;
    }
    let root = match params.era_at(header.daa_score) {
        Era::PreCrescendo => hash_merkle_root_pre_crescendo(transactions),
        Era::Crescendo | Era::Toccata => hash_merkle_root(transactions),
    };
    expect_eq("merkle root", header.hash_merkle_root, root)?;
    check_body_in_isolation(params, &dumped.block)
        .map(|_| ())
        .map_err(|error| Mismatch::new("body", "valid", error.to_string()))
}
