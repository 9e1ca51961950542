//! Logs of the process: as configured for a node; for a whole network quiet on the terminal and full on the page; for a command that
//! works for long, beside its progress bar.

use std::io::{self, IsTerminal as _};

use quintet_node::telemetry::{self, LogConfig, Logs};
use tracing::Level;
use tracing_subscriber::{
    fmt::writer::{BoxMakeWriter, MakeWriterExt as _},
    util::SubscriberInitExt as _,
};

use crate::{exit::UsageError, output::Beside};

/// What the page of a network shows unless somebody asks for more: what the engine under the tables tells of files is not for it, nor that gossip
/// was slow or told twice.
const PAGE_LEVEL: &str = "info,fjall=warn,lsm_tree=warn,libp2p_gossipsub=error";

/// Sets up the logs of a network. At the level named, they go to standard error as well as to the page; without
/// one, the page gets [`PAGE_LEVEL`] and standard error only warnings.
pub(crate) fn for_a_network(level: Option<&str>) -> anyhow::Result<Logs> {
    let config =
        LogConfig { level: level.unwrap_or(PAGE_LEVEL).to_owned(), ..LogConfig::default() };
    let writer = match level {
        Some(_) => BoxMakeWriter::new(io::stderr),
        None => BoxMakeWriter::new(io::stderr.with_max_level(Level::WARN)),
    };
    let colour = io::stderr().is_terminal();
    let (subscriber, logs) = telemetry::subscriber(&config, writer, colour)
        .map_err(|error| UsageError::new(format!("--log: {error}")))?;
    subscriber.try_init()?;
    Ok(logs)
}

/// What a command that is no node tells unless somebody asks for more.
const COMMAND_LEVEL: &str = "warn";

/// Sets up the logs of a command: to standard error, beside its progress bar.
pub(crate) fn for_a_command(level: Option<&str>, beside: Beside) -> anyhow::Result<()> {
    let level = level.unwrap_or(COMMAND_LEVEL).to_owned();
    let config = LogConfig { level, ..LogConfig::default() };
    let writer = BoxMakeWriter::new(move || beside.clone());
    let colour = io::stderr().is_terminal();
    let (subscriber, _logs) = telemetry::subscriber(&config, writer, colour)
        .map_err(|error| UsageError::new(format!("--log: {error}")))?;
    Ok(subscriber.try_init()?)
}
