//! Transactions sent in bursts to chains of this process, a pause between two.

use std::time::Duration;

use quintet_actor::supervisor::Fault;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

/// Calls `burst` with its number, from 1 on, every so often until told to stop; what it logs is of the node named `instance`.
///
/// # Errors
///
/// If a burst panicked.
pub(super) async fn bursts<T: Send + 'static>(
    instance: &str,
    every: Duration,
    mut traffic: T,
    burst: fn(&mut T, u64),
    stop: CancellationToken,
) -> Result<(), Fault> {
    let span = tracing::error_span!("node", instance);
    let mut ticks = interval(every);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for number in 1_u64.. {
        if stop.run_until_cancelled(ticks.tick()).await.is_none() {
            break;
        }
        let within = span.clone();
        // Pools read accounts from the disk.
        let sent = tokio::task::spawn_blocking(move || {
            within.in_scope(|| burst(&mut traffic, number));
            traffic
        });
        traffic = sent.await.map_err(|error| Fault::new(&format!("a burst ended: {error}")))?;
    }
    Ok(())
}
