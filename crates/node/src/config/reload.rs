//! Hot reload: read the layers again, validate as a whole, publish what may change.
//!
//! ```text
//!   SIGHUP ──► load ──► not valid: log, keep the old
//!                │
//!                └────► running keys + reloadable keys of the new ──► validate ──► watch channel
//!                       other changed keys ──► "needs a restart"
//! ```
//!
//! # Invariants
//!
//! - What is published is what runs: keys that need a restart keep their old value until then.
//! - A configuration that is not valid, alone or mixed with the running one, changes nothing.

use core::fmt;
use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{
    issue::{ConfigError, Report},
    origin::Origin,
    render,
    resolve::{self, Config, Winners},
    source::Sources,
};

/// A key whose value differs from the running one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The dotted key.
    pub key: String,
    /// The running value, shown with secrets redacted.
    pub from: String,
    /// The new value, shown with secrets redacted.
    pub to: String,
    /// Where the new value was written.
    pub origin: Origin,
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, from, to, origin } = self;
        write!(f, "{key}: {from} is now {to} ({origin})")
    }
}

/// What a reload did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReloadReport {
    /// Changes that were published.
    pub applied: Vec<Change>,
    /// Changes that take effect when the node starts again.
    pub needs_restart: Vec<Change>,
}

/// Reloads the configuration and publishes it. Cheap to clone; all clones are one.
#[derive(Debug, Clone)]
pub struct ReloadHandle {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    sources: Sources,
    current: watch::Sender<Config>,
    /// One reload at a time: the later one must see what the earlier one published.
    reloading: Mutex<()>,
}

impl ReloadHandle {
    /// Publishes `config`, which was loaded from `sources`.
    #[must_use]
    pub fn new(config: Config, sources: Sources) -> Self {
        let current = watch::Sender::new(config);
        Self { inner: Arc::new(Inner { sources, current, reloading: Mutex::new(()) }) }
    }

    /// The running configuration.
    #[must_use]
    pub fn current(&self) -> Config {
        self.inner.current.borrow().clone()
    }

    /// Follows the running configuration; a change is a reload that applied something.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<Config> {
        self.inner.current.subscribe()
    }

    /// Reads the layers again. Blocking: it reads the file. The environment and the flags are those
    /// of the start.
    ///
    /// # Errors
    ///
    /// [`ConfigError`] if the new configuration is not valid; the running one stays.
    pub fn reload(&self) -> Result<ReloadReport, ConfigError> {
        let _one_at_a_time = self.inner.reloading.lock().unwrap_or_else(PoisonError::into_inner);
        let running = self.current();
        let schema = running.schema();
        let new = schema.load(&self.inner.sources)?;
        let mut report = ReloadReport::default();
        let mut mixed = Winners::new();
        for (section, leaf) in schema.leaves() {
            let from = if leaf.reloadable { &new } else { &running };
            if let Some(winner) = from.winners().get(&leaf.key) {
                mixed.insert(leaf.key.clone(), winner.clone());
            }
            if running.raw_leaf(section, leaf) == new.raw_leaf(section, leaf) {
                continue;
            }
            let change = Change {
                key: leaf.key.clone(),
                from: render::quote(running.shown_leaf(section, leaf)),
                to: render::quote(new.shown_leaf(section, leaf)),
                origin: new.origin(&leaf.key).unwrap_or(Origin::Default),
            };
            if leaf.reloadable { &mut report.applied } else { &mut report.needs_restart }
                .push(change);
        }
        let next = resolve::assemble(schema, mixed, &BTreeSet::new(), Report::default())?;
        if !report.applied.is_empty() {
            self.inner.current.send_replace(next);
        }
        Ok(report)
    }

    /// Takes over SIGHUP at once, and returns a future to spawn: it reloads on every SIGHUP until
    /// `shutdown` and logs what came of it. On systems without the signal it only waits.
    ///
    /// # Errors
    ///
    /// The signal handler cannot be installed.
    pub fn reload_on_sighup(
        self,
        shutdown: CancellationToken,
    ) -> std::io::Result<impl Future<Output = ()> + Send + use<>> {
        let mut signals = Sighup::install()?;
        Ok(async move {
            while shutdown.run_until_cancelled(signals.next()).await.is_some() {
                let handle = self.clone();
                match tokio::task::spawn_blocking(move || handle.reload()).await {
                    Ok(outcome) => log(&outcome),
                    Err(error) => tracing::error!(%error, "reload ended early; nothing changed"),
                }
            }
        })
    }
}

fn log(outcome: &Result<ReloadReport, ConfigError>) {
    match outcome {
        Ok(ReloadReport { applied, needs_restart }) => {
            for change in applied {
                tracing::info!(key = change.key, "reloaded {change}");
            }
            for change in needs_restart {
                tracing::warn!(key = change.key, "needs a restart to take effect: {change}");
            }
            if applied.is_empty() && needs_restart.is_empty() {
                tracing::info!("configuration read again: nothing changed");
            }
        }
        Err(error) => tracing::error!("configuration not reloaded, the old one stays: {error}"),
    }
}

#[cfg(unix)]
struct Sighup(tokio::signal::unix::Signal);

#[cfg(unix)]
impl Sighup {
    fn install() -> std::io::Result<Self> {
        tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup()).map(Self)
    }

    async fn next(&mut self) {
        if self.0.recv().await.is_none() {
            core::future::pending().await
        }
    }
}

#[cfg(not(unix))]
struct Sighup;

#[cfg(not(unix))]
impl Sighup {
    #[expect(clippy::unnecessary_wraps, reason = "one signature on every system")]
    fn install() -> std::io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        core::future::pending().await
    }
}
