//! Transaction relay: a peer tells ids, we ask for those that nobody is asked for, give them to the pool and tell others.
//!
//! ```text
//!   inv ─► unknown and unclaimed ids ─► ask ─► as many answers, in order ─► pool ─► accepted ids ─► told to all every BROADCAST_EVERY
//! ```
//!
//! A node that is not nearly synced takes no part: it could not tell good from bad.
//!
//! Reference: `RelayTransactionsFlow`.

mod spread;
mod throttle;

use std::{sync::Arc, time::Duration};

use quintet_kaspa_protocol::wire::Message;
use quintet_primitives::Hash256;
use tokio::{sync::mpsc, time::timeout};
use tracing::debug;

pub(super) use spread::Spread;
use throttle::Throttle;

use super::{
    error::{PeerError, misbehaviour},
    hub::{Hub, lock},
    peer::{ANSWER_WITHIN, Peer, unexpected},
    router::TRANSACTIONS_MAX,
};
use crate::ports::{PoolRefusal, Submitted};

/// How often ids are told.
///
/// Reference: `BROADCAST_INTERVAL`.
const BROADCAST_EVERY: Duration = Duration::from_millis(500);

/// Takes what a peer tells of.
pub(super) async fn run(
    hub: Arc<Hub>,
    peer: Arc<Peer>,
    mut told: mpsc::Receiver<Vec<Hash256>>,
    mut answers: mpsc::Receiver<Message>,
) -> Result<(), PeerError> {
    let mut throttle = Throttle::new(hub.instant());
    while let Some(ids) = told.recv().await {
        if !hub.is_nearly_synced() {
            continue;
        }
        let limit = throttle.limit(hub.instant()).unwrap_or(u64::MAX);
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let mut asked = 0;
        // No more than fit into the queue of answers at once.
        for part in ids.chunks(TRANSACTIONS_MAX) {
            let claimed = claim(&hub, &peer, part, limit.saturating_sub(asked));
            if claimed.is_empty() {
                continue;
            }
            asked += claimed.len();
            let taken = take(&hub, &peer, &claimed, &mut answers).await;
            let mut claims = lock(&hub.transaction_claims);
            claimed.iter().for_each(|id| claims.release(id, peer.key));
            drop(claims);
            throttle.took(taken?);
        }
    }
    Err(PeerError::Closed)
}

fn claim(hub: &Hub, peer: &Peer, ids: &[Hash256], limit: usize) -> Vec<Hash256> {
    let unknown: Vec<Hash256> = ids.iter().filter(|id| !hub.pool.has(id)).copied().collect();
    let (now, mut claims) = (hub.instant(), lock(&hub.transaction_claims));
    let is_ours = |id: &Hash256| claims.claim(*id, peer.key, now);
    unknown.into_iter().filter(is_ours).take(limit).collect()
}

/// Asks for transactions, brings them into the pool, and returns how many came.
async fn take(
    hub: &Arc<Hub>,
    peer: &Peer,
    ids: &[Hash256],
    answers: &mut mpsc::Receiver<Message>,
) -> Result<usize, PeerError> {
    peer.tell(Message::RequestTransactions(ids.to_vec())).await?;
    let mut transactions = Vec::with_capacity(ids.len());
    for expected in ids {
        let answer = timeout(ANSWER_WITHIN, answers.recv()).await;
        let (what, within) = ("a transaction", ANSWER_WITHIN);
        let answer = answer.map_err(|_| PeerError::Timeout { what, within })?;
        let actual = match answer.ok_or(PeerError::Closed)? {
            Message::Transaction(tx) => {
                let id = tx.id();
                transactions.push(*tx);
                id
            }
            Message::TransactionNotFound(id) => id,
            other => return Err(unexpected("a transaction, or that there is none", other.kind())),
        };
        if actual != *expected {
            let reason = format!("requested transaction id {expected} but got {actual}");
            return Err(misbehaviour(reason));
        }
    }
    let count = transactions.len();
    if count == 0 {
        return Ok(0);
    }
    let pool = Arc::clone(&hub.pool);
    let submitted = tokio::task::spawn_blocking(move || pool.submit(transactions)).await;
    for verdict in submitted.map_err(|_| PeerError::Stopping)? {
        match verdict {
            Ok(Submitted::Accepted(ids)) => lock(&hub.spread).add(ids),
            Ok(Submitted::Orphan { .. }) => {}
            Err(refusal @ PoolRefusal::Invalid { .. }) => {
                return Err(misbehaviour(refusal.to_string()));
            }
            Err(refusal) => debug!(%refusal, peer = %peer.address, "transaction not taken"),
        }
    }
    Ok(count)
}

/// Tells all peers of new transactions, now and then, for as long as the node runs.
pub(super) async fn broadcast(hub: Arc<Hub>) {
    loop {
        tokio::select! {
            () = hub.cancel.cancelled() => return,
            () = tokio::time::sleep(BROADCAST_EVERY) => {}
        }
        let ids = lock(&hub.spread).take();
        if !ids.is_empty() {
            hub.broadcast(Message::InvTransactions(ids), None);
        }
    }
}
