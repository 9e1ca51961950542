//! Bodies that are missing, in batches: one is checked while the next one comes.

use std::sync::Arc;

use quintet_kaspa_protocol::{block::Block, wire::Message};
use quintet_primitives::Hash256;

use super::{
    IbdStage,
    headers::{Checking, checked, settle},
    ibd_answer,
};
use crate::{
    p2p::{
        error::{PeerError, misbehaviour},
        hub::Hub,
        peer::{Exchange, unexpected},
    },
    pipeline::Pipeline,
};

/// Bodies asked for at once.
///
/// Reference: `IBD_BATCH_SIZE`.
pub(super) const BATCH: usize = 99;

/// Downloads the bodies that are missing up to a block.
///
/// Reference: `sync_missing_block_bodies`.
pub(super) async fn up_to(
    hub: &Arc<Hub>,
    pipeline: &Arc<Pipeline>,
    exchange: &mut Exchange,
    high: Hash256,
) -> Result<(), PeerError> {
    let consensus = Arc::clone(pipeline.consensus());
    let looking = tokio::task::spawn_blocking(move || consensus.missing_bodies(&high));
    let missing = looking.await.map_err(|_| PeerError::Stopping)?;
    let missing = missing.ok_or_else(|| PeerError::Unanswerable {
        reason: format!("the chain of {high} does not go through our pruning point"),
    })?;
    let total = u64::try_from(missing.len()).ok();
    let (mut checking, mut done) = (None, 0);
    for batch in missing.chunks(BATCH) {
        let bodies = take(exchange, batch).await?;
        checked(checking.take()).await?;
        checking = Some(check(pipeline, bodies));
        done += u64::try_from(batch.len()).unwrap_or(0);
        hub.ibd.progress(IbdStage::Bodies, done, total);
    }
    checked(checking).await
}

type Bodies = Vec<(Hash256, Vec<quintet_kaspa_protocol::tx::Transaction>)>;

async fn take(exchange: &mut Exchange, batch: &[Hash256]) -> Result<Bodies, PeerError> {
    exchange.ask(Message::RequestBlockBodies(batch.to_vec())).await?;
    let mut bodies = Vec::with_capacity(batch.len());
    for hash in batch {
        match ibd_answer(exchange, "a body").await? {
            Message::BlockBody(body) if body.is_empty() => {
                return Err(misbehaviour(format!("sent empty block body for block {hash}")));
            }
            Message::BlockBody(body) => bodies.push((*hash, body)),
            other => return Err(unexpected("a body", other.kind())),
        }
    }
    Ok(bodies)
}

fn check(pipeline: &Arc<Pipeline>, bodies: Bodies) -> Checking {
    let pipeline = Arc::clone(pipeline);
    tokio::task::spawn_blocking(move || {
        let mut tickets = Vec::with_capacity(bodies.len());
        for (hash, transactions) in bodies {
            let header = pipeline.consensus().header(&hash)?;
            // Pruned in the meantime, or brought by relay and pruned.
            let Some(header) = header else { continue };
            let block = Block { header: (*header).clone(), transactions };
            tickets.push((hash, pipeline.submit_block(block)));
        }
        settle(tickets)
    })
}
