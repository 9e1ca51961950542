//! What a process has cost so far, as Linux counts it: this one, or another.
//!
//! Whole-process figures: background threads are included, other processes are not. A program that compares things runs each in a
//! process of its own.

use std::{fs, path::PathBuf, process::Child};

use anyhow::Context as _;

/// A process to look at.
#[derive(Debug, Clone)]
pub struct Process(PathBuf);

impl Process {
    /// This one.
    #[must_use]
    pub fn own() -> Self {
        Self(PathBuf::from("/proc/self"))
    }

    /// One that was started here.
    #[must_use]
    pub fn of(child: &Child) -> Self {
        Self::numbered(child.id())
    }

    /// The one with a number.
    #[must_use]
    pub fn numbered(pid: u32) -> Self {
        Self(PathBuf::from(format!("/proc/{pid}")))
    }

    fn read(&self, file: &str) -> anyhow::Result<String> {
        fs::read_to_string(self.0.join(file)).context("needs Linux, and the process to run")
    }

    /// Returns the user and system time of all threads, seconds; counted in hundredths.
    ///
    /// # Errors
    ///
    /// Where there is no `/proc`, or the process has ended.
    pub fn cpu_seconds(&self) -> anyhow::Result<f64> {
        /// What `/proc` counts in, on every Linux machine.
        const TICKS_PER_SECOND: f64 = 100.0;
        let stat = self.read("stat")?;
        // The command's name, in parentheses, may hold spaces; the fields after it do not.
        let (_, fields) = stat.rsplit_once(')').context("an unknown format of /proc/PID/stat")?;
        let ticks: Vec<u32> =
            fields.split_whitespace().skip(11).take(2).map(str::parse).collect::<Result<_, _>>()?;
        Ok(ticks.into_iter().map(f64::from).sum::<f64>() / TICKS_PER_SECOND)
    }

    /// Returns the bytes it caused to be sent to the disk.
    ///
    /// # Errors
    ///
    /// As [`Self::cpu_seconds`].
    pub fn written_bytes(&self) -> anyhow::Result<u64> {
        let io = self.read("io")?;
        let line = io.lines().find_map(|line| line.strip_prefix("write_bytes: "));
        Ok(line.context("an unknown format of /proc/PID/io")?.trim().parse()?)
    }

    /// Returns a figure of its memory, MiB.
    fn status_mib(&self, field: &str) -> anyhow::Result<f64> {
        let status = self.read("status")?;
        let line = status.lines().find_map(|line| line.strip_prefix(field));
        let kib = line.and_then(|line| line.split_whitespace().next());
        let kib: f64 = kib.context("an unknown format of /proc/PID/status")?.parse()?;
        Ok(kib / 1024.0)
    }

    /// Returns the memory it has resident, MiB.
    ///
    /// # Errors
    ///
    /// As [`Self::cpu_seconds`].
    pub fn rss_mib(&self) -> anyhow::Result<f64> {
        self.status_mib("VmRSS:")
    }

    /// Returns what of that is its own, MiB: not pages of its program and files, which the system reads again when it needs them.
    ///
    /// # Errors
    ///
    /// As [`Self::cpu_seconds`].
    pub fn own_mib(&self) -> anyhow::Result<f64> {
        self.status_mib("RssAnon:")
    }

    /// Returns the most memory it has had resident, MiB, since it began or [`Self::forget_peak`].
    ///
    /// # Errors
    ///
    /// As [`Self::cpu_seconds`].
    pub fn peak_mib(&self) -> anyhow::Result<f64> {
        self.status_mib("VmHWM:")
    }

    /// Begins to look for the most memory anew.
    ///
    /// # Errors
    ///
    /// As [`Self::cpu_seconds`], or where that is not allowed.
    pub fn forget_peak(&self) -> anyhow::Result<()> {
        /// Resets the peak alone.
        const PEAK: &str = "5";
        fs::write(self.0.join("clear_refs"), PEAK).context("cannot reset the most memory")
    }
}

/// Returns what this process's threads have cost so far, see [`Process::cpu_seconds`].
///
/// # Errors
///
/// Where there is no `/proc`.
pub fn cpu_seconds() -> anyhow::Result<f64> {
    Process::own().cpu_seconds()
}

/// Returns what this process caused to be sent to the disk, see [`Process::written_bytes`].
///
/// # Errors
///
/// Where there is no `/proc`.
pub fn written_bytes() -> anyhow::Result<u64> {
    Process::own().written_bytes()
}

/// Returns the most memory this process has had resident, see [`Process::peak_mib`].
///
/// # Errors
///
/// Where there is no `/proc`.
pub fn peak_rss_mib() -> anyhow::Result<f64> {
    Process::own().peak_mib()
}

/// Returns the load average of the last minute: how busy the machine is that figures come from.
#[must_use]
pub fn load_average() -> String {
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split_whitespace().next().unwrap_or("unknown").to_owned()
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
