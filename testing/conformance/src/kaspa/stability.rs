//! `stability/*.json`: large DAGs, long chains and the switch from one long chain to a longer one.

use std::path::Path;

use super::topology::{Blocks, Built, Named};
use crate::{
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq},
};

/// Blocks of a file whose pasts are searched, each against all others.
const SEARCHED: usize = 24;

/// The larger of the two long chains, which replaces the other.
const LONGER: &str = "100070-chain.json";
const LONG: &str = "100000-chain.json";

pub(super) struct StabilityFiles;

impl Suite for StabilityFiles {
    fn name(&self) -> &'static str {
        "stability"
    }

    fn claims(&self, name: &Path) -> bool {
        name.parent().is_some_and(|folder| folder.ends_with("stability"))
            && crate::suite::is_json_named(name, "")
    }

    fn run(&self, file: &File, report: &mut Report) {
        let Some((_, blocks)) = Built::of_file(file, SEARCHED, report) else { return };
        if file.own_name() == LONGER {
            let name = format!("{}: replaces {LONG}", file.name.display());
            report.case(name, || check_switch(file, &blocks));
        }
    }
}

/// Inserts both chains over one genesis: the tip must change to the longer one, and both must stay known.
fn check_switch(file: &File, longer: &[Named]) -> Result<(), Mismatch> {
    let other = file.other(|name| name.ends_with(LONG));
    let other = other.and_then(|file| serde_json::from_slice::<Blocks>(&file.bytes).ok());
    let Some(long) = other.map(Blocks::into_list) else {
        return Err(Mismatch::new("the other chain", LONG, "no such file"));
    };
    let mut built = Built::new(18, usize::MAX);
    let mut tips = Vec::new();
    for (chain, blocks) in [("a", &long[..]), ("b", longer)] {
        let mut tip = "genesis".to_owned();
        if built.find(&tip).is_err() {
            built.insert(&tip, &[])?;
        }
        for number in 1..blocks.len() {
            let next = format!("{chain}{number}");
            built.insert(&next, &[tip])?;
            tip = next;
        }
        tips.push(built.find(&tip)?);
    }
    let reachability = built.dag.reachability();
    expect_eq("unrelated", false, reachability.is_dag_ancestor_of(tips[0], tips[1]))?;
    let found = built.virtual_block()?;
    expect_eq("selected tip", tips[1], found.selected_parent)?;
    expect_eq("blues: the selected tip alone", 1, found.blues.len().min(2))?;
    expect_eq("the other chain is merged whole", long.len() - 1, found.mergeset_size() - 1)?;
    tips.iter().try_for_each(|&tip| built.check_past(tip))
}
