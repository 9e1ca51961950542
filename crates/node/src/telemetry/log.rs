//! Logs: format and level from the configuration, the level changeable while running.

use std::io::IsTerminal;

use serde::{Deserialize, Serialize};
use tokio::sync::broadcast;
use tracing::Subscriber;
use tracing_subscriber::{
    EnvFilter, Layer, Registry,
    fmt::{self, writer::BoxMakeWriter},
    layer::SubscriberExt,
    reload,
    util::SubscriberInitExt,
};

use super::capture::{CaptureLayer, LogRecord};
use crate::config::{Config, Issues, Section};

/// What a level looks like; completes "expected …".
const LEVEL_EXPECTED: &str = "a level (off, error, warn, info, debug, trace), with exceptions by module if need be, such as info,quintet_dht_node=debug";

/// How logs are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One line for people, in colour on a terminal.
    #[default]
    Human,
    /// One JSON object a line.
    Json,
}

/// The section `log`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LogConfig {
    /// A level, with exceptions by module: `info,quintet_dht_node=debug`.
    pub level: String,
    /// How logs are written.
    pub format: LogFormat,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { level: "info".to_owned(), format: LogFormat::Human }
    }
}

impl Section for LogConfig {
    const NAME: &'static str = "log";
    const DOCS: &'static [(&'static str, &'static str)] = &[
        ("", "Logs, written to standard error."),
        (
            "level",
            "Level: off, error, warn, info, debug or trace; with exceptions by module:\n\
             info,quintet_dht_node=debug",
        ),
        ("format", "Format: human (one line for people) or json (one object a line)."),
    ];
    const RELOADABLE: &'static [&'static str] = &["level"];

    fn validate(&self, issues: &mut Issues) {
        if filter(&self.level).is_err() {
            issues.reject("level", LEVEL_EXPECTED);
        }
    }
}

/// Logs cannot be set up or changed.
#[derive(Debug, thiserror::Error)]
pub enum LogsError {
    /// The level does not parse.
    #[error("expected {LEVEL_EXPECTED}; found {found:?}")]
    Level {
        /// The text.
        found: String,
    },
    /// The process has a subscriber already.
    #[error("expected to set up logs once in a process; they are set up already")]
    AlreadyInstalled,
    /// The subscriber has been dropped.
    #[error("expected a live subscriber to change the level of; it has been dropped")]
    Gone,
}

/// What is left to do with logs once they are set up.
#[derive(Debug, Clone)]
pub struct Logs {
    filter: reload::Handle<EnvFilter, Registry>,
    records: broadcast::Sender<LogRecord>,
}

impl Logs {
    /// Changes the level.
    ///
    /// # Errors
    ///
    /// [`LogsError::Level`] if it does not parse; the old one stays.
    pub fn set_level(&self, level: &str) -> Result<(), LogsError> {
        self.filter.reload(filter(level)?).map_err(|_| LogsError::Gone)
    }

    /// Follows the log records. A receiver that falls behind by
    /// [`LOG_RECORDS_KEPT`](super::LOG_RECORDS_KEPT) loses the oldest and is told how many; without
    /// receivers nothing is captured.
    #[must_use]
    pub fn records(&self) -> broadcast::Receiver<LogRecord> {
        self.records.subscribe()
    }

    /// Follows the level of a configuration as it is reloaded. Ends when its
    /// [`ReloadHandle`](crate::config::ReloadHandle) is gone.
    pub async fn follow(self, mut config: tokio::sync::watch::Receiver<Config>) {
        while config.changed().await.is_ok() {
            let section = config.borrow_and_update().section::<LogConfig>();
            let changed = match section {
                Ok(section) => self.set_level(&section.level).map_err(|error| error.to_string()),
                Err(error) => Err(error.to_string()),
            };
            if let Err(error) = changed {
                tracing::error!("log level not changed: {error}");
            }
        }
    }
}

/// Sets up logs for the process, to standard error.
///
/// # Errors
///
/// [`LogsError`] if the level does not parse or logs are set up already.
pub fn init(config: &LogConfig) -> Result<Logs, LogsError> {
    let colour = std::io::stderr().is_terminal();
    let (subscriber, logs) = subscriber(config, BoxMakeWriter::new(std::io::stderr), colour)?;
    subscriber.try_init().map_err(|_| LogsError::AlreadyInstalled)?;
    Ok(logs)
}

/// The subscriber that [`init`] installs, writing to `writer`: for tests and for embedding.
///
/// # Errors
///
/// [`LogsError::Level`] if the level does not parse.
pub fn subscriber(
    config: &LogConfig,
    writer: BoxMakeWriter,
    colour: bool,
) -> Result<(impl Subscriber + Send + Sync + use<>, Logs), LogsError> {
    let (filter_layer, filter) = reload::Layer::new(filter(&config.level)?);
    let (capture, records) = CaptureLayer::new();
    let output = match config.format {
        LogFormat::Human => fmt::layer().with_ansi(colour).with_writer(writer).boxed(),
        LogFormat::Json => fmt::layer().json().flatten_event(true).with_writer(writer).boxed(),
    };
    let subscriber = Registry::default().with(filter_layer).with(output).with(capture);
    Ok((subscriber, Logs { filter, records }))
}

/// Parses a level. A bare word must be a level: the library would take it for a module's name and
/// a misspelt level would silence everything.
fn filter(level: &str) -> Result<EnvFilter, LogsError> {
    const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];
    let error = || LogsError::Level { found: level.to_owned() };
    let bare_words = level.split(',').map(str::trim).filter(|part| !part.contains(['=', '[']));
    for word in bare_words {
        if !LEVELS.iter().any(|known| known.eq_ignore_ascii_case(word)) {
            return Err(error());
        }
    }
    EnvFilter::builder().parse(level).map_err(|_| error())
}
