//! From what the nodes say to what the page shows.
//!
//! ```text
//!   EventBus<DhtEvent> ──────────► lookups hop by hop, records      ┐
//!   DhtClient::status, 1 a second ► nodes, neighbours, buckets, rates ├─► Publisher ──► pages
//!   captured log records ────────► log lines                        ┘
//! ```
//!
//! # Invariants
//!
//! - Events missed by a slow translator cost a picture, never memory: the bus is bounded and says what was missed.
//! - A node that does not answer within [`STATUS_TIMEOUT`] keeps its last picture.

mod logs;
mod translate;

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use quintet_actor::{
    bus::{Delivery, EventBus, Subscription},
    supervisor::Fault,
};
use quintet_dashboard::Publisher;
use quintet_dht_node::{DhtClient, DhtEvent, NodeStatus};
use tokio::time::{MissedTickBehavior, timeout};
use tokio_util::sync::CancellationToken;

pub(super) use self::logs::forward as forward_logs;
use self::translate::Translator;
pub(super) use self::translate::unix_millis;

/// Time between two pictures of every node; the page's charts are drawn for one a second.
const PICTURE_EVERY: Duration = Duration::from_secs(1);

/// Contacts in a bucket of a local node.
const BUCKET_SIZE: usize = 8;

/// Events taken in one go, so that a flood of them does not hold up the next picture.
const BATCH_MAX: usize = 256;

/// Time a node has to describe itself.
const STATUS_TIMEOUT: Duration = Duration::from_millis(800);

/// A node the page shows.
#[derive(Debug, Clone)]
pub(super) struct Watched {
    pub(super) name: Arc<str>,
    pub(super) client: DhtClient,
}

/// Translates until told to stop.
pub(super) async fn run(
    nodes: Vec<Watched>,
    bus: EventBus<DhtEvent>,
    publisher: Publisher,
    stop: CancellationToken,
) -> Result<(), Fault> {
    let mut events = bus.subscribe();
    let mut translator = Translator::new(nodes.iter().map(|node| Arc::clone(&node.name)));
    let mut pictures = tokio::time::interval(PICTURE_EVERY);
    pictures.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = stop.cancelled() => return Ok(()),
            _ = pictures.tick() => {
                let statuses = take_pictures(&nodes).await;
                translator.on_pictures(&statuses, &publisher, tokio::time::Instant::now().into_std());
            }
            delivery = events.next() => {
                if !on_delivery(delivery, &mut events, &mut translator, &publisher) {
                    return Ok(());
                }
            }
        }
    }
}

/// Passes on what has happened; whether more can come.
fn on_delivery(
    first: Delivery<DhtEvent>,
    events: &mut Subscription<DhtEvent>,
    translator: &mut Translator,
    publisher: &Publisher,
) -> bool {
    let mut next = Some(first);
    for taken in 1..=BATCH_MAX {
        match next {
            Some(Delivery::Event(event)) => {
                if let Some(shown) = translator.event(&event) {
                    publisher.event(shown);
                }
            }
            Some(Delivery::Lagged { missed }) => {
                tracing::debug!(missed, "the page misses events of the network");
            }
            Some(Delivery::Closed) => return false,
            None => return true,
        }
        next = if taken < BATCH_MAX { events.try_next() } else { None };
    }
    true
}

/// Asks every node at once; none for one that is slow or gone.
async fn take_pictures(nodes: &[Watched]) -> Vec<Option<NodeStatus>> {
    join_all(nodes.iter().map(async |node| {
        timeout(STATUS_TIMEOUT, node.client.status()).await.ok().and_then(Result::ok)
    }))
    .await
}
