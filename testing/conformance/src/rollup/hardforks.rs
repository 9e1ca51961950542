//! `hardforks`: upgrade transactions are byte-equal, and deploy the code the vectors hold.

use std::path::Path;

use alloy_primitives::Bytes;
use quintet_rollup_protocol::{config::Fork, upgrades};

use super::{is_in, own_name};
use crate::{
    field::bytes,
    file::File,
    suite::{Mismatch, Report, Suite, expect_eq},
};

pub(super) struct Upgrades;

/// Files of code, with the fork and the place of the transaction that deploys it.
const CODE: [(&str, Fork, usize); 9] = [
    ("l1_block_ecotone", Fork::Ecotone, 0),
    ("gpo_ecotone", Fork::Ecotone, 1),
    ("eip4788_ecotone", Fork::Ecotone, 5),
    ("gpo_fjord", Fork::Fjord, 0),
    ("l1_block_isthmus", Fork::Isthmus, 0),
    ("gpo_isthmus", Fork::Isthmus, 1),
    ("ofv_isthmus", Fork::Isthmus, 2),
    ("jovian-l1-block-deployment", Fork::Jovian, 0),
    ("crossl2inbox_interop", Fork::Lagoon, 0),
];

const FORKS: [(&str, Fork); 4] = [
    ("ecotone_tx_", Fork::Ecotone),
    ("fjord_tx_", Fork::Fjord),
    ("isthmus_tx_", Fork::Isthmus),
    ("interop_tx_", Fork::Lagoon),
];

impl Suite for Upgrades {
    fn name(&self) -> &'static str {
        "hardforks"
    }

    fn claims(&self, name: &Path) -> bool {
        is_in(name, "hardforks")
    }

    fn run(&self, file: &File, report: &mut Report) {
        report.case(file.name.display(), || check(file));
    }
}

fn check(file: &File) -> Result<(), Mismatch> {
    let name = own_name(&file.name).trim_end_matches(".hex");
    let text = String::from_utf8_lossy(&file.bytes);
    let content = Bytes::from(bytes("file", text.trim().trim_start_matches("0x"))?);
    let of = |fork: Fork, at: usize| {
        let found = upgrades::of_fork(fork).get(at);
        found.ok_or_else(|| Mismatch::new("transaction", format!("{fork:?} {at}"), "none"))
    };
    if let Some((_, fork, at)) = CODE.iter().find(|(file, ..)| *file == name) {
        let tx = of(*fork, *at)?;
        let holds = tx.windows(content.len()).any(|window| window == &content[..]);
        return expect_eq("code in the transaction", true, holds);
    }
    let (fork, number) = FORKS
        .iter()
        .find_map(|(prefix, fork)| Some((*fork, name.strip_prefix(prefix)?)))
        .ok_or_else(|| Mismatch::new("file", "code or a transaction of a known fork", name))?;
    let at = number.parse().map_err(|_| Mismatch::new("number", "digits", number))?;
    expect_eq("transaction", &content, of(fork, at)?)
}
