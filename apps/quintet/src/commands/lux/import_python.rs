//! `quintet lux import-python`: blocks and state of the old Python node in, a genesis file out.
//!
//! # Invariants
//!
//! - The file is there whole or not at all: it is written beside its place and then moved there.
//! - Nothing is written before everything was verified.

use std::{
    fs::File,
    io::{BufReader, Read as _, Write as _},
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail};
use quintet_lux_node::python::{
    CONFIG_BYTES_MAX, CarryOptions, Documents, Imported, Importer, PythonConfig, Report, State,
};
use serde::Serialize;

use crate::{
    cli::ImportPythonArgs,
    dev_chain::clock,
    exit::UsageError,
    output::{self, Progress, size, thousands},
    stop::{self, Stop},
};

/// Bytes asked of the system at once.
const READ_BYTES: usize = 1 << 20;

/// Things left behind that are shown; all that are known are in the JSON.
const SHOWN_MAX: usize = 20;

/// What scripts are told.
#[derive(Serialize)]
struct Outcome {
    out: PathBuf,
    #[serde(flatten)]
    report: Report,
}

pub(super) fn run(args: ImportPythonArgs) -> anyhow::Result<()> {
    if args.out.exists() && !args.force {
        let out = args.out.display();
        return Err(UsageError::new(format!("--out {out}: is there already, see --force")).into());
    }
    let json = args.json;
    let outcome = stop::stoppable(move |stop| import(&args, stop))?;
    if json { output::json(&outcome) } else { tell(&outcome) }
}

fn import(args: &ImportPythonArgs, stop: &Stop) -> anyhow::Result<Outcome> {
    let mut progress = Progress::new(args.quiet);
    let config = args.began_from.as_deref().map(read_config).transpose()?;
    let mut importer = Importer::new(config, args.chain_id, clock());
    let bytes = |path: &PathBuf| {
        Ok(std::fs::metadata(path).with_context(|| path.display().to_string())?.len())
    };
    let sizes = args.blocks.iter().map(bytes).collect::<anyhow::Result<Vec<u64>>>()?;
    progress.begin(sizes.iter().sum());
    let mut before = 0;
    for (path, bytes) in args.blocks.iter().zip(sizes) {
        take(path, before, &mut importer, &mut progress, stop)?;
        before += bytes;
    }
    progress.busy("checking the state");
    let dump = args.state.as_deref().map(read_state).transpose()?;
    let options = CarryOptions { chain_id: args.chain_id, leave_behind: args.leave_behind };
    let Imported { genesis, report } = importer.finish(dump, &options)?;
    write(&args.out, &genesis).with_context(|| format!("--out {}", args.out.display()))?;
    progress.finish();
    Ok(Outcome { out: args.out.clone(), report })
}

/// Takes in the blocks of a file.
fn take(
    path: &Path,
    before: u64,
    importer: &mut Importer,
    progress: &mut Progress,
    stop: &Stop,
) -> anyhow::Result<()> {
    let named = || path.display().to_string();
    let file = File::open(path).with_context(named)?;
    let mut documents = Documents::new(BufReader::with_capacity(READ_BYTES, file));
    while let Some(json) = documents.next_object().with_context(named)? {
        importer.block(json).with_context(named)?;
        if stop.is_requested() {
            bail!("stopped; nothing was written");
        }
        progress.update(before.saturating_add(documents.bytes_read()), || {
            let height = importer.head().map_or(0, |(height, _)| height);
            format!("block {}", thousands(height))
        });
    }
    Ok(())
}

fn read_config(path: &Path) -> anyhow::Result<PythonConfig> {
    let named = || format!("--began-from {}", path.display());
    let mut json = Vec::new();
    let file = File::open(path).with_context(named)?;
    // One byte more than may be, so that too much is noticed.
    file.take(CONFIG_BYTES_MAX + 1).read_to_end(&mut json).with_context(named)?;
    PythonConfig::read(&json).with_context(named)
}

fn read_state(path: &Path) -> anyhow::Result<State> {
    let named = || format!("--state {}", path.display());
    let file = File::open(path).with_context(named)?;
    State::read(&mut Documents::new(BufReader::with_capacity(READ_BYTES, file))).with_context(named)
}

fn write(path: &Path, genesis: &impl Serialize) -> anyhow::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let mut file = tempfile::Builder::new()
        .prefix(".genesis-")
        .tempfile_in(folder.unwrap_or_else(|| Path::new(".")))?;
    {
        let mut writer = std::io::BufWriter::new(file.as_file_mut());
        serde_json::to_writer_pretty(&mut writer, genesis)?;
        writer.write_all(b"\n")?;
        writer.flush()?;
    }
    file.as_file().sync_all()?;
    file.persist(path)?;
    Ok(())
}

fn tell(outcome: &Outcome) -> anyhow::Result<()> {
    let Outcome { out, report } = outcome;
    let mut rows = vec![
        (
            "verified",
            format!(
                "{} blocks with {} transactions, up to {} {}",
                thousands(report.blocks),
                thousands(report.transactions),
                report.height,
                report.hash
            ),
        ),
        ("state", report.state_root.to_string()),
        (
            "carried",
            format!(
                "{} accounts ({} contracts) with {} wei",
                thousands(report.accounts),
                thousands(report.contracts),
                report.supply
            ),
        ),
        (
            "genesis",
            format!("{} of chain {}, in {}", report.genesis_hash, report.chain_id, out.display()),
        ),
    ];
    let counted = [
        (
            "paid out",
            report.stakes,
            format!("stakes, {} wei: who wants to stake stakes anew", report.stakes_paid),
        ),
        ("paid out", report.rewards, format!("rewards, {} wei", report.rewards_paid)),
        (
            "unproven",
            report.blocks_unproven,
            "blocks whose signature proves nothing: they name no address".to_owned(),
        ),
        (
            "no effect",
            report.without_effect,
            "transactions that the old node took without carrying them out".to_owned(),
        ),
        (
            "validators",
            report.validators.len() as u64,
            "of the old chain, who are none on the new one".to_owned(),
        ),
        ("left", report.left, "things left behind".to_owned()),
    ];
    for (name, count, meaning) in counted {
        if count > 0 {
            rows.push((name, format!("{} {meaning}", thousands(count))));
        }
    }
    rows.push(("file", size(std::fs::metadata(out)?.len())));
    output::rows(rows)?;
    for left in report.left_behind.iter().take(SHOWN_MAX) {
        output::line(format!("{}: {} left behind: {}", left.key, left.what, left.reason))?;
    }
    if report.left > SHOWN_MAX as u64 {
        output::line("the others are told with --json")?;
    }
    Ok(())
}
