//! The machine the node runs on, as far as the system tells: what it does not tell is 0.

use std::thread;

use super::super::{
    Core, Failure, RPC_VERSION,
    model::{GetSystemInfoRequest, GetSystemInfoResponse},
};

pub(in super::super) fn info(
    _: &Core,
    _: &GetSystemInfoRequest,
) -> Result<GetSystemInfoResponse, Failure> {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    let cores = thread::available_parallelism().map_or(0, usize::from);
    Ok(GetSystemInfoResponse {
        version: RPC_VERSION.to_owned(),
        // It would tell one machine from another, to whoever asks.
        system_id: None,
        git_hash: None,
        cpu_physical_cores: u16::try_from(cores).unwrap_or(u16::MAX),
        total_memory: total_memory(&read("/proc/meminfo")),
        fd_limit: open_files(&read("/proc/self/limits")),
        proxy_socket_limit_per_cpu_core: None,
    })
}

/// Bytes, of Linux's `meminfo`.
fn total_memory(text: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    kib.unwrap_or(0).saturating_mul(1024)
}

/// Files that may be open, of Linux's `limits`: the limit that holds, not the one it may be raised to.
fn open_files(text: &str) -> u32 {
    let line = text.lines().find_map(|line| line.strip_prefix("Max open files"));
    let Some(limit) = line.and_then(|rest| rest.split_whitespace().next()) else { return 0 };
    if limit == "unlimited" { u32::MAX } else { limit.parse().unwrap_or(0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_and_files_are_read_from_what_the_system_says() {
        let memory = "MemTotal:       16314068 kB\nMemFree:         123 kB\n";
        assert_eq!(total_memory(memory), 16_314_068 * 1024);
        let limits =
            "Limit  Soft Limit  Hard Limit  Units\nMax open files   1024   524288   files\n";
        assert_eq!(open_files(limits), 1024);
        assert_eq!(open_files("Max open files   unlimited   unlimited   files"), u32::MAX);
        assert_eq!((total_memory(""), open_files("")), (0, 0));
    }
}
