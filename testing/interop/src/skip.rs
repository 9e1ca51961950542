//! What a test does whose counterpart is not installed.

use std::env;

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
    let test = std::thread::current().name().unwrap_or("a test").to_owned();
    // `eprintln!` is captured for tests that pass; a handle of one's own is not.
    use std::io::Write as _;
    writeln!(std::io::stderr(), "skipped: {test}: {reason}")?;
    Ok(())
}
