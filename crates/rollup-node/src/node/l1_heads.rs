//! L1's newest, safe and final blocks, looked at now and then.

use std::{sync::Arc, time::Duration};

use quintet_rollup_protocol::refs::L1Ref;
use tokio_util::sync::CancellationToken;

use super::Status;
use crate::l1::{L1Label, L1Source};

/// Looks between two questions for what is safe and final, which move once in some minutes.
const LOOKS_BETWEEN: u32 = 8;

/// Looks until told to stop. An L1 that does not answer is asked again.
pub(crate) async fn run(
    source: Arc<dyn L1Source>,
    status: Status,
    poll: Duration,
    stop: CancellationToken,
) {
    let mut looks = 0_u32;
    let mut ticks = tokio::time::interval(poll);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let look = async {
            if let Some(head) = ask(&source, L1Label::Latest).await {
                status.update(|heads| heads.head_l1 = head);
            }
            if looks.is_multiple_of(LOOKS_BETWEEN) {
                if let Some(safe) = ask(&source, L1Label::Safe).await {
                    status.update(|heads| heads.safe_l1 = safe);
                }
                if let Some(finalized) = ask(&source, L1Label::Finalized).await {
                    status.update(|heads| heads.finalized_l1 = finalized);
                }
            }
        };
        tokio::select! {
            () = stop.cancelled() => return,
            () = look => {}
        }
        looks = looks.wrapping_add(1);
    }
}

async fn ask(source: &Arc<dyn L1Source>, label: L1Label) -> Option<L1Ref> {
    match source.head(label).await {
        Ok(head) => head,
        Err(error) => {
            tracing::warn!(label = label.name(), %error, "L1 does not say what its head is");
            None
        }
    }
}
