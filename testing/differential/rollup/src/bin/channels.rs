//! `channels --cases N --seed S`: derives random cases with both, and counts what differs.

use std::collections::BTreeMap;

use clap::Parser;
use differential_rollup::{Block, case, kona, ours};
use quintet_rollup_protocol::{batch::DropRule, config::Fork};

/// Derives random cases with this project and with kona, and compares every block.
#[derive(Debug, Parser)]
struct Arguments {
    /// Cases to derive.
    #[arg(long, default_value_t = 10_000)]
    cases: u64,
    /// Stops once this many batches were sent.
    #[arg(long)]
    batches: Option<u64>,
    /// Seed of the first case; the others follow.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Differences shown in full.
    #[arg(long, default_value_t = 5)]
    show: u64,
}

#[derive(Debug, Default)]
struct Totals {
    cases: u64,
    batches: u64,
    blocks: u64,
    reasons: BTreeMap<&'static str, u64>,
    differences: u64,
    forks: BTreeMap<String, u64>,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let mut totals = Totals::default();
    for seed in arguments.seed..arguments.seed + arguments.cases {
        let case = case::make(seed)?;
        let mine = ours::derive(&case.chain, &case.l1);
        let theirs = kona::derive(&case.chain, &case.l1, mine.systems.clone());
        totals.cases += 1;
        totals.batches += case.batches;
        totals.blocks += mine.blocks.len() as u64;
        *totals.forks.entry(format!("{:?}", case.fork)).or_default() += 1;
        let same =
            mine.blocks == theirs.blocks && mine.stopped.is_none() && theirs.stopped.is_none();
        if !same {
            match reason(&case, &mine, &theirs) {
                Some(reason) => *totals.reasons.entry(reason).or_default() += 1,
                None => {
                    totals.differences += 1;
                    if totals.differences <= arguments.show {
                        show(seed, &case, &mine, &theirs);
                    }
                }
            }
        }
        if arguments.batches.is_some_and(|enough| totals.batches >= enough) {
            break;
        }
    }
    println!("{totals:#?}");
    anyhow::ensure!(totals.differences == 0, "{} differences", totals.differences);
    Ok(())
}

/// Returns the written reason for which two derivations may differ.
fn reason(case: &case::Case, mine: &ours::Derived, theirs: &kona::Derived) -> Option<&'static str> {
    if mine.stats.skipped_batches > 0 {
        // op-node goes on with the next batch of the channel where it finds a span's transactions malformed, or a span batch
        // before Delta; kona goes on with the next channel.
        return Some("a span that cannot be built: op-node goes on in the channel, kona behind it");
    }
    let mismatch = mine.stats.dropped_batches.contains_key(&DropRule::ParentMismatch);
    if case.fork >= Fork::Holocene && mismatch {
        // The specification drops a batch on another parent, in every fork.
        return Some("kona's stage of Holocene puts the safe head for a singular batch's parent");
    }
    if case.fork >= Fork::Holocene && mine.stats.dropped_frames > 0 {
        // kona's assembler asks for no order among the frames of different transactions.
        return Some("frames out of order over several transactions: kona takes them in Holocene");
    }
    if case.fork >= Fork::Holocene && is_late(mine, theirs) {
        // Where a span is dropped, op-node's `BatchStage` says that there is not enough data yet and is asked again; kona's `BatchStream` says
        // that the L1 block is at its end. kona then fills a sequencing window that closes with this L1 block with empty blocks, though the
        // block may hold another channel, or goes on to the next L1 block and reads what it left as if it were in there, with all that
        // follows a block late from then on. The specification drops "the remaining span batch" and no more.
        return Some("a dropped span ends the L1 block for kona: what is behind it comes too late");
    }
    None
}

/// Returns whether the first difference can come of this: we derived a block from an L1 block in or behind one in which a batch was dropped,
/// while kona derived it later, or an empty one in its place, or none before its L1 ended; or kona derived a full one behind an empty one that
/// it made too early, with the channel behind the drop, which for us came before its time.
fn is_late(mine: &ours::Derived, theirs: &kona::Derived) -> bool {
    let at = mine.blocks.iter().zip(&theirs.blocks).take_while(|(a, b)| a == b).count();
    let Some(ours) = mine.blocks.get(at) else { return false };
    let is_empty = |block: &Block| block.transactions.iter().all(|tx| tx.first() == Some(&0x7e));
    let is_late = theirs.blocks.get(at).is_none_or(|kona| {
        let in_place = kona.derived_from == ours.derived_from && is_empty(kona);
        kona.derived_from > ours.derived_from || in_place
    });
    let before = at.checked_sub(1).and_then(|before| mine.blocks.get(before));
    let behind_empty = is_empty(ours)
        && before.is_some_and(|before| {
            is_empty(before) && mine.dropped_in.contains(&before.derived_from)
        });
    behind_empty || (is_late && mine.dropped_in.range(..=ours.derived_from).next().is_some())
}

fn show(seed: u64, case: &case::Case, mine: &ours::Derived, theirs: &kona::Derived) {
    let at = mine.blocks.iter().zip(&theirs.blocks).take_while(|(a, b)| a == b).count();
    println!(
        "seed {seed}, {:?}: ours {} blocks ({:?}), kona {} blocks ({:?}), equal up to {at}",
        case.fork,
        mine.blocks.len(),
        mine.stopped,
        theirs.blocks.len(),
        theirs.stopped
    );
    let brief = |block: Option<&differential_rollup::Block>| {
        block.map(|b| {
            (b.timestamp, b.derived_from, b.transactions.len(), b.eip1559_params, b.gas_limit)
        })
    };
    println!("  ours {:?}\n  kona {:?}", brief(mine.blocks.get(at)), brief(theirs.blocks.get(at)));
    println!("  {:?}", mine.stats);
}
