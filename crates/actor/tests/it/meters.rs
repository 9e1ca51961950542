//! Reads what the crate measured back from a recorder of this test's own.

use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};

/// Records what the current thread, which is the whole runtime of a paused test, measures.
pub(crate) fn install() -> (metrics::LocalRecorderGuard<'static>, Meters) {
    // The guard borrows the recorder; a test leaks its own few bytes rather than tie the two.
    let recorder: &'static DebuggingRecorder = Box::leak(Box::default());
    (metrics::set_default_local_recorder(recorder), Meters(recorder.snapshotter()))
}

pub(crate) struct Meters(Snapshotter);

impl Meters {
    /// Reads everything at once, as the change since the last reading.
    pub(crate) fn read(&self) -> Reading {
        let all = self.0.snapshot().into_vec().into_iter();
        let rows = all.map(|(key, _, _, value)| {
            let labels = key.key().labels().map(|l| format!("{}={}", l.key(), l.value()));
            (key.key().name().to_owned(), labels.collect(), value)
        });
        Reading(rows.collect())
    }
}

/// Name, labels and value of every metric.
pub(crate) struct Reading(Vec<(String, Vec<String>, DebugValue)>);

impl Reading {
    fn of(&self, name: &str) -> &DebugValue {
        let found: Vec<_> = self.0.iter().filter(|(known, ..)| known == name).collect();
        match found.as_slice() {
            [(_, _, value)] => value,
            other => panic!("expected one metric named {name}, got {other:?}"),
        }
    }

    pub(crate) fn labels(&self, name: &str) -> &[String] {
        let found = self.0.iter().find(|(known, ..)| known == name);
        found.map_or(&[], |(_, labels, _)| labels)
    }

    pub(crate) fn gauge(&self, name: &str) -> f64 {
        match self.of(name) {
            DebugValue::Gauge(value) => value.into_inner(),
            other => panic!("expected a gauge named {name}, got {other:?}"),
        }
    }

    pub(crate) fn counter(&self, name: &str) -> u64 {
        match self.of(name) {
            DebugValue::Counter(value) => *value,
            other => panic!("expected a counter named {name}, got {other:?}"),
        }
    }

    pub(crate) fn histogram(&self, name: &str) -> Vec<f64> {
        match self.of(name) {
            DebugValue::Histogram(values) => values.iter().map(|v| v.into_inner()).collect(),
            other => panic!("expected a histogram named {name}, got {other:?}"),
        }
    }
}
