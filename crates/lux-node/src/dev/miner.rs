//! Mining at intervals: a task that waits and mines.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::{DevChain, Mining};

/// Mines at intervals, when that is what is wanted.
#[derive(Debug)]
pub struct Miner {
    chain: DevChain,
}

impl Miner {
    /// Takes the chain to mine on.
    #[must_use]
    pub const fn new(chain: DevChain) -> Self {
        Self { chain }
    }

    /// Mines until told to stop. A block that cannot be made is logged, and the next one tried.
    pub async fn run(self, stop: CancellationToken) {
        let mut changed = self.chain.inner.changed.subscribe();
        loop {
            let mining = *changed.borrow_and_update();
            let Mining::Interval { millis } = mining else {
                tokio::select! {
                    () = stop.cancelled() => return,
                    end = changed.changed() => if end.is_err() { return },
                }
                continue;
            };
            let mut ticks = tokio::time::interval(Duration::from_millis(millis.max(1)));
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            // The first tick is at once.
            ticks.tick().await;
            loop {
                tokio::select! {
                    () = stop.cancelled() => return,
                    end = changed.changed() => {
                        if end.is_err() {
                            return;
                        }
                        break;
                    }
                    _ = ticks.tick() => self.mine().await,
                }
            }
        }
    }

    async fn mine(&self) {
        let chain = self.chain.clone();
        let mined = tokio::task::spawn_blocking(move || chain.mine(1, None)).await;
        match mined {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::error!(%error, "no block was mined"),
            Err(error) => tracing::error!(%error, "mining panicked"),
        }
    }
}
