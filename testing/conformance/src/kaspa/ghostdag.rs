//! `ghostdag/dag*.json`: selected parent, ordered blues and reds, and blue score of every block.

use std::path::Path;

use serde::Deserialize;

use super::topology::Built;
use crate::{
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq},
};

pub(super) struct GhostdagFiles;

/// A DAG and what its blocks should be.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Case {
    k: u16,
    #[serde(rename = "GenesisID")]
    genesis: String,
    blocks: Vec<Block>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Block {
    #[serde(rename = "ID")]
    id: String,
    expected_score: u64,
    expected_selected_parent: String,
    expected_reds: Vec<String>,
    expected_blues: Vec<String>,
    parents: Vec<String>,
}

impl Suite for GhostdagFiles {
    fn name(&self) -> &'static str {
        "ghostdag"
    }

    fn claims(&self, name: &Path) -> bool {
        name.parent().is_some_and(|folder| folder.ends_with("ghostdag"))
            && crate::suite::is_json_named(name, "dag")
    }

    fn run(&self, file: &File, report: &mut Report) {
        let case: Case = match serde_json::from_slice(&file.bytes) {
            Ok(case) => case,
            Err(error) => {
                report.unreadable = Some(format!("expected a DAG: {error}"));
                return;
            }
        };
        let mut built = Built::new(case.k, usize::MAX);
        if let Err(mismatch) = built.insert(&case.genesis, &[]) {
            report.case(file.name.display(), || Err(mismatch));
            return;
        }
        for block in &case.blocks {
            report
                .case(format!("{}:{}", file.name.display(), block.id), || check(&mut built, block));
        }
    }
}

fn check(built: &mut Built, expected: &Block) -> Result<(), Mismatch> {
    let block = built.insert(&expected.id, &expected.parents)?;
    let names = |blocks: &[_]| blocks.iter().map(|&block| built.name(block)).collect::<Vec<_>>();
    let dag = &built.dag;
    let selected = built.name(dag.selected_parent(block));
    expect_eq("selected parent", &expected.expected_selected_parent, &selected)?;
    expect_eq("blues", &expected.expected_blues, &names(dag.blues(block)))?;
    expect_eq("reds", &expected.expected_reds, &names(dag.reds(block)))?;
    expect_eq("blue score", expected.expected_score, dag.blue_score(block))
}
