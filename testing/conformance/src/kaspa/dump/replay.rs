//! A dump through the whole of consensus: headers, bodies, the virtual state.
//!
//! Every block is a case: it must be taken in. The virtual block is resolved after each, of long dumps after a few, so that chain blocks show
//! their UTXO commitment, accepted ids, coinbase and scripts. The last case asks that the chain reaches the highest header.
//!
//! Short dumps go through the ledger on disk as well.

use std::sync::Arc;

use quintet_kaspa_node::{
    consensus::{Consensus, ConsensusError, MemoryLedger, Options, Outcome},
    ports::{BlockStatus, Ledger},
    storage::{DiskLedger, StorageOptions},
};

use super::Dump;
use crate::{
    file::File,
    suite::{Mismatch, Report, expect_eq},
};

/// Blocks from which on a dump is long.
const LONG: usize = 1000;

/// Blocks of a long dump after which the virtual block is resolved.
const RESOLVE_EVERY: usize = 16;

/// Replays a dump.
pub(super) fn run(file: &File, dump: &Dump, report: &mut Report) {
    over(file, dump, "in memory", Arc::new(MemoryLedger::new()), report);
    if dump.blocks.len() < LONG {
        on_disk(file, dump, report);
    }
}

fn on_disk(file: &File, dump: &Dump, report: &mut Report) {
    let genesis = dump.params.genesis.header().hash();
    let mut opened = None;
    report.case(format!("{} on disk", file.name.display()), || {
        let failed = |error: &dyn std::error::Error| {
            Mismatch::new("ledger", "to be opened", error.to_string())
        };
        let directory = tempfile::tempdir().map_err(|error| failed(&error))?;
        let options = StorageOptions::new([1, 2]);
        let ledger = DiskLedger::open(directory.path(), &genesis, &options)
            .map_err(|error| failed(&error))?;
        opened = Some((directory, Arc::new(ledger)));
        Ok(())
    });
    if let Some((_directory, ledger)) = opened {
        over(file, dump, "on disk", ledger, report);
    }
}

/// Replays a dump over a ledger.
fn over(file: &File, dump: &Dump, place: &str, ledger: Arc<dyn Ledger>, report: &mut Report) {
    let name = format!("{} {place}", file.name.display());
    let Some((genesis, blocks)) = dump.blocks.split_first() else { return };
    let options = Options { threads: 1, clock: Arc::new(|| u64::MAX / 2), ..Options::default() };
    let mut opened = None;
    report.case(format!("{name} replay block 0"), || {
        expect_eq("genesis", genesis.hash, dump.params.genesis.header().hash())?;
        let consensus = Consensus::open(dump.params.clone(), options, ledger)
            .map_err(|error| broken(&error))?;
        opened = Some(consensus);
        Ok(())
    });
    let Some(consensus) = opened else { return };
    for (index, dumped) in (1..).zip(blocks) {
        report.case(format!("{name} replay block {index}"), || {
            let block = dumped.block.clone();
            let outcome =
                if blocks.len() < LONG || index % RESOLVE_EVERY == 0 || index == blocks.len() {
                    consensus.submit_block(block)
                } else {
                    consensus.submit_body(block)
                };
            let outcome = outcome.map_err(|error| broken(&error))?;
            match outcome {
                Outcome::Accepted(BlockStatus::UtxoValid | BlockStatus::BodyPending) => Ok(()),
                other => {
                    let reason = consensus.disqualification(&dumped.hash);
                    Err(Mismatch::new("block", "accepted", format!("{other:?} {reason:?}")))
                }
            }
        });
    }
    report.case(format!("{name} replay end"), || {
        let (tip, _) = consensus.header_tip();
        expect_eq("sink", tip, consensus.sink())?;
        expect_eq("status of the sink", Some(BlockStatus::UtxoValid), consensus.status(&tip))
    });
}

fn broken(error: &ConsensusError) -> Mismatch {
    Mismatch::new("consensus", "to go on", error.to_string())
}
