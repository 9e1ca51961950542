//! Waiting for what happens in other processes: by asking again, never by guessing a time.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail};

/// How long a test waits for one thing before it fails.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// Pause between two attempts; below the pace at which clients limit one source.
const PAUSE: Duration = Duration::from_millis(250);

/// Attempts until there is a result, for at most [`PATIENCE`].
///
/// An attempt that returns nothing or an error is repeated.
///
/// # Errors
///
/// If the time is over: with `what` was awaited, and the last attempt's error if it had one.
pub fn eventually<T>(what: &str, mut attempt: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let outcome = attempt();
        if let Ok(Some(value)) = outcome {
            return Ok(value);
        }
        if Instant::now() >= deadline {
            let late = || format!("{what}: not within {} s", PATIENCE.as_secs());
            return match outcome {
                Err(error) => Err(error).with_context(late),
                Ok(_) => bail!(late()),
            };
        }
        thread::sleep(PAUSE);
    }
}
