//! What this process has cost so far, as Linux counts it.
//!
//! Whole-process figures: background threads are included, other processes are not. A program that compares things runs each in a
//! process of its own.

use std::fs;

use anyhow::Context as _;

/// Returns the user and system time of all threads, seconds; counted in hundredths.
///
/// # Errors
///
/// Where there is no `/proc`.
pub fn cpu_seconds() -> anyhow::Result<f64> {
    /// What `/proc` counts in, on every Linux machine.
    const TICKS_PER_SECOND: f64 = 100.0;
    let stat = fs::read_to_string("/proc/self/stat").context("needs Linux")?;
    // The command's name, in parentheses, may hold spaces; the fields after it do not.
    let (_, fields) = stat.rsplit_once(')').context("an unknown format of /proc/self/stat")?;
    let ticks: Vec<u32> =
        fields.split_whitespace().skip(11).take(2).map(str::parse).collect::<Result<_, _>>()?;
    Ok(ticks.into_iter().map(f64::from).sum::<f64>() / TICKS_PER_SECOND)
}

/// Returns the bytes this process caused to be sent to the disk.
///
/// # Errors
///
/// Where there is no `/proc`.
pub fn written_bytes() -> anyhow::Result<u64> {
    let io = fs::read_to_string("/proc/self/io").context("needs Linux")?;
    let line = io.lines().find_map(|line| line.strip_prefix("write_bytes: "));
    Ok(line.context("an unknown format of /proc/self/io")?.trim().parse()?)
}

/// Returns the most memory this process has had resident, MiB.
///
/// # Errors
///
/// Where there is no `/proc`.
pub fn peak_rss_mib() -> anyhow::Result<f64> {
    let status = fs::read_to_string("/proc/self/status").context("needs Linux")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.split_whitespace().next());
    let kib: f64 = kib.context("an unknown format of /proc/self/status")?.parse()?;
    Ok(kib / 1024.0)
}

/// Returns the name of the processor.
#[must_use]
pub fn processor() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info.lines().find(|line| line.starts_with("model name"));
    model.and_then(|line| line.split_once(": ")).map_or("unknown", |(_, name)| name).to_owned()
}

/// Returns bytes as MiB.
#[must_use]
pub fn mib(bytes: u64) -> f64 {
    // Kibibytes fit 32 bits up to 4 TiB, and those convert without loss.
    f64::from(u32::try_from(bytes >> 10).unwrap_or(u32::MAX)) / 1024.0
}
