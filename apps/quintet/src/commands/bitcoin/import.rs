//! `quintet bitcoin import`.

use std::{
    ops::ControlFlow,
    time::{Duration, Instant},
};

use quintet_bitcoin_node::{
    chain::{ImportProgress, ImportReport},
    storage::blk::BlkFiles,
};
use serde::Serialize;

use super::{
    open::{self, How, Opened, Place},
    pace::Pace,
    sources,
};
use crate::{
    cli::ImportArgs,
    exit::AlreadyTold,
    output::{self, Progress, Refusal, duration, thousands},
    stop::{self, Stop},
};

/// Why an import ended before the files did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum StoppedBy {
    Signal,
    Height,
}

/// What scripts are told.
#[derive(Debug, Serialize)]
struct Outcome {
    chain: String,
    data_dir: String,
    /// Height of the chain.
    blocks: u32,
    bestblockhash: String,
    transactions: u64,
    imported: Imported,
    seconds: f64,
    stopped: Option<StoppedBy>,
}

/// What the files held.
#[derive(Debug, Default, Serialize)]
struct Imported {
    files: usize,
    bytes: u64,
    blocks: u64,
    transactions: u64,
    already_there: u64,
    without_parent: u64,
    malformed: u64,
    refused: u64,
    /// The first of the refused blocks.
    refusals: Vec<Refusal>,
}

pub(super) fn run(args: ImportArgs) -> anyhow::Result<()> {
    let place = Place::find(&args.chain)?;
    let files = sources::find(&args.paths, &place.params)?;
    let json = args.chain.json;
    let outcome = stop::stoppable(move |stop| import(place, &files, &args, stop))?;
    if json {
        output::json(&outcome)?;
    } else {
        tell(&outcome)?;
    }
    if outcome.imported.refused > 0 {
        return Err(AlreadyTold { usage: false }.into());
    }
    Ok(())
}

fn import(
    place: Place,
    files: &BlkFiles,
    args: &ImportArgs,
    stop: &Stop,
) -> anyhow::Result<Outcome> {
    let begun = Instant::now();
    let mut progress = open::progress(&args.chain)?;
    let how =
        How { create: true, reindex: args.reindex, reindex_chainstate: args.reindex_chainstate };
    let Opened { mut chain, place, lock: _lock } =
        open::open(place, &args.chain, how, &mut progress, stop)?;
    progress.busy("looking through the files");
    let mut watch = Watch::new(&mut progress, stop, args.stop_at_height);
    let report = if stop.is_requested() {
        watch.stopped = Some(StoppedBy::Signal);
        ImportReport::default()
    } else if files.is_empty() {
        // Only our own files were to be read, and opening the chain has.
        ImportReport::default()
    } else {
        chain.import(files, open::now(), &mut |at| watch.on_block(at))?
    };
    let stopped = watch.stopped;
    progress.finish();
    Ok(Outcome {
        chain: place.params.name.clone(),
        data_dir: place.directory.display().to_string(),
        blocks: chain.height(),
        bestblockhash: chain.tip_hash().to_string(),
        transactions: chain.tx_count(),
        imported: Imported::new(files.len(), report),
        seconds: begun.elapsed().as_secs_f64(),
        stopped,
    })
}

/// Watches an import block by block.
struct Watch<'a> {
    progress: &'a mut Progress,
    stop: &'a Stop,
    stop_at_height: Option<u32>,
    begun: bool,
    pace: Pace,
    stopped: Option<StoppedBy>,
}

impl<'a> Watch<'a> {
    const fn new(progress: &'a mut Progress, stop: &'a Stop, stop_at_height: Option<u32>) -> Self {
        Self { progress, stop, stop_at_height, begun: false, pace: Pace::new(), stopped: None }
    }

    fn on_block(&mut self, at: &ImportProgress) -> ControlFlow<()> {
        if !self.begun {
            self.begun = true;
            self.progress.begin(at.bytes_total);
        }
        self.pace.sample(at);
        let pace = &self.pace;
        self.progress.update(at.bytes, || pace.line(at));
        self.stopped = if self.stop.is_requested() {
            self.progress
                .say("stopping: what was imported is being written; a second signal stops at once");
            Some(StoppedBy::Signal)
        } else if self.stop_at_height.is_some_and(|height| at.height >= height) {
            Some(StoppedBy::Height)
        } else {
            return ControlFlow::Continue(());
        };
        self.progress.busy("writing the coins");
        ControlFlow::Break(())
    }
}

impl Imported {
    fn new(files: usize, report: ImportReport) -> Self {
        let refusals = report.refused.into_iter();
        Self {
            files,
            bytes: report.progress.bytes,
            blocks: report.progress.blocks,
            transactions: report.progress.transactions,
            already_there: report.known,
            without_parent: report.orphans,
            malformed: report.malformed,
            refused: report.refused_count,
            refusals: refusals
                .map(|(hash, reason)| Refusal { hash: hash.to_string(), reason })
                .collect(),
        }
    }
}

fn tell(outcome: &Outcome) -> anyhow::Result<()> {
    let imported = &outcome.imported;
    let time = Duration::from_secs_f64(outcome.seconds);
    let mut rows = vec![
        ("chain", format!("{} in {}", outcome.chain, outcome.data_dir)),
        ("height", outcome.blocks.to_string()),
        ("tip", outcome.bestblockhash.clone()),
    ];
    if imported.files > 0 {
        rows.push((
            "imported",
            format!(
                "{} blocks, {} transactions in {}",
                thousands(imported.blocks),
                thousands(imported.transactions),
                duration(time)
            ),
        ));
    }
    for (name, count, meaning) in [
        ("known", imported.already_there, "blocks were there already"),
        (
            "orphans",
            imported.without_parent,
            "blocks build on blocks that are in none of the files: import those as well",
        ),
        ("malformed", imported.malformed, "records are no blocks"),
        ("refused", imported.refused, "blocks break a rule"),
    ] {
        if count > 0 {
            rows.push((name, format!("{} {meaning}", thousands(count))));
        }
    }
    if outcome.stopped == Some(StoppedBy::Signal) {
        rows.push(("stopped", "everything so far is kept; run it again to go on".to_owned()));
    }
    output::rows(rows)?;
    output::refusals(&imported.refusals)
}
