//! Requests to stop: SIGTERM and SIGINT, or a sender in tests and in programs that embed nodes.

use std::io;

use tokio::sync::mpsc;

/// Requests kept; the second one matters (stop at once), further ones do not.
const REQUESTS_KEPT: usize = 4;

/// A source of requests to stop.
#[derive(Debug)]
pub struct Signals {
    requests: mpsc::Receiver<&'static str>,
}

impl Signals {
    /// Listens to SIGTERM and SIGINT (elsewhere: Ctrl-C) from now on; neither ends the process by
    /// itself any more. Must be called within a tokio runtime.
    ///
    /// # Errors
    ///
    /// The handlers cannot be installed.
    pub fn install() -> io::Result<Self> {
        let (sender, signals) = Self::manual();
        listen(sender)?;
        Ok(signals)
    }

    /// Requests that are sent by hand, each with a name for the report.
    #[must_use]
    pub fn manual() -> (mpsc::Sender<&'static str>, Self) {
        let (sender, requests) = mpsc::channel(REQUESTS_KEPT);
        (sender, Self { requests })
    }

    /// The next request; never if every sender is gone.
    pub(super) async fn next(&mut self) -> &'static str {
        match self.requests.recv().await {
            Some(request) => request,
            None => core::future::pending().await,
        }
    }
}

#[cfg(unix)]
fn listen(sender: mpsc::Sender<&'static str>) -> io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::spawn(async move {
        loop {
            let name = tokio::select! {
                Some(()) = terminate.recv() => "SIGTERM",
                Some(()) = interrupt.recv() => "SIGINT",
                () = sender.closed() => return,
                else => return,
            };
            // A full queue already says "stop at once".
            let _ = sender.try_send(name);
        }
    });
    Ok(())
}

#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "one signature on every system")]
fn listen(sender: mpsc::Sender<&'static str>) -> io::Result<()> {
    tokio::spawn(async move {
        while tokio::signal::ctrl_c().await.is_ok() && !sender.is_closed() {
            let _ = sender.try_send("Ctrl-C");
        }
    });
    Ok(())
}
