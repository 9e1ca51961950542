//! Block relay: a peer tells hashes, we ask for the blocks, check them, and tell others.
//!
//! ```text
//!   inv ─► known? ─► orphan? ─► syncing? ─► claim ─► ask ─► block ─┬─ parents there ─► consensus ─► tell others ─► orphans on top
//!                                                                  └─ parents missing ─► near? ─┬─ yes: orphan, ask for its roots
//!                                                                                               └─ no: download (IBD)
//! ```
//!
//! Near is what a locator of a few blocks reaches ([`resolution_range`]), or what a download under way is about to reach. A block that
//! could not be merged without another's help is not told to others, and not looked at unless an orphan needs it.
//!
//! A peer has several workers, so that one slow block does not hold the others up; they share its queue of announcements.
//!
//! Reference: `HandleRelayInvsFlow`.

mod claims;
mod orphans;

use std::{collections::VecDeque, sync::Arc};

use quintet_kaspa_protocol::{block::Block, validation::RuleError, wire::Message};
use quintet_primitives::Hash256;
use tokio::sync::{Mutex as AsyncMutex, mpsc};
use tracing::debug;

pub(super) use claims::Claims;
pub(super) use orphans::{Orphans, resolution_range};

use super::{
    error::{PeerError, misbehaviour, refused},
    hub::{Hub, lock},
    ibd::Trigger,
    peer::{ANSWER_WITHIN, Peer, unexpected},
};
use crate::{consensus::Outcome, ports::BlockStatus};

/// Missing ancestors of orphans that wait to be asked for, of one worker.
const ROOTS_MAX: usize = 4096;

/// Announced blocks of a peer waiting their turn, shared by its workers.
pub(super) type Announced = Arc<AsyncMutex<mpsc::Receiver<Hash256>>>;

/// Returns how many workers a peer has: half as many as blocks come in a second.
pub(super) fn workers(hub: &Hub) -> u64 {
    let consensus = hub.consensus();
    let rate = &consensus.params().rules_at(consensus.virtual_state().daa_score).rate;
    (1000 / rate.target_time_per_block.max(1) / 2).clamp(1, 16)
}

/// A block to look at.
#[derive(Debug, Clone, Copy)]
struct Announcement {
    hash: Hash256,
    /// Whether an orphan needs it.
    is_root: bool,
    /// Whether it is known to be near.
    is_near: bool,
}

/// One of a peer's workers.
struct Worker {
    hub: Arc<Hub>,
    peer: Arc<Peer>,
    announced: Announced,
    roots: VecDeque<Announcement>,
    trigger: Trigger,
}

/// Runs a worker for as long as the peer tells the truth.
pub(super) async fn run(
    hub: Arc<Hub>,
    peer: Arc<Peer>,
    announced: Announced,
    trigger: Trigger,
) -> Result<(), PeerError> {
    let mut worker = Worker { hub, peer, announced, roots: VecDeque::new(), trigger };
    loop {
        let next = worker.next().await?;
        worker.look_at(next).await?;
    }
}

/// Returns whether consensus has a block's body.
pub(super) fn has_body(hub: &Hub, hash: &Hash256) -> bool {
    hub.consensus().status(hash).is_some_and(BlockStatus::has_body)
}

impl Worker {
    async fn next(&mut self) -> Result<Announcement, PeerError> {
        if let Some(root) = self.roots.pop_front() {
            return Ok(root);
        }
        let hash = self.announced.lock().await.recv().await.ok_or(PeerError::Closed)?;
        Ok(Announcement { hash, is_root: false, is_near: false })
    }

    fn need(&mut self, roots: Vec<Hash256>, is_near: bool) {
        for hash in roots {
            if self.roots.len() < ROOTS_MAX {
                self.roots.push_back(Announcement { hash, is_root: true, is_near });
            }
        }
    }

    async fn look_at(&mut self, told: Announcement) -> Result<(), PeerError> {
        let hub = Arc::clone(&self.hub);
        match hub.consensus().status(&told.hash) {
            None | Some(BlockStatus::HeaderOnly) => {}
            Some(BlockStatus::Invalid) => {
                return Err(misbehaviour(format!("sent inv of an invalid block {}", told.hash)));
            }
            Some(_) => return Ok(()),
        }
        let roots = lock(&hub.orphans).roots(&told.hash, |hash| has_body(&hub, hash));
        if let Some(roots) = roots {
            self.need(roots, told.is_near);
            return Ok(());
        }
        if hub.ibd.is_running() && !hub.is_nearly_synced() {
            return Ok(());
        }
        if !lock(&hub.block_claims).claim(told.hash, self.peer.key, hub.instant()) {
            return Ok(());
        }
        let looked = self.fetch(told).await;
        lock(&hub.block_claims).release(&told.hash, self.peer.key);
        looked
    }

    /// Asks for a claimed block and brings it in.
    async fn fetch(&mut self, told: Announcement) -> Result<(), PeerError> {
        let mut exchange = self.peer.open(false);
        exchange.ask(Message::RequestRelayBlocks(vec![told.hash])).await?;
        let block = match exchange.next("a block", ANSWER_WITHIN).await? {
            Message::Block(block) => *block,
            other => return Err(unexpected("the block asked for", other.kind())),
        };
        drop(exchange);
        let actual = block.header.hash();
        if actual != told.hash {
            let reason = format!("requested block hash {} but got block {actual}", told.hash);
            return Err(misbehaviour(reason));
        }
        if block.transactions.is_empty() {
            let reason = format!("sent header of {actual} where expected block with body");
            return Err(misbehaviour(reason));
        }
        lock(&self.hub.block_claims).has_come(&told.hash, self.peer.key);
        let is_mergeable = block.header.blue_work > self.hub.consensus().merge_depth_work();
        if !told.is_root && !is_mergeable {
            debug!(block = %told.hash, "too old to be merged, left aside");
            return Ok(());
        }
        self.bring_in(told, block, is_mergeable).await
    }

    async fn bring_in(
        &mut self,
        told: Announcement,
        block: Block,
        is_told_on: bool,
    ) -> Result<(), PeerError> {
        let is_there = |parent: &Hash256| has_body(&self.hub, parent);
        if !block.header.direct_parents().iter().all(is_there) {
            return self.orphan(told, block).await;
        }
        match submit(&self.hub, block.clone()).await? {
            Outcome::Accepted(_) => {
                if is_told_on {
                    self.hub.announce_block(told.hash, Some(self.peer.key));
                }
                adopt(&self.hub, told.hash).await
            }
            Outcome::Known(_) => Ok(()),
            Outcome::Refused(RuleError::MissingParents { .. }) => self.orphan(told, block).await,
            Outcome::Refused(rule) => Err(refused(&told.hash, &rule)),
        }
    }

    /// Keeps a block whose parents are missing, or downloads what leads to it.
    async fn orphan(&mut self, told: Announcement, block: Block) -> Result<(), PeerError> {
        let is_near = told.is_near
            || self.is_soon_reached(block.header.daa_score)
            || self.is_within_range(told.hash).await?;
        if !is_near {
            self.trigger.pull(block);
            return Ok(());
        }
        let roots = {
            let mut orphans = lock(&self.hub.orphans);
            orphans.add(told.hash, block, self.peer.key);
            orphans.roots(&told.hash, |hash| has_body(&self.hub, hash))
        };
        match roots {
            // Its parents came in the meantime, when nobody looked for it among the orphans.
            Some(roots) if roots.is_empty() => settle(&self.hub).await,
            Some(roots) => {
                debug!(block = %told.hash, roots = roots.len(), "orphan");
                self.need(roots, true);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Returns whether the download under way is about to reach a DAA score, so that the orphan will have its parents then.
    ///
    /// Reference: `check_orphan_ibd_conditions`.
    fn is_soon_reached(&self, daa_score: u64) -> bool {
        let Some(target) = self.hub.ibd.target() else { return false };
        let max = u64::try_from(lock(&self.hub.orphans).max()).unwrap_or(u64::MAX);
        daa_score.saturating_add(max / 10) > target && daa_score < target.saturating_add(max / 2)
    }

    /// Asks the peer for a short locator and returns whether it reaches down to what we have.
    ///
    /// Reference: `check_orphan_resolution_range`.
    async fn is_within_range(&self, hash: Hash256) -> Result<bool, PeerError> {
        let consensus = self.hub.consensus();
        let rate = &consensus.params().rules_at(consensus.virtual_state().daa_score).rate;
        let limit = resolution_range(rate);
        let mut exchange = self.peer.open(false);
        exchange.ask(Message::RequestBlockLocator { high: hash, limit }).await?;
        match exchange.next("a block locator", ANSWER_WITHIN).await? {
            Message::BlockLocator(hashes) => {
                Ok(hashes.iter().rev().any(|hash| has_body(&self.hub, hash)))
            }
            other => Err(unexpected("a block locator", other.kind())),
        }
    }
}

/// Submits a block and waits for what becomes of it.
pub(super) async fn submit(hub: &Arc<Hub>, block: Block) -> Result<Outcome, PeerError> {
    let pipeline = Arc::clone(&hub.pipeline);
    let waiting = tokio::task::spawn_blocking(move || pipeline.submit_block(block).wait());
    Ok(waiting.await.map_err(|_| PeerError::Stopping)??)
}

/// Submits the orphans that waited for a block that has come, and tells others of them. A bad orphan is nobody's fault: who sent it may be gone.
pub(super) async fn adopt(hub: &Arc<Hub>, come: Hash256) -> Result<(), PeerError> {
    let ready = lock(&hub.orphans).take_ready(&come, |hash| has_body(hub, hash));
    submit_orphans(hub, ready).await
}

/// Submits all orphans that wait for nothing any more, and lets those go that are known.
pub(super) async fn settle(hub: &Arc<Hub>) -> Result<(), PeerError> {
    let ready = lock(&hub.orphans).take_settled(|hash| has_body(hub, hash));
    submit_orphans(hub, ready).await
}

/// Submits orphans one after the other, and those that wait for them: a worker may have kept one while its parent was on its way.
async fn submit_orphans(hub: &Arc<Hub>, ready: Vec<(Hash256, Block)>) -> Result<(), PeerError> {
    let mut rest = VecDeque::from(ready);
    while let Some((hash, block)) = rest.pop_front() {
        match submit(hub, block).await? {
            Outcome::Accepted(_) => {
                hub.announce_block(hash, None);
                rest.extend(lock(&hub.orphans).take_ready(&hash, |hash| has_body(hub, hash)));
            }
            Outcome::Known(_) => {}
            Outcome::Refused(rule) => debug!(block = %hash, %rule, "orphan refused"),
        }
    }
    Ok(())
}
