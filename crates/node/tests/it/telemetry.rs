//! Logs: format, level while running, and the copy for whoever listens.

use std::{
    io,
    sync::{Arc, Mutex},
};

use quintet_node::config::ReloadHandle;
use quintet_node::telemetry::{
    LOG_MESSAGE_MAX_CHARS, LogConfig, LogFormat, Logs, Metrics, UPKEEP_INTERVAL, subscriber,
};
use serde_json::Value;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::fmt::writer::BoxMakeWriter;

#[derive(Clone, Default)]
struct Output(Arc<Mutex<Vec<u8>>>);

impl io::Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Output {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

/// Runs `body` with logs set up as configured; returns what was written.
fn with_logs(level: &str, format: LogFormat, body: impl FnOnce(&Logs)) -> String {
    let output = Output::default();
    let writer = output.clone();
    let config = LogConfig { level: level.to_owned(), format };
    let (subscriber, logs) =
        subscriber(&config, BoxMakeWriter::new(move || writer.clone()), false).unwrap();
    tracing::subscriber::with_default(subscriber, || body(&logs));
    output.text()
}

#[test]
fn the_level_changes_while_running() {
    let written = with_logs("info", LogFormat::Human, |logs| {
        tracing::debug!("one");
        logs.set_level("debug").unwrap();
        tracing::debug!("two");
        let error = logs.set_level("loud").unwrap_err().to_string();
        assert!(error.ends_with("found \"loud\""), "{error}");
        tracing::debug!("three");
    });
    assert!(!written.contains("one") && written.contains("two") && written.contains("three"));
}

#[test]
fn json_lines_name_the_instance() {
    let written = with_logs("warn", LogFormat::Json, |_| {
        tracing::error_span!("node", instance = "dht-07")
            .in_scope(|| tracing::warn!(peers = 3, "few"));
    });
    let line: Value = serde_json::from_str(written.trim()).unwrap();
    assert_eq!((&line["level"], &line["message"]), (&"WARN".into(), &"few".into()));
    assert_eq!((&line["peers"], &line["span"]["instance"]), (&3.into(), &"dht-07".into()));
}

#[test]
fn records_reach_whoever_listens_and_are_bounded() {
    let flood = "x".repeat(10 * LOG_MESSAGE_MAX_CHARS);
    with_logs("info", LogFormat::Human, |logs| {
        tracing::info!("nobody listens");
        let mut records = logs.records();
        tracing::error_span!("node", instance = "dht-07").in_scope(|| {
            tracing::info!(peers = 3, name = "a", "connected");
        });
        tracing::debug!("below the level");
        tracing::info!("{flood}");
        let record = records.try_recv().unwrap();
        assert_eq!((record.level, record.message.as_str()), ("INFO", "connected peers=3 name=a"));
        assert_eq!(record.instance.as_deref(), Some("dht-07"));
        assert_eq!(record.target, "it::telemetry");
        let record = records.try_recv().unwrap();
        assert_eq!((record.instance, record.message.len()), (None, LOG_MESSAGE_MAX_CHARS));
        assert!(records.try_recv().is_err());
    });
}

#[test]
fn a_misspelt_level_is_refused_and_not_taken_for_a_module() {
    for level in ["", "verbose", "info,dbug", "info,quintet_node=loud", "info,,debug"] {
        let config = LogConfig { level: level.to_owned(), ..LogConfig::default() };
        let refused = subscriber(&config, BoxMakeWriter::new(io::sink), false).is_err();
        assert!(refused, "{level}");
    }
    with_logs("warn,quintet_node=debug,[node{instance=a}]=trace", LogFormat::Human, |_| {});
}

#[tokio::test]
async fn a_reloaded_level_takes_effect() {
    let (dir, sources) = crate::sections::file("[log]\nlevel = \"info\"\n");
    let config = crate::sections::schema().load(&sources).unwrap();
    let handle = ReloadHandle::new(config, sources);
    let output = Output::default();
    let writer = output.clone();
    let make = BoxMakeWriter::new(move || writer.clone());
    let (subscriber, logs) = subscriber(&LogConfig::default(), make, false).unwrap();
    let _logging = tracing::subscriber::set_default(subscriber);
    let follower = tokio::spawn(logs.follow(handle.subscribe()));
    std::fs::write(dir.path().join("quintet.toml"), "[log]\nlevel = \"debug\"\n").unwrap();
    handle.reload().unwrap();
    // The follower ends when the handle is gone, after it has seen the last change.
    drop(handle);
    follower.await.unwrap();
    tracing::debug!("now visible");
    assert!(output.text().contains("now visible"), "{}", output.text());
}

#[tokio::test(start_paused = true)]
async fn figures_are_rendered_and_kept_in_bounds_by_upkeep() {
    let metrics = Metrics::install().unwrap();
    let error = Metrics::install().unwrap_err().to_string();
    assert!(error.starts_with("expected to install one metrics recorder in a process"), "{error}");
    let shutdown = CancellationToken::new();
    let upkeep = tokio::spawn(metrics.clone().upkeep(shutdown.clone()));
    metrics::counter!("probe_packets_total", "codec" => "krpc").increment(3);
    metrics::histogram!("probe_answer_seconds").record(0.002);
    tokio::time::sleep(UPKEEP_INTERVAL).await;
    shutdown.cancel();
    upkeep.await.unwrap();
    let text = metrics.render();
    assert!(text.contains("probe_packets_total{codec=\"krpc\"} 3\n"), "{text}");
    assert!(text.contains("probe_answer_seconds_bucket{le=\"0.0025\"} 1\n"), "{text}");
}
