//! `pruning/dag-for-test-pruning.json`: how far the pruning point moves under the small depths of the Go node's test.
//!
//! The file gives the finality depth and the mergeset limit; the Go test runs it with K 18 and derives the pruning depth from them
//! (2F + 4LK + 2K + 2). It expects block 503 on three networks and 502 on the fourth: which one depends on hashes, which
//! decide between equal blocks, so here either will do.

use std::path::Path;

use quintet_kaspa_protocol::dag::{ExpectedPruning, PruningPoints, PruningRules};
use serde::Deserialize;

use super::topology::{Built, Named};
use crate::{
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq},
};

const K: u16 = 18;

/// What the Go test expects, whichever the hashes.
const EXPECTED: [&str; 2] = ["502", "503"];

pub(super) struct PruningFiles;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Case {
    merge_set_size_limit: u64,
    finality_depth: u64,
    blocks: Vec<Named>,
}

impl Suite for PruningFiles {
    fn name(&self) -> &'static str {
        "pruning"
    }

    fn claims(&self, name: &Path) -> bool {
        name.ends_with("pruning/dag-for-test-pruning.json")
    }

    fn run(&self, file: &File, report: &mut Report) {
        match serde_json::from_slice::<Case>(&file.bytes) {
            Ok(case) => report.case(file.name.display(), || check(&case)),
            Err(error) => report.unreadable = Some(format!("expected a DAG: {error}")),
        }
    }
}

fn check(case: &Case) -> Result<(), Mismatch> {
    let (limit, finality_depth) = (case.merge_set_size_limit, case.finality_depth);
    let k = u64::from(K);
    let mut built = Built::new(K, usize::try_from(limit).unwrap_or(usize::MAX));
    built.insert_all(&case.blocks)?;
    built.check_invariants()?;
    let genesis = built.find("0")?;
    let pruning_depth = 2 * finality_depth + 4 * limit * k + 2 * k + 2;
    let rules = PruningRules { pruning_depth, finality_depth, genesis };
    let mut points = PruningPoints::new();
    let mut current = genesis;
    let mut sink = genesis;
    for block in built.blocks() {
        let dag = &built.dag;
        let found = dag.ghostdag(block);
        let pruning = if block == genesis {
            ExpectedPruning { sample: genesis, point: genesis }
        } else {
            points.expect(dag, &found, &rules)
        };
        points.push(pruning);
        if dag.rank(block) > dag.rank(sink) {
            sink = block;
        }
        let moved = points.next(dag, &dag.ghostdag(sink), &rules, current);
        expect_eq("at most one epoch at once", true, moved.len() <= 1)?;
        if let Some(&point) = moved.last() {
            expect_eq("valid", true, PruningPoints::is_valid(dag, &rules, point, sink))?;
            let above = dag.reachability().is_chain_ancestor_of(current, point);
            expect_eq("never moves back or aside", true, above)?;
            current = point;
        }
    }
    let name = built.name(current);
    if EXPECTED.contains(&name.as_str()) {
        Ok(())
    } else {
        Err(Mismatch::new("pruning point", EXPECTED, name))
    }
}
