//! What a test does whose counterpart is not installed.

use std::{
    env,
    io::{self, Write as _},
    thread,
};

use anyhow::{Result, ensure};

/// Set where every counterpart must be there: a test that would be skipped fails.
const REQUIRED: &str = "INTEROP_REQUIRED";

/// Says in one line that the test is skipped, and why.
///
/// The line goes to standard error past the test runner's capture, so that it is always seen.
///
/// # Errors
///
/// If `INTEROP_REQUIRED` is set.
pub fn skipped(reason: &str) -> Result<()> {
    ensure!(env::var_os(REQUIRED).is_none(), "{REQUIRED} is set and {reason}");
    let test = thread::current().name().unwrap_or("a test").to_owned();
    // `eprintln!` is captured for tests that pass; a handle of one's own is not.
    writeln!(io::stderr(), "skipped: {test}: {reason}")?;
    Ok(())
}
