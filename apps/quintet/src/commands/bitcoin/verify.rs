//! `quintet bitcoin verify`.

use std::{ops::ControlFlow, time::Instant};

use quintet_bitcoin_node::{
    chain::{Chain, VerifyError, VerifyLevel, VerifyReport},
    storage::{COIN_TABLES, ENTRIES},
};
use serde_json::{Value, json};

use super::open::{self, Opened, Place};
use crate::{
    cli::VerifyArgs,
    exit::AlreadyTold,
    output::{self, Progress, Style, Table, paint, thousands},
    stop::{self, Stop},
};

/// What was found.
struct Found {
    chain: String,
    height: u32,
    blocks: Result<VerifyReport, VerifyError>,
    store: Option<StoreReport>,
    seconds: f64,
}

/// What was found in the store.
struct StoreReport {
    tables: Vec<(String, u64)>,
    problems: Vec<[String; 3]>,
    problems_total: u64,
}

impl Found {
    fn is_sound(&self) -> bool {
        self.blocks.is_ok() && self.store.as_ref().is_none_or(|store| store.problems_total == 0)
    }
}

pub(super) fn run(args: VerifyArgs) -> anyhow::Result<()> {
    let place = Place::find(&args.chain)?;
    let (json, level) = (args.chain.json, args.level);
    let found = stop::stoppable(move |stop| verify(place, &args, stop))?;
    if json {
        output::json(&to_json(&found, level))?;
    } else {
        tell(&found, level)?;
    }
    if found.is_sound() { Ok(()) } else { Err(AlreadyTold { usage: false }.into()) }
}

fn verify(place: Place, args: &VerifyArgs, stop: &Stop) -> anyhow::Result<Found> {
    let begun = Instant::now();
    let mut progress = open::progress(&args.chain)?;
    let Opened { mut chain, place, lock: _lock } =
        open::open_whole(place, &args.chain, &mut progress, stop)?;
    let store = if args.store { Some(check_store(&chain, &mut progress)?) } else { None };
    progress.busy("verifying blocks");
    let mut begin = true;
    let blocks = chain.verify(args.level, args.blocks, &mut |at| {
        if std::mem::take(&mut begin) {
            progress.begin(at.total);
        }
        progress.update(at.done, || format!("{} of {}", thousands(at.done), thousands(at.total)));
        if stop.is_requested() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    progress.finish();
    let chain_name = place.params.name.clone();
    let (height, seconds) = (chain.height(), begun.elapsed().as_secs_f64());
    Ok(Found { chain: chain_name, height, blocks, store, seconds })
}

fn check_store(chain: &Chain, progress: &mut Progress) -> anyhow::Result<StoreReport> {
    progress.busy("reading the store");
    let report = chain.storage().store().check_integrity(
        &[&ENTRIES, &COIN_TABLES.coins, &COIN_TABLES.head],
        &mut |records| {
            progress.still_busy(|| format!("reading the store: {} records", thousands(records)))
        },
    )?;
    let problems = report.problems.into_iter();
    let row = |key: Option<String>| key.unwrap_or_else(|| "-".to_owned());
    Ok(StoreReport {
        tables: report.tables,
        problems: problems.map(|found| [found.table, row(found.key), found.reason]).collect(),
        problems_total: report.problems_total,
    })
}

const fn name(level: VerifyLevel) -> &'static str {
    match level {
        VerifyLevel::Read => "read",
        VerifyLevel::Check => "check",
        VerifyLevel::Undo => "undo",
        VerifyLevel::Disconnect => "disconnect",
        VerifyLevel::Connect => "connect",
    }
}

fn to_json(found: &Found, level: VerifyLevel) -> Value {
    let report = found.blocks.as_ref().copied().unwrap_or_default();
    let store = found.store.as_ref().map(|store| {
        let tables: serde_json::Map<_, _> =
            store.tables.iter().map(|(name, records)| (name.clone(), json!(records))).collect();
        let problem = |[table, key, reason]: &[String; 3]| json!({ "table": table, "key": key, "reason": reason });
        json!({
            "tables": tables,
            "problems": store.problems.iter().map(problem).collect::<Vec<_>>(),
            "problems_total": store.problems_total,
        })
    });
    json!({
        "chain": found.chain,
        "sound": found.is_sound(),
        "error": found.blocks.as_ref().err().map(ToString::to_string),
        "level": name(level),
        "height": found.height,
        "blocks": report.blocks,
        "disconnected": report.disconnected,
        "scripts": report.scripts,
        "stopped": report.stopped,
        "store": store,
        "seconds": found.seconds,
    })
}

fn tell(found: &Found, level: VerifyLevel) -> anyhow::Result<()> {
    let blocks = match &found.blocks {
        Err(error) => paint(Style::Bad, &error.to_string()),
        Ok(report) => {
            let stopped = if report.stopped { ", stopped early" } else { "" };
            format!(
                "{} of {} at level {}, {} of them taken back, {} scripts run{stopped}: {}",
                thousands(u64::from(report.blocks)),
                thousands(u64::from(found.height)),
                name(level),
                thousands(u64::from(report.disconnected)),
                thousands(report.scripts),
                paint(Style::Good, "sound")
            )
        }
    };
    let mut rows = vec![("blocks", blocks)];
    if let Some(store) = &found.store {
        let records: u64 = store.tables.iter().map(|(_, records)| records).sum();
        let verdict = match store.problems_total {
            0 => paint(Style::Good, "sound"),
            n => paint(
                Style::Bad,
                &format!(
                    "{} damaged: build the index or the coins anew with `quintet bitcoin import --reindex`",
                    thousands(n)
                ),
            ),
        };
        rows.push(("store", format!("{} records: {verdict}", thousands(records))));
    }
    output::rows(rows)?;
    let Some(store) = found.store.as_ref().filter(|store| !store.problems.is_empty()) else {
        return Ok(());
    };
    let mut table = Table::new(["TABLE", "KEY", "REASON"]);
    for problem in &store.problems {
        table.row(problem.clone());
    }
    output::print(&table.render())
}
