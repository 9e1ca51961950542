//! The room of one test: a temporary folder, and the logs in it if the test fails.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::atomic::{AtomicUsize, Ordering},
};

use anyhow::Result;
use tempfile::TempDir;

/// Lines shown of each log when a test fails.
const LOG_TAIL_LINES: usize = 60;

/// A folder that is removed after the test.
#[derive(Debug)]
pub struct Lab {
    dir: TempDir,
    folders: AtomicUsize,
    passed: bool,
}

/// Runs `test` in a lab of its own; if it fails or panics, shows the logs of its processes.
///
/// # Errors
///
/// Those of the test.
pub fn lab(test: impl FnOnce(&Lab) -> Result<()>) -> Result<()> {
    let mut lab = Lab { dir: TempDir::new()?, folders: AtomicUsize::new(0), passed: false };
    test(&lab)?;
    lab.passed = true;
    Ok(())
}

impl Lab {
    /// Makes a new folder whose name begins with `name`.
    ///
    /// # Errors
    ///
    /// If the folder cannot be made.
    pub fn folder(&self, name: &str) -> Result<PathBuf> {
        let number = self.folders.fetch_add(1, Ordering::Relaxed);
        let path = self.dir.path().join(format!("{number:02}-{name}"));
        fs::create_dir(&path)?;
        Ok(path)
    }

    fn show_logs(&self) {
        let Ok(folders) = fs::read_dir(self.dir.path()) else { return };
        let mut folders: Vec<_> = folders.flatten().map(|entry| entry.path()).collect();
        folders.sort();
        for log in folders.iter().map(|folder| folder.join(LOG)).filter(|log| log.exists()) {
            eprintln!("── {} ──\n{}", log.display(), tail(&log));
        }
    }
}

/// Name of a process's log in its folder.
pub(crate) const LOG: &str = "log";

/// Returns the last lines of a log.
pub(crate) fn tail(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(LOG_TAIL_LINES)..].join("\n")
}

impl Drop for Lab {
    fn drop(&mut self) {
        if !self.passed {
            self.show_logs();
        }
    }
}
