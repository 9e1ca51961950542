//! Processes that are really killed: what a simulated disk cannot show.
//!
//! A test starts itself again as a child, which works in a directory and reports what it was acknowledged. The parent kills it with
//! SIGKILL at some moment, opens what is there and looks for everything it was told:
//!
//! ```text
//!   test ── kill_a_child ──► the same test: child_directory() is some ──► ready() · report(n) · report(n) · … killed
//!     └── opens the directory, compares with the last report
//! ```

use std::{
    env,
    io::{BufRead as _, BufReader, Write as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

/// Set for the child: where it works.
const CHILD_DIRECTORY: &str = "QUINTET_KILL_CHILD_DIRECTORY";

/// How often to kill, if somebody wants other than the default.
const ROUNDS: &str = "QUINTET_KILL_ROUNDS";

const READY: &str = "ready";
const REPORT: &str = "reported ";

/// Returns where this process is to work, if it is a child.
#[must_use]
pub fn child_directory() -> Option<PathBuf> {
    env::var_os(CHILD_DIRECTORY).map(PathBuf::from)
}

/// Returns how many children to kill: `QUINTET_KILL_ROUNDS`, else `default`.
///
/// # Panics
///
/// If the variable holds no number.
#[must_use]
pub fn rounds(default: u64) -> u64 {
    env::var(ROUNDS)
        .map_or(default, |text| text.parse().expect("QUINTET_KILL_ROUNDS is a number of rounds"))
}

/// Tells the parent that the child may be killed from now on.
///
/// # Panics
///
/// If nobody listens.
pub fn ready() {
    assert!(tell(READY), "a child has a parent that listens");
}

/// Tells the parent that everything up to `number` was acknowledged; returns whether it is still there.
#[must_use]
pub fn report(number: u64) -> bool {
    tell(&format!("{REPORT}{number}"))
}

/// Writes a line of its own: the test harness may have begun one.
fn tell(line: &str) -> bool {
    writeln!(std::io::stdout(), "\n{line}").is_ok()
}

/// Starts `test`, its path in this binary, as a child in `directory` and kills it once it is ready and has made so many reports, or
/// a bit later; returns the number it reported last, 0 without any. `environment` is added to the child's.
///
/// # Panics
///
/// If the child cannot be started, or ends by itself.
pub fn kill_a_child(
    test: &str,
    directory: &Path,
    reports: u64,
    environment: &[(&str, &str)],
) -> u64 {
    let mut child = Command::new(env::current_exe().expect("this test's binary"))
        .args(["--exact", test, "--nocapture"])
        .env(CHILD_DIRECTORY, directory)
        .envs(environment.iter().copied())
        .stdout(Stdio::piped())
        .spawn()
        .expect("a child");
    let lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    let (mut is_ready, mut seen, mut last, mut killed) = (false, 0, 0, false);
    // Everything it managed to print counts, also what is read after the kill.
    for line in lines.map_while(Result::ok) {
        if let Some(number) = line.strip_prefix(REPORT) {
            last = number.parse().expect("a number");
            seen += 1;
        }
        is_ready |= line == READY;
        if is_ready && seen >= reports && !killed {
            child.kill().expect("a kill");
            killed = true;
        }
    }
    let status = child.wait().expect("its end");
    assert!(killed && !status.success(), "the child ended by itself: {status}");
    last
}
