//! How the process ends: what is printed about a failure, and with which status.
//!
//! | status | meaning |
//! |---|---|
//! | 0 | done, or asked to stop and stopped |
//! | 1 | something went wrong while doing it |
//! | 2 | the command line or the configuration is wrong; nothing was opened |

use std::process::ExitCode;

use quintet_node::config::{ConfigError, MalformedSet};

/// Status of a failure while running.
const FAILED: u8 = 1;

/// Status of a wrong command line or configuration; clap uses the same.
const USAGE: u8 = 2;

/// The command line asks for something that cannot be meant.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub(crate) struct UsageError {
    message: String,
}

impl UsageError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }
}

/// A command that ran, and found that something is not as it should be; it has said so already.
#[derive(Debug, thiserror::Error)]
#[error("not as it should be")]
pub(crate) struct AlreadyTold {
    /// Whether the configuration was at fault.
    pub(crate) usage: bool,
}

/// Prints a failure and returns the status.
pub(crate) fn report(outcome: anyhow::Result<()>) -> ExitCode {
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if error.downcast_ref::<AlreadyTold>().is_none() {
                crate::output::complain(&format!("{error:#}"));
            }
            ExitCode::from(status(&error))
        }
    }
}

fn status(error: &anyhow::Error) -> u8 {
    let told = error.downcast_ref::<AlreadyTold>().is_some_and(|told| told.usage);
    let usage =
        told || error.is::<UsageError>() || error.is::<ConfigError>() || error.is::<MalformedSet>();
    if usage { USAGE } else { FAILED }
}

#[cfg(test)]
mod tests {
    use anyhow::{Context as _, anyhow};

    use super::*;

    #[test]
    fn a_wrong_command_line_is_told_apart_from_a_failure() {
        assert_eq!(status(&anyhow!("the disk is full")), FAILED);
        assert_eq!(status(&UsageError::new("no").into()), USAGE);
        let wrapped = Err::<(), _>(UsageError::new("no")).context("while reading").unwrap_err();
        assert_eq!(status(&wrapped), USAGE);
    }

    #[test]
    fn a_finding_about_the_configuration_is_a_usage_error() {
        assert_eq!(status(&AlreadyTold { usage: true }.into()), USAGE);
        assert_eq!(status(&AlreadyTold { usage: false }.into()), FAILED);
    }
}
