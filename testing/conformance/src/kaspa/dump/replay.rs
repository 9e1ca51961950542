//! A dump through the whole of consensus: headers, bodies, the virtual state.
//!
//! Every block is a case: it must be taken in. After each the virtual block is resolved, so that every block that was the sink of its
//! maker is a chain block here too, with its UTXO commitment, accepted ids, coinbase and scripts. The last case asks that the
//! chain reaches the highest header and that no block was found not to say what its past leads to.

use std::sync::Arc;

use quintet_kaspa_node::{
    consensus::{Consensus, ConsensusError, MemoryLedger, Options, Outcome},
    ports::{BlockStatus, Ledger},
};

use super::Dump;
use crate::{
    file::File,
    suite::{Mismatch, Report, expect_eq},
};

/// Replays a dump over a ledger in memory.
pub(super) fn run(file: &File, dump: &Dump, report: &mut Report) {
    over(file, dump, "in memory", Arc::new(MemoryLedger::new()), report);
}

/// Replays a dump over a ledger.
fn over(file: &File, dump: &Dump, place: &str, ledger: Arc<dyn Ledger>, report: &mut Report) {
    let name = format!("{} {place}", file.name.display());
    let Some((genesis, blocks)) = dump.blocks.split_first() else { return };
    let options = Options { threads: 1, clock: Arc::new(|| u64::MAX / 2), ..Options::default() };
    let mut opened = None;
    report.case(format!("{name} replay block 0"), || {
        expect_eq("genesis", genesis.hash, dump.params.genesis.header().hash())?;
        let consensus = Consensus::open(dump.params.clone(), options, ledger).map_err(broken)?;
        opened = Some(consensus);
        Ok(())
    });
    let Some(consensus) = opened else { return };
    for (index, dumped) in (1..).zip(blocks) {
        report.case(format!("{name} replay block {index}"), || {
            let outcome = consensus.submit_block(dumped.block.clone()).map_err(broken)?;
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

fn broken(error: ConsensusError) -> Mismatch {
    Mismatch::new("consensus", "to go on", error.to_string())
}
