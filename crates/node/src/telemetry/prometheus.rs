//! The Prometheus recorder, and its text for `/metrics`.

use core::time::Duration;

use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::process::ProcessFigures;

/// Time between two folds of recorded samples into their histograms. Until then each sample takes
/// memory.
pub const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// Times a thread is pinned until crossbeam-epoch has surely collected what no thread sees any more: it looks every 128 times, and needs
/// two looks.
const PINS_UNTIL_COLLECTED: usize = 4 * 128;

/// Upper bounds of the histogram buckets of durations, in seconds: 100 µs to 60 s.
const SECONDS_BUCKETS: [f64; 16] = [
    0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0,
    15.0, 60.0,
];

/// The recorder cannot be installed.
#[derive(Debug, thiserror::Error)]
#[error("expected to install one metrics recorder in a process: {source}")]
pub struct MetricsError {
    /// What the recorder said.
    #[from]
    source: BuildError,
}

/// The figures of the process. Cheap to clone.
#[derive(Clone)]
pub struct Metrics {
    handle: PrometheusHandle,
}

impl core::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Metrics {
    /// Installs the recorder of the process. Run [`Self::upkeep`] beside it.
    ///
    /// # Errors
    ///
    /// [`MetricsError`] if the process has a recorder already.
    pub fn install() -> Result<Self, MetricsError> {
        Ok(Self { handle: builder()?.install_recorder()? })
    }

    /// A recorder that is not installed: `/metrics` then shows the process alone.
    ///
    /// # Errors
    ///
    /// [`MetricsError`] if the recorder refuses its settings.
    pub fn detached() -> Result<Self, MetricsError> {
        Ok(Self { handle: builder()?.build_recorder().handle() })
    }

    /// The figures in the Prometheus text format, with those of the process itself.
    #[must_use]
    pub fn render(&self) -> String {
        let mut text = self.handle.render();
        if let Some(figures) = ProcessFigures::read() {
            figures.render(&mut text);
        }
        text
    }

    /// Folds samples every [`UPKEEP_INTERVAL`] until `shutdown`; without it, memory grows with
    /// every sample that nobody scrapes.
    pub async fn upkeep(self, shutdown: CancellationToken) {
        let mut interval = tokio::time::interval(UPKEEP_INTERVAL);
        interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while shutdown.run_until_cancelled(interval.tick()).await.is_some() {
            self.handle.run_upkeep();
            collect_garbage();
        }
    }
}

/// Frees what a fold left to be freed when no thread can see it any more.
///
/// Left alone it is taken out of crossbeam's queue by whichever thread comes by, and each thread keeps the 2 KiB the queue had for it until
/// it has 64 of them: in a hundred threads that can come to 13 MB over hours. `Guard::flush` would put new garbage into the queue in turn.
fn collect_garbage() {
    for _ in 0..PINS_UNTIL_COLLECTED {
        drop(crossbeam_epoch::pin());
    }
}

fn builder() -> Result<PrometheusBuilder, BuildError> {
    let durations = Matcher::Suffix("_seconds".to_owned());
    PrometheusBuilder::new().set_buckets_for_metric(durations, &SECONDS_BUCKETS)
}
