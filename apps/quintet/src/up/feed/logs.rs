//! Captured log records, as the page's log lines.

use quintet_dashboard::{LogLevel, LogLine, NodeId, Publisher};
use quintet_node::telemetry::LogRecord;
use tokio::sync::broadcast::{Receiver, error::RecvError};
use tokio_util::sync::CancellationToken;

/// Passes log records on until told to stop. A page that is behind loses the oldest.
pub(in crate::up) async fn forward(
    mut records: Receiver<LogRecord>,
    publisher: Publisher,
    stop: CancellationToken,
) {
    loop {
        let record = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            record = records.recv() => record,
        };
        match record {
            Ok(record) => publisher.log(line(record)),
            // Saying so in the log would make it worse.
            Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return,
        }
    }
}

fn line(record: LogRecord) -> LogLine {
    let LogRecord { time_ms, level, target, message, instance } = record;
    let level = match level {
        "ERROR" => LogLevel::Error,
        "WARN" => LogLevel::Warn,
        "INFO" => LogLevel::Info,
        "DEBUG" => LogLevel::Debug,
        _ => LogLevel::Trace,
    };
    LogLine { time: time_ms, level, node: instance.map(NodeId::new), target, message }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_keeps_its_level_its_node_and_its_time() {
        let record = LogRecord {
            time_ms: 7,
            level: "WARN",
            target: "dht".to_owned(),
            message: "slow".to_owned(),
            instance: Some("dht-03".to_owned()),
        };
        let line = line(record);
        assert_eq!((line.time, line.level), (7, LogLevel::Warn));
        assert_eq!(line.node, Some(NodeId::new("dht-03")));
    }
}
