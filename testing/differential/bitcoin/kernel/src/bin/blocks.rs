//! Are the same blocks refused as by Bitcoin Core, for the same reasons?
//!
//! Two chains, one with true signatures and one whose outputs anyone can spend (so that a change breaks nothing but the
//! rule it is meant for), block by block: broken copies of the next block first, then the block itself.

use std::{collections::BTreeMap, process::ExitCode};

use bench::bitcoin_chain::{Maker, Mode, Plan, SplitMix};
use bitcoin::{Block, OutPoint, consensus::serialize, hex::DisplayHex as _};
use clap::Parser;
use judge_kernel::{BREAKS, Chainstate, Ledger, Outcome, Repair, broken};

/// Outputs of earlier blocks that are remembered, to be spent too early or again.
const OLD_MAX: usize = 2_000;
/// Bytes of a block that is printed.
const PRINTED_BYTES_MAX: usize = 20_000;
/// Of several scripts that fail, any may be named: they run on any thread. Compared up to here.
const SCRIPT_FAILED: &str = "block-script-verify-flag-failed";

/// Compares block validation with Bitcoin Core's kernel.
#[derive(Debug, Parser)]
struct Arguments {
    /// Broken copies of each block.
    #[arg(long, default_value_t = 100)]
    cases: u32,
    /// Transactions of each chain.
    #[arg(long, default_value_t = 2_000)]
    transactions: u64,
    /// Where randomness begins.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Prints every case.
    #[arg(long)]
    verbose: bool,
}

/// A broken copy of a block.
struct Case {
    name: &'static str,
    repair: Repair,
    bytes: Vec<u8>,
}

#[derive(Debug, Default)]
struct Count {
    cases: u64,
    valid: u64,
    verdicts_differ: u64,
    reasons_differ: u64,
}

struct Run {
    kernel: Chainstate,
    ledger: Ledger,
    random: SplitMix,
    old: Vec<OutPoint>,
    counts: BTreeMap<&'static str, Count>,
    verbose: bool,
}

impl Run {
    /// Tries broken copies of the next block: first all that should be refused, then one that should not.
    ///
    /// One only, because it stands where the block would: Bitcoin Core does not look at another of the same work, and
    /// whatever follows is a reorganisation away from it.
    fn broken(&mut self, block: &Block, cases: u32) -> anyhow::Result<()> {
        let mut harmless = None;
        for _ in 0..cases {
            let way = &BREAKS[self.random.index(BREAKS.len())];
            let (broken, repair) = broken(block, way, &mut self.random, &self.old)?;
            if broken == *block {
                continue;
            }
            let case = Case { name: way.name, repair, bytes: serialize(&broken) };
            match self.ledger.check(&case.bytes, false) {
                Ok(()) => harmless = Some(case),
                ours => {
                    if self.ask(&case, &ours) == Outcome::Connected {
                        return Ok(());
                    }
                }
            }
        }
        if let Some(case) = harmless {
            self.ask(&case, &Ok(()));
        }
        Ok(())
    }

    fn ask(&mut self, case: &Case, ours: &Result<(), String>) -> Outcome {
        let Case { name, repair, bytes } = case;
        let theirs = self.kernel.process(bytes);
        let differs = self.count(name, ours, &theirs);
        if self.verbose || differs {
            println!("{name} ({repair:?}): quintet {ours:?}, kernel {theirs:?}");
        }
        if differs && bytes.len() < PRINTED_BYTES_MAX {
            println!("  {}", bytes.as_hex());
        }
        theirs
    }

    /// Counts a case; returns whether the two differ.
    fn count(&mut self, name: &'static str, ours: &Result<(), String>, theirs: &Outcome) -> bool {
        let count = self.counts.entry(name).or_default();
        count.cases += 1;
        let (verdict, reason) = match (ours, theirs) {
            (Ok(()), Outcome::Connected) => {
                count.valid += 1;
                (true, true)
            }
            (Err(reason), Outcome::Refused(said)) => {
                let reason = if reason.starts_with(SCRIPT_FAILED) { SCRIPT_FAILED } else { reason };
                // A header refused once is refused again for that alone.
                (true, said.starts_with(reason) || said.starts_with("duplicate-invalid"))
            }
            (Err(reason), Outcome::NotABlock) => (true, reason.starts_with("not a block")),
            // Bitcoin Core does not look further at what it has, or at what has no more work than its chain.
            (_, Outcome::Stored) => (true, true),
            _ => (false, false),
        };
        count.verdicts_differ += u64::from(!verdict);
        count.reasons_differ += u64::from(verdict && !reason);
        !verdict || !reason
    }

    fn valid(&mut self, block: &Block) {
        let bytes = serialize(block);
        let ours = self.ledger.check(&bytes, true);
        let theirs = self.kernel.process(&bytes);
        if self.count("valid, as made", &ours, &theirs) {
            println!("a block as it was made: quintet {ours:?}, kernel {theirs:?}");
        }
        for tx in &block.txdata {
            let outpoint = OutPoint { txid: tx.compute_txid(), vout: 0 };
            if self.old.len() < OLD_MAX {
                self.old.push(outpoint);
            } else {
                let at = self.random.index(OLD_MAX);
                self.old[at] = outpoint;
            }
        }
    }
}

fn main() -> anyhow::Result<ExitCode> {
    let arguments = Arguments::parse();
    let mut bad = 0;
    for mode in [Mode::Mixed, Mode::Trivial] {
        let folder = tempfile::tempdir()?;
        let seed = arguments.seed;
        let mut run = Run {
            // With a worker, scripts are answered for after all else, as in any real node.
            kernel: Chainstate::open(folder.path(), 1, true)?,
            ledger: Ledger::new(),
            random: SplitMix::new(seed),
            old: Vec::new(),
            counts: BTreeMap::new(),
            verbose: arguments.verbose,
        };
        let transactions = arguments.transactions;
        let plan = Plan { seed, transactions, block_transactions: 50, mode, mix: None };
        let mut maker = Maker::new(plan)?;
        while let Some(made) = maker.next_block()? {
            // The first hundred have coinbases alone: a few copies of each will do.
            let cases = if made.height <= 100 { arguments.cases / 20 } else { arguments.cases };
            run.broken(&made.block, cases)?;
            run.valid(&made.block);
        }
        println!("{mode:?}: height {}, {} coins", run.kernel.height(), run.ledger.coins());
        println!(
            "{:<36} {:>8} {:>8} {:>9} {:>9}",
            "change", "cases", "valid", "verdicts", "reasons"
        );
        for (name, count) in &run.counts {
            let Count { cases, valid, verdicts_differ, reasons_differ } = count;
            println!("{name:<36} {cases:>8} {valid:>8} {verdicts_differ:>9} {reasons_differ:>9}");
            bad += verdicts_differ + reasons_differ;
        }
    }
    println!("{bad} differ");
    Ok(if bad == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
