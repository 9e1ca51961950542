//! `reachability/*.json`: DAGs made to strain reachability, answered against a search of the graph.

use std::path::Path;

use super::topology::Built;
use crate::{
    file::File,
    suite::{Mismatch, Report, Suite},
};

/// Blocks of a file whose pasts are searched, each against all others.
const SEARCHED: usize = 256;

pub(super) struct ReachabilityFiles;

impl Suite for ReachabilityFiles {
    fn name(&self) -> &'static str {
        "reachability"
    }

    fn claims(&self, name: &Path) -> bool {
        name.parent().is_some_and(|folder| folder.ends_with("reachability"))
            && crate::suite::is_json_named(name, "")
    }

    fn run(&self, file: &File, report: &mut Report) {
        if let Some((mut built, _)) = Built::of_file(file, SEARCHED, report) {
            let name = file.name.display();
            report.case(format!("{name}: after deletions"), || check_deletions(&mut built));
        }
    }
}

/// Deletes the older half, but for one block in seven, and asks again.
fn check_deletions(built: &mut Built) -> Result<(), Mismatch> {
    let half: Vec<_> = built.blocks().take(built.dag.len() / 2).collect();
    for &block in half.iter().filter(|block| block.number() % 7 != 0) {
        built.dag.delete(block);
    }
    let reachability = built.dag.reachability();
    let left: Vec<_> = built.blocks().filter(|&block| reachability.has(block)).collect();
    for &block in left.iter().step_by((left.len() / 64).max(1)) {
        let past = built.searched_past(block);
        for &other in &left {
            let actual = reachability.is_dag_ancestor_of(other, block);
            if past[other.row()] != actual {
                let what = format!("{} in past of {}", other.number(), block.number());
                return Err(Mismatch::new(what, past[other.row()], actual));
            }
        }
    }
    Ok(())
}
