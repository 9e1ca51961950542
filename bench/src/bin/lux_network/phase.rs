//! One pace for one time on a running network, and what came of it.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use bench::{eth_load::Key, process::Process};

use crate::{
    load::{Load, Pace, Sent, send_all},
    network::Network,
    watch::{Progress, Seen, watch},
};

/// Time without another final transaction after which those that are left are given up, and slots of it at least.
const PATIENCE: Duration = Duration::from_secs(15);
const PATIENCE_SLOTS: u32 = 10;

/// What was seen at one pace.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// Asked for, a second; none where as many were sent as were taken.
    pub(crate) asked: Option<u32>,
    pub(crate) sent: usize,
    pub(crate) sent_a_second: f64,
    pub(crate) refused: usize,
    pub(crate) reason: Option<String>,
    /// Transactions that were sent and did not become final in time.
    pub(crate) lost: usize,
    pub(crate) final_a_second: f64,
    /// From a transaction's submission until it was in a block, and until that was final: sorted, milliseconds.
    pub(crate) included_ms: Vec<f64>,
    pub(crate) final_ms: Vec<f64>,
    pub(crate) blocks: usize,
    pub(crate) slots: u64,
    pub(crate) fullest: usize,
    /// From the begin of a slot until its block was seen: sorted, milliseconds.
    pub(crate) slot_used_ms: Vec<f64>,
    /// Processor seconds of each validator, and of this program.
    pub(crate) cpu: Vec<f64>,
    pub(crate) own_cpu: f64,
    pub(crate) seconds: f64,
    /// Most of any validator, MiB: resident at the end, at most, its own at the end.
    pub(crate) rss: f64,
    pub(crate) peak: f64,
    pub(crate) own: f64,
}

/// What is to be done.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) pace: Pace,
    pub(crate) time: Duration,
    pub(crate) batch: usize,
    /// Most that are sent.
    pub(crate) most: usize,
}

/// Does it.
pub(crate) fn run(network: &Network, keys: &mut [Key], plan: Plan) -> anyhow::Result<Outcome> {
    let load = Load::sign(keys, plan.most, network.validators.len())?;
    for node in &network.validators {
        node.process().forget_peak()?;
    }
    let (progress, stop) = (Progress::default(), AtomicBool::new(false));
    let (cpu, own) = (network.cpu_seconds()?, Process::own().cpu_seconds()?);
    let begun = Instant::now();
    let (sent, took, seen) = thread::scope(|scope| {
        let watching = scope.spawn(|| watch(network, &stop, &progress));
        let sent = send_all(network, &load, (plan.pace, plan.time, plan.batch), &progress);
        let took = begun.elapsed();
        if let Ok(sent) = &sent {
            drain(network, sent.times.len(), &progress);
        }
        stop.store(true, Ordering::Relaxed);
        let seen = watching.join().map_err(|_| anyhow::anyhow!("the watcher panicked"))??;
        anyhow::Ok((sent?, took, seen))
    })?;
    load.rewind(keys, &sent);
    let mut outcome = judge(&sent, seen.values());
    outcome.asked = match plan.pace {
        Pace::Rate(rate) => Some(rate),
        Pace::Window(_) => None,
    };
    outcome.sent_a_second = count(outcome.sent) / took.as_secs_f64();
    outcome.seconds = begun.elapsed().as_secs_f64();
    let after = network.cpu_seconds()?;
    outcome.cpu = after.iter().zip(&cpu).map(|(after, before)| after - before).collect();
    outcome.own_cpu = Process::own().cpu_seconds()? - own;
    for node in &network.validators {
        let process = node.process();
        outcome.rss = outcome.rss.max(process.rss_mib()?);
        outcome.peak = outcome.peak.max(process.peak_mib()?);
        outcome.own = outcome.own.max(process.own_mib()?);
    }
    Ok(outcome)
}

/// Waits until all that were sent are final, or no more become so.
fn drain(network: &Network, sent: usize, progress: &Progress) {
    let slots = Duration::from_millis(network.slot_millis) * PATIENCE_SLOTS;
    let (mut known, mut since) = (0, Instant::now());
    while known < sent && since.elapsed() < PATIENCE.max(slots) {
        let now = progress.finalised.load(Ordering::Relaxed);
        if now > known {
            (known, since) = (now, Instant::now());
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// Compares what was sent with the blocks that were seen.
fn judge<'a>(sent: &Sent, seen: impl Iterator<Item = &'a Seen>) -> Outcome {
    let (mut included_ms, mut final_ms, mut slot_used_ms) = (Vec::new(), Vec::new(), Vec::new());
    let mut last = None;
    let (mut blocks, mut slots, mut fullest) = (0, Vec::new(), 0);
    for block in seen {
        let ours = block.transactions.iter().filter_map(|hash| sent.times.get(hash));
        let ours: Vec<Instant> = ours.copied().collect();
        if ours.is_empty() {
            continue;
        }
        (blocks, fullest) = (blocks + 1, fullest.max(ours.len()));
        slots.push(block.slot);
        slot_used_ms.push(millis(Duration::from_millis(block.slot_used)));
        included_ms
            .extend(ours.iter().map(|from| millis(block.at.saturating_duration_since(*from))));
        if let Some(at) = block.final_at {
            final_ms.extend(ours.iter().map(|from| millis(at.saturating_duration_since(*from))));
            last = last.max(Some(at));
        }
    }
    let slots =
        slots.iter().max().zip(slots.iter().min()).map_or(0, |(last, first)| last - first + 1);
    for times in [&mut included_ms, &mut final_ms, &mut slot_used_ms] {
        times.sort_unstable_by(f64::total_cmp);
    }
    Outcome {
        asked: None,
        sent: sent.times.len(),
        sent_a_second: 0.0,
        refused: sent.refused,
        reason: sent.reason.clone(),
        lost: sent.times.len().saturating_sub(final_ms.len()),
        final_a_second: pace(sent, last, &final_ms),
        included_ms,
        final_ms,
        blocks,
        slots,
        fullest,
        slot_used_ms,
        cpu: Vec::new(),
        own_cpu: 0.0,
        seconds: 0.0,
        rss: 0.0,
        peak: 0.0,
        own: 0.0,
    }
}

/// Transactions a second: all that became final, over the time from the first submission to the last finality less what finality takes at
/// least. That is by up to a slot too long, so the rate is rather too low.
fn pace(sent: &Sent, last: Option<Instant>, final_ms: &[f64]) -> f64 {
    let (Some(first), Some(last)) = (sent.times.values().min(), last) else { return 0.0 };
    let least = final_ms.first().copied().unwrap_or_default();
    let time = last.saturating_duration_since(*first).as_secs_f64() - least / 1e3;
    if time > 0.0 { count(final_ms.len()) / time } else { 0.0 }
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// A count as a number that can be divided.
pub(crate) fn count(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

/// The value that so many hundredths of all are at most; they are sorted.
pub(crate) fn percentile(sorted: &[f64], hundredths: usize) -> f64 {
    let at = sorted.len().saturating_sub(1) * hundredths / 100;
    sorted.get(at).copied().unwrap_or_default()
}

impl Outcome {
    /// Whether what was asked for was taken, and became final as soon as it does on a network that has little to do.
    pub(crate) fn is_kept_up(&self, slot_millis: u64) -> bool {
        /// Part of what was asked for that must have been taken in time.
        const ENOUGH: f64 = 0.95;
        /// Slots in which nearly all must be final, and milliseconds beside.
        const SLOTS: u32 = 4;
        const BESIDE: f64 = 500.0;
        let asked = self.asked.map_or(0.0, f64::from);
        let slot = f64::from(u32::try_from(slot_millis).unwrap_or(u32::MAX));
        let in_time = percentile(&self.final_ms, 99) <= f64::from(SLOTS) * slot + BESIDE;
        self.lost == 0 && self.refused == 0 && self.sent_a_second >= ENOUGH * asked && in_time
    }
}

/// The first thing that was not taken, for the table's end.
pub(crate) fn complaint(outcome: &Outcome) -> Option<String> {
    let reason = outcome.reason.as_deref().unwrap_or("not final in time");
    (outcome.refused + outcome.lost > 0)
        .then(|| format!("{} refused, {} lost: {reason}", outcome.refused, outcome.lost))
}

/// Checks that a phase can be measured at all.
pub(crate) fn ensure_measured(outcome: &Outcome) -> anyhow::Result<()> {
    outcome.final_ms.first().map(|_| ()).context("no transaction became final")
}
