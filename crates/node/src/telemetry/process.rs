//! Figures of the process itself, under the names every Prometheus client uses.
//!
//! Read from `/proc` (`proc_pid_status(5)`, `proc_pid_stat(5)`); on other systems there are none.

use core::fmt::Write as _;
use std::fs;

/// Ticks of `utime` and `stime` in a second: `USER_HZ`, 100 on every architecture we run on.
const TICKS_PER_SECOND: f64 = 100.0;

/// What the process uses.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ProcessFigures {
    /// Resident memory, in bytes.
    pub resident_bytes: u64,
    /// Open file descriptors.
    pub open_fds: u64,
    /// Limit of open file descriptors; none if unlimited.
    pub max_fds: Option<u64>,
    /// Processor time used, user and system, in seconds.
    pub cpu_seconds: f64,
    /// Threads.
    pub threads: u64,
}

impl ProcessFigures {
    /// Reads them; none where the system does not offer them.
    #[must_use]
    pub fn read() -> Option<Self> {
        let status = fs::read_to_string("/proc/self/status").ok()?;
        let stat = fs::read_to_string("/proc/self/stat").ok()?;
        let limits = fs::read_to_string("/proc/self/limits").ok()?;
        let open_fds = fs::read_dir("/proc/self/fd").ok()?.count();
        Some(Self {
            resident_bytes: field(&status, "VmRSS:")?.saturating_mul(1024),
            open_fds: u64::try_from(open_fds).ok()?,
            max_fds: field(&limits, "Max open files"),
            cpu_seconds: cpu_seconds(&stat)?,
            threads: field(&status, "Threads:")?,
        })
    }

    /// Appends them in the Prometheus text format.
    pub(super) fn render(&self, out: &mut String) {
        let Self { resident_bytes, open_fds, max_fds, cpu_seconds, threads } = self;
        let mut line = |name: &str, kind: &str, help: &str, value: String| {
            let _ = write!(out, "# HELP {name} {help}\n# TYPE {name} {kind}\n{name} {value}\n");
        };
        let bytes = resident_bytes.to_string();
        line("process_resident_memory_bytes", "gauge", "Resident memory size in bytes.", bytes);
        line("process_open_fds", "gauge", "Open file descriptors.", open_fds.to_string());
        if let Some(max_fds) = max_fds {
            line(
                "process_max_fds",
                "gauge",
                "Limit of open file descriptors.",
                max_fds.to_string(),
            );
        }
        let cpu = format!("{cpu_seconds:.2}");
        line("process_cpu_seconds_total", "counter", "User and system CPU time in seconds.", cpu);
        line("process_threads", "gauge", "Threads of the process.", threads.to_string());
    }
}

/// The first number of the line that begins with `name`.
fn field(text: &str, name: &str) -> Option<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(name))?;
    rest.split_whitespace().next()?.parse().ok()
}

/// Fields 14 and 15. The second, the command in brackets, may itself hold spaces and brackets.
fn cpu_seconds(stat: &str) -> Option<f64> {
    let (_, after_command) = stat.rsplit_once(')')?;
    let mut fields = after_command.split_whitespace().skip(11);
    let user: u32 = fields.next()?.parse().ok()?;
    let system: u32 = fields.next()?.parse().ok()?;
    Some((f64::from(user) + f64::from(system)) / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_processor_time_behind_a_hostile_command_name() {
        let stat = "7 (a) 9 9 (b) S 1 7 7 0 -1 4194560 100 0 0 0 150 50 0 0 20 0 1 0 1 1 1";
        assert_eq!(cpu_seconds(stat), Some(2.0));
        assert_eq!(cpu_seconds("7 (a"), None);
        assert_eq!(cpu_seconds("7 (a) S 1"), None);
    }

    #[test]
    fn reads_the_first_number_of_a_line() {
        let text = "Name:\tx\nVmRSS:\t  2048 kB\nMax open files   1024   4096   files\n";
        assert_eq!(field(text, "VmRSS:"), Some(2048));
        assert_eq!(field(text, "Max open files"), Some(1024));
        assert_eq!(field(text, "Threads:"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_has_memory_files_and_threads() {
        let figures = ProcessFigures::read().unwrap();
        assert!(figures.resident_bytes > 0 && figures.open_fds > 0 && figures.threads > 0);
    }
}
