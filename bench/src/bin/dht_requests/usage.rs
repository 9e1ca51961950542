//! What another process has cost so far, as Linux counts it; [`bench::process`] does it for this one.

use std::fs;

use anyhow::Context as _;

/// What a server has used.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Usage {
    /// User and system time of all threads, seconds; counted in hundredths.
    pub(crate) cpu_seconds: f64,
    /// Memory resident now, MiB.
    pub(crate) rss_mib: f64,
}

/// Reads the costs of process `pid`.
pub(crate) fn of(pid: u32) -> anyhow::Result<Usage> {
    /// What `/proc` counts in, on every Linux machine.
    const TICKS_PER_SECOND: f64 = 100.0;
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).context("the server has ended")?;
    // The command's name, in parentheses, may hold spaces; the fields after it do not.
    let (_, fields) = stat.rsplit_once(')').context("an unknown format of /proc/PID/stat")?;
    let ticks: Vec<u32> =
        fields.split_whitespace().skip(11).take(2).map(str::parse).collect::<Result<_, _>>()?;
    let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next());
    let kib: f64 = kib.context("an unknown format of /proc/PID/status")?.parse()?;
    Ok(Usage {
        cpu_seconds: ticks.into_iter().map(f64::from).sum::<f64>() / TICKS_PER_SECOND,
        rss_mib: kib / 1024.0,
    })
}
